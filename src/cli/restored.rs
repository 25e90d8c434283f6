//! `mentord restored`

use clap::Args;

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::config;
use crate::pipeline::Context;
use crate::store::{InstanceState, StoreError};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    /// Afterwards, also while the service runs: say that nobody withdrew their consent after the backup
    /// was made, so that the consents that are held stand again
    #[arg(long)]
    nobody_withdrew: bool,
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    let file = &options.file.config;
    if options.nobody_withdrew {
        return common::closing(common::look(file).await?, trust).await;
    }
    let config = config::load(file)?;
    common::exists(&config, file)?;
    let context = Context::new(&config, common::clock()).await?;
    common::closing(context, declare).await
}

async fn trust(context: &Context) -> Result<(), Failure> {
    match context.store.trust_held("mentord restored", context.clock.now()).await? {
        0 => output::print("no consent was held"),
        1 => output::print("1 consent that was held stands again"),
        many => output::print(&format!("{many} consents that were held stand again")),
    }
}

async fn declare(context: &Context) -> Result<(), Failure> {
    let place = context.store.place();
    // On SQLite a service is kept out until this is done.
    let _hold = context.store.hold().map_err(|error| match error {
        StoreError::Held { .. } => {
            Failure::new(format!("mentord: a service is running on {place}: stop it, then run this again"))
        }
        error => error.into(),
    })?;
    // What was restored may be older than this binary.
    context.store.migrate().await?;
    let instances = context.store.instances().await?;
    if let Some(running) = instances.iter().find(|instance| instance.state == InstanceState::Running) {
        return Err(Failure::new(format!(
            "mentord: a service is running on {place} (host {}, process {}, last seen at {} UTC): stop it, \
             wait for half a minute if it did not end well, then run this again",
            running.host,
            running.pid,
            running.seen_at.format("%Y-%m-%d %H:%M:%S")
        )));
    }
    let restored = context.store.declare_restored("mentord restored", context.clock.now()).await?;
    output::print(&format!(
        "{place} counts as restored at {} UTC: what was due until then is not sent again ({} planned before){}",
        restored.restored_at.format("%Y-%m-%d %H:%M:%S"),
        match restored.settled {
            1 => "1 alert was".to_owned(),
            many => format!("{many} alerts were"),
        },
        match restored.held {
            0 => "",
            _ =>
                "; whether somebody has withdrawn their consent since the backup was made is not known, so consents \
                 are held (see --nobody-withdrew)",
        }
    ))
}
