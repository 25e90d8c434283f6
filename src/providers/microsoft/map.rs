//! Graph's events in the words of the domain.

use super::people::{People, is_organizer};
use super::times::{original_start, span, zone};
use super::wire::{self, Part, is_any};
use crate::domain::event::{Conference, ConferenceService, Event, EventKind, EventState, Moment};
use crate::domain::people::Address;
use crate::domain::uid::{instance_date, plain_uid};

/// Why an event cannot be read, without anything that stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// Nobody else knows of it yet, and it may still become something else.
pub const DRAFT: &str = "its organiser has not sent it yet";

/// The event as it stands on the calendar of `owner`; `master` is that of its series, if it belongs
/// to one and it is at hand. A master itself becomes its first occurrence, with its own key as that
/// of the series.
pub fn event(own: &wire::Event, master: Option<&wire::Event>, owner: &Address) -> Result<Event, Unreadable> {
    if own.id.is_empty() {
        return Err(Unreadable("it has no id"));
    }
    if own.is_draft == Some(true) || master.is_some_and(|master| master.is_draft == Some(true)) {
        return Err(Unreadable(DRAFT));
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
        Part::Master => None,
        Part::Single => visited(own, start),
        // By definition it was not moved.
        Part::Occurrence => Some(start),
        Part::Exception => original_start(own, master),
    };
    let private = is_any(details.sensitivity.as_deref(), &["private", "confidential"]);
    let people = if private { People::default() } else { People::of(details, owner) };
    let free = is_any(details.show_as.as_deref(), &["free"]);
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
        kind: if is_any(details.show_as.as_deref(), &["oof"]) {
            EventKind::OutOfOffice
        } else {
            EventKind::Meeting
        },
        private,
        free,
        title: details.subject.clone().filter(|title| !private && !title.is_empty()),
        categories: details.categories.clone().filter(|_| !private).unwrap_or_default(),
        organizer: people.organizer,
        written_by: None,
        guests: people.guests,
        guests_hidden: people.hidden,
        has_place: !private && has_place(details),
        conference: conference(details).filter(|_| !private),
        marker: None,
    })
}

/// Who is invited to one occurrence of somebody's series has a meeting without a series, of which the
/// UID names the day. Moved to another day, it keeps that day, by which it is told from the others.
fn visited(own: &wire::Event, start: Moment) -> Option<Moment> {
    let day = instance_date(own.ical_uid.as_deref()?)?;
    let zone = zone(own.original_start_time_zone.as_deref()).unwrap_or_default();
    let same_day = start.instant(zone).with_timezone(&zone).date_naive() == day;
    Some(if same_day { start } else { Moment::At(Moment::Day(day).instant(zone)) })
}

fn state(details: &wire::Event) -> EventState {
    if details.is_cancelled == Some(true) {
        EventState::Cancelled
    } else if is_organizer(details) && is_any(details.show_as.as_deref(), &["tentative"]) {
        // On a guest's copy this only says that they have not accepted.
        EventState::Tentative
    } else {
        EventState::Confirmed
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Response;
    use serde_json::{Value, json};

    const JOIN: &str = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_abc%40thread.v2/0";

    fn owner() -> Address {
        Address::parse("mia@example.com").expect("address")
    }

    fn wire(value: &Value) -> wire::Event {
        serde_json::from_value(value.clone()).expect("event")
    }

    fn at(text: &str) -> Value {
        json!({"dateTime": text, "timeZone": "UTC"})
    }

    /// An event in Graph's shape, with `changes` made to it.
    fn graph(changes: Value) -> wire::Event {
        let mut event = json!({
            "@odata.type": "#microsoft.graph.event",
            "id": "E1", "type": "singleInstance", "seriesMasterId": null,
            "iCalUId": "040000008200E00074C5B7101A82E008000000000000000000000000000000000000000004000000ABCDEF01",
            "subject": "Mentoring", "sensitivity": "normal", "showAs": "busy",
            "isAllDay": false, "isCancelled": false, "isOrganizer": true, "isDraft": false,
            "categories": ["Blue"], "originalStartTimeZone": "W. Europe Standard Time",
            "start": at("2026-03-02T09:00:00.0000000"), "end": at("2026-03-02T09:30:00.0000000"),
            "location": {"displayName": "Room 5", "locationType": "default"},
            "organizer": {"emailAddress": {"name": "Mia", "address": "mia@example.com"}},
            "attendees": [{
                "type": "required", "status": {"response": "accepted"},
                "emailAddress": {"name": "Ann", "address": "ann@example.com"},
            }],
            "isOnlineMeeting": true, "onlineMeetingProvider": "teamsForBusiness",
            "onlineMeeting": {"joinUrl": JOIN}, "onlineMeetingUrl": null,
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        });
        let (Value::Object(event_map), Value::Object(changes)) = (&mut event, changes) else {
            panic!("not objects");
        };
        event_map.extend(changes);
        wire(&event)
    }

    fn mapped(changes: Value) -> Event {
        event(&graph(changes), None, &owner()).expect("readable")
    }

    fn instant(text: &str) -> Moment {
        Moment::At(text.parse().expect("instant"))
    }

    #[test]
    fn a_single_event_is_read_whole() {
        let expected = Event {
            key: "E1".into(),
            series: None,
            uid: Some(
                "040000008200E00074C5B7101A82E008000000000000000000000000000000000000000004000000ABCDEF01"
                    .into(),
            ),
            original_start: None,
            start: instant("2026-03-02T09:00:00Z"),
            end: instant("2026-03-02T09:30:00Z"),
            zone: Some("Europe/Berlin".into()),
            state: EventState::Confirmed,
            kind: EventKind::Meeting,
            private: false,
            free: false,
            title: Some("Mentoring".into()),
            categories: vec!["Blue".into()],
            organizer: Some(owner()),
            written_by: None,
            guests: vec![crate::domain::event::Guest {
                address: Address::parse("ann@example.com").expect("address"),
                response: Response::Accepted,
                resource: false,
            }],
            guests_hidden: false,
            has_place: true,
            conference: Some(Conference { service: ConferenceService::MicrosoftTeams, key: JOIN.into() }),
            marker: None,
        };
        assert_eq!(mapped(json!({})), expected);
    }

    #[test]
    fn private_events_keep_no_more_than_their_times() {
        for sensitivity in ["private", "Confidential"] {
            let event = mapped(json!({"sensitivity": sensitivity}));
            assert!(event.private && event.title.is_none() && event.organizer.is_none());
            assert!(event.guests.is_empty() && event.categories.is_empty());
            assert!(event.conference.is_none() && !event.has_place);
        }
        assert!(!mapped(json!({"sensitivity": "personal"})).private);
    }

    #[test]
    fn how_it_is_shown_says_what_it_is() {
        assert!(mapped(json!({"showAs": "Free"})).free);
        assert_eq!(mapped(json!({"showAs": "oof"})).kind, EventKind::OutOfOffice);
        let tentative = |own: bool| mapped(json!({"showAs": "tentative", "isOrganizer": own}));
        assert_eq!(tentative(true).state, EventState::Tentative);
        assert_eq!(tentative(false).state, EventState::Confirmed);
        assert_eq!(mapped(json!({"isCancelled": true})).state, EventState::Cancelled);
    }

    #[test]
    fn places_and_calls_are_told_apart() {
        let place = |name: &str| mapped(json!({"location": {"displayName": name}})).has_place;
        assert!(place("Room 5"));
        assert!(!place("") && !place("Microsoft Teams-Besprechung") && !place("https://call.example"));
        let call = |changes| mapped(changes).conference.map(|call| (call.service, call.key));
        let other = "https://call.example/1".to_owned();
        for (changes, expected) in [
            (json!({"onlineMeeting": null}), None),
            (json!({"onlineMeeting": {"joinUrl": ""}}), None),
            (
                json!({"onlineMeetingProvider": "Unknown"}),
                Some((ConferenceService::MicrosoftTeams, JOIN.to_owned())),
            ),
            (
                json!({"onlineMeetingProvider": "skypeForBusiness"}),
                Some((ConferenceService::Other, JOIN.to_owned())),
            ),
            (
                json!({"onlineMeeting": null, "onlineMeetingUrl": other}),
                Some((ConferenceService::Other, other.clone())),
            ),
        ] {
            assert_eq!(call(changes), expected);
        }
    }

    #[test]
    fn an_occurrence_is_its_series_at_another_time() {
        let master = graph(json!({"id": "S", "type": "seriesMaster", "iCalUId": "abc@example.com"}));
        let stub = wire(&json!({
            "id": "O2", "seriesMasterId": "S", "type": "occurrence",
            "start": at("2026-03-09T09:00:00.0000000"), "end": at("2026-03-09T09:30:00.0000000"),
        }));
        let occurrence = event(&stub, Some(&master), &owner()).expect("readable");
        let expected = Event {
            key: "O2".into(),
            series: Some("S".into()),
            uid: Some("abc@example.com".into()),
            original_start: Some(instant("2026-03-09T09:00:00Z")),
            start: instant("2026-03-09T09:00:00Z"),
            end: instant("2026-03-09T09:30:00Z"),
            ..mapped(json!({}))
        };
        assert_eq!(occurrence, expected);
        assert!(event(&stub, None, &owner()).is_err());
    }

    #[test]
    fn an_exception_speaks_for_itself_and_meets_its_series() {
        let master = graph(json!({"id": "S", "type": "seriesMaster", "iCalUId": "abc@example.com"}));
        let moved = graph(json!({
            "id": "O3", "seriesMasterId": "S", "type": "exception", "subject": "Moved",
            "originalStart": "2026-03-16T09:00:00Z", "attendees": [],
            "start": at("2026-03-17T14:00:00.0000000"), "end": at("2026-03-17T14:30:00.0000000"),
        }));
        let moved = event(&moved, Some(&master), &owner()).expect("readable");
        assert_eq!(moved.uid.as_deref(), Some("abc@example.com"));
        assert_eq!(moved.title.as_deref(), Some("Moved"));
        assert_eq!(moved.original_start, Some(instant("2026-03-16T09:00:00Z")));
        assert_eq!(moved.start, instant("2026-03-17T14:00:00Z"));
        assert!(moved.guests.is_empty());
    }

    #[test]
    fn a_master_is_known_by_having_itself_as_series() {
        let master = mapped(json!({"id": "S", "type": "seriesMaster"}));
        assert_eq!(master.series.as_deref(), Some("S"));
    }
}
