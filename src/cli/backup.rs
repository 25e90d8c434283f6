//! `mentord backup`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::config::{self, Database};
use crate::pipeline::Context;

#[derive(Debug, Args)]
pub struct Options {
    /// The file to write; there must be none yet
    file: PathBuf,
    #[command(flatten)]
    config: WithConfig,
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    let file = &options.config.config;
    if let Database::Postgres(server) = config::load(file)?.database {
        return Err(Failure::new(format!(
            "mentord: {} is a PostgreSQL database: make the backup with `pg_dump`, and after restoring it \
             run `mentord restored --config {}` before the service starts",
            server.place(),
            file.display()
        )));
    }
    let context = common::look(file).await?;
    tokio::select! {
        done = common::closing(context, async |context| back_up(context, options).await) => done,
        // Nothing is left behind then, either.
        why = interrupted() => Err(why),
    }
}

async fn back_up(context: &Context, options: &Options) -> Result<(), Failure> {
    context.store.back_up(&options.file, context.clock.now()).await?;
    output::print(&format!("{} is a backup of {}", options.file.display(), context.store.place()))
}

async fn interrupted() -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    let signals =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    match signals {
        Ok((mut terminate, mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            Failure::new("mentord: interrupted: no backup was made")
        }
        Err(error) => Failure::internal(format!("mentord: signals cannot be received: {error}")),
    }
}
