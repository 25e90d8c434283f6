//! What a month brings.

use mentord::domain::alert::{AlertState, Kind};
use mentord::domain::judge::{Grade, Status};
use mentord::sandbox::{NewMeeting, Response};
use rstest::rstest;

use crate::programme::*;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_reminded_of_and_judged_by_who_was_there(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let programme = Programme::on(on).await;
    let weekly = programme.meeting(ADA, BEN, "2026-10-06T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    let teams = programme.meeting(CHEN, DARA, "2026-10-08T14:00", None).await;
    programme.both(&weekly, [ADA, BEN], "2026-10-06T10:00").await;
    programme.both(&teams, [CHEN, DARA], "2026-10-08T14:00").await;
    // In the second week Ben does not come; in the third Ada moves it; the fourth she calls off.
    programme.stay(&weekly, ADA, "2026-10-13T10:00", 0..20, "2026-10-13T10:00").await;
    programme.until("2026-10-19T12:00").await;
    let original = Some(berlin("2026-10-20T10:00"));
    programme.world.reschedule(&weekly, original, "2026-10-21T16:00", None).await.expect("a move");
    programme.stay(&weekly, ADA, "2026-10-21T16:00", 0..60, "2026-10-20T10:00").await;
    programme.stay(&weekly, BEN, "2026-10-21T16:00", 12..60, "2026-10-20T10:00").await;
    programme.until("2026-10-25T12:00").await;
    programme.world.cancel(&weekly, Some(berlin("2026-10-27T10:00"))).await.expect("to call off");
    programme.until("2026-11-02T06:00").await;

    assert_eq!(
        programme.verdicts("2026-11-02T00:00").await,
        [
            ("06.10. 10:00".to_owned(), Status::Held, Grade::Observed),
            ("08.10. 14:00".to_owned(), Status::Held, Grade::Observed),
            ("13.10. 10:00".to_owned(), Status::Missed, Grade::Observed),
            ("21.10. 16:00".to_owned(), Status::Held, Grade::Observed),
            ("27.10. 10:00".to_owned(), Status::Cancelled, Grade::Confirmed),
        ]
    );
    let sessions = programme.sessions().await;
    assert_eq!(sessions.iter().map(|session| session.moves).collect::<Vec<_>>(), [0, 0, 0, 1, 0]);
    assert_eq!(
        programme.subjects(BEN).await,
        [
            "Tuesday 6 October, 10:00: your session with Ada Berg",
            "Tuesday 6 October, 10:00: your session with Ada Berg",
            "Tuesday 13 October, 10:00: your session with Ada Berg",
            "Tuesday 13 October, 10:00: your session with Ada Berg",
            "About your session with Ada Berg on 13 October",
            "Tuesday 20 October, 10:00: your session with Ada Berg",
            "Wednesday 21 October, 16:00: your session with Ada Berg",
            "Wednesday 21 October, 16:00: your session with Ada Berg",
            // A week after the last one, with none planned; and half a week later to both.
            "Time for a session with Ada Berg?",
            "Time for a session with Ada Berg?",
        ]
    );
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_meeting_on_a_google_and_a_microsoft_calendar_is_one_session() {
    let programme = Programme::new().await;
    let series = Some("FREQ=WEEKLY;COUNT=3");
    let by_ada = programme.meeting(ADA, DARA, "2026-10-07T09:00", series).await;
    let by_dara = programme.meeting(DARA, ADA, "2026-10-09T09:00", None).await;
    programme.until("2026-10-05T12:00").await;
    programme
        .world
        .reschedule(&by_ada, Some(berlin("2026-10-14T09:00")), "2026-10-15T11:00", None)
        .await
        .expect("a move");
    programme.world.cancel(&by_ada, Some(berlin("2026-10-21T09:00"))).await.expect("to call off");
    programme.world.reschedule(&by_dara, None, "2026-10-09T15:00", None).await.expect("a move");
    programme.until("2026-10-05T18:00").await;

    let sessions = programme.sessions().await;
    let shown: Vec<_> = sessions.iter().map(|s| (s.start, s.verdict.status, s.moves)).collect();
    assert_eq!(
        shown,
        [
            (berlin("2026-10-07T09:00"), Status::Scheduled, 0),
            (berlin("2026-10-09T15:00"), Status::Scheduled, 1),
            (berlin("2026-10-15T11:00"), Status::Scheduled, 1),
            (berlin("2026-10-21T09:00"), Status::Cancelled, 0),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_none_of_the_pairings_business_are_left() {
    let programme = Programme::new().await;
    let meeting = |title: &str, guests: &[&str], start: &str| NewMeeting {
        organizer: ADA.to_owned(),
        attendees: guests.iter().map(|guest| (*guest).to_owned()).collect(),
        title: title.to_owned(),
        start: start.to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        minutes: 30,
        ..NewMeeting::default()
    };
    let world = &programme.world;
    world.plan(&meeting("Stand-up", &[BEN], "2026-10-06T09:00")).await.expect("a meeting");
    let crowd = [BEN, "x@acme.example", "y@acme.example", "z@acme.example"];
    world.plan(&meeting("Review", &crowd, "2026-10-06T11:00")).await.expect("a meeting");
    world.plan(&meeting("Alone", &[], "2026-10-06T12:00")).await.expect("a meeting");
    let private = NewMeeting {
        visibility: Some("private".to_owned()),
        ..meeting("Mentoring", &[BEN], "2026-10-06T13:00")
    };
    world.plan(&private).await.expect("a meeting");
    programme.until("2026-10-05T12:00").await;

    assert_eq!(programme.sessions().await, []);
    assert_eq!(programme.mails().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declines_is_not_reminded_and_what_one_side_declines_is_called_off() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(CHEN, DARA, "2026-10-08T14:00", None).await;
    programme.until("2026-10-06T12:00").await;
    programme.world.respond(&meeting, DARA, Response::Declined, None).await.expect("an answer");
    programme.until("2026-10-08T18:00").await;

    assert_eq!(
        programme.verdicts("2026-10-10T00:00").await,
        [("08.10. 14:00".to_owned(), Status::Cancelled, Grade::Reported)]
    );
    assert_eq!(programme.mails().await, []);
    assert_eq!(programme.listed(Kind::Reminder, AlertState::Withdrawn).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_that_does_not_meet_is_told_kindly_and_then_its_manager() {
    let programme = Programme::with("cadence = \"2 weeks\"").await;
    let meeting = programme.meeting(CHEN, DARA, "2026-10-06T14:00", None).await;
    programme.both(&meeting, [CHEN, DARA], "2026-10-06T14:00").await;
    programme.until("2026-11-06T12:00").await;

    let nudges = programme.listed(Kind::Nudge, AlertState::Sent).await;
    assert_eq!(
        nudges,
        [
            "dara@contoso.example at 20.10. 14:00",
            "chen@contoso.example at 27.10. 13:00",
            "dara@contoso.example at 27.10. 13:00",
            "people@acme.example at 03.11. 13:00",
        ],
        "the clocks go back on 25 October"
    );
    // The two pairings of Ada never met.
    let first = programme.listed(Kind::FirstMeeting, AlertState::Sent).await;
    assert_eq!(first.iter().filter(|line| line.starts_with(ADA)).count(), 2);
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_are_kept() {
    let programme = Programme::with("[programs.alerts]\nquiet_hours = \"20:00-08:00\"").await;
    programme.meeting(ADA, BEN, "2026-10-07T07:30", None).await;
    programme.meeting(CHEN, DARA, "2026-10-07T08:30", None).await;
    programme.until("2026-10-07T12:00").await;

    assert_eq!(
        programme.listed(Kind::Reminder, AlertState::Sent).await,
        [
            "ada@acme.example at 06.10. 08:00",
            "ben@acme.example at 06.10. 08:00",
            "chen@contoso.example at 06.10. 08:30",
            "dara@contoso.example at 06.10. 08:30",
            "ada@acme.example at 06.10. 19:50",
            "ben@acme.example at 06.10. 19:50",
            "chen@contoso.example at 07.10. 08:00",
            "dara@contoso.example at 07.10. 08:00",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_get_their_digest_once_a_slot() {
    let programme = Programme::with("[[programs.digests]]\ncron = \"0 0 9 * * Mon\"").await;
    programme.until("2026-10-26T12:00").await;

    let digests = programme.listed(Kind::Digest, AlertState::Sent).await;
    assert_eq!(
        digests,
        [
            "people@acme.example at 05.10. 09:00",
            "people@acme.example at 12.10. 09:00",
            "people@acme.example at 19.10. 09:00",
            "people@acme.example at 26.10. 09:00",
        ]
    );
    programme.assert_single().await;
}
