//! What goes wrong, and what must hold all the same.

use mentord::domain::alert::{AlertState, Kind};
use mentord::domain::calendar::Calendar;
use mentord::domain::judge::{Grade, Status};
use mentord::sandbox::Fault;
use rstest::rstest;

use crate::programme::*;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn stopping_and_starting_every_few_hours_changes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let mut programme = Programme::on(on).await;
    let weekly = programme.meeting(ADA, BEN, "2026-10-06T10:00", Some("FREQ=DAILY;COUNT=5")).await;
    for day in 6..=10 {
        let start = format!("2026-10-{day:02}T10:00");
        programme.both(&weekly, [ADA, BEN], &start).await;
    }
    for day in 5..=11 {
        for hour in [9, 11, 20] {
            programme.until(&format!("2026-10-{day:02}T{hour:02}:00")).await;
            programme.stop().await;
            programme.start().await;
        }
    }
    let verdicts = programme.verdicts("2026-10-12T00:00").await;
    assert_eq!(verdicts.len(), 5);
    assert!(verdicts.iter().all(|(_, status, _)| *status == Status::Held), "{verdicts:?}");
    assert_eq!(programme.mails().await.len(), 5 * 2 * 2);
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_during_a_long_silence_is_withdrawn_and_not_sent_in_a_burst() {
    let mut programme = Programme::with("[[programs.digests]]\ncron = \"0 0 9 * * *\"").await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-07T10:00", None).await;
    programme.both(&meeting, [ADA, BEN], "2026-10-07T10:00").await;
    programme.until("2026-10-05T12:00").await;
    programme.stop().await;
    programme.skip("2026-10-10T12:00").await;
    programme.start().await;
    programme.until("2026-10-10T13:00").await;

    assert_eq!(programme.listed(Kind::Reminder, AlertState::Sent).await, Vec::<String>::new());
    assert_eq!(programme.listed(Kind::Reminder, AlertState::Withdrawn).await.len(), 4);
    let digests = programme.listed(Kind::Digest, AlertState::Sent).await;
    assert_eq!(digests, ["people@acme.example at 05.10. 09:00", "people@acme.example at 10.10. 09:00"]);
    assert_eq!(
        programme.verdicts("2026-10-10T00:00").await,
        [("07.10. 10:00".to_owned(), Status::Held, Grade::Observed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_means_something_as_soon_as_all_calendars_were_read_again() {
    let mut programme = Programme::new().await;
    programme.until("2026-10-05T12:00").await;
    programme.stop().await;
    // The three weeks within which they were to meet are over.
    programme.skip("2026-10-27T08:00").await;
    programme.start().await;
    programme.until("2026-10-27T12:00").await;

    let first = programme.listed(Kind::FirstMeeting, AlertState::Sent).await;
    assert_eq!(first.len(), 6, "{first:?}");
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_delays_mails_and_loses_none() {
    let programme = Programme::new().await;
    programme.meeting(ADA, BEN, "2026-10-07T10:00", None).await;
    programme.until("2026-10-06T09:30").await;
    programme.world.smtp(false).await.expect("the mail server");
    programme.until("2026-10-06T11:00").await;
    assert_eq!(programme.mails().await, []);
    let waiting = programme.alerts(Kind::Reminder).await;
    assert!(waiting.iter().any(|stored| stored.attempts > 2 && stored.state == AlertState::Planned));
    programme.world.smtp(true).await.expect("the mail server");
    programme.until("2026-10-06T13:00").await;

    assert_eq!(programme.mails().await.len(), 2);
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_called_off_right_before_its_reminder_is_not_reminded_of() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-07T10:30", None).await;
    programme.until("2026-10-06T09:20").await;
    programme.world.cancel(&meeting, None).await.expect("to call off");
    // The calendars are read at ten; the reminder is due half an hour later.
    programme.until("2026-10-07T12:00").await;

    assert_eq!(programme.mails().await, []);
    assert_eq!(programme.listed(Kind::Reminder, AlertState::Withdrawn).await.len(), 4);
    assert_eq!(
        programme.verdicts("2026-10-10T00:00").await,
        [("07.10. 10:30".to_owned(), Status::Cancelled, Grade::Confirmed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_listing_lacks_after_a_lost_cursor_is_gone() {
    let programme = Programme::new().await;
    let google = programme.meeting(ADA, BEN, "2026-10-13T10:00", None).await;
    let microsoft = programme.meeting(CHEN, DARA, "2026-10-14T10:00", None).await;
    let stays = programme.meeting(CHEN, DARA, "2026-10-15T10:00", Some("FREQ=WEEKLY;COUNT=2")).await;
    programme.until("2026-10-05T12:00").await;
    assert_eq!(programme.sessions().await.len(), 4);
    programme.world.cancel(&google, None).await.expect("to call off");
    programme.world.cancel(&microsoft, None).await.expect("to call off");
    programme.world.cancel(&stays, Some(berlin("2026-10-22T10:00"))).await.expect("to call off");
    programme.world.expire_cursors(None).await.expect("cursors");
    programme.until("2026-10-05T15:00").await;

    let status: Vec<_> =
        programme.verdicts("2026-11-01T00:00").await.into_iter().map(|(_, s, _)| s).collect();
    assert_eq!(status, [Status::Cancelled, Status::Cancelled, Status::Scheduled, Status::Cancelled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_missed_while_a_calendar_cannot_be_read() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-06T10:00", None).await;
    programme.stay(&meeting, ADA, "2026-10-06T10:00", 0..15, "2026-10-06T10:00").await;
    programme.until("2026-10-06T09:30").await;
    let outage =
        |times| Fault { path_contains: "/calendars/ben".to_owned(), status: 503, times, ..Fault::default() };
    programme.world.fault(&outage(100_000)).await.expect("a fault");
    programme.until("2026-10-06T20:00").await;
    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 10:00".to_owned(), Status::Scheduled, Grade::None)]
    );
    assert_eq!(programme.listed(Kind::Missed, AlertState::Sent).await, Vec::<String>::new());
    programme.until("2026-10-07T20:00").await;
    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 10:00".to_owned(), Status::Unknown, Grade::None)]
    );
    programme.world.clear_faults().await.expect("no fault");
    programme.until("2026-10-08T12:00").await;
    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 10:00".to_owned(), Status::Missed, Grade::Observed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sick_calendar_holds_up_no_other() {
    let programme = Programme::new().await;
    let sick = Fault { path_contains: "chen".to_owned(), status: 500, times: 100_000, ..Fault::default() };
    programme.world.fault(&sick).await.expect("a fault");
    programme.meeting(CHEN, DARA, "2026-10-08T14:00", None).await;
    programme.meeting(ADA, BEN, "2026-10-08T10:00", None).await;
    programme.until("2026-10-05T12:00").await;

    // One side of each pairing can be read, and that is enough.
    assert_eq!(programme.sessions().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_sends_nothing_again() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-06T12:00", None).await;
    programme.both(&meeting, [ADA, BEN], "2026-10-06T12:00").await;
    programme.until("2026-10-06T11:30").await;
    let sent = programme.mails().await.len();
    programme.clock.set(berlin("2026-10-06T10:30"));
    programme.until("2026-10-06T14:00").await;

    assert_eq!(programme.mails().await.len(), sent);
    programme.assert_single().await;
    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 12:00".to_owned(), Status::Held, Grade::Observed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_holds_up_no_other_pairing() {
    let programme = Programme::new().await;
    programme.meeting(ADA, BEN, "2026-10-08T10:00", None).await;
    programme.until("2026-10-05T12:00").await;
    assert_eq!(programme.sessions().await.len(), 1);
    programme.spoil("UPDATE copy SET responses = 'spoilt'").await;
    programme.spoil("UPDATE pairing SET next_detect_at = '2026-10-05T00:00:00+00:00'").await;
    programme.meeting(CHEN, DARA, "2026-10-08T14:00", None).await;
    programme.until("2026-10-05T15:00").await;

    assert_eq!(programme.sessions().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_put_off_by_a_clock_that_was_wrong_is_read_again() {
    let programme = Programme::new().await;
    programme.until("2026-10-05T08:30").await;
    programme.spoil("UPDATE calendar SET next_sync_at = '2027-10-05T00:00:00+00:00'").await;
    programme.meeting(ADA, BEN, "2026-10-08T10:00", None).await;
    programme.until("2026-10-06T12:00").await;

    assert_eq!(programme.sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_served_by_a_clock_that_was_wrong_does_not_silence_the_next_ones() {
    let programme = Programme::with("[[programs.digests]]\ncron = \"0 0 9 * * *\"").await;
    programme.until("2026-10-05T08:00").await;
    programme.spoil("UPDATE schedule_slot SET slot = '2027-10-05T07:00:00+00:00'").await;
    programme.until("2026-10-07T12:00").await;

    let digests = programme.listed(Kind::Digest, AlertState::Sent).await;
    assert_eq!(
        digests[digests.len() - 2..],
        ["people@acme.example at 06.10. 09:00", "people@acme.example at 07.10. 09:00"]
    );
    programme.assert_single().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_waited_for_while_the_organiser_cannot_be_asked() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-06T10:00", None).await;
    programme.both(&meeting, [ADA, BEN], "2026-10-06T10:00").await;
    let outage = Fault {
        path_contains: "conferenceRecords".to_owned(),
        status: 503,
        times: 100_000,
        ..Fault::default()
    };
    programme.world.fault(&outage).await.expect("a fault");
    programme.until("2026-10-17T10:00").await;
    programme.world.clear_faults().await.expect("no fault");
    programme.until("2026-10-18T10:00").await;

    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 10:00".to_owned(), Status::Held, Grade::Observed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_late_is_not_sent_in_quiet_hours() {
    let programme = Programme::with("[programs.alerts]\nquiet_hours = \"20:00-08:00\"").await;
    programme.meeting(ADA, BEN, "2026-10-07T19:45", None).await;
    programme.meeting(CHEN, DARA, "2026-10-07T08:30", None).await;
    programme.until("2026-10-06T07:00").await;
    programme.world.smtp(false).await.expect("the mail server");
    programme.until("2026-10-06T20:30").await;
    programme.world.smtp(true).await.expect("the mail server");
    programme.until("2026-10-07T07:55").await;
    assert_eq!(programme.mails().await, []);
    programme.until("2026-10-07T12:00").await;

    // What was due at 19:45 the day before is no longer worth sending in the morning.
    assert_eq!(
        programme.listed(Kind::Reminder, AlertState::Sent).await,
        ["chen@contoso.example at 07.10. 08:00", "dara@contoso.example at 07.10. 08:00"]
    );
}

/// However long Teams takes, what Meet says is there in time.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_holds_up_no_other_connection() {
    let programme = Programme::new().await;
    let early = programme.meeting(CHEN, DARA, "2026-10-06T09:00", None).await;
    let late = programme.meeting(ADA, BEN, "2026-10-06T10:00", None).await;
    programme.both(&early, [CHEN, DARA], "2026-10-06T09:00").await;
    programme.both(&late, [ADA, BEN], "2026-10-06T10:00").await;
    programme.until("2026-10-06T09:30").await;
    programme.world.script("to \"onlineMeetings\" answer slow 60s always").await.expect("a script");
    let asked = programme.world.requests().await.expect("requests").len();
    // Both are over, and Teams is asked first.
    programme.world.clock(berlin("2026-10-06T11:40")).await.expect("the world's clock");
    programme.clock.set(berlin("2026-10-06T11:40"));
    let meet = async {
        let mut seen = asked;
        loop {
            let all = programme.world.wait_for_requests(seen + 1).await.expect("requests");
            if all[seen..].iter().any(|line| line.contains("participantSessions")) {
                return;
            }
            seen = all.len();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(25), meet).await.expect("Meet is asked meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_looked_up_are_named_beside_the_calendar() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(ADA, BEN, "2026-10-06T10:00", None).await;
    programme.both(&meeting, [ADA, BEN], "2026-10-06T10:00").await;
    let forbidden = Fault {
        path_contains: "conferenceRecords".to_owned(),
        status: 403,
        times: 1_000,
        ..Fault::default()
    };
    programme.world.fault(&forbidden).await.expect("a fault");
    programme.until("2026-10-06T12:00").await;
    let troubles = async || {
        let calendars = programme.service().context.store.calendars().await.expect("calendars");
        calendars.iter().filter_map(Calendar::trouble).collect::<Vec<_>>()
    };
    let told = troubles().await;
    assert!(!told.is_empty(), "nobody learns of it");
    let remedy = "https://www.googleapis.com/auth/meetings.space.readonly";
    assert!(told.iter().all(|text| text.contains("in calls") && text.contains(remedy)), "{told:?}");
    programme.world.clear_faults().await.expect("no fault");
    programme.until("2026-10-06T18:00").await;
    assert_eq!(
        programme.verdicts("2026-10-07T00:00").await,
        [("06.10. 10:00".to_owned(), Status::Held, Grade::Observed)]
    );
    // Whoever was asked first knew, and nobody else was asked again.
    assert!(troubles().await.len() < told.len(), "{:?}", troubles().await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_left_alone_is_left_alone_by_the_next_service_as_well(
    #[values((ADA, "/calendars/ada"), (CHEN, "/users/chen"))] (who, path): (&str, &str),
) {
    let mut programme = Programme::asleep().await;
    let busy = Fault {
        path_contains: path.to_owned(),
        status: 503,
        times: 1,
        retry_after: Some("7200".to_owned()),
        ..Fault::default()
    };
    programme.world.fault(&busy).await.expect("a fault");
    programme.start().await;
    let asked = async |programme: &Programme| {
        let requests = programme.world.requests().await.expect("requests");
        requests.iter().filter(|line| line.contains(who)).count()
    };
    for time in ["06:30", "07:55"] {
        programme.until(&format!("2026-10-05T{time}")).await;
        assert_eq!(asked(&programme).await, 1, "at {time}");
        programme.stop().await;
        programme.start().await;
    }
    // Two hours, and up to half an hour more.
    programme.until("2026-10-05T08:35").await;
    assert!(asked(&programme).await >= 2);
}
