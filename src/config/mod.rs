//! TOML, environment and secret files, read once and checked whole.
//!
//! This is the only module that reads files or the environment. What comes out is a [`Config`] in
//! which every value has been parsed and every secret is at hand; what is wrong comes out as a list
//! of all problems at once.

mod accounts;
mod certificate;
mod check;
mod connections;
mod database;
mod defaults;
mod fights;
mod mail;
mod problem;
mod programs;
mod raw;
mod read;
mod roster;
mod secret;
mod source;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use lettre::message::Mailbox;
use secrecy::SecretString;
use url::Url;

use crate::domain::program::Program;

pub use accounts::Accounts;
pub use certificate::Certificate;
pub use database::postgres;
pub use problem::{Problem, Problems};
pub use roster::{read_roster, read_rosters};

/// Reads and checks the configuration in `file`, with the environment over it.
///
/// Rosters are not read: that is [`read_rosters`], which `check`, `serve` and a reload do as well.
pub fn load(file: &Path) -> Result<Config, Problems> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
    let environment = std::env::vars_os();
    load_with(file, environment)
}

/// [`load`] with a given environment: `MENTORD__…` overrides and `CREDENTIALS_DIRECTORY`.
pub fn load_with(
    file: &Path,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, Problems> {
    let mut source = source::Source::read(file, environment.into_iter().collect())?;
    let tree = std::mem::take(&mut source.tree);
    let mut checker = check::Checker::new(&source);
    let raw = read::read(tree, "", &mut checker);
    match check::check(raw, &mut checker) {
        Some(config) => Ok(config),
        None => Err(checker.into_problems()),
    }
}

/// Everything that an operator can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub database: Database,
    /// `None`: no HTTP listener.
    pub web: Option<Web>,
    /// `None`: alerts are planned and never sent.
    pub mail: Option<Mail>,
    /// `None`: nobody's tokens are kept. There where a connection rests on consent.
    pub accounts: Option<Accounts>,
    pub sync: Sync,
    pub connections: Vec<Connection>,
    pub programs: Vec<ProgramSource>,
    /// What is allowed but probably not meant, to be logged at start.
    pub warnings: Vec<String>,
}

/// Where the data live.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file; relative paths are taken from the configuration's folder.
    Sqlite(PathBuf),
    Postgres(Postgres),
}

/// A database on a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database?sslmode=…`
    url: SecretString,
    /// Where it does not stand in the URL.
    pub password: Option<SecretString>,
    /// For messages: without user and password.
    place: String,
    /// Whether a connection without TLS is out of the question.
    encrypted: bool,
    /// Whether it is on this machine.
    near: bool,
    has_password: bool,
}

#[derive(Clone, Debug)]
pub struct Web {
    pub listen: SocketAddr,
    /// Where participants reach it, always with a slash at its end.
    pub public_url: Option<Url>,
}

#[derive(Clone, Debug)]
pub struct Mail {
    /// lettre's URL form, with the password already in it where there is one.
    pub smtp_url: SecretString,
    pub from: Mailbox,
    /// How many mails the server is given in a minute, by all instances together.
    pub max_per_minute: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// How often a calendar is read on which something rests; the others more rarely.
    pub interval: TimeDelta,
    /// How far back a first listing reaches.
    pub past: TimeDelta,
    /// How far ahead a first listing reaches.
    pub future: TimeDelta,
    /// How many calendars are read at the same time.
    pub concurrency: usize,
}

/// How one organisation's calendars are reached.
#[derive(Clone, Debug)]
pub struct Connection {
    pub name: String,
    /// Mail domains in lower case: participants with a main or other address in one of them have
    /// their calendar here.
    pub domains: Vec<String>,
    pub vendor: Vendor,
    /// The longest that one request may take.
    pub timeout: Duration,
    /// How many requests are made in a minute, by all instances together.
    pub requests_per_minute: u32,
}

#[derive(Clone, Debug)]
pub enum Vendor {
    Google(Google),
    Microsoft(Microsoft),
}

impl Vendor {
    /// Whether every participant has to consent.
    pub fn rests_on_consent(&self) -> bool {
        match self {
            Self::Google(google) => matches!(google.auth, GoogleAuth::UserConsent(_)),
            Self::Microsoft(microsoft) => microsoft.auth == MicrosoftAuth::UserConsent,
        }
    }
}

/// Google Calendar and Meet.
#[derive(Clone, Debug)]
pub struct Google {
    pub auth: GoogleAuth,
    /// `https://www.googleapis.com/calendar/v3/`, always with a slash at its end.
    pub api_url: Url,
    /// `https://meet.googleapis.com/`, always with a slash at its end.
    pub meet_url: Url,
    /// `https://admin.googleapis.com/admin/directory/v1/`, always with a slash at its end.
    pub directory_url: Url,
}

/// By whose leave calendars at Google are read.
#[derive(Clone, Debug)]
pub enum GoogleAuth {
    /// A service account with domain-wide delegation: its key file, as Google's console made it (JSON).
    ServiceAccount(SecretString),
    /// Each participant's own, given to this OAuth client.
    UserConsent(Box<GoogleClient>),
}

/// An OAuth client of the type “web application”.
#[derive(Clone, Debug)]
pub struct GoogleClient {
    pub client_id: String,
    pub client_secret: SecretString,
    /// `https://accounts.google.com/o/oauth2/v2/auth`
    pub auth_url: Url,
    /// `https://oauth2.googleapis.com/token`
    pub token_url: Url,
    /// `https://oauth2.googleapis.com/revoke`
    pub revoke_url: Url,
}

/// Microsoft 365 through a registered application.
#[derive(Clone, Debug)]
pub struct Microsoft {
    pub tenant_id: String,
    pub client_id: String,
    pub credential: Credential,
    pub auth: MicrosoftAuth,
    /// `https://graph.microsoft.com/v1.0`, without a slash at its end.
    pub graph_url: Url,
    /// `https://login.microsoftonline.com`, with a path only where one was written.
    pub login_url: Url,
}

/// By what an application shows that it is the one that was registered.
#[derive(Clone, Debug)]
pub enum Credential {
    Secret(SecretString),
    Certificate(Certificate),
}

/// By whose leave calendars at Microsoft 365 are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicrosoftAuth {
    /// The application's own permissions.
    ClientCredentials,
    /// Each participant's.
    UserConsent,
}

/// A program and where its roster is.
#[derive(Clone, Debug)]
pub struct ProgramSource {
    pub program: Program,
    pub roster: Option<PathBuf>,
}
