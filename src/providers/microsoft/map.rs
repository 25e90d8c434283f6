//! Graph's events in the words of the domain.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::wire::{self, LocalTime, Part};
use super::zones;
use crate::domain::event::{
    Conference, ConferenceService, Event, EventKind, EventState, Guest, Moment, Response,
};
use crate::domain::people::Address;
use crate::domain::uid::plain_uid;

/// Why an event cannot be read, without anything that stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// The event as it stands on the calendar of `owner`; `master` is that of its series, if it belongs
/// to one and it is at hand. A master itself becomes its first occurrence, with its own key as that
/// of the series.
pub fn event(own: &wire::Event, master: Option<&wire::Event>, owner: &Address) -> Result<Event, Unreadable> {
    if own.id.is_empty() {
        return Err(Unreadable("it has no id"));
    }
    let part = own.part();
    // Occurrences come as little more than key and times.
    let details = match (part, master) {
        (Part::Occurrence, Some(master)) if own.is_stub() => master,
        (Part::Occurrence, None) if own.is_stub() => {
            return Err(Unreadable("the master of its series is missing"));
        }
        _ => own,
    };
    let (start, end) = span(own, details)?;
    let series = match part {
        Part::Single => None,
        Part::Master => Some(own.id.clone()),
        Part::Occurrence | Part::Exception => own.series_master_id.clone(),
    };
    let original_start = match part {
        Part::Single | Part::Master => None,
        // By definition it was not moved.
        Part::Occurrence => Some(start),
        Part::Exception => original_start(own, master),
    };
    let private = is_any(&details.sensitivity, &["private", "confidential"]);
    let people = if private { People::default() } else { People::of(details, owner) };
    let free = is_any(&details.show_as, &["free"]);
    Ok(Event {
        key: own.id.clone(),
        series,
        uid: [master.and_then(|master| master.ical_uid.as_deref()), own.ical_uid.as_deref()]
            .into_iter()
            .flatten()
            .find(|uid| !uid.trim().is_empty())
            .map(plain_uid),
        original_start,
        start,
        end,
        zone: zone(details.original_start_time_zone.as_deref()).map(|zone| zone.name().to_owned()),
        state: state(details),
        kind: if is_any(&details.show_as, &["oof"]) { EventKind::OutOfOffice } else { EventKind::Meeting },
        private,
        free,
        title: details.subject.clone().filter(|title| !private && !title.is_empty()),
        categories: details.categories.clone().filter(|_| !private).unwrap_or_default(),
        organizer: people.organizer,
        guests: people.guests,
        guests_hidden: people.hidden,
        has_place: !private && has_place(details),
        conference: conference(details).filter(|_| !private),
        marker: None,
    })
}

/// The start that the rule gave to an exception, as far as it or its series tells.
pub fn original_start(own: &wire::Event, master: Option<&wire::Event>) -> Option<Moment> {
    let zone_name =
        own.original_start_time_zone.as_deref().or_else(|| master?.original_start_time_zone.as_deref());
    let all_day = |event: &wire::Event| event.is_all_day == Some(true);
    if let Some(instant) = own.original_start {
        // Whether it was a whole day before it was moved only the series knows.
        return Some(if all_day(master.unwrap_or(own)) {
            Moment::Day(day(instant.naive_utc(), zone(zone_name), instant))
        } else {
            Moment::At(instant)
        });
    }
    let master = master?;
    let date = own.occurrence_id.as_deref()?.rsplit('.').next()?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    if all_day(master) {
        return Some(Moment::Day(date));
    }
    let zone = zone(master.original_start_time_zone.as_deref())?;
    let first = instant(master.start.as_ref()?).ok()?;
    let wall = first.with_timezone(&zone).time();
    Some(Moment::At(on_clock(zone, date.and_time(wall))?))
}

/// Start and end of an event, its days told from its instants by `details`.
fn span(own: &wire::Event, details: &wire::Event) -> Result<(Moment, Moment), Unreadable> {
    let start = own.start.as_ref().ok_or(Unreadable("it has no start"))?;
    let end = own.end.as_ref().ok_or(Unreadable("it has no end"))?;
    if details.is_all_day != Some(true) {
        let (start, end) = (instant(start)?, instant(end)?);
        if end < start {
            return Err(Unreadable("it ends before it starts"));
        }
        return Ok((Moment::At(start), Moment::At(end)));
    }
    let start_zone = zone(details.original_start_time_zone.as_deref());
    let end_zone = zone(details.original_end_time_zone.as_deref()).or(start_zone);
    let first = day(naive(start)?, start_zone, instant(start)?);
    let last = day(naive(end)?, end_zone, instant(end)?);
    let next = first.checked_add_days(Days::new(1)).unwrap_or(first);
    Ok((Moment::Day(first), Moment::Day(last.max(next))))
}

/// The date of a midnight. Asked for in UTC, midnight may come as such or shifted by the offset of
/// the zone in which the day was entered.
fn day(told: NaiveDateTime, zone: Option<Tz>, instant: DateTime<Utc>) -> NaiveDate {
    if told.time() == NaiveTime::MIN {
        return told.date();
    }
    let local = zone.map(|zone| instant.with_timezone(&zone).naive_local());
    match local {
        Some(local) if local.time() == NaiveTime::MIN => local.date(),
        // The zone is not known, or not the one: the nearest midnight.
        _ => (told + Duration::hours(12)).date(),
    }
}

fn naive(time: &LocalTime) -> Result<NaiveDateTime, Unreadable> {
    let text = time.date_time.trim();
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| DateTime::parse_from_rfc3339(text).map(|time| time.naive_utc()))
        .map_err(|_| Unreadable("a time cannot be read"))
}

fn instant(time: &LocalTime) -> Result<DateTime<Utc>, Unreadable> {
    // With an offset of its own, against the rule, the zone beside it does not matter.
    if let Ok(time) = DateTime::parse_from_rfc3339(time.date_time.trim()) {
        return Ok(time.to_utc());
    }
    let clock = naive(time)?;
    let zone = match time.time_zone.as_deref() {
        None | Some("") => Tz::UTC,
        Some(name) => zones::zone(name).ok_or(Unreadable("a time zone is not known"))?,
    };
    on_clock(zone, clock).ok_or(Unreadable("a time does not exist"))
}

/// The instant at which the clocks of `zone` show this, or would, had they not been put forward.
fn on_clock(zone: Tz, clock: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = zone.from_local_datetime(&clock).earliest().or_else(|| {
        let before = zone.from_local_datetime(&(clock - Duration::hours(3))).earliest()?;
        Some(before + Duration::hours(3))
    });
    found.map(|time| time.to_utc())
}

fn zone(name: Option<&str>) -> Option<Tz> {
    name.and_then(zones::zone)
}

fn state(details: &wire::Event) -> EventState {
    if details.is_cancelled == Some(true) {
        EventState::Cancelled
    } else if is_organizer(details) && is_any(&details.show_as, &["tentative"]) {
        // On a guest's copy this only says that they have not accepted.
        EventState::Tentative
    } else {
        EventState::Confirmed
    }
}

#[derive(Default)]
struct People {
    organizer: Option<Address>,
    guests: Vec<Guest>,
    hidden: bool,
}

impl People {
    /// Who is on the event, as far as the copy of `owner` knows: the organiser's copy has the
    /// answers, a guest's copy usually only their own.
    fn of(details: &wire::Event, owner: &Address) -> Self {
        let is_organizer = is_organizer(details);
        let organizer =
            details.organizer.as_ref().and_then(|organizer| address(organizer.email_address.as_ref()));
        let own_answer = details.response_status.as_ref();
        let mut owner_listed = false;
        let mut guests = Vec::new();
        for attendee in details.attendees.iter().flatten() {
            let Some(address) = address(attendee.email_address.as_ref()) else {
                continue;
            };
            let listed = response(attendee.status.as_ref());
            let is_owner = same(&address, owner);
            owner_listed |= is_owner;
            let response = if organizer.as_ref().is_some_and(|one| same(one, &address)) {
                Response::Organizer
            } else if is_organizer {
                listed.unwrap_or(Response::NeedsAction)
            } else if is_owner {
                response(own_answer).or(listed).unwrap_or(Response::NeedsAction)
            } else {
                listed.unwrap_or(Response::Unknown)
            };
            guests.push(Guest { address, response, resource: is_any(&attendee.kind, &["resource"]) });
        }
        // Invited through a group or under another address: the answer is still theirs.
        if let Some(response) = response(own_answer)
            && !owner_listed
            && !is_organizer
            && response != Response::Organizer
        {
            guests.push(Guest { address: owner.clone(), response, resource: false });
        }
        Self { organizer, guests, hidden: details.hide_attendees == Some(true) && !is_organizer }
    }
}

/// An answer; `None` where none was reported.
fn response(status: Option<&wire::ResponseStatus>) -> Option<Response> {
    let text = status?.response.as_deref()?.to_ascii_lowercase();
    match text.as_str() {
        "organizer" => Some(Response::Organizer),
        "accepted" => Some(Response::Accepted),
        "tentativelyaccepted" => Some(Response::Tentative),
        "declined" => Some(Response::Declined),
        "notresponded" => Some(Response::NeedsAction),
        _ => None,
    }
}

fn is_organizer(details: &wire::Event) -> bool {
    details
        .is_organizer
        .unwrap_or_else(|| response(details.response_status.as_ref()) == Some(Response::Organizer))
}

fn same(one: &Address, other: &Address) -> bool {
    one.mailbox() == other.mailbox()
}

fn address(address: Option<&wire::EmailAddress>) -> Option<Address> {
    Address::parse(address?.address.as_deref()?).ok()
}

/// Whether a place is named. Outlook names the call itself, in whatever language.
fn has_place(details: &wire::Event) -> bool {
    let place = details.location.as_ref();
    let name = place.and_then(|place| place.display_name.as_deref()).unwrap_or_default().trim();
    !name.is_empty() && !name.contains("Microsoft Teams") && !name.starts_with("http")
}

fn conference(details: &wire::Event) -> Option<Conference> {
    let filled = |url: &Option<String>| url.clone().filter(|url| !url.trim().is_empty());
    let joined = details.online_meeting.as_ref().and_then(|meeting| filled(&meeting.join_url));
    let (service, key) = match joined {
        Some(key) if is_teams(details, &key) => (ConferenceService::MicrosoftTeams, key),
        Some(key) => (ConferenceService::Other, key),
        None => (ConferenceService::Other, filled(&details.online_meeting_url)?),
    };
    Some(Conference { service, key })
}

/// Whether the call runs in Teams: as told, or by its address where that was left open.
fn is_teams(details: &wire::Event, join_url: &str) -> bool {
    let provider = details.online_meeting_provider.as_deref().unwrap_or("unknown");
    provider.eq_ignore_ascii_case("teamsForBusiness")
        || provider.eq_ignore_ascii_case("unknown") && join_url.starts_with("https://teams.microsoft.")
}

fn is_any(value: &Option<String>, names: &[&str]) -> bool {
    let is = |value: &String| names.iter().any(|name| value.eq_ignore_ascii_case(name));
    value.as_ref().is_some_and(is)
}
