//! One life of the service: from a configuration to a clean end.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Workers, systemd};
use crate::clock::Clock;
use crate::config::{self, Config, Problems};
use crate::pipeline::{Context, SetUpError};
use crate::store::StoreError;
use crate::web;

/// The longest that a worker sleeps without looking: what other processes do is seen by then.
const POLL: TimeDelta = TimeDelta::seconds(20);

/// The service, running.
pub struct Service {
    pub context: Context,
    pub workers: Workers,
    web: Option<Web>,
}

struct Web {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
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
    #[error("cannot listen on {address} ([web] listen): {why}")]
    Listen { address: std::net::SocketAddr, why: std::io::Error },
}

/// Opens everything that `config` names and brings the database up to it: schema, programs, rosters,
/// calendars. What `serve`, `sync` and `send` have in common; nobody is connected to yet.
pub async fn prepare(config: &Config, clock: Arc<dyn Clock>) -> Result<Context, StartError> {
    let context = Context::new(config, clock).await?;
    let roster = config::read_rosters(config)?;
    context.store.migrate().await?;
    let now = context.clock.now();
    context.register_programs().await?;
    let change = context.store.import_roster(&roster, now.date_naive(), "roster file", now, false).await?;
    if !change.is_empty() {
        let (added, changed) = (change.added.len(), change.changed.len());
        tracing::info!(added, changed, "rosters read: {added} added, {changed} changed");
    }
    context.register_calendars(config).await?;
    Ok(context)
}

impl Service {
    /// Starts the workers and the listener. When this returns the service is ready.
    pub async fn start(
        config: &Config,
        context: Context,
        poll: Option<TimeDelta>,
    ) -> Result<Self, StartError> {
        let web = match &config.web {
            Some(web) => Some(listen(web.listen, &context).await?),
            None => None,
        };
        let workers = Workers::start(&context, poll.unwrap_or(POLL));
        Ok(Self { context, workers, web })
    }

    /// Where the HTTP listener is, if there is one.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.web.as_ref().map(|web| web.address)
    }

    pub async fn stop(self) {
        self.workers.stop().await;
        if let Some(web) = self.web {
            web.stop.cancel();
            // It ends at once: requests are answered within milliseconds.
            let _ = web.task.await;
        }
        self.context.store.close().await;
    }
}

async fn listen(address: std::net::SocketAddr, context: &Context) -> Result<Web, StartError> {
    let failed = |why| StartError::Listen { address, why };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let (store, stop) = (context.store.clone(), stop.clone());
        async move { web::serve(listener, store, stop).await }
    });
    tracing::info!(%address, "listening on {address}");
    Ok(Web { address, stop, task })
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Stop,
    Reload,
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration and the rosters again. A new
/// configuration that is wrong is told and left aside.
pub async fn run(
    first: Config,
    reload: impl Fn() -> Result<Config, Problems>,
    clock: Arc<dyn Clock>,
) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let mut config = first;
    loop {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let context = prepare(&config, clock.clone()).await?;
        // SQLite has one service: what a dead one had in hand is free again.
        context.store.end_all_leases().await.map_err(StartError::from)?;
        let mut service = Service::start(&config, context, None).await?;
        systemd::ready(&format!(
            "{} programs, {} connections",
            config.programs.len(),
            config.connections.len()
        ));
        tracing::info!("ready");
        loop {
            match attend(&mut service, &mut signals).await? {
                Wish::Stop => {
                    systemd::stopping();
                    tracing::info!("stopping");
                    service.stop().await;
                    return Ok(());
                }
                Wish::Reload => match reload() {
                    Ok(new) => {
                        systemd::reloading();
                        tracing::info!("reloading");
                        config = new;
                        break;
                    }
                    Err(problems) => {
                        tracing::error!("the configuration was not reloaded, the old one stays:\n{problems}");
                    }
                },
            }
        }
        service.stop().await;
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
            () = pulse => systemd::alive(),
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
