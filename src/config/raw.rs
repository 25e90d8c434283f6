//! The configuration as it is written: names and TOML types, nothing parsed yet.
//!
//! Every key is optional here, so that one missing key does not hide what is wrong with the others.
//! List items are optional for the same reason: one of the wrong type is reported and becomes `None`.

use serde::Deserialize;
use serde_json::Value;

pub type List<T> = Option<Vec<Option<T>>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Raw {
    pub database: Option<Database>,
    pub web: Option<Web>,
    pub mail: Option<Mail>,
    pub accounts: Option<Accounts>,
    pub sync: Option<Sync>,
    /// Read as [`Google`] or [`Microsoft`] once `provider` and `auth` are known.
    pub connections: List<Value>,
    pub programs: List<Program>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Database {
    pub url: Option<String>,
    pub password: Option<String>,
    pub password_file: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Web {
    pub listen: Option<String>,
    pub public_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Mail {
    pub smtp_url: Option<String>,
    pub password: Option<String>,
    pub password_file: Option<String>,
    pub from: Option<String>,
    pub max_per_minute: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Accounts {
    pub key: Option<String>,
    pub key_file: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Sync {
    pub interval: Option<String>,
    pub past: Option<String>,
    pub future: Option<String>,
    pub concurrency: Option<i64>,
}

/// A connection whose kind is not known: what all kinds share is read, and the rest left alone, so
/// that a wrong tag brings no complaints about keys that may be right.
#[derive(Default, Deserialize)]
#[serde(expecting = "a table")]
pub struct Kind {
    pub name: Option<String>,
    pub provider: Option<String>,
    pub auth: Option<String>,
    pub domains: List<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Google {
    pub name: Option<String>,
    #[expect(dead_code, reason = "a tag: looked at before, and named here to be a known key")]
    pub provider: Option<String>,
    #[expect(dead_code, reason = "a tag, like `provider`")]
    pub auth: Option<String>,
    pub domains: List<String>,
    pub invitations: Option<bool>,
    pub timeout: Option<String>,
    pub requests_per_minute: Option<i64>,
    pub key: Option<String>,
    pub key_file: Option<String>,
    pub api_url: Option<String>,
    pub meet_url: Option<String>,
    pub directory_url: Option<String>,
}

/// Google with the consent of each person.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct GoogleConsent {
    pub name: Option<String>,
    #[expect(dead_code, reason = "a tag: looked at before, and named here to be a known key")]
    pub provider: Option<String>,
    #[expect(dead_code, reason = "a tag, like `provider`")]
    pub auth: Option<String>,
    pub domains: List<String>,
    pub invitations: Option<bool>,
    pub timeout: Option<String>,
    pub requests_per_minute: Option<i64>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub client_secret_file: Option<String>,
    pub auth_url: Option<String>,
    pub token_url: Option<String>,
    pub revoke_url: Option<String>,
    pub api_url: Option<String>,
    pub meet_url: Option<String>,
    pub directory_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Microsoft {
    pub name: Option<String>,
    #[expect(dead_code, reason = "a tag: looked at before, and named here to be a known key")]
    pub provider: Option<String>,
    #[expect(dead_code, reason = "a tag, like `provider`")]
    pub auth: Option<String>,
    pub domains: List<String>,
    pub invitations: Option<bool>,
    pub timeout: Option<String>,
    pub requests_per_minute: Option<i64>,
    pub tenant_id: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub client_secret_file: Option<String>,
    pub certificate: Option<String>,
    pub certificate_file: Option<String>,
    pub graph_url: Option<String>,
    pub login_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Program {
    pub name: Option<String>,
    pub title: Option<String>,
    pub timezone: Option<String>,
    pub managers: List<String>,
    pub roster: Option<String>,
    pub cadence: Option<String>,
    pub first_within: Option<String>,
    pub detect: Option<Detect>,
    pub judge: Option<Judge>,
    pub alerts: Option<Alerts>,
    pub digests: List<Digest>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Detect {
    pub words: List<String>,
    pub words_against: List<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Judge {
    pub grace: Option<String>,
    pub presume_held: Option<bool>,
    pub overlap: Option<String>,
    pub late_after: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Alerts {
    pub remind_before: List<String>,
    pub quiet_hours: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Digest {
    pub cron: Option<String>,
    pub to: List<String>,
}
