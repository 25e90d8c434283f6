//! After a restore: what may have been sent before is not sent again, and what may have been withdrawn
//! before is not used on.
//!
//! A database that was restored knows nothing of what was done after its backup was made. What was
//! due before the restore may have been sent, whether the backup has it as planned or not at all; so
//! it is settled as failed, which is final, here and whenever it is planned (see `plan`).

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::accounts;
use super::alerts::{COLUMNS, stored};
use super::db::{Tx, json, values};
use super::error::{Result, StoreError};
use super::queue::Queue;

/// What became of a database that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// When the backup was made; `None` where nobody wrote it down.
    pub backup_made_at: Option<DateTime<Utc>>,
    pub restored_at: DateTime<Utc>,
    /// How many alerts are not sent any more.
    pub settled: u32,
    /// How many consents are held, as they may have been withdrawn.
    pub held: u32,
}

impl Store {
    /// Whether this database is a backup on which nobody has worked yet: then from now on it is
    /// known as restored. `by` goes to the audit trail.
    pub async fn note_restoration(&self, by: &str, now: DateTime<Utc>) -> Result<Option<Restored>> {
        let mut tx = self.db.begin().await?;
        let Some(backup_made_at) = pending(&mut tx).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let restored = settle(&mut tx, backup_made_at, by, now).await?;
        tx.commit().await?;
        Ok(Some(restored))
    }

    /// The database was restored, however that was done.
    pub async fn declare_restored(&self, by: &str, now: DateTime<Utc>) -> Result<Restored> {
        let mut tx = self.db.begin().await?;
        let backup_made_at = match pending(&mut tx).await? {
            Some(made_at) => made_at,
            None => {
                tx.execute("INSERT INTO restoration (backup_made_at) VALUES (NULL)", vec![]).await?;
                None
            }
        };
        let restored = settle(&mut tx, backup_made_at, by, now).await?;
        tx.commit().await?;
        Ok(restored)
    }

    /// When the database was last restored.
    pub async fn restored_at(&self) -> Result<Option<DateTime<Utc>>> {
        let row = self.db.one(LAST, vec![]).await?;
        row.map(|row| row.of("restoration", "last").get("restored_at")).transpose()
    }
}

const LAST: &str = "SELECT restored_at FROM restoration WHERE restored_at IS NOT NULL
     ORDER BY restored_at DESC LIMIT 1";

/// The same, for a transaction that plans.
pub(super) async fn last(tx: &mut Tx) -> Result<Option<DateTime<Utc>>> {
    let row = tx.one(LAST, vec![]).await?;
    row.map(|row| row.of("restoration", "last").get("restored_at")).transpose()
}

/// Why an alert is not sent.
pub(super) fn reason(restored_at: DateTime<Utc>) -> String {
    let at = restored_at.format("%Y-%m-%d %H:%M");
    format!("the database was restored at {at} UTC; this may have been sent before")
}

/// Whether the database is a backup on which nobody has worked yet, and when that was made.
async fn pending(tx: &mut Tx) -> Result<Option<Option<DateTime<Utc>>>> {
    let sql = "SELECT id, backup_made_at FROM restoration WHERE restored_at IS NULL
         ORDER BY id DESC LIMIT 1 {for_update}";
    let Some(row) = tx.one(sql, vec![]).await? else { return Ok(None) };
    let id: i64 = row.of("restoration", "").get("id")?;
    Ok(Some(row.of("restoration", id).get("backup_made_at")?))
}

async fn settle(
    tx: &mut Tx,
    backup_made_at: Option<DateTime<Utc>>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Restored> {
    tx.execute("UPDATE restoration SET restored_at = $1 WHERE restored_at IS NULL", values![now]).await?;
    let sql =
        format!("SELECT {COLUMNS} FROM alert WHERE state = 'planned' AND (due_at <= $1 OR about <= $1)");
    // Whoever had one in hand was somebody else, on another copy of this database.
    let release = Queue::Alerts.release_sql();
    let fail = format!("UPDATE alert SET state = 'failed', reason = $2, {release} WHERE alert_key = $1");
    let held = accounts::held::hold(tx, now).await?;
    let mut restored = Restored { backup_made_at, restored_at: now, settled: 0, held };
    for row in tx.all(&sql, values![now]).await? {
        match stored(&row) {
            Ok(stored) if stored.alert.may_have_been_sent_by(now) => {
                tx.execute(&fail, values![&*stored.alert.key.0, reason(now)]).await?;
                restored.settled += 1;
            }
            Ok(_) => {}
            // What cannot be read is never sent either.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "an alert is passed over: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    tx.execute(
        "INSERT INTO audit (at, actor, action, details) VALUES ($1, $2, $3, $4)",
        values![now, by, "restored", json(&restored)?],
    )
    .await?;
    Ok(restored)
}
