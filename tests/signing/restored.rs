//! A backup that is older than somebody's withdrawal.

use mentord::domain::calendar::CalendarState;
use mentord::store::{AccountState, ConsentKind};

use crate::browser::{Browser, connect};
use crate::stage::*;

/// Ada and Chen withdraw after the backup was made, Ben and Dara do not.
async fn restored() -> (Stage, mentord::pipeline::Context) {
    let stage = Stage::new().await;
    for who in [ADA, BEN, CHEN, DARA] {
        connect(&stage, who).await;
    }
    stage.sync().await;
    let backup = stage.dir.path().join("backup.db");
    stage.context.store.back_up(&backup, stage.now()).await.expect("a backup");
    let mut browser = Browser::new();
    for who in [ADA, CHEN] {
        let page = browser.open(&stage.link(who, ConsentKind::Withdraw).await).await;
        assert!(browser.submit(&page).await.says("Your consent is withdrawn"));
    }
    let file = stage.dir.path().join("mentord.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, text.replace("sqlite:mentord.db", "sqlite:backup.db")).expect("a file");
    let context = stage.restart().await;
    (stage, context)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_withdrew_after_a_backup_is_read_once_it_was_restored() {
    let (stage, context) = restored().await;
    let stage = stage.with(context);
    stage.pass(chrono::TimeDelta::hours(3));
    stage.requests("").await;
    stage.sync().await;
    let requests = stage.world.requests().await.expect("requests");
    for (who, state) in [
        // Google does not accept what was withdrawn.
        (ADA, CalendarState::NeedsConsent),
        (BEN, CalendarState::Active),
        // Microsoft cannot be told, so nobody knows.
        (CHEN, CalendarState::NeedsConsent),
        (DARA, CalendarState::NeedsConsent),
    ] {
        let calendar = stage.calendar(who).await;
        assert_eq!(calendar.state, state, "{who}: {:?}", calendar.error);
        let read = requests.iter().any(|request| request.contains(who));
        assert_eq!(read, state == CalendarState::Active, "{requests:?}");
    }
    let error = stage.calendar(DARA).await.error.unwrap_or_default();
    for part in ["restored on 2026-10-05", "--nobody-withdrew", "mentord connect"] {
        assert!(error.contains(part), "{error}");
    }
    // Who knows better says so.
    let trusted = stage.context.store.trust_held("test", stage.now()).await;
    assert_eq!(trusted.expect("the database"), 2);
    stage.sync().await;
    assert_eq!(stage.calendar(DARA).await.state, CalendarState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_held_can_be_withdrawn() {
    let (stage, context) = restored().await;
    let stage = stage.with(context);
    assert_eq!(stage.account(DARA).await.expect("an account").state, AccountState::Held);
    let accounts = &stage.context.accounts["contoso"];
    accounts.withdraw(&address(DARA), "it was withdrawn").await.expect("the database");
    let account = stage.account(DARA).await.expect("an account");
    assert_eq!((account.state, account.tokens), (AccountState::Withdrawn, None));
    stage.context.store.trust_held("test", stage.now()).await.expect("the database");
    assert_eq!(stage.account(DARA).await.expect("an account").state, AccountState::Withdrawn);
}
