//! The command line: one file per command.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod alerts;
mod backup;
mod calendars;
mod check;
mod common;
mod connect;
mod demo;
mod explain;
mod failure;
mod logging;
mod migrate;
mod output;
mod pairings;
mod report;
mod restored;
mod roster;
mod send;
mod serve;
mod sessions;
mod status;
mod sync;

use failure::Failure;

/// Knows, with evidence, whether mentoring sessions took place.
///
/// mentord reads Google and Microsoft 365 calendars, finds the mentoring sessions on them, records
/// who really came, and writes reminders and alerts. `mentord demo` shows all of it and needs nothing.
#[derive(Debug, Parser)]
#[command(name = "mentord", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    logging: logging::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run as a service, until SIGTERM; SIGHUP reads configuration and rosters again
    Serve(WithConfig),
    /// Check the configuration as `serve` would read it
    Check(check::Options),
    /// Read every calendar once now, detect, judge and plan; sends nothing
    Sync(WithConfig),
    /// Send what is due now
    Send(WithConfig),
    /// Who mentors whom
    #[command(subcommand)]
    Roster(roster::Command),
    /// List sessions and what became of them
    Sessions(List),
    /// List pairings and where each stands
    Pairings(List),
    /// List connected calendars and how well they can be read
    Calendars(List),
    /// List alerts: planned, sent, withdrawn, failed
    Alerts(List),
    /// Say in plain words why a session is what it is, or why an event was taken or left
    Explain(explain::Options),
    /// Report what the sessions of a program prove
    Report(report::Options),
    /// Show how things stand: who runs, what waits, what cannot be read
    Status(status::Options),
    /// Print the link with which a participant consents to having their calendar read
    Connect(connect::Options),
    /// Write a copy of the database, also while the service works on it
    Backup(backup::Options),
    /// Tell mentord that the database was restored: nothing that was due before is sent again
    Restored(restored::Options),
    /// Bring the database up to date (`serve` does this too)
    Migrate(migrate::Options),
    /// Show a small programme living for six weeks, against stand-ins for all services
    Demo(demo::Options),
}

#[derive(Debug, Args)]
struct WithConfig {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    file: WithConfig,
    /// Only this program
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// An array of objects, times in UTC
    Json,
    /// For spreadsheets
    Csv,
}

/// Reads the arguments and does what they ask for.
pub fn main() -> ExitCode {
    // Wrong usage ends in here, with exit code 2.
    let cli = Cli::parse();
    logging::start(&cli.logging, matches!(cli.command, Command::Serve(_)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::internal(format!("no threads can be started: {error}")).tell(),
    };
    // What went wrong was told when it did.
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(cli.command))));
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.tell(),
        Err(_) => Failure::internal("mentord: this is a fault in mentord itself; please report it").tell(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(file) => serve::run(&file.config).await,
        Command::Check(options) => check::run(&options).await,
        Command::Sync(file) => sync::run(&file.config).await,
        Command::Send(file) => send::run(&file.config).await,
        Command::Roster(command) => roster::run(&command).await,
        Command::Sessions(list) => sessions::run(&list).await,
        Command::Pairings(list) => pairings::run(&list).await,
        Command::Calendars(list) => calendars::run(&list).await,
        Command::Alerts(list) => alerts::run(&list).await,
        Command::Explain(options) => explain::run(&options).await,
        Command::Report(options) => report::run(&options).await,
        Command::Status(options) => status::run(&options).await,
        Command::Connect(options) => connect::run(&options).await,
        Command::Backup(options) => backup::run(&options).await,
        Command::Restored(options) => restored::run(&options).await,
        Command::Migrate(options) => migrate::run(&options).await,
        Command::Demo(options) => demo::run(&options).await,
    }
}
