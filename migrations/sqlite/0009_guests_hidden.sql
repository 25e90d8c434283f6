-- The calendar shows fewer guests than there are: one that shows them all knows better who meets.
ALTER TABLE copy ADD COLUMN guests_hidden BOOLEAN NOT NULL DEFAULT FALSE;
