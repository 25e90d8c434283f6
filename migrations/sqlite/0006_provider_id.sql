-- Who the provider says it was that consented: its own id of the person, by which it names those who were
-- in a call.
ALTER TABLE account ADD COLUMN provider_id TEXT;
CREATE INDEX account_provider_id ON account (provider_id);
