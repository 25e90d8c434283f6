//! Who is to be told what, and when.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::pairing::PairingId;
use super::people::{Address, ParticipantId};
use super::session::SessionId;

mod before;
mod plan;
mod quiet;
mod recheck;
pub use plan::{Plan, Planned, digest, plan, reconcile};
pub use recheck::{Check, Facts, recheck};

/// Makes an alert single: kind, what it is about, slot, recipient. The store has a unique index on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey(pub String);

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A session is coming.
    Reminder,
    /// A session did not come together.
    Missed,
    /// A pairing has not met for longer than it means to.
    Nudge,
    /// A pairing has not met yet.
    FirstMeeting,
    /// A program's summary for its managers.
    Digest,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Missed => "missed",
            Self::Nudge => "nudge",
            Self::FirstMeeting => "first_meeting",
            Self::Digest => "digest",
        }
    }
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub key: AlertKey,
    pub kind: Kind,
    /// The program's name.
    pub program: String,
    pub pairing: Option<PairingId>,
    pub session: Option<SessionId>,
    /// `None` for managers, who are no participants.
    pub person: Option<ParticipantId>,
    pub recipient: Address,
    /// The start, the due date or the cron slot that it is about.
    pub about: DateTime<Utc>,
    /// The rung of a ladder, from 1; 1 where there is no ladder.
    pub step: u32,
    /// When to send it, quiet hours already considered.
    pub due_at: DateTime<Utc>,
    /// After this it is withdrawn rather than sent late.
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Planned,
    Sent,
    Withdrawn,
    Failed,
}

impl AlertState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sent => "sent",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }
}
