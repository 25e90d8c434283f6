//! Meetings as they truly are, for both sides of the control endpoints.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::wire::{Conference, Response};

/// A meeting as it truly is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrueMeeting {
    /// The sandbox's name for it.
    pub id: String,
    /// The iCalendar UID.
    pub uid: String,
    /// Whose meeting it is.
    pub organizer: String,
    /// Who made it, where that is somebody else.
    pub creator: Option<String>,
    /// Who is invited.
    pub attendees: Vec<String>,
    /// The title.
    pub title: String,
    /// It is a series, of however many.
    pub series: bool,
    /// It takes whole days.
    pub all_day: bool,
    /// The IANA zone on whose clock it was planned.
    pub timezone: String,
    /// It is shown as free.
    pub free: bool,
    /// Addresses of rooms that are booked with it.
    pub rooms: Vec<String>,
    /// The kind of call.
    pub conference: Conference,
    /// The Meet code or the Teams join address.
    pub conference_key: Option<String>,
    /// The organizer cancelled it as a whole.
    pub cancelled: bool,
    /// What takes place in the asked window.
    pub occurrences: Vec<Occurrence>,
}

/// One occurrence as it truly is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Occurrence {
    /// Where the plan had it.
    pub original_start: DateTime<Utc>,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// The title.
    pub title: String,
    /// It was cancelled.
    pub cancelled: bool,
    /// The guests who took it off their calendars.
    pub taken_off_by: Vec<String>,
    /// The answers by address: of everybody who is invited to this occurrence.
    pub responses: BTreeMap<String, Response>,
    /// Who was in the call.
    pub attendance: Vec<Presence>,
}

/// Somebody's stay in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// An address, or nobody that can be named.
    pub who: Option<String>,
    /// When they came.
    pub joined_at: DateTime<Utc>,
    /// When they went.
    pub left_at: Option<DateTime<Utc>>,
}
