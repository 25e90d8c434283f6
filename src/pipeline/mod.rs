//! The arrows of the flow, one file each.
//!
//! ```text
//! provider page -> event -> session -> verdict -> alert -> delivery
//!     sync                  detect     judge      plan     send
//! ```
//!
//! A step reads what stands to its left, calls a pure function, commits, and is safe to run again. No
//! step calls the next one: the tables are the queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::config::Sync;
use crate::domain::alert::{AlertKey, Kind};
use crate::domain::calendar::CalendarId;
use crate::domain::judge::{Grade, Status};
use crate::domain::pairing::Pairing;
use crate::domain::program::Program;
use crate::domain::session::SessionId;
use crate::notify::Notifier;
use crate::providers::Provider;
use crate::store::{Store, StoreError};

pub mod conference;
pub mod detect;
pub mod digest;
pub mod judge;
pub mod plan;
pub mod report;
pub mod send;
pub mod sync;

/// What the steps work with. Made once, shared by all.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    /// By the connection's name.
    pub providers: Arc<BTreeMap<String, Arc<dyn Provider>>>,
    pub programs: Arc<Vec<Program>>,
    /// `None`: alerts are planned and never sent.
    pub notifier: Option<Arc<Notifier>>,
    pub clock: Arc<dyn Clock>,
    pub sync: Sync,
    /// Who wants to hear what happens, as it happens.
    pub listener: Option<mpsc::UnboundedSender<Happening>>,
}

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
    fn waiting_for(next: Option<DateTime<Utc>>) -> Self {
        next.map_or(Self::Idle, Self::NextAt)
    }
}

/// Something that somebody may want to see; told after it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    CalendarRead { calendar: CalendarId, added: u32, changed: u32, gone: u32 },
    CalendarFailed { calendar: CalendarId, error: String },
    SessionFound { session: SessionId },
    SessionMoved { session: SessionId, from: DateTime<Utc> },
    Judged { session: SessionId, status: Status, grade: Grade },
    AlertSent { key: AlertKey, kind: Kind },
    AlertWithdrawn { key: AlertKey, kind: Kind, reason: String },
    AlertFailed { key: AlertKey, kind: Kind, error: String },
}

impl Context {
    fn tell(&self, happening: Happening) {
        if let Some(listener) = &self.listener {
            // Nobody has to listen.
            let _ = listener.send(happening);
        }
    }

    /// The program of that name, while it is configured.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The configured programs, each with its pairings.
    async fn programs_with_pairings(&self) -> Result<Vec<(&Program, Vec<Pairing>)>, StoreError> {
        let mut programs = Vec::with_capacity(self.programs.len());
        for program in self.programs.iter() {
            programs.push((program, self.store.pairings(Some(&program.name)).await?));
        }
        Ok(programs)
    }
}
