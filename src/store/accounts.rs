//! Who consented, with sealed tokens that are renewed by one at a time.
//!
//! The lease on an account is taken for one refresh. Like the others it is counted, and ends by the
//! database's clock; whoever withdraws or consents anew raises it, and what was under way then comes to
//! nothing.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::calendar::CalendarState;
use crate::domain::people::Address;

use super::Store;
use super::db::{Fields, Tx, values};
use super::error::Result;
use super::queue::{Finished, Queue};
use super::roster::address;

mod given_up;
pub(super) mod held;

pub use given_up::Forgotten;

/// How long one refresh may take, in seconds.
pub const REFRESH_LASTS: i64 = 90;

/// One person's consent for one connection.
#[derive(Clone, Debug)]
pub struct Account {
    pub state: AccountState,
    /// Why it is in this state, for people.
    pub reason: Option<String>,
    pub scopes: Vec<String>,
    /// Sealed; there while the state is [`AccountState::Consented`] or [`AccountState::Held`].
    pub tokens: Option<String>,
    /// For how long the access token is good, in seconds by the database's clock.
    pub fresh_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    Consented,
    /// The provider does not accept it any more.
    Refused,
    Withdrawn,
    /// The person was asked, and nothing came of it.
    NotGiven,
    /// The database was restored, and the person may have withdrawn since the backup was made.
    Held,
}

/// The right to renew the tokens of one account.
#[derive(Debug)]
pub struct Refresh {
    connection: String,
    address: String,
    number: i64,
    /// Sealed, as they are now.
    pub tokens: String,
}

/// Tokens as they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    pub tokens: &'a str,
    pub scopes: &'a [String],
    /// For how long the access token is good, in seconds.
    pub lasts_s: i64,
    /// The provider's own id of the person, where it was told.
    pub provider_id: Option<&'a str>,
}

impl Store {
    pub async fn account(&self, connection: &str, address: &Address) -> Result<Option<Account>> {
        let sql = "SELECT state, reason, scopes, tokens, fresh_until - {db_now} AS fresh_s FROM account
                   WHERE connection = $1 AND address = $2";
        let row = self.db.one(sql, values![connection, address.as_str()]).await?;
        row.map(|row| account(&row.of("account", connection))).transpose()
    }

    /// Takes the right to renew the tokens, if they are good for less than `early_s` seconds and
    /// nobody has it.
    pub async fn take_refresh(
        &self,
        connection: &str,
        address: &Address,
        early_s: i64,
    ) -> Result<Option<Refresh>> {
        let sql = format!(
            "UPDATE account SET lease = lease + 1, lease_until = {{db_now}} + {REFRESH_LASTS}
             WHERE connection = $1 AND address = $2 AND state = 'consented'
                AND fresh_until <= {{db_now}} + $3
                AND (lease_until <= {{db_now}} OR lease_until > {{db_now}} + {REFRESH_LASTS})
             RETURNING tokens, lease"
        );
        let rows = self.db.write(&sql, values![connection, address.as_str(), early_s]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = row.of("account", connection);
        Ok(Some(Refresh {
            connection: connection.to_owned(),
            address: address.as_str().to_owned(),
            number: row.get("lease")?,
            tokens: row.get::<Option<String>>("tokens")?.ok_or_else(|| row.corrupt("tokens"))?,
        }))
    }

    /// The tokens were renewed; from now on these are the ones.
    pub async fn save_refreshed(&self, refresh: &Refresh, sealed: Sealed<'_>) -> Result<Finished> {
        let sql = "UPDATE account SET tokens = $4, scopes = $5, fresh_until = {db_now} + $6,
                      provider_id = COALESCE($7, provider_id), lease = lease + 1, lease_until = 0
                   WHERE connection = $1 AND address = $2 AND lease = $3 RETURNING lease";
        let scopes = sealed.scopes.join(" ");
        let Refresh { connection, address, number, .. } = refresh;
        let Sealed { tokens, lasts_s, provider_id, .. } = sealed;
        let values = values![&**connection, &**address, *number, tokens, scopes, lasts_s, provider_id];
        self.finished(sql, values).await
    }

    /// The tokens could not be renewed this time.
    pub async fn release_refresh(&self, refresh: &Refresh) -> Result<Finished> {
        let sql = "UPDATE account SET lease = lease + 1, lease_until = 0
                   WHERE connection = $1 AND address = $2 AND lease = $3 RETURNING lease";
        let Refresh { connection, address, number, .. } = refresh;
        self.finished(sql, values![&**connection, &**address, *number]).await
    }

    /// The provider does not accept the consent any more, which is final: nobody tries again.
    pub async fn refuse_account(
        &self,
        refresh: &Refresh,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE account SET state = 'refused', reason = $4, tokens = NULL, fresh_until = 0,
                      provider_id = NULL, changed_at = $5, lease = lease + 1, lease_until = 0
                   WHERE connection = $1 AND address = $2 AND lease = $3 RETURNING lease";
        let Refresh { connection, address, number, .. } = refresh;
        let values = values![&**connection, &**address, *number, reason, now];
        if tx.one(sql, values).await?.is_none() {
            return Ok(Finished::NotMine);
        }
        audit(&mut tx, "provider", "consent refused", connection, address, now).await?;
        tx.commit().await?;
        Ok(Finished::Done(()))
    }

    /// The provider did not accept the access token among these: it is to be renewed.
    pub async fn spoil_tokens(&self, connection: &str, address: &Address, tokens: &str) -> Result<()> {
        let sql = "UPDATE account SET fresh_until = 0
                   WHERE connection = $1 AND address = $2 AND tokens = $3";
        self.db.write(sql, values![connection, address.as_str(), tokens]).await.map(drop)
    }

    /// Somebody has consented: keeps the tokens, uses the link up, and has the calendar read now.
    pub async fn save_consent(
        &self,
        connection: &str,
        address: &Address,
        sealed: Sealed<'_>,
        link: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.execute(
            "INSERT INTO account
                (connection, address, state, scopes, tokens, fresh_until, changed_at, provider_id)
             VALUES ($1, $2, 'consented', $3, $4, {db_now} + $5, $6, $7)
             ON CONFLICT (connection, address) DO UPDATE SET
                state = 'consented', reason = NULL, scopes = excluded.scopes, tokens = excluded.tokens,
                fresh_until = excluded.fresh_until, changed_at = excluded.changed_at,
                provider_id = excluded.provider_id, given_up_at = NULL,
                lease = account.lease + 1, lease_until = 0",
            values![
                connection,
                address.as_str(),
                sealed.scopes.join(" "),
                sealed.tokens,
                sealed.lasts_s,
                now,
                sealed.provider_id
            ],
        )
        .await?;
        if let Some(link) = link {
            tx.execute("UPDATE consent SET used_at = $2 WHERE hash = $1", values![link, now]).await?;
        }
        calendar(&mut tx, connection, address, CalendarState::Active, None, now).await?;
        audit(&mut tx, address.as_str(), "consent given", connection, address.as_str(), now).await?;
        tx.commit().await
    }

    /// Somebody has withdrawn: the tokens are deleted, the calendar is not read any more; what was known
    /// stays. Returns the tokens that were there, for telling the provider.
    pub async fn withdraw_consent(
        &self,
        connection: &str,
        address: &Address,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>> {
        let mut tx = self.db.begin().await?;
        let sql = "SELECT tokens FROM account WHERE connection = $1 AND address = $2 {for_update}";
        let tokens = match tx.one(sql, values![connection, address.as_str()]).await? {
            Some(row) => row.of("account", connection).get::<Option<String>>("tokens")?,
            None => None,
        };
        tx.execute(
            "INSERT INTO account (connection, address, state, reason, scopes, changed_at)
             VALUES ($1, $2, 'withdrawn', $3, '', $4)
             ON CONFLICT (connection, address) DO UPDATE SET
                state = 'withdrawn', reason = excluded.reason, scopes = '', tokens = NULL,
                fresh_until = 0, changed_at = excluded.changed_at, provider_id = NULL,
                lease = account.lease + 1, lease_until = 0",
            values![connection, address.as_str(), reason, now],
        )
        .await?;
        calendar(&mut tx, connection, address, CalendarState::NeedsConsent, Some(reason), now).await?;
        audit(&mut tx, address.as_str(), "consent withdrawn", connection, address.as_str(), now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Somebody was asked for their consent, and nothing came of it: `reason`. A consent that stands
    /// goes on standing.
    pub async fn consent_not_given(
        &self,
        connection: &str,
        address: &Address,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let noted = tx
            .one(
                "INSERT INTO account (connection, address, state, reason, scopes, changed_at)
                 VALUES ($1, $2, 'not_given', $3, '', $4)
                 ON CONFLICT (connection, address) DO UPDATE SET
                    state = 'not_given', reason = excluded.reason, changed_at = excluded.changed_at
                 WHERE account.tokens IS NULL
                 RETURNING state",
                values![connection, address.as_str(), reason, now],
            )
            .await?;
        if noted.is_some() {
            calendar(&mut tx, connection, address, CalendarState::NeedsConsent, Some(reason), now).await?;
        }
        tx.commit().await
    }

    /// Whether tokens are kept of somebody with this id at their provider, or one of these addresses.
    /// With Google, what is revoked for one of them ends for all.
    pub async fn keeps_tokens_of(&self, provider_id: Option<&str>, addresses: &[Address]) -> Result<bool> {
        let by_id = "SELECT 1 AS one FROM account WHERE tokens IS NOT NULL AND provider_id = $1 LIMIT 1";
        if self.db.one(by_id, values![provider_id]).await?.is_some() {
            return Ok(true);
        }
        let by_address = "SELECT 1 AS one FROM account WHERE tokens IS NOT NULL AND address = $1 LIMIT 1";
        for address in addresses {
            if self.db.one(by_address, values![address.as_str()]).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who consents, through whatever connection, and has this id at their provider.
    pub async fn consented_as(&self, provider_id: &str) -> Result<Option<Address>> {
        let sql = "SELECT address FROM account WHERE provider_id = $1 AND state = 'consented'
                   ORDER BY changed_at DESC, address LIMIT 1";
        let row = self.db.one(sql, values![provider_id]).await?;
        row.map(|row| address(&row.of("account", provider_id))).transpose()
    }

    /// Every sealed text with whose it is: connection, address, tokens.
    pub async fn sealed_tokens(&self) -> Result<Vec<(String, Address, String)>> {
        let sql = "SELECT connection, address, tokens FROM account WHERE tokens IS NOT NULL
                   ORDER BY connection, address";
        let rows = self.db.all(sql, vec![]).await?;
        rows.iter()
            .map(|row| {
                let row = row.of("account", "sealed");
                Ok((row.get("connection")?, address(&row)?, row.get("tokens")?))
            })
            .collect()
    }

    /// Puts the same tokens, sealed anew, in the place of `before`. `false`: they are others by now.
    pub async fn reseal(
        &self,
        connection: &str,
        address: &Address,
        before: &str,
        after: &str,
    ) -> Result<bool> {
        let sql = "UPDATE account SET tokens = $4
                   WHERE connection = $1 AND address = $2 AND tokens = $3 RETURNING lease";
        let rows = self.db.write(sql, values![connection, address.as_str(), before, after]).await?;
        Ok(!rows.is_empty())
    }

    async fn finished(&self, sql: &str, values: Vec<super::db::Value>) -> Result<Finished> {
        Ok(match self.db.write(sql, values).await?.is_empty() {
            true => Finished::NotMine,
            false => Finished::Done(()),
        })
    }
}

/// The calendar follows the consent: it is due at once, or waits. What somebody is reading just now comes
/// to nothing.
async fn calendar(
    tx: &mut Tx,
    connection: &str,
    address: &Address,
    state: CalendarState,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let release = Queue::Calendars.release_sql();
    let sql = format!(
        "UPDATE calendar SET state = $3, error = $4, next_sync_at = $5, failures = 0, {release}
         WHERE connection = $1 AND address = $2 AND active"
    );
    tx.execute(&sql, values![connection, address.as_str(), state.as_str(), error, now]).await.map(drop)
}

async fn audit(
    tx: &mut Tx,
    actor: &str,
    action: &str,
    connection: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let details = super::db::json(&serde_json::json!({"connection": connection, "address": address}))?;
    tx.execute(
        "INSERT INTO audit (at, actor, action, details) VALUES ($1, $2, $3, $4)",
        values![now, actor, action, details],
    )
    .await
    .map(drop)
}

fn account(row: &Fields<'_>) -> Result<Account> {
    Ok(Account {
        state: row.word("state")?,
        reason: row.get("reason")?,
        scopes: row.get::<String>("scopes")?.split_whitespace().map(str::to_owned).collect(),
        tokens: row.get("tokens")?,
        fresh_s: row.get("fresh_s")?,
    })
}
