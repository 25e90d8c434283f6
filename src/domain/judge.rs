//! What the evidence amounts to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::people::ParticipantId;

/// The version of the rules in this module, kept with every verdict. Raise it when they change.
pub const RULE_VERSION: u32 = 1;

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not settled yet whether it is a session.
    Proposed,
    Scheduled,
    Held,
    Missed,
    Cancelled,
    LateCancelled,
    /// Over, and nothing says what became of it.
    Unknown,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
            Self::LateCancelled => "late_cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// How well a verdict is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// A conference record shows it.
    Observed,
    /// Both sides say so.
    Confirmed,
    /// One side says so, or a manager.
    Reported,
    /// Everybody accepted and nothing speaks against it.
    Presumed,
    None,
}

impl Grade {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Confirmed => "confirmed",
            Self::Reported => "reported",
            Self::Presumed => "presumed",
            Self::None => "none",
        }
    }
}

/// What became of one person in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    Attended,
    Late,
    Absent,
    Declined,
    Unknown,
}

impl Attendance {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attended => "attended",
            Self::Late => "late",
            Self::Absent => "absent",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
        }
    }
}

/// The verdict on a session and on everybody in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    pub grade: Grade,
    /// In plain words, for programme managers.
    pub reason: String,
    /// One for each member of the pairing, the mentor first.
    pub people: Vec<PersonVerdict>,
    pub rule_version: u32,
    /// When it was reached.
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonVerdict {
    pub person: ParticipantId,
    pub verdict: Attendance,
    pub grade: Grade,
    /// When they came into the call, where a record shows it.
    pub joined_at: Option<DateTime<Utc>>,
    /// How long they were in the call, in whole minutes: the union of their stays.
    pub minutes: Option<i64>,
}
