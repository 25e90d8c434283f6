//! What Graph says when it does not do what it is asked, and what that means.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::providers::retry_after::retry_after;
use crate::providers::{ProviderError, Throttler};

/// Why a request brought no answer that can be used.
#[derive(Debug)]
pub enum Failure {
    /// Graph answered, and refuses.
    Api(ApiError),
    /// Everything else, with its meaning.
    Other(ProviderError),
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    pub retry_after: Option<Duration>,
    /// It is said of the application or the tenant as a whole.
    pub of_all: bool,
    /// What was asked rested on the consent of one person.
    pub consented: bool,
}

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Failure {
    /// Whether Graph says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_missing())
    }
}

impl ApiError {
    /// Reads an answer, of which only the status is certain.
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let detail = serde_json::from_slice(body)
            .map_or_else(|_| Detail { code: String::new(), message: String::new() }, |body: Body| body.error);
        Self {
            status,
            code: detail.code,
            message: detail.message,
            retry_after: retry_after(headers),
            of_all: is_of_all(headers),
            consented: false,
        }
    }

    /// Whether the answer says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// Whether the application may not do this. Teams says 401, too, where a policy is missing.
    pub fn is_denied(&self) -> bool {
        match self.status {
            StatusCode::FORBIDDEN => true,
            StatusCode::UNAUTHORIZED => !self.code.eq_ignore_ascii_case("InvalidAuthenticationToken"),
            _ => false,
        }
    }

    /// Whether the event is missing, and not the mailbox that it would be in: what is said of the
    /// latter (`ErrorInvalidUser`, `MailboxNotEnabledForRESTAPI`, `ResourceNotFound`) says nothing
    /// about the event.
    pub fn is_missing_item(&self) -> bool {
        let code = self.code.to_ascii_lowercase();
        self.is_missing() && code.ends_with("notfound") && !code.ends_with("resourcenotfound")
    }

    /// Whether a cursor cannot be used any more. A cursor that Graph cannot even read (400) will
    /// not get better, and a full listing mends it.
    pub fn rejects_cursor(&self) -> bool {
        const CODES: [&str; 3] = ["SyncStateNotFound", "SyncStateInvalid", "ResyncRequired"];
        matches!(self.status, StatusCode::GONE | StatusCode::BAD_REQUEST)
            || CODES.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    /// The status and Graph's own code, fit for a log.
    fn summary(&self) -> String {
        match self.code.as_str() {
            "" => format!("status {}", self.status.as_u16()),
            code => format!("status {} {code}", self.status.as_u16()),
        }
    }
}

/// Whether a limit is that of the application or the tenant, and not for writing alone: of calendars,
/// nothing but subscriptions is written. The header reads "scope/limit/application/whose"
/// ("Microsoft Graph service-specific throttling limits"); without it, it is the mailbox.
fn is_of_all(headers: &HeaderMap) -> bool {
    let header = headers.get("x-ms-throttle-scope").and_then(|value| value.to_str().ok());
    let mut parts = header.unwrap_or_default().split('/').map(|part| part.trim().to_ascii_lowercase());
    let (scope, limit) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    ["tenant", "application", "tenant_application"].contains(&scope.as_str()) && limit != "write"
}

impl From<ApiError> for ProviderError {
    fn from(error: ApiError) -> Self {
        let summary = error.summary();
        match error.status {
            StatusCode::UNAUTHORIZED if error.consented => Self::NeedsConsent(format!(
                "Microsoft Graph does not accept a new token, either ({summary}); send the person the link of \
                 `mentord connect ADDRESS`"
            )),
            StatusCode::FORBIDDEN if error.consented => Self::Unreachable(format!(
                "what the person consented to does not open this mailbox ({summary}); the address in the roster \
                 has to be that of their own mailbox, and no policy may shut the application out"
            )),
            StatusCode::UNAUTHORIZED => Self::Refused(format!(
                "Microsoft Graph does not accept the application's token ({summary}); check \
                 `tenant_id`, `client_id` and `graph_url`"
            )),
            StatusCode::FORBIDDEN if error.message.contains("Access to OData is disabled") => {
                Self::Unreachable(format!(
                    "an application access policy of Exchange Online shuts the application out of \
                     this mailbox ({summary}); add the mailbox to the policy's group"
                ))
            }
            StatusCode::FORBIDDEN => Self::Unreachable(format!(
                "the application may not read this mailbox ({summary}); grant it the application \
                 permission Calendars.Read with admin consent, and look at application access \
                 policies and RBAC scopes of Exchange Online"
            )),
            StatusCode::NOT_FOUND => {
                Self::Unreachable(format!("there is no such mailbox in Exchange Online ({summary})"))
            }
            StatusCode::GONE => Self::CursorRejected,
            StatusCode::TOO_MANY_REQUESTS if error.of_all => Self::Throttled {
                by: Throttler::Connection(format!(
                    "Microsoft Graph limits the application as a whole ({summary}); lower \
                     `requests_per_minute`, or see what else uses the application"
                )),
                retry_after: error.retry_after,
            },
            StatusCode::TOO_MANY_REQUESTS => {
                Self::Throttled { by: Throttler::Mailbox(summary), retry_after: error.retry_after }
            }
            status if status.is_server_error() && error.retry_after.is_some() => {
                Self::Throttled { by: Throttler::Mailbox(summary), retry_after: error.retry_after }
            }
            StatusCode::REQUEST_TIMEOUT => Self::Temporary(summary),
            status if status.is_server_error() => Self::Temporary(summary),
            _ => Self::Garbled(format!("Graph refuses a request: {summary}")),
        }
    }
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Api(error) => error.into(),
            Failure::Other(error) => error,
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::Other(error)
    }
}

/// What a failure below HTTP means. Its URL, which may hold an address, is left out.
pub fn transport(error: &reqwest::Error) -> ProviderError {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_redirect() {
        return ProviderError::Garbled("the answer is a redirection that leads nowhere".into());
    } else {
        "the connection broke"
    };
    ProviderError::Temporary(what.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::RETRY_AFTER;

    use super::*;

    fn meaning(status: u16, wait: Option<&str>, code: &str, message: &str) -> ProviderError {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, wait.parse().expect("header"));
        }
        let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
        let status = StatusCode::from_u16(status).expect("status");
        ApiError::read(status, &headers, body.as_bytes()).into()
    }

    #[test]
    fn statuses_have_a_meaning() {
        let throttled = |status: u16, seconds: Option<f64>| ProviderError::Throttled {
            by: Throttler::Mailbox(format!("status {status}")),
            retry_after: seconds.map(Duration::from_secs_f64),
        };
        assert_eq!(meaning(429, Some("2.128"), "", ""), throttled(429, Some(2.128)));
        assert_eq!(meaning(429, Some("10"), "", ""), throttled(429, Some(10.0)));
        assert_eq!(meaning(429, None, "", ""), throttled(429, None));
        for odd in ["-1", "NaN", "1e300", "soon"] {
            assert_eq!(meaning(429, Some(odd), "", ""), throttled(429, None));
        }
        assert_eq!(meaning(503, Some("30"), "", ""), throttled(503, Some(30.0)));
        assert_eq!(meaning(504, Some("30"), "", ""), throttled(504, Some(30.0)));
        assert!(matches!(meaning(503, None, "ServiceUnavailable", ""), ProviderError::Temporary(_)));
        assert!(matches!(meaning(500, None, "", ""), ProviderError::Temporary(_)));
        assert_eq!(meaning(410, None, "SyncStateNotFound", ""), ProviderError::CursorRejected);
        assert!(matches!(meaning(404, None, "ErrorItemNotFound", ""), ProviderError::Unreachable(_)));
        assert!(matches!(meaning(400, None, "", ""), ProviderError::Garbled(_)));
        let ProviderError::Unreachable(text) =
            meaning(403, None, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked")
        else {
            panic!("not unreachable");
        };
        assert!(text.contains("application access policy"), "{text}");
    }

    #[test]
    fn only_what_is_said_of_all_holds_up_everybody() {
        let of_all = |scope: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(scope) = scope {
                headers.insert("x-ms-throttle-scope", scope.parse().expect("header"));
            }
            let body = br#"{"error": {"code": "ApplicationThrottled",
                "message": "Application is over its MailboxConcurrency limit."}}"#;
            match ApiError::read(StatusCode::TOO_MANY_REQUESTS, &headers, body).into() {
                ProviderError::Throttled { by, .. } => matches!(by, Throttler::Connection(_)),
                other => panic!("{other:?}"),
            }
        };
        assert!(of_all(Some("Tenant_Application/ReadWrite/9a3d526c/0785ef7c")));
        assert!(of_all(Some("Application/Read/9a3d526c")));
        for one in ["", "User/Read/9a3d526c/0785ef7c", "Tenant_Application/Write/9a3d526c/0785ef7c"] {
            assert!(!of_all(Some(one)), "{one:?}");
        }
        assert!(!of_all(None));
    }

    #[test]
    fn a_body_that_is_no_json_does_not_hide_the_status() {
        let error = ApiError::read(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>");
        assert_eq!(ProviderError::from(error), ProviderError::Temporary("status 502".into()));
    }
}
