//! Meetings planned on other people's clocks, over the days on which those are set.

use chrono::{DateTime, Utc};
use mentord::sandbox::{NewMeeting, Quirks, Response};
use rstest::rstest;

use crate::programme::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// In New York the clocks are set on other Sundays than in Berlin: for a week in autumn, and for two
/// in spring, the two are an hour nearer to each other.
#[rstest]
#[case::autumn_in_new_york("2026-10-19T06:00", ("2026-10-21T09:30", "America/New_York"), &[
    "2026-10-21T13:30:00Z", "2026-10-28T13:30:00Z", "2026-11-04T14:30:00Z", "2026-11-11T14:30:00Z",
])]
#[case::autumn_in_berlin("2026-10-19T06:00", ("2026-10-21T14:30", "Europe/Berlin"), &[
    "2026-10-21T12:30:00Z", "2026-10-28T13:30:00Z", "2026-11-04T13:30:00Z", "2026-11-11T13:30:00Z",
])]
#[case::spring_in_new_york("2027-03-08T06:00", ("2027-03-10T09:30", "America/New_York"), &[
    "2027-03-10T14:30:00Z", "2027-03-17T13:30:00Z", "2027-03-24T13:30:00Z", "2027-03-31T13:30:00Z",
])]
#[case::spring_in_berlin("2027-03-08T06:00", ("2027-03-10T14:30", "Europe/Berlin"), &[
    "2027-03-10T13:30:00Z", "2027-03-17T13:30:00Z", "2027-03-24T13:30:00Z", "2027-03-31T12:30:00Z",
])]
// On one of its days there is no half past two in Berlin; on another there are two.
#[case::the_hour_that_is_not_there("2027-03-19T06:00", ("2027-03-21T02:30", "Europe/Berlin"), &[
    "2027-03-21T01:30:00Z", "2027-03-28T01:30:00Z", "2027-04-04T00:30:00Z", "2027-04-11T00:30:00Z",
])]
#[case::the_hour_that_comes_twice("2026-10-12T06:00", ("2026-10-18T02:30", "Europe/Berlin"), &[
    "2026-10-18T00:30:00Z", "2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z", "2026-11-08T01:30:00Z",
])]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_when_its_organiser_s_clock_says(
    #[case] begin: &str,
    #[case] (start, zone): (&str, &str),
    #[case] expected: &[&str],
    // Google alone, Microsoft alone, and each with guests at the other.
    #[values([ADA, BEN], [CHEN, DARA], [ADA, DARA], [DARA, ADA])] pair: [&str; 2],
    // Exchange has zones that no name is known for, and says only that it is so.
    #[values(false, true)] graph_custom_zones: bool,
) {
    let [organizer, guest] = pair;
    let mut programme = Programme::asleep().await;
    programme.skip(begin).await;
    let quirks = Quirks { graph_custom_zones, ..Quirks::default() };
    programme.world.quirks(quirks).await.expect("habits");
    let meeting = NewMeeting {
        organizer: organizer.to_owned(),
        attendees: vec![guest.to_owned()],
        title: "Mentoring".to_owned(),
        start: start.to_owned(),
        timezone: zone.to_owned(),
        minutes: 45,
        rrule: Some("FREQ=WEEKLY;COUNT=4".to_owned()),
        ..NewMeeting::default()
    };
    let id = programme.world.plan(&meeting).await.expect("a meeting").id;
    programme.world.respond(&id, guest, Response::Accepted, None).await.expect("an answer");
    programme.start().await;
    programme.pass(berlin(begin) + chrono::TimeDelta::minutes(10)).await;
    let sessions = programme.sessions().await;
    let starts: Vec<DateTime<Utc>> = sessions.iter().map(|session| session.start).collect();
    assert_eq!(starts, expected.iter().map(|text| at(text)).collect::<Vec<_>>());
    assert!(sessions.iter().all(|session| (session.end - session.start).num_minutes() == 45));
    // One session of two copies each.
    for session in &sessions {
        let copies = programme.service().context.store.copies_of_session(&session.id).await.expect("copies");
        assert_eq!(copies.len(), 2, "{copies:#?}");
    }
}
