//! How things stand, in one look. What is counted costs what is due and what is there to be counted,
//! not what has come to rest.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::alert::AlertState;
use crate::domain::calendar::{CalendarState, STALE_AFTER};

use super::Store;
use super::budget::HeldBudget;
use super::db::{micros, values};
use super::error::Result;
use super::instances::SeenInstance;
use super::queue::Queue;

/// How things stand: what `mentord status` shows, and health in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    pub as_of: DateTime<Utc>,
    /// Where the data live.
    pub database: String,
    pub schema_version: Option<i64>,
    /// Whether the schema is the one that this binary was made for.
    pub schema_current: bool,
    /// When the database was last restored.
    pub restored_at: Option<DateTime<Utc>>,
    pub instances: Vec<SeenInstance>,
    pub queues: Vec<QueueCensus>,
    pub calendars: CalendarCensus,
    pub alerts: AlertCensus,
    pub schedules: Vec<ScheduleCensus>,
    /// The budgets from which nothing is to be had for a while.
    pub held: Vec<HeldBudget>,
}

/// What is due in one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueCensus {
    pub queue: &'static str,
    /// Due, and nobody has it.
    pub waiting: u32,
    /// Somebody works on it.
    pub in_hand: u32,
    /// Since when the first of those that wait does so.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// The same, in seconds.
    pub oldest_due_s: Option<i64>,
}

/// Active calendars by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CalendarCensus {
    pub active: u32,
    pub needs_consent: u32,
    pub unreachable: u32,
    pub backing_off: u32,
    /// Of all of them, those that were not read for a day, or never.
    pub stale: u32,
    /// Of all of them, those that were never read.
    pub never_synced: u32,
    /// Those of which the provider tells what changes.
    pub watched: u32,
    /// When the one was read that was read longest ago.
    pub oldest_synced_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlertCensus {
    pub planned: u32,
    pub sent: u32,
    pub withdrawn: u32,
    pub failed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleCensus {
    pub schedule: String,
    /// The last slot that was taken.
    pub last_slot: DateTime<Utc>,
}

/// The queues in the order in which work goes through them, as people know them.
const QUEUES: [(Queue, &str); 7] = [
    (Queue::Calendars, "sync"),
    (Queue::Watch, "watch"),
    (Queue::Detect, "detect"),
    (Queue::Fetch, "fetch"),
    (Queue::Judge, "judge"),
    (Queue::Plan, "plan"),
    (Queue::Alerts, "send"),
];

/// Counted in indexes: `alert_to_send` and `alert_settled`.
const ALERTS: &str = "SELECT 'planned' AS state, COUNT(*) AS number FROM alert WHERE state = 'planned'
     UNION ALL SELECT state, COUNT(*) AS number FROM alert WHERE state <> 'planned' GROUP BY state";

impl Store {
    /// How things stand. Work goes on meanwhile, so that the parts are of moments that lie close
    /// together and not of one.
    pub async fn snapshot(&self, now: DateTime<Utc>) -> Result<Snapshot> {
        let mut queues = Vec::with_capacity(QUEUES.len());
        for (queue, name) in QUEUES {
            queues.push(self.queue_census(queue, name, now).await?);
        }
        Ok(Snapshot {
            as_of: micros(now),
            database: self.place(),
            schema_version: self.db.schema_version().await?,
            schema_current: self.schema_current().await?,
            restored_at: self.restored_at().await?,
            instances: self.instances().await?,
            queues,
            calendars: self.calendar_census(now).await?,
            alerts: self.alert_census().await?,
            schedules: self.schedule_census().await?,
            held: self.held_budgets(now).await?,
        })
    }

    async fn queue_census(
        &self,
        queue: Queue,
        name: &'static str,
        now: DateTime<Utc>,
    ) -> Result<QueueCensus> {
        let rows = self.db.all(&queue.census_sql(), values![now]).await?;
        let mut census =
            QueueCensus { queue: name, waiting: 0, in_hand: 0, oldest_due_at: None, oldest_due_s: None };
        for row in &rows {
            let row = row.of(queue.line().table, "census");
            census.waiting = row.count("waiting")?;
            census.in_hand = row.count("in_hand")?;
            census.oldest_due_at = row.get("oldest_due")?;
            census.oldest_due_s = census.oldest_due_at.map(|due| (now - due).num_seconds());
        }
        Ok(census)
    }

    /// The active calendars by state, and how lately they were read.
    pub async fn calendar_census(&self, now: DateTime<Utc>) -> Result<CalendarCensus> {
        let rows = self
            .db
            .all(
                "SELECT state, COUNT(*) AS number, MIN(last_synced_at) AS oldest,
                    COUNT(CASE WHEN last_synced_at IS NULL THEN 1 END) AS never,
                    COUNT(CASE WHEN last_synced_at IS NULL OR last_synced_at < $1 THEN 1 END) AS stale
                 FROM calendar WHERE active GROUP BY state",
                values![now - STALE_AFTER],
            )
            .await?;
        let mut census = CalendarCensus { watched: self.watched(now).await?, ..CalendarCensus::default() };
        for row in &rows {
            let row = row.of("calendar", "census");
            let number = match row.word("state")? {
                CalendarState::Active => &mut census.active,
                CalendarState::NeedsConsent => &mut census.needs_consent,
                CalendarState::Unreachable => &mut census.unreachable,
                CalendarState::BackingOff => &mut census.backing_off,
            };
            *number = row.count("number")?;
            census.stale += row.count("stale")?;
            census.never_synced += row.count("never")?;
            census.oldest_synced_at =
                [census.oldest_synced_at, row.get("oldest")?].into_iter().flatten().min();
        }
        Ok(census)
    }

    async fn alert_census(&self) -> Result<AlertCensus> {
        let mut census = AlertCensus::default();
        for row in &self.db.all(ALERTS, vec![]).await? {
            let row = row.of("alert", "census");
            let number = match row.word("state")? {
                AlertState::Planned => &mut census.planned,
                AlertState::Sent => &mut census.sent,
                AlertState::Withdrawn => &mut census.withdrawn,
                AlertState::Failed => &mut census.failed,
            };
            *number = row.count("number")?;
        }
        Ok(census)
    }

    async fn schedule_census(&self) -> Result<Vec<ScheduleCensus>> {
        let sql =
            "SELECT schedule, MAX(slot) AS last_slot FROM schedule_slot GROUP BY schedule ORDER BY schedule";
        let rows = self.db.all(sql, vec![]).await?;
        let census = rows.iter().map(|row| {
            let schedule: String = row.of("schedule_slot", "").get("schedule")?;
            let last_slot = row.of("schedule_slot", &schedule).get("last_slot")?;
            Ok(ScheduleCensus { schedule, last_slot })
        });
        census.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Database;

    #[tokio::test]
    async fn alerts_are_counted_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
        store.migrate().await.unwrap();
        let rows = store.db.all(&format!("EXPLAIN QUERY PLAN {ALERTS}"), vec![]).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.of("plan", "").get("detail").unwrap()).collect();
        let read: Vec<&String> = steps.iter().filter(|step| step.contains(" alert ")).collect();
        assert_eq!(read.len(), 2, "{steps:?}");
        assert!(read[0].contains("INDEX alert_to_send"), "{steps:?}");
        assert!(read[1].contains("COVERING INDEX alert_settled"), "{steps:?}");
    }
}
