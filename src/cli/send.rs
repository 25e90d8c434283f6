//! `mentord send`

use std::path::Path;

use tokio::sync::mpsc;

use super::failure::Failure;
use super::{common, output};
use crate::config;
use crate::daemon::service;
use crate::pipeline::{self, Context, Happening, Outcome};

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
    common::closing(context, async |context| send(context, &mut receiver).await).await
}

async fn send(context: &Context, receiver: &mut mpsc::UnboundedReceiver<Happening>) -> Result<(), Failure> {
    pipeline::digest::step(context).await?;
    while pipeline::send::step(context).await? == Outcome::Done {}
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
