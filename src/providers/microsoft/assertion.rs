//! By what an application shows Microsoft that it is the one that was registered: a secret, or a
//! statement signed with the key of its certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use rustls::SignatureScheme;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::{Certificate, Credential};
use crate::providers::ProviderError;

/// How long a statement is good for; Microsoft suggests five to ten minutes.
const LASTS: Duration = Duration::from_mins(10);
/// By how much this machine's clock may be ahead.
const AHEAD: Duration = Duration::from_mins(1);

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of a form that show who asks. `audience` is the token endpoint.
pub fn proof(
    credential: &Credential,
    client_id: &str,
    audience: &str,
) -> Result<Vec<(&'static str, SecretString)>, ProviderError> {
    Ok(match credential {
        Credential::Secret(secret) => vec![("client_secret", secret.clone())],
        Credential::Certificate(certificate) => vec![
            ("client_assertion_type", JWT_BEARER.into()),
            ("client_assertion", assertion(certificate, client_id, audience)?.into()),
        ],
    })
}

/// The statement, as "Application authentication certificate credentials" has it.
fn assertion(certificate: &Certificate, client_id: &str, audience: &str) -> Result<String, ProviderError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "Microsoft holds it against the true time, whatever ours is"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "what is unique must not come from a seed")]
    let id = rand::rng().random::<u128>();
    let header = json!({
        "alg": "PS256",
        "typ": "JWT",
        "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate.der)),
    });
    let claims = json!({
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": format!("{id:032x}"),
        "iat": now.as_secs(),
        "nbf": now.saturating_sub(AHEAD).as_secs(),
        "exp": (now + LASTS).as_secs(),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = certificate
        .key
        .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
        .and_then(|signer| signer.sign(signed.as_bytes()).ok())
        .ok_or_else(|| ProviderError::Refused("the certificate's key cannot sign".into()))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The fields of a form as it is sent.
pub fn exposed<'a>(proof: &'a [(&'static str, SecretString)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    proof.iter().map(|(name, value)| (*name, value.expose_secret()))
}
