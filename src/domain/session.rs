//! Sessions: one real meeting of one pairing, put together from all the copies of the event.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::calendar::CalendarId;
use super::detect::{Decision, Reason};
use super::event::{Conference, Response};
use super::judge::Verdict;
use super::pairing::PairingId;
use super::people::ParticipantId;

mod assemble;
mod heirs;
pub use assemble::{Assembly, assemble};

/// The store's key of a [`Copy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyId(pub i64);

/// Names a session for good: made from what identified it first, so that finding it twice makes it
/// once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one calendar says about one occurrence in which a pairing meets. Nothing else of the event
/// is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub id: CopyId,
    pub pairing: PairingId,
    pub calendar: CalendarId,
    /// Whose calendar it is.
    pub owner: ParticipantId,
    pub facts: CopyFacts,
    /// When the calendar was first seen to say this.
    pub changed_at: DateTime<Utc>,
    /// The session that the copy was found to belong to.
    pub session: Option<SessionId>,
}

/// The part of a [`Copy`] that comes from the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFacts {
    /// The provider's key of the occurrence within the calendar.
    pub event: String,
    /// The provider's key of the series.
    pub series: Option<String>,
    /// The iCalendar UID that all copies share.
    pub uid: Option<String>,
    /// The start that the series' rule gave the occurrence.
    pub original_start: Option<DateTime<Utc>>,
    pub start: DateTime<Utc>,
    /// Exclusive.
    pub end: DateTime<Utc>,
    pub state: CopyState,
    /// The member of the pairing who called the meeting, if it was one.
    pub organizer: Option<ParticipantId>,
    /// What the calendar knows of the members' answers.
    pub responses: BTreeMap<ParticipantId, Response>,
    pub conference: Option<Conference>,
    /// What was made of the event, and why.
    pub decision: Decision,
    pub score: i32,
    pub reasons: Vec<Reason>,
    /// The calendar shows fewer guests than there are.
    pub guests_hidden: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    Stands,
    /// Still on the calendar, called off.
    Cancelled,
    /// No longer on the calendar.
    Gone,
}

impl CopyState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Cancelled => "cancelled",
            Self::Gone => "gone",
        }
    }
}

/// One real meeting of one pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub pairing: PairingId,
    /// The iCalendar UID of the event or its series.
    pub uid: Option<String>,
    /// The start that the series' rule gave it, for an occurrence of a series.
    pub original_start: Option<DateTime<Utc>>,
    pub start: DateTime<Utc>,
    /// Exclusive.
    pub end: DateTime<Utc>,
    /// How often it was moved.
    pub moves: u32,
    /// Whether it is still on; a session that was called off does not stand.
    pub stands: bool,
    /// `Taken`, or `Proposed` while nobody has settled whether it is a session; `Left` once it
    /// turned out to be none.
    pub decision: Decision,
    pub organizer: Option<ParticipantId>,
    pub responses: BTreeMap<ParticipantId, Response>,
    pub conference: Option<Conference>,
    /// The verdict that is valid now.
    pub verdict: Verdict,
}

impl Session {
    pub fn length(&self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether somebody said that they would not come.
    pub fn declined(&self, person: ParticipantId) -> bool {
        self.responses.get(&person) == Some(&Response::Declined)
    }
}
