//! `mentord sync`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokio::sync::mpsc;

use super::failure::Failure;
use super::{common, output};
use crate::config;
use crate::daemon::service;
use crate::domain::calendar::CalendarId;
use crate::pipeline::{self, Context, Happening, Outcome};
use crate::store::StoreError;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    let mut context = service::prepare(&config, common::clock()).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    context.listener = Some(sender);
    common::closing(context, async |context| sync(context, &mut receiver).await).await
}

async fn sync(context: &Context, receiver: &mut mpsc::UnboundedReceiver<Happening>) -> Result<(), Failure> {
    context.store.sync_all_now(context.clock.now()).await?;
    let planned_before = planned(context).await?;
    let mut summary = Summary::default();
    let mut hear = |summary: &mut Summary| {
        while let Ok(happening) = receiver.try_recv() {
            summary.count(&happening);
        }
    };
    // Every calendar once: where reading all of them takes longer than the interval, the first is
    // due again before the last was read.
    let mut seen = 0;
    while pipeline::sync::step(context).await? == Outcome::Done {
        hear(&mut summary);
        if summary.calendars.len() == seen {
            break;
        }
        seen = summary.calendars.len();
    }
    while rest(context).await? {}
    hear(&mut summary);
    let planned_now = planned(context).await?;
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
    /// Those that were tried.
    calendars: BTreeSet<CalendarId>,
    added: usize,
    changed: usize,
    gone: usize,
    failed: BTreeMap<CalendarId, String>,
    found: usize,
    moved: usize,
    judged: usize,
}

impl Summary {
    fn count(&mut self, happening: &Happening) {
        match happening {
            Happening::CalendarRead { calendar, added, changed, gone } => {
                self.calendars.insert(*calendar);
                self.added += added;
                self.changed += changed;
                self.gone += gone;
            }
            Happening::CalendarFailed { calendar, error } => {
                self.calendars.insert(*calendar);
                self.failed.insert(*calendar, error.clone());
            }
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
            self.calendars.len() - self.failed.len(),
            self.failed.len(),
            self.added,
            self.changed,
            self.gone,
            self.found,
            self.moved,
            self.judged,
        );
        for (calendar, error) in &self.failed {
            text += &format!("failed:    {calendar}: {error}\n");
        }
        text
    }
}
