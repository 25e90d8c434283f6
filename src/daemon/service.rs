//! One life of the service: from a configuration to a clean end.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::select_all;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::presence::Presence;
use super::{Workers, clock_watch, systemd};
use crate::clock::Clock;
use crate::config::{self, Config, Problems};
use crate::domain::roster::Entry;
use crate::pipeline::{Context, SetUpError};
use crate::store::{Hold, RosterChange, StoreError};

/// The longest that a worker sleeps without looking, in milliseconds: what other instances and
/// commands do is seen by then. Each instance has its own, so that they do not look all at once.
const POLL_MS: std::ops::Range<i64> = 4_000..6_000;

/// No step takes this long, not even one that waits for a database to write down what was sent: a
/// worker that has not come back for as long never will.
const STUCK: Duration = Duration::from_secs(2 * 60 * 60);

/// The service, running.
pub struct Service {
    pub context: Context,
    pub workers: Workers,
    companions: Vec<Companion>,
}

/// A task that lives as long as the service and is none of its workers, like the HTTP listener.
pub struct Companion {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Companion {
    /// Starts a task that ends soon after it is told to.
    pub fn start<F: Future<Output = ()> + Send + 'static>(task: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(task(stop.clone()));
        Self { stop, task }
    }

    pub async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("a task beside the workers broke down: {error}");
        }
    }
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Configuration(#[from] Problems),
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{address} ([web] listen) cannot be listened on: {why}; name another address, or stop what has it"
    )]
    Listen { address: std::net::SocketAddr, why: std::io::Error },
}

/// Opens everything that `config` names and brings the database up to it: schema, programs, rosters,
/// calendars. What `serve`, `sync` and `send` have in common; nobody is connected to yet.
pub async fn prepare(config: &Config, clock: Arc<dyn Clock>) -> Result<Context, StartError> {
    let (roster, context) = open(config, clock).await?;
    bring_up(&context, &roster).await?;
    Ok(context)
}

async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<(Vec<Entry>, Context), StartError> {
    // First: a roster that is wrong leaves no trace.
    let roster = config::read_rosters(config)?;
    let context = Context::new(config, clock).await?;
    Ok((roster, context))
}

async fn bring_up(context: &Context, roster: &[Entry]) -> Result<(), StoreError> {
    context.store.migrate().await?;
    note_restoration(context).await?;
    context.register_programs().await?;
    let change = import(context, roster, false).await?;
    if !change.is_empty() {
        let (added, changed) = (change.added.len(), change.changed.len());
        tracing::info!(added, changed, "rosters read: {added} added, {changed} changed");
    }
    context.register_calendars().await
}

/// Before anything is planned or sent.
async fn note_restoration(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    if let Some(restored) = context.store.note_restoration("start", now).await? {
        let made_at = restored.backup_made_at.map(|at| format!(" of {} UTC", at.format("%Y-%m-%d %H:%M")));
        tracing::warn!(
            alerts = restored.settled,
            held = restored.held,
            "the database is a backup{}: what was due until now may have been sent and is not sent again \
             ({} alerts), and who withdrew since is not known in it ({} consents are held)",
            made_at.unwrap_or_default(),
            restored.settled,
            restored.held
        );
    }
    Ok(())
}

async fn import(context: &Context, roster: &[Entry], dry_run: bool) -> Result<RosterChange, StoreError> {
    let now = context.clock.now();
    context.store.import_roster(roster, now.date_naive(), "roster file", now, dry_run).await
}

impl Service {
    /// Starts the workers. `poll` is the longest that any of them sleeps without looking.
    pub fn start(context: Context, companions: Vec<Companion>, poll: TimeDelta) -> Self {
        let workers = Workers::start(&context, poll);
        Self { context, workers, companions }
    }

    pub async fn stop(self) {
        self.workers.stop().await;
        for companion in self.companions {
            companion.end().await;
        }
        self.context.store.close().await;
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Stop,
    Reload,
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration and the rosters again. What cannot be
/// used of a new configuration is told, and the old one stays. `accompany` starts what runs beside
/// the workers; the service is ready when that is.
pub async fn run(
    first: Config,
    reload: impl Fn() -> Result<Config, Problems>,
    accompany: impl AsyncFn(&Config, &Context) -> Result<Vec<Companion>, StartError>,
    clock: Arc<dyn Clock>,
) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let (roster, context) = open(&first, clock.clone()).await?;
    let mut hold = context.store.hold().map_err(StartError::from)?;
    bring_up(&context, &roster).await.map_err(StartError::from)?;
    context.seal_anew().await.map_err(StartError::from)?;
    context.store.free_what_was_in_hand(&hold).await.map_err(StartError::from)?;
    let companions = accompany(&first, &context).await?;
    let presence = Presence::new();
    let mut service = begin(&first, context, companions, &presence).await?;
    loop {
        match attend(&mut service, &mut signals).await? {
            Wish::Stop => {
                systemd::stopping();
                tracing::info!("stopping");
                service.stop().await;
                return Ok(());
            }
            Wish::Reload => match next(&reload, &accompany, clock.clone(), &hold).await {
                Ok(next) => {
                    systemd::reloading();
                    tracing::info!("reloading");
                    service.stop().await;
                    // Only now: the old workers know nothing of new programs.
                    bring_up(&next.context, &next.roster).await.map_err(StartError::from)?;
                    next.context.seal_anew().await.map_err(StartError::from)?;
                    service = begin(&next.config, next.context, next.companions, &presence).await?;
                    hold = next.hold.unwrap_or(hold);
                }
                Err(error) => {
                    tracing::error!("the configuration was not reloaded, the old one stays: {error}");
                }
            },
        }
    }
}

async fn begin(
    config: &Config,
    context: Context,
    mut companions: Vec<Companion>,
    presence: &Presence,
) -> Result<Service, StartError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    companions.push(presence.begin(&context.store).await);
    #[expect(
        clippy::disallowed_methods,
        reason = "only the real service polls by chance; tests say how often"
    )]
    let poll = TimeDelta::milliseconds(rand::random_range(POLL_MS));
    let mut service = Service::start(context, companions, poll);
    let (store, clock) = (service.context.store.clone(), service.context.clock.clone());
    let board = service.workers.board().clone();
    service.companions.push(Companion::start(|stop| clock_watch::watch(store, board, clock, stop)));
    let (programs, connections) = (config.programs.len(), config.connections.len());
    systemd::ready(&format!("{}, {}", count(programs, "program"), count(connections, "connection")));
    tracing::info!("ready");
    Ok(service)
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// All that the service needs to live on with a new configuration.
struct Next {
    config: Config,
    roster: Vec<Entry>,
    context: Context,
    companions: Vec<Companion>,
    /// Where the database is another one than before.
    hold: Option<Hold>,
}

/// Tries everything about a new configuration that can fail, while the old one is still in use.
async fn next(
    reload: impl Fn() -> Result<Config, Problems>,
    accompany: impl AsyncFn(&Config, &Context) -> Result<Vec<Companion>, StartError>,
    clock: Arc<dyn Clock>,
    held: &Hold,
) -> Result<Next, StartError> {
    let config = reload()?;
    let (roster, context) = open(&config, clock).await?;
    let tried = async {
        let hold = if context.store.is_held_by(held) { None } else { Some(context.store.hold()?) };
        context.store.migrate().await?;
        context.register_programs().await?;
        import(&context, &roster, true).await?;
        let companions = accompany(&config, &context).await?;
        Ok((companions, hold))
    };
    match tried.await {
        Ok((companions, hold)) => Ok(Next { config, roster, context, companions, hold }),
        Err(error) => {
            context.store.close().await;
            Err(error)
        }
    }
}

/// Returns when a task beside the workers ends though nobody told it to.
async fn broken(companions: &mut [Companion]) -> String {
    if companions.is_empty() {
        return std::future::pending().await;
    }
    let (ended, _, _) = select_all(companions.iter_mut().map(|companion| &mut companion.task)).await;
    match ended {
        Err(error) => format!("a task beside the workers broke down: {error}"),
        Ok(()) => "a task beside the workers stopped by itself".to_owned(),
    }
}

/// Why the service ended otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error("{0}")]
    Broken(String),
}

/// Waits for a signal, and tells systemd meanwhile that the service is alive.
async fn attend(service: &mut Service, signals: &mut Signals) -> Result<Wish, RunError> {
    let pause = systemd::watchdog().map(|limit| limit / 3);
    loop {
        let pulse = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            wish = signals.next() => return Ok(wish),
            why = service.workers.broken() => return Err(RunError::Broken(why)),
            why = broken(&mut service.companions) => return Err(RunError::Broken(why)),
            () = pulse => match service.workers.board().busy(STUCK).as_slice() {
                [] => systemd::alive(),
                // systemd ends the process and starts it again.
                stuck => tracing::error!(workers = ?stuck, "workers are stuck: {}", stuck.join(", ")),
            },
        }
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}
