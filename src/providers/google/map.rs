//! Google's events in the words of the domain. Pure.

use google_calendar3::api;

use crate::domain::event::{
    Conference, ConferenceService, Event, EventKind, EventState, Guest, Moment, Response, Window,
};
use crate::domain::people::Address;
use crate::domain::uid::plain_uid;
use crate::providers::Change;
use chrono::TimeDelta;
use chrono_tz::Tz;

/// The key of the extended property that marks mentord's own events.
const MARKER: &str = "mentord";
/// What Google writes where it does not know the organiser.
const NOBODY: &str = "unknownorganizer@calendar.google.com";

/// Why an event cannot be read. It is then passed over: not being readable is not being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("no id")]
    NoId,
    #[error("no start")]
    NoStart,
}

/// One item of a listing. Of a cancelled one no more than the id is sure to be there, whether it is
/// an occurrence of a living series or a whole event.
pub(super) fn change(event: api::Event) -> Result<Change, Unreadable> {
    match event.status.as_deref() {
        Some("cancelled") => {
            let key = event.id.ok_or(Unreadable::NoId)?;
            Ok(Change::Deleted { key })
        }
        Some("tentative") => live(event, EventState::Tentative),
        _ => live(event, EventState::Confirmed),
    }
}

/// What is outside the window counts as not listed, so that what was moved out of it is noticed.
pub(super) fn clip(change: Change, window: Window) -> Change {
    match change {
        Change::Event(event) if !near(&event, window) => Change::Unlisted { key: event.key },
        other => other,
    }
}

/// Whole days begin and end at different instants around the world: half a day of doubt either way.
fn near(event: &Event, window: Window) -> bool {
    let doubt = match event.start {
        Moment::At(_) => TimeDelta::zero(),
        Moment::Day(_) => TimeDelta::hours(14),
    };
    let (start, end) = (event.start.instant(Tz::UTC), event.end.instant(Tz::UTC));
    let lasts = end.max(start + TimeDelta::seconds(1));
    window.touches(start - doubt, lasts + doubt)
}

fn live(event: api::Event, state: EventState) -> Result<Change, Unreadable> {
    let start = event.start.as_ref().and_then(moment);
    let start = start.ok_or(Unreadable::NoStart)?;
    let private = matches!(
        event.visibility.as_deref(),
        Some("private" | "confidential")
    );
    let marker = marker(&event);
    let mut mapped = Event {
        end: event
            .end
            .as_ref()
            .and_then(moment)
            .map_or_else(|| shortest(start), |end| end.max(start)),
        key: event.id.ok_or(Unreadable::NoId)?,
        uid: event
            .i_cal_uid
            .as_deref()
            .map(plain_uid)
            .filter(|uid| !uid.is_empty()),
        original_start: event
            .original_start_time
            .as_ref()
            .filter(|_| event.recurring_event_id.is_some())
            .and_then(moment),
        series: event.recurring_event_id,
        start,
        zone: event
            .start
            .and_then(|start| start.time_zone)
            .filter(|zone| zone.parse::<Tz>().is_ok()),
        state,
        kind: kind(event.event_type.as_deref()),
        private,
        free: event.transparency.as_deref() == Some("transparent"),
        title: None,
        categories: Vec::new(),
        organizer: None,
        guests: Vec::new(),
        guests_hidden: event.attendees_omitted == Some(true),
        has_place: false,
        conference: None,
        marker,
    };
    if !private {
        let location = event.location.unwrap_or_default();
        let link = link(&location);
        mapped.title = event.summary.filter(|title| !title.trim().is_empty());
        mapped.organizer = event
            .organizer
            .and_then(|organizer| address(organizer.email.as_deref()))
            .filter(|address| address.as_str() != NOBODY);
        for attendee in event.attendees.unwrap_or_default() {
            match guest(&attendee) {
                Some(guest) => mapped.guests.push(guest),
                None => mapped.guests_hidden = true,
            }
        }
        mapped.has_place = link.is_none() && !location.trim().is_empty();
        mapped.conference = conference(
            event.conference_data.as_ref(),
            event.hangout_link.as_deref(),
            link,
        );
    }
    Ok(Change::Event(Box::new(mapped)))
}

fn moment(time: &api::EventDateTime) -> Option<Moment> {
    match (time.date_time, time.date) {
        (Some(instant), _) => Some(Moment::At(instant)),
        (None, Some(day)) => Some(Moment::Day(day)),
        (None, None) => None,
    }
}

/// The end of an event that has none.
fn shortest(start: Moment) -> Moment {
    match start {
        Moment::At(instant) => Moment::At(instant),
        Moment::Day(day) => Moment::Day(day.succ_opt().unwrap_or(day)),
    }
}

fn kind(event_type: Option<&str>) -> EventKind {
    match event_type {
        None | Some("default") => EventKind::Meeting,
        Some("outOfOffice") => EventKind::OutOfOffice,
        Some("focusTime") => EventKind::FocusTime,
        Some(_) => EventKind::Other,
    }
}

fn address(email: Option<&str>) -> Option<Address> {
    Address::parse(email?).ok()
}

fn guest(attendee: &api::EventAttendee) -> Option<Guest> {
    Some(Guest {
        address: address(attendee.email.as_deref())?,
        response: match attendee.response_status.as_deref() {
            Some("accepted") => Response::Accepted,
            Some("tentative") => Response::Tentative,
            Some("declined") => Response::Declined,
            Some("needsAction") => Response::NeedsAction,
            _ if attendee.organizer == Some(true) => Response::Organizer,
            _ => Response::Unknown,
        },
        resource: attendee.resource == Some(true),
    })
}

fn marker(event: &api::Event) -> Option<String> {
    let properties = event.extended_properties.as_ref()?;
    [properties.private.as_ref(), properties.shared.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|properties| properties.get(MARKER).cloned())
}

/// The call that belongs to an event: Meet wherever it shows, else any other way in by video, else a
/// link that was put where the place belongs.
fn conference(
    data: Option<&api::ConferenceData>,
    hangout_link: Option<&str>,
    location: Option<&str>,
) -> Option<Conference> {
    let solution = data.and_then(|data| {
        data.conference_solution
            .as_ref()?
            .key
            .as_ref()?
            .type_
            .as_deref()
    });
    let by_id = data
        .filter(|_| solution == Some("hangoutsMeet"))
        .and_then(|data| data.conference_id.as_deref())
        .map(str::trim)
        .filter(|id| !id.is_empty());
    let video = || {
        data.and_then(|data| data.entry_points.as_deref())
            .unwrap_or_default()
            .iter()
            .filter(|entry| entry.entry_point_type.as_deref() == Some("video"))
            .filter_map(|entry| link(entry.uri.as_deref()?))
    };
    let code = by_id.or_else(|| {
        hangout_link
            .into_iter()
            .chain(video())
            .chain(location)
            .find_map(meet_code)
    });
    let (service, key) = match code {
        Some(code) => (ConferenceService::GoogleMeet, code.to_ascii_lowercase()),
        None => (
            ConferenceService::Other,
            video().next().or(location)?.to_owned(),
        ),
    };
    Some(Conference { service, key })
}

fn link(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.starts_with("https://") || text.starts_with("http://")).then_some(text)
}

/// `abc-defg-hij` from `https://meet.google.com/abc-defg-hij?authuser=0`.
fn meet_code(link: &str) -> Option<&str> {
    let rest = link.trim().strip_prefix("https://meet.google.com/")?;
    let code = rest.split(['?', '#', '/']).next()?;
    let plain = code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && code.contains('-')).then_some(code)
}
