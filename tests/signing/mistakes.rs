//! Sign-ins that go wrong: what becomes of them, of those who had connected before, and what is said.

use chrono::TimeDelta;
use mentord::domain::calendar::CalendarState;
use mentord::sandbox::Will;
use mentord::store::{AccountState, ConsentKind};
use rstest::rstest;
use serde_json::json;

use crate::browser::{Browser, Page, connect};
use crate::stage::*;

/// From the link to the last page, with people who answer like this.
async fn walk(stage: &Stage, who: &str, will: Will) -> Page {
    stage.world.will(&will).await.expect("a will");
    let mut browser = Browser::new();
    let page = browser.open(&stage.link(who, ConsentKind::Connect).await).await;
    let last = browser.follow(&page, "Continue to").await;
    stage.world.will(&Will::default()).await.expect("a will");
    last
}

async fn trouble(stage: &Stage, who: &str) -> String {
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::NeedsConsent);
    calendar.error.expect("a reason")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_on_a_link_for_somebody_else_keeps_their_own_consent(
    #[values((ADA, BEN), (CHEN, DARA))] (who, other): (&str, &str),
) {
    let stage = Stage::new().await;
    connect(&stage, other).await;
    let will = Will { sign_in_as: Some(other.to_owned()), ..Will::default() };
    assert!(walk(&stage, who, will).await.says("Somebody else has signed in"));
    // They still can be read, also with a new token.
    stage.world.expire_tokens().await.expect("to expire");
    stage.sync().await;
    let calendar = stage.calendar(other).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_yes_of_who_is_connected_changes_nothing() {
    let stage = Stage::new().await;
    connect(&stage, CHEN).await;
    let will = Will { without: vec!["alendar".to_owned()], ..Will::default() };
    assert!(walk(&stage, CHEN, will).await.says("The calendar was left out"));
    stage.world.expire_tokens().await.expect("to expire");
    stage.sync().await;
    assert_eq!(stage.calendar(CHEN).await.state, CalendarState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_will_use_is_given_back() {
    let stage = Stage::new().await;
    let will = Will { sign_in_as: Some(BEN.to_owned()), ..Will::default() };
    walk(&stage, ADA, will).await;
    assert_eq!(stage.requests("POST /google/revoke").await, 1);
}

#[rstest]
#[case::declined(None, "You did not consent", "declined on 2026-10-05")]
#[case::policy(
    Some(("access_denied", "AADSTS90094: The grant requires admin permission.")),
    "Your organisation has to approve first",
    "administrator to approve"
)]
#[case::nobody_may(
    Some(("consent_required", "AADSTS65001: The user or administrator has not consented.")),
    "Your organisation has to approve first",
    "administrator to approve"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_no_and_a_no_of_the_organisation_are_told_apart(
    #[case] fails: Option<(&str, &str)>,
    #[case] page: &str,
    #[case] error: &str,
) {
    let stage = Stage::new().await;
    let fails = fails.map(|(error, text)| (error.to_owned(), text.to_owned()));
    let will = Will { deny: fails.is_none(), fails, ..Will::default() };
    let last = walk(&stage, CHEN, will.clone()).await;
    assert!(last.says(page), "{}", last.html);
    let told = trouble(&stage, CHEN).await;
    assert!(told.contains(error), "{told}");
    assert!(told.contains("mentord connect ADDRESS"), "{told}");
    // A consent that stands is not touched by a later no.
    connect(&stage, CHEN).await;
    walk(&stage, CHEN, will).await;
    assert_eq!(stage.account(CHEN).await.expect("an account").state, AccountState::Consented);
    stage.sync().await;
    assert_eq!(stage.calendar(CHEN).await.state, CalendarState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_nobody_knows_is_trouble_and_not_a_no() {
    let stage = Stage::new().await;
    let fails = Some(("access_denied".to_owned(), "AADSTS7000112: The application is disabled.".to_owned()));
    let last = walk(&stage, CHEN, Will { fails, ..Will::default() }).await;
    assert!(last.status == 502 && last.says("That did not work"), "{}", last.html);
    assert!(stage.account(CHEN).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_the_same_person_has_to_come_first_in_the_roster() {
    let stage = Stage::new().await;
    let alias = "ada.berg@acme.example";
    stage.world.person(alias, "Ada Berg", mentord::sandbox::Provider::Google).await.expect("a person");
    let roster = stage.dir.path().join("roster.csv");
    let rows = std::fs::read_to_string(&roster).expect("the roster");
    std::fs::write(&roster, rows.replace(ADA, &format!("{ADA};{alias}"))).expect("a file");
    stage.another().await;
    let will = Will { sign_in_as: Some(alias.to_owned()), ..Will::default() };
    let last = walk(&stage, ADA, will).await;
    assert!(
        last.says("You signed in with another address") && last.says("first in their list"),
        "{}",
        last.html
    );
    let told = trouble(&stage, ADA).await;
    assert!(told.contains("first in the roster"), "{told}");
}

#[rstest]
#[case::for_somebody_else(ADA, "aud", "somebody.apps.googleusercontent.com")]
#[case::of_another_tenant(CHEN, "tid", "99999999-9999-4999-8999-999999999999")]
#[case::for_another_application(CHEN, "aud", "11111111-1111-4111-8111-111111111111")]
#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_not_for_us_connects_nobody(
    #[case] who: &str,
    #[case] claim: &str,
    #[case] value: &str,
) {
    let stage = Stage::new().await;
    let claims = [(claim.to_owned(), json!(value))].into();
    let last = walk(&stage, who, Will { claims, ..Will::default() }).await;
    assert!(last.status >= 400 && !last.says("is connected"), "{}", last.html);
    assert!(stage.account(who).await.is_none_or(|account| account.tokens.is_none()));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_an_id_token_nobody_knows_who_signed_in(#[values(ADA, CHEN)] who: &str) {
    let stage = Stage::new().await;
    let last = walk(&stage, who, Will { without: vec!["openid".to_owned()], ..Will::default() }).await;
    assert!(last.status == 403 && last.says("somebody whose address is not told"), "{}", last.html);
    assert!(stage.account(who).await.is_none_or(|account| account.tokens.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_began_with_a_link_that_was_replaced_comes_to_nothing() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let ask = browser.open(&stage.link(ADA, ConsentKind::Connect).await).await;
    let vendor = browser.step(&ask.link("Continue to Google")).await;
    let screen = vendor.headers["location"].to_str().expect("text").to_owned();
    let back = browser.step(&screen).await.headers["location"].to_str().expect("text").to_owned();
    stage.pass(TimeDelta::minutes(1));
    stage.link(ADA, ConsentKind::Connect).await;
    let late = browser.open(&back).await;
    assert!(late.status == 400 && late.says("This sign-in is over"), "{}", late.html);
    assert!(stage.account(ADA).await.is_none());
}

/// Google's own parameters, without which no refresh token comes the second time, or less than before.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_consent_adds_to_the_first_and_lasts_as_long() {
    const MEET: &str = "https://www.googleapis.com/auth/meetings.space.readonly";
    let stage = Stage::new().await;
    let without = |part: &str| Will { without: vec![part.to_owned()], ..Will::default() };
    assert!(walk(&stage, ADA, without("meetings.space")).await.says("is connected"));
    let scopes = async || stage.account(ADA).await.expect("an account").scopes;
    assert!(!scopes().await.iter().any(|scope| scope == MEET));
    assert!(walk(&stage, ADA, Will::default()).await.says("is connected"));
    assert!(scopes().await.iter().any(|scope| scope == MEET));
    // What is left out of a third one was granted before, and stays.
    assert!(walk(&stage, ADA, without("meetings.space")).await.says("is connected"));
    assert!(scopes().await.iter().any(|scope| scope == MEET));
    stage.world.expire_tokens().await.expect("to expire");
    stage.sync().await;
    assert_eq!(stage.calendar(ADA).await.state, CalendarState::Active);
}
