use serde_json::{Value, json};

use super::*;
use crate::domain::event::ConferenceService;

/// What Google sends of an ordinary meeting, with `more` laid over it (null takes away).
fn item(more: Value) -> api::Event {
    let mut item = json!({
        "kind": "calendar#event",
        "id": "m1",
        "status": "confirmed",
        "summary": "Mentoring",
        "start": {"dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "Europe/Berlin"},
        "iCalUID": "m1@google.com",
        "organizer": {"email": "Anna@example.com", "self": true},
        "attendees": [
            {"email": "Anna@example.com", "organizer": true, "responseStatus": "accepted"},
            {"email": "ben@example.com", "responseStatus": "needsAction"}
        ]
    });
    let (Some(fields), Value::Object(more)) = (item.as_object_mut(), more) else {
        panic!("objects");
    };
    fields.extend(more);
    fields.retain(|_, value| !value.is_null());
    serde_json::from_value(item).expect("an event")
}

fn owner() -> Address {
    Address::parse("anna@example.com").expect("an address")
}

fn event(more: Value) -> Event {
    match change(item(more), &owner()) {
        Some(Change::Event(event)) => *event,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Moment {
    Moment::At(text.parse().expect("an instant"))
}

fn day(text: &str) -> Moment {
    Moment::Day(text.parse().expect("a day"))
}

fn guest(text: &str, response: Response) -> Guest {
    Guest { address: Address::parse(text).expect("an address"), response, resource: false }
}

#[test]
fn an_ordinary_meeting() {
    assert_eq!(
        event(json!({})),
        Event {
            key: "m1".into(),
            series: None,
            uid: Some("m1@google.com".into()),
            original_start: None,
            start: at("2026-03-02T09:00:00Z"),
            end: at("2026-03-02T10:00:00Z"),
            zone: Some("Europe/Berlin".into()),
            state: EventState::Confirmed,
            kind: EventKind::Meeting,
            private: false,
            free: false,
            title: Some("Mentoring".into()),
            categories: vec![],
            organizer: Address::parse("anna@example.com").ok(),
            written_by: None,
            guests: vec![
                guest("anna@example.com", Response::Accepted),
                guest("ben@example.com", Response::NeedsAction),
            ],
            guests_hidden: false,
            has_place: false,
            conference: None,
            marker: None,
        }
    );
}

#[test]
fn cancelled_ones_are_deleted_however_much_is_left_of_them() {
    let minimal = json!({"id": "m1", "status": "cancelled"});
    let exception = json!({
        "id": "s1_20260309T090000Z", "status": "cancelled", "recurringEventId": "s1",
        "originalStartTime": {"dateTime": "2026-03-09T10:00:00+01:00"}
    });
    for (json, expected) in [(minimal, "m1"), (exception, "s1_20260309T090000Z")] {
        let event = serde_json::from_value(json).expect("an event");
        assert_eq!(change(event, &owner()), Some(Change::Deleted { key: expected.into() }));
    }
    let whole = item(json!({"status": "cancelled"}));
    assert_eq!(change(whole, &owner()), Some(Change::Deleted { key: "m1".into() }));
}

#[test]
fn what_cannot_be_read_is_no_deletion() {
    for start in [json!(null), json!({})] {
        let event = item(json!({"start": start}));
        assert_eq!(change(event, &owner()), Some(Change::Unread { key: "m1".into() }));
    }
    for id in [json!(null), json!("")] {
        assert_eq!(change(item(json!({"id": id})), &owner()), None);
    }
}

#[test]
fn an_occurrence_keeps_its_first_start_when_moved() {
    let moved = event(json!({
        "id": "s1_20260309T090000Z",
        "recurringEventId": "s1",
        "originalStartTime": {"dateTime": "2026-03-09T10:00:00+01:00"},
        "start": {"dateTime": "2026-03-10T14:00:00+01:00"},
        "end": {"dateTime": "2026-03-10T15:00:00+01:00"},
    }));
    assert_eq!(moved.series.as_deref(), Some("s1"));
    assert_eq!(moved.original_start, Some(at("2026-03-09T09:00:00Z")));
    assert_eq!(moved.start, at("2026-03-10T13:00:00Z"));
}

#[test]
fn times() {
    let cases = [
        // All day, the end exclusive.
        (
            json!({"start": {"date": "2026-03-02"}, "end": {"date": "2026-03-04"}}),
            (day("2026-03-02"), day("2026-03-04")),
        ),
        // No end, or one before the start.
        (json!({"end": null}), (at("2026-03-02T09:00:00Z"), at("2026-03-02T09:00:00Z"))),
        (json!({"start": {"date": "2026-03-02"}, "end": null}), (day("2026-03-02"), day("2026-03-03"))),
        (
            json!({"end": {"dateTime": "2026-03-02T08:00:00Z"}}),
            (at("2026-03-02T09:00:00Z"), at("2026-03-02T09:00:00Z")),
        ),
        // The night the clocks go forward.
        (
            json!({"start": {"dateTime": "2026-03-29T01:30:00+01:00"},
                   "end": {"dateTime": "2026-03-29T03:30:00+02:00"}}),
            (at("2026-03-29T00:30:00Z"), at("2026-03-29T01:30:00Z")),
        ),
    ];
    for (json, expected) in cases {
        let event = event(json.clone());
        assert_eq!((event.start, event.end), expected, "{json}");
    }
    let odd = json!({"start": {"dateTime": "2026-03-02T09:00:00Z", "timeZone": "Moon/Sea"}});
    assert_eq!(event(odd).zone, None);
}

#[test]
fn kinds_and_states() {
    for (more, expected) in [
        (json!({}), EventKind::Meeting),
        (json!({"eventType": "default"}), EventKind::Meeting),
        (json!({"eventType": "outOfOffice"}), EventKind::OutOfOffice),
        (json!({"eventType": "focusTime"}), EventKind::FocusTime),
        (json!({"eventType": "workingLocation"}), EventKind::Other),
        (json!({"eventType": "fromGmail"}), EventKind::Other),
        (json!({"eventType": "something new"}), EventKind::Other),
    ] {
        assert_eq!(event(more).kind, expected);
    }
    assert_eq!(event(json!({"status": "tentative"})).state, EventState::Tentative);
    assert_eq!(event(json!({"status": null})).state, EventState::Confirmed);
    assert!(event(json!({"transparency": "transparent"})).free);
    assert!(!event(json!({"transparency": "opaque"})).free);
}

#[test]
fn of_private_ones_nothing_is_kept_but_the_time() {
    for visibility in ["private", "confidential"] {
        let event = event(json!({
            "visibility": visibility,
            "location": "Room 1",
            "hangoutLink": "https://meet.google.com/abc-defg-hij",
        }));
        assert!(event.private);
        assert_eq!(event.start, at("2026-03-02T09:00:00Z"));
        assert_eq!((event.title, event.organizer, event.conference), (None, None, None));
        assert!(event.guests.is_empty() && !event.has_place);
    }
    for visibility in [json!("default"), json!("public"), json!(null)] {
        let event = event(json!({"visibility": visibility}));
        assert!(!event.private && event.title.is_some());
    }
}

#[test]
fn guests_and_their_answers() {
    let room = Guest { resource: true, ..guest("room@resource.example.com", Response::Accepted) };
    let all = event(json!({"attendees": [
        {"email": "anna@example.com", "organizer": true},
        {"email": "ben@example.com", "responseStatus": "tentative"},
        {"email": "cleo@example.com", "responseStatus": "declined"},
        {"email": "dora@example.com"},
        {"email": "room@resource.example.com", "resource": true, "responseStatus": "accepted"},
    ]}));
    assert_eq!(
        all.guests,
        [
            guest("anna@example.com", Response::Organizer),
            guest("ben@example.com", Response::Tentative),
            guest("cleo@example.com", Response::Declined),
            guest("dora@example.com", Response::Unknown),
            room,
        ]
    );
    assert!(!all.guests_hidden);
    assert!(event(json!({"attendeesOmitted": true})).guests_hidden);
    let nameless = event(json!({"attendees": [{"id": "118", "responseStatus": "accepted"}]}));
    assert!(nameless.guests.is_empty() && nameless.guests_hidden);
    let nobody = json!({"organizer": {"email": NOBODY}, "attendees": null});
    assert_eq!(event(nobody).organizer, None);
}

#[test]
fn the_call() {
    let meet = |key: &str| Some((ConferenceService::GoogleMeet, key.to_owned()));
    let other = |key: &str| Some((ConferenceService::Other, key.to_owned()));
    let entry = |kind: &str, uri: &str| json!({"entryPointType": kind, "uri": uri});
    let data = |solution: &str, id: Value, entries: Value| {
        json!({"conferenceData": {
            "conferenceId": id,
            "conferenceSolution": {"key": {"type": solution}},
            "entryPoints": entries,
        }})
    };
    let video = entry("video", "https://meet.google.com/abc-defg-hij");
    let zoom = "https://zoom.example.com/j/1?pwd=x";
    for (more, expected) in [
        (json!({}), None),
        (data("hangoutsMeet", json!("ABC-defg-hij"), json!([])), meet("abc-defg-hij")),
        (data("hangoutsMeet", json!(null), json!([video])), meet("abc-defg-hij")),
        (json!({"hangoutLink": "https://meet.google.com/abc-defg-hij?authuser=0"}), meet("abc-defg-hij")),
        (json!({"hangoutLink": "https://meet.google.com/lookup/x"}), None),
        (data("addOn", json!("1"), json!([entry("phone", "tel:+1"), entry("video", zoom)])), other(zoom)),
        (data("addOn", json!("1"), json!([entry("phone", "tel:+1")])), None),
        (json!({"location": zoom}), other(zoom)),
        (json!({"location": " https://meet.google.com/abc-defg-hij "}), meet("abc-defg-hij")),
    ] {
        let event = event(more.clone());
        assert_eq!(event.conference.map(|c| (c.service, c.key)), expected, "{more}");
        assert!(!event.has_place, "{more}");
    }
    assert!(event(json!({"location": "Room 1"})).has_place);
    assert!(!event(json!({"location": "  "})).has_place);
}

#[test]
fn the_marker_is_found_on_either_copy() {
    for side in ["private", "shared"] {
        let event = event(json!({"extendedProperties": {side: {"mentord": "p7"}}}));
        assert_eq!(event.marker.as_deref(), Some("p7"));
    }
    let foreign = json!({"extendedProperties": {"shared": {"other": "p7"}}});
    assert_eq!(event(foreign).marker, None);
}

#[test]
fn what_lies_outside_the_window_is_not_listed() {
    let window = Window {
        from: "2026-03-01T00:00:00Z".parse().expect("an instant"),
        to: "2026-03-31T00:00:00Z".parse().expect("an instant"),
    };
    let listed = |start: Value, end: Value| {
        let change = change(item(json!({"start": start, "end": end})), &owner()).expect("readable");
        matches!(clip(change, window), Change::Event(_))
    };
    let at = |text: &str| json!({"dateTime": text});
    let on = |text: &str| json!({"date": text});
    assert!(listed(at("2026-02-28T23:30:00Z"), at("2026-03-01T00:30:00Z")));
    assert!(!listed(at("2026-02-28T23:30:00Z"), at("2026-03-01T00:00:00Z")));
    assert!(listed(at("2026-03-01T00:00:00Z"), at("2026-03-01T00:00:00Z")));
    assert!(!listed(at("2026-03-31T00:00:00Z"), at("2026-03-31T01:00:00Z")));
    assert!(listed(on("2026-02-28"), on("2026-03-01")));
    assert!(!listed(on("2026-02-27"), on("2026-02-28")));
    let deleted = Change::Deleted { key: "m1".into() };
    assert_eq!(clip(deleted.clone(), window), deleted);
}

#[test]
fn the_owner_is_known_by_whatever_name_they_were_invited() {
    let alias = json!([
        {"email": "anna.alias@example.net", "self": true, "responseStatus": "tentative"},
        {"email": "ben@example.com", "organizer": true, "responseStatus": "accepted"}
    ]);
    let invited = event(json!({"organizer": {"email": "ben@example.com"}, "attendees": alias}));
    assert_eq!(invited.guests[0], guest("anna@example.com", Response::Tentative));
    let own = event(json!({"organizer": {"email": "anna.alias@example.net", "self": true}}));
    assert_eq!(own.organizer, Some(owner()));
}

#[test]
fn a_calendar_that_is_nobody_s_own_is_nobody() {
    let shared = json!({"email": "c_188abc@group.calendar.google.com", "displayName": "Mentoring"});
    let meeting = event(json!({"organizer": shared, "creator": {"email": "Ben@example.com"}}));
    assert_eq!(meeting.organizer, None);
    assert_eq!(meeting.written_by.as_ref().map(Address::as_str), Some("ben@example.com"));
    // Of an event on a calendar of somebody's own it says nothing who wrote it.
    let delegated = event(json!({"creator": {"email": "assistant@example.com"}}));
    assert_eq!((delegated.organizer, delegated.written_by), (Some(owner()), None));
}
