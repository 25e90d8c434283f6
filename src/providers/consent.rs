//! Consent of single people: the authorisation code flow with PKCE (RFC 6749, 7636), as far as the
//! vendors have it in common.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::ProviderError;
use super::retry_after::retry_after;
use crate::domain::people::Address;

/// How a vendor asks people for their consent, and gives out tokens for it.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// Where the person is sent to be asked.
    fn page(&self, errand: &Errand<'_>) -> Url;

    /// What it means that the vendor's page sent somebody back with an `error` instead of a code.
    fn unsaid(&self, error: &str, description: &str) -> Unsaid;

    /// Asks the token endpoint, with what the vendor wants to see besides `form`.
    async fn token(&self, form: &[(&str, &str)]) -> Result<Granted, NotGranted>;

    /// Gets the tokens for a code that came back.
    async fn redeem(&self, code: &str, verifier: &str, redirect_uri: &Url) -> Result<Granted, NotGranted> {
        let scopes = self.asks_for(None);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri.as_str()),
        ];
        form.extend(scopes.iter().map(|scopes| ("scope", scopes.as_str())));
        self.token(&form).await
    }

    /// Gets new tokens for what was `granted` before.
    async fn refresh(&self, refresh_token: &SecretString, granted: &[String]) -> Result<Granted, NotGranted> {
        let scopes = self.asks_for(Some(granted));
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        form.extend(scopes.iter().map(|scopes| ("scope", scopes.as_str())));
        self.token(&form).await
    }

    /// The scopes that the token endpoint wants to be told again, if it does: of a first consent, or
    /// those that were granted.
    fn asks_for(&self, _granted: Option<&[String]>) -> Option<String> {
        None
    }

    /// Tells the vendor that the consent is withdrawn. `false`: there is no way to, and the person has
    /// to do it on the vendor's pages.
    async fn revoke(&self, refresh_token: &SecretString) -> Result<bool, ProviderError>;

    /// Whether the vendor accepts no token any more once it was told that consent is withdrawn.
    fn ends_consents(&self) -> bool;

    /// The scope without which no calendar can be read.
    fn needed(&self) -> &'static str;

    /// The vendor's name, for people.
    fn vendor(&self) -> &'static str;
}

/// Why there is no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsaid {
    /// The person said no.
    Declined,
    /// An administrator of the organisation has to do something first; what the vendor calls it.
    Administrator(String),
    /// Something else; what the vendor calls it.
    Other(String),
}

/// Why no token was given.
#[derive(Debug)]
pub enum NotGranted {
    /// The consent has ended: the refresh token is worth nothing any more, whatever changes.
    Ended(String),
    /// Everything else: the refresh token may be good for something yet.
    NotNow(ProviderError),
}

impl From<ProviderError> for NotGranted {
    fn from(why: ProviderError) -> Self {
        Self::NotNow(why)
    }
}

impl From<NotGranted> for ProviderError {
    fn from(why: NotGranted) -> Self {
        match why {
            NotGranted::Ended(why) => Self::NeedsConsent(why),
            NotGranted::NotNow(why) => why,
        }
    }
}

/// A vendor's word for an error, which came through the browser: anybody may have written it.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
}

/// Everything that the vendor's page has to know.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    pub state: &'a str,
    /// BASE64URL(SHA-256(verifier)).
    pub challenge: &'a str,
    pub redirect_uri: &'a Url,
    /// Whose consent is asked for.
    pub address: &'a Address,
}

/// What a token endpoint gave. (Nothing of it can be printed by accident.)
#[derive(Debug)]
pub struct Granted {
    pub access_token: SecretString,
    /// How long it lasts.
    pub expires_in: Duration,
    /// A new one, where there is one.
    pub refresh_token: Option<SecretString>,
    /// What was granted, which may be less than what was asked for; `None` where nothing was said.
    pub scopes: Option<Vec<String>>,
    /// Who signed in, by every address that the vendor vouches for; empty where it does not say.
    pub who: Vec<Address>,
    /// The vendor's own id of who signed in, by which it names them elsewhere.
    pub id: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
}

/// An answer of a token endpoint that is no success.
#[derive(Debug, Default)]
pub(super) struct Denied {
    pub status: StatusCode,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl Denied {
    /// A text of the body.
    pub fn text(&self, name: &str) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get(name)?.as_str()?.to_owned())
    }
}

/// The client that speaks to one sign-in service.
#[derive(Clone)]
pub(super) struct Endpoint {
    http: reqwest::Client,
}

impl Endpoint {
    pub fn new(timeout: Duration) -> Result<Self, ProviderError> {
        #[expect(clippy::disallowed_methods, reason = "made once for the connection, with its time-out")]
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| ProviderError::Refused("no TLS client can be made".into()))?;
        Ok(Self { http })
    }

    /// Sends a form. The inner error is the service's own refusal.
    pub async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Result<Vec<u8>, Denied>, ProviderError> {
        let trouble = |error: reqwest::Error| {
            let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
            ProviderError::Temporary(format!("the sign-in service {what}"))
        };
        let response = self.http.post(url.clone()).form(form).send().await.map_err(trouble)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await.map_err(trouble)?.to_vec();
        Ok(match status.is_success() {
            true => Ok(body),
            false => Err(Denied { status, retry_after, body }),
        })
    }
}

/// Reads what a token endpoint gave to `client_id`.
///
/// The signature of the ID token is not looked at: it came from the endpoint itself, over TLS (OpenID
/// Connect Core 3.1.3.7). Who signed in is what `vouched` takes from its claims, and the claim `id`.
pub(super) fn granted(
    body: &[u8],
    client_id: &str,
    id: &str,
    vouched: impl FnOnce(&Value) -> Vec<String>,
) -> Result<Granted, ProviderError> {
    let garbled = |text: &str| ProviderError::Garbled(format!("the token endpoint's answer {text}"));
    let answer: Answer = serde_json::from_slice(body).map_err(|_| garbled("is not one"))?;
    let (who, id) = match answer.id_token {
        None => (Vec::new(), None),
        Some(token) => {
            let claims = claims(&token).ok_or_else(|| garbled("has an ID token that cannot be read"))?;
            if claims.get("aud").and_then(Value::as_str) != Some(client_id) {
                return Err(garbled("has an ID token for somebody else"));
            }
            let who = vouched(&claims).iter().filter_map(|text| Address::parse(text).ok()).collect();
            (who, claims.get(id).and_then(Value::as_str).map(str::to_owned))
        }
    };
    Ok(Granted {
        access_token: answer.access_token,
        expires_in: Duration::from_secs(answer.expires_in.unwrap_or(0)),
        refresh_token: answer.refresh_token,
        scopes: answer.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
        who,
        id,
    })
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}
