//! What the steps work with, made from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::Happening;
use super::accounts::consent::Pages;
use super::accounts::{Accounts, Keyring, reseal};
use super::budget::{Limit, Requests, Share};
use super::calendars::{self, Reach};
use crate::clock::Clock;
use crate::config::{self, Config, Connection, GoogleAuth, MicrosoftAuth, Vendor};
use crate::domain::program::Program;
use crate::notify::{Notifier, SmtpUrlError};
use crate::providers::consent::SignIn;
use crate::providers::google::{Google, consent::GoogleSignIn};
use crate::providers::microsoft::{Microsoft, consent::MicrosoftSignIn};
use crate::providers::{Budget, Provider, ProviderError, Throttler};
use crate::store::{Store, StoreError};

/// For how long a provider is asked nothing that does not say how long it wants to be left alone: what
/// it counts, it counts by the minute.
const USUAL_HOLD: Duration = Duration::from_secs(60);

/// Where providers' notices arrive, below the public address.
pub const NOTICES: &str = "notices";

/// What the steps work with. Made once, shared by all.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    /// By the connection's name.
    pub providers: Arc<BTreeMap<String, Arc<dyn Provider>>>,
    /// What may be asked through each of them, by the same names.
    pub budgets: Arc<BTreeMap<String, Arc<Requests>>>,
    /// Whom they reach.
    pub reach: Reach,
    /// Of the connections that rest on the consent of each person, by their name.
    pub accounts: Arc<BTreeMap<String, Accounts>>,
    /// What seals them; there where there are such connections.
    pub keys: Option<Arc<Keyring>>,
    /// On which day it was last looked which accounts belong to no calendar any more.
    pub accounts_seen_on: Arc<AtomicI32>,
    /// Where people consent; `None` without a public address.
    pub pages: Option<Pages>,
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
        let keys = config.accounts.as_ref().map(|accounts| Arc::new(Keyring::new(accounts)));
        let budgets = budgets(config, &store);
        let made = accounts(config, &store, keys.as_ref(), &clock)
            .and_then(|accounts| Ok((providers(config, &budgets, &accounts)?, accounts)));
        let (providers, accounts) = match made {
            Ok(made) => made,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        Ok(Self {
            store,
            providers: Arc::new(providers),
            budgets: Arc::new(budgets),
            reach: Reach::new(&config.connections),
            accounts: Arc::new(accounts),
            accounts_seen_on: Arc::new(AtomicI32::new(i32::MIN)),
            keys,
            pages: config.web.as_ref().and_then(|web| web.public_url.as_ref()).map(Pages::new),
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

    /// Tells the database whose calendars are to be read, and which are to be watched.
    pub async fn register_calendars(&self) -> Result<(), StoreError> {
        calendars::register(self).await
    }

    /// A provider asks to slow down. Where it means the whole connection, all instances do.
    pub(super) async fn slow_down(&self, connection: &str, error: &ProviderError) -> Result<(), StoreError> {
        let ProviderError::Throttled { by: Throttler::Connection(why), retry_after } = error else {
            return Ok(());
        };
        let Some(budget) = self.budgets.get(connection) else { return Ok(()) };
        budget.hold(retry_after.unwrap_or(USUAL_HOLD), why).await
    }

    /// Seals anew what an older key has sealed, and tells of what no key opens. That is for the service
    /// to do, as it starts: one that runs beside a command may not have the newest key yet.
    pub async fn seal_anew(&self) -> Result<(), StoreError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let (sealed, closed) = reseal(&self.store, keys).await?;
        if sealed > 0 {
            tracing::info!(accounts = sealed, "tokens of {sealed} accounts were sealed with the newest key");
        }
        if closed > 0 {
            tracing::warn!(
                accounts = closed,
                "tokens of {closed} accounts open with none of the keys in [accounts] key_file: put the key \
                 back that they were sealed with, or have people consent again (`mentord connect ADDRESS`)"
            );
        }
        Ok(())
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

/// The longest that a sign-in service may take to answer: longer than that nobody has the right to renew
/// tokens.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(45);

fn accounts(
    config: &Config,
    store: &Store,
    keys: Option<&Arc<Keyring>>,
    clock: &Arc<dyn Clock>,
) -> Result<BTreeMap<String, Accounts>, SetUpError> {
    let mut accounts = BTreeMap::new();
    let Some(keys) = keys else { return Ok(accounts) };
    for connection in &config.connections {
        let name = &connection.name;
        let wrong =
            |error: ProviderError| SetUpError::Connection { name: name.clone(), why: error.to_string() };
        let timeout = connection.timeout.min(LONGEST_SIGN_IN);
        let sign_in: Arc<dyn SignIn> = match &connection.vendor {
            Vendor::Google(google) => match &google.auth {
                GoogleAuth::ServiceAccount(_) => continue,
                GoogleAuth::UserConsent(client) => {
                    Arc::new(GoogleSignIn::new(client, timeout).map_err(wrong)?)
                }
            },
            Vendor::Microsoft(microsoft) => match microsoft.auth {
                MicrosoftAuth::ClientCredentials => continue,
                MicrosoftAuth::UserConsent => {
                    Arc::new(MicrosoftSignIn::new(microsoft, timeout).map_err(wrong)?)
                }
            },
        };
        accounts
            .insert(name.clone(), Accounts::new(name, store.clone(), keys.clone(), sign_in, clock.clone()));
    }
    Ok(accounts)
}

fn budgets(config: &Config, store: &Store) -> BTreeMap<String, Arc<Requests>> {
    let budget = |connection: &Connection| {
        let share = Share::of(&connection.vendor, connection.requests_per_minute);
        Requests::new(store.clone(), Limit::requests(connection), share)
    };
    let named = |connection: &Connection| (connection.name.clone(), Arc::new(budget(connection)));
    config.connections.iter().map(named).collect()
}

fn providers(
    config: &Config,
    budgets: &BTreeMap<String, Arc<Requests>>,
    accounts: &BTreeMap<String, Accounts>,
) -> Result<BTreeMap<String, Arc<dyn Provider>>, SetUpError> {
    let mut providers = BTreeMap::new();
    for connection in &config.connections {
        let Some(budget) = budgets.get(&connection.name) else { continue };
        let tokens = accounts.get(&connection.name).cloned();
        providers.insert(connection.name.clone(), provider(connection, budget.clone(), tokens)?);
    }
    Ok(providers)
}

fn provider(
    connection: &Connection,
    budget: Arc<dyn Budget>,
    tokens: Option<Accounts>,
) -> Result<Arc<dyn Provider>, SetUpError> {
    let (name, timeout) = (&connection.name, connection.timeout);
    let wrong = |why: String| SetUpError::Connection { name: name.clone(), why };
    Ok(match (&connection.vendor, tokens) {
        (Vendor::Google(google), tokens) => Arc::new(
            match tokens {
                None => Google::new(name, google, timeout, budget),
                Some(tokens) => Google::with_tokens(name, google, timeout, budget, Arc::new(tokens)),
            }
            .map_err(|error| wrong(error.to_string()))?,
        ),
        (Vendor::Microsoft(microsoft), tokens) => Arc::new(
            match tokens {
                None => Microsoft::new(name, microsoft, timeout, budget),
                Some(tokens) => Microsoft::with_tokens(name, microsoft, timeout, budget, Arc::new(tokens)),
            }
            .map_err(|error| wrong(error.to_string()))?,
        ),
    })
}
