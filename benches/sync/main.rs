//! What reading calendars costs: `mentord sync` against a bare client that downloads the very same
//! pages and only parses their JSON.
//!
//! Two things are measured, of both in one run: a first sync of full calendars, and a poll when
//! nothing has changed. What counts is the processor's time; each program is a process of its own, so
//! that the sandbox, which plays Google and Microsoft in this one, is not counted. Of PostgreSQL the
//! server's share stands beside mentord's own; it is a private one without `fsync`.
//!
//! ```sh
//! cargo bench --bench sync
//! cargo bench --bench sync -- --calendars 100 --events 50
//! ```

mod bare;
mod cpu;
#[path = "../../tests/postgres/mod.rs"]
mod postgres;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use chrono::DurationRound as _;
use clap::Parser;
use comfy_table::{Cell, CellAlignment, Table, presets};
use mentord::clock::{Clock as _, SystemClock};
use mentord::sandbox::{Control, Options, Sandbox};
use url::Url;

use crate::bare::{Order, Told, Wanted};
use crate::cpu::Cost;
use crate::world::World;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// As many calendars at a time as mentord reads when nothing else is configured.
const AT_ONCE: usize = 16;

#[derive(Parser)]
struct Arguments {
    /// How many calendars there are
    #[arg(long, default_value_t = 1000)]
    calendars: usize,
    /// How many events each of them has, about
    #[arg(long, default_value_t = 500)]
    events: usize,
    /// Leave PostgreSQL out
    #[arg(long)]
    sqlite: bool,
    /// Keep the folder with the databases, and say where it is
    #[arg(long)]
    keep: bool,
    /// Be the bare client, and do what this file says
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.bare.is_none() && !arguments.bench {
        println!("run this with `cargo bench --bench sync`: without optimisation the figures say nothing");
        return ExitCode::SUCCESS;
    }
    let done =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failed::from).and_then(
            |runtime| match &arguments.bare {
                Some(order) => runtime.block_on(bare::run(order)),
                None => runtime.block_on(bench(&arguments)),
            },
        );
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One database that mentord is measured with.
struct Database {
    name: &'static str,
    url: String,
    /// The server's first process, where there is one.
    server: Option<u32>,
}

/// What one round has cost with one database.
struct Round {
    cost: Cost,
    requests: usize,
    server: Option<Duration>,
}

struct Bench {
    folder: PathBuf,
    sandbox: Sandbox,
    control: Control,
}

async fn bench(arguments: &Arguments) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let now = SystemClock.now().duration_trunc(chrono::TimeDelta::minutes(1))?;
    // No smaller pages than the vendors' own.
    let sandbox = Sandbox::start(Options { page_size: 2500, ..Options::at(now) }).await?;
    let control = sandbox.control();
    let world = World::new(now, arguments.calendars, arguments.events);
    world.build(&control).await?;
    let bench = Bench { folder: folder.path().to_owned(), sandbox, control };
    fs::write(bench.folder.join("roster.csv"), world.roster())?;

    let mut databases = vec![Database { name: "SQLite", url: "sqlite:mentord.db".to_owned(), server: None }];
    let server = if arguments.sqlite { None } else { Some(postgres::Server::start()) };
    if let Some(server) = &server {
        let url = server.database().await;
        databases.push(Database { name: "PostgreSQL", url, server: Some(server.pid()) });
    }
    let mut firsts = Vec::new();
    let mut listings = None;
    for database in &databases {
        bench.configure(database)?;
        firsts.push(bench.mentord(database).await?);
        if listings.is_none() {
            listings = Some(bench.listings().await?);
        }
    }
    let mut order = bench.order(listings.unwrap_or_default())?;
    let tokens = bench.bare(&mut order, Wanted::Tokens).await?;
    let everything = bench.bare(&mut order, Wanted::Everything).await?;
    let changes = bench.bare(&mut order, Wanted::Changes).await?;
    let mut quiet = Vec::new();
    for database in &databases {
        quiet.push(bench.mentord(database).await?);
    }

    let rows = [("first sync", &everything, &firsts), ("quiet poll", &changes, &quiet)];
    println!("\nProcessor time, user and system:");
    println!("{}", table(&databases, &rows));
    for (name, (bare, told), rounds) in &rows {
        println!(
            "{name}: bare client {} requests, {:.1} MB, {} items, {:.1} s on the clock",
            told.requests,
            told.bytes as f64 / 1e6,
            told.items,
            bare.wall.as_secs_f64()
        );
        for (database, round) in databases.iter().zip(*rounds) {
            let (name, requests) = (database.name, round.requests);
            let wall = round.cost.wall.as_secs_f64();
            println!("            mentord with {name}: {requests} requests, {wall:.1} s on the clock");
        }
    }
    let (cpu, requests) = (seconds(tokens.0.cpu), tokens.1.requests);
    println!(
        "In each figure: new access tokens for every calendar, {cpu} with the bare client ({requests} requests)."
    );
    for (database, first) in databases.iter().zip(&firsts) {
        println!(
            "\n`mentord sync` with {}:\n{}",
            database.name,
            String::from_utf8_lossy(&first.cost.output.stdout)
        );
    }
    if arguments.keep {
        println!("kept: {}", folder.keep().display());
    }
    Ok(())
}

type Row<'a> = (&'static str, &'a (Cost, Told), &'a Vec<Round>);

fn table(databases: &[Database], rows: &[Row<'_>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    let mut headings = vec![String::new(), "bare client".to_owned()];
    for database in databases {
        headings.extend([format!("mentord, {}", database.name), "ratio".to_owned()]);
        headings.extend(database.server.map(|_| format!("{} server", database.name)));
    }
    table.set_header(headings);
    for (name, (bare, _), rounds) in rows {
        let mut cells = vec![(*name).to_owned(), seconds(bare.cpu)];
        for Round { cost, server, .. } in *rounds {
            let ratio = cost.cpu.as_secs_f64() / bare.cpu.as_secs_f64();
            cells.extend([seconds(cost.cpu), format!("{ratio:.2}")]);
            cells.extend(server.map(seconds));
        }
        table.add_row(cells.into_iter().map(|cell| Cell::new(cell).set_alignment(CellAlignment::Right)));
    }
    table
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

impl Bench {
    fn config(&self, database: &Database) -> PathBuf {
        self.folder.join(format!("{}.toml", database.name))
    }

    fn configure(&self, database: &Database) -> Result<(), Failed> {
        let (access, url) = (self.sandbox.grant_access(&self.folder)?, &database.url);
        let text = format!(
            r#"[database]
url = "{url}"

[sync]
concurrency = {AT_ONCE}
interval = "1h"

{access}
[[programs]]
name = "engineering"
title = "Engineering mentoring"
timezone = "Europe/Berlin"
managers = ["people@acme.example"]
roster = "roster.csv"
cadence = "2 weeks"
first_within = "2 weeks"
"#
        );
        Ok(fs::write(self.config(database), text)?)
    }

    /// Reads every calendar once, with the real program.
    async fn mentord(&self, database: &Database) -> Result<Round, Failed> {
        self.control.clear_requests().await?;
        let server = || database.server.map(cpu::of_tree).transpose();
        let before = server()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_mentord"));
        command.env_clear().arg("sync").arg("--config").arg(self.config(database));
        let cost = measure(command).await?;
        let server = server()?.zip(before).map(|(after, before)| after.saturating_sub(before));
        Ok(Round { cost, requests: self.control.requests().await?.len(), server })
    }

    /// The first request of each calendar that mentord has just listed in full.
    async fn listings(&self) -> Result<Vec<Url>, Failed> {
        let mut listings = BTreeMap::new();
        for request in self.control.requests().await? {
            let Some(path) = request.strip_prefix("GET ") else { continue };
            if path.contains("timeMin=") || path.contains("startDateTime=") {
                let url: Url = format!("{}{path}", self.sandbox.url()).parse()?;
                listings.entry(url.path().to_owned()).or_insert(url);
            }
        }
        Ok(listings.into_values().collect())
    }

    fn order(&self, listings: Vec<Url>) -> Result<Order, Failed> {
        let app = self.sandbox.microsoft_app();
        let login = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", app.client_id),
            ("client_secret", app.client_secret),
            ("scope", "https://graph.microsoft.com/.default".to_owned()),
        ];
        Ok(Order {
            wanted: Wanted::Tokens,
            listings,
            at_once: AT_ONCE,
            google_key: self.folder.join("google-key.json"),
            login_url: format!("{}/{}/oauth2/v2.0/token", self.sandbox.login_url(), app.tenant_id).parse()?,
            login: login.map(|(key, value)| (key.to_owned(), value)).into(),
            cursors: self.folder.join("bare-cursors.json"),
        })
    }

    async fn bare(&self, order: &mut Order, wanted: Wanted) -> Result<(Cost, Told), Failed> {
        order.wanted = wanted;
        let file = self.folder.join("bare.json");
        fs::write(&file, serde_json::to_vec(order)?)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env_clear().arg("--bare").arg(&file);
        let cost = measure(command).await?;
        let told = serde_json::from_slice(&cost.output.stdout)?;
        Ok((cost, told))
    }
}

/// Runs a program while the sandbox goes on serving.
async fn measure(mut command: Command) -> Result<Cost, Failed> {
    command.stdin(Stdio::null());
    let cost = tokio::task::spawn_blocking(move || cpu::run(&mut command)).await??;
    if !cost.output.status.success() {
        let [out, err] = [&cost.output.stdout, &cost.output.stderr].map(|text| String::from_utf8_lossy(text));
        return Err(format!("it ended with {}:\n{out}{err}", cost.output.status).into());
    }
    Ok(cost)
}
