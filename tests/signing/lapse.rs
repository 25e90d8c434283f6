//! What the vendors' sign-in services do not take at the moment, and what they never take again.

use chrono::TimeDelta;
use mentord::domain::calendar::CalendarState;
use mentord::sandbox::Fault;
use mentord::store::AccountState;
use rstest::rstest;
use serde_json::{Value, json};

use crate::browser::connect;
use crate::stage::*;

fn entra(number: u64) -> Value {
    json!({"error": "invalid_grant", "error_codes": [number], "error_description": format!("AADSTS{number}: no")})
}

fn google(error: &str, subtype: &str, text: &str) -> Value {
    json!({"error": error, "error_subtype": subtype, "error_description": text})
}

#[rstest]
#[case::policy(CHEN, entra(53_003), CalendarState::Unreachable, "conditional access")]
#[case::disabled(CHEN, entra(50_057), CalendarState::Unreachable, "disabled")]
#[case::second_factor(CHEN, entra(50_076), CalendarState::NeedsConsent, "second factor")]
#[case::malformed(CHEN, entra(9_002_313), CalendarState::Unreachable, "AADSTS9002313")]
#[case::session_control(
    ADA,
    google("invalid_grant", "invalid_rapt", "reauth related error"),
    CalendarState::NeedsConsent,
    "session control"
)]
#[case::admin_policy(
    ADA,
    google("admin_policy_enforced", "", "no"),
    CalendarState::Unreachable,
    "App access control"
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_takes_nobodys_consent_away(
    #[case] who: &str,
    #[case] body: Value,
    #[case] state: CalendarState,
    #[case] part: &str,
) {
    let stage = Stage::new().await;
    connect(&stage, who).await;
    stage.sync().await;
    stage.world.expire_tokens().await.expect("to expire");
    let fault =
        Fault { path_contains: "/token".into(), status: 400, times: 1, body: Some(body), ..Fault::default() };
    stage.world.fault(&fault).await.expect("a fault");
    stage.pass(TimeDelta::hours(1));
    stage.requests("").await;
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    let error = calendar.error.unwrap_or_default();
    assert_eq!(calendar.state, state, "{error}");
    assert!(error.contains(part), "{error}");
    assert_eq!(stage.requests("/token").await, 1);
    let account = stage.account(who).await.expect("an account");
    assert!(account.state == AccountState::Consented && account.tokens.is_some());
    // It is left alone for a while, and works again once the organisation has changed its mind.
    stage.pass(TimeDelta::minutes(10));
    stage.sync().await;
    assert_eq!(stage.requests("").await, 0);
    stage.pass(TimeDelta::hours(2));
    stage.sync().await;
    let calendar = stage.calendar(who).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
}

#[rstest]
#[case(CHEN, entra(700_082))]
#[case(CHEN, entra(65_001))]
#[case(ADA, google("invalid_grant", "", "Token has been expired or revoked."))]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_deleted(#[case] who: &str, #[case] body: Value) {
    let stage = Stage::new().await;
    connect(&stage, who).await;
    stage.world.expire_tokens().await.expect("to expire");
    let fault =
        Fault { path_contains: "/token".into(), status: 400, times: 1, body: Some(body), ..Fault::default() };
    stage.world.fault(&fault).await.expect("a fault");
    stage.sync().await;
    assert_eq!(stage.calendar(who).await.state, CalendarState::NeedsConsent);
    let account = stage.account(who).await.expect("an account");
    assert_eq!((account.state, account.tokens), (AccountState::Refused, None));
}
