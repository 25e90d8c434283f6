//! `mentord sync`

use std::path::Path;

use tokio::sync::mpsc;

use super::failure::Failure;
use super::{common, output};
use crate::config;
use crate::daemon::service;
use crate::pipeline::{self, Context, Happening, Outcome};
use crate::store::StoreError;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    let mut context = service::prepare(&config, common::clock()).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    context.listener = Some(sender);
    context.store.sync_all_now(context.clock.now()).await?;
    let planned_before = planned(&context).await?;
    while pipeline::sync::step(&context).await? == Outcome::Done {}
    while rest(&context).await? {}
    let mut summary = Summary::default();
    while let Ok(happening) = receiver.try_recv() {
        summary.count(&happening);
    }
    let planned_now = planned(&context).await?;
    output::print(&summary.text(planned_before, planned_now))?;
    match summary.failed.len() {
        0 => Ok(()),
        1 => Err(Failure::new("mentord: 1 calendar could not be read; `mentord calendars` tells why")),
        many => Err(Failure::new(format!(
            "mentord: {many} calendars could not be read; `mentord calendars` tells why"
        ))),
    }
}

/// Everything behind the reading, once; whether there was anything to do.
async fn rest(context: &Context) -> Result<bool, StoreError> {
    let outcomes = [
        pipeline::detect::step(context).await?,
        pipeline::conference::step(context).await?,
        pipeline::judge::step(context).await?,
        pipeline::plan::step(context).await?,
    ];
    Ok(outcomes.contains(&Outcome::Done))
}

async fn planned(context: &Context) -> Result<usize, StoreError> {
    let alerts = context.store.alerts(None).await?;
    Ok(alerts.iter().filter(|stored| stored.state == crate::domain::alert::AlertState::Planned).count())
}

#[derive(Default)]
struct Summary {
    read: usize,
    added: usize,
    changed: usize,
    gone: usize,
    failed: Vec<String>,
    found: usize,
    moved: usize,
    judged: usize,
}

impl Summary {
    fn count(&mut self, happening: &Happening) {
        match happening {
            Happening::CalendarRead { added, changed, gone, .. } => {
                self.read += 1;
                self.added += added;
                self.changed += changed;
                self.gone += gone;
            }
            Happening::CalendarFailed { calendar, error } => self.failed.push(format!("{calendar}: {error}")),
            Happening::SessionFound { .. } => self.found += 1,
            Happening::SessionMoved { .. } => self.moved += 1,
            Happening::Judged { .. } => self.judged += 1,
            Happening::AlertSent { .. }
            | Happening::AlertWithdrawn { .. }
            | Happening::AlertFailed { .. } => {}
        }
    }

    fn text(&self, planned_before: usize, planned_now: usize) -> String {
        let mut text = format!(
            "calendars: {} read, {} failed\nevents:    {} new, {} changed, {} gone\nsessions:  {} found, {} moved, {} judged anew\nalerts:    {planned_now} planned (before: {planned_before})\n",
            self.read,
            self.failed.len(),
            self.added,
            self.changed,
            self.gone,
            self.found,
            self.moved,
            self.judged,
        );
        for failed in &self.failed {
            text += &format!("failed:    {failed}\n");
        }
        text
    }
}
