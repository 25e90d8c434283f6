//! What one may not see, or not all of, and who it is that one sees.

use mentord::domain::detect::Decision;
use mentord::sandbox::{Conference, NewMeeting, Quirks};
use rstest::rstest;

use crate::programme::*;

fn meeting([organizer, guest]: [&str; 2]) -> NewMeeting {
    NewMeeting {
        organizer: organizer.to_owned(),
        attendees: vec![guest.to_owned()],
        title: "Mentoring".to_owned(),
        start: "2026-10-08T10:00".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        minutes: 60,
        ..NewMeeting::default()
    }
}

/// Whoever shares their calendar for reading only shows no more of a private event than that they are
/// busy; where the whole organisation is read, what is private is not looked at.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_is_nobody_s_session(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
    #[values("private", "confidential")] visibility: &str,
    #[values(false, true)] google_reader: bool,
) {
    let programme = Programme::new().await;
    programme.world.quirks(Quirks { google_reader, ..Quirks::default() }).await.expect("habits");
    let private = NewMeeting { visibility: Some(visibility.to_owned()), ..meeting(pair) };
    let id = programme.world.plan(&private).await.expect("a meeting").id;
    programme.until("2026-10-05T08:00").await;
    assert!(programme.sessions().await.is_empty());

    // Once it can be seen it is one.
    programme.world.disclose(&id, "default").await.expect("disclosed");
    programme.until("2026-10-05T10:00").await;
    let before = programme.sessions().await;
    assert_eq!(before.iter().map(|one| one.start).collect::<Vec<_>>(), [berlin("2026-10-08T10:00")]);

    // When it is hidden again it is not gone, nor is it lost out of sight.
    programme.world.disclose(&id, visibility).await.expect("hidden");
    programme.world.reschedule(&id, None, "2026-10-09T15:00", None).await.expect("moved");
    programme.until("2026-10-05T12:00").await;
    let after = programme.sessions().await;
    let [session] = &after[..] else { panic!("{after:#?}") };
    assert_eq!((&session.id, session.start), (&before[0].id, berlin("2026-10-09T15:00")));
    assert_eq!((session.moves, session.stands), (1, true));
    programme.world.cancel(&id, None).await.expect("called off");
    programme.until("2026-10-05T14:00").await;
    assert!(!programme.sessions().await[0].stands);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whole_days_are_no_sessions(#[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2]) {
    let programme = Programme::new().await;
    for rrule in [None, Some("FREQ=WEEKLY".to_owned())] {
        let all_day = NewMeeting { all_day: true, minutes: 1440, rrule, ..meeting(pair) };
        programme.world.plan(&all_day).await.expect("a meeting");
    }
    programme.until("2026-10-05T08:00").await;
    assert!(programme.sessions().await.is_empty());
    // Nor do they stand in the way of those that are.
    programme.world.plan(&meeting(pair)).await.expect("a meeting");
    programme.until("2026-10-05T10:00").await;
    assert_eq!(programme.sessions().await.len(), 1);
}

/// A room is nobody: the two are alone on it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_no_guest(#[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2]) {
    let programme = Programme::new().await;
    let rooms = vec!["c_room-4711@resource.calendar.google.com".to_owned()];
    let title = "Catching up".to_owned();
    let booked = NewMeeting { rooms, title, location: Some("Room 4711".to_owned()), ..meeting(pair) };
    programme.world.plan(&booked).await.expect("a meeting");
    programme.until("2026-10-05T08:00").await;
    let sessions = programme.sessions().await;
    let [session] = &sessions[..] else { panic!("{sessions:#?}") };
    let copies = programme.service().context.store.copies_of_session(&session.id).await.expect("copies");
    for copy in &copies {
        let reasons: Vec<&str> = copy.facts.reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert!(reasons.contains(&"only the pairing is on it"), "{reasons:?}");
    }
    assert_eq!(copies.len(), 2);
}

/// Far more people than a vendor's list need have room for: it is nobody's own meeting.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_no_session(#[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2]) {
    let programme = Programme::new().await;
    let mut crowd = NewMeeting { title: "Town hall".to_owned(), ..meeting(pair) };
    crowd.attendees.extend((0..600).map(|number| format!("guest-{number}@elsewhere.example")));
    programme.world.plan(&crowd).await.expect("a meeting");
    programme.until("2026-10-05T08:00").await;
    assert!(programme.sessions().await.is_empty());
}

/// The event belongs to a group, or to a calendar that several people share: the two are its guests.
#[rstest]
#[case::google([ADA, BEN], "c_0a1b2c3d4e5f@group.calendar.google.com")]
#[case::microsoft([CHEN, DARA], "mentoring-team@contoso.example")]
#[tokio::test(flavor = "multi_thread")]
async fn a_group_may_be_the_organiser(#[case] pair: [&str; 2], #[case] group: &str) {
    let programme = Programme::new().await;
    let attendees = pair.map(str::to_owned).to_vec();
    let called = NewMeeting {
        organizer: group.to_owned(),
        attendees,
        conference: Conference::None,
        rrule: Some("FREQ=WEEKLY;COUNT=3".to_owned()),
        ..meeting(pair)
    };
    programme.world.plan(&called).await.expect("a meeting");
    programme.until("2026-10-05T08:00").await;
    let sessions = programme.sessions().await;
    assert_eq!(sessions.len(), 3, "{sessions:#?}");
    assert!(sessions.iter().all(|session| session.organizer.is_none() && session.stands));
    // Google says that it is a calendar of several; at Microsoft it might be a third person.
    let expected = if pair == [ADA, BEN] { Decision::Taken } else { Decision::Proposed };
    assert!(sessions.iter().all(|session| session.decision == expected), "{sessions:#?}");
}

/// Whoever is invited under another of their addresses is the same person, however it is written; the
/// tags of consumer mail are nobody's in an organisation.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_the_same_person(
    #[values((ADA, "B.Ode@Acme.example", "ben+home@acme.example"), (CHEN, "Noor@contoso.example", "dara+home@contoso.example"))]
    people: (&str, &str, &str),
) {
    let (organizer, alias, stranger) = people;
    let programme = Programme::new().await;
    programme.world.plan(&meeting([organizer, alias])).await.expect("a meeting");
    let other = NewMeeting { start: "2026-10-09T10:00".to_owned(), ..meeting([organizer, stranger]) };
    programme.world.plan(&other).await.expect("a meeting");
    programme.until("2026-10-05T08:00").await;
    let starts: Vec<_> = programme.sessions().await.iter().map(|session| session.start).collect();
    assert_eq!(starts, [berlin("2026-10-08T10:00")]);
}
