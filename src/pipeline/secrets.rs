//! What only one party is to know, made and known again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use sha2::{Digest, Sha256};

/// 256 random bits, fit for a URL, a cookie, a PKCE verifier, and the name or token of a channel.
pub fn secret() -> String {
    #[expect(clippy::disallowed_methods, reason = "what a seed could make again would be no secret")]
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of a secret: its SHA-256 in hex, enough to know it again.
pub fn digest(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}
