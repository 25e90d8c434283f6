//! The JSON of the control endpoints, for both sides of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use super::quirks::Quirks;
pub use super::truth::{Occurrence, Presence, TrueMeeting};

/// Where a person's calendar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Google Workspace.
    Google,
    /// Microsoft 365.
    Microsoft,
    /// Somewhere the sandbox has no calendar for.
    #[default]
    None,
}

/// What a call is held in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conference {
    /// No link.
    #[default]
    None,
    /// Google Meet; the organizer must be with Google.
    Meet,
    /// Microsoft Teams; the organizer must be with Microsoft.
    Teams,
}

/// A guest's answer to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// No answer yet.
    #[default]
    NeedsAction,
    /// Yes.
    Accepted,
    /// No.
    Declined,
    /// Perhaps.
    Tentative,
}

/// A person to add.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// The mail address.
    pub address: String,
    /// The name that calendars show.
    #[serde(default)]
    pub name: String,
    /// Where the calendar is.
    #[serde(default)]
    pub provider: Provider,
    /// May read everyone in the directory (Google); others see only what is public in the domain.
    #[serde(default)]
    pub admin: bool,
    /// Has a guest account in the Microsoft tenant, and joins Teams calls signed in with it.
    #[serde(default)]
    pub entra_guest: bool,
}

/// A person as the world knows them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// The mail address, in lower case.
    pub address: String,
    /// The name that calendars show.
    pub name: String,
    /// Where the calendar is.
    pub provider: Provider,
    /// The vendor's id: digits with Google, a GUID with Microsoft, empty without either.
    pub user_id: String,
    /// May read everyone in the directory (Google).
    pub admin: bool,
    /// Joins Teams calls signed in as a guest of the Microsoft tenant.
    pub entra_guest: bool,
}

/// A meeting to plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMeeting {
    /// Whose meeting it is.
    pub organizer: String,
    /// Who is invited, the organizer left out.
    #[serde(default)]
    pub attendees: Vec<String>,
    /// The title.
    pub title: String,
    /// The start on the wall clock, such as `2026-10-05T10:00` (or a date when `all_day`).
    pub start: String,
    /// The IANA zone of `start`.
    pub timezone: String,
    /// How long it is.
    pub minutes: i64,
    /// Whole days, as many as `minutes` fill.
    #[serde(default)]
    pub all_day: bool,
    /// A recurrence rule such as `FREQ=WEEKLY;BYDAY=MO`.
    #[serde(default)]
    pub rrule: Option<String>,
    /// The kind of call.
    #[serde(default)]
    pub conference: Conference,
    /// Where it is.
    #[serde(default)]
    pub location: Option<String>,
    /// `default`, `public`, `private` or `confidential`.
    #[serde(default)]
    pub visibility: Option<String>,
    /// `opaque` or `transparent`.
    #[serde(default)]
    pub transparency: Option<String>,
    /// Google's event type: `default`, `outOfOffice`, `focusTime`, `workingLocation`.
    #[serde(default)]
    pub event_type: Option<String>,
    /// The text of the invitation.
    #[serde(default)]
    pub description: Option<String>,
    /// Addresses of rooms that are booked with it.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// Who made it, where that is somebody else than the organizer: a meeting that is kept on another
    /// calendar of Google's than the first of its owner has that calendar's address as its organizer,
    /// such as `team@group.calendar.google.com`.
    #[serde(default)]
    pub creator: Option<String>,
}

/// What else may change of a meeting as a whole; what is not named stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alteration {
    /// `opaque` or `transparent`.
    pub transparency: Option<String>,
    /// Whole days, or not.
    pub all_day: Option<bool>,
    /// The first start on the wall clock.
    pub start: Option<String>,
    /// How long it is.
    pub minutes: Option<i64>,
    /// A recurrence rule makes a series of it; an empty text makes a single meeting of a series.
    pub rrule: Option<String>,
    /// The kind of call.
    pub conference: Option<Conference>,
    /// Addresses of rooms.
    pub rooms: Option<Vec<String>>,
}

/// What planning a meeting answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Planned {
    /// The sandbox's name for the meeting, used in the other control calls.
    pub id: String,
    /// The iCalendar UID as its organizer's system made it.
    pub uid: String,
    /// The Meet code or the Teams join address.
    pub conference_key: Option<String>,
}

/// Somebody joins or leaves a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// An address, or nobody that can be named.
    pub who: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// The original start of the occurrence; the nearest one when absent.
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
}

/// A fault to serve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Requests whose path and query contain this.
    pub path_contains: String,
    /// The status they get.
    pub status: u16,
    /// How many requests.
    pub times: u32,
    /// A `Retry-After` header, as written.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// The body; the vendor's own error when absent.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
}

/// Whether Graph lets an application at somebody's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mailbox {
    /// As its permissions say.
    #[default]
    Open,
    /// The person is new: there is no mailbox yet.
    New,
    /// An application access policy shuts it out.
    Shut,
    /// No policy of Teams lets it at the calls that the person organises.
    NoCalls,
}

/// Sets that.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxOrder {
    /// What it is from now on.
    pub is: Mailbox,
}

/// What the service itself may do at a vendor, whatever people consent to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationOrder {
    /// Where.
    pub provider: Provider,
    /// Whether it gets tokens.
    pub admitted: bool,
}

/// Somebody who asked to be told of changes: a Google channel or a Graph subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose it is.
    pub provider: Provider,
    /// The channel's name, or the subscription's id.
    pub id: String,
    /// The calendar it is about.
    pub address: String,
    /// Google's resource id, or the resource as it was asked for.
    pub resource: String,
    /// Where notices go.
    pub url: String,
    /// What the client wants to see in each notice.
    pub secret: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What befalls notices, nothing at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeRules {
    /// None arrives, and nobody learns of it.
    pub lose: bool,
    /// Each is sent twice.
    pub duplicate: bool,
}

/// A notice that was sent, or lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notified {
    /// Whose notice it was.
    pub provider: Provider,
    /// Where it went.
    pub url: String,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body; Google's have none.
    pub body: Option<serde_json::Value>,
    /// It was lost on purpose.
    pub lost: bool,
    /// What the receiver answered in the end; nothing when it could not be reached.
    pub status: Option<u16>,
}

/// What Graph tells about a subscription itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// It has to be authorized again, or ends.
    ReauthorizationRequired,
    /// It is gone.
    SubscriptionRemoved,
    /// Notices were lost.
    Missed,
}

/// Sends a lifecycle notice.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecycleOrder {
    /// Which.
    pub event: Lifecycle,
}

/// How a client learns that its subscription was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// Not at all.
    Silent,
    /// By a lifecycle notice at once.
    Told,
    /// By a 404 when it renews, and a lifecycle notice after that.
    AtRenewal,
}

/// Removes a subscription.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalOrder {
    /// How its client learns of it.
    pub when: Removal,
}

/// How people answer when a vendor asks for their consent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Will {
    /// This person signs in, whoever was meant.
    pub sign_in_as: Option<String>,
    /// They say no.
    pub deny: bool,
    /// They leave out the scopes in whose names one of these occurs.
    pub without: Vec<String>,
    /// For how many seconds access tokens are said to last.
    pub expires_in: Option<u64>,
    /// The vendor sends them back with this error and description, whatever they say.
    pub fails: Option<(String, String)>,
    /// What ID tokens claim otherwise.
    pub claims: BTreeMap<String, serde_json::Value>,
}

/// A mail that the sink took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message as it came, dots unstuffed.
    pub data: String,
}
