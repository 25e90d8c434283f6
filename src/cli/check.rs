//! `mentord check`

use clap::Args;

use super::failure::{Failure, complain};
use super::{WithConfig, common, output};
use crate::config::{self, Config};
use crate::pipeline::Context;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    /// Also try the database, the mail server and every connection
    #[arg(long)]
    online: bool,
}

/// Does what `serve` does until the sockets open. Without `--online` nothing is opened or written.
pub async fn run(options: &Options) -> Result<(), Failure> {
    let file = &options.file.config;
    let config = config::load(file)?;
    let roster = config::read_rosters(&config)?;
    for warning in &config.warnings {
        complain(&format!("warning: {warning}"));
    }
    output::print(&format!(
        "{} is fine: {}, {}, {} in the roster{}",
        file.display(),
        count(config.programs.len(), "program"),
        count(config.connections.len(), "connection"),
        count(roster.len(), "pairing"),
        if config.mail.is_none() { "; there is no [mail], so nothing will be sent" } else { "" }
    ))?;
    if options.online { online(&config).await } else { Ok(()) }
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

async fn online(config: &Config) -> Result<(), Failure> {
    let context = Context::new(config, common::clock()).await?;
    common::closing(context, async |context| try_out(context, config).await).await
}

async fn try_out(context: &Context, config: &Config) -> Result<(), Failure> {
    let mut failed = 0u32;
    let mut tell = |what: String, result: Result<String, String>| match result {
        Ok(detail) => output::print(&format!("ok      {what}{detail}")),
        Err(why) => {
            failed += 1;
            output::print(&format!("FAILED  {what}: {why}"))
        }
    };
    let database = context.store.ping().await.map_err(|error| error.to_string());
    tell(format!("database {}", context.store.place()), database.map(|()| String::new()))?;
    if let Some(notifier) = &context.notifier {
        let probed = notifier.probe().await.map_err(|error| error.to_string());
        tell("mail server".to_owned(), probed.map(|()| String::new()))?;
    }
    for connection in &config.connections {
        let name = format!("connection {}", connection.name);
        let result = probe(context, config, &connection.name, &connection.domains).await?;
        tell(name, result)?;
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("mentord: 1 check failed")),
        many => Err(Failure::new(format!("mentord: {many} checks failed"))),
    }
}

/// Tries the calendar of everybody in the rosters whom the connection reaches.
async fn probe(
    context: &Context,
    config: &Config,
    name: &str,
    domains: &[String],
) -> Result<Result<String, String>, Failure> {
    let Some(provider) = context.providers.get(name) else {
        return Ok(Err("it has no client".to_owned()));
    };
    if context.accounts.contains_key(name) && !context.store.schema_current().await.unwrap_or(false) {
        let why = "the database is not up to date, so nobody's consent can be looked up: run `mentord migrate` \
                   (or start the service)";
        return Ok(Err(why.to_owned()));
    }
    let entries = config::read_rosters(config)?;
    let people = entries.iter().flat_map(|entry| std::iter::once(&entry.mentor).chain(&entry.mentees));
    let mut addresses: Vec<_> = people
        .filter_map(|person| {
            person.addresses.iter().find(|address| domains.iter().any(|domain| domain == address.domain()))
        })
        .collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        let why =
            format!("nobody in a roster has an address in {}, so nothing can be tried", domains.join(", "));
        return Ok(Err(why));
    }
    let mut troubles = Vec::new();
    for address in &addresses {
        if let Err(error) = provider.probe(address).await {
            troubles.push(format!("\n          {address}: {error}"));
        }
    }
    Ok(if troubles.is_empty() {
        Ok(format!(": {} can be read", count(addresses.len(), "calendar")))
    } else {
        Err(format!(
            "{} of {} cannot be read{}",
            troubles.len(),
            count(addresses.len(), "calendar"),
            troubles.concat()
        ))
    })
}
