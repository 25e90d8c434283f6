-- Words: design section 2. Times are RFC 3339 text in UTC, which sorts as the times do. Columns that
-- hold one of a few words have no CHECK: a new word would mean to rebuild the table, and what cannot
-- be read is an error of its own. Leases are counted (`lease`) and end at the database's own time
-- (`lease_until`, seconds since 1970); see src/store/queue.rs.

CREATE TABLE program (
    name  TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL
);

CREATE TABLE participant (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
);

CREATE TABLE address (
    address     TEXT PRIMARY KEY NOT NULL,
    -- The form under which two spellings of one mailbox meet.
    mailbox     TEXT NOT NULL,
    participant INTEGER NOT NULL REFERENCES participant (id),
    position    INTEGER NOT NULL
);
CREATE INDEX address_mailbox ON address (mailbox);
CREATE INDEX address_participant ON address (participant, position);

CREATE TABLE pairing (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    program          TEXT NOT NULL REFERENCES program (name),
    grp              TEXT,
    cadence_s        INTEGER,
    entered_on       TEXT NOT NULL,
    starts_on        TEXT,
    ends_on          TEXT,
    paused           BOOLEAN NOT NULL DEFAULT FALSE,
    next_plan_at     TEXT,
    plan_lease       INTEGER NOT NULL DEFAULT 0,
    plan_lease_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pairing_program ON pairing (program);
CREATE INDEX pairing_to_plan ON pairing (next_plan_at) WHERE next_plan_at IS NOT NULL;

CREATE TABLE pairing_member (
    pairing     INTEGER NOT NULL REFERENCES pairing (id),
    participant INTEGER NOT NULL REFERENCES participant (id),
    role        TEXT NOT NULL,
    -- The mentor has 0, the mentees follow.
    position    INTEGER NOT NULL,
    PRIMARY KEY (pairing, participant)
);
CREATE UNIQUE INDEX pairing_mentor ON pairing_member (pairing) WHERE role = 'mentor';
CREATE INDEX pairing_member_participant ON pairing_member (participant);

CREATE TABLE calendar (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    connection     TEXT NOT NULL,
    owner          INTEGER NOT NULL REFERENCES participant (id),
    address        TEXT NOT NULL,
    active         BOOLEAN NOT NULL DEFAULT TRUE,
    cursor         TEXT,
    window_from    TEXT,
    window_to      TEXT,
    state          TEXT NOT NULL,
    error          TEXT,
    last_synced_at TEXT,
    next_sync_at   TEXT NOT NULL,
    failures       INTEGER NOT NULL DEFAULT 0,
    lease          INTEGER NOT NULL DEFAULT 0,
    lease_until    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (connection, address)
);
CREATE INDEX calendar_owner ON calendar (owner);
CREATE INDEX calendar_to_sync ON calendar (next_sync_at) WHERE active;

CREATE TABLE session (
    id                TEXT PRIMARY KEY NOT NULL,
    pairing           INTEGER NOT NULL REFERENCES pairing (id),
    uid               TEXT,
    original_start    TEXT,
    starts_at         TEXT NOT NULL,
    ends_at           TEXT NOT NULL,
    moves             INTEGER NOT NULL,
    stands            BOOLEAN NOT NULL,
    decision          TEXT NOT NULL,
    organizer         INTEGER REFERENCES participant (id),
    responses         TEXT NOT NULL,
    conference        TEXT,
    -- The verdict that is valid now, as in the newest row of `verdict`.
    status            TEXT NOT NULL,
    grade             TEXT NOT NULL,
    reason            TEXT NOT NULL,
    people            TEXT NOT NULL,
    rule_version      INTEGER NOT NULL,
    verdict_at        TEXT NOT NULL,
    next_judge_at     TEXT,
    judge_lease       INTEGER NOT NULL DEFAULT 0,
    judge_lease_until INTEGER NOT NULL DEFAULT 0,
    next_fetch_at     TEXT,
    fetch_lease       INTEGER NOT NULL DEFAULT 0,
    fetch_lease_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX session_pairing ON session (pairing, starts_at);
CREATE INDEX session_starts ON session (starts_at);
CREATE INDEX session_to_judge ON session (next_judge_at) WHERE next_judge_at IS NOT NULL;
CREATE INDEX session_to_fetch ON session (next_fetch_at) WHERE next_fetch_at IS NOT NULL;

CREATE TABLE copy (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    pairing           INTEGER NOT NULL REFERENCES pairing (id),
    calendar          INTEGER NOT NULL REFERENCES calendar (id),
    event_key         TEXT NOT NULL,
    series            TEXT,
    uid               TEXT,
    original_start    TEXT,
    starts_at         TEXT NOT NULL,
    ends_at           TEXT NOT NULL,
    state             TEXT NOT NULL,
    organizer         INTEGER REFERENCES participant (id),
    responses         TEXT NOT NULL,
    conference        TEXT,
    decision          TEXT NOT NULL,
    score             INTEGER NOT NULL,
    reasons           TEXT NOT NULL,
    changed_at        TEXT NOT NULL,
    revision          INTEGER NOT NULL DEFAULT 1,
    -- The revision that the session was last put together from.
    detected_revision INTEGER NOT NULL DEFAULT 0,
    session           TEXT REFERENCES session (id),
    UNIQUE (calendar, event_key, pairing)
);
CREATE INDEX copy_pairing ON copy (pairing);
CREATE INDEX copy_session ON copy (session) WHERE session IS NOT NULL;
CREATE INDEX copy_event ON copy (event_key);
CREATE INDEX copy_to_detect ON copy (pairing, changed_at) WHERE revision > detected_revision;

CREATE TABLE evidence (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    session     TEXT NOT NULL REFERENCES session (id),
    source      TEXT NOT NULL,
    statement   TEXT NOT NULL,
    at          TEXT NOT NULL,
    recorded_at TEXT NOT NULL
);
CREATE INDEX evidence_session ON evidence (session, id);

CREATE TABLE verdict (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session      TEXT NOT NULL REFERENCES session (id),
    status       TEXT NOT NULL,
    grade        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    people       TEXT NOT NULL,
    rule_version INTEGER NOT NULL,
    verdict_at   TEXT NOT NULL,
    cause        TEXT NOT NULL
);
CREATE INDEX verdict_session ON verdict (session, id);

CREATE TABLE alert (
    alert_key   TEXT PRIMARY KEY NOT NULL,
    kind        TEXT NOT NULL,
    program     TEXT NOT NULL REFERENCES program (name),
    pairing     INTEGER REFERENCES pairing (id),
    session     TEXT REFERENCES session (id),
    participant INTEGER REFERENCES participant (id),
    recipient   TEXT NOT NULL,
    about       TEXT NOT NULL,
    step        INTEGER NOT NULL,
    due_at      TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    planned_at  TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    sent_at     TEXT,
    message_id  TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    error       TEXT,
    lease       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX alert_pairing ON alert (pairing) WHERE pairing IS NOT NULL;
CREATE INDEX alert_program ON alert (program, due_at);
CREATE INDEX alert_to_send ON alert (due_at) WHERE state = 'planned';

CREATE TABLE delivery (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_key  TEXT NOT NULL REFERENCES alert (alert_key),
    at         TEXT NOT NULL,
    -- `sent` or `failed`.
    outcome    TEXT NOT NULL,
    message_id TEXT,
    -- What the channel said.
    response   TEXT NOT NULL
);
CREATE INDEX delivery_alert ON delivery (alert_key, id);

CREATE TABLE schedule_slot (
    schedule TEXT NOT NULL,
    slot     TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    PRIMARY KEY (schedule, slot)
);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    details TEXT NOT NULL
);
