//! Opening a PostgreSQL database, and not waiting for it for ever.

use std::future::Future;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::Executor as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::Db;
use crate::config;
use crate::store::error::{Result, StoreError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The longest that one statement may take. What takes longer is not going to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// How long to wait for a connection, to the server or in the pool.
const ACQUIRE: Duration = Duration::from_secs(10);

/// How many connections one instance holds at the most.
const CONNECTIONS: u32 = 10;

/// What each connection begins with. An instance that hangs in the middle of a transaction holds its
/// rows: the server then ends the transaction, and the others go on. (Nobody does anything else between
/// two statements of a transaction, so a moment is enough.)
const SESSION: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '5s'; \
     SET tcp_keepalives_idle = 30; SET timezone = 'UTC'; SET default_transaction_isolation = 'read committed'";

pub(super) async fn open(server: &config::Postgres) -> Result<Db> {
    let failed = |why: String| StoreError::Open { place: server.place(), why };
    let mut options: PgConnectOptions =
        server.url().parse().map_err(|error: sqlx::Error| failed(explain(&error)))?;
    if let Some(password) = &server.password {
        options = options.password(password.expose_secret());
    }
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .after_connect(|connection, _| Box::pin(async { connection.execute(SESSION).await.map(drop) }))
        .connect_with(options.application_name("mentord"))
        .await
        .map_err(|error| failed(explain(&error)))?;
    Ok(Db::Postgres { pool, place: server.place() })
}

/// Brings the schema up to date, on a connection without limits: to change a large table takes as long
/// as it takes, and so does waiting for another instance that is at it.
pub(super) async fn migrate(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0").await?;
    let done = MIGRATIONS.run(&mut *connection).await;
    // Nobody else gets it as it is now.
    connection.close().await?;
    Ok(done?)
}

/// Waits for the database's answer, but not for ever: a server that is gone says nothing.
pub(super) async fn limited<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
    match tokio::time::timeout(LIMIT + ACQUIRE, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::Silent),
    }
}

/// Ends the connections; one whose server is gone is left to itself.
pub(super) async fn close(pool: &PgPool) {
    if tokio::time::timeout(Duration::from_secs(5), pool.close()).await.is_err() {
        tracing::warn!("the database did not answer the farewell");
    }
}

/// What went wrong, in words that help.
pub(super) fn explain(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => {
            format!(
                "the server does not let us in ({error}); look at the user in `url` and at `password_file`"
            )
        }
        (Some("3D000"), _) => format!("there is no such database ({error}); create it with `createdb`"),
        (_, sqlx::Error::PoolTimedOut) => "the server does not answer".to_owned(),
        _ => error.to_string(),
    }
}
