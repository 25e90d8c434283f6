/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database `{place}` cannot be opened: {why}")]
    Open { place: String, why: String },
    /// Another service has the database; SQLite serves one.
    #[error(
        "another `mentord serve` is running on {place}: stop that one first, or give this one a \
         database of its own"
    )]
    Held { place: String },
    #[error(
        "the database has schema version {found}, and this mentord knows versions up to {known}: \
         it was used by a newer mentord; install that one, or restore a backup from before"
    )]
    Newer { found: i64, known: i64 },
    /// Stored data that makes no sense.
    #[error("the database holds something unreadable: table {table}, column {column}, row {id}")]
    Corrupt { table: &'static str, column: String, id: String },
    #[error("the backup {file} was not made: {why}")]
    Backup { file: String, why: String },
    /// What was asked contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    #[error("there is no {what} `{id}`")]
    NoSuch { what: &'static str, id: String },
    #[error("the database's schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database does not answer")]
    Silent,
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;
