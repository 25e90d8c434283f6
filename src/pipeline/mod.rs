//! The arrows of the flow, one file each.
//!
//! ```text
//! provider page -> event -> session -> verdict -> alert -> delivery
//!     sync                  detect     judge      plan     send
//! ```
//!
//! A step reads what stands to its left, calls a pure function, commits, and is safe to run again. No
//! step calls the next one: the tables are the queue.

use std::future::Future;

use chrono::{DateTime, Utc};

use crate::domain::alert::{AlertKey, Kind};
use crate::domain::calendar::CalendarId;
use crate::domain::judge::{Grade, Status};
use crate::domain::session::SessionId;
use crate::store::{Lease, RENEW_EVERY, StoreError};

pub mod accounts;
mod backoff;
mod budget;
pub mod calendars;
pub mod conference;
mod context;
pub mod detect;
pub mod digest;
pub mod judge;
mod lane;
pub mod plan;
pub mod report;
pub mod secrets;
pub mod send;
pub mod sync;
pub mod watch;

pub use budget::{Limit, Requests};
pub use context::{Context, NOTICES, SetUpError};
pub use lane::Shift;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did something; there may be more.
    Done,
    /// Nothing to do before this time, unless something changes.
    NextAt(DateTime<Utc>),
    /// Nothing to do, unless something changes.
    Idle,
}

impl Outcome {
    /// The sooner of two.
    fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, _) | (_, Self::Done) => Self::Done,
            (Self::NextAt(one), Self::NextAt(other)) => Self::NextAt(one.min(other)),
            (Self::NextAt(at), Self::Idle) | (Self::Idle, Self::NextAt(at)) => Self::NextAt(at),
            (Self::Idle, Self::Idle) => Self::Idle,
        }
    }

    fn waiting_for(next: Option<DateTime<Utc>>) -> Self {
        next.map_or(Self::Idle, Self::NextAt)
    }
}

/// What became of a batch. One that fails holds up no other: the rest is worked through before the
/// first error is told.
#[derive(Default)]
struct Batch {
    first_error: Option<StoreError>,
}

impl Batch {
    fn note(&mut self, result: Result<(), StoreError>) {
        match (result, &self.first_error) {
            (Ok(()), _) => {}
            (Err(error), None) => self.first_error = Some(error),
            (Err(error), Some(_)) => tracing::error!("another of the same batch failed: {error}"),
        }
    }

    fn end(self) -> Result<(), StoreError> {
        self.first_error.map_or(Ok(()), Err)
    }
}

/// Does work that rests on leases, and renews them for as long as it takes. (Whether they still hold
/// is found when the work is completed.)
async fn keeping<T, L>(context: &Context, leases: &[Lease<L>], work: impl Future<Output = T>) -> T {
    let renewing = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            for lease in leases {
                if let Err(error) = context.store.renew(lease).await {
                    tracing::warn!("a lease cannot be renewed: {error}");
                }
            }
        }
    };
    tokio::select! {
        done = work => done,
        () = renewing => unreachable!("it goes on for ever"),
    }
}

/// Something that somebody may want to see; told after it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    CalendarRead { calendar: CalendarId, added: usize, changed: usize, gone: usize },
    CalendarFailed { calendar: CalendarId, error: String },
    SessionFound { session: SessionId },
    SessionMoved { session: SessionId, from: DateTime<Utc> },
    Judged { session: SessionId, status: Status, grade: Grade },
    AlertSent { key: AlertKey, kind: Kind },
    AlertWithdrawn { key: AlertKey, kind: Kind, reason: String },
    AlertFailed { key: AlertKey, kind: Kind, error: String },
}
