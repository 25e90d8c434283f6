//! `mentord sync`

use chrono::TimeDelta;
use mentord::sandbox::{Conference, Fault, NewMeeting};
use serde_json::Value;

use crate::stage::{ADA, BEN, CHEN, DARA, EVA, FINN, GUS, OLGA, Stage};

#[tokio::test]
async fn a_first_sync_reads_finds_judges_and_plans_and_sends_nothing() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.declined().await;
    stage.soon().await;
    let run = stage.run(&["sync"]).await.went_well();
    let run = run.says(&["calendars: 7 read, 0 failed", "sessions:  4 found, 0 moved"]);
    assert_eq!(run.err, "");
    // Two for the reminder, two for the session that was missed.
    run.says(&["alerts:    4 planned (before: 0)"]);
    assert_eq!(stage.mails().await, vec![]);
}

#[tokio::test]
async fn a_session_with_both_sides_in_the_call_is_held_and_observed() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.run(&["sync"]).await.went_well();
    let sessions = stage.list("sessions").await;
    let [session] = &sessions[..] else { panic!("{sessions:#?}") };
    assert_eq!((&session["status"], &session["grade"]), (&"held".into(), &"observed".into()));
    assert_eq!(session["conference"], "google_meet");
    let [ada, ben] = &session["people"].as_array().unwrap()[..] else { panic!("{session:#}") };
    let told = |person: &Value| {
        ["email", "role", "rsvp", "verdict", "grade"].map(|field| person[field].as_str().unwrap().to_owned())
    };
    assert_eq!(told(ada), [ADA, "mentor", "accepted", "attended", "observed"]);
    assert_eq!(ada["minutes"], 45);
    assert_eq!(told(ben), [BEN, "mentee", "accepted", "late", "observed"]);
    assert_eq!(ben["minutes"], 34);
    let joined: chrono::DateTime<chrono::Utc> = ben["joined_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(joined, stage.at(-96));
    assert_eq!(session["copies"].as_array().unwrap().len(), 2, "one copy on each calendar");
}

#[tokio::test]
async fn a_session_with_the_mentor_alone_in_the_call_is_missed_and_observed() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    let sessions = stage.list("sessions").await;
    let [session] = &sessions[..] else { panic!("{sessions:#?}") };
    assert_eq!((&session["status"], &session["grade"]), (&"missed".into(), &"observed".into()));
    assert_eq!(session["reason"], "the call's record shows the mentor alone");
    let people = session["people"].as_array().unwrap();
    assert_eq!((&people[0]["email"], &people[0]["verdict"]), (&CHEN.into(), &"attended".into()));
    assert_eq!((&people[1]["email"], &people[1]["verdict"]), (&DARA.into(), &"absent".into()));
    assert_eq!((&people[1]["joined_at"], &people[1]["minutes"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn declined_and_called_off_sessions_are_cancelled() {
    let stage = Stage::set().await;
    stage.declined().await;
    let planned = stage.planned().await;
    stage.run(&["sync"]).await.went_well();
    let declined = stage.sessions_of(EVA).await;
    assert_eq!((&declined[0]["status"], &declined[0]["grade"]), (&"cancelled".into(), &"reported".into()));
    assert_eq!(declined[0]["people"][1]["verdict"], "declined");
    assert_eq!(stage.sessions_of(GUS).await[0]["status"], "scheduled");

    stage.control.cancel(&planned.id, None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    let cancelled = stage.sessions_of(GUS).await;
    assert_eq!((&cancelled[0]["status"], &cancelled[0]["grade"]), (&"cancelled".into(), &"confirmed".into()));
}

#[tokio::test]
async fn a_session_that_was_moved_keeps_its_identity() {
    let stage = Stage::set().await;
    let planned = stage.planned().await;
    stage.run(&["sync"]).await.went_well();
    let before = stage.list("sessions").await;
    let to = stage.at(4 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string();
    stage.control.reschedule(&planned.id, None, &to, None).await.unwrap();
    stage.run(&["sync"]).await.went_well().says(&["0 found, 1 moved"]);
    let after = stage.list("sessions").await;
    assert_eq!(before[0]["id"], after[0]["id"]);
    assert_eq!((&before[0]["moves"], &after[0]["moves"]), (&0.into(), &1.into()));
    assert!(after[0]["start"].as_str().unwrap().starts_with(&to));
}

#[tokio::test]
async fn a_second_sync_changes_nothing() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.declined().await;
    stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    let lists = ["sessions", "pairings", "alerts"];
    let mut before = Vec::new();
    for list in lists {
        before.push(stage.list(list).await);
    }
    stage.run(&["sync"]).await.went_well().says(&[
        "calendars: 7 read, 0 failed",
        "events:    0 new, 0 changed, 0 gone",
        "sessions:  0 found, 0 moved, 0 judged anew",
        "alerts:    4 planned (before: 4)",
    ]);
    for (list, before) in lists.iter().zip(before) {
        assert_eq!(stage.list(list).await, before, "{list}");
    }
}

#[tokio::test]
async fn one_broken_mailbox_does_not_hold_up_the_others() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    let fault =
        Fault { path_contains: "ben%40acme.example".into(), status: 404, times: 50, ..Fault::default() };
    stage.control.fault(&fault).await.unwrap();
    let fault = Fault { path_contains: "ben@acme.example".into(), ..fault };
    stage.control.fault(&fault).await.unwrap();
    stage
        .run(&["sync"])
        .await
        .ends_with(1)
        .says(&["calendars: 6 read, 1 failed", "failed:    "])
        .complains_of(&["mentord: 1 calendar could not be read", "mentord calendars"]);
    let calendars = stage.list("calendars").await;
    let of = |address: &str| calendars.iter().find(|calendar| calendar["address"] == address).unwrap();
    assert_eq!(of(BEN)["state"], "unreachable");
    assert_eq!(of(BEN)["last_synced_at"], Value::Null);
    assert!(of(BEN)["error"].as_str().unwrap().contains("404"), "{:#}", of(BEN));
    assert_eq!((&of(ADA)["state"], &of(ADA)["error"]), (&"active".into(), &Value::Null));
    // What Ada's calendar and the record of the call show is enough.
    assert_eq!(stage.sessions_of(ADA).await[0]["status"], "held");

    stage.control.clear_faults().await.unwrap();
    stage.run(&["sync"]).await.went_well().says(&["calendars: 7 read, 0 failed"]);
    let calendars = stage.list("calendars").await;
    assert!(calendars.iter().all(|calendar| calendar["state"] == "active" && calendar["error"].is_null()));
}

#[tokio::test]
async fn the_shortest_interval_does_not_make_a_sync_read_forever() {
    let stage = Stage::set().await;
    stage.configure("interval = \"1h\"", "interval = \"1s\"\nconcurrency = 1");
    stage.held().await;
    stage.run(&["sync"]).await.went_well().says(&["calendars: 7 read, 0 failed"]);
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_none_of_syncs_business() {
    let stage = Stage::set().await;
    stage.control.smtp(false).await.unwrap();
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
}

#[tokio::test]
async fn lost_cursors_lose_no_session_and_find_none_twice() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.book(EVA, &["finn@contoso.example"], "Mentoring", (600, 45), Conference::Meet).await;
    stage.run(&["sync"]).await.went_well();
    let before = stage.list("sessions").await;
    assert_eq!(before.len(), 2);
    stage.control.expire_cursors(None).await.unwrap();
    stage.control.expire_tokens().await.unwrap();
    stage.run(&["sync"]).await.went_well().says(&["events:    0 new, 0 changed, 0 gone"]);
    assert_eq!(stage.list("sessions").await, before);
}

/// More of it than anybody has meetings.
fn absurd(stage: &Stage, organizer: &str, guest: &str) -> NewMeeting {
    NewMeeting {
        organizer: organizer.to_owned(),
        attendees: vec![guest.to_owned()],
        title: "Mentoring".to_owned(),
        start: stage.at(24 * 60).format("%Y-%m-%dT%H:%M").to_string(),
        timezone: "UTC".to_owned(),
        minutes: 15,
        rrule: Some("FREQ=MINUTELY;INTERVAL=70".to_owned()),
        ..NewMeeting::default()
    }
}

#[tokio::test]
async fn a_series_of_thousands_is_left_out_and_the_list_says_so() {
    let stage = Stage::set().await;
    stage.control.plan(&absurd(&stage, EVA, FINN)).await.unwrap();
    stage.held().await;
    stage.run(&["sync"]).await.went_well().says(&["calendars: 7 read, 0 failed", "sessions:  1 found"]);
    let calendars = stage.list("calendars").await;
    let of = |address: &str| calendars.iter().find(|calendar| calendar["address"] == address).unwrap();
    for who in [EVA, FINN] {
        assert_eq!(of(who)["state"], "active");
        let error = of(who)["error"].as_str().unwrap();
        let series = error.strip_prefix("1 series is left out, as it has too many occurrences: ").unwrap();
        let left_out = format!("Series {series} is left out of the calendar {who}");
        stage.run(&["explain", series]).await.went_well().says(&[&left_out]);
    }
    assert_eq!(of(ADA)["error"], Value::Null);
    // It stays so until the series comes to its senses, whatever becomes of single occurrences.
    let truth = stage.control.meetings(stage.at(0), stage.at(2 * 24 * 60)).await.unwrap();
    let third = truth[0].occurrences[2].original_start;
    let later = (third + TimeDelta::minutes(20)).format("%Y-%m-%dT%H:%M").to_string();
    stage.control.reschedule("m1", Some(third), &later, None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    assert_eq!(stage.list("calendars").await.iter().filter(|line| !line["error"].is_null()).count(), 2);
    assert_eq!(stage.list("sessions").await.len(), 1);
    stage.control.shorten("m1", truth[0].occurrences[4].original_start).await.unwrap();
    stage.run(&["sync"]).await.went_well().says(&["sessions:  4 found"]);
    assert!(stage.list("calendars").await.iter().all(|line| line["error"].is_null()));
}

#[tokio::test]
async fn a_series_of_thousands_that_concerns_no_pairing_is_nobody_s_business() {
    let stage = Stage::set().await;
    for organizer in [EVA, FINN] {
        stage.control.plan(&absurd(&stage, organizer, OLGA)).await.unwrap();
    }
    stage.run(&["sync"]).await.went_well().says(&["calendars: 7 read, 0 failed"]);
    assert!(stage.list("calendars").await.iter().all(|line| line["error"].is_null()));
}
