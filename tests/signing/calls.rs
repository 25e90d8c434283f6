//! Who was in a call, where people consented one by one.

use chrono::TimeDelta;
use mentord::domain::calendar::CalendarState;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::session::Session;
use mentord::pipeline::{conference, detect, judge};
use mentord::sandbox::Will;
use mentord::store::SessionFilter;
use rstest::rstest;

use crate::browser::connect;
use crate::stage::*;

/// Both are in the call for most of the hour; what mentord makes of it later that day.
async fn judged(stage: &Stage, meeting: &str, people: [&str; 2]) -> Session {
    stage.sync().await;
    detect::step(&stage.context).await.expect("a step");
    let begin = "2026-10-08T08:00:00Z".parse().expect("a time");
    for who in people {
        stage.world.join(meeting, Some(who), begin, None).await.expect("to join");
        let end = begin + TimeDelta::minutes(50);
        stage.world.leave(meeting, Some(who), end, None).await.expect("to leave");
    }
    stage.pass(TimeDelta::days(3) + TimeDelta::hours(6));
    stage.sync().await;
    conference::step(&stage.context).await.expect("a step");
    judge::step(&stage.context).await.expect("a step");
    let sessions = stage.context.store.sessions(&SessionFilter::default()).await.expect("sessions");
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.into_iter().next().expect("a session")
}

#[rstest]
#[case::google(0, [ADA, BEN])]
#[case::microsoft(1, [CHEN, DARA])]
#[tokio::test(flavor = "multi_thread")]
async fn those_who_consented_are_named_in_a_call(#[case] meeting: usize, #[case] people: [&str; 2]) {
    let stage = Stage::new().await;
    for who in people {
        connect(&stage, who).await;
    }
    let session = judged(&stage, &stage.meetings[meeting], people).await;
    let verdict = &session.verdict;
    assert_eq!((verdict.status, verdict.grade), (Status::Held, Grade::Observed), "{}", verdict.reason);
    assert!(verdict.people.iter().all(|person| person.minutes == Some(50)), "{:?}", verdict.people);
    // Nobody else's entry in a directory was asked for.
    assert_eq!(stage.requests("/admin/directory").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_consent_was_somebody() {
    let stage = Stage::new().await;
    connect(&stage, ADA).await;
    let session = judged(&stage, &stage.meetings[0], [ADA, BEN]).await;
    assert_eq!(session.verdict.status, Status::Unknown, "{}", session.verdict.reason);
}

/// The calendar alone, where somebody does not want, or is not allowed, to have their calls read.
#[rstest]
#[case::google(0, [ADA, BEN], "meetings.space")]
#[case::microsoft(1, [CHEN, DARA], "OnlineMeeting")]
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_read_without_the_calls(
    #[case] meeting: usize,
    #[case] people: [&str; 2],
    #[case] without: &str,
) {
    let stage = Stage::new().await;
    let will = Will { without: vec![without.to_owned()], ..Will::default() };
    stage.world.will(&will).await.expect("a will");
    for who in people {
        connect(&stage, who).await;
    }
    // Three days later the tokens are renewed: for what was granted, and no more.
    stage.world.expire_tokens().await.expect("to expire");
    stage.requests("").await;
    let session = judged(&stage, &stage.meetings[meeting], people).await;
    assert_eq!(session.verdict.status, Status::Unknown, "{}", session.verdict.reason);
    assert_eq!(stage.calendar(people[0]).await.state, CalendarState::Active);
    assert!(stage.requests("/token").await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_withdrew_is_named_no_more() {
    let stage = Stage::new().await;
    for who in [ADA, BEN] {
        connect(&stage, who).await;
    }
    let accounts = &stage.context.accounts["acme"];
    accounts.withdraw(&address(BEN), "it was withdrawn").await.expect("the database");
    let session = judged(&stage, &stage.meetings[0], [ADA, BEN]).await;
    assert_eq!(session.verdict.status, Status::Unknown, "{}", session.verdict.reason);
}
