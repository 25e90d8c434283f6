//! The whole story of consent, through the real pages.

use chrono::TimeDelta;
use mentord::domain::calendar::CalendarState;
use mentord::sandbox::Will;
use mentord::store::{AccountState, ConsentKind};
use rstest::rstest;

use crate::browser::{Browser, Page};
use crate::stage::*;

fn vendor(who: &str) -> &'static str {
    if connection(who) == "acme" { "Google" } else { "Microsoft" }
}

/// From the link to the last page.
async fn walk(browser: &mut Browser, stage: &Stage, who: &str) -> Page {
    let page = browser.open(&stage.link(who, ConsentKind::Connect).await).await;
    browser.follow(&page, &format!("Continue to {}", vendor(who))).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_read_once_its_owner_has_consented_and_no_more_once_they_withdrew(
    #[values(ADA, CHEN)] who: &str,
    #[values(Sqlite, Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::NeedsConsent);
    assert!(
        calendar.error.as_deref().unwrap_or_default().contains("mentord connect"),
        "{:?}",
        calendar.error
    );
    assert_eq!(stage.requests("").await, 0, "nobody is asked for what nobody may have");

    let mut browser = Browser::new();
    let link = stage.link(who, ConsentKind::Connect).await;
    let page = browser.open(&link).await;
    assert_eq!(page.status, 200);
    for text in [
        who,
        "What is read",
        "titles and places",
        "list of their guests",
        "What is kept",
        "withdraw at any time",
    ] {
        assert!(page.says(text), "{text}: {}", page.html);
    }
    let header = |name: &str| page.headers[name].to_str().expect("text").to_owned();
    assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert!(!page.html.contains("<script"));
    let done = browser.follow(&page, &format!("Continue to {}", vendor(who))).await;
    assert!(done.status == 200 && done.says("Your calendar is connected"), "{}", done.html);
    let asked = browser.way.iter().find(|url| url.query().is_some_and(|it| it.contains("code_challenge=")));
    let asked: Vec<(String, String)> = asked.expect("the vendor's page").query_pairs().into_owned().collect();
    let asked = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(asked("code_challenge_method"), Some("S256"));
    assert_eq!(asked("login_hint"), Some(who));

    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
    let copies = stage.context.store.copies_on(calendar.id).await.expect("copies");
    assert_eq!(copies.len(), 1);
    let used = browser.open(&link).await;
    assert!(used.status == 410 && used.says("This link was used"), "{}", used.html);

    let withdraw = browser.follow(&done, "this link to withdraw").await;
    assert!(withdraw.says("will not be read any more"), "{}", withdraw.html);
    let withdrawn = browser.submit(&withdraw).await;
    assert!(withdrawn.says("Your consent is withdrawn"), "{}", withdrawn.html);
    // Microsoft cannot be told, so the person is.
    assert_eq!(withdrawn.says("take it off the list"), vendor(who) == "Microsoft");
    let account = stage.account(who).await.expect("an account");
    assert_eq!((account.state, account.tokens), (AccountState::Withdrawn, None));
    assert_eq!(stage.requests("POST /google/revoke").await, usize::from(vendor(who) == "Google"));
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::NeedsConsent);
    let error = calendar.error.as_deref().unwrap_or_default();
    assert!(error.contains("withdrew") && error.contains("mentord connect"), "{error}");
    assert_eq!(stage.requests("").await, 0);
    assert_eq!(stage.context.store.copies_on(calendar.id).await.expect("copies").len(), 1, "history stays");
    let nothing = browser.open(withdraw.url.as_str()).await;
    assert!(nothing.says("nothing to withdraw"), "{}", nothing.html);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_vendor_takes_no_more_is_found_once_and_mended_by_consenting_again(
    #[values(ADA, CHEN)] who: &str,
) {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    assert!(walk(&mut browser, &stage, who).await.says("is connected"));
    stage.sync().await;
    stage.world.revoke_consent(who).await.expect("to revoke");
    stage.pass(TimeDelta::hours(1));
    stage.requests("").await;
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::NeedsConsent, "{:?}", calendar.error);
    let error = calendar.error.unwrap_or_default();
    assert!(error.contains("invalid_grant") && error.contains("mentord connect"), "{error}");
    // The old token once, and one try to renew it.
    let requests = stage.world.requests().await.expect("requests");
    let [old, renewed] = &requests[..] else { panic!("{requests:?}") };
    assert!(old.starts_with("GET ") && old.contains(who), "{old}");
    assert!(renewed.starts_with("POST ") && renewed.ends_with("/token"), "{renewed}");
    stage.requests("").await;
    for _ in 0..5 {
        stage.pass(TimeDelta::hours(12));
        stage.sync().await;
    }
    assert_eq!(stage.requests("").await, 0, "nobody tries what cannot work");

    assert!(walk(&mut browser, &stage, who).await.says("is connected"));
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_as_somebody_else_connects_nothing(
    #[values((ADA, BEN), (CHEN, DARA))] (who, other): (&str, &str),
) {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let will = Will { sign_in_as: Some(other.to_owned()), ..Will::default() };
    stage.world.will(&will).await.expect("a will");
    let page = walk(&mut browser, &stage, who).await;
    assert_eq!(page.status, 403);
    assert!(page.says("Somebody else has signed in") && page.says(who) && page.says(other), "{}", page.html);
    assert!(stage.account(who).await.is_none_or(|account| account.tokens.is_none()));
    assert!(stage.account(other).await.is_none());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_no_and_half_a_yes_leave_nothing_behind_and_the_link_good(#[values(ADA, CHEN)] who: &str) {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let ask = stage.link(who, ConsentKind::Connect).await;
    let ask = browser.open(&ask).await;
    let go = format!("Continue to {}", vendor(who));
    for (will, says) in [
        (Will { deny: true, ..Will::default() }, "You did not consent"),
        (Will { without: vec!["alendar".to_owned()], ..Will::default() }, "The calendar was left out"),
    ] {
        stage.world.will(&will).await.expect("a will");
        let page = browser.follow(&ask, &go).await;
        assert!(page.says(says), "{}", page.html);
        assert!(stage.account(who).await.is_none_or(|account| account.tokens.is_none()));
    }
    stage.world.will(&Will::default()).await.expect("a will");
    assert!(browser.follow(&ask, &go).await.says("is connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_once_in_time_and_in_the_browser_that_began_it() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let ask = browser.open(&stage.link(ADA, ConsentKind::Connect).await).await;
    let begin = async |browser: &mut Browser| {
        let vendor = browser.step(&ask.link("Continue to Google")).await;
        let screen = vendor.headers["location"].to_str().expect("text").to_owned();
        let back = browser.step(&screen).await;
        back.headers["location"].to_str().expect("text").to_owned()
    };
    // Somebody else is given the address to end it.
    let back = begin(&mut browser).await;
    for mut other in [Browser::new(), {
        let mut other = Browser::new();
        begin(&mut other).await;
        other
    }] {
        let page = other.open(&back).await;
        assert!(page.status == 403 && page.says("another browser"), "{}", page.html);
    }
    // It waited for too long.
    stage.pass(TimeDelta::minutes(21));
    let late = browser.open(&back).await;
    assert!(late.status == 400 && late.says("This sign-in is over"), "{}", late.html);
    assert!(stage.account(ADA).await.is_none());

    let back = begin(&mut browser).await;
    let cookies_before = begin(&mut Browser::new()).await;
    assert!(browser.open(&back).await.says("is connected"));
    // The link is used up, also for whoever began with it before.
    for used in [&back, &cookies_before] {
        let page = browser.open(used).await;
        assert!(page.status == 403 || page.says("This sign-in is over"), "{}", page.html);
    }
    let made_up = format!("{}&x=1", back.replace("state=", "state=x"));
    assert!(!browser.open(&made_up).await.says("is connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_expire_and_a_new_one_takes_the_place_of_the_old() {
    let stage = Stage::new().await;
    let mut browser = Browser::new();
    let first = stage.link(ADA, ConsentKind::Connect).await;
    let second = stage.link(ADA, ConsentKind::Connect).await;
    let page = browser.open(&first).await;
    assert!(page.status == 410 && page.says("has expired"), "{}", page.html);
    assert_eq!(browser.open(&second).await.status, 200);
    stage.pass(TimeDelta::days(8));
    assert_eq!(browser.open(&second).await.status, 410);
    let unknown = browser.open(&format!("{second}x")).await;
    assert!(unknown.status == 404 && unknown.says("leads nowhere"), "{}", unknown.html);
    // A link for one thing does not do the other.
    let withdraw = stage.link(ADA, ConsentKind::Withdraw).await;
    assert_eq!(browser.open(&withdraw.replace("/withdraw/", "/link/")).await.status, 404);
}
