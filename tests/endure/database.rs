//! The database that the service runs on, and a look into it from outside.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// On which database a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
}

pub enum Database {
    Sqlite { file: PathBuf },
}

impl Database {
    /// A fresh one; `folder` is the configuration's.
    pub async fn new(kind: Kind, folder: &Path) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite { file: folder.join("mentord.db") },
        }
    }

    /// For `[database]`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite { file } => format!("sqlite:{}", file.display()),
        }
    }

    /// A column with a time as whole seconds since 1970.
    pub fn seconds(&self, column: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("unixepoch({column})"),
        }
    }

    /// What a query finds, every column as text (it has to cast them). The service may be running.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite { file } => ask(file, sql).await,
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
        }
    }

    /// Nothing in it is damaged.
    pub async fn assert_sound(&self) {
        match self {
            Self::Sqlite { .. } => {
                assert_eq!(self.rows("PRAGMA integrity_check").await, [["ok"]]);
                assert_eq!(self.rows("PRAGMA foreign_key_check").await, [[""; 0]; 0]);
            }
        }
    }
}

async fn ask(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let text = |row: &sqlx::sqlite::SqliteRow, at| row.get::<Option<String>, _>(at).unwrap_or_default();
    rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
}
