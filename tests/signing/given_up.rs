//! Accounts that belong to no calendar any more.

use chrono::TimeDelta;
use mentord::pipeline::accounts::given_up;
use mentord::sandbox::{Provider, Will};
use mentord::store::ConsentKind;
use rstest::rstest;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::browser::{Browser, connect};
use crate::stage::*;

const NEW: &str = "ada.berg@acme.example";

/// Ada's main address is another one from now on.
fn rename(stage: &Stage) {
    let roster = stage.dir.path().join("roster.csv");
    let rows = std::fs::read_to_string(&roster).expect("the roster");
    std::fs::write(&roster, rows.replace(ADA, &format!("{NEW};{ADA}"))).expect("a file");
}

fn rename_back(stage: &Stage) {
    let roster = stage.dir.path().join("roster.csv");
    let rows = std::fs::read_to_string(&roster).expect("the roster");
    std::fs::write(&roster, rows.replace(&format!("{NEW};{ADA}"), &format!("{ADA};{NEW}"))).expect("a file");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_an_address_that_nobody_has_any_more_is_deleted_after_a_while(
    #[values(Sqlite, Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    for who in [ADA, BEN] {
        connect(&stage, who).await;
    }
    let mut browser = Browser::new();
    let withdraw = stage.link(ADA, ConsentKind::Withdraw).await;
    rename(&stage);
    let context = stage.restart().await;
    given_up::step(&context).await.expect("a step");
    stage.pass(TimeDelta::days(29));
    given_up::step(&context).await.expect("a step");
    assert!(stage.account(ADA).await.is_some_and(|account| account.tokens.is_some()));
    stage.requests("").await;
    stage.pass(TimeDelta::days(2));
    given_up::step(&context).await.expect("a step");
    assert!(stage.account(ADA).await.is_none());
    assert_eq!(stage.requests("POST /google/revoke").await, 1);
    assert!(stage.account(BEN).await.is_some_and(|account| account.tokens.is_some()), "he is in the roster");
    let page = browser.open(&withdraw).await;
    assert!(page.status == 200 && page.says("no key to it is kept"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_roster_that_is_mended_in_time_takes_nobodys_consent_away() {
    let stage = Stage::new().await;
    connect(&stage, ADA).await;
    rename(&stage);
    let context = stage.restart().await;
    given_up::step(&context).await.expect("a step");
    stage.pass(TimeDelta::days(20));
    given_up::step(&context).await.expect("a step");
    // Just in time, and by a command beside the service that goes on.
    rename_back(&stage);
    stage.another().await;
    stage.pass(TimeDelta::days(20));
    given_up::step(&context).await.expect("a step");
    assert!(stage.account(ADA).await.is_some_and(|account| account.tokens.is_some()));
    // A roster that cannot be read says nothing.
    std::fs::write(stage.dir.path().join("roster.csv"), "no roster").expect("a file");
    assert!(mentord::config::read_rosters(&stage.config()).is_err());
}

/// The same person at Google under another address: to revoke the old token would end the new consent.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_consented_anew_under_another_address_keeps_that_consent() {
    let stage = Stage::new().await;
    stage.world.person(NEW, "Ada Berg", Provider::Google).await.expect("a person");
    let claims = [("sub".to_owned(), json!("112233445566778899000"))].into();
    stage.world.will(&Will { claims, ..Will::default() }).await.expect("a will");
    connect(&stage, ADA).await;
    rename(&stage);
    let context = stage.restart().await;
    given_up::step(&context).await.expect("a step");
    connect(&stage, NEW).await;
    stage.pass(TimeDelta::days(31));
    given_up::step(&context).await.expect("a step");
    assert!(stage.account(ADA).await.is_none());
    assert!(stage.account(NEW).await.is_some_and(|account| account.tokens.is_some()));
    assert_eq!(stage.requests("POST /google/revoke").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_connection_is_gone_people_can_withdraw_and_what_is_left_is_deleted() {
    let stage = Stage::new().await;
    for who in [CHEN, DARA] {
        connect(&stage, who).await;
    }
    let (chens, daras) =
        (stage.link(CHEN, ConsentKind::Withdraw).await, stage.link(DARA, ConsentKind::Withdraw).await);
    let file = stage.dir.path().join("mentord.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, text.replace("name = \"contoso\"", "name = \"other\"")).expect("a file");
    let context = stage.restart().await;
    given_up::step(&context).await.expect("a step");
    let (root, _pages) = stage.serve(&context).await;
    let here = |link: &str| format!("{root}{}", &link[link.find("/consent/").expect("a path")..]);
    let mut browser = Browser::new();
    let page = browser.open(&here(&chens)).await;
    assert!(page.says("will not be read any more"), "{}", page.html);
    let withdrawn = browser.submit(&page).await;
    assert!(withdrawn.says("The provider still lists mentord"), "{}", withdrawn.html);
    assert_eq!(stage.account(CHEN).await.expect("an account").tokens, None);
    stage.pass(TimeDelta::days(31));
    given_up::step(&context).await.expect("a step");
    assert!(stage.account(CHEN).await.is_none() && stage.account(DARA).await.is_none());
    let page = browser.open(&here(&daras)).await;
    assert!(page.says("no key to it is kept"), "{}", page.html);
    let file = stage.dir.path().join("mentord.db");
    let database = SqliteConnectOptions::new().filename(file);
    let mut database = SqliteConnection::connect_with(&database).await.expect("the database");
    let sql =
        "SELECT json_extract(details, '$.address') FROM audit WHERE action = 'account deleted' ORDER BY 1";
    let deleted: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("the audit trail");
    assert_eq!(deleted, [CHEN, DARA]);
}
