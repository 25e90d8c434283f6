//! `mentord check`

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::failure::{Failure, complain};
use super::{WithConfig, common, output};
use crate::config::{self, Config, Connection, Credential, Problem, Problems, Vendor};
use crate::domain::people::Address;
use crate::pipeline::Context;
use crate::providers::Provider;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    /// Also try the database, the mail server, everybody's calendar, and what call records need
    ///
    /// What keeps mentord from knowing who was in calls is a warning: calendars are read all the same, and
    /// the exit code stays 0.
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
    certificates(&config, common::clock().now())?;
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

/// How long before its end a certificate is spoken of: a new one has to be made and uploaded.
const SOON: TimeDelta = TimeDelta::days(30);

/// Warns of certificates that end soon; those that have ended are problems.
fn certificates(config: &Config, now: DateTime<Utc>) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for connection in &config.connections {
        let Vendor::Microsoft(microsoft) = &connection.vendor else { continue };
        let Credential::Certificate(certificate) = &microsoft.credential else { continue };
        let place = format!("connection {}: certificate_file", connection.name);
        let day = certificate.expires_at.format("%Y-%m-%d");
        let remedy = "make a new one, and upload it under the app registration's `Certificates & secrets`";
        if certificate.expires_at <= now {
            let found = format!("a certificate that expired on {day}");
            problems.push(Problem { place, found, remedy: remedy.to_owned() });
        } else if certificate.expires_at <= now + SOON {
            complain(&format!("warning: {place}: the certificate expires on {day}; {remedy}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems).into()) }
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
        let Tried { calendars, warnings } = probe(context, config, connection).await?;
        tell(name.clone(), calendars)?;
        for warning in warnings {
            output::print(&format!("warning {name}: {warning}"))?;
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("mentord: 1 check failed")),
        many => Err(Failure::new(format!("mentord: {many} checks failed"))),
    }
}

/// What trying a connection brought.
struct Tried {
    /// Whether the calendars can be read.
    calendars: Result<String, String>,
    /// What keeps mentord from knowing who was in calls.
    warnings: Vec<String>,
}

impl From<Result<String, String>> for Tried {
    fn from(calendars: Result<String, String>) -> Self {
        Self { calendars, warnings: Vec::new() }
    }
}

/// Tries the calendar of everybody in the rosters whom the connection reaches, and what calls need. Those
/// whose pairings have ended are left out.
async fn probe(context: &Context, config: &Config, connection: &Connection) -> Result<Tried, Failure> {
    let name = connection.name.as_str();
    let Some(provider) = context.providers.get(name) else {
        return Ok(Err("it has no client".to_owned()).into());
    };
    if context.accounts.contains_key(name) && !context.store.schema_current().await.unwrap_or(false) {
        let why = "the database is not up to date, so nobody's consent can be looked up: run `mentord migrate` \
                   (or start the service)";
        return Ok(Err(why.to_owned()).into());
    }
    let today = context.clock.now().date_naive();
    let entries = config::read_rosters(config)?;
    let lasting = entries.iter().filter(|entry| entry.ends_on.is_none_or(|end| end >= today));
    let people = lasting.flat_map(|entry| std::iter::once(&entry.mentor).chain(&entry.mentees));
    let within = |address: &&Address| connection.domains.iter().any(|domain| domain == address.domain());
    let mut addresses: Vec<_> =
        people.filter_map(|person| person.addresses.iter().find(within)).cloned().collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        let why = format!(
            "nobody in a roster whose pairing lasts has an address in {}, so nothing can be tried",
            connection.domains.join(", ")
        );
        return Ok(Err(why).into());
    }
    let (mut readable, mut troubles) = (Vec::new(), Vec::new());
    for address in &addresses {
        match provider.probe(address).await {
            Ok(()) => readable.push(address.clone()),
            Err(error) => troubles.push(format!("\n          {address}: {error}")),
        }
    }
    let warnings = match context.accounts.contains_key(name) {
        true => calls_of_each(provider.as_ref(), &readable).await,
        false => calls_of_any(provider.as_ref(), &readable).await,
    };
    let calendars = match troubles.is_empty() {
        true => Ok(format!(": {} can be read", count(addresses.len(), "calendar"))),
        false => Err(format!(
            "{} of {} cannot be read{}",
            troubles.len(),
            count(addresses.len(), "calendar"),
            troubles.concat()
        )),
    };
    Ok(Tried { calendars, warnings })
}

/// How many mailboxes are tried before an application counts as shut out of calls. A policy of Teams may
/// let it see those of some organisers only.
const ENOUGH: usize = 5;

/// Whether an application sees the calls of anybody: it is the same for all, or decided by a policy.
async fn calls_of_any(provider: &dyn Provider, readable: &[Address]) -> Vec<String> {
    let mut first = Vec::new();
    for address in readable.iter().take(ENOUGH) {
        let missing = provider.probe_calls(address).await;
        if missing.is_empty() {
            return Vec::new();
        }
        if first.is_empty() {
            first = missing.iter().map(|error| format!("who was in calls cannot be seen: {error}")).collect();
        }
    }
    first
}

/// Whose calls cannot be seen: everybody has consented for themselves.
async fn calls_of_each(provider: &dyn Provider, readable: &[Address]) -> Vec<String> {
    let mut whose: BTreeMap<String, Vec<&Address>> = BTreeMap::new();
    for address in readable {
        for error in provider.probe_calls(address).await {
            whose.entry(error.to_string()).or_default().push(address);
        }
    }
    let line = |(error, people): (String, Vec<&Address>)| {
        let people: Vec<_> = people.iter().map(|address| format!("\n          {address}")).collect();
        format!("who was in the calls of these people cannot be seen: {error}{}", people.concat())
    };
    whose.into_iter().map(line).collect()
}
