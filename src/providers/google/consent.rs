//! Google's sign-in for people: see "Using OAuth 2.0 for Web Server Applications".

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::auth::Scope;
use super::errors::presentable;
use crate::config::GoogleClient;
use crate::providers::consent::{
    Denied, Endpoint, Errand, Granted, NotGranted, SignIn, Unsaid, granted, word,
};
use crate::providers::{ProviderError, Throttler};

/// An OAuth client at Google.
pub struct GoogleSignIn {
    client: GoogleClient,
    endpoint: Endpoint,
}

impl GoogleSignIn {
    pub fn new(client: &GoogleClient, timeout: Duration) -> Result<Self, ProviderError> {
        Ok(Self { client: client.clone(), endpoint: Endpoint::new(timeout)? })
    }
}

#[async_trait]
impl SignIn for GoogleSignIn {
    async fn token(&self, own: &[(&str, &str)]) -> Result<Granted, NotGranted> {
        let mut form = vec![
            ("client_id", self.client.client_id.as_str()),
            ("client_secret", self.client.client_secret.expose_secret()),
        ];
        form.extend(own);
        match self.endpoint.post(&self.client.token_url, &form).await? {
            Ok(body) => Ok(granted(&body, &self.client.client_id, "sub", vouched)?),
            Err(denied) => Err(refusal(&denied)),
        }
    }

    fn page(&self, errand: &Errand<'_>) -> Url {
        let scopes = ["openid", "email", Scope::Events.as_str(), Scope::Meet.as_str()].join(" ");
        let mut url = self.client.auth_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.client_id)
            .append_pair("redirect_uri", errand.redirect_uri.as_str())
            .append_pair("scope", &scopes)
            .append_pair("state", errand.state)
            .append_pair("code_challenge", errand.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("access_type", "offline")
            // Otherwise a refresh token comes with the first consent only.
            .append_pair("prompt", "consent")
            .append_pair("include_granted_scopes", "true")
            .append_pair("login_hint", errand.address.as_str());
        url
    }

    fn unsaid(&self, error: &str, _: &str) -> Unsaid {
        match error {
            "access_denied" => Unsaid::Declined,
            "admin_policy_enforced" | "org_internal" => Unsaid::Administrator(word(error)),
            other => Unsaid::Other(word(other)),
        }
    }

    async fn revoke(&self, refresh_token: &SecretString) -> Result<bool, ProviderError> {
        let form = [("token", refresh_token.expose_secret())];
        match self.endpoint.post(&self.client.revoke_url, &form).await? {
            Ok(_) => Ok(true),
            // It was revoked already.
            Err(denied) if denied.text("error").as_deref() == Some("invalid_token") => Ok(true),
            Err(denied) => Err(refusal(&denied).into()),
        }
    }

    fn ends_consents(&self) -> bool {
        true
    }

    fn needed(&self) -> &'static str {
        Scope::Events.as_str()
    }

    fn vendor(&self) -> &'static str {
        "Google"
    }
}

/// The address of the account, once Google has seen that it is the person's.
fn vouched(claims: &Value) -> Vec<String> {
    let verified = claims.get("email_verified").and_then(Value::as_bool) == Some(true);
    let email = claims.get("email").and_then(Value::as_str).filter(|_| verified);
    email.map(str::to_owned).into_iter().collect()
}

/// What a refusal of the token endpoint means. Only what Google says to be over is: a policy may be
/// lifted again.
fn refusal(denied: &Denied) -> NotGranted {
    let error = denied.text("error").unwrap_or_default();
    let text = presentable(&denied.text("error_description").unwrap_or_default());
    let said = if text.is_empty() { error.clone() } else { format!("{error}: {text}") };
    let why = match error.as_str() {
        _ if denied.status == StatusCode::TOO_MANY_REQUESTS => {
            let by = Throttler::Connection("Google's sign-in service was asked too often".into());
            ProviderError::Throttled { by, retry_after: denied.retry_after }
        }
        "invalid_grant" if denied.text("error_subtype").as_deref() == Some("invalid_rapt") => {
            ProviderError::NeedsConsent(format!(
                "the organisation's session control wants a new sign-in ({said}); an administrator can trust \
                 the app under Security > API controls"
            ))
        }
        "invalid_grant" if OVER.iter().any(|over| text.contains(over)) => {
            return NotGranted::Ended(format!(
                "Google does not accept it any more ({said}): it was withdrawn, not used for six months, or \
                 the app is still in testing, where consent lasts seven days"
            ));
        }
        "invalid_grant" => {
            ProviderError::NeedsConsent(format!("Google does not accept it at the moment ({said})"))
        }
        "admin_policy_enforced" | "access_denied" | "org_internal" => ProviderError::Refused(format!(
            "the organisation does not let the app in ({said}); an administrator has to trust it in the Admin \
             console under Security > API controls > App access control"
        )),
        "invalid_client" | "deleted_client" | "disabled_client" => ProviderError::Refused(format!(
            "Google does not know the OAuth client ({said}); check `client_id` and `client_secret_file`"
        )),
        "redirect_uri_mismatch" => ProviderError::Refused(format!(
            "the address of the way back is not registered ({said}); add `[web] public_url` with \
             `consent/callback` behind it to the OAuth client's authorised redirect URIs"
        )),
        _ if denied.status.is_server_error() || super::auth::PASSING.contains(&error.as_str()) => {
            ProviderError::Temporary(format!("the token endpoint said {} {error}", denied.status.as_u16()))
        }
        "" => ProviderError::Garbled(format!(
            "the token endpoint's answer is not one (status {})",
            denied.status.as_u16()
        )),
        _ => ProviderError::Refused(format!("no token is given ({said})")),
    };
    why.into()
}

/// What Google says of refresh tokens that are over: withdrawn or too old, or their account is no more.
const OVER: [&str; 2] = ["expired or revoked", "has been deleted"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_apart_by_what_can_be_done() {
        let kind = |status: u16, body: Value| {
            let status = StatusCode::from_u16(status).expect("status");
            let denied = Denied { status, body: body.to_string().into_bytes(), ..Denied::default() };
            let refused = refusal(&denied);
            let for_good = matches!(refused, NotGranted::Ended(_));
            let error = ProviderError::from(refused);
            let kind = match &error {
                ProviderError::NeedsConsent(_) if for_good => "over",
                ProviderError::NeedsConsent(_) => "consent",
                ProviderError::Refused(_) => "refused",
                ProviderError::Temporary(_) => "temporary",
                ProviderError::Throttled { .. } => "throttled",
                ProviderError::Garbled(_) => "garbled",
                ProviderError::CursorRejected | ProviderError::Unreachable(_) => "other",
            };
            (kind, error.to_string())
        };
        let said = |error: &str, text: &str| json!({"error": error, "error_description": text});
        for (status, body, expected, part) in [
            (400, said("invalid_grant", "Token has been expired or revoked."), "over", "seven days"),
            (400, said("invalid_grant", "Account has been deleted"), "over", "deleted"),
            (400, said("invalid_grant", "Bad Request"), "consent", "at the moment"),
            (
                400,
                json!({"error": "invalid_grant", "error_description": "reauth", "error_subtype": "invalid_rapt"}),
                "consent",
                "session control",
            ),
            (400, said("admin_policy_enforced", "No."), "refused", "App access control"),
            (401, said("invalid_client", "Unauthorized"), "refused", "client_secret_file"),
            (400, said("redirect_uri_mismatch", "Bad Request"), "refused", "consent/callback"),
            (400, said("unsupported_grant_type", "x"), "refused", "unsupported"),
            (500, said("internal_failure", "Backend Error"), "temporary", "500"),
            (429, said("rate_limit_exceeded", ""), "throttled", ""),
            (502, Value::Null, "temporary", "502"),
            (404, Value::Null, "garbled", "404"),
        ] {
            let (kind, text) = kind(status, body.clone());
            assert_eq!(kind, expected, "{status} {body}");
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn an_address_that_nobody_has_verified_is_nobodys() {
        let claims = |verified: bool| json!({"email": "ada@example.com", "email_verified": verified});
        assert_eq!(vouched(&claims(true)), ["ada@example.com"]);
        assert_eq!(vouched(&claims(false)), [""; 0]);
    }
}
