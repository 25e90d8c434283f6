//! `mentord demo`

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use tokio::sync::mpsc;

use super::failure::Failure;
use super::{common, output};
use crate::clock::{Clock as _, ManualClock};
use crate::config;
use crate::daemon::service::{Service, prepare};
use crate::pipeline::{Happening, report};
use crate::sandbox::{Control, Options as SandboxOptions, Sandbox};

mod narrator;
mod stage;
mod story;

use narrator::Narrator;
use story::Act;

#[derive(Debug, Args)]
pub struct Options {
    /// Where to put configuration, database and mails [default: a new folder for temporary files]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// How many weeks the programme lives.
const WEEKS: u64 = 6;

/// How long a day lasts when somebody watches.
const DAY_ON_TERMINAL: Duration = Duration::from_millis(400);

/// With nothing to wake them, workers look once a day.
const POLL: TimeDelta = TimeDelta::days(1);

/// Starts the sandbox, then the daemon that `serve` runs, and moves the clock on whenever all work is
/// done: only the configuration and the clock differ from a real installation.
pub async fn run(options: &Options) -> Result<(), Failure> {
    let now = common::clock().now();
    let (begin, end) = story::period(now, WEEKS);
    let dir = stage::folder(options.dir.as_deref(), now).map_err(failed)?;
    let sandbox = Sandbox::start(SandboxOptions {
        mail_dir: Some(dir.join("mails")),
        page_size: 20,
        ..SandboxOptions::at(begin)
    })
    .await
    .map_err(failed)?;
    let file = stage::set(&dir, &sandbox, begin).map_err(failed)?;
    let control = sandbox.control();
    let acts = story::prepare(&control, begin).await.map_err(failed)?;

    let config = config::load(&file)?;
    let clock = ManualClock::new(begin);
    let mut context = prepare(&config, Arc::new(clock.clone())).await?;
    let (sender, mut happenings) = mpsc::unbounded_channel();
    context.listener = Some(sender);
    output::print(&stage::opening(&dir, &sandbox, begin, end))?;
    let service = Service::start(context, Vec::new(), POLL);
    let mut narrator = Narrator::new(service.context.clone(), begin, WEEKS);
    let lived = live(&service, &control, &clock, &mut narrator, &mut happenings, acts, end).await;
    let ended = lived.and(finish(&service, &narrator, &file, &dir).await);
    service.stop().await;
    ended
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("mentord: the demo cannot go on: {error}"))
}

/// Lets time pass: from one moment at which something is due, or something happens in the world, to
/// the next.
async fn live(
    service: &Service,
    control: &Control,
    clock: &ManualClock,
    narrator: &mut Narrator,
    happenings: &mut mpsc::UnboundedReceiver<Happening>,
    acts: Vec<Act>,
    end: DateTime<Utc>,
) -> Result<(), Failure> {
    let watched = std::io::stdout().is_terminal();
    let mut acts = acts.into_iter().peekable();
    loop {
        let wake = service.workers.at_rest().await;
        let mut news = Vec::new();
        while let Ok(happening) = happenings.try_recv() {
            news.push(happening);
        }
        narrator.tell(clock.now(), news).await?;
        let next = [wake, acts.peek().map(|act| act.at)].into_iter().flatten().min().unwrap_or(end);
        if next >= end {
            clock.set(end);
            return Ok(());
        }
        if watched && next.date_naive() != clock.now().date_naive() {
            tokio::time::sleep(DAY_ON_TERMINAL).await;
        }
        control.clock(next).await.map_err(failed)?;
        while let Some(act) = acts.next_if(|act| act.at <= next) {
            act.perform(control).await.map_err(failed)?;
            narrator.world(next, &act)?;
        }
        clock.set(next);
    }
}

async fn finish(service: &Service, narrator: &Narrator, file: &Path, dir: &Path) -> Result<(), Failure> {
    let context = &service.context;
    let mut texts = Vec::new();
    for program in context.programs.iter() {
        let from = narrator.begin().date_naive();
        let made = report::make(context, program, Some(from), None).await?;
        texts.push(super::report::text(program, &made));
    }
    let example = context.store.sessions(&Default::default()).await?;
    let missed = example
        .iter()
        .find(|session| session.verdict.status == crate::domain::judge::Status::Missed)
        .or(example.first())
        .map_or_else(|| "SESSION-ID".to_owned(), |session| session.id.to_string());
    output::print(&format!("\n{}\n{}", texts.join("\n\n"), stage::closing(file, dir, &missed)))
}
