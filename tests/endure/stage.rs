//! A folder with a configuration and a roster, a sandbox with two dozen people, and a database.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mentord::clock::{Clock as _, SystemClock};
use mentord::sandbox::{Control, NewPerson, Options, Provider, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::{Database, Kind};
use crate::relay::Relay;

pub const MENTORD: &str = env!("CARGO_BIN_EXE_mentord");
pub const MANAGER: &str = "people@acme.example";

const HEADER: &str = "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on\n";

/// Who mentors whom.
#[derive(Clone, Debug)]
pub struct Pair {
    pub mentor: String,
    pub mentee: String,
    /// They met once, long ago, and are told so.
    pub idle: bool,
}

pub struct Stage {
    folder: TempDir,
    sandbox: Sandbox,
    pub control: Control,
    pub relay: Relay,
    pub database: Database,
    pub pairs: Vec<Pair>,
}

pub fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Waits until `look` finds something, for so many seconds at the most.
pub async fn eventually<T>(what: &str, seconds: u64, look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = within(seconds, look).await;
    found.unwrap_or_else(|| panic!("{what}: not within {seconds} seconds"))
}

/// The same for those who have more to say when it is not found.
pub async fn within<T>(seconds: u64, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if tokio::time::Instant::now() > end {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The providers of the mentor and the mentee of each pair.
const PAIRS: [(Provider, Provider); 12] = {
    use Provider::{Google as G, Microsoft as M, None as N};
    [(G, G), (M, M), (G, M), (M, G), (G, N), (M, N), (G, G), (M, M), (G, M), (M, G), (G, G), (M, M)]
};

fn address(role: &str, number: usize, provider: Provider) -> String {
    let domain = match provider {
        Provider::Google => "acme.example",
        Provider::Microsoft => "contoso.example",
        Provider::None => "freelance.example",
    };
    format!("{role}{number:02}@{domain}")
}

impl Stage {
    pub async fn set(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(kind, folder.path()).await;
        Self::set_on(folder, database).await
    }

    pub async fn set_on(folder: TempDir, database: Database) -> Self {
        let sandbox = Sandbox::start(Options { page_size: 7, ..Options::at(now()) }).await.unwrap();
        let control = sandbox.control();
        let relay = Relay::start(&sandbox.smtp_url()).await;
        let mut people = Vec::new();
        let mut pairs = Vec::new();
        for (number, (mentor, mentee)) in PAIRS.into_iter().enumerate() {
            let mut person = |role: &str, provider| {
                let address = address(role, number, provider);
                // So that everybody can be signed in to a call in Teams.
                let entra_guest = provider != Provider::Microsoft;
                let name = format!("{role} {number}");
                people.push(NewPerson {
                    address: address.clone(),
                    name,
                    provider,
                    entra_guest,
                    admin: false,
                });
                address
            };
            let (mentor, mentee) = (person("mentor", mentor), person("mentee", mentee));
            pairs.push(Pair { mentor, mentee, idle: number == PAIRS.len() - 1 });
        }
        control.people(&people).await.unwrap();
        let access = sandbox.grant_access(folder.path()).unwrap();
        let access = access.replace(&sandbox.smtp_url(), &relay.url());
        let stage = Self { folder, sandbox, control, relay, database, pairs };
        let starts_on = (now() - TimeDelta::days(30)).date_naive();
        let row = |pair: &Pair| {
            let Pair { mentor, mentee, .. } = pair;
            format!("engineering,{mentor},{mentor},{mentee},{mentee},{starts_on}\n")
        };
        let rows: String = stage.pairs.iter().map(row).collect();
        stage.write("roster.csv", &format!("{HEADER}{rows}"));
        stage.write(
            "mentord.toml",
            &format!(
                r#"[database]
url = "{database}"

[sync]
interval = "1s"
concurrency = 2

{access}
[[programs]]
name = "engineering"
title = "Engineering mentoring"
timezone = "UTC"
managers = ["{MANAGER}"]
roster = "roster.csv"
cadence = "2 weeks"
first_within = "2 weeks"

[programs.judge]
grace = "1m"

[programs.alerts]
remind_before = ["24h", "1h"]

[[programs.digests]]
cron = "0 * * * * *"
"#,
                database = stage.database.url()
            ),
        );
        stage
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// What stands in a file; nothing where there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// A configuration of its own for another instance, with a wire of its own to the mail server.
    pub async fn another(&self, name: &str) -> Relay {
        let relay = Relay::start(&self.sandbox.smtp_url()).await;
        self.write(name, &self.read("mentord.toml").replace(&self.relay.url(), &relay.url()));
        relay
    }

    /// What a command lists, beside the service or without it.
    pub async fn list(&self, command: &str) -> Vec<Value> {
        let mut program = Command::new(MENTORD);
        program.env_clear().args([command, "--format", "json", "--config"]).arg(self.file("mentord.toml"));
        program.stdin(Stdio::null());
        // The sandbox goes on serving meanwhile.
        let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{command}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
    }

    /// Waits until every calendar was read after this moment.
    pub async fn all_read(&self) {
        let since = now();
        eventually("every calendar is read", 150, async || {
            let calendars = self.list("calendars").await;
            let read = |calendar: &Value| {
                let at = calendar["last_synced_at"].as_str();
                at.is_some_and(|at| at.parse::<DateTime<Utc>>().unwrap() > since)
            };
            calendars.iter().all(read).then_some(())
        })
        .await;
    }
}
