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

use crate::config::{self, Connection, GoogleAuth, Vendor};
use crate::domain::people::Address;
use crate::providers::{Budget, ProviderError, Throttler, Turn};
use crate::store::{Rate, Store, StoreError, Take};

mod mailboxes;

use mailboxes::Mailboxes;
pub use mailboxes::Share;

/// How long what was drawn from the database may be used: an instance that rests saves nothing up.
const KEEPS: Duration = Duration::from_secs(2);

/// How long to wait before the database is asked again when it failed.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// For how long a database that failed through all pauses is not asked again, and which part of the
/// rate this instance allows itself meanwhile.
const ALONE: Duration = Duration::from_secs(30);
const ALONE_PART: u32 = 10;

/// From this long on, waiting is worth a line in the log, and what the provider wants held is not
/// waited for.
const LONG: Duration = Duration::from_secs(10);

/// How often that is said.
const ONCE_IN: Duration = Duration::from_secs(60);

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
            Vendor::Google(google) => match &google.auth {
                GoogleAuth::ServiceAccount(key) => {
                    let key: Value = serde_json::from_str(key.expose_secret()).unwrap_or_default();
                    let text = |field: &str| key.get(field).and_then(Value::as_str);
                    format!("google/{}", text("project_id").or(text("client_email")).unwrap_or_default())
                }
                GoogleAuth::UserConsent(client) => format!("google/{}", client.client_id),
            },
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
pub struct Requests {
    store: Store,
    limit: Limit,
    mailboxes: Mailboxes,
    /// Locked by whoever draws or waits: the others queue up behind.
    purse: Mutex<Purse>,
}

impl Requests {
    pub fn new(store: Store, limit: Limit, share: Share) -> Self {
        Self { store, limit, mailboxes: Mailboxes::new(share), purse: Mutex::default() }
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
    async fn request(&self, mailbox: &Address) -> Result<Turn, ProviderError> {
        // First the mailbox's own: who waits for that is not to have taken from everybody's.
        let turn = self.mailboxes.turn(mailbox).await;
        self.pass().await?;
        Ok(turn)
    }
}

impl Requests {
    /// The provider wants no requests of anybody for a while.
    pub async fn hold(&self, wait: Duration, why: &str) -> Result<(), StoreError> {
        let name = &self.limit.name;
        if self.store.hold_budget(name, wait, why).await? {
            tracing::warn!(
                budget = name,
                wait_ms = wait.as_millis(),
                "nothing is asked through {name} for {} s: {why}",
                wait.as_secs()
            );
        }
        // What was drawn is not to be used, either. Who has the purse is drawing, and finds out.
        if let Ok(mut purse) = self.purse.try_lock() {
            purse.left = 0;
        }
        Ok(())
    }

    /// Waits in real time whatever clock the steps go by: the provider and the database do, too.
    async fn pass(&self) -> Result<(), ProviderError> {
        let began = Instant::now();
        let mut purse = self.purse.lock().await;
        let now = Instant::now();
        if purse.spend(now) {
            purse.told_at = self.tell_of(began, purse.told_at);
            return Ok(());
        }
        let n = purse.wanted(now, self.most());
        let mut pauses = PAUSES.iter();
        while !purse.is_alone(Instant::now()) {
            match self.store.take(&self.limit.name, self.limit.rate, n).await {
                Ok(Take::Taken) => {
                    purse.fill(n, Instant::now());
                    purse.spend(Instant::now());
                    purse.told_at = self.tell_of(began, purse.told_at);
                    return Ok(());
                }
                Ok(Take::Wait(wait)) => sleep(wait).await,
                Ok(Take::Held(wait, _)) if wait <= LONG => sleep(wait).await,
                Ok(Take::Held(wait, why)) => {
                    let (by, retry_after) = (Throttler::Connection(why), Some(wait));
                    return Err(ProviderError::Throttled { by, retry_after });
                }
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
        Ok(())
    }

    /// Says now and then that requests wait; returns when that was last said.
    fn tell_of(&self, began: Instant, told_at: Option<Instant>) -> Option<Instant> {
        let waited = began.elapsed();
        if waited <= LONG || told_at.is_some_and(|told| told.elapsed() < ONCE_IN) {
            return told_at;
        }
        tracing::info!(
            budget = self.limit.name,
            waited_ms = waited.as_millis(),
            "requests of {} wait {} s for their budget; `requests_per_minute` sets it",
            self.limit.name,
            waited.as_secs()
        );
        Some(Instant::now())
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
    /// When it was last said that requests wait.
    told_at: Option<Instant>,
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
        let told_at = self.told_at;
        *self = Self { left: n, drawn: n, lapses_at: Some(now + KEEPS), alone_until: None, told_at };
    }

    fn is_alone(&self, now: Instant) -> bool {
        self.alone_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::{Database, Google, Microsoft};

    #[test]
    fn no_minute_sees_more_than_its_limit() {
        for (limit, rate) in [
            (1, Rate { per_minute: 1, burst: 1 }),
            (2, Rate { per_minute: 2, burst: 1 }),
            (30, Rate { per_minute: 28, burst: 3 }),
            (6_000, Rate { per_minute: 5_401, burst: 600 }),
        ] {
            assert_eq!(Limit::new(String::new(), limit).rate, rate);
            // What was saved up, and what is earned before the minute is over.
            assert_eq!(rate.burst + rate.per_minute - 1, limit);
        }
    }

    fn google(key: &str) -> Vendor {
        let url = || "https://www.example.com/".parse().unwrap();
        let key = SecretString::from(key);
        let auth = GoogleAuth::ServiceAccount(key);
        Vendor::Google(Google { auth, api_url: url(), meet_url: url(), directory_url: url() })
    }

    fn microsoft(client_id: &str) -> Vendor {
        Vendor::Microsoft(Microsoft {
            tenant_id: "Tenant".into(),
            client_id: client_id.into(),
            credential: config::Credential::Secret("s3cret".into()),
            auth: config::MicrosoftAuth::ClientCredentials,
            graph_url: "https://graph.example.com/".parse().unwrap(),
            login_url: "https://login.example.com/".parse().unwrap(),
        })
    }

    #[test]
    fn budgets_are_named_by_what_is_counted_as_one() {
        let name = |connection: &str, vendor| {
            let timeout = Duration::from_secs(1);
            let name = connection.to_owned();
            let (domains, requests_per_minute) = (Vec::new(), 60);
            Limit::requests(&Connection { name, domains, vendor, timeout, requests_per_minute }).name
        };
        let project = r#"{"project_id": "p", "client_email": "a@b", "private_key": "s3cret"}"#;
        assert_eq!(name("acme", google(project)), "google/p");
        assert_eq!(name("acme", google(r#"{"client_email": "a@b"}"#)), "google/a@b");
        assert_eq!(name("acme", microsoft("Client")), "microsoft/tenant/client");
        assert_eq!(name("contoso", microsoft("client")), "microsoft/tenant/client");

        let name = |smtp_url: &str| {
            let from = "mentoring@acme.example".parse().unwrap();
            Limit::mails(&config::Mail { smtp_url: smtp_url.into(), from, max_per_minute: 30 }).name
        };
        let own = name("smtps://hr%40acme.example:s3cret@Mail.acme.example");
        assert!(own.starts_with("mail/mail.acme.example/") && !own.contains("hr"), "{own}");
        assert_eq!(own, name("smtp://hr%40acme.example:an0ther@mail.acme.example?tls=required"));
        assert_ne!(own, name("smtps://it%40acme.example:s3cret@mail.acme.example"));
        assert_ne!(own, name("smtps://hr%40acme.example:s3cret@mail.contoso.example"));
    }

    #[test]
    fn an_instance_draws_more_while_it_uses_it_up_in_time() {
        let mut purse = Purse::default();
        let mut now = Instant::now();
        let mut draws = Vec::new();
        for _ in 0..100 {
            if !purse.spend(now) {
                let n = purse.wanted(now, 20);
                draws.push(n);
                purse.fill(n, now);
                assert!(purse.spend(now));
            }
            now += Duration::from_millis(10);
        }
        assert_eq!(draws, [1, 2, 4, 8, 16, 20, 20, 20, 20]);
        // What was not used in time is lost, and next time it is careful again.
        assert!(purse.spend(now));
        now += KEEPS;
        assert!(purse.left > 0 && !purse.spend(now));
        assert_eq!(purse.wanted(now, 20), 1);
    }

    /// Nobody brought the schema up to date: there is nothing to count in.
    #[tokio::test]
    async fn a_database_that_fails_neither_stops_an_instance_nor_lets_it_run() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(folder.path().join("mentord.db"))).await.unwrap();
        let requests = Requests::new(
            store.clone(),
            Limit::new("google/p".into(), 6_000),
            Share { at_once: 10, per_minute: 600 },
        );
        let careful = requests.careful();
        assert!(careful > Duration::from_millis(100), "a tenth of what all together may");
        let begun = Instant::now();
        requests.pass().await.unwrap();
        assert!(begun.elapsed() >= PAUSES.iter().sum::<Duration>() + careful);
        let begun = Instant::now();
        for _ in 0..3 {
            requests.pass().await.unwrap();
        }
        assert!(begun.elapsed() >= careful * 3);
        assert!(requests.purse.lock().await.is_alone(Instant::now()));

        // Once it can be counted again, it is.
        store.migrate().await.unwrap();
        requests.purse.lock().await.alone_until = None;
        requests.pass().await.unwrap();
        assert_eq!(requests.purse.lock().await.drawn, 1);
    }
}
