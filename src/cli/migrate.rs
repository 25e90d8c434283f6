//! `mentord migrate`

use clap::Args;

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::config::{self, Database};
use crate::pipeline::Context;
use crate::store::{Store, StoreError};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    /// Carry everything over from SQLite to this empty PostgreSQL database
    /// (postgres://user@host/database; the password also from $PGPASSWORD or ~/.pgpass)
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    let config = config::load(&options.file.config)?;
    let target = options.to.as_deref().map(target).transpose()?;
    let context = Context::new(&config, common::clock()).await?;
    match target {
        None => common::closing(context, migrate).await,
        Some(target) => {
            common::closing(context, async |context| {
                let to = Store::open(&target).await?;
                let done = carry_over(context, &to).await;
                to.close().await;
                done
            })
            .await
        }
    }
}

fn target(url: &str) -> Result<Database, Failure> {
    let server = config::postgres(url);
    server.map(Database::Postgres).map_err(|remedy| {
        Failure::usage(format!("mentord: --to is not the URL of a PostgreSQL database: {remedy}"))
    })
}

async fn migrate(context: &Context) -> Result<(), Failure> {
    let current = context.store.schema_current().await?;
    context.store.migrate().await?;
    let place = context.store.place();
    output::print(&if current {
        format!("{place} was up to date already")
    } else {
        format!("{place} is up to date now")
    })
}

async fn carry_over(context: &Context, to: &Store) -> Result<(), Failure> {
    let (from, now) = (&context.store, context.clock.now());
    // A service would go on writing to what is left behind.
    let _hold = from.hold().map_err(|error| match error {
        StoreError::Held { place } => Failure::new(format!(
            "mentord: a `mentord serve` is running on {place}: stop it, carry over, and start it on the new database"
        )),
        other => other.into(),
    })?;
    from.migrate().await?;
    to.migrate().await?;
    let carried = from.carry_over(to, "mentord migrate", now).await?;
    for (table, rows) in &carried.rows {
        output::print(&format!("{rows:>9}  {table}"))?;
    }
    output::print(&match carried.before {
        true => format!("{} holds the same as {} already, row by row", to.place(), from.place()),
        false => format!(
            "{} now holds the same as {}, row by row; write its url into [database] before you start the service",
            to.place(),
            from.place()
        ),
    })
}
