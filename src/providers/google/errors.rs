//! Google's refusals as typed errors: the one place where status codes and reasons are read.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::auth::Scope;
use crate::providers::retry_after::retry_after;
use crate::providers::{ProviderError, Throttler};

/// Reasons of a 403 or 429 that mean "too fast" (the calendar's error guide, and google.rpc's own words).
const TOO_FAST: [&str; 6] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
];
/// What is used up for longer than a minute.
const USED_UP: [&str; 2] = ["quotaExceeded", "dailyLimitExceeded"];
/// How long to wait for it where Google does not say.
const LONG_PAUSE: Duration = Duration::from_secs(60 * 60);

const API_OFF: [&str; 2] = ["accessNotConfigured", "SERVICE_DISABLED"];
const SCOPE_MISSING: [&str; 2] = ["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"];

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Google answered with a refusal.
    Refusal(Refusal),
    Other(ProviderError),
}

impl Failure {
    /// The same for a request that rested on the consent of one person, or did not.
    pub fn resting_on(self, consented: bool) -> Self {
        match self {
            Self::Refusal(refusal) => Self::Refusal(Refusal { consented, ..refusal }),
            other => other,
        }
    }

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
    /// The limit that was reached, where Google names it, as `ReadRequestsPerMinutePerProject`.
    limit: Option<String>,
    /// What was asked rested on the consent of one person.
    consented: bool,
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
            limit: list("details").find_map(|one| text(one.get("metadata")?, "quota_limit")),
            consented: false,
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
        match self.status {
            400 if self.location.as_deref() == Some("syncToken") => ProviderError::CursorRejected,
            // A page token that aged while paging: the next round starts with a new one.
            400 if self.location.as_deref() == Some("pageToken") => ProviderError::Temporary(said),
            401 | 403 if !self.says(&TOO_FAST) => self.denied(&said),
            403 | 429 => self.too_fast(&said),
            404 if self.scope == Scope::Events => ProviderError::Unreachable(format!(
                "{said} (there is no such calendar: the address in the roster has to be that of an account \
                 with Google Calendar)"
            )),
            404 => ProviderError::Unreachable(said),
            410 => ProviderError::CursorRejected,
            500..=599 if self.retry_after.is_some() => {
                ProviderError::Throttled { by: Throttler::Mailbox(said), retry_after: self.retry_after }
            }
            408 | 500..=599 => ProviderError::Temporary(said),
            400..=499 => ProviderError::Refused(said),
            _ => ProviderError::Garbled(format!("unexpected status {said}")),
        }
    }

    /// What may not be done, with what mends it.
    fn denied(&self, said: &str) -> ProviderError {
        let (scope, link) = (self.scope.as_str(), "send the person the link of `mentord connect ADDRESS`");
        let delegation = "in the Admin console, under Security > API controls > Domain-wide delegation";
        let whose = if self.consented { "the OAuth client" } else { "the service account" };
        if self.status == 401 {
            return ProviderError::NeedsConsent(match self.consented {
                true => format!("{said} (a new token is not accepted, either: {link})"),
                false => format!(
                    "{said} (a new token is not accepted, either: look whether the service account and its \
                     key are still enabled, and {delegation}, the scope {scope})"
                ),
            });
        }
        if self.says(&API_OFF) {
            return ProviderError::Refused(format!(
                "{said} (switch the API on in the Google Cloud project of {whose}, under APIs & Services > \
                 Library; needed is that of the scope {scope})"
            ));
        }
        if self.says(&SCOPE_MISSING) && self.consented {
            return ProviderError::NeedsConsent(format!(
                "{said} (the scope {scope} was not granted: {link}, and have every box ticked)"
            ));
        }
        if self.says(&SCOPE_MISSING) {
            return ProviderError::Refused(format!("{said} (grant the scope {scope} {delegation})"));
        }
        if self.says(&["domainPolicy"]) {
            return ProviderError::Refused(format!(
                "{said} (a policy of the organisation forbids it: an administrator can trust {whose} in the \
                 Admin console, under Security > API controls > App access control)"
            ));
        }
        if self.says(&["forbiddenForServiceAccounts"]) {
            return ProviderError::Refused(format!(
                "{said} (the service account may not act for people: grant it the scope {scope} {delegation})"
            ));
        }
        match self.scope {
            Scope::Events if self.consented => ProviderError::Unreachable(format!(
                "{said} (the person's consent does not open this calendar: the address in the roster has to \
                 be that of their own account)"
            )),
            Scope::Events => ProviderError::Unreachable(format!(
                "{said} (the calendar may not be read on behalf of its owner: look whether Google Calendar is \
                 switched on for this person in the Admin console)"
            )),
            Scope::Meet | Scope::Directory => ProviderError::Refused(format!(
                "{said} (needed: the API switched on in the project of {whose}, and the scope {scope})"
            )),
        }
    }

    /// Too many requests: of the whole project, only where Google says so. "Rate Limit Exceeded" alone may
    /// mean a single calendar.
    fn too_fast(&self, said: &str) -> ProviderError {
        let text = format!("{} {}", self.limit.as_deref().unwrap_or_default(), self.message).to_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let users = names(&["peruser", "per user"]) || self.says(&["userRateLimitExceeded"]);
        let whole = self.says(&["dailyLimitExceeded"])
            || self.limit.is_some()
            || names(&["quota exceeded for quota metric"]);
        let by_day = self.says(&USED_UP) || names(&["perday", "per day"]);
        let by = match whole && !users {
            true => Throttler::Connection(format!(
                "{said} (a quota of the project is used up: have it raised in the Google Cloud console, under \
                 APIs & Services > Quotas, or lower `requests_per_minute`)"
            )),
            false => Throttler::Mailbox(said.to_owned()),
        };
        ProviderError::Throttled { by, retry_after: self.retry_after.or(by_day.then_some(LONG_PAUSE)) }
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
mod tests;
