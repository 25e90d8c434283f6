//! Logs: for people on a terminal, JSON when asked.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

#[derive(Debug, Args)]
pub struct Options {
    /// How logs are written, to standard error
    #[arg(long, value_enum, global = true, default_value_t = Style::Text, help_heading = "Logging")]
    log_format: Style,
    /// Which logs are written: off, error, warn, info, debug, trace, or filters like
    /// `mentord::pipeline=debug` [default: info for `serve`, else warn]
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Logging")]
    log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    Text,
    Json,
}

/// Libraries that write tokens or message contents at the debug level are never asked for more than
/// this, whatever the level.
const NEVER_MORE: [&str; 4] = ["yup_oauth2=info", "hyper_util=info", "lettre=info", "sqlx=warn"];

/// Starts logging for the whole process.
pub fn start(options: &Options, service: bool) {
    let usual = if service { "info" } else { "warn" };
    let level = options.log_level.as_deref().unwrap_or(usual);
    let mut filter = EnvFilter::builder().parse_lossy(level);
    for directive in NEVER_MORE {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.log_format {
        Style::Text => logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        Style::Json => logs.json().flatten_event(true).init(),
    }
}
