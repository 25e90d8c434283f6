//! `[accounts]`: with what the tokens of those who consented are sealed.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::check::Checker;
use super::secret::{Given, secret};
use super::{Connection, Web, raw, values};

/// The keys that tokens are sealed with.
#[derive(Clone)]
pub struct Accounts {
    /// The first one seals, the others still open. There is at least one.
    pub keys: Arc<[SecretBox<[u8; 32]>]>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("keys", &self.keys.len()).finish()
    }
}

const MAKE: &str = "make one with `openssl rand -base64 32 > accounts-key && chmod 600 accounts-key`";

pub fn check(raw: raw::Accounts, checker: &mut Checker<'_>) -> Option<Accounts> {
    let at = match raw.key {
        Some(_) => "accounts.key",
        None => "accounts.key_file",
    };
    if raw.key.is_none() && raw.key_file.is_none() {
        return checker.missing(at, &format!("key_file = \"accounts-key\"; {MAKE}"));
    }
    let key = secret("accounts", Given { key: "key", direct: raw.key, file: raw.key_file }, checker)?;
    match keys(&key) {
        Ok(keys) => Some(Accounts { keys }),
        Err(found) => {
            let remedy = format!("write one key in a line, the one to seal with first; {MAKE}");
            checker.refuse(at, &found, &remedy)
        }
    }
}

/// One key in a line; empty lines and comments are passed over. An error says what was found, and
/// nothing of the keys.
fn keys(text: &SecretString) -> Result<Arc<[SecretBox<[u8; 32]>]>, String> {
    let mut keys = Vec::new();
    for (index, line) in text.expose_secret().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let bytes = STANDARD
            .decode(line)
            .map_err(|_| format!("a key in line {number} that is not base64 (not shown)"))?;
        let length = bytes.len();
        let key: [u8; 32] = bytes.try_into().map_err(|_| {
            format!("a key of {length} bytes in line {number}, where 32 are needed (not shown)")
        })?;
        keys.push(SecretBox::new(Box::new(key)));
    }
    match keys.is_empty() {
        true => Err("no key".to_owned()),
        false => Ok(keys.into()),
    }
}

/// What consent needs besides its connection. `None`: there were problems with that already.
pub fn check_needs(
    connections: &[Connection],
    web: Option<&Option<Web>>,
    accounts: Option<&Option<Accounts>>,
    checker: &mut Checker<'_>,
) {
    let Some(connection) = connections.iter().find(|connection| connection.vendor.rests_on_consent()) else {
        return;
    };
    let why = format!("connection {:?} has auth = \"user_consent\"", connection.name);
    if let Some(None) = accounts {
        let example = format!("[accounts] with key_file = \"accounts-key\", since {why}; {MAKE}");
        checker.missing::<()>("accounts.key_file", &example);
    }
    let Some(web) = web else { return };
    let at = "web.public_url";
    match web.as_ref().and_then(|web| web.public_url.as_ref()) {
        None => {
            let example = format!(
                "[web] with public_url = \"https://mentoring.example.org\", where browsers reach mentord, \
                 since {why}"
            );
            checker.missing::<()>(at, &example);
        }
        Some(url) if url.scheme() == "http" && !values::is_loopback(url) => {
            let remedy = format!("write https://, since {why}: the providers send nobody to plain http");
            checker.problem(at, &format!("{:?}", url.as_str()), &remedy);
        }
        Some(_) => {}
    }
}
