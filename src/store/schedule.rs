//! Scheduled work: each slot of a schedule is taken once.

use chrono::{DateTime, Utc};

use crate::domain::alert::Alert;

use super::Store;
use super::db::values;
use super::error::Result;
use super::plan;

impl Store {
    /// Takes a slot and plans what belongs to it; `false` when it was taken before.
    pub async fn take_slot(
        &self,
        schedule: &str,
        slot: DateTime<Utc>,
        alerts: &[Alert],
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let taken = tx
            .execute(
                "INSERT INTO schedule_slot (schedule, slot, taken_at) VALUES ($1, $2, $3)
                 ON CONFLICT (schedule, slot) DO NOTHING",
                values![schedule, slot, now],
            )
            .await?;
        if taken == 0 {
            return Ok(false);
        }
        plan::put_all(&mut tx, alerts, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The latest slot of a schedule that was taken.
    pub async fn last_slot(&self, schedule: &str) -> Result<Option<DateTime<Utc>>> {
        let row = self
            .db
            .one(
                "SELECT slot FROM schedule_slot WHERE schedule = $1 ORDER BY slot DESC LIMIT 1",
                values![schedule],
            )
            .await?;
        row.map(|row| row.of("schedule_slot", schedule).get("slot")).transpose()
    }
}
