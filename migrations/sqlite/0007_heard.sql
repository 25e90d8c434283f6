-- Where a channel's notices go. One that leads elsewhere than to the service is replaced.
ALTER TABLE channel ADD COLUMN address TEXT;
-- Since when notices are known to come through it; NULL before the first, and again once a change was
-- found of which nobody had told.
ALTER TABLE channel ADD COLUMN heard_at TEXT;

-- Why the records of its owner's calls cannot be had, while that is so.
ALTER TABLE calendar ADD COLUMN calls_error TEXT;

-- Until when the provider wants to be asked nothing, by the clock of `taken_until`, and why.
ALTER TABLE budget ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN held_for TEXT;
