-- The series of a calendar that have too many occurrences to be read: a JSON list of the provider's keys.
ALTER TABLE calendar ADD COLUMN withheld TEXT;
