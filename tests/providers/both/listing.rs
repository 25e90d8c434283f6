//! Listings: pages, increments, cursors.

use mentord::domain::event::{EventKind, EventState};
use mentord::providers::Change;

use super::*;

#[tokio::test]
async fn a_first_listing_brings_all_pages_and_a_quiet_poll_nothing() {
    let quirks = Quirks { google_empty_page: true, graph_empty_page: true, ..Quirks::default() };
    let stage = Stage::new(2, quirks).await;
    for people in SIDES {
        stage.plan(weekly(people, "2026-10-05T10:00")).await;
        for start in ["2026-10-06T10:00", "2026-10-07T10:00", "2026-09-29T10:00", "2026-11-03T10:00"] {
            stage.plan(single(people, start)).await;
        }
    }
    for people in SIDES {
        for who in people {
            let mut calendar = Calendar::new(who);
            stage.control.clear_requests().await.expect("cleared");
            let lines = calendar.poll(&stage).await;
            let expected = [
                "+ Mentoring 05.10. 10:00",
                "+ Mentoring 06.10. 10:00",
                "+ Mentoring 07.10. 10:00",
                "+ Mentoring 12.10. 10:00",
                "+ Mentoring 19.10. 10:00",
                "+ Mentoring 26.10. 10:00",
            ];
            // Anna and Clara are on both sides.
            let both = [ANNA, CLARA].contains(&who);
            let times = if both { 2 } else { 1 };
            let expected: Vec<_> = expected.iter().flat_map(|line| vec![*line; times]).collect();
            assert_eq!(lines, expected, "{who}");
            let requests = stage.control.requests().await.expect("requests");
            let pages = requests.iter().filter(|line| line.contains("oken=")).count();
            assert!(pages >= 2, "{requests:#?}");
            let cursor = calendar.cursor.clone();
            let listing = stage.list(who, cursor.as_deref()).await.expect("a listing");
            assert_eq!(listing.changes, [], "{who}");
        }
    }
}

#[tokio::test]
async fn an_event_is_told_whole() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let [organizer, guest, other] = people;
        let meeting = NewMeeting {
            location: Some("Room 5".into()),
            rooms: vec!["room-5@acme.example".into()],
            ..single(people, "2026-10-06T10:00")
        };
        stage.plan(meeting).await;
        for who in people {
            let event = stage.only(who).await;
            assert_eq!(event.title.as_deref(), Some("Mentoring"));
            assert_eq!(event.start, Moment::At(at("2026-10-06T08:00:00Z")));
            assert_eq!(event.end, Moment::At(at("2026-10-06T08:45:00Z")));
            assert_eq!(event.zone.as_deref(), Some("Europe/Berlin"));
            assert_eq!((event.series, event.original_start), (None, None));
            assert_eq!((event.state, event.kind), (EventState::Confirmed, EventKind::Meeting));
            assert_eq!(event.organizer, Some(address(organizer)));
            assert!(event.has_place && !event.private && !event.free && !event.guests_hidden);
            assert_eq!(event.conference, None);
            let guests = event.guests.iter().filter(|one| one.address != address(organizer));
            let mut guests: Vec<_> = guests.map(|one| (one.address.as_str(), one.resource)).collect();
            guests.sort();
            let mut expected = [(guest, false), (other, false), ("room-5@acme.example", true)];
            expected.sort();
            assert_eq!(guests, expected);
        }
        stage.control.cancel("m1", None).await.expect("cancelled");
        let kinds = NewMeeting {
            attendees: Vec::new(),
            event_type: Some("outOfOffice".into()),
            transparency: Some("transparent".into()),
            ..single(people, "2026-10-07T10:00")
        };
        let away = NewMeeting { transparency: None, ..kinds.clone() };
        let free = NewMeeting { event_type: None, ..kinds };
        let (away, free) = (stage.plan(away).await, stage.plan(free).await);
        let all = stage.all(organizer).await;
        let find = |planned: &Planned| all.values().find(|event| event.uid.as_ref() == Some(&planned.uid));
        let (away, free) = (find(&away).expect("an event"), find(&free).expect("an event"));
        assert_eq!((away.kind, away.free), (EventKind::OutOfOffice, false));
        assert_eq!((free.kind, free.free), (EventKind::Meeting, true));
    }
}

#[tokio::test]
async fn increments_that_reach_decades_ahead_are_clipped() {
    let stage = Stage::new(50, Quirks { google_unbounded: true, ..Quirks::default() }).await;
    let id = stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await.id;
    let listing = stage.list(ANNA, None).await.expect("a listing");
    stage.control.retitle(&id, "Coaching", None).await.expect("retitled");
    let listing = stage.list(ANNA, listing.cursor.as_deref()).await.expect("a listing");
    let listed = |change: &&Change| matches!(change, Change::Event(_));
    let outside = |change: &&Change| matches!(change, Change::Outside(_));
    assert_eq!(listing.changes.iter().filter(listed).count(), 4);
    let beyond = listing.changes.iter().filter(outside).count();
    assert!(beyond > 500 && beyond + 4 == listing.changes.len(), "{beyond}");
}

#[tokio::test]
async fn an_increment_without_end_gives_way_to_a_full_listing() {
    let stage = Stage::new(10, Quirks { google_unbounded: true, ..Quirks::default() }).await;
    let id = stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await.id;
    let listing = stage.list(ANNA, None).await.expect("a listing");
    stage.control.retitle(&id, "Coaching", None).await.expect("retitled");
    let cursor = listing.cursor.as_deref();
    assert_eq!(stage.list(ANNA, cursor).await, Err(ProviderError::CursorRejected), "73 pages");
    assert_eq!(stage.all(ANNA).await.len(), 4);
}

#[tokio::test]
async fn an_expired_cursor_is_rejected_and_a_full_listing_goes_on() {
    for location in [false, true] {
        let stage = Stage::new(2, Quirks { graph_gone_location: location, ..Quirks::default() }).await;
        stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await;
        for who in [ANNA, CLARA] {
            let cursor = stage.list(who, None).await.expect("a listing").cursor;
            stage.control.expire_cursors(Some(who)).await.expect("expired");
            let answer = stage.list(who, cursor.as_deref()).await;
            assert_eq!(answer, Err(ProviderError::CursorRejected), "{who}");
            assert_eq!(stage.all(who).await.len(), 4);
        }
    }
}

#[tokio::test]
async fn a_cursor_of_microsoft_that_newer_ones_outran_is_rejected() {
    let stage = Stage::plain().await;
    let first = stage.list(CLARA, None).await.expect("a listing").cursor;
    let mut cursor = first.clone();
    for _ in 0..4 {
        cursor = stage.list(CLARA, cursor.as_deref()).await.expect("a listing").cursor;
    }
    assert_eq!(stage.list(CLARA, first.as_deref()).await, Err(ProviderError::CursorRejected));
    assert!(stage.list(CLARA, cursor.as_deref()).await.is_ok());
}

#[tokio::test]
async fn a_listing_that_breaks_off_on_the_way_brings_nothing() {
    let stage = Stage::new(2, Quirks { graph_master_missing: true, ..Quirks::default() }).await;
    for start in ["2026-10-05T10:00", "2026-10-06T10:00"] {
        stage.plan(weekly(SIDES[0], start)).await;
    }
    for (who, path) in [(ANNA, "pageToken="), (CLARA, "skiptoken="), (CLARA, "/events/")] {
        stage.fault(path, 503, None).await;
        let answer = stage.list(who, None).await;
        assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{path} {answer:?}");
    }
}
