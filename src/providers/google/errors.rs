//! Google's refusals as typed errors: the one place where status codes and reasons are read.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::auth::Scope;
use crate::providers::ProviderError;
use crate::providers::retry_after::retry_after;

/// Reasons of a 403 that mean "too fast" (the calendar's error guide, and google.rpc's own word).
const TOO_FAST: [&str; 6] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
];
/// Reasons of a 403 that no other calendar of the connection will fare better with.
const SET_UP_WRONGLY: [&str; 6] = [
    "insufficientPermissions",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "accessNotConfigured",
    "SERVICE_DISABLED",
    "domainPolicy",
    "forbiddenForServiceAccounts",
];

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Google answered with a refusal.
    Refusal(Refusal),
    Other(ProviderError),
}

impl Failure {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refusal(refusal) => Some(refusal.status),
            Self::Other(_) => None,
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refusal(refusal) => refusal.into_error(),
            Failure::Other(error) => error,
        }
    }
}

/// An answer with a status other than success.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    scope: Scope,
    retry_after: Option<Duration>,
    /// All that the body gives as reason, in Google's old and new form.
    reasons: Vec<String>,
    /// The parameter that the refusal is about.
    location: Option<String>,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, scope: Scope, headers: &HeaderMap, body: Option<&Value>) -> Self {
        let error = body.and_then(|body| body.get("error"));
        let list = |name: &str| error.and_then(|error| error.get(name)?.as_array()).into_iter().flatten();
        let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
        Self {
            status,
            scope,
            retry_after: retry_after(headers),
            reasons: list("errors")
                .chain(list("details"))
                .filter_map(|one| text(one, "reason"))
                .chain(error.and_then(|error| text(error, "status")))
                .collect(),
            location: list("errors").find_map(|one| text(one, "location")),
            message: error
                .and_then(|error| text(error, "message"))
                .map_or_else(|| "no reason given".to_owned(), |text| presentable(&text)),
        }
    }

    fn says(&self, reasons: &[&str]) -> bool {
        self.reasons.iter().any(|r| reasons.contains(&r.as_str()))
    }

    fn into_error(self) -> ProviderError {
        let said = format!("{}: {}", self.status, self.message);
        let retry_after = self.retry_after;
        match self.status {
            400 if self.location.as_deref() == Some("syncToken") => ProviderError::CursorRejected,
            // A page token that aged while paging: the next round starts with a new one.
            400 if self.location.as_deref() == Some("pageToken") => ProviderError::Temporary(said),
            401 => ProviderError::NeedsConsent(said),
            403 if self.says(&TOO_FAST) => ProviderError::Throttled { retry_after },
            403 if self.says(&SET_UP_WRONGLY) || self.scope != Scope::Events => {
                ProviderError::Refused(format!(
                    "{said} (needed: the API switched on in the service account's project, and \
                     the scope {})",
                    self.scope.as_str()
                ))
            }
            403 | 404 => ProviderError::Unreachable(said),
            410 => ProviderError::CursorRejected,
            429 => ProviderError::Throttled { retry_after },
            408 | 500..=599 => ProviderError::Temporary(said),
            400..=499 => ProviderError::Refused(said),
            _ => ProviderError::Garbled(format!("unexpected status {said}")),
        }
    }
}

/// What Google wrote, cut to a line and without addresses: it may come to stand in a log.
pub(super) fn presentable(text: &str) -> String {
    const LONGEST: usize = 240;
    let line = text
        .split_whitespace()
        .map(|word| if word.contains('@') { "***" } else { word })
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
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
        assert!(said.ends_with("404: Said to ***"), "{said}");
        assert_eq!(presentable(&"x".repeat(500)).chars().count(), 241);
    }
}
