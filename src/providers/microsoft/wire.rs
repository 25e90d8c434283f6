//! Graph's JSON as it comes, as far as it is read. Everything may be missing, and enums grow and
//! change their letter case: what it means is decided in `map`.

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// What is asked for where Graph lets one choose; `calendarView/delta` does not.
pub const EVENT_FIELDS: &str = "id,type,seriesMasterId,iCalUId,subject,start,end,isAllDay,\
    isCancelled,isDraft,isOrganizer,originalStart,originalStartTimeZone,originalEndTimeZone,sensitivity,\
    showAs,categories,organizer,attendees,hideAttendees,location,isOnlineMeeting,\
    onlineMeetingProvider,onlineMeeting,onlineMeetingUrl,responseStatus";

/// An event, an occurrence of one, or the master of a series.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    pub id: String,
    /// Graph removed it from the listing, and says no more.
    #[serde(rename = "@removed", deserialize_with = "is_there")]
    pub removed: bool,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub series_master_id: Option<String>,
    #[serde(rename = "iCalUId")]
    pub ical_uid: Option<String>,
    pub subject: Option<String>,
    pub start: Option<LocalTime>,
    pub end: Option<LocalTime>,
    pub is_all_day: Option<bool>,
    pub is_cancelled: Option<bool>,
    /// The organiser has changed it and told nobody yet.
    pub is_draft: Option<bool>,
    pub is_organizer: Option<bool>,
    pub original_start: Option<DateTime<Utc>>,
    pub original_start_time_zone: Option<String>,
    pub original_end_time_zone: Option<String>,
    /// Not in the metadata, and sent all the same: `OID.{master}.{yyyy-mm-dd}`.
    pub occurrence_id: Option<String>,
    pub sensitivity: Option<String>,
    pub show_as: Option<String>,
    #[serde(deserialize_with = "without_nulls")]
    pub categories: Option<Vec<String>>,
    pub organizer: Option<Recipient>,
    #[serde(deserialize_with = "without_nulls")]
    pub attendees: Option<Vec<Attendee>>,
    pub hide_attendees: Option<bool>,
    pub location: Option<Location>,
    pub is_online_meeting: Option<bool>,
    pub online_meeting_provider: Option<String>,
    pub online_meeting: Option<OnlineMeetingInfo>,
    pub online_meeting_url: Option<String>,
    pub response_status: Option<ResponseStatus>,
}

/// For what says something by being there.
fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// Of a collection what there is: nothing in it is promised not to be null.
fn without_nulls<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let items: Option<Vec<Option<T>>> = Option::deserialize(value)?;
    Ok(items.map(|items| items.into_iter().flatten().collect()))
}

/// What part an event plays in a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Single,
    Master,
    Occurrence,
    Exception,
}

impl Event {
    /// The part, also where the type is missing: then details of its own make an exception.
    pub fn part(&self) -> Part {
        let kind = self.kind.as_deref().unwrap_or_default();
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        match &self.series_master_id {
            _ if is("seriesMaster") => Part::Master,
            Some(_) if is("occurrence") || self.is_stub() => Part::Occurrence,
            Some(_) => Part::Exception,
            None => Part::Single,
        }
    }

    /// Whether only key and times came, as occurrences do in a delta.
    pub fn is_stub(&self) -> bool {
        self.organizer.is_none() && self.attendees.is_none() && self.subject.is_none()
    }
}

/// A time on the clocks of a zone, without an offset.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalTime {
    pub date_time: String,
    #[serde(default)]
    pub time_zone: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    pub email_address: Option<EmailAddress>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EmailAddress {
    pub address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attendee {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub status: Option<ResponseStatus>,
    pub email_address: Option<EmailAddress>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ResponseStatus {
    pub response: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    pub display_name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineMeetingInfo {
    pub join_url: Option<String>,
}

/// Whether an enum has one of these values.
pub fn is_any(value: Option<&str>, names: &[&str]) -> bool {
    let is = |value: &str| names.iter().any(|name| value.eq_ignore_ascii_case(name));
    value.is_some_and(is)
}
