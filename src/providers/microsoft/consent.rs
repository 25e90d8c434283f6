//! Microsoft's sign-in for people: the authorisation code flow of the identity platform.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::assertion::{exposed, proof};
use super::auth::{denied, endpoint, resource};
use crate::config;
use crate::providers::ProviderError;
use crate::providers::consent::{Denied, Endpoint, Errand, Granted, SignIn, granted};

/// The delegated permission that calendars are read with.
pub const CALENDARS: &str = "Calendars.Read";
/// Those with which organisers find their calls, and read who was there.
pub const MEETINGS: &str = "OnlineMeetings.Read";
pub const ATTENDANCE: &str = "OnlineMeetingArtifact.Read.All";

const ASKED_FOR: [&str; 3] = [CALENDARS, MEETINGS, ATTENDANCE];

/// An application in one tenant.
pub struct MicrosoftSignIn {
    config: config::Microsoft,
    auth_url: Url,
    token_url: Url,
    /// The name of the cloud, which stands before the scopes of Graph.
    resource: &'static str,
    endpoint: Endpoint,
}

impl MicrosoftSignIn {
    pub fn new(config: &config::Microsoft, timeout: Duration) -> Result<Self, ProviderError> {
        Ok(Self {
            auth_url: endpoint(config, "authorize")?,
            token_url: endpoint(config, "token")?,
            resource: resource(&config.graph_url),
            endpoint: Endpoint::new(timeout)?,
            config: config.clone(),
        })
    }

    /// These scopes of Graph, and who it is that signs in, for longer than an hour.
    fn scopes<'a>(&self, of_graph: impl IntoIterator<Item = &'a str>) -> String {
        let mut scopes = "openid profile email offline_access".to_owned();
        for scope in of_graph {
            scopes.extend([" ", self.resource, "/", scope]);
        }
        scopes
    }

    /// The names that the tenant's administrators gave. A guest of the tenant, or somebody of another
    /// one, is nobody.
    fn vouched(&self, claims: &Value) -> Vec<String> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_id = self.config.tenant_id.len() == 36;
        if is_id && text("tid").is_none_or(|tenant| !tenant.eq_ignore_ascii_case(&self.config.tenant_id)) {
            return Vec::new();
        }
        ["preferred_username", "upn", "email"].into_iter().filter_map(text).map(str::to_owned).collect()
    }
}

#[async_trait]
impl SignIn for MicrosoftSignIn {
    async fn token(&self, own: &[(&str, &str)]) -> Result<Granted, ProviderError> {
        let proof = proof(&self.config.credential, &self.config.client_id, self.token_url.as_str())?;
        let mut form = vec![("client_id", self.config.client_id.as_str())];
        form.extend(exposed(&proof));
        form.extend(own);
        let body = match self.endpoint.post(&self.token_url, &form).await? {
            Ok(body) => body,
            Err(denied) => return Err(refusal(&denied)),
        };
        let mut granted = granted(&body, &self.config.client_id, "oid", |claims| self.vouched(claims))?;
        // Scopes come with or without the name of the cloud.
        for scope in granted.scopes.iter_mut().flatten() {
            if let Some((_, name)) = scope.rsplit_once('/') {
                *scope = name.to_owned();
            }
        }
        Ok(granted)
    }

    fn page(&self, errand: &Errand<'_>) -> Url {
        let mut url = self.auth_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", errand.redirect_uri.as_str())
            .append_pair("scope", &self.scopes(ASKED_FOR))
            .append_pair("state", errand.state)
            .append_pair("code_challenge", errand.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("login_hint", errand.address.as_str());
        url
    }

    /// Less may have been granted than what is asked for today, and more than that is refused.
    fn asks_for(&self, granted: Option<&[String]>) -> Option<String> {
        let before = |scope: &&str| {
            granted.is_none_or(|granted| granted.iter().any(|one| one.eq_ignore_ascii_case(scope)))
        };
        Some(self.scopes(ASKED_FOR.into_iter().filter(before)))
    }

    /// There is no endpoint that takes back what one application was granted.
    async fn revoke(&self, _: &SecretString) -> Result<bool, ProviderError> {
        Ok(false)
    }

    fn needed(&self) -> &'static str {
        CALENDARS
    }

    fn vendor(&self) -> &'static str {
        "Microsoft"
    }
}

/// What a refusal means to somebody who consented. Microsoft asks to branch on `error`; the numbers only
/// say more.
fn refusal(refused: &Denied) -> ProviderError {
    let error = refused.text("error").unwrap_or_default();
    if !matches!(
        error.as_str(),
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
    ) {
        return denied(refused.status, refused.retry_after, &refused.body);
    }
    let body: Value = serde_json::from_slice(&refused.body).unwrap_or_default();
    let number = body["error_codes"][0].as_u64().unwrap_or_default();
    let why = match number {
        50_173 => "the password was changed, or all sessions were ended",
        70_008 | 700_082 | 700_084 => "it was not used for too long",
        50_076 | 50_078 | 50_079 => "the organisation wants a second factor",
        70_043 | 70_044 => "the organisation wants a sign-in more often",
        65_001 | 65_004 => "the consent is missing or was taken back",
        50_057 => "the account is disabled",
        50_034 => "there is no such account in the tenant",
        53_000..=53_009 => "a policy of conditional access forbids it",
        90_094 | 90_097 => "an administrator has to approve the application first",
        _ => "Microsoft does not accept it any more",
    };
    ProviderError::NeedsConsent(format!("{why} ({error}, AADSTS{number})"))
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_apart_by_what_can_be_done() {
        let meaning = |status: u16, error: &str, number: u64| {
            let body = json!({"error": error, "error_codes": [number], "error_description": "AADSTS"});
            let status = StatusCode::from_u16(status).expect("status");
            refusal(&Denied { status, body: body.to_string().into_bytes(), ..Denied::default() })
        };
        for (error, number, part) in [
            ("invalid_grant", 50_173, "password"),
            ("invalid_grant", 700_082, "not used"),
            ("invalid_grant", 70_008, "not used"),
            ("invalid_grant", 70_043, "more often"),
            ("interaction_required", 50_076, "second factor"),
            ("invalid_grant", 65_001, "taken back"),
            ("invalid_grant", 9_002_313, "AADSTS9002313"),
        ] {
            let ProviderError::NeedsConsent(text) = meaning(400, error, number) else {
                panic!("{error} {number}");
            };
            assert!(text.contains(part), "{text}");
        }
        assert!(matches!(meaning(401, "invalid_client", 7_000_222), ProviderError::Refused(_)));
        assert!(matches!(meaning(400, "unauthorized_client", 700_016), ProviderError::Refused(_)));
        assert!(matches!(meaning(503, "temporarily_unavailable", 90_033), ProviderError::Temporary(_)));
    }
}
