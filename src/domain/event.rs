//! One occurrence on one calendar, in the words of no vendor.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::people::Address;

/// A point in time as calendars know it: an instant, or a whole day without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    At(DateTime<Utc>),
    Day(NaiveDate),
}

impl Moment {
    /// The instant meant, a day beginning at its first midnight in `zone` (or as soon after as the
    /// clock there shows one).
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::At(instant) => instant,
            Self::Day(day) => (0..24)
                .filter_map(|hour| NaiveTime::from_hms_opt(hour, 0, 0))
                .find_map(|time| zone.from_local_datetime(&day.and_time(time)).earliest())
                .map_or_else(|| day.and_time(NaiveTime::MIN).and_utc(), |local| local.to_utc()),
        }
    }
}

/// A stretch of time: the start belongs to it, the end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl Window {
    /// Whether something that runs from `start` to `end` touches the window.
    pub fn touches(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        start < self.to && end > self.from
    }
}

/// One occurrence on one calendar. Series are seen as their occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The provider's own key of the occurrence within its calendar, stable over edits and moves.
    pub key: String,
    /// The provider's key of the series, for an occurrence of one.
    pub series: Option<String>,
    /// The plain iCalendar UID that all copies of the meeting share (RFC 5545, 3.8.4.7).
    pub uid: Option<String>,
    /// For an occurrence of a series: the start its rule gave it, whatever it was moved to.
    pub original_start: Option<Moment>,
    pub start: Moment,
    /// Exclusive.
    pub end: Moment,
    /// The zone the event was planned in, as an IANA name.
    pub zone: Option<String>,
    pub state: EventState,
    pub kind: EventKind,
    /// Marked private or confidential: people and title are left out whatever the provider sent.
    pub private: bool,
    /// Shown as free.
    pub free: bool,
    /// Used to detect and never stored.
    pub title: Option<String>,
    /// Used to detect and never stored.
    pub categories: Vec<String>,
    pub organizer: Option<Address>,
    /// Who wrote it on a calendar that is nobody's own, and then is its organiser: whether they are to come
    /// is not said.
    pub written_by: Option<Address>,
    /// People and rooms, the organiser only where invited as well.
    pub guests: Vec<Guest>,
    /// The provider shows fewer guests than there are.
    pub guests_hidden: bool,
    /// A place is named.
    pub has_place: bool,
    pub conference: Option<Conference>,
    /// Set when mentord made the event itself.
    pub marker: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    Confirmed,
    Tentative,
    /// Called off, and still on the calendar or reported as such.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Meeting,
    OutOfOffice,
    FocusTime,
    /// Working location, birthday, taken from mail, and whatever comes to be.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub address: Address,
    pub response: Response,
    /// A room or a device, not a person.
    pub resource: bool,
}

/// What somebody answered to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is their own meeting.
    Organizer,
    Accepted,
    Tentative,
    Declined,
    /// Asked, and not answered yet.
    NeedsAction,
    /// The calendar at hand does not know what they answered.
    Unknown,
}

impl Response {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organizer => "organizer",
            Self::Accepted => "accepted",
            Self::Tentative => "tentative",
            Self::Declined => "declined",
            Self::NeedsAction => "needs_action",
            Self::Unknown => "unknown",
        }
    }
}

/// The call that belongs to an event, by the key under which its records are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conference {
    pub service: ConferenceService,
    /// Google Meet: the meeting code. Microsoft Teams: the join URL.
    pub key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConferenceService {
    GoogleMeet,
    MicrosoftTeams,
    /// A call whose records mentord cannot read.
    Other,
}

impl ConferenceService {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoogleMeet => "google_meet",
            Self::MicrosoftTeams => "microsoft_teams",
            Self::Other => "other",
        }
    }
}
