use serde_json::json;

use super::*;

fn old_form(status: u16, reason: &str, location: Option<&str>) -> Value {
    json!({"error": {
        "code": status,
        "message": "Said to anna@example.com",
        "errors": [{"domain": "global", "reason": reason, "location": location}],
    }})
}

fn error(status: u16, scope: Scope, body: Value) -> ProviderError {
    Refusal::new(status, scope, &HeaderMap::new(), Some(&body)).into_error()
}

#[test]
fn reasons_decide_where_the_status_does_not() {
    let kind = |status, reason| match error(status, Scope::Events, old_form(status, reason, None)) {
        ProviderError::CursorRejected => "cursor",
        ProviderError::NeedsConsent(_) => "consent",
        ProviderError::Refused(_) => "refused",
        ProviderError::Unreachable(_) => "unreachable",
        ProviderError::Throttled { .. } => "throttled",
        ProviderError::Temporary(_) => "temporary",
        ProviderError::Garbled(_) => "garbled",
    };
    for (status, reason, expected) in [
        (400, "timeRangeEmpty", "refused"),
        (401, "authError", "consent"),
        (403, "rateLimitExceeded", "throttled"),
        (403, "userRateLimitExceeded", "throttled"),
        (403, "quotaExceeded", "throttled"),
        (403, "forbidden", "unreachable"),
        (403, "insufficientPermissions", "refused"),
        (403, "accessNotConfigured", "refused"),
        (404, "notFound", "unreachable"),
        (410, "fullSyncRequired", "cursor"),
        (410, "updatedMinTooLongAgo", "cursor"),
        (429, "rateLimitExceeded", "throttled"),
        (500, "backendError", "temporary"),
        (503, "backendError", "temporary"),
        (302, "", "garbled"),
    ] {
        assert_eq!(kind(status, reason), expected, "{status} {reason}");
    }
}

#[test]
fn a_refused_token_is_told_from_a_refused_request() {
    let body = |location| old_form(400, "invalid", Some(location));
    assert_eq!(error(400, Scope::Events, body("syncToken")), ProviderError::CursorRejected);
    assert!(matches!(error(400, Scope::Events, body("pageToken")), ProviderError::Temporary(_)));
}

#[test]
fn the_new_form_is_understood_too() {
    let refused = json!({"error": {"code": 403, "message": "The caller does not have permission",
        "status": "PERMISSION_DENIED"}});
    match error(403, Scope::Meet, refused) {
        ProviderError::Refused(said) => assert!(said.contains(Scope::Meet.as_str()), "{said}"),
        other => panic!("{other:?}"),
    }
    let exhausted = json!({"error": {"code": 403, "status": "RESOURCE_EXHAUSTED"}});
    assert!(matches!(error(403, Scope::Meet, exhausted), ProviderError::Throttled { .. }));
}

#[test]
fn addresses_do_not_get_through() {
    let said = error(404, Scope::Events, old_form(404, "notFound", None)).to_string();
    assert!(said.contains("404: Said to *** ("), "{said}");
    assert_eq!(presentable(&"x".repeat(500)).chars().count(), 241);
}

/// Of the whole project, or of one mailbox, and how long it takes.
#[test]
fn only_what_is_said_of_the_project_holds_up_everybody() {
    let said = |reason: &str, message: &str, limit: Option<&str>| {
        let details = limit.map(|limit| {
            json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED",
                "metadata": {"quota_limit": limit}}])
        });
        let body = json!({"error": {"code": 403, "message": message, "details": details,
            "errors": [{"domain": "usageLimits", "reason": reason}]}});
        match error(403, Scope::Events, body) {
            ProviderError::Throttled { by, retry_after } => {
                (matches!(by, Throttler::Connection(_)), retry_after == Some(LONG_PAUSE))
            }
            other => panic!("{other:?}"),
        }
    };
    let metric = "Quota exceeded for quota metric 'Queries' and limit";
    for (reason, message, limit, expected) in [
        ("rateLimitExceeded", "Rate Limit Exceeded", None, (false, false)),
        ("userRateLimitExceeded", "User Rate Limit Exceeded", None, (false, false)),
        ("quotaExceeded", "Calendar usage limits exceeded.", None, (false, true)),
        ("dailyLimitExceeded", "Daily Limit Exceeded", None, (true, true)),
        ("rateLimitExceeded", &format!("{metric} 'Queries per minute'"), None, (true, false)),
        ("rateLimitExceeded", &format!("{metric} 'Queries per minute per user'"), None, (false, false)),
        ("rateLimitExceeded", "Slow down", Some("RequestsPerMinutePerProject"), (true, false)),
        ("rateLimitExceeded", "Slow down", Some("RequestsPerMinutePerProjectPerUser"), (false, false)),
        ("rateLimitExceeded", "Slow down", Some("RequestsPerDayPerProject"), (true, true)),
    ] {
        assert_eq!(said(reason, message, limit), expected, "{reason} {message} {limit:?}");
    }
}

#[test]
fn trouble_that_says_how_long_it_lasts_is_waited_out() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "120".parse().unwrap());
    for status in [500, 502, 503, 504] {
        let told = Refusal::new(status, Scope::Events, &headers, None).into_error();
        let wait = Some(Duration::from_secs(120));
        assert!(
            matches!(told, ProviderError::Throttled { by: Throttler::Mailbox(_), retry_after } if retry_after == wait)
        );
        let mute = Refusal::new(status, Scope::Events, &HeaderMap::new(), None).into_error();
        assert!(matches!(mute, ProviderError::Temporary(_)));
    }
}

/// Everything that somebody has to mend says how.
#[test]
fn refusals_come_with_their_remedy() {
    let told = |status, reason: &str, consented| {
        let refusal =
            Refusal::new(status, Scope::Events, &HeaderMap::new(), Some(&old_form(status, reason, None)));
        ProviderError::from(Failure::Refusal(refusal).resting_on(consented)).to_string()
    };
    for (status, reason, delegated, consented) in [
        (401, "authError", "key are still enabled", "mentord connect"),
        (403, "accessNotConfigured", "project of the service account", "project of the OAuth client"),
        (403, "insufficientPermissions", "Domain-wide delegation", "mentord connect"),
        (403, "domainPolicy", "trust the service account", "trust the OAuth client"),
        (403, "forbidden", "switched on for this person", "their own account"),
        (404, "notFound", "the address in the roster", "the address in the roster"),
    ] {
        assert!(told(status, reason, false).contains(delegated), "{}", told(status, reason, false));
        assert!(told(status, reason, true).contains(consented), "{}", told(status, reason, true));
    }
}
