//! Who was in a call, where people consented one by one.

use mentord::domain::calendar::CalendarState;
use mentord::domain::judge::{Grade, Status};
use mentord::sandbox::Will;
use rstest::rstest;

use crate::browser::connect;
use crate::stage::*;

#[rstest]
#[case::google(0, [ADA, BEN])]
#[case::microsoft(1, [CHEN, DARA])]
#[tokio::test(flavor = "multi_thread")]
async fn those_who_consented_are_named_in_a_call(#[case] meeting: usize, #[case] people: [&str; 2]) {
    let stage = Stage::new().await;
    for who in people {
        connect(&stage, who).await;
    }
    let session = stage.judged(meeting, people).await;
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
    let session = stage.judged(0, [ADA, BEN]).await;
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
    let session = stage.judged(meeting, people).await;
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
    let session = stage.judged(0, [ADA, BEN]).await;
    assert_eq!(session.verdict.status, Status::Unknown, "{}", session.verdict.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_took_it_back_at_the_vendor_is_named_no_more() {
    let stage = Stage::new().await;
    for who in [ADA, BEN] {
        connect(&stage, who).await;
    }
    stage.world.revoke_consent(BEN).await.expect("to revoke");
    stage.sync().await;
    assert_eq!(stage.calendar(BEN).await.state, CalendarState::NeedsConsent);
    let session = stage.judged(0, [ADA, BEN]).await;
    assert_eq!(session.verdict.status, Status::Unknown, "{}", session.verdict.reason);
}
