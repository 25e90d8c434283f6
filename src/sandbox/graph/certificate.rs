//! How an application shows who it is: with its secret, or a statement signed with the key of a
//! certificate that was uploaded for it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::{Pkcs1v15Sign, Pss, PublicKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::login::refuse;
use crate::sandbox::control::wire::Provider;
use crate::sandbox::http::{All, Reply, Request, State};

/// How far the signer's clock may be off, in seconds.
const SKEW: u64 = 300;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A certificate that an administrator has uploaded.
pub struct Certificate {
    thumbprint: String,
    key: PublicKey,
}

impl Certificate {
    /// Reads a certificate in PEM; what else stands in the text is passed over.
    pub fn read(pem: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the certificate cannot be read: {why}");
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong("no PEM"))?;
        let parsed = ParsedCertificate::try_from(&der).map_err(|_| wrong("no certificate"))?;
        let key = PublicKey::from_public_key_der(&parsed.subject_public_key_info())
            .map_err(|_| wrong("no RSA key"))?;
        Ok(Self { thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)), key })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    nbf: u64,
    exp: u64,
}

/// Whether the request shows that it is the application.
pub fn shown(
    state: &State,
    all: &mut All,
    request: &Request,
    tenant: &str,
    basic_secret: Option<String>,
) -> Result<(), Reply> {
    let barred = all.barred.contains(&Provider::Microsoft);
    let Some(assertion) = request.form("client_assertion") else {
        let secret = request.form("client_secret").or(basic_secret);
        return match !barred && secret.as_deref() == Some(&state.microsoft.client_secret) {
            true => Ok(()),
            false => Err(refuse(401, "invalid_client", 7_000_215, "Invalid client secret provided.")),
        };
    };
    if request.form("client_assertion_type").as_deref() != Some(JWT_BEARER) {
        return Err(refuse(400, "invalid_request", 900_144, "client_assertion_type is missing or wrong."));
    }
    let claims = read(&assertion, if barred { &[] } else { &all.certificates })?;
    let ours = |claim: &str| claim == state.microsoft.client_id;
    if !ours(&claims.iss) || !ours(&claims.sub) {
        let told = "The subject or issuer of the assertion is not the application.";
        return Err(refuse(401, "invalid_client", 700_021, told));
    }
    if !claims.aud.ends_with(&format!("/{tenant}/oauth2/v2.0/token")) {
        return Err(refuse(
            401,
            "invalid_client",
            700_023,
            "Client assertion audience claim does not match.",
        ));
    }
    #[expect(clippy::disallowed_methods, reason = "clients sign with the machine's time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if claims.nbf > now + SKEW || claims.exp + SKEW < now || claims.exp < claims.nbf {
        let told = "Client assertion is not within its valid time range.";
        return Err(refuse(401, "invalid_client", 700_024, told));
    }
    // Every statement counts once.
    if claims.jti.is_empty() || !all.statements.insert(claims.jti) {
        return Err(refuse(401, "invalid_client", 700_021, "The assertion was used before."));
    }
    Ok(())
}

/// Checks form and signature of the statement.
fn read(assertion: &str, certificates: &[Certificate]) -> Result<Claims, Reply> {
    let bad = || {
        let told = "Client assertion contains an invalid signature. [Reason - The key was not found.]";
        refuse(401, "invalid_client", 700_027, told)
    };
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(bad)?;
    let (header, claims) = signed.split_once('.').ok_or_else(bad)?;
    let header: Header = part(header).ok_or_else(bad)?;
    let certificate = certificates
        .iter()
        .find(|certificate| Some(&certificate.thumbprint) == header.thumbprint.as_ref())
        .ok_or_else(bad)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| bad())?;
    let digest = Sha256::digest(signed.as_bytes());
    let verified = match header.alg.as_str() {
        "PS256" => certificate.key.verify(Pss::<Sha256>::new(), &digest, &signature),
        "RS256" => certificate.key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &signature),
        _ => return Err(bad()),
    };
    verified.map_err(|_| bad())?;
    part(claims).ok_or_else(bad)
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
