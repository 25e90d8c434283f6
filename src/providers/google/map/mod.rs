//! Google's events in the words of the domain. Pure.

mod call;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use chrono_tz::Tz;
use google_calendar3::api;

use call::{conference, link};

use crate::domain::event::{Event, EventKind, EventState, Guest, Moment, Response, Window};
use crate::domain::people::Address;
use crate::domain::uid::plain_uid;
use crate::providers::Change;

/// The key of the extended property that marks mentord's own events.
const MARKER: &str = "mentord";
/// What Google writes where it does not know the organiser.
const NOBODY: &str = "unknownorganizer@calendar.google.com";

/// One item of a listing of the calendar of `owner`; `None` without an id, of which nothing can be said.
/// Of a cancelled one no more than the id is sure to be there, whether it is an occurrence of a living
/// series or a whole event.
pub(super) fn change(event: api::Event, owner: &Address) -> Option<Change> {
    let Some(key) = event.id.clone().filter(|id| !id.is_empty()) else {
        tracing::debug!("event passed over: no id");
        return None;
    };
    let state = match event.status.as_deref() {
        Some("cancelled") => return Some(Change::Deleted { key }),
        Some("tentative") => EventState::Tentative,
        _ => EventState::Confirmed,
    };
    Some(match event.start.as_ref().and_then(moment) {
        Some(start) => Change::Event(Box::new(live(event, owner, key, start, state))),
        None => {
            tracing::debug!("event cannot be read: no start");
            Change::Unread { key }
        }
    })
}

/// Tells apart what is outside the window.
pub(super) fn clip(change: Change, window: Window) -> Change {
    match change {
        Change::Event(event) if !near(&event, window) => Change::Outside(event),
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

fn live(event: api::Event, owner: &Address, key: String, start: Moment, state: EventState) -> Event {
    let private = matches!(event.visibility.as_deref(), Some("private" | "confidential"));
    let marker = marker(&event);
    let mut mapped = Event {
        end: event.end.as_ref().and_then(moment).map_or_else(|| shortest(start), |end| end.max(start)),
        key: key.clone(),
        uid: event.i_cal_uid.as_deref().map(plain_uid).filter(|uid| !uid.is_empty()),
        original_start: event
            .original_start_time
            .as_ref()
            .filter(|_| event.recurring_event_id.is_some())
            .and_then(moment),
        // A series itself has a rule, and is no occurrence of any.
        series: event.recurring_event_id.or_else(|| event.recurrence.map(|_| key.clone())),
        start,
        zone: event.start.and_then(|start| start.time_zone).filter(|zone| zone.parse::<Tz>().is_ok()),
        state,
        kind: kind(event.event_type.as_deref()),
        private,
        free: event.transparency.as_deref() == Some("transparent"),
        title: None,
        categories: Vec::new(),
        organizer: None,
        written_by: None,
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
        for attendee in event.attendees.unwrap_or_default() {
            match guest(&attendee, owner) {
                Some(guest) => mapped.guests.push(guest),
                None => mapped.guests_hidden = true,
            }
        }
        let organizer = event.organizer.and_then(|organizer| {
            // By whatever name of theirs.
            let own = (organizer.self_ == Some(true)).then(|| owner.clone());
            own.or_else(|| address(organizer.email.as_deref()))
        });
        let organizer = organizer.filter(|address| address.as_str() != NOBODY);
        match organizer {
            // What is planned on a shared calendar has the calendar for its organiser.
            Some(calendar) if calendar.is_nobody() => {
                mapped.written_by = event.creator.and_then(|creator| address(creator.email.as_deref()));
            }
            organizer => mapped.organizer = organizer,
        }
        mapped.has_place = link.is_none() && !location.trim().is_empty();
        mapped.conference = conference(event.conference_data.as_ref(), event.hangout_link.as_deref(), link);
    }
    mapped
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

fn guest(attendee: &api::EventAttendee, owner: &Address) -> Option<Guest> {
    Some(Guest {
        // The owner may have been invited by a name that only Google knows.
        address: match attendee.self_ {
            Some(true) => owner.clone(),
            _ => address(attendee.email.as_deref())?,
        },
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
