//! `mentord send`

use std::path::Path;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::failure::{Failure, complain};
use super::{common, output};
use crate::config;
use crate::daemon::service;
use crate::domain::alert::AlertState;
use crate::pipeline::send::{Next, next};
use crate::pipeline::{self, Context, Happening};
use crate::store::StoredAlert;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    if config.mail.is_none() {
        return Err(Failure::new(format!(
            "mentord: {} has no [mail] section, so nothing can be sent: add one with `smtp_url` and `from`",
            file.display()
        )));
    }
    let mut context = service::prepare(&config, common::clock()).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    context.listener = Some(sender);
    let per_minute = config.mail.as_ref().map_or(0, |mail| mail.max_per_minute);
    common::closing(context, async |context| send(context, per_minute, &mut receiver).await).await
}

async fn send(
    context: &Context,
    per_minute: u32,
    receiver: &mut mpsc::UnboundedReceiver<Happening>,
) -> Result<(), Failure> {
    pipeline::digest::step(context).await?;
    // What is due by now, and once: where it takes minutes, what failed at first is due again before
    // the last was tried.
    let now = context.clock.now();
    let mut told = false;
    loop {
        match next(context, now).await? {
            Next::Seen => {}
            Next::Wait(wait) => {
                if !told {
                    let waiting = due(context, now).await?;
                    complain(&format!(
                        "{waiting} still to send: the mail server is given at most {per_minute} mails a \
                         minute ([mail] max_per_minute)"
                    ));
                    told = true;
                }
                tokio::time::sleep(wait).await;
            }
            Next::Nothing => break,
        }
    }
    let (mut sent, mut withdrawn, mut failed) = (0, 0, Vec::new());
    while let Ok(happening) = receiver.try_recv() {
        match happening {
            Happening::AlertSent { .. } => sent += 1,
            Happening::AlertWithdrawn { .. } => withdrawn += 1,
            Happening::AlertFailed { error, .. } => failed.push(error),
            Happening::CalendarRead { .. }
            | Happening::CalendarFailed { .. }
            | Happening::SessionFound { .. }
            | Happening::SessionMoved { .. }
            | Happening::Judged { .. } => {}
        }
    }
    output::print(&format!("{sent} sent, {withdrawn} withdrawn, {} not sent", failed.len()))?;
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(format!("mentord: {first}"))),
    }
}

async fn due(context: &Context, by: DateTime<Utc>) -> Result<usize, Failure> {
    let alerts = context.store.alerts(None).await?;
    let waits = |stored: &&StoredAlert| stored.state == AlertState::Planned && stored.alert.due_at <= by;
    Ok(alerts.iter().filter(waits).count())
}
