//! Statements about who was there: their source, their time, what they say.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{ConferenceService, Response};
use super::people::{Address, ParticipantId};

/// One statement about presence. Statements are only ever added; of two about the same thing from
/// the same source the later one is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub statement: Statement,
    /// Since when it is so, or when mentord came to know it, where the source does not tell.
    pub at: DateTime<Utc>,
}

/// What is stated, and thereby who states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Statement {
    /// The calendar: somebody's answer to the invitation.
    Invitation { person: ParticipantId, response: Response },
    /// The calendar: the meeting is called off.
    Cancelled,
    /// The calendar: the meeting stands again after it was called off.
    Stands,
    /// The calendar: the meeting is now at another time.
    Moved { from: DateTime<Utc>, to: DateTime<Utc> },
    /// A conference record: the call ran, and these were in it.
    Conference(ConferenceRecord),
    /// A participant's answer to "did you meet?".
    Answer { person: ParticipantId, met: bool },
    /// A manager settles it.
    Settled { outcome: Outcome, by: String, why: String },
}

impl Statement {
    /// Where the statement comes from, in the order of strength (design section 5.3).
    pub fn source(&self) -> Source {
        match self {
            Self::Settled { .. } => Source::Manager,
            Self::Conference(_) => Source::Conference,
            Self::Answer { .. } => Source::Answer,
            Self::Invitation { .. } | Self::Cancelled | Self::Stands | Self::Moved { .. } => Source::Calendar,
        }
    }
}

/// Strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Manager,
    Conference,
    Answer,
    Calendar,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Conference => "conference",
            Self::Answer => "answer",
            Self::Calendar => "calendar",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Held,
    Missed,
    Cancelled,
    NotASession,
}

/// One run of a call, with who was in it and when. People who are no members of the pairing are
/// not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConferenceRecord {
    pub service: ConferenceService,
    /// The provider's key of the run; fetched again, a record takes the place of its earlier self.
    pub record: String,
    pub started: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub presences: Vec<Presence>,
}

/// Somebody was in a call from `joined` to `left`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// `None`: somebody unidentified (anonymous, by phone); nobody is named from a display name.
    pub person: Option<ParticipantId>,
    pub joined: DateTime<Utc>,
    pub left: DateTime<Utc>,
}

/// One run of a call as the provider tells it, before its people are matched with the pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub service: ConferenceService,
    pub record: String,
    pub started: DateTime<Utc>,
    /// `None` while it is still running.
    pub ended: Option<DateTime<Utc>>,
    pub attendances: Vec<Attendance>,
}

/// One stay in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// The address as which somebody was signed in; `None` for anonymous and phone joins and for
    /// identities that have no address.
    pub address: Option<Address>,
    pub joined: DateTime<Utc>,
    /// `None` while they are still there.
    pub left: Option<DateTime<Utc>>,
}
