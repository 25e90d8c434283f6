-- Detection becomes a queue like the others: whoever changes a copy makes its pairing due. With a
-- lease on the pairing, copies need no revisions any more.
ALTER TABLE pairing ADD COLUMN next_detect_at TEXT;
ALTER TABLE pairing ADD COLUMN detect_lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pairing ADD COLUMN detect_lease_until INTEGER NOT NULL DEFAULT 0;
UPDATE pairing SET next_detect_at = (
    SELECT MIN(changed_at) FROM copy WHERE copy.pairing = pairing.id AND revision > detected_revision);
CREATE INDEX pairing_to_detect ON pairing (next_detect_at) WHERE next_detect_at IS NOT NULL;
DROP INDEX copy_to_detect;
ALTER TABLE copy DROP COLUMN revision;
ALTER TABLE copy DROP COLUMN detected_revision;

-- Who runs. Times are the database's own, in seconds since 1970.
CREATE TABLE instance (
    id         TEXT PRIMARY KEY NOT NULL,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    version    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
);

-- What all instances together may ask of others. The time is the database's own, in milliseconds
-- since 1970: until then, what was taken is not earned back.
CREATE TABLE budget (
    name        TEXT PRIMARY KEY NOT NULL,
    taken_until INTEGER NOT NULL
);

-- A backup carries a row without `restored_at`; the first service on it notes when that was. What
-- was due before may have been sent after the backup was made, and is not sent again.
CREATE TABLE restoration (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    backup_made_at TEXT,
    restored_at    TEXT
);

-- For counting alerts by state without reading them. Those that are planned have an index already,
-- which a planner must not take this one for.
CREATE INDEX alert_settled ON alert (state) WHERE state <> 'planned';
