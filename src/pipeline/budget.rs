//! What all instances together may ask of a provider, and hand to a mail server: counted in the
//! database, so that more instances do not ask for more.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::config::{self, Connection, Vendor};
use crate::providers::Budget;
use crate::store::{Rate, Store, StoreError, Take};

/// How long what was drawn from the database may be used: an instance that rests saves nothing up.
const KEEPS: Duration = Duration::from_secs(2);

/// How long to wait before the database is asked again when it failed.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// For how long a database that failed through all pauses is not asked again, and which part of the
/// rate this instance allows itself meanwhile.
const ALONE: Duration = Duration::from_secs(30);
const ALONE_PART: u32 = 10;

/// From this long on, waiting is worth a line in the log.
const LONG: Duration = Duration::from_secs(10);

/// One budget: under which name it is counted, and how fast it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    name: String,
    rate: Rate,
}

impl Limit {
    /// A tenth at once and the rest over the minute, so that no minute sees more than `per_minute`.
    fn new(name: String, per_minute: u32) -> Self {
        let burst = (per_minute / 10).max(1);
        Self { name, rate: Rate { per_minute: per_minute.saturating_sub(burst) + 1, burst } }
    }

    /// The requests of a connection. Two connections share one budget where the provider counts them
    /// as one: Google by the project of the service account, Microsoft by tenant and application.
    pub fn requests(connection: &Connection) -> Self {
        let name = match &connection.vendor {
            Vendor::Google(google) => {
                let key: Value = serde_json::from_str(google.key.expose_secret()).unwrap_or_default();
                let text = |field: &str| key.get(field).and_then(Value::as_str);
                format!("google/{}", text("project_id").or(text("client_email")).unwrap_or_default())
            }
            Vendor::Microsoft(microsoft) => {
                format!("microsoft/{}/{}", microsoft.tenant_id, microsoft.client_id).to_lowercase()
            }
        };
        Self::new(name, connection.requests_per_minute)
    }

    /// The mails that a server takes from one user, whose name is nobody's business.
    pub fn mails(mail: &config::Mail) -> Self {
        let url = Url::parse(mail.smtp_url.expose_secret()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let user = Sha256::digest(url.as_ref().map_or("", Url::username));
        let user: String = user.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self::new(format!("mail/{host}/{user}").to_lowercase(), mail.max_per_minute)
    }

    /// Takes one, or says how long to wait.
    pub async fn take(&self, store: &Store) -> Result<Take, StoreError> {
        store.take(&self.name, self.rate, 1).await
    }
}

/// The requests that one connection of this instance may make.
pub(super) struct Requests {
    store: Store,
    limit: Limit,
    /// Locked by whoever draws or waits: the others queue up behind.
    purse: Mutex<Purse>,
}

impl Requests {
    pub fn new(store: Store, limit: Limit) -> Self {
        Self { store, limit, purse: Mutex::default() }
    }

    /// About as much as is earned in a second.
    fn most(&self) -> u32 {
        (self.limit.rate.per_minute / 60).clamp(1, self.limit.rate.burst)
    }

    /// The time between two requests while the database does not say what the other instances do.
    fn careful(&self) -> Duration {
        Duration::from_secs(60) * ALONE_PART / self.limit.rate.per_minute
    }
}

#[async_trait]
impl Budget for Requests {
    /// Waits in real time whatever clock the steps go by: the provider and the database do, too.
    async fn request(&self) {
        let mut purse = self.purse.lock().await;
        let began = Instant::now();
        if purse.spend(began) {
            return;
        }
        let n = purse.wanted(began, self.most());
        let mut pauses = PAUSES.iter();
        while !purse.is_alone(Instant::now()) {
            match self.store.take(&self.limit.name, self.limit.rate, n).await {
                Ok(Take::Taken) => {
                    purse.fill(n, Instant::now());
                    purse.spend(Instant::now());
                    let waited = began.elapsed();
                    if waited > LONG {
                        tracing::info!(
                            budget = self.limit.name,
                            waited_ms = waited.as_millis(),
                            "requests of {} wait for their budget; `requests_per_minute` sets it",
                            self.limit.name
                        );
                    }
                    return;
                }
                Ok(Take::Wait(wait)) => sleep(wait).await,
                Err(error) => match pauses.next() {
                    Some(pause) => sleep(*pause).await,
                    None => {
                        tracing::warn!(
                            budget = self.limit.name,
                            "the budget {} cannot be counted, and is used carefully for a while: {error}",
                            self.limit.name
                        );
                        purse.alone_until = Some(Instant::now() + ALONE);
                    }
                },
            }
        }
        sleep(self.careful()).await;
    }
}

/// What was drawn from the database and not used yet.
#[derive(Debug, Default)]
struct Purse {
    left: u32,
    drawn: u32,
    /// When what is left lapses.
    lapses_at: Option<Instant>,
    /// Until when the database is not asked.
    alone_until: Option<Instant>,
}

impl Purse {
    fn spend(&mut self, now: Instant) -> bool {
        let there = self.left > 0 && self.lapses_at.is_some_and(|at| now < at);
        if there {
            self.left -= 1;
        }
        there
    }

    /// How much to draw next: more and more, up to `most`, while it is used up in time. Who asks
    /// rarely draws one at a time and lets nothing lapse that others could have used.
    fn wanted(&self, now: Instant, most: u32) -> u32 {
        let used_up = self.left == 0 && self.lapses_at.is_some_and(|at| now < at);
        if used_up { self.drawn.saturating_mul(2).clamp(1, most) } else { 1 }
    }

    fn fill(&mut self, n: u32, now: Instant) {
        *self = Self { left: n, drawn: n, lapses_at: Some(now + KEEPS), alone_until: None };
    }

    fn is_alone(&self, now: Instant) -> bool {
        self.alone_until.is_some_and(|until| now < until)
    }
}
