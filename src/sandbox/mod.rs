//! Stand-ins for Google Calendar, Google Meet, Microsoft Graph, the two sign-in services and a mail
//! server, all on loopback.
//!
//! The sandbox keeps a small world of people and meetings, shows it through the vendors' own APIs
//! (with their habits: pages, cursors, tombstones, stubs), and lets a test or the demo change the
//! world over HTTP under `/_sandbox`. It shares no code with the clients it is there to try.

mod access;
mod auth;
mod bell;
mod consents;
mod control;
mod cursors;
mod google;
mod graph;
mod http;
mod line;
mod notices;
mod smtp;
mod world;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use control::client::{Control, ControlError};
pub use control::wire::{
    Alteration, Conference, Fault, Join, Lifecycle, Mail, Mailbox, NewMeeting, NewPerson, NoticeRules,
    Notified, Occurrence, Person, Planned, Presence, Provider, Quirks, Removal, Response, TrueMeeting, Watch,
    Will,
};

/// How a sandbox begins.
#[derive(Debug, Clone)]
pub struct Options {
    /// The world's time until the control says otherwise.
    pub now: DateTime<Utc>,
    /// The most items a page of any listing holds.
    pub page_size: usize,
    /// Where received mails are written as `NNNN.eml`.
    pub mail_dir: Option<PathBuf>,
    /// Two sandboxes with the same seed and the same history make the same identifiers.
    pub seed: u64,
    /// Takes `http` addresses on loopback for notices, where the vendors demand `https`.
    pub plain_callbacks: bool,
}

impl Options {
    /// The usual options, at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now, page_size: 50, mail_dir: None, seed: 1, plain_callbacks: false }
    }
}

/// What an administrator gets when registering an application with Microsoft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicrosoftApp {
    /// The tenant, a GUID.
    pub tenant_id: String,
    /// The application, a GUID.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// An OAuth client of the type “web application”, as Google's console makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleClient {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// A running sandbox. Dropping it stops everything.
pub struct Sandbox {
    http: SocketAddr,
    smtp: SocketAddr,
    google_key_json: String,
    microsoft: MicrosoftApp,
    google_client: GoogleClient,
    _stop: DropGuard,
}

impl Sandbox {
    /// Binds two loopback ports and starts to serve.
    ///
    /// # Errors
    /// When a port cannot be bound, the signing key cannot be made, or `mail_dir` cannot be created.
    pub async fn start(options: Options) -> io::Result<Self> {
        if let Some(dir) = &options.mail_dir {
            tokio::fs::create_dir_all(dir).await?;
        }
        let key = tokio::task::spawn_blocking(auth::service_account_key)
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::other)?;
        let http_listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let smtp_listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let http = http_listener.local_addr()?;
        let smtp = smtp_listener.local_addr()?;
        let (outbox, waiting) = notices::Outbox::new();
        let state = Arc::new(http::State::new(&options, key, http, Arc::clone(&outbox)));
        let stop = CancellationToken::new();
        let google_key_json = auth::key_file(&state.base, key);
        let microsoft = state.microsoft.clone();
        let google_client = state.google_client.clone();

        tokio::spawn(smtp::serve(smtp_listener, Arc::clone(&state.post), stop.clone()));
        tokio::spawn(notices::deliver(outbox, waiting, stop.clone()));
        let router = http::router(state);
        let stopped = stop.clone();
        tokio::spawn(async move {
            let served = axum::serve(
                line::Door(http_listener),
                router.into_make_service_with_connect_info::<line::Cut>(),
            )
            .with_graceful_shutdown(stopped.cancelled_owned())
            .await;
            if let Err(error) = served {
                tracing::error!(%error, "the sandbox stopped serving");
            }
        });
        Ok(Self { http, smtp, google_key_json, microsoft, google_client, _stop: stop.drop_guard() })
    }

    /// The address of everything but mail, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Google Calendar v3.
    #[must_use]
    pub fn google_api_url(&self) -> String {
        format!("{}/calendar/v3/", self.url())
    }

    /// Google Meet; `v2/conferenceRecords` comes after it.
    #[must_use]
    pub fn meet_url(&self) -> String {
        format!("{}/meet/", self.url())
    }

    /// Google's Admin SDK Directory.
    #[must_use]
    pub fn directory_url(&self) -> String {
        format!("{}/admin/directory/v1/", self.url())
    }

    /// Microsoft Graph.
    #[must_use]
    pub fn graph_url(&self) -> String {
        format!("{}/v1.0", self.url())
    }

    /// Microsoft's login service; `{tenant}/oauth2/v2.0/token` comes after it.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!("{}/login", self.url())
    }

    /// The mail server: plain, without sign-in.
    #[must_use]
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}", self.smtp)
    }

    /// A service account's key file, as Google's console would hand it out.
    #[must_use]
    pub fn google_key_json(&self) -> String {
        self.google_key_json.clone()
    }

    /// The registered Microsoft application.
    #[must_use]
    pub fn microsoft_app(&self) -> MicrosoftApp {
        self.microsoft.clone()
    }

    /// The OAuth client for people who consent; any redirect address is registered for it.
    #[must_use]
    pub fn google_client(&self) -> GoogleClient {
        self.google_client.clone()
    }

    /// A client for the control endpoints.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.url())
    }
}
