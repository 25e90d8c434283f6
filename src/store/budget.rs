//! What all instances together may ask of others: one row for each budget.
//!
//! A row holds one time, up to which everything that was taken will have been earned back. A taking
//! moves it on by what it costs and succeeds while it does not lead further ahead than the burst
//! (the generic cell rate algorithm). All times are the database's own.

use std::time::Duration;

use super::Store;
use super::db::values;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Take {
    Taken,
    /// Nothing was taken. It is not to be had before this has passed; somebody else may be faster.
    Wait(Duration),
}

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
     WHERE budget.taken_until + $2 <= {db_now_ms} + $3 OR budget.taken_until > {db_now_ms} + $4
     RETURNING taken_until";

const WAIT: &str = "SELECT taken_until + $2 - {db_now_ms} - $3 AS wait_ms FROM budget WHERE name = $1";

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
        let taken = self.db.write(TAKE, values![name, cost, burst, burst + SLACK]).await?;
        if !taken.is_empty() {
            return Ok(Take::Taken);
        }
        // A hint, and no more: others take meanwhile.
        let row = self.db.one(WAIT, values![name, cost, burst]).await?;
        let wait = match row {
            Some(row) => row.of("budget", name).get::<i64>("wait_ms")?,
            None => 0,
        };
        Ok(Take::Wait(Duration::from_millis(wait.clamp(1, burst + SLACK).unsigned_abs())))
    }
}
