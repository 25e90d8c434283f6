//! Keys and access tokens: who may see what, and until when.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::{PrivateKey, PublicKey};
use serde_json::json;

use crate::sandbox::control::wire::Provider;
use crate::sandbox::world::ids::{hash, lower_hex};

/// The scopes that the administrator of the sandbox's Google domain has granted.
pub const GRANTED: [&str; 4] = [
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/meetings.space.readonly",
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
];

/// How long a token lives.
pub const LIFETIME: Duration = Duration::from_secs(3599);

/// The service account's key pair.
pub struct ServiceAccountKey {
    pub id: String,
    pub email: String,
    pub public: PublicKey,
    pem: String,
}

/// The key of this process, made on first use.
pub fn service_account_key() -> Result<&'static ServiceAccountKey, String> {
    static KEY: OnceLock<Result<ServiceAccountKey, String>> = OnceLock::new();
    KEY.get_or_init(make_key).as_ref().map_err(Clone::clone)
}

fn make_key() -> Result<ServiceAccountKey, String> {
    #[expect(clippy::disallowed_methods, reason = "a key that a seed could make again would be none")]
    let mut random = rand::rng();
    let private = PrivateKey::new(&mut random, 2048)
        .map_err(|error| format!("the service account's key cannot be made: {error}"))?;
    let pem = private
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| format!("the service account's key cannot be written: {error}"))?
        .to_string();
    Ok(ServiceAccountKey {
        id: lower_hex(&hash(&[pem.as_bytes()])[..20]),
        email: "mentord@sandbox-project.iam.gserviceaccount.com".into(),
        public: private.to_public_key(),
        pem,
    })
}

/// The key file of the service account, with the sandbox as its token endpoint.
pub fn key_file(base: &str, key: &ServiceAccountKey) -> String {
    let file = json!({
        "type": "service_account",
        "project_id": "sandbox-project",
        "private_key_id": key.id,
        "private_key": key.pem,
        "client_email": key.email,
        "client_id": "104211111111111111111",
        "auth_uri": format!("{base}/google/auth"),
        "token_uri": format!("{base}/google/token"),
        "universe_domain": "googleapis.com",
    });
    format!("{file:#}")
}

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    Google {
        subject: String,
        scopes: Vec<String>,
    },
    Microsoft,
    /// Somebody consented.
    MicrosoftUser {
        subject: String,
        scopes: Vec<String>,
    },
}

/// The tokens that were handed out.
#[derive(Default)]
pub struct Accounts {
    tokens: HashMap<String, (Grant, Instant)>,
}

impl Accounts {
    pub fn issue(&mut self, token: String, grant: Grant) {
        let now = Instant::now();
        self.tokens.retain(|_, (_, until)| *until > now);
        self.tokens.insert(token, (grant, now + LIFETIME));
    }

    pub fn find(&self, token: Option<&str>) -> Option<&Grant> {
        let (grant, until) = self.tokens.get(token?)?;
        (*until > Instant::now()).then_some(grant)
    }

    /// Every token of one person stops to open anything.
    pub fn revoke_of(&mut self, person: &str) {
        self.tokens.retain(|_, (grant, _)| match grant {
            Grant::Google { subject, .. } | Grant::MicrosoftUser { subject, .. } => subject != person,
            Grant::Microsoft => true,
        });
    }

    /// The tokens with which somebody's calendar is read stop to open anything; those of Microsoft's
    /// application are everybody's there.
    pub fn revoke_readers_of(&mut self, address: &str, provider: Provider) {
        self.revoke_of(address);
        self.tokens.retain(|_, (grant, _)| match grant {
            Grant::Google { .. } | Grant::MicrosoftUser { .. } => true,
            Grant::Microsoft => provider != Provider::Microsoft,
        });
    }

    /// Every token handed out so far stops to open anything.
    pub fn revoke(&mut self) {
        self.tokens.clear();
    }
}
