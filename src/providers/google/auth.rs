//! Access tokens: of a service account that acts for one participant at a time, or of the participants
//! themselves, who consented.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use google_calendar3::hyper_util::client::legacy::Client;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::error::{AuthError, AuthErrorCode};
use yup_oauth2::{CustomHyperClientBuilder, ServiceAccountAuthenticator, ServiceAccountKey};

use super::SetupError;
use super::errors::{Failure, presentable};
use super::http::Connector;
use crate::domain::people::Address;
use crate::providers::{Budget, ProviderError, Throttler, Tokens};

/// What a token is for. Each has a token of its own, so that an administrator who did not grant one
/// of them loses only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Events,
    Meet,
    Directory,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "https://www.googleapis.com/auth/calendar.events.readonly",
            Self::Meet => "https://www.googleapis.com/auth/meetings.space.readonly",
            Self::Directory => "https://www.googleapis.com/auth/admin.directory.user.readonly",
        }
    }
}

pub(super) struct Auth {
    source: Source,
    budget: Arc<dyn Budget>,
}

/// Where tokens come from.
enum Source {
    Delegation(Box<Delegation>),
    Consent(Arc<dyn Tokens>),
}

/// Domain-wide delegation.
struct Delegation {
    key: ServiceAccountKey,
    client: Client<Connector, String>,
    timeout: Duration,
    /// One per participant, since each keeps the tokens of one subject.
    subjects: Mutex<HashMap<Address, Authenticator<Connector>>>,
}

impl Auth {
    /// The service account with this key file.
    pub fn delegated(
        key: &SecretString,
        client: Client<Connector, String>,
        timeout: Duration,
        budget: Arc<dyn Budget>,
    ) -> Result<Self, SetupError> {
        let key = read_key(key.expose_secret())?;
        let delegation = Delegation { key, client, timeout, subjects: Mutex::default() };
        Ok(Self { source: Source::Delegation(Box::new(delegation)), budget })
    }

    /// Those who consented.
    pub fn consented(tokens: Arc<dyn Tokens>, budget: Arc<dyn Budget>) -> Self {
        Self { source: Source::Consent(tokens), budget }
    }

    /// Sends a request with a token of `subject`, and once more with a new token if Google does not
    /// take the one at hand. Every request to the APIs comes through here.
    pub async fn send<T, F, Sent>(&self, subject: &Address, scope: Scope, request: F) -> Result<T, Failure>
    where
        F: Fn(String) -> Sent,
        Sent: Future<Output = Result<T, Failure>>,
    {
        let consented = matches!(self.source, Source::Consent(_));
        self.try_twice(subject, scope, request).await.map_err(|failure| failure.resting_on(consented))
    }

    async fn try_twice<T, F, Sent>(&self, subject: &Address, scope: Scope, request: F) -> Result<T, Failure>
    where
        F: Fn(String) -> Sent,
        Sent: Future<Output = Result<T, Failure>>,
    {
        // Before the token: it is not to grow old while it waits.
        let turn = self.budget.request(subject).await?;
        let token = self.token(subject, scope).await?;
        match request(token.expose_secret().to_owned()).await {
            Err(failure) if failure.status() == Some(401) => {
                tracing::debug!(subject = subject.masked(), ?scope, "access token refused");
                drop(turn);
                let _turn = self.budget.request(subject).await?;
                request(self.another(subject, scope, &token).await?.expose_secret().to_owned()).await
            }
            answer => answer,
        }
    }

    async fn token(&self, subject: &Address, scope: Scope) -> Result<SecretString, ProviderError> {
        match &self.source {
            Source::Delegation(delegation) => delegation.token(subject, scope, false).await,
            Source::Consent(tokens) => tokens.token(subject, scope.as_str()).await,
        }
    }

    /// A new token instead of one that was refused.
    async fn another(
        &self,
        subject: &Address,
        scope: Scope,
        refused: &SecretString,
    ) -> Result<SecretString, ProviderError> {
        match &self.source {
            Source::Delegation(delegation) => delegation.token(subject, scope, true).await,
            Source::Consent(tokens) => {
                tokens.reject(subject, refused).await?;
                tokens.token(subject, scope.as_str()).await
            }
        }
    }
}

impl Delegation {
    async fn token(
        &self,
        subject: &Address,
        scope: Scope,
        renew: bool,
    ) -> Result<SecretString, ProviderError> {
        let authenticator = self.authenticator(subject).await?;
        let scopes = [scope.as_str()];
        let token = tokio::time::timeout(self.timeout, async {
            if renew {
                authenticator.force_refreshed_token(&scopes).await
            } else {
                authenticator.token(&scopes).await
            }
        })
        .await
        .map_err(|_| ProviderError::Temporary("no answer from the token endpoint in time".into()))?
        .map_err(|error| self.token_error(scope, error))?;
        match token.token() {
            Some(token) => Ok(token.into()),
            None => {
                // yup-oauth2 takes any JSON object for an answer and would keep this one for good.
                self.subjects.lock().await.remove(subject);
                Err(ProviderError::Temporary("the token endpoint answered without a token".into()))
            }
        }
    }

    async fn authenticator(&self, subject: &Address) -> Result<Authenticator<Connector>, ProviderError> {
        let mut subjects = self.subjects.lock().await;
        if let Some(known) = subjects.get(subject) {
            return Ok(known.clone());
        }
        let client = CustomHyperClientBuilder::from(self.client.clone());
        let made = ServiceAccountAuthenticator::with_client(self.key.clone(), client)
            .subject(subject.as_str())
            .build()
            .await
            .map_err(|error| ProviderError::Refused(format!("the key cannot be used: {error}")))?;
        subjects.insert(subject.clone(), made.clone());
        Ok(made)
    }

    fn token_error(&self, scope: Scope, error: yup_oauth2::Error) -> ProviderError {
        use yup_oauth2::Error as E;
        match error {
            E::AuthError(error) => self.auth_error(scope, &error),
            E::HttpError(_) | E::HttpClientError(_) => {
                ProviderError::Temporary("the token endpoint cannot be reached".into())
            }
            // yup-oauth2 does not look at the status: a gateway's error page ends here.
            E::JSONError(_) => ProviderError::Temporary("the token endpoint did not answer with JSON".into()),
            E::LowLevelError(_) | E::MissingAccessToken => {
                ProviderError::Garbled("the token endpoint's answer is no bearer token".into())
            }
            E::UserError(_) | E::StorageError(_) | E::CredentialSourceError(_) => {
                ProviderError::Refused("the service account cannot be used".into())
            }
        }
    }

    /// The bodies are Google's, see "Using OAuth 2.0 for Server to Server Applications".
    fn auth_error(&self, scope: Scope, error: &AuthError) -> ProviderError {
        let text = presentable(error.error_description.as_deref().unwrap_or_default());
        let code = error.error.as_str();
        match &error.error {
            AuthErrorCode::UnauthorizedClient | AuthErrorCode::AccessDenied => {
                ProviderError::Refused(format!(
                    "domain-wide delegation is missing ({code}): in the Admin console, under \
                     Security > API controls > Domain-wide delegation, grant client ID {} the \
                     scope {}",
                    self.key.client_id.as_deref().unwrap_or("of the service account"),
                    scope.as_str()
                ))
            }
            AuthErrorCode::InvalidGrant if text.contains("Invalid email or User ID") => {
                ProviderError::Unreachable(format!("no such account: {text}"))
            }
            AuthErrorCode::InvalidGrant if text.to_lowercase().contains("signature") => {
                ProviderError::Refused(format!(
                    "the service account's key was withdrawn, make a new one: {text}"
                ))
            }
            AuthErrorCode::InvalidGrant if ["short-lived", "timeframe"].iter().any(|w| text.contains(w)) => {
                ProviderError::Refused(format!("set this machine's clock right, it is minutes off: {text}"))
            }
            AuthErrorCode::InvalidGrant if text.contains("audience") => ProviderError::Refused(format!(
                "what the service account signs is addressed to somebody else than Google, check the \
                 `token_uri` of the key file, which usually is `https://oauth2.googleapis.com/token`: {text}"
            )),
            AuthErrorCode::InvalidGrant if text.contains("Invalid JWT") => {
                ProviderError::Refused(format!("Google does not take what the service account signs: {text}"))
            }
            AuthErrorCode::InvalidGrant if text.contains("account not found") => {
                ProviderError::Refused(format!("the service account was deleted: {text}"))
            }
            AuthErrorCode::InvalidGrant => ProviderError::NeedsConsent(text),
            AuthErrorCode::Other(other) if other.contains("limit") => {
                let by = Throttler::Connection("the token endpoint was asked too often".into());
                ProviderError::Throttled { by, retry_after: None }
            }
            AuthErrorCode::Other(other) if PASSING.contains(&other.as_str()) => {
                ProviderError::Temporary(format!("the token endpoint said {code}"))
            }
            AuthErrorCode::InvalidRequest
            | AuthErrorCode::InvalidClient
            | AuthErrorCode::UnsupportedGrantType
            | AuthErrorCode::InvalidScope
            | AuthErrorCode::ExpiredToken
            | AuthErrorCode::Other(_) => ProviderError::Refused(format!("no access token ({code}): {text}")),
        }
    }
}

/// Error codes of the token endpoint that stand for a fault on its side.
pub(super) const PASSING: [&str; 5] =
    ["backend_error", "internal_failure", "server_error", "temporarily_unavailable", "unavailable"];

/// Reads a key file as Google's console makes it, and tries the key in it. No message may quote the
/// file: it is a secret.
fn read_key(text: &str) -> Result<ServiceAccountKey, SetupError> {
    let json: Value =
        serde_json::from_str(text).map_err(|error| SetupError::NotJson(error.line(), error.column()))?;
    match json.get("type").and_then(Value::as_str) {
        Some("service_account") => {}
        _ => return Err(SetupError::NotServiceAccount),
    }
    for field in ["client_email", "private_key", "token_uri"] {
        if json.get(field).and_then(Value::as_str).is_none() {
            return Err(SetupError::Missing(field));
        }
    }
    let key: ServiceAccountKey = serde_json::from_value(json).map_err(|_| SetupError::NotServiceAccount)?;
    // yup-oauth2 panics on an address that is none.
    match Url::parse(&key.token_uri) {
        Ok(uri) if matches!(uri.scheme(), "https" | "http") && uri.has_host() => {}
        _ => return Err(SetupError::TokenUri),
    }
    if key.token_uri.parse::<http::Uri>().is_err() {
        return Err(SetupError::TokenUri);
    }
    PrivateKeyDer::from_pem_slice(key.private_key.as_bytes())
        .ok()
        .and_then(|der| rustls::crypto::ring::sign::RsaSigningKey::new(&der).ok())
        .ok_or(SetupError::PrivateKey)?;
    Ok(key)
}
