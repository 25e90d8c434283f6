//! Opening a SQLite database.

use std::path::Path;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Db;
use crate::store::error::{Result, StoreError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Opens the database, making the file if there is none.
pub(super) async fn open(path: &Path) -> Result<Db> {
    let failed = |why: String| StoreError::Open { place: path.display().to_string(), why };
    create_private(path).map_err(&failed)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Not NORMAL: there a power cut can undo the newest commits, and with them that an
        // alert was sent.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // For the commands that are run beside the daemon.
        .busy_timeout(Duration::from_secs(10));
    let pool = || {
        // On a full disk SQLite undoes a transaction by itself, and the connection never notices that
        // it has ended: it would refuse to begin another one for ever.
        let options = SqlitePoolOptions::new().after_release(|connection, _| {
            Box::pin(async {
                if connection.is_in_transaction() {
                    // One that was merely dropped is undone by now.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        });
        options.idle_timeout(None).max_lifetime(None).test_before_acquire(false)
    };
    let write = pool()
        .max_connections(1)
        .connect_with(options.clone())
        .await
        .map_err(|error| failed(explain(&error)))?;
    let read = pool()
        .max_connections(4)
        .connect_with(options.pragma("query_only", "on"))
        .await
        .map_err(|error| failed(explain(&error)))?;
    Ok(Db::Sqlite { path: path.to_owned(), write, read })
}

/// Makes the file, readable by its owner only: it holds personal data. SQLite gives its side files
/// the same rights.
fn create_private(path: &Path) -> std::result::Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(format!(
            "the folder `{}` does not exist; create it, or change `url` in [database]",
            folder.display()
        ));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(format!("the file cannot be created ({error})")),
    }
}

/// SQLite's codes in words that help.
pub(super) fn explain(error: &sqlx::Error) -> String {
    let code =
        error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        Some(5 | 6) => "another program holds it locked".to_owned(),
        Some(8) => "it may not be written to; look at the rights of the file and its folder".into(),
        Some(14) => "it cannot be opened for reading and writing; look at the rights of the file \
                     and its folder"
            .into(),
        Some(11) => "the file is damaged; restore a backup".into(),
        Some(26) => "the file is not an SQLite database".into(),
        _ => error.to_string(),
    }
}
