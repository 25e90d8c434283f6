//! What each mailbox may be asked, beside what the connection may ask altogether.
//!
//! It is counted by each instance for itself: a calendar is read by the one that has its lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::config::Vendor;
use crate::domain::people::Address;
use crate::providers::Turn;

/// What the providers allow for one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub at_once: usize,
    pub per_minute: u32,
}

impl Share {
    /// Google: 600 requests a minute for one user of a project ("Manage quotas" of the Calendar API).
    /// Microsoft: 10,000 in ten minutes for one mailbox and application, four at once ("Microsoft Graph
    /// service-specific throttling limits", Outlook). A connection that may ask for far more than usual
    /// has been granted more for each mailbox, too: a tenth of the whole.
    pub fn of(vendor: &Vendor, requests_per_minute: u32) -> Self {
        let (at_once, usual) = match vendor {
            Vendor::Google(_) => (10, 600),
            Vendor::Microsoft(_) => (4, 1_000),
        };
        Self { at_once, per_minute: usual.min(requests_per_minute).max(requests_per_minute / 10) }
    }

    fn pause(self) -> Duration {
        Duration::from_secs(60) / self.per_minute.max(1)
    }
}

/// How many mailboxes are remembered before those at rest are forgotten.
const MANY: usize = 1_000;

/// What the mailboxes of one connection were asked lately.
pub struct Mailboxes {
    share: Share,
    known: Mutex<HashMap<Address, Mailbox>>,
}

struct Mailbox {
    turns: Arc<Semaphore>,
    /// When what was asked so far is earned back.
    earned_at: Instant,
}

impl Mailboxes {
    pub fn new(share: Share) -> Self {
        Self { share, known: Mutex::default() }
    }

    /// Waits until one more request about the mailbox may be under way.
    pub async fn turn(&self, mailbox: &Address) -> Turn {
        let (turns, wait) = self.book(mailbox, Instant::now());
        sleep(wait).await;
        // It is never closed.
        turns.acquire_owned().await.map_or_else(|_| Turn::free(), Turn::of)
    }

    /// Counts a request, and tells how long it has to wait. A tenth of a minute's requests may come at
    /// once.
    fn book(&self, mailbox: &Address, now: Instant) -> (Arc<Semaphore>, Duration) {
        // Nothing under this lock can leave it half-done.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MANY {
            let busy = |mailbox: &Mailbox| {
                mailbox.earned_at > now || mailbox.turns.available_permits() < self.share.at_once
            };
            known.retain(|_, mailbox| busy(mailbox));
        }
        let fresh = || Mailbox { turns: Arc::new(Semaphore::new(self.share.at_once)), earned_at: now };
        let own = known.entry(mailbox.clone()).or_insert_with(fresh);
        own.earned_at = own.earned_at.max(now) + self.share.pause();
        let burst = self.share.pause() * (self.share.per_minute / 10).max(1);
        (own.turns.clone(), own.earned_at.duration_since(now).saturating_sub(burst))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_mailbox_is_asked_a_few_things_at_once_and_holds_up_no_other() {
        let mailboxes = Mailboxes::new(Share { at_once: 4, per_minute: 60_000 });
        let (ada, ben) = (address("ada@acme.example"), address("ben@acme.example"));
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(mailboxes.turn(&ada).await);
        }
        let mut fifth = Box::pin(mailboxes.turn(&ada));
        // Its place in the row was taken when it was first asked for.
        for _ in 0..3 {
            tokio::task::yield_now().await;
            assert!(fifth.as_mut().now_or_never().is_none());
        }
        drop(mailboxes.turn(&ben).await);
        drop(turns.pop());
        drop(fifth.await);
    }

    #[test]
    fn a_mailbox_is_not_asked_too_often() {
        let mailboxes = Mailboxes::new(Share { at_once: 4, per_minute: 600 });
        let (ada, ben, now) = (address("ada@acme.example"), address("ben@acme.example"), Instant::now());
        let waits: Vec<Duration> = (0..63).map(|_| mailboxes.book(&ada, now).1).collect();
        assert!(waits[..60].iter().all(Duration::is_zero));
        assert_eq!(waits[60..], [100, 200, 300].map(Duration::from_millis));
        assert_eq!(mailboxes.book(&ben, now).1, Duration::ZERO);
        let later = now + Duration::from_secs(60);
        assert_eq!(mailboxes.book(&ada, later).1, Duration::ZERO);
    }
}
