-- Since when an account belongs to no calendar that rests on consent. After a while it is deleted.
ALTER TABLE account ADD COLUMN given_up_at TEXT;
CREATE INDEX account_given_up ON account (given_up_at) WHERE given_up_at IS NOT NULL;
