//! The board on which every worker shows whether it is busy and until when it sleeps.
//!
//! It wakes workers, it tells whether all of them have come to rest (which is when a manual clock may
//! be moved on), and at the end it names those who do not stop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::clock::Clock;

#[derive(Clone, Default)]
pub struct Board {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    desks: Mutex<Vec<Desk>>,
    /// Told of every change, for those who wait for rest.
    changed: Notify,
}

struct Desk {
    name: &'static str,
    /// `None` while the worker is busy.
    asleep_until: Option<DateTime<Utc>>,
    /// When it last began to look for work, or said that it goes on.
    looked: Instant,
    /// Somebody called since the worker last looked for work.
    called: bool,
    wake: Arc<Notify>,
}

/// One worker's place at the board.
pub struct Seat {
    board: Board,
    at: usize,
    wake: Arc<Notify>,
}

impl Board {
    fn desks(&self) -> MutexGuard<'_, Vec<Desk>> {
        // Nothing under this lock can leave it half-done.
        self.inner.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a seat; the worker counts as busy from now on.
    pub fn seat(&self, name: &'static str) -> Seat {
        let wake = Arc::new(Notify::new());
        let mut desks = self.desks();
        desks.push(Desk {
            name,
            asleep_until: None,
            looked: Instant::now(),
            called: false,
            wake: wake.clone(),
        });
        Seat { board: self.clone(), at: desks.len() - 1, wake }
    }

    /// Calls every worker but the one who says it: there may be work.
    pub fn call_others(&self, from: &Seat) {
        for (at, desk) in self.desks().iter_mut().enumerate() {
            if at != from.at {
                desk.called = true;
                desk.wake.notify_one();
            }
        }
        self.inner.changed.notify_waiters();
    }

    /// Calls every worker.
    pub fn call_all(&self) {
        for desk in self.desks().iter_mut() {
            desk.called = true;
            desk.wake.notify_one();
        }
        self.inner.changed.notify_waiters();
    }

    /// Returns once every worker sleeps, nobody was called, and nobody should be awake by the clock;
    /// with the time at which the first of them wakes.
    pub async fn at_rest(&self, clock: &dyn Clock) -> Option<DateTime<Utc>> {
        loop {
            let changed = self.inner.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = clock.now();
            let resting = |desk: &Desk| !desk.called && desk.asleep_until.is_some_and(|until| until > now);
            let first = {
                let desks = self.desks();
                desks.iter().all(resting).then(|| desks.iter().filter_map(|desk| desk.asleep_until).min())
            };
            if let Some(first) = first {
                return first;
            }
            changed.await;
        }
    }

    /// The workers that are busy right now, with what they began `at_least` ago.
    pub fn busy(&self, at_least: Duration) -> Vec<&'static str> {
        let busy = |desk: &&Desk| desk.asleep_until.is_none() && desk.looked.elapsed() >= at_least;
        self.desks().iter().filter(busy).map(|desk| desk.name).collect()
    }
}

impl Seat {
    /// To be said before looking for work, so that a call meanwhile is not lost.
    pub fn look(&self) {
        let mut desks = self.board.desks();
        let desk = &mut desks[self.at];
        (desk.called, desk.asleep_until, desk.looked) = (false, None, Instant::now());
    }

    /// To be said now and then by who is busy for long.
    pub fn goes_on(&self) {
        self.board.desks()[self.at].looked = Instant::now();
    }

    /// Sleeps until the clock shows `until` or somebody calls.
    pub async fn sleep(&self, clock: &dyn Clock, until: DateTime<Utc>) {
        self.board.desks()[self.at].asleep_until = Some(until);
        self.board.inner.changed.notify_waiters();
        tokio::select! {
            () = self.wake.notified() => {}
            () = clock.sleep_until(until) => {}
        }
        self.board.desks()[self.at].asleep_until = None;
    }

    pub fn board(&self) -> &Board {
        &self.board
    }
}
