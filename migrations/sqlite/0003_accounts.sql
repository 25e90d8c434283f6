-- Who consented to having a calendar read. `tokens` are sealed with a key that is not in here; times
-- that are numbers are the database's own, in seconds since 1970.
CREATE TABLE account (
    connection  TEXT NOT NULL,
    address     TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    -- What was granted, with spaces between.
    scopes      TEXT NOT NULL,
    tokens      TEXT,
    -- Until when the access token is good.
    fresh_until INTEGER NOT NULL DEFAULT 0,
    changed_at  TEXT NOT NULL,
    lease       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, address)
);

-- Links that were given to people, and sign-ins under way: hashes of what only they know.
CREATE TABLE consent (
    hash       TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    connection TEXT NOT NULL,
    address    TEXT NOT NULL,
    -- Of a sign-in: the browser that began it, and the link that it began with.
    browser    TEXT,
    link       TEXT,
    expires_at TEXT NOT NULL,
    used_at    TEXT
);
CREATE INDEX consent_address ON consent (connection, address);
CREATE INDEX consent_expires ON consent (expires_at);
