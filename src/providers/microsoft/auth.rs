//! The application's own token, got with its secret or certificate and shared by all mailboxes of a connection.
//!
//! graph-rs-sdk would take tokens through its `ClientApplication` trait, whose argument
//! `ForceTokenRefresh` it does not export. Asking for the token before each request does as well,
//! and keeps the class of a failure.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::assertion::{exposed, proof};
use super::error::transport;
use crate::config;
use crate::providers::retry_after::retry_after;
use crate::providers::{ProviderError, Throttler};

/// How long before its end a token is renewed; a short-lived one at half of its life.
const EARLY: Duration = Duration::from_mins(5);
/// How long a token that could not be renewed is used on before the next attempt.
const AGAIN: Duration = Duration::from_secs(30);

/// Graph where nothing else is said, and for stand-ins.
const GRAPH: &str = "https://graph.microsoft.com";
/// The national clouds, which give out tokens for themselves only.
const NATIONAL: [&str; 4] = [
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "https://graph.microsoft.de",
];

/// A source of tokens that renews them in time, one request at a time.
pub struct Auth {
    http: reqwest::Client,
    token_url: Url,
    client_id: String,
    credential: config::Credential,
    scope: String,
    /// How many requests for a token have ended.
    rounds: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Cached>,
    /// How the last request ended, for those who waited for it.
    failure: Option<ProviderError>,
}

struct Cached {
    token: SecretString,
    renew_at: Instant,
    expires_at: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// A statement that is not valid yet, or no longer: this machine's clock is wrong.
const CLOCK: u64 = 700_024;
/// A statement of another application (700021), or for another tenant or cloud (700023).
const MISDIRECTED: [u64; 2] = [700_021, 700_023];

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("token_url", &self.token_url.as_str())
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Auth {
    pub fn new(config: &config::Microsoft, timeout: Duration) -> Result<Self, ProviderError> {
        #[expect(clippy::disallowed_methods, reason = "made once for the connection, with its time-out")]
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| ProviderError::Refused("no TLS client can be made".into()))?;
        let token_url = endpoint(config, "token")?;
        Ok(Self {
            http,
            token_url,
            client_id: config.client_id.clone(),
            credential: config.credential.clone(),
            scope: scope(&config.graph_url),
            rounds: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    /// A token that is good for a while yet.
    pub async fn token(&self) -> Result<SecretString, ProviderError> {
        let before = self.rounds.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(cached) = &state.token
            && Instant::now() < cached.renew_at
        {
            return Ok(cached.token.clone());
        }
        // Who waited while somebody else was refused is refused, too: one wrong secret and a
        // hundred mailboxes make one request.
        if let Some(failure) = &state.failure
            && self.rounds.load(Ordering::Acquire) != before
        {
            return Err(failure.clone());
        }
        let outcome = self.request().await;
        self.rounds.fetch_add(1, Ordering::Release);
        match outcome {
            Ok(cached) => {
                let token = cached.token.clone();
                *state = State { token: Some(cached), failure: None };
                Ok(token)
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                let passes = matches!(failure, ProviderError::Temporary(_) | ProviderError::Throttled { .. });
                match &mut state.token {
                    Some(cached) if passes && Instant::now() + AGAIN < cached.expires_at => {
                        cached.renew_at = Instant::now() + AGAIN;
                        Ok(cached.token.clone())
                    }
                    _ => Err(failure),
                }
            }
        }
    }

    /// Forgets `token`, which Graph did not accept. One that was renewed meanwhile stays.
    pub async fn reject(&self, token: &SecretString) {
        let mut state = self.state.lock().await;
        if let Some(cached) = &state.token
            && cached.token.expose_secret() == token.expose_secret()
        {
            state.token = None;
        }
    }

    async fn request(&self) -> Result<Cached, ProviderError> {
        let proof = proof(&self.credential, &self.client_id, self.token_url.as_str())?;
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", &self.client_id)];
        form.extend(exposed(&proof));
        form.push(("scope", &self.scope));
        let asked_at = Instant::now();
        let response = self
            .http
            .post(self.token_url.clone())
            .form(&form)
            .send()
            .await
            .map_err(|error| transport(&error))?;
        let status = response.status();
        let wait = retry_after(response.headers());
        let body = response.bytes().await.map_err(|error| transport(&error))?;
        if !status.is_success() {
            return Err(denied(status, wait, &body, &self.credential));
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| ProviderError::Garbled("the token's answer is not one".into()))?;
        let life = Duration::from_secs(granted.expires_in.unwrap_or(0));
        tracing::debug!(lifetime_s = life.as_secs(), "the application's token is renewed");
        Ok(Cached {
            token: granted.access_token,
            renew_at: asked_at + life.saturating_sub(EARLY.min(life / 2)),
            expires_at: asked_at + life,
        })
    }
}

/// An endpoint of the tenant at the sign-in service.
pub fn endpoint(config: &config::Microsoft, name: &str) -> Result<Url, ProviderError> {
    let mut url = config.login_url.clone();
    url.path_segments_mut()
        .map_err(|()| ProviderError::Refused("`login_url` is not an address".into()))?
        .pop_if_empty()
        .extend([config.tenant_id.as_str(), "oauth2", "v2.0", name]);
    Ok(url)
}

/// What the token is to be good for.
fn scope(graph_url: &Url) -> String {
    format!("{}/.default", resource(graph_url))
}

/// The cloud that tokens are for.
pub fn resource(graph_url: &Url) -> &'static str {
    let origin = graph_url.origin().ascii_serialization();
    NATIONAL.iter().find(|cloud| **cloud == origin).unwrap_or(&GRAPH)
}

/// Why no token is given. Microsoft asks to tell errors apart by `error`, not by number; the number
/// helps those who look it up.
pub fn denied(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
    credential: &config::Credential,
) -> ProviderError {
    let denied: Option<Denied> = serde_json::from_slice(body).ok();
    let (error, number) =
        denied.as_ref().map_or(("", None), |denied| (denied.error.as_str(), denied.error_codes.first()));
    let said = match number {
        Some(number) => format!("{error}, AADSTS{number}"),
        None if error.is_empty() => format!("status {}", status.as_u16()),
        None => error.to_owned(),
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        let by = Throttler::Connection("Microsoft's sign-in service was asked too often".into());
        return ProviderError::Throttled { by, retry_after };
    }
    let is = |numbers: &[u64]| {
        let codes = denied.iter().flat_map(|denied| &denied.error_codes);
        codes.into_iter().any(|code| numbers.contains(code))
    };
    let what = match credential {
        config::Credential::Secret(_) => "the client secret",
        config::Credential::Certificate(_) => "the certificate",
    };
    match error {
        "invalid_client" if is(&[CLOCK]) => {
            ProviderError::Refused(format!("set this machine's clock right, it is minutes off ({said})"))
        }
        "invalid_client" if is(&MISDIRECTED) => ProviderError::Refused(format!(
            "Microsoft takes the certificate's statement for another application's or tenant's ({said}); \
             check `client_id`, `tenant_id` and `login_url`"
        )),
        // Unknown, expired, withdrawn, or too weak: there are more numbers for it than are written down.
        "invalid_client" if matches!(credential, config::Credential::Certificate(_)) => {
            ProviderError::Refused(format!(
                "Microsoft does not know the certificate, or it has expired ({said}); upload the one that \
                 `certificate_file` holds under the app registration's `Certificates & secrets`, or make a \
                 new one"
            ))
        }
        "invalid_client" => ProviderError::Refused(format!(
            "the client secret is wrong or has expired ({said}); make a new one under the app \
             registration's `Certificates & secrets` and put its value into `client_secret_file`"
        )),
        "unauthorized_client" => ProviderError::Refused(format!(
            "the tenant does not know the application ({said}); check `client_id` and `tenant_id`, \
             and have an administrator consent to it"
        )),
        "invalid_grant" | "interaction_required" => {
            ProviderError::NeedsConsent(format!("an administrator has to consent ({said})"))
        }
        "temporarily_unavailable" | "server_error" => ProviderError::Temporary(said),
        _ if status.is_server_error() => ProviderError::Temporary(said),
        _ if error.is_empty() => {
            ProviderError::Garbled(format!("the token endpoint's answer is not one ({said})"))
        }
        _ => ProviderError::Refused(format!(
            "no token is given ({said}); check `tenant_id`, `client_id` and {what}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_for_the_cloud_that_is_read() {
        for (graph_url, scope) in [
            ("https://graph.microsoft.com/v1.0", "https://graph.microsoft.com/.default"),
            ("https://graph.microsoft.us/v1.0", "https://graph.microsoft.us/.default"),
            ("http://127.0.0.1:8080/v1.0", "https://graph.microsoft.com/.default"),
        ] {
            let graph_url = graph_url.parse().expect("url");
            assert_eq!(super::scope(&graph_url), scope);
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_name() {
        let secret = config::Credential::Secret("s3cret".into());
        let meaning = |status: u16, error: &str| {
            let body = serde_json::json!({"error": error, "error_codes": [7_000_215]}).to_string();
            let status = StatusCode::from_u16(status).expect("status");
            denied(status, None, body.as_bytes(), &secret)
        };
        let ProviderError::Refused(text) = meaning(401, "invalid_client") else {
            panic!("not refused");
        };
        assert!(text.contains("AADSTS7000215") && text.contains("client_secret_file"), "{text}");
        assert!(matches!(meaning(400, "unauthorized_client"), ProviderError::Refused(_)));
        for error in ["invalid_grant", "interaction_required"] {
            assert!(matches!(meaning(400, error), ProviderError::NeedsConsent(_)));
        }
        for error in ["temporarily_unavailable", "server_error"] {
            assert!(matches!(meaning(400, error), ProviderError::Temporary(_)));
        }
        assert!(matches!(meaning(503, "whatever"), ProviderError::Temporary(_)));
        assert!(matches!(meaning(429, ""), ProviderError::Throttled { .. }));
        assert!(matches!(denied(StatusCode::NOT_FOUND, None, b"<html>", &secret), ProviderError::Garbled(_)));
    }
}
