//! Notices that the machine's clock was set.
//!
//! What the tables put off is put off by the clock. Set back by an hour, it would leave all of that
//! alone for an hour too long; so everything is looked at once, and put off again by the new clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::clock::Clock;
use crate::store::Store;

/// How often the clock is compared with the time that has gone by.
const EVERY: Duration = Duration::from_secs(5);

/// By how much it may be off: a clock that is kept right moves by less.
const TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// Watches until told to stop.
pub(super) async fn watch(store: Store, board: Board, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut since = (clock.now(), Instant::now());
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        let step = step(since, clock.now(), Instant::now());
        if step.abs() < TOLERANCE {
            continue;
        }
        let seconds = step.num_seconds();
        tracing::warn!(step_s = seconds, "the clock was set by {seconds} s");
        if step < TimeDelta::zero()
            && let Err(error) = store.look_at_everything(clock.now()).await
        {
            tracing::error!("what the clock put off cannot be taken up, which is tried again: {error}");
            continue;
        }
        board.call_all();
        since = (clock.now(), Instant::now());
    }
}

/// By how much the clock has moved more than time has.
fn step(since: (DateTime<Utc>, Instant), now: DateTime<Utc>, instant: Instant) -> TimeDelta {
    let passed = TimeDelta::from_std(instant - since.1).unwrap_or(TimeDelta::MAX);
    now - since.0 - passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_was_not_set() {
        let start = (DateTime::UNIX_EPOCH, Instant::now());
        let later =
            |by, clock| step(start, start.0 + TimeDelta::seconds(clock), start.1 + Duration::from_secs(by));
        assert_eq!(later(5, 5), TimeDelta::zero());
        assert_eq!(later(5, 3605), TimeDelta::hours(1));
        assert_eq!(later(5, -3595), -TimeDelta::hours(1));
    }
}
