//! What people have consented to: codes on their way, and the refresh tokens that came of them.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sandbox::control::wire::{Provider, Will};
use crate::sandbox::http::{All, Reply, Request};

/// A code that waits to be redeemed; once.
pub struct Code {
    pub provider: Provider,
    pub redirect_uri: String,
    pub challenge: String,
    pub subject: String,
    pub scopes: Vec<String>,
    /// A refresh token comes with it.
    pub lasts: bool,
}

/// What a refresh token stands for.
#[derive(Clone)]
pub struct Consented {
    pub provider: Provider,
    pub subject: String,
    pub scopes: Vec<String>,
}

impl Consented {
    pub fn covers(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

/// Codes and refresh tokens.
#[derive(Default)]
pub struct Consents {
    /// How people answer when they are asked.
    pub will: Will,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Consented>,
}

impl Consents {
    pub fn wait(&mut self, code: String, waiting: Code) {
        self.codes.insert(code, waiting);
    }

    /// Redeems a code, which is then used up whether it fits or not.
    pub fn redeem(&mut self, request: &Request, provider: Provider) -> Option<Code> {
        let code = self.codes.remove(&request.form("code")?)?;
        let verifier = request.form("code_verifier")?;
        let fits = code.provider == provider
            && request.form("redirect_uri")? == code.redirect_uri
            && (43..=128).contains(&verifier.len())
            && URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)) == code.challenge;
        fits.then_some(code)
    }

    pub fn keep(&mut self, token: String, consented: Consented) {
        self.refresh.insert(token, consented);
    }

    pub fn find(&self, token: &str, provider: Provider) -> Option<Consented> {
        self.refresh.get(token).filter(|known| known.provider == provider).cloned()
    }

    pub fn forget(&mut self, token: &str) -> Option<Consented> {
        self.refresh.remove(token)
    }

    /// Everything that somebody has granted so far.
    pub fn granted_by(&self, subject: &str) -> Vec<String> {
        let own = self.refresh.values().filter(|known| known.subject == subject);
        own.flat_map(|known| known.scopes.clone()).collect()
    }

    /// Somebody takes back everything on their account's page.
    pub fn revoke(&mut self, subject: &str) {
        self.refresh.retain(|_, known| known.subject != subject);
    }
}

/// Who signs in on the vendor's page: whom the request hints at, unless somebody else means to.
pub fn subject(all: &All, request: &Request, provider: Provider) -> Option<(String, String)> {
    let hint = request.param("login_hint").unwrap_or_default();
    let who = all.consents.will.sign_in_as.as_deref().unwrap_or(hint);
    let person = all.world.person(who).filter(|person| person.provider == provider)?;
    Some((person.address.clone(), person.user_id.clone()))
}

/// Sends the browser back.
pub fn back(redirect_uri: &str, fields: &[(&str, &str)]) -> Reply {
    match url::Url::parse(redirect_uri) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(fields);
            Reply::new(302, Value::Null).with("location", url)
        }
        Err(_) => Reply::new(400, json!({"error": "redirect_uri_mismatch"})),
    }
}

/// What is wrong with a request for consent that no client should make.
pub fn malformed(request: &Request) -> Option<&'static str> {
    let is = |name: &str, value: &str| request.param(name) == Some(value);
    if !is("response_type", "code") {
        return Some("response_type");
    }
    if !is("code_challenge_method", "S256") || request.param("code_challenge").is_none_or(|c| c.len() != 43) {
        return Some("code_challenge");
    }
    if request.param("state").is_none_or(str::is_empty) {
        return Some("state");
    }
    None
}

/// An ID token, with what else it is to claim. Its signature is one in form only.
pub fn id_token(mut claims: Value, otherwise: &BTreeMap<String, Value>, signature: &str) -> String {
    for (name, value) in otherwise {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims))
}
