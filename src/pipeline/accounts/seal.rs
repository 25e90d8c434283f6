//! Sealing tokens (XChaCha20-Poly1305), bound to whose they are.
//!
//! A sealed text is `1.KEY.DATA`: the form, the first bytes of the key's hash, and in base64 a random
//! nonce with what it sealed. The connection and the address are not in it, and without them nothing
//! opens: a row cannot be passed off for another one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngExt as _;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::config;
use crate::domain::people::Address;

const FORM: &str = "1";
const NONCE: usize = 24;

/// The keys, by the names that sealed texts call them.
pub struct Keyring {
    /// The first one seals. There is at least one.
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.keys.len()).finish()
    }
}

/// Why a sealed text stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error(
        "tokens are sealed with the key {0}, which is not in `[accounts] key_file`: add that key as a \
         further line, or have people consent again (`mentord connect ADDRESS`)"
    )]
    UnknownKey(String),
    #[error(
        "sealed tokens were changed, or are those of another account: have the person consent again \
         (`mentord connect ADDRESS`)"
    )]
    Spoilt,
}

/// Whose tokens they are.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub connection: &'a str,
    pub address: &'a Address,
}

impl Owner<'_> {
    fn bytes(self) -> Vec<u8> {
        format!("mentord account {FORM}\0{}\0{}", self.connection, self.address).into_bytes()
    }
}

impl Keyring {
    pub fn new(config: &config::Accounts) -> Self {
        let key = |key: &SecretBox<[u8; 32]>| {
            let bytes = key.expose_secret();
            let name = Sha256::digest(Sha256::digest(bytes));
            let name = name.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            (name, XChaCha20Poly1305::new(bytes.into()))
        };
        Self { keys: config.keys.iter().map(key).collect() }
    }

    /// Seals with the first key.
    pub fn seal(&self, text: &SecretString, owner: Owner<'_>) -> String {
        #[expect(clippy::disallowed_methods, reason = "a nonce that a seed could make again would be fatal")]
        let nonce: [u8; NONCE] = rand::rng().random();
        let (name, cipher) = &self.keys[0];
        let payload = Payload { msg: text.expose_secret().as_bytes(), aad: &owner.bytes() };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("only texts of 256 GiB and more cannot be sealed");
        format!("{FORM}.{name}.{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what one of the keys has sealed for this owner.
    pub fn open(&self, sealed: &str, owner: Owner<'_>) -> Result<SecretString, OpenError> {
        let mut parts = sealed.split('.');
        let (Some(FORM), Some(name), Some(data), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OpenError::Spoilt);
        };
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| OpenError::UnknownKey(name.to_owned()))?;
        let data = URL_SAFE_NO_PAD.decode(data).map_err(|_| OpenError::Spoilt)?;
        let (nonce, data) = data.split_at_checked(NONCE).ok_or(OpenError::Spoilt)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| OpenError::Spoilt)?;
        let payload = Payload { msg: data, aad: &owner.bytes() };
        let text = cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| OpenError::Spoilt)?;
        String::from_utf8(text).map(SecretString::from).map_err(|_| OpenError::Spoilt)
    }

    /// Whether the key that seals now has sealed this.
    pub fn is_newest(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1) == Some(self.keys[0].0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(keys: &[u8]) -> Keyring {
        let keys: Vec<_> = keys.iter().map(|byte| SecretBox::new(Box::new([*byte; 32]))).collect();
        Keyring::new(&config::Accounts { keys: keys.into() })
    }

    #[test]
    fn only_the_owner_and_a_known_key_open_what_was_sealed() {
        let (ada, ben) =
            (Address::parse("ada@acme.example").unwrap(), Address::parse("b@c.example").unwrap());
        let owner = |connection, address| Owner { connection, address };
        let old = keyring(&[1]);
        let sealed = old.seal(&"t0ken".into(), owner("acme", &ada));
        assert!(!sealed.contains("t0ken"));
        assert_ne!(sealed, old.seal(&"t0ken".into(), owner("acme", &ada)), "never the same twice");

        let both = keyring(&[2, 1]);
        assert_eq!(both.open(&sealed, owner("acme", &ada)).unwrap().expose_secret(), "t0ken");
        assert!(old.is_newest(&sealed) && !both.is_newest(&sealed));
        for (connection, address) in [("acme", &ben), ("contoso", &ada)] {
            assert_eq!(both.open(&sealed, owner(connection, address)).unwrap_err(), OpenError::Spoilt);
        }
        let only_new = keyring(&[2]);
        assert!(matches!(only_new.open(&sealed, owner("acme", &ada)), Err(OpenError::UnknownKey(_))));

        let (head, tail) = sealed.split_at(sealed.len() - 1);
        let other = if tail == "A" { "B" } else { "A" };
        for spoilt in [format!("{head}{other}"), format!("{sealed}.x"), "1..".to_owned(), String::new()] {
            assert!(old.open(&spoilt, owner("acme", &ada)).is_err(), "{spoilt}");
        }
        assert!(!format!("{both:?}").contains("[2"));
    }
}
