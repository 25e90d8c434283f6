-- Each connection's calendars are read by a worker of their own: one that is sick slows no other.
CREATE INDEX calendar_in_turn ON calendar (connection, next_sync_at) WHERE active;

-- How often the provider told that something changed. A reading during which it rose has perhaps
-- missed what it was told of, and is done again.
ALTER TABLE calendar ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
-- What it was when the last reading began.
ALTER TABLE calendar ADD COLUMN told_before INTEGER NOT NULL DEFAULT 0;

-- Being told is arranged for each calendar, where the service can be reached, and arranged anew in
-- time.
ALTER TABLE calendar ADD COLUMN next_watch_at TEXT;
ALTER TABLE calendar ADD COLUMN watch_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar ADD COLUMN watch_error TEXT;
ALTER TABLE calendar ADD COLUMN watch_lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar ADD COLUMN watch_lease_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calendar_to_watch ON calendar (next_watch_at) WHERE next_watch_at IS NOT NULL;

-- What providers send notices through: a channel with Google, a subscription with Microsoft.
CREATE TABLE channel (
    -- Ours with Google, Microsoft's own.
    id         TEXT PRIMARY KEY NOT NULL,
    calendar   INTEGER NOT NULL REFERENCES calendar (id),
    -- Of the secret that every notice has to bring, the SHA-256 in hex.
    secret     TEXT NOT NULL,
    -- Google's name of what is watched, needed to stop; it is known once the channel is open.
    resource   TEXT,
    opened_at  TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX channel_calendar ON channel (calendar);
