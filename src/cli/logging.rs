//! Logs: for people on a terminal, JSON when asked.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

#[derive(Debug, Args)]
pub struct Options {
    /// How logs are written, to standard error
    #[arg(long, value_enum, global = true, default_value_t = Style::Text, help_heading = "Logging")]
    log_format: Style,
    /// Which logs are written: off, error, warn, info, debug, trace, or filters like
    /// `mentord::pipeline=debug` [default: info for `serve`, else warn]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level, help_heading = "Logging")]
    log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    Text,
    Json,
}

/// Libraries that write tokens or message contents at the debug level never write more than this,
/// whatever is asked for.
const NEVER_MORE: [(&str, Level); 4] = [
    ("yup_oauth2", Level::INFO),
    ("hyper_util", Level::INFO),
    ("lettre", Level::INFO),
    ("sqlx", Level::WARN),
];

/// Takes levels and `target=level`. A lone word would be a target with everything that it writes,
/// which is what a level becomes by a slip.
fn level(text: &str) -> Result<String, String> {
    for directive in text.split(',') {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        if level.trim().parse::<LevelFilter>().is_err() {
            return Err(format!("{level:?} is no level; write off, error, warn, info, debug or trace"));
        }
    }
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Starts logging for the whole process.
pub fn start(options: &Options, service: bool) {
    let usual = if service { "info" } else { "warn" };
    let filter = EnvFilter::builder().parse_lossy(options.log_level.as_deref().unwrap_or(usual));
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = match options.log_format {
        Style::Text => logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
        Style::Json => logs.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(logs.with_filter(filter_fn(may_be_written))).init();
}

fn may_be_written(metadata: &Metadata<'_>) -> bool {
    let of = |library: &str| {
        let rest = metadata.target().strip_prefix(library);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    !NEVER_MORE.iter().any(|(library, most)| of(library) && metadata.level() > most)
}
