//! What every walk stands on: one sandbox and the clients for it, and databases with a roster in them,
//! ready to be copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mentord::clock::ManualClock;
use mentord::config::{self, Database};
use mentord::daemon::service::prepare;
use mentord::pipeline::Context;
use mentord::sandbox::{Control, NewPerson, Options, Provider, Sandbox};
use mentord::store::Store;
use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::postgres::Server;

pub const ADA: &str = "ada@acme.example";
pub const BEN: &str = "ben@acme.example";
pub const CHEN: &str = "chen@contoso.example";
pub const DARA: &str = "dara@contoso.example";
/// Mentored, and without a calendar that mentord could read.
pub const FRED: &str = "fred@freelance.example";
/// Nobody of the program, and nobody of whom mentord may know.
pub const QUAGGA: &str = "quagga@elsewhere.example";

pub type Pair = [&'static str; 2];

/// Who mentors whom: in each walk one of these.
pub const ROSTERS: [&[Pair]; 6] = [
    &[[ADA, CHEN]],
    &[[CHEN, BEN]],
    &[[ADA, BEN], [CHEN, DARA]],
    &[[DARA, CHEN], [ADA, DARA]],
    &[[ADA, DARA], [CHEN, BEN]],
    &[[ADA, FRED], [CHEN, DARA]],
];

pub struct Stage {
    folder: TempDir,
    _sandbox: Sandbox,
    pub control: Control,
    base: Context,
    /// The configuration's other half.
    access: String,
    /// Started by the first walk that needs it, and there until the last one.
    server: OnceCell<Arc<Server>>,
    /// The databases on it that are copied, by their rosters.
    on_postgres: [OnceCell<String>; ROSTERS.len()],
}

/// A database for one walk.
pub struct Place {
    pub context: Context,
    pub clock: ManualClock,
    folder: Option<TempDir>,
    postgres: Option<(Arc<Server>, String)>,
}

impl Stage {
    pub async fn set() -> Self {
        let folder = in_memory();
        let begin = at("2026-10-01T00:00:00Z");
        let sandbox =
            Sandbox::start(Options { page_size: 7, ..Options::at(begin) }).await.expect("a sandbox");
        let control = sandbox.control();
        let access = sandbox.grant_access(folder.path()).expect("access");
        for number in 0..ROSTERS.len() {
            prepared(&folder, &access, number, &template(&folder, number), begin).await.store.close().await;
        }
        // The clients of all walks count what they ask for in a database of their own.
        let base = prepared(&folder, &access, 0, &folder.path().join("clients.db"), begin).await;
        let on_postgres = Default::default();
        Self { folder, _sandbox: sandbox, control, base, access, server: OnceCell::new(), on_postgres }
    }

    /// Makes the database of a roster that is copied for each walk on PostgreSQL.
    async fn template(&self, server: &Server, roster: usize) -> String {
        let url = server.database().await;
        let config = config_file(&self.folder, &self.access, roster, &url);
        let clock = ManualClock::new(self.base.clock.now());
        prepare(&config, Arc::new(clock)).await.expect("a database").store.close().await;
        url
    }

    /// An empty world and a database with a roster, at `now`.
    pub async fn begin(&self, roster: usize, on_postgres: bool, now: DateTime<Utc>, seed: u64) -> Place {
        self.control.begin(now, seed).await.expect("a new world");
        let person = |address: &str, provider| NewPerson {
            address: address.to_owned(),
            provider,
            ..NewPerson::default()
        };
        let people = [
            person(ADA, Provider::Google),
            person(BEN, Provider::Google),
            person(CHEN, Provider::Microsoft),
            person(DARA, Provider::Microsoft),
            person(FRED, Provider::None),
            person(QUAGGA, Provider::None),
        ];
        self.control.people(&people).await.expect("people");
        let clock = ManualClock::new(now);
        let with = |store| Context { store, clock: Arc::new(clock.clone()), ..self.base.clone() };
        if on_postgres {
            let server = self.server.get_or_init(async || Server::shared()).await.clone();
            let template = self.on_postgres[roster].get_or_init(|| self.template(&server, roster)).await;
            let url = server.copy_of(template).await;
            let database = config_file(&self.folder, &self.access, roster, &url).database;
            let store = Store::open(&database).await.expect("a database");
            return Place { context: with(store), clock, folder: None, postgres: Some((server, url)) };
        }
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let file = folder.path().join("walk.db");
        std::fs::copy(template(&self.folder, roster), &file).expect("a copy");
        let store = Store::open(&Database::Sqlite(file)).await.expect("a database");
        Place { context: with(store), clock, folder: Some(folder), postgres: None }
    }
}

impl Place {
    /// Lets so much time pass, by the database's clock, that whatever was in somebody's hands is free.
    pub async fn leases_end(&self) {
        let sql = "UPDATE calendar SET lease_until = 0";
        match (&self.folder, &self.postgres) {
            (Some(folder), _) => {
                let file = format!("sqlite:{}", folder.path().join("walk.db").display());
                let mut connection = sqlx::SqliteConnection::connect(&file).await.expect("the database");
                sqlx::query(sql).execute(&mut connection).await.expect("an update");
                connection.close().await.expect("the end");
            }
            (None, Some((_server, url))) => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("the database");
                sqlx::query(sql).execute(&mut connection).await.expect("an update");
                connection.close().await.expect("the end");
            }
            (None, None) => {}
        }
    }

    /// Everything that stands in the database, as bytes.
    pub async fn bytes(self) -> Vec<u8> {
        self.context.store.close().await;
        match (self.folder, self.postgres) {
            (Some(folder), _) => std::fs::read(folder.path().join("walk.db")).expect("the database's file"),
            (None, Some((_server, url))) => {
                let mut connection = sqlx::PgConnection::connect(&url).await.expect("the database");
                let dump = "SELECT string_agg(query_to_xml(format('SELECT * FROM %I', tablename), true, true, '')::text, '')
                     FROM pg_tables WHERE schemaname = 'public'";
                let text: String = sqlx::query_scalar(dump).fetch_one(&mut connection).await.expect("a dump");
                connection.close().await.expect("the end");
                text.into_bytes()
            }
            (None, None) => Vec::new(),
        }
    }
}

/// A folder of which nothing is written to a disk, where there is one: what a power cut leaves behind
/// is none of the walk's business.
fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn template(folder: &TempDir, number: usize) -> PathBuf {
    folder.path().join(format!("template-{number}.db"))
}

/// Makes the database of a roster.
async fn prepared(folder: &TempDir, access: &str, number: usize, file: &Path, now: DateTime<Utc>) -> Context {
    let config = config_file(folder, access, number, &format!("sqlite:{}", file.display()));
    prepare(&config, Arc::new(ManualClock::new(now))).await.expect("a database")
}

fn config_file(folder: &TempDir, access: &str, number: usize, url: &str) -> config::Config {
    let mut roster = "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on\n".to_owned();
    for [mentor, mentee] in ROSTERS[number] {
        roster += &format!("guild,{mentor},{mentor},{mentee},{mentee},2026-01-01\n");
    }
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("roster.csv", &roster);
    let text = format!(
        r#"
[database]
url = "{url}"
[sync]
interval = "5m"
past = "20d"
future = "30d"
concurrency = 2
{access}
[[programs]]
name = "guild"
title = "Guild"
timezone = "Europe/Berlin"
managers = ["people@acme.example"]
roster = "roster.csv"
[programs.detect]
words = ["mentoring"]
words_against = ["interview"]
"#
    );
    write("mentord.toml", &text);
    config::load_with(&folder.path().join("mentord.toml"), []).expect("a right configuration")
}
