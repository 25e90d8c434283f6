//! One participant's calendar through one connection, and how well it can be read.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::event::Window;
use super::people::{Address, ParticipantId};

pub mod pace;

/// The store's key of a [`Calendar`]; people see it as `c3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(pub i64);

impl fmt::Display for CalendarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl Serialize for CalendarId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One participant's calendar through one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub id: CalendarId,
    /// The connection's name.
    pub connection: String,
    pub owner: ParticipantId,
    /// The owner's address within the connection.
    pub address: Address,
    /// It is read; one that is not wanted any more keeps its history.
    pub active: bool,
    /// Where the next listing goes on, and the window that it is bound to.
    pub cursor: Option<(String, Window)>,
    /// The last listing had no end: there is no cursor to go on with, and what it lacks may be there.
    pub open_ended: bool,
    pub state: CalendarState,
    /// The last error, while there is one.
    pub error: Option<String>,
    /// The series, by the provider's key, that have too many occurrences to be read.
    pub withheld: BTreeSet<String>,
    pub last_synced_at: Option<DateTime<Utc>>,
    pub next_sync_at: DateTime<Utc>,
    /// How many times in a row reading it failed.
    pub failures: u32,
    /// How often its provider has told of a change, ever.
    pub told: u32,
    /// What `told` was when the last reading began.
    pub told_before: u32,
    /// Why its provider cannot be made to tell of changes, while that is so.
    pub watch_error: Option<String>,
    /// Why the records of its owner's calls cannot be had, while that is so.
    pub calls_error: Option<String>,
}

impl Calendar {
    /// What is the matter with it: the last error, else what it can be read without.
    pub fn trouble(&self) -> Option<String> {
        if let Some(error) = &self.error {
            return Some(error.clone());
        }
        let left_out = self.withheld.first().map(|first| match self.withheld.len() {
            1 => format!("1 series is left out, as it has too many occurrences: {first}"),
            many => format!(
                "{many} series are left out, as they have too many occurrences: {first} and {} more",
                many - 1
            ),
        });
        let open_ended = self.open_ended.then(|| {
            "read in full every time, as its listings end without saying where to go on; events far \
             ahead that are called off are noticed later"
                .to_owned()
        });
        let not_told = self
            .watch_error
            .as_ref()
            .map(|error| format!("read from time to time only, as changes are not told of: {error}"));
        let no_calls =
            self.calls_error.as_ref().map(|error| format!("who was in calls cannot be looked up: {error}"));
        let all: Vec<String> = [left_out, open_ended, not_told, no_calls].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarState {
    Active,
    NeedsConsent,
    Unreachable,
    BackingOff,
}

impl CalendarState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsConsent => "needs_consent",
            Self::Unreachable => "unreachable",
            Self::BackingOff => "backing_off",
        }
    }
}

/// How lately the calendars of a pairing's members were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many of them are connected.
    pub connected: u32,
    /// When the one was read that was read longest ago; `None` while one was never read, or none is
    /// connected.
    pub oldest: Option<DateTime<Utc>>,
    /// When the one was read that was read last.
    pub newest: Option<DateTime<Utc>>,
}

/// How long a calendar may go unread before it counts as stale.
pub const STALE_AFTER: TimeDelta = TimeDelta::days(1);

impl Reading {
    /// Whether what the pairing does can be seen: one side is enough.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.newest.is_some_and(|newest| now - newest <= STALE_AFTER)
    }
}
