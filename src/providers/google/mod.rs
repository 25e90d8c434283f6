//! Google Workspace: Calendar v3, Meet v2, and the directory for the names behind Meet's user ids.
//!
//! A service account with domain-wide delegation acts as one participant at a time, or each participant
//! consented for their own calendar. Nothing in here
//! retries (but for one new access token) or waits (but for its budget): errors say what is the
//! matter, and the caller decides.

mod answer;
mod auth;
mod client;
pub mod consent;
mod directory;
mod errors;
mod http;
mod map;
mod meet;
mod rest;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::directory::Directory;
use self::rest::Rest;
use crate::config;
use crate::domain::event::{Conference, ConferenceService, Event, Window};
use crate::domain::evidence::Call;
use crate::domain::people::Address;
use crate::providers::{Budget, Channel, Listing, Provider, ProviderError, Tokens, Wish};

/// The calendars of one Google Workspace organisation.
pub struct Google {
    name: String,
    calendar: client::Calendar,
    meet: meet::Meet,
}

/// Why a Google connection cannot even be tried. Nothing of the key is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error(
        "the service account's key is not JSON (line {0}, column {1}); use the file as Google's \
         console made it"
    )]
    NotJson(usize, usize),
    #[error(
        "the key file is not of the type `service_account`; make a JSON key of a service account \
         in Google's console, an OAuth client will not do"
    )]
    NotServiceAccount,
    #[error("the key file has no `{0}`; use the file as Google's console made it")]
    Missing(&'static str),
    #[error(
        "the `token_uri` of the key file is no address; it usually is \
         `https://oauth2.googleapis.com/token`"
    )]
    TokenUri,
    #[error(
        "the `private_key` of the key file is no RSA key in PEM; use the file as Google's console \
         made it"
    )]
    PrivateKey,
    #[error("`{0}` is no address of an API; it has to begin with `https://`")]
    Address(String),
    #[error("nobody's consent is kept: write [accounts] with `key_file`")]
    NoTokens,
    #[error("no HTTP client can be made: {0}")]
    Http(String),
}

impl Google {
    /// Checks the key and makes the HTTP clients; asks nobody anything. `name` is the connection's,
    /// `timeout` the longest that one request may take, once `budget` let it pass.
    pub fn new(
        name: impl Into<String>,
        config: &config::Google,
        timeout: Duration,
        budget: Arc<dyn Budget>,
    ) -> Result<Self, SetupError> {
        Self::made(name.into(), config, timeout, budget, None)
    }

    /// As [`Self::new`], with the tokens of the people who consented, which are used where the
    /// connection rests on that.
    pub fn with_tokens(
        name: impl Into<String>,
        config: &config::Google,
        timeout: Duration,
        budget: Arc<dyn Budget>,
        tokens: Arc<dyn Tokens>,
    ) -> Result<Self, SetupError> {
        Self::made(name.into(), config, timeout, budget, Some(tokens))
    }

    fn made(
        name: String,
        config: &config::Google,
        timeout: Duration,
        budget: Arc<dyn Budget>,
        tokens: Option<Arc<dyn Tokens>>,
    ) -> Result<Self, SetupError> {
        for url in [&config.api_url, &config.meet_url, &config.directory_url] {
            if url.cannot_be_a_base() || !matches!(url.scheme(), "http" | "https") {
                return Err(SetupError::Address(url.to_string()));
            }
        }
        let clients = http::Clients::new(timeout)?;
        let (auth, consented) = match (&config.auth, tokens) {
            (config::GoogleAuth::ServiceAccount(key), _) => {
                (auth::Auth::delegated(key, clients.token, timeout, budget)?, None)
            }
            (config::GoogleAuth::UserConsent(_), Some(tokens)) => {
                (auth::Auth::consented(tokens.clone(), budget), Some(tokens))
            }
            (config::GoogleAuth::UserConsent(_), None) => return Err(SetupError::NoTokens),
        };
        let auth = Arc::new(auth);
        let rest = Rest::new(clients.json, auth.clone());
        let directory = match consented {
            Some(tokens) => Directory::Consented(tokens),
            None => Directory::organisation(name.clone(), rest.clone(), config.directory_url.clone()),
        };
        Ok(Self {
            calendar: client::Calendar::new(clients.calendar, auth, &config.api_url, timeout),
            meet: meet::Meet::new(name.clone(), rest, config.meet_url.clone(), directory),
            name,
        })
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Google {
    async fn list(
        &self,
        mailbox: &Address,
        window: Window,
        cursor: Option<&str>,
    ) -> Result<Listing, ProviderError> {
        let listing = self.calendar.list(mailbox, window, cursor).await?;
        tracing::debug!(
            connection = self.name,
            mailbox = mailbox.masked(),
            full = cursor.is_none(),
            changes = listing.changes.len(),
            "calendar listed"
        );
        Ok(listing)
    }

    async fn look(&self, mailbox: &Address, key: &str) -> Result<Option<Event>, ProviderError> {
        self.calendar.look(mailbox, key).await
    }

    fn keeps_records_of(&self, service: ConferenceService) -> bool {
        service == ConferenceService::GoogleMeet
    }

    async fn calls(
        &self,
        mailbox: &Address,
        conference: &Conference,
        window: Window,
    ) -> Result<Vec<Call>, ProviderError> {
        match conference.service {
            ConferenceService::GoogleMeet => self.meet.calls(mailbox, &conference.key, window).await,
            ConferenceService::MicrosoftTeams | ConferenceService::Other => Ok(Vec::new()),
        }
    }

    async fn watch(&self, mailbox: &Address, wish: &Wish) -> Result<Channel, ProviderError> {
        self.calendar.watch(mailbox, wish).await
    }

    /// Google lets no channel last longer than it was opened for.
    async fn renew(
        &self,
        _mailbox: &Address,
        _channel: &Channel,
        _until: DateTime<Utc>,
    ) -> Result<Option<Channel>, ProviderError> {
        Ok(None)
    }

    async fn unwatch(&self, mailbox: &Address, channel: &Channel) -> Result<(), ProviderError> {
        self.calendar.unwatch(mailbox, channel).await
    }

    async fn probe(&self, mailbox: &Address) -> Result<(), ProviderError> {
        self.calendar.probe(mailbox).await
    }

    async fn probe_calls(&self, mailbox: &Address) -> Vec<ProviderError> {
        self.meet.probe(mailbox).await
    }
}
