//! The tables are the queue: rows that are due are claimed with a lease.
//!
//! A lease is a number in the row that only ever rises: a claim raises it, whoever completes must
//! still find the number that the claim returned, and completing raises it again. Whoever changes
//! the facts that a step under way has read raises it as well (and makes the row due): that step
//! then finds that the row is not its own any more, writes nothing, and is done again.
//! A lease that was never completed ends at a time of the database's clock, [`LASTS`] after it was
//! taken or renewed; work that takes longer renews it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Store;
use super::db::{Db, Row, Tx, Value, values};
use super::error::{Result, StoreError};
use super::hold::Hold;

/// The right to complete what was claimed on one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease<T> {
    queue: Queue,
    id: Id,
    pub(super) on: T,
    pub(super) number: i64,
}

/// The key of a row that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Id {
    Number(i64),
    Text(String),
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

#[cfg(test)]
mod plans;

/// How long a claim lasts, in seconds. What a service had in hand when it died is taken up after
/// this time.
const LASTS: i64 = 60;

/// How often whoever works on something for long renews its lease: twice may fail.
pub const RENEW_EVERY: Duration = Duration::from_secs(20);

/// What waits for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Calendars to read.
    Calendars,
    /// Pairings whose sessions are to be put together.
    Detect,
    /// Sessions to judge.
    Judge,
    /// Sessions whose conference records are to be fetched.
    Fetch,
    /// Pairings whose alerts are to be planned.
    Plan,
    /// Alerts to send.
    Alerts,
    /// Calendars about which being told is to be arranged.
    Watch,
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
}

impl Queue {
    pub(super) const ALL: [Self; 7] =
        [Self::Calendars, Self::Detect, Self::Judge, Self::Fetch, Self::Plan, Self::Alerts, Self::Watch];

    pub(super) const fn line(self) -> Line {
        match self {
            Self::Calendars => Line {
                table: "calendar",
                id: "id",
                due: "next_sync_at",
                lease: "lease",
                until: "lease_until",
                waiting: "active",
            },
            Self::Detect => Line {
                table: "pairing",
                id: "id",
                due: "next_detect_at",
                lease: "detect_lease",
                until: "detect_lease_until",
                waiting: "next_detect_at IS NOT NULL",
            },
            Self::Judge => Line {
                table: "session",
                id: "id",
                due: "next_judge_at",
                lease: "judge_lease",
                until: "judge_lease_until",
                waiting: "next_judge_at IS NOT NULL",
            },
            Self::Fetch => Line {
                table: "session",
                id: "id",
                due: "next_fetch_at",
                lease: "fetch_lease",
                until: "fetch_lease_until",
                waiting: "next_fetch_at IS NOT NULL",
            },
            Self::Plan => Line {
                table: "pairing",
                id: "id",
                due: "next_plan_at",
                lease: "plan_lease",
                until: "plan_lease_until",
                waiting: "next_plan_at IS NOT NULL",
            },
            Self::Alerts => Line {
                table: "alert",
                id: "alert_key",
                due: "due_at",
                lease: "lease",
                until: "lease_until",
                waiting: "state = 'planned'",
            },
            Self::Watch => Line {
                table: "calendar",
                id: "id",
                due: "next_watch_at",
                lease: "watch_lease",
                until: "watch_lease_until",
                waiting: "next_watch_at IS NOT NULL",
            },
        }
    }

    /// The condition under which nobody has a row. A lease that ends later than any can was taken
    /// before the database's clock was set back.
    pub(super) fn free_sql(self) -> String {
        let Line { table, until, .. } = self.line();
        format!("({table}.{until} <= {{db_now}} OR {table}.{until} > {{db_now}} + {LASTS})")
    }

    /// One statement: takes what is due and not taken, the longest due first, `among` those that the
    /// condition names (`TRUE` for all). `$1` now, `$2` how many at most.
    pub(super) fn claim_sql(self, among: &str, returning: &str) -> String {
        let Line { table, id, due, lease, until, waiting } = self.line();
        let free = self.free_sql();
        // MATERIALIZED, so that a planner that looks twice cannot claim twice. In the order of the index
        // alone: with a second key, all that is due at one moment would have to be sorted.
        format!(
            "WITH claimed AS MATERIALIZED (
                SELECT {id} FROM {table}
                WHERE {waiting} AND {among} AND {due} <= $1 AND {free}
                ORDER BY {due} LIMIT $2 {{skip_locked}})
             UPDATE {table} SET {lease} = {lease} + 1, {until} = {{db_now}} + {LASTS}
             WHERE {id} IN (SELECT {id} FROM claimed)
             RETURNING {returning}, {due} AS claimed_due, {lease} AS claimed_lease"
        )
    }

    fn next_due_sql(self, among: &str) -> String {
        let Line { table, due, waiting, .. } = self.line();
        let free = self.free_sql();
        format!(
            "SELECT {due} AS due FROM {table} WHERE {waiting} AND {among} AND {free} ORDER BY {due} LIMIT 1"
        )
    }

    /// How many that are due wait for whoever comes, how many somebody has, and since when the first
    /// of them waits. `$1` now.
    pub(super) fn census_sql(self) -> String {
        let Line { table, due, waiting, .. } = self.line();
        let free = self.free_sql();
        format!(
            "SELECT COUNT(CASE WHEN {free} THEN 1 END) AS waiting,
                COUNT(CASE WHEN NOT {free} THEN 1 END) AS in_hand,
                MIN(CASE WHEN {free} THEN {due} END) AS oldest_due
             FROM {table} WHERE {waiting} AND {due} <= $1"
        )
    }

    /// The part of an UPDATE's SET that ends a lease, whoever has it.
    pub(super) fn release_sql(self) -> String {
        let Line { lease, until, .. } = self.line();
        format!("{lease} = {lease} + 1, {until} = 0")
    }
}

impl Store {
    /// Claims rows of `queue`; `row` tells what a row is, and `returning` has the key of the table
    /// among its columns. In the order in which they were due. What cannot be read is passed over.
    pub(super) async fn claim<T, U: Ord>(
        &self,
        queue: Queue,
        returning: &str,
        now: DateTime<Utc>,
        limit: u32,
        row: impl Fn(&Row) -> Result<(T, U)>,
    ) -> Result<Vec<(T, Lease<U>)>> {
        self.claim_among(queue, ("TRUE", None), returning, now, limit, row).await
    }

    /// [`Store::claim`] among those rows that a condition names, whose `$3` is the value beside it.
    pub(super) async fn claim_among<T, U: Ord>(
        &self,
        queue: Queue,
        (among, value): (&str, Option<Value>),
        returning: &str,
        now: DateTime<Utc>,
        limit: u32,
        row: impl Fn(&Row) -> Result<(T, U)>,
    ) -> Result<Vec<(T, Lease<U>)>> {
        let Line { table, id: key, .. } = queue.line();
        let sql = queue.claim_sql(among, returning);
        let rows = self.db.write(&sql, values![now, limit].into_iter().chain(value).collect()).await?;
        let mut claimed = Vec::new();
        for found in &rows {
            let fields = found.of(table, "claimed");
            let due: DateTime<Utc> = fields.get("claimed_due")?;
            let number = fields.get("claimed_lease")?;
            let id = match queue {
                Queue::Calendars | Queue::Detect | Queue::Plan | Queue::Watch => Id::Number(fields.get(key)?),
                Queue::Judge | Queue::Fetch | Queue::Alerts => Id::Text(fields.get(key)?),
            };
            match row(found) {
                Ok((thing, on)) => claimed.push((due, thing, Lease { queue, id, on, number })),
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
        self.next_due_among(queue, ("TRUE", None)).await
    }

    /// [`Store::next_due`] among those rows that a condition names, whose `$1` is the value beside it.
    pub(super) async fn next_due_among(
        &self,
        queue: Queue,
        (among, value): (&str, Option<Value>),
    ) -> Result<Option<DateTime<Utc>>> {
        let sql = queue.next_due_sql(among);
        let table = queue.line().table;
        let row = self.db.one(&sql, value.into_iter().collect()).await?;
        row.map(|row| row.of(table, "next").get("due")).transpose()
    }

    /// Makes a lease last for its full time again; `false` when it is lost.
    pub async fn renew<T>(&self, lease: &Lease<T>) -> Result<bool> {
        let Line { table, id, lease: number, until, .. } = lease.queue.line();
        let sql = format!(
            "UPDATE {table} SET {until} = {{db_now}} + {LASTS} WHERE {id} = $1 AND {number} = $2 RETURNING {id}"
        );
        let id = match &lease.id {
            Id::Number(id) => Value::from(*id),
            Id::Text(id) => Value::from(&**id),
        };
        let values = vec![id, Value::from(lease.number)];
        Ok(!self.db.write(&sql, values).await?.is_empty())
    }

    /// Makes everything due that waits for its time but alerts: what put it off was a clock that was
    /// wrong.
    pub async fn look_at_everything(&self, now: DateTime<Utc>) -> Result<()> {
        for queue in Queue::ALL.into_iter().filter(|queue| *queue != Queue::Alerts) {
            let Line { table, due, waiting, .. } = queue.line();
            let sql = format!("UPDATE {table} SET {due} = $1 WHERE {waiting} AND {due} > $1");
            self.db.write(&sql, values![now]).await?;
        }
        // A session that seemed to be over was judged, and does not wait for anything any more.
        let sql = "UPDATE session SET next_judge_at = $1 WHERE verdict_at > $1";
        self.db.write(sql, values![now]).await.map(drop)
    }

    /// Where one service has the database to itself: what a predecessor had in hand when it died is
    /// free at once, as this one starts. Not so alerts: a command may just be sending one.
    pub async fn free_what_was_in_hand(&self, _proof: &Hold) -> Result<()> {
        if let Db::Postgres { .. } = self.db {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for queue in Queue::ALL.into_iter().filter(|queue| *queue != Queue::Alerts) {
            let Line { table, until, .. } = queue.line();
            let release = queue.release_sql();
            let sql = format!("UPDATE {table} SET {release} WHERE {until} > 0");
            tx.execute(&sql, vec![]).await?;
        }
        // Who ran before does so no more.
        tx.execute("DELETE FROM instance", vec![]).await?;
        tx.commit().await
    }
}

/// What the pairing's sessions are put together from has changed: do it now, and not from what was
/// read before.
pub(super) async fn detect_now(tx: &mut Tx, pairing: i64, now: DateTime<Utc>) -> Result<()> {
    let release = Queue::Detect.release_sql();
    let sql = format!("UPDATE pairing SET next_detect_at = $2, {release} WHERE id = $1");
    tx.execute(&sql, values![pairing, now]).await?;
    Ok(())
}

/// What the pairing's alerts rest on has changed: plan it now, and not from what was read before.
pub(super) async fn plan_now(tx: &mut Tx, pairing: i64, now: DateTime<Utc>) -> Result<()> {
    let release = Queue::Plan.release_sql();
    let sql = format!("UPDATE pairing SET next_plan_at = $2, {release} WHERE id = $1");
    tx.execute(&sql, values![pairing, now]).await?;
    Ok(())
}
