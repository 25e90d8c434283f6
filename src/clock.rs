//! The clock, made once and handed down. The domain never sees it: there `now` is an argument.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Returns once `now()` is `at` or later. A real clock may be set back meanwhile: then it returns
    /// earlier, when as much time has gone by as was left at first.
    fn sleep_until<'a>(&'a self, at: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Long waits are cut into pieces of this length, so that a clock that is set is noticed.
const PIECE: Duration = Duration::from_secs(30);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until<'a>(&'a self, at: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(wait_until(at, || self.now()))
    }
}

async fn wait_until(at: DateTime<Utc>, now: impl Fn() -> DateTime<Utc>) {
    let left = || (at - now()).to_std().unwrap_or_default();
    // Whoever sleeps until the clock shows a time would sleep for days when it is set back by days.
    let mut budget = left();
    loop {
        let piece = left().min(budget).min(PIECE);
        if piece.is_zero() {
            return;
        }
        tokio::time::sleep(piece).await;
        budget = budget.saturating_sub(piece);
    }
}

/// A clock that stands still until somebody sets it: for tests, and for a demonstration in which
/// weeks pass in seconds.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<DateTime<Utc>>,
}

impl ManualClock {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { now: watch::Sender::new(now) }
    }

    /// Sets the clock, backwards as well, as somebody may do with a real one.
    pub fn set(&self, now: DateTime<Utc>) {
        self.now.send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn sleep_until<'a>(&'a self, at: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as `self`, so waiting cannot fail.
            let _ = now.wait_for(|now| *now >= at).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_set_back_keeps_nobody_asleep() {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(400);
        let set_back = std::cell::Cell::new(false);
        let clock = || match set_back.replace(true) {
            false => at - chrono::TimeDelta::milliseconds(50),
            true => at - chrono::TimeDelta::days(30),
        };
        let waiting = Box::pin(wait_until(at, clock));
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it wakes in time");
    }
}
