//! The clock, made once and handed down. The domain never sees it: there `now` is an argument.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Returns once `now()` is `at` or later.
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
        Box::pin(async move {
            while let Ok(left) = (at - self.now()).to_std() {
                if left.is_zero() {
                    break;
                }
                tokio::time::sleep(left.min(PIECE)).await;
            }
        })
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
