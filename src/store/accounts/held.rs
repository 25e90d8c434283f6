//! Consents in a database that was restored: who withdrew after the backup was made is not known in it.

use chrono::{DateTime, Utc};

use super::super::Store;
use super::super::db::{Tx, values};
use super::super::error::Result;
use super::super::roster::address;
use super::{audit, calendar};
use crate::domain::calendar::CalendarState;
use crate::domain::people::Address;

/// From now on consents are held, and no access token of the backup is used. Returns how many.
pub(in crate::store) async fn hold(tx: &mut Tx, now: DateTime<Utc>) -> Result<u32> {
    let reason = format!(
        "the database was restored on {}, and whether the person has withdrawn since the backup was made is \
         not known",
        now.format("%Y-%m-%d")
    );
    let sql = "UPDATE account SET state = 'held', reason = $1, fresh_until = 0, lease = lease + 1,
                  lease_until = 0
               WHERE state = 'consented' RETURNING lease";
    let held = tx.all(sql, values![reason]).await?.len();
    Ok(u32::try_from(held).unwrap_or(u32::MAX))
}

impl Store {
    /// A consent that is held is used again, if its provider still accepts it.
    pub async fn use_held(&self, connection: &str, address: &Address) -> Result<()> {
        let sql = "UPDATE account SET state = 'consented', reason = NULL
                   WHERE connection = $1 AND address = $2 AND state = 'held' RETURNING lease";
        self.db.write(sql, values![connection, address.as_str()]).await.map(drop)
    }

    /// Somebody knows that nobody withdrew: all that is held stands. Returns how many.
    pub async fn trust_held(&self, by: &str, now: DateTime<Utc>) -> Result<usize> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE account SET state = 'consented', reason = NULL WHERE state = 'held'
                   RETURNING connection, address";
        let rows = tx.all(sql, vec![]).await?;
        for row in &rows {
            let row = row.of("account", "held");
            let (connection, address) = (row.get::<String>("connection")?, address(&row)?);
            calendar(&mut tx, &connection, &address, CalendarState::Active, None, now).await?;
            audit(&mut tx, by, "consent trusted after a restore", &connection, address.as_str(), now).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }
}
