//! `mentord roster import`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::config;
use crate::domain::roster::Entry;
use crate::pipeline::Context;
use crate::store::RosterChange;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or update participants and pairings from a CSV file; nothing is deleted
    Import(Import),
}

#[derive(Debug, Args)]
pub struct Import {
    /// The roster (CSV, UTF-8)
    file: PathBuf,
    #[command(flatten)]
    config: WithConfig,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(command: &Command) -> Result<(), Failure> {
    let Command::Import(options) = command;
    let config = config::load(&options.config.config)?;
    let entries = config::read_roster(&options.file, &config)?;
    let context = if options.dry_run {
        common::look(&options.config.config).await?
    } else {
        let context = Context::new(&config, common::clock()).await?;
        context.store.migrate().await?;
        context
    };
    common::closing(context, async |context| import(context, options, &entries).await).await
}

async fn import(context: &Context, options: &Import, entries: &[Entry]) -> Result<(), Failure> {
    context.register_programs().await?;
    let now = context.clock.now();
    let change =
        context.store.import_roster(entries, now.date_naive(), "roster import", now, options.dry_run).await?;
    if !options.dry_run {
        context.register_calendars().await?;
    }
    output::print(&describe(&change, options.dry_run))
}

fn describe(change: &RosterChange, dry_run: bool) -> String {
    let mut text = String::new();
    for added in &change.added {
        text += &format!("+ {added}\n");
    }
    for changed in &change.changed {
        text += &format!("~ {changed}\n");
    }
    let (added, changed, same) = (change.added.len(), change.changed.len(), change.unchanged);
    let tail = if dry_run { " (a dry run: nothing was written)" } else { "" };
    text + &format!("{added} added, {changed} changed, {same} as before{tail}")
}
