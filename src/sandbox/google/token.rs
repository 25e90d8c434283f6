//! Google's token endpoint for service accounts with domain-wide delegation.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::Pkcs1v15Sign;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::consent;
use crate::sandbox::auth::{GRANTED, Grant, LIFETIME, ServiceAccountKey};
use crate::sandbox::control::wire::Provider;
use crate::sandbox::http::{All, Reply, Request, State};

/// How far the signer's clock may be off, in seconds.
const SKEW: i64 = 300;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    aud: String,
    iat: i64,
    exp: i64,
}

pub fn answer(state: &State, all: &mut All, request: &Request) -> Reply {
    if request.method != "POST" {
        return Reply::new(404, json!({"error": "not_found"}));
    }
    if let Some(grant_type @ ("authorization_code" | "refresh_token")) = request.form("grant_type").as_deref()
    {
        return consent::token(state, all, request, grant_type);
    }
    if request.form("grant_type").as_deref() != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return refuse(400, "unsupported_grant_type", "Invalid grant_type");
    }
    let Some(assertion) = request.form("assertion") else {
        return refuse(400, "invalid_request", "Missing required parameter: assertion");
    };
    let claims = match read(&assertion, state.key) {
        Ok(claims) => claims,
        Err(reply) => return reply,
    };
    let now = world_or_real(all.world.now.timestamp(), &claims);
    let audience = claims.aud.strip_suffix('/').unwrap_or(&claims.aud);
    if !audience.ends_with("/google/token") && audience != "https://oauth2.googleapis.com/token" {
        return refuse(400, "invalid_grant", "Invalid JWT: Failed audience check.");
    }
    if claims.iss != state.key.email {
        return refuse(400, "invalid_grant", "Invalid grant: account not found");
    }
    if claims.exp - claims.iat > 3600 || claims.iat > now + SKEW || claims.exp < now - SKEW {
        return refuse(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        );
    }
    let scopes: Vec<String> =
        claims.scope.as_deref().unwrap_or_default().split_whitespace().map(str::to_string).collect();
    if scopes.is_empty() {
        return refuse(400, "invalid_scope", "Empty or missing scope not allowed.");
    }
    let Some(subject) = claims.sub else {
        return refuse(401, "unauthorized_client", UNAUTHORIZED);
    };
    if all.barred.contains(&Provider::Google) {
        return refuse(401, "unauthorized_client", UNAUTHORIZED);
    }
    let Some(person) = all.world.person(&subject).filter(|person| person.provider == Provider::Google) else {
        return refuse(400, "invalid_grant", "Invalid email or User ID");
    };
    if scopes.iter().any(|scope| !GRANTED.contains(&scope.as_str())) {
        return refuse(401, "unauthorized_client", UNAUTHORIZED);
    }
    let subject = person.address.clone();
    let token = format!("ya29.{}", all.world.mint.token());
    all.accounts.issue(token.clone(), Grant::Google { subject, scopes: scopes.clone() });
    Reply::ok(json!({
        "access_token": token,
        "expires_in": LIFETIME.as_secs(),
        "scope": scopes.join(" "),
        "token_type": "Bearer",
    }))
}

const UNAUTHORIZED: &str = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.";

/// The clock to measure an assertion by: the real one, or the world's when it was signed by that.
fn world_or_real(world: i64, claims: &Claims) -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "clients sign with the machine's time, whatever the world's is"
    )]
    let real = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default();
    if (claims.iat - world).abs() < (claims.iat - real).abs() { world } else { real }
}

/// Checks form and signature of the assertion.
fn read(assertion: &str, key: &ServiceAccountKey) -> Result<Claims, Reply> {
    let bad = || refuse(400, "invalid_grant", "Invalid JWT Signature.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(bad)?;
    let (header, claims) = signed.split_once('.').ok_or_else(bad)?;
    let header: Header = part(header).ok_or_else(bad)?;
    if header.alg != "RS256" || header.kid.is_some_and(|kid| kid != key.id) {
        return Err(bad());
    }
    let signature = URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')).map_err(|_| bad())?;
    let digest = Sha256::digest(signed.as_bytes());
    key.public.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &signature).map_err(|_| bad())?;
    part(claims).ok_or_else(|| refuse(400, "invalid_grant", "Invalid JWT: claims are missing or malformed."))
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_value(serde_json::from_slice::<Value>(&bytes).ok()?).ok()
}

pub fn refuse(status: u16, error: &str, description: &str) -> Reply {
    Reply::new(status, json!({"error": error, "error_description": description}))
}
