//! The tables are the queue: rows that are due are claimed with a lease.
//!
//! A lease is a number in the row that only ever rises: a claim raises it, whoever completes must
//! still find the number that the claim returned, and completing raises it again. Whoever changes
//! the facts that a step under way has read raises it as well (and makes the row due): that step
//! then finds that the row is not its own any more, writes nothing, and is done again.
//! A lease that was never completed ends at a time of the database's clock.

use chrono::{DateTime, Utc};

use super::Store;
use super::db::{Row, Tx, values};
use super::error::{Result, StoreError};

/// The right to complete what was claimed on one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease<T> {
    pub(super) on: T,
    pub(super) number: i64,
}

impl<T> Lease<T> {
    /// What it is a lease on.
    pub fn on(&self) -> &T {
        &self.on
    }
}

/// What became of completing a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Finished<T = ()> {
    Done(T),
    /// The lease is lost: somebody else has claimed the row, or the facts have changed. Nothing was
    /// written.
    NotMine,
}

/// What waits for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Calendars to read.
    Calendars,
    /// Sessions to judge.
    Judge,
    /// Sessions whose conference records are to be fetched.
    Fetch,
    /// Pairings whose alerts are to be planned.
    Plan,
    /// Alerts to send.
    Alerts,
}

/// How a queue lies in its table.
pub(super) struct Line {
    pub table: &'static str,
    id: &'static str,
    pub due: &'static str,
    pub lease: &'static str,
    until: &'static str,
    /// Which rows wait at all; spelled as in the index.
    waiting: &'static str,
    /// How long a claim lasts, in seconds: longer than the step ever takes in earnest.
    lasts: i64,
}

impl Queue {
    pub(super) const ALL: [Self; 5] = [Self::Calendars, Self::Judge, Self::Fetch, Self::Plan, Self::Alerts];

    pub(super) const fn line(self) -> Line {
        match self {
            Self::Calendars => Line {
                table: "calendar",
                id: "id",
                due: "next_sync_at",
                lease: "lease",
                until: "lease_until",
                waiting: "active",
                lasts: 600,
            },
            Self::Judge => Line {
                table: "session",
                id: "id",
                due: "next_judge_at",
                lease: "judge_lease",
                until: "judge_lease_until",
                waiting: "next_judge_at IS NOT NULL",
                lasts: 120,
            },
            Self::Fetch => Line {
                table: "session",
                id: "id",
                due: "next_fetch_at",
                lease: "fetch_lease",
                until: "fetch_lease_until",
                waiting: "next_fetch_at IS NOT NULL",
                lasts: 600,
            },
            Self::Plan => Line {
                table: "pairing",
                id: "id",
                due: "next_plan_at",
                lease: "plan_lease",
                until: "plan_lease_until",
                waiting: "next_plan_at IS NOT NULL",
                lasts: 120,
            },
            Self::Alerts => Line {
                table: "alert",
                id: "alert_key",
                due: "due_at",
                lease: "lease",
                until: "lease_until",
                waiting: "state = 'planned'",
                lasts: 300,
            },
        }
    }

    /// One statement: takes what is due and not taken, the longest due first.
    /// `$1` now, `$2` how many at most, `$3` how long the lease lasts.
    pub(super) fn claim_sql(self, returning: &str) -> String {
        let Line { table, id, due, lease, until, waiting, .. } = self.line();
        // MATERIALIZED, so that a planner that looks twice cannot claim twice.
        format!(
            "WITH claimed AS MATERIALIZED (
                SELECT {id} FROM {table}
                WHERE {waiting} AND {due} <= $1 AND {until} <= {{db_now}}
                ORDER BY {due}, {id} LIMIT $2 {{skip_locked}})
             UPDATE {table} SET {lease} = {lease} + 1, {until} = {{db_now}} + $3
             WHERE {id} IN (SELECT {id} FROM claimed)
             RETURNING {returning}, {due} AS claimed_due, {lease} AS claimed_lease"
        )
    }

    fn next_due_sql(self) -> String {
        let Line { table, due, until, waiting, .. } = self.line();
        format!(
            "SELECT {due} AS due FROM {table} WHERE {waiting} AND {until} <= {{db_now}}
             ORDER BY {due} LIMIT 1"
        )
    }

    /// The part of an UPDATE's SET that ends a lease, whoever has it.
    pub(super) fn release_sql(self) -> String {
        let Line { lease, until, .. } = self.line();
        format!("{lease} = {lease} + 1, {until} = 0")
    }
}

impl Store {
    /// Claims rows of `queue`; `row` tells what a row is. In the order in which they were due.
    /// What cannot be read is passed over.
    pub(super) async fn claim<T, U: Ord>(
        &self,
        queue: Queue,
        returning: &str,
        now: DateTime<Utc>,
        limit: u32,
        row: impl Fn(&Row) -> Result<(T, U)>,
    ) -> Result<Vec<(T, Lease<U>)>> {
        let Line { table, lasts, .. } = queue.line();
        let sql = queue.claim_sql(returning);
        let rows = self.db.write(&sql, values![now, limit, lasts]).await?;
        let mut claimed = Vec::new();
        for found in &rows {
            let fields = found.of(table, "claimed");
            let due: DateTime<Utc> = fields.get("claimed_due")?;
            let number = fields.get("claimed_lease")?;
            match row(found) {
                Ok((thing, on)) => claimed.push((due, thing, Lease { on, number })),
                // It must not hold up the others. Until its lease ends it is not tried again.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, ?queue, "a row that is due is passed over: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        claimed.sort_by(|a, b| (a.0, &a.2.on).cmp(&(b.0, &b.2.on)));
        Ok(claimed.into_iter().map(|(_, thing, lease)| (thing, lease)).collect())
    }

    /// When the next row of `queue` that nobody is working on is due; what lies in the past is due
    /// now.
    pub async fn next_due(&self, queue: Queue) -> Result<Option<DateTime<Utc>>> {
        let sql = queue.next_due_sql();
        let table = queue.line().table;
        let row = self.db.one(&sql, vec![]).await?;
        row.map(|row| row.of(table, "next").get("due")).transpose()
    }

    /// Ends every lease. Only for the process that has the database to itself, as it starts: what a
    /// predecessor held when it died is then taken up at once.
    pub async fn end_all_leases(&self) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for queue in Queue::ALL {
            let Line { table, until, .. } = queue.line();
            let release = queue.release_sql();
            let sql = format!("UPDATE {table} SET {release} WHERE {until} > 0");
            tx.execute(&sql, vec![]).await?;
        }
        tx.commit().await
    }
}

/// What the pairing's alerts rest on has changed: plan it now, and not from what was read before.
pub(super) async fn plan_now(tx: &mut Tx, pairing: i64, now: DateTime<Utc>) -> Result<()> {
    let release = Queue::Plan.release_sql();
    let sql = format!("UPDATE pairing SET next_plan_at = $2, {release} WHERE id = $1");
    tx.execute(&sql, values![pairing, now]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::db::{sqlite_text, values};
    use super::Queue;
    use crate::config::Database;

    /// Rows at rest cost a claim nothing: each goes through an index that holds waiting rows only.
    #[tokio::test]
    async fn claims_use_their_index() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("test.db"));
        let store = Store::open(&database).await.unwrap();
        store.migrate().await.unwrap();
        for (queue, index) in [
            (Queue::Calendars, "calendar_to_sync"),
            (Queue::Judge, "session_to_judge"),
            (Queue::Fetch, "session_to_fetch"),
            (Queue::Plan, "pairing_to_plan"),
            (Queue::Alerts, "alert_to_send"),
        ] {
            for statement in [queue.claim_sql("1 AS one"), queue.next_due_sql()] {
                let sql = format!("EXPLAIN QUERY PLAN {}", sqlite_text(&statement));
                let now = chrono::DateTime::UNIX_EPOCH;
                let values = match statement.contains("$1") {
                    true => values![now, 1_u32, 1_u32],
                    false => vec![],
                };
                let rows = store.db.all(&sql, values).await.unwrap();
                let steps: Vec<String> =
                    rows.iter().map(|row| row.of("plan", "").get("detail").unwrap()).collect();
                let table = queue.line().table;
                assert!(steps.iter().any(|step| step.contains(index)), "{queue:?}: {steps:?}");
                assert!(
                    steps.iter().all(|step| *step != format!("SCAN {table}")),
                    "{queue:?} looks at every row: {steps:?}"
                );
            }
        }
    }
}
