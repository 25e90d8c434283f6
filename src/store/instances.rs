//! Who runs: every service says again and again that it is there. Times are the database's own.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::db::{Fields, values};
use super::error::{Result, StoreError};

/// Whoever was not seen for so many seconds may be gone.
const SILENT_AFTER: i64 = 30;

/// Whoever was not seen for so many seconds is gone.
const GONE_AFTER: i64 = 24 * 60 * 60;

/// A service, as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub id: String,
    pub host: String,
    pub pid: u32,
    pub version: String,
}

/// A service, as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenInstance {
    pub id: String,
    pub host: String,
    pub pid: u32,
    pub version: String,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub state: InstanceState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    Running,
    /// It did not end well, or cannot reach the database.
    Silent,
}

impl InstanceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Silent => "silent",
        }
    }
}

impl Store {
    /// The instance is there. Returns when it first said so, in the database's seconds; whoever says
    /// so again passes that as `since`, in case nobody remembers. Those that are gone are forgotten.
    pub async fn instance_seen(&self, instance: &Instance, since: Option<i64>) -> Result<i64> {
        let mut tx = self.db.begin().await?;
        let row = tx
            .one(
                "INSERT INTO instance (id, host, pid, version, started_at, seen_at)
                 VALUES ($1, $2, $3, $4, COALESCE($5, {db_now}), {db_now})
                 ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
                 RETURNING started_at",
                values![&*instance.id, &*instance.host, instance.pid, &*instance.version, since],
            )
            .await?;
        let gone = format!("DELETE FROM instance WHERE seen_at < {{db_now}} - {GONE_AFTER}");
        tx.execute(&gone, vec![]).await?;
        tx.commit().await?;
        match row {
            Some(row) => row.of("instance", &instance.id).get("started_at"),
            None => Err(StoreError::NoSuch { what: "instance", id: instance.id.clone() }),
        }
    }

    /// The instance ends well.
    pub async fn instance_left(&self, id: &str) -> Result<()> {
        self.db.write("DELETE FROM instance WHERE id = $1", values![id]).await.map(drop)
    }

    /// All instances that are not known to be gone, the oldest first.
    pub async fn instances(&self) -> Result<Vec<SeenInstance>> {
        let rows = self
            .db
            .all(
                "SELECT id, host, pid, version, started_at, seen_at, {db_now} AS db_now
                 FROM instance ORDER BY started_at, id",
                vec![],
            )
            .await?;
        let mut instances = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: String = row.of("instance", "").get("id")?;
            let row = row.of("instance", &id);
            let silent = row.get::<i64>("db_now")? - row.get::<i64>("seen_at")? > SILENT_AFTER;
            instances.push(SeenInstance {
                host: row.get("host")?,
                pid: row.count("pid")?,
                version: row.get("version")?,
                started_at: epoch(&row, "started_at")?,
                seen_at: epoch(&row, "seen_at")?,
                state: if silent { InstanceState::Silent } else { InstanceState::Running },
                id,
            });
        }
        Ok(instances)
    }
}

/// A time of the database's clock.
fn epoch(row: &Fields<'_>, column: &str) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp(row.get(column)?, 0).ok_or_else(|| row.corrupt(column))
}
