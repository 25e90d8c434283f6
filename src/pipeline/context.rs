//! What the steps work with, made from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use url::Url;

use super::Happening;
use super::budget::{Limit, Requests};
use crate::clock::Clock;
use crate::config::{self, Config, Connection, Vendor};
use crate::domain::people::{Address, Participant, ParticipantId};
use crate::domain::program::Program;
use crate::notify::{Notifier, SmtpUrlError};
use crate::providers::{Budget, Provider, google::Google, microsoft::Microsoft};
use crate::store::{Store, StoreError};

/// Where providers' notices arrive, below the public address.
pub const NOTICES: &str = "notices";

/// What the steps work with. Made once, shared by all.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    /// By the connection's name.
    pub providers: Arc<BTreeMap<String, Arc<dyn Provider>>>,
    pub programs: Arc<Vec<Program>>,
    /// `None`: alerts are planned and never sent.
    pub notifier: Option<Arc<Notifier>>,
    /// How fast mails may be handed over; there is one where there is a notifier.
    pub mails: Option<Limit>,
    pub clock: Arc<dyn Clock>,
    pub sync: config::Sync,
    /// Where providers are to send their notices; `None` where nobody can reach this service.
    pub notices: Option<Url>,
    /// Who wants to hear what happens, as it happens.
    pub listener: Option<mpsc::UnboundedSender<Happening>>,
}

/// Why mentord cannot begin to work.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("connection “{name}”: {why}")]
    Connection { name: String, why: String },
    #[error(transparent)]
    Mail(#[from] SmtpUrlError),
}

impl Context {
    /// Opens the database and makes the clients; connects to nobody and changes nothing.
    pub async fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        let notifier = config.mail.as_ref().map(Notifier::new).transpose()?.map(Arc::new);
        let store = Store::open(&config.database).await?;
        let providers = match providers(config, &store) {
            Ok(providers) => providers,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        Ok(Self {
            store,
            providers: Arc::new(providers),
            programs: Arc::new(config.programs.iter().map(|source| source.program.clone()).collect()),
            notifier,
            mails: config.mail.as_ref().map(Limit::mails),
            clock,
            sync: config.sync.clone(),
            notices: notices(config),
            listener: None,
        })
    }

    /// Tells the database which programs there are.
    pub async fn register_programs(&self) -> Result<(), StoreError> {
        let programs: Vec<(&str, &str)> =
            self.programs.iter().map(|program| (program.name.as_str(), program.title.as_str())).collect();
        self.store.ensure_programs(&programs).await
    }

    /// Tells the database which participants have a calendar through which connection.
    pub async fn register_calendars(&self, config: &Config) -> Result<(), StoreError> {
        let participants = self.store.participants().await?;
        let now = self.clock.now();
        self.store.ensure_calendars(&calendars(&config.connections, &participants), now).await?;
        self.store.watch_calendars(self.notices.is_some(), now).await
    }

    pub(super) fn tell(&self, happening: Happening) {
        if let Some(listener) = &self.listener {
            // Nobody has to listen.
            let _ = listener.send(happening);
        }
    }

    /// The program of that name, while it is configured.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }
}

/// Below the address under which others reach this service.
fn notices(config: &Config) -> Option<Url> {
    config.web.as_ref()?.public_url.as_ref()?.join(NOTICES).ok()
}

fn providers(config: &Config, store: &Store) -> Result<BTreeMap<String, Arc<dyn Provider>>, SetUpError> {
    let mut providers = BTreeMap::new();
    for connection in &config.connections {
        let budget = Requests::new(store.clone(), Limit::requests(connection));
        providers.insert(connection.name.clone(), provider(connection, Arc::new(budget))?);
    }
    Ok(providers)
}

fn provider(connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Provider>, SetUpError> {
    let wrong = |why: String| SetUpError::Connection { name: connection.name.clone(), why };
    Ok(match &connection.vendor {
        Vendor::Google(google) => Arc::new(
            Google::new(&connection.name, google, connection.timeout, budget)
                .map_err(|error| wrong(error.to_string()))?,
        ),
        Vendor::Microsoft(microsoft) => Arc::new(
            Microsoft::new(&connection.name, microsoft, connection.timeout, budget)
                .map_err(|error| wrong(error.to_string()))?,
        ),
    })
}

/// The calendars that the connections reach: of everybody with an address in one of a connection's
/// domains, by the first such address.
fn calendars<'a>(
    connections: &'a [Connection],
    participants: &[Participant],
) -> Vec<(&'a str, ParticipantId, Address)> {
    let mut calendars = Vec::new();
    for connection in connections {
        for participant in participants {
            let within =
                |address: &&Address| connection.domains.iter().any(|domain| domain == address.domain());
            if let Some(address) = participant.addresses.iter().find(within) {
                calendars.push((connection.name.as_str(), participant.id, address.clone()));
            }
        }
    }
    calendars
}
