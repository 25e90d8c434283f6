//! What all instances together may ask of others: one row for each budget.
//!
//! A row holds one time, up to which everything that was taken will have been earned back. A taking
//! moves it on by what it costs and succeeds while it does not lead further ahead than the burst
//! (the generic cell rate algorithm). It may hold a second time, before which nothing is to be had,
//! because whoever is asked said so. All times are the database's own.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Store;
use super::db::{micros, values};
use super::error::Result;

/// How fast something may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What is earned in a minute.
    pub per_minute: u32,
    /// How much is saved up at the most, and may then be taken at once.
    pub burst: u32,
}

/// What became of a wish to take from a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Take {
    Taken,
    /// Nothing was taken. It is not to be had before this has passed; somebody else may be faster.
    Wait(Duration),
    /// Nothing is to be had before this has passed: whoever is asked wants it so.
    Held(Duration, String),
}

/// A budget from which nothing is to be had for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldBudget {
    pub budget: String,
    pub until: DateTime<Utc>,
    pub reason: String,
}

/// The longest that a budget is held, in milliseconds. What is held for longer is so by a clock that
/// was set back.
const LONGEST_HOLD: i64 = 24 * 60 * 60 * 1000;

/// How much further ahead than the budget allows a time may lie, in milliseconds, before it is taken
/// for one from before the database's clock was set back: a statement that waited for the row
/// reckons with the time at which it began.
const SLACK: i64 = 60_000;

/// Moves the time on by what is taken, if it may: `$2` is the cost, `$3` the burst and `$4` the
/// furthest that the time can lie ahead, in milliseconds.
const TAKE: &str = "INSERT INTO budget (name, taken_until) VALUES ($1, {db_now_ms} + $2)
     ON CONFLICT (name) DO UPDATE SET taken_until = $2 + CASE
         WHEN budget.taken_until BETWEEN {db_now_ms} AND {db_now_ms} + $4 THEN budget.taken_until
         ELSE {db_now_ms} END
     WHERE (budget.taken_until + $2 <= {db_now_ms} + $3 OR budget.taken_until > {db_now_ms} + $4)
         AND NOT budget.held_until BETWEEN {db_now_ms} AND {db_now_ms} + $5
     RETURNING taken_until";

const WAIT: &str = "SELECT taken_until + $2 - {db_now_ms} - $3 AS wait_ms,
        CASE WHEN held_until <= {db_now_ms} + $4 THEN held_until - {db_now_ms} ELSE 0 END AS held_ms, held_for
     FROM budget WHERE name = $1";

/// Many find out at about the same time: the first says it.
const HOLD: &str = "INSERT INTO budget (name, taken_until, held_until, held_for)
        VALUES ($1, 0, {db_now_ms} + $2, $3)
     ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until, held_for = excluded.held_for
     WHERE budget.held_until < {db_now_ms} + $2 - $4 OR budget.held_until > {db_now_ms} + $5
     RETURNING name";

/// A hold that ends by less than this later than another changes nothing, in milliseconds.
const SAME: i64 = 2_000;

impl Rate {
    /// How long it takes to earn `n`, in milliseconds, rounded up.
    fn earned_in(self, n: u32) -> i64 {
        let per_minute = i64::from(self.per_minute.max(1));
        (i64::from(n) * 60_000 + per_minute - 1) / per_minute
    }
}

impl Store {
    /// Takes `n` from the budget `name`, or nothing.
    pub async fn take(&self, name: &str, rate: Rate, n: u32) -> Result<Take> {
        let cost = rate.earned_in(n);
        // What is more than the burst is to be had, too, from a budget that has rested.
        let burst = rate.earned_in(rate.burst).max(cost);
        let taken = self.db.write(TAKE, values![name, cost, burst, burst + SLACK, LONGEST_HOLD]).await?;
        if !taken.is_empty() {
            return Ok(Take::Taken);
        }
        // A hint, and no more: others take meanwhile.
        let row = self.db.one(WAIT, values![name, cost, burst, LONGEST_HOLD]).await?;
        let mut wait = 0;
        if let Some(row) = row {
            let row = row.of("budget", name);
            let held: i64 = row.get("held_ms")?;
            if held > 0 {
                let why = row.get::<Option<String>>("held_for")?.unwrap_or_default();
                return Ok(Take::Held(Duration::from_millis(held.unsigned_abs()), why));
            }
            wait = row.get::<i64>("wait_ms")?;
        }
        Ok(Take::Wait(Duration::from_millis(wait.clamp(1, burst + SLACK).unsigned_abs())))
    }

    /// Lets nobody take from the budget `name` for a while; `false` where that is known already.
    pub async fn hold_budget(&self, name: &str, wait: Duration, why: &str) -> Result<bool> {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
        let held = self.db.write(HOLD, values![name, wait, why, SAME, LONGEST_HOLD]).await?;
        Ok(!held.is_empty())
    }

    /// The budgets from which nothing is to be had, by name.
    pub async fn held_budgets(&self, now: DateTime<Utc>) -> Result<Vec<HeldBudget>> {
        let sql = "SELECT name, held_until - {db_now_ms} AS held_ms, held_for FROM budget
             WHERE held_until BETWEEN {db_now_ms} + 1 AND {db_now_ms} + $1 ORDER BY name";
        let rows = self.db.all(sql, values![LONGEST_HOLD]).await?;
        let held = rows.iter().map(|row| {
            let budget: String = row.of("budget", "").get("name")?;
            let row = row.of("budget", &budget);
            Ok(HeldBudget {
                until: micros(now + TimeDelta::milliseconds(row.get("held_ms")?)),
                reason: row.get::<Option<String>>("held_for")?.unwrap_or_default(),
                budget,
            })
        });
        held.collect()
    }
}
