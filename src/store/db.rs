//! The one place that knows which database it is: connections, parameters, rows.
//!
//! Everything else in the store writes one SQL text for both databases, with these words for what
//! they spell differently:
//! - `{db_now}`: the database's own time in whole seconds since 1970, for leases
//! - `{db_now_ms}`: the same in milliseconds, for budgets
//! - `{for_update}`: the row that was read is kept from other writers until the transaction ends
//!   (SQLite: every transaction keeps all of them out)
//! - `{skip_locked}`: as `{for_update}`, but rows that another instance has are passed over

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgPool, PgRow, Postgres};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Decode, Row as _, Sqlite, Transaction, Type};

use super::error::{Result, StoreError};
use crate::config;

mod postgres;
mod sqlite;

#[derive(Clone)]
pub(super) enum Db {
    Sqlite {
        path: PathBuf,
        /// A single connection: SQLite has one writer at a time anyway, and a queue in here is
        /// fairer than its busy loop.
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres {
        pool: PgPool,
        /// Where it is, without anything secret.
        place: String,
    },
}

impl Db {
    pub async fn open(database: &config::Database) -> Result<Self> {
        let db = match database {
            config::Database::Sqlite(path) => sqlite::open(path).await?,
            config::Database::Postgres(server) => postgres::open(server).await?,
        };
        let known = db.newest_known();
        match (db.schema_version().await, known) {
            (Ok(Some(found)), Some(known)) if found > known => Err(StoreError::Newer { found, known }),
            (Ok(_), _) => Ok(db),
            (Err(StoreError::Database(error)), _) => {
                Err(StoreError::Open { place: db.place(), why: db.explain(&error) })
            }
            (Err(error), _) => Err(error),
        }
    }

    pub async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite { write, .. } => sqlite::MIGRATIONS.run(write).await?,
            Self::Postgres { pool, .. } => postgres::migrate(pool).await?,
        }
        Ok(())
    }

    /// Whether every migration that this binary knows has been done.
    pub async fn schema_current(&self) -> Result<bool> {
        Ok(self.schema_version().await? == self.newest_known())
    }

    fn newest_known(&self) -> Option<i64> {
        let migrations = match self {
            Self::Sqlite { .. } => &sqlite::MIGRATIONS,
            Self::Postgres { .. } => &postgres::MIGRATIONS,
        };
        migrations.iter().map(|migration| migration.version).max()
    }

    /// The newest migration that was done; `None` for a database without any.
    pub async fn schema_version(&self) -> Result<Option<i64>> {
        let there = match self {
            Self::Sqlite { .. } => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
            }
            Self::Postgres { .. } => {
                "SELECT table_name FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'"
            }
        };
        if self.one(there, vec![]).await?.is_none() {
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
        match self {
            Self::Sqlite { path, .. } => path.display().to_string(),
            Self::Postgres { place, .. } => place.clone(),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { path, .. } => Some(path),
            Self::Postgres { .. } => None,
        }
    }

    fn explain(&self, error: &sqlx::Error) -> String {
        match self {
            Self::Sqlite { .. } => sqlite::explain(error),
            Self::Postgres { .. } => postgres::explain(error),
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { pool, .. } => postgres::close(pool).await,
        }
    }

    /// Begins a transaction that will write.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            // IMMEDIATE: one that begins by reading could not become a writer once another has written.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { pool, .. } => Tx::Postgres(postgres::limited(pool.begin()).await?),
        })
    }

    /// Reads outside of any transaction.
    pub async fn all(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { read, .. } => sqlite_rows(sql, values, read).await,
            Self::Postgres { pool, .. } => postgres_rows(sql, values, pool).await,
        }
    }

    /// As [`Db::all`], for what is one row or none.
    pub async fn one(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// One statement that writes, a transaction of its own, and what it returns.
    pub async fn write(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { write, .. } => sqlite_rows(sql, values, write).await,
            Self::Postgres { pool, .. } => postgres_rows(sql, values, pool).await,
        }
    }
}

/// A transaction that writes; dropped without [`Tx::commit`], it never was.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub async fn all(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => sqlite_rows(sql, values, &mut **tx).await,
            Self::Postgres(tx) => postgres_rows(sql, values, &mut **tx).await,
        }
    }

    /// As [`Tx::all`], for what is one row or none. (A statement that writes is thereby run to its
    /// end, not to its first row.)
    pub async fn one(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// Returns how many rows were written.
    pub async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlite_text(sql), values).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => {
                let query = bound!(postgres_text(sql), values);
                postgres::limited(query.execute(&mut **tx)).await?.rows_affected()
            }
        })
    }

    /// Keeps all other writers off these tables until the transaction ends; readers go on.
    pub async fn have_to_itself(&mut self, tables: &str) -> Result<()> {
        match self {
            // Every transaction that writes has the whole database to itself.
            Self::Sqlite(_) => {}
            Self::Postgres(_) => {
                self.execute(&format!("LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"), vec![]).await?;
            }
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
            Self::Postgres(tx) => postgres::limited(tx.commit()).await,
        }
    }

    pub async fn rollback(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => Ok(tx.rollback().await?),
            Self::Postgres(tx) => postgres::limited(tx.rollback()).await,
        }
    }
}

/// A statement with its parameters, for whichever database. SQL texts are put together from the
/// store's own literals only; whatever comes from outside is a [`Value`].
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query(AssertSqlSafe($sql)), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Time(value) => query.bind(value),
            Value::Date(value) => query.bind(value),
        })
    };
}
use bound;

async fn sqlite_rows<'e>(
    sql: &str,
    values: Vec<Value>,
    on: impl sqlx::Executor<'e, Database = Sqlite>,
) -> Result<Vec<Row>> {
    let rows = bound!(sqlite_text(sql), values).fetch_all(on).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

async fn postgres_rows<'e>(
    sql: &str,
    values: Vec<Value>,
    on: impl sqlx::Executor<'e, Database = Postgres>,
) -> Result<Vec<Row>> {
    let query = bound!(postgres_text(sql), values);
    let rows = postgres::limited(query.fetch_all(on)).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

pub(super) fn sqlite_text(sql: &str) -> String {
    sql.replace("{db_now}", "unixepoch()")
        .replace("{db_now_ms}", "CAST(unixepoch('subsec') * 1000 AS INTEGER)")
        .replace("{for_update}", "")
        .replace("{skip_locked}", "")
}

pub(super) fn postgres_text(sql: &str) -> String {
    // The time of the statement: that of the transaction would age with it.
    sql.replace("{db_now}", "EXTRACT(EPOCH FROM statement_timestamp())::bigint")
        .replace("{db_now_ms}", "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000)::bigint")
        .replace("{for_update}", "FOR NO KEY UPDATE")
        .replace("{skip_locked}", "FOR UPDATE SKIP LOCKED")
}

/// A parameter; `None` keeps its type.
#[derive(Clone, Debug, PartialEq)]
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

/// PostgreSQL's text cannot hold a NUL, and nobody means one.
fn text(text: impl Into<String>) -> String {
    let text = text.into();
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
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
    Text(String) = text;
    Text(&str) = text;
    Bool(bool) = |value| value;
    Time(DateTime<Utc>) = micros;
    Date(NaiveDate) = |value| value;
}

/// So many parameters from `first` on, for a list: `$1, $2, $3`.
pub(super) fn numbered(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// The parameters `$1`, `$2`, … of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}
pub(super) use values;

/// A row as it came; [`Row::of`] says what it is, so that it can be read.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
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
    pub fn get<T>(&self, column: &str) -> Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let value = match self.row {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| match error {
            sqlx::Error::ColumnDecode { .. } => self.corrupt(column),
            other => StoreError::Database(other),
        })
    }

    /// A number that is never negative.
    pub fn count(&self, column: &str) -> Result<u32> {
        u32::try_from(self.get::<i64>(column)?).map_err(|_| self.corrupt(column))
    }

    /// What was written by [`json`].
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|_| self.corrupt(column))
    }

    pub fn json_opt<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.get::<Option<String>>(column)?
            .map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column)))
            .transpose()
    }

    /// One of the words of an enum of the domain (or another text that parses).
    pub fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text = self.get::<String>(column)?;
        serde_json::from_value(serde_json::Value::String(text)).map_err(|_| self.corrupt(column))
    }

    pub fn corrupt(&self, column: &str) -> StoreError {
        StoreError::Corrupt { table: self.table, column: column.to_owned(), id: self.id.clone() }
    }
}

/// A value of the domain as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(Box::new(error))))
}
