//! The one place that knows which database it is: connections, parameters, rows.
//!
//! Everything else in the store writes one SQL text for all databases, with these words for what
//! they spell differently:
//! - `{db_now}`: the database's own time in whole seconds since 1970, for leases
//! - `{skip_locked}`: rows that another instance is just claiming are passed over

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Decode, Row as _, Sqlite, Transaction, Type};

use super::error::{Result, StoreError};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

#[derive(Clone)]
pub(super) enum Db {
    Sqlite {
        path: PathBuf,
        /// A single connection: SQLite has one writer at a time anyway, and a queue in here is
        /// fairer than its busy loop.
        write: SqlitePool,
        read: SqlitePool,
    },
}

impl Db {
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        let failed = |why: String| StoreError::Open { path: path.to_owned(), why };
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
        let pool =
            || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).test_before_acquire(false);
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
        let db = Self::Sqlite { path: path.to_owned(), write, read };
        let known = SQLITE_MIGRATIONS.iter().map(|m| m.version).max();
        match (db.schema_version().await, known) {
            (Ok(Some(found)), Some(known)) if found > known => Err(StoreError::Newer { found, known }),
            (Ok(_), _) => Ok(db),
            (Err(StoreError::Database(error)), _) => Err(failed(explain(&error))),
            (Err(error), _) => Err(error),
        }
    }

    pub async fn migrate(&self) -> Result<()> {
        let Self::Sqlite { write, .. } = self;
        Ok(SQLITE_MIGRATIONS.run(write).await?)
    }

    /// Whether every migration that this binary knows has been done.
    pub async fn schema_current(&self) -> Result<bool> {
        let known = SQLITE_MIGRATIONS.iter().map(|m| m.version).max();
        Ok(self.schema_version().await? == known)
    }

    async fn schema_version(&self) -> Result<Option<i64>> {
        let there = self
            .one("SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'", vec![])
            .await?;
        if there.is_none() {
            return Ok(None);
        }
        let row =
            self.one("SELECT MAX(version) AS version FROM _sqlx_migrations WHERE success", vec![]).await?;
        match row {
            Some(row) => row.of("_sqlx_migrations", "newest").get("version"),
            None => Ok(None),
        }
    }

    /// Where the data live, for messages.
    pub fn place(&self) -> String {
        let Self::Sqlite { path, .. } = self;
        path.display().to_string()
    }

    /// Begins a transaction that will write.
    pub async fn close(&self) {
        let Self::Sqlite { write, read, .. } = self;
        read.close().await;
        write.close().await;
    }

    pub async fn begin(&self) -> Result<Tx> {
        let Self::Sqlite { write, .. } = self;
        // IMMEDIATE: one that begins by reading could not become a writer once another has written.
        Ok(Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Reads outside of any transaction.
    pub async fn all(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let Self::Sqlite { read, .. } = self;
        let rows = sqlite(sql, values).fetch_all(read).await?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    /// As [`Db::all`], for what is one row or none.
    pub async fn one(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        let Self::Sqlite { read, .. } = self;
        let row = sqlite(sql, values).fetch_optional(read).await?;
        Ok(row.map(Row::Sqlite))
    }

    /// One statement that writes, a transaction of its own, and what it returns.
    pub async fn write(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let Self::Sqlite { write, .. } = self;
        let rows = sqlite(sql, values).fetch_all(write).await?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }
}

/// A transaction that writes; dropped without [`Tx::commit`], it never was.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    pub async fn all(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let Self::Sqlite(tx) = self;
        let rows = sqlite(sql, values).fetch_all(&mut **tx).await?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    /// As [`Tx::all`], for what is one row or none. (A statement that writes is thereby run to its
    /// end, not to its first row.)
    pub async fn one(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// Returns how many rows were written.
    pub async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64> {
        let Self::Sqlite(tx) = self;
        let done = sqlite(sql, values).execute(&mut **tx).await?;
        Ok(done.rows_affected())
    }

    pub async fn commit(self) -> Result<()> {
        let Self::Sqlite(tx) = self;
        Ok(tx.commit().await?)
    }

    pub async fn rollback(self) -> Result<()> {
        let Self::Sqlite(tx) = self;
        Ok(tx.rollback().await?)
    }
}

/// SQL texts are put together from the store's own literals only; whatever comes from outside is a
/// [`Value`].
fn sqlite(sql: &str, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    let sql = sqlite_text(sql);
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bool(value) => query.bind(value),
        Value::Time(value) => query.bind(value),
        Value::Date(value) => query.bind(value),
    })
}

pub(super) fn sqlite_text(sql: &str) -> String {
    sql.replace("{db_now}", "unixepoch()").replace("{skip_locked}", "")
}

/// A parameter; `None` keeps its type.
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bool(Option<bool>),
    Time(Option<DateTime<Utc>>),
    Date(Option<NaiveDate>),
}

/// Microseconds are what every database keeps.
pub(super) fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

macro_rules! value_from {
    ($($variant:ident($type:ty) = $convert:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}
value_from! {
    Int(i64) = |value| value;
    Int(i32) = i64::from;
    Int(u32) = i64::from;
    Text(String) = |value| value;
    Text(&str) = str::to_owned;
    Bool(bool) = |value| value;
    Time(DateTime<Utc>) = micros;
    Date(NaiveDate) = |value| value;
}

/// The parameters `$1`, `$2`, … of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}
pub(super) use values;

/// A row as it came; [`Row::of`] says what it is, so that it can be read.
pub(super) enum Row {
    Sqlite(SqliteRow),
}

impl Row {
    /// Names the row, for the error when something in it makes no sense.
    pub fn of(&self, table: &'static str, id: impl ToString) -> Fields<'_> {
        Fields { row: self, table, id: id.to_string() }
    }
}

/// A row that can say of what table it is.
pub(super) struct Fields<'r> {
    row: &'r Row,
    table: &'static str,
    id: String,
}

impl<'r> Fields<'r> {
    pub fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        let Row::Sqlite(row) = self.row;
        row.try_get(column).map_err(|error| match error {
            sqlx::Error::ColumnDecode { .. } => self.corrupt(column),
            other => StoreError::Database(other),
        })
    }

    /// A number that is never negative.
    pub fn count(&self, column: &'static str) -> Result<u32> {
        u32::try_from(self.get::<i64>(column)?).map_err(|_| self.corrupt(column))
    }

    /// What was written by [`json`].
    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|_| self.corrupt(column))
    }

    pub fn json_opt<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.get::<Option<String>>(column)?
            .map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column)))
            .transpose()
    }

    /// One of the words of an enum of the domain (or another text that parses).
    pub fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text = self.get::<String>(column)?;
        serde_json::from_value(serde_json::Value::String(text)).map_err(|_| self.corrupt(column))
    }

    pub fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, id: self.id.clone() }
    }
}

/// A value of the domain as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(Box::new(error))))
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
fn explain(error: &sqlx::Error) -> String {
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
