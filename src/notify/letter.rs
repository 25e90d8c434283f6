//! What a mail says, as plain data: everything that a template needs and nothing else.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use url::Url;

use crate::domain::event::Conference;
use crate::domain::pairing::Role;
use crate::domain::people::Address;

/// One mail to one person, before it is put into words.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The program's title.
    pub program: String,
    /// The zone in which times are written.
    pub zone: Tz,
    /// What to call the recipient, where a name is known.
    pub greeting: Option<String>,
    pub matter: Matter,
}

/// What a letter is about, one variant per kind of alert.
#[derive(Clone, Debug, PartialEq)]
pub enum Matter {
    Reminder(Reminder),
    Missed(Missed),
    Nudge(Nudge),
    FirstMeeting(FirstMeeting),
    Digest(Digest),
    Consent(Consent),
}

/// Consent is asked for, or a way to withdraw it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Whose calendar it is about.
    pub address: Address,
    /// Who has the calendar: Google, Microsoft.
    pub vendor: String,
    pub link: Url,
    pub until: DateTime<Utc>,
    /// The link is for withdrawing.
    pub withdraw: bool,
}

/// A session is coming.
#[derive(Clone, Debug, PartialEq)]
pub struct Reminder {
    /// The recipient's.
    pub role: Role,
    /// The names of the other members.
    pub others: Vec<String>,
    pub start: DateTime<Utc>,
    /// Exclusive.
    pub end: DateTime<Utc>,
    /// From the moment of sending to the start; it is rounded, and left out when already past.
    pub lead: TimeDelta,
    /// The call of this session.
    pub conference: Option<Conference>,
}

/// A session did not come together. Who came and who did not is nobody's business here.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The names of the other members.
    pub others: Vec<String>,
    pub start: DateTime<Utc>,
    /// Exclusive.
    pub end: DateTime<Utc>,
    /// The recipient waited alone, and knows it: thanked, without a word about anybody else.
    pub seen_alone: bool,
    /// When the pairing meets next, where the calendar says so already.
    pub next: Option<DateTime<Utc>>,
}

/// No session was held, and none is planned, for longer than the cadence.
#[derive(Clone, Debug, PartialEq)]
pub struct Nudge {
    pub audience: Audience,
    /// The names of the other members; of all of them when a manager reads it.
    pub others: Vec<String>,
    pub last_held: Option<DateTime<Utc>>,
    pub cadence: TimeDelta,
}

/// Whom a nudge is for: the steps of its ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The mentee alone, first.
    Mentee,
    /// Every member.
    Both,
    /// A manager, last.
    Manager,
}

/// A new pairing has not found its first session.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstMeeting {
    /// The recipient's.
    pub role: Role,
    /// The names of the other members.
    pub others: Vec<String>,
    pub since: NaiveDate,
    /// How soon the program hopes for a first session.
    pub within: TimeDelta,
}

/// The state of a program, for its managers: the only letter that names pairings.
#[derive(Clone, Debug, PartialEq)]
pub struct Digest {
    /// The first day of the period.
    pub from: NaiveDate,
    /// The last day of the period.
    pub to: NaiveDate,
    pub as_of: DateTime<Utc>,
    pub sessions: Counts,
    /// `None` when there is nothing to divide by.
    pub attendance: Option<Attendance>,
    pub to_look_after: Vec<LookAfter>,
    pub coverage: Coverage,
}

/// Sessions of the period. `scheduled` are those that were not cancelled and are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub scheduled: u32,
    pub held: u32,
    pub missed: u32,
    pub cancelled: u32,
    pub unknown: u32,
}

/// Held over held and missed, from 0 to 1; `low` and `high` count the unknown as missed and as held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attendance {
    pub rate: f64,
    pub low: f64,
    pub high: f64,
}

/// A pairing that could use a manager's eye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAfter {
    pub pair: String,
    /// A phrase that can follow a colon.
    pub why: String,
}

/// How much of the program can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub connected: u32,
    pub total: u32,
    /// Connected, and not read lately.
    pub stale: u32,
}
