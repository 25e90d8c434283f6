//! The database that the service runs on, and a look into it from outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ColumnIndex, Connection as _, Decode, PgConnection, Row, Type};

use crate::postgres::Server;
use crate::stage::eventually;

/// On which database a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub enum Database {
    Sqlite { file: PathBuf },
    Postgres { server: Arc<Server>, url: String },
}

impl Database {
    /// A fresh one; `folder` is the configuration's.
    pub async fn new(kind: Kind, folder: &Path) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite { file: folder.join("mentord.db") },
            Kind::Postgres => Self::on(Server::shared()).await,
        }
    }

    /// A fresh one on a server.
    pub async fn on(server: Arc<Server>) -> Self {
        let url = server.database().await;
        Self::Postgres { server, url }
    }

    pub fn server(&self) -> &Server {
        match self {
            Self::Sqlite { .. } => panic!("SQLite has no server"),
            Self::Postgres { server, .. } => server,
        }
    }

    /// For `[database]`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite { file } => format!("sqlite:{}", file.display()),
            Self::Postgres { url, .. } => url.clone(),
        }
    }

    /// A column with a time as whole seconds since 1970.
    pub fn seconds(&self, column: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("unixepoch({column})"),
            Self::Postgres { .. } => format!("CAST(EXTRACT(EPOCH FROM {column}) AS BIGINT)"),
        }
    }

    /// What a query finds, every column as text (it has to cast them). The service may be running.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite { file } => ask(file, sql).await,
            Self::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows.iter().map(texts).collect()
            }
        }
    }

    /// The same after the service was killed, leaving everything for the next one to find as it is.
    pub async fn rows_left_behind(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite { file } => {
                // To open it would mend it.
                let folder = tempfile::tempdir().unwrap();
                let copy = folder.path().join("copy.db");
                for end in ["", "-wal"] {
                    let with_end = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
                    if with_end(file).exists() {
                        std::fs::copy(with_end(file), with_end(&copy)).unwrap();
                    }
                }
                ask(&copy, sql).await
            }
            Self::Postgres { .. } => {
                // What the dead one had asked for last is done, or undone.
                let own = "SELECT application_name FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'mentord'";
                eventually("an end of its connections", 60, async || {
                    self.rows(own).await.is_empty().then_some(())
                })
                .await;
                self.rows(sql).await
            }
        }
    }

    /// Nothing in it is damaged.
    pub async fn assert_sound(&self) {
        match self {
            Self::Sqlite { .. } => {
                assert_eq!(self.rows("PRAGMA integrity_check").await, [["ok"]]);
                assert_eq!(self.rows("PRAGMA foreign_key_check").await, [[""; 0]; 0]);
            }
            // It checks its keys itself, and its pages are none of ours.
            Self::Postgres { server, .. } => {
                let log = server.log();
                let circle = log.find("deadlock detected").map(|at| &log[at..log.len().min(at + 2000)]);
                assert_eq!(circle, None, "two waited for each other");
            }
        }
    }
}

async fn ask(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(texts).collect()
}

fn texts<R: Row>(row: &R) -> Vec<String>
where
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
{
    (0..row.len()).map(|at| row.get::<Option<String>, _>(at).unwrap_or_default()).collect()
}
