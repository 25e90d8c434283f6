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
use crate::providers::consent::{
    Denied, Endpoint, Errand, Granted, NotGranted, SignIn, Unsaid, granted, word,
};

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
    async fn token(&self, own: &[(&str, &str)]) -> Result<Granted, NotGranted> {
        let proof = proof(&self.config.credential, &self.config.client_id, self.token_url.as_str())?;
        let mut form = vec![("client_id", self.config.client_id.as_str())];
        form.extend(exposed(&proof));
        form.extend(own);
        let body = match self.endpoint.post(&self.token_url, &form).await? {
            Ok(body) => body,
            Err(denied) => return Err(refusal(&denied, &self.config.credential)),
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

    fn unsaid(&self, error: &str, description: &str) -> Unsaid {
        unsaid(error, description)
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

    fn ends_consents(&self) -> bool {
        false
    }

    fn needed(&self) -> &'static str {
        CALENDARS
    }

    fn vendor(&self) -> &'static str {
        "Microsoft"
    }
}

/// What only an administrator can mend when somebody signs in: to approve the application (65001,
/// 900941 and the like), to let in the person (50020: of another tenant; 50105: not assigned), or to
/// complete the registration (90008).
const ADMINISTRATORS: [u64; 9] = [65_001, 90_008, 90_093, 90_094, 90_095, 90_097, 900_941, 50_020, 50_105];

/// The number in a text like `AADSTS65004: User declined to consent to access the app.`
fn aadsts(text: &str) -> Option<u64> {
    let rest = text.split_once("AADSTS")?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Entra says `access_denied` of those who said no and of those who may not say yes. Only the number
/// tells them apart.
fn unsaid(error: &str, description: &str) -> Unsaid {
    let number = aadsts(description);
    let said = match number {
        Some(number) => format!("{}, AADSTS{number}", word(error)),
        None => word(error),
    };
    match (error, number) {
        ("access_denied", None | Some(65_004)) => Unsaid::Declined,
        (_, Some(number)) if ADMINISTRATORS.contains(&number) => Unsaid::Administrator(said),
        ("consent_required" | "interaction_required", None) => Unsaid::Administrator(said),
        _ => Unsaid::Other(said),
    }
}

/// What a refusal means to somebody who consented. Microsoft asks to branch on `error`; the numbers tell
/// what is over from what may pass, and then the tokens are kept.
fn refusal(refused: &Denied, credential: &config::Credential) -> NotGranted {
    let error = refused.text("error").unwrap_or_default();
    if !matches!(
        error.as_str(),
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
    ) {
        return denied(refused.status, refused.retry_after, &refused.body, credential).into();
    }
    let body: Value = serde_json::from_slice(&refused.body).unwrap_or_default();
    let number = body["error_codes"][0].as_u64().unwrap_or_default();
    let with_number = |why: &str| format!("{why} ({error}, AADSTS{number})");
    let over = |why: &str| NotGranted::Ended(with_number(why));
    let again = |why: &str| ProviderError::NeedsConsent(with_number(why)).into();
    let barred = |why: &str| ProviderError::Unreachable(with_number(why)).into();
    match number {
        50_132 | 50_133 | 50_173 => over("the password was changed, or all sessions were ended"),
        70_008 | 700_081 | 700_082 | 700_084 => over("it was not used for too long"),
        70_043 | 70_044 => over("the organisation wants a sign-in more often"),
        65_001 | 65_004 => over("the consent is missing or was taken back"),
        70_000 => over("Microsoft does not know it any more"),
        50_072 | 50_074 | 50_076 | 50_078 | 50_079 | 50_158 => {
            again("the organisation wants a second factor")
        }
        50_055 => again("the password has run out"),
        50_057 => barred("the account is disabled; an administrator can enable it in Entra"),
        50_034 => barred("there is no such account in the tenant; an administrator can restore it in Entra"),
        53_000..=53_011 | 530_000..=530_099 => barred(
            "a policy of conditional access forbids it; an administrator can exclude the application from it",
        ),
        90_094 | 90_095 | 90_097 => barred("an administrator has to approve the application first"),
        9_002_313 => ProviderError::Refused(with_number("Microsoft cannot read the request")).into(),
        _ => again("Microsoft does not accept it at the moment"),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_apart_by_what_can_be_done() {
        let secret = config::Credential::Secret("s3cret".into());
        let meaning = |status: u16, error: &str, number: u64| {
            let body = json!({"error": error, "error_codes": [number], "error_description": "AADSTS"});
            let status = StatusCode::from_u16(status).expect("status");
            refusal(&Denied { status, body: body.to_string().into_bytes(), ..Denied::default() }, &secret)
        };
        for (error, number, for_good, part) in [
            ("invalid_grant", 50_173, true, "password"),
            ("invalid_grant", 700_082, true, "not used"),
            ("invalid_grant", 70_008, true, "not used"),
            ("invalid_grant", 70_043, true, "more often"),
            ("invalid_grant", 65_001, true, "taken back"),
            ("interaction_required", 50_076, false, "second factor"),
            ("invalid_grant", 12_345, false, "AADSTS12345"),
        ] {
            let (text, over) = match meaning(400, error, number) {
                NotGranted::Ended(text) => (text, true),
                NotGranted::NotNow(ProviderError::NeedsConsent(text)) => (text, false),
                other => panic!("{other:?}"),
            };
            assert!(text.contains(part) && over == for_good, "{text}");
        }
        for (number, part) in
            [(53_003, "conditional access"), (50_057, "disabled"), (90_094, "administrator has to approve")]
        {
            let NotGranted::NotNow(ProviderError::Unreachable(text)) = meaning(400, "invalid_grant", number)
            else {
                panic!("{number}");
            };
            assert!(text.contains(part), "{text}");
        }
        for (status, error, number) in [
            (400, "invalid_grant", 9_002_313),
            (401, "invalid_client", 7_000_222),
            (400, "unauthorized_client", 700_016),
        ] {
            let refused = meaning(status, error, number);
            assert!(matches!(refused, NotGranted::NotNow(ProviderError::Refused(_))), "{number}");
        }
        let passes = meaning(503, "temporarily_unavailable", 90_033);
        assert!(matches!(passes, NotGranted::NotNow(ProviderError::Temporary(_))));
    }

    #[test]
    fn a_no_is_told_from_a_no_of_the_organisation() {
        for (error, description, number) in [
            ("access_denied", "AADSTS90094: The grant requires admin permission.", "AADSTS90094"),
            ("access_denied", "AADSTS65001: The user or administrator has not consented.", "AADSTS65001"),
            ("consent_required", "AADSTS90095: Admin consent is required.", "AADSTS90095"),
            ("interaction_required", "AADSTS50020: User account does not exist in tenant.", "AADSTS50020"),
        ] {
            let Unsaid::Administrator(said) = unsaid(error, description) else { panic!("{description}") };
            assert!(said.contains(number), "{said}");
        }
        assert!(matches!(unsaid("consent_required", ""), Unsaid::Administrator(_)));
        for description in ["AADSTS65004: User declined to consent to access the app.", ""] {
            assert_eq!(unsaid("access_denied", description), Unsaid::Declined);
        }
        assert_eq!(unsaid("a<b", "AADSTS7: x"), Unsaid::Other("ab, AADSTS7".to_owned()));
    }
}
