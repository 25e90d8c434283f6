//! Accounts that belong to no calendar any more: the address is another one now, or the connection is
//! gone or does not rest on consent any more.
//!
//! That may be a mistake in the configuration, so they are only noted at first.

use chrono::{DateTime, Utc};

use super::super::Store;
use super::super::db::{Value, values};
use super::super::error::Result;
use super::super::roster::address;
use super::audit;
use crate::domain::people::Address;

/// An account that was deleted.
#[derive(Clone, Debug)]
pub struct Forgotten {
    pub connection: String,
    pub address: Address,
    /// Sealed, where there were any.
    pub tokens: Option<String>,
    pub provider_id: Option<String>,
}

impl Store {
    /// Notes which accounts belong to none of the active calendars of `connections`, those that rest on
    /// consent; and which do again.
    pub async fn note_given_up(&self, connections: &[&str], now: DateTime<Utc>) -> Result<()> {
        let numbers: Vec<String> = (2..connections.len() + 2).map(|n| format!("${n}")).collect();
        let wanted = match numbers.is_empty() {
            true => "FALSE".to_owned(),
            false => format!(
                "(connection IN ({}) AND EXISTS (SELECT 1 FROM calendar c WHERE c.active
                    AND c.connection = account.connection AND c.address = account.address))",
                numbers.join(", ")
            ),
        };
        let mut values: Vec<Value> = values![now];
        values.extend(connections.iter().map(|name| Value::from(*name)));
        let mut tx = self.db.begin().await?;
        let sql = format!(
            "UPDATE account SET given_up_at = CASE WHEN {wanted} THEN NULL ELSE $1 END
             WHERE {wanted} = (given_up_at IS NOT NULL)"
        );
        tx.execute(&sql, values).await?;
        tx.commit().await
    }

    /// Since when the account is given up that was given up first.
    pub async fn first_given_up(&self) -> Result<Option<DateTime<Utc>>> {
        let sql =
            "SELECT given_up_at FROM account WHERE given_up_at IS NOT NULL ORDER BY given_up_at LIMIT 1";
        let row = self.db.one(sql, vec![]).await?;
        row.map(|row| row.of("account", "given up").get("given_up_at")).transpose()
    }

    /// Deletes one of the accounts that are given up since `before`, or longer.
    pub async fn forget_given_up(
        &self,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Forgotten>> {
        let mut tx = self.db.begin().await?;
        let sql = "SELECT connection, address, tokens, provider_id FROM account WHERE given_up_at <= $1
                   ORDER BY given_up_at, connection, address LIMIT 1 {for_update}";
        let Some(row) = tx.one(sql, values![before]).await? else { return Ok(None) };
        let row = row.of("account", "given up");
        let forgotten = Forgotten {
            connection: row.get("connection")?,
            address: address(&row)?,
            tokens: row.get("tokens")?,
            provider_id: row.get("provider_id")?,
        };
        let (connection, address) = (&*forgotten.connection, forgotten.address.as_str());
        let sql = "DELETE FROM account WHERE connection = $1 AND address = $2";
        tx.execute(sql, values![connection, address]).await?;
        audit(&mut tx, "mentord", "account deleted", connection, address, now).await?;
        tx.commit().await?;
        Ok(Some(forgotten))
    }
}
