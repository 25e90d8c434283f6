//! What several commands begin with.

use std::path::Path;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Database};
use crate::domain::program::Program;
use crate::pipeline::Context;

use super::failure::Failure;

/// The machine's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Opens the database for looking at it: none is made, and nothing is brought up to date.
pub async fn look(file: &Path) -> Result<Context, Failure> {
    let config = config::load(file)?;
    exists(&config, file)?;
    let context = Context::new(&config, clock()).await?;
    if !context.store.schema_current().await? {
        let place = context.store.place();
        context.store.close().await;
        return Err(Failure::new(format!(
            "mentord: the database {place} is not up to date: run `mentord migrate --config {}` (or start the service)",
            file.display()
        )));
    }
    Ok(context)
}

/// Whether there is a database, so that none is made.
pub fn exists(config: &Config, file: &Path) -> Result<(), Failure> {
    match &config.database {
        Database::Sqlite(path) if !path.exists() => Err(Failure::new(format!(
            "mentord: there is no database {} yet: run `mentord migrate --config {}` (or start the service)",
            path.display(),
            file.display()
        ))),
        Database::Sqlite(_) | Database::Postgres(_) => Ok(()),
    }
}

/// Does something and closes the database, however it ended: what SQLite holds in its log goes into
/// the database's file, which is then all that has to be copied.
pub async fn closing(
    context: Context,
    work: impl AsyncFnOnce(&Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let done = work(&context).await;
    context.store.close().await;
    done
}

/// The programs asked for: the one named, or all.
pub fn programs<'a>(context: &'a Context, name: Option<&str>) -> Result<Vec<&'a Program>, Failure> {
    let Some(name) = name else { return Ok(context.programs.iter().collect()) };
    let known = || {
        let names: Vec<_> = context.programs.iter().map(|program| program.name.as_str()).collect();
        names.join(", ")
    };
    context.program(name).map(|program| vec![program]).ok_or_else(|| {
        Failure::new(format!("mentord: there is no program “{name}”; the configuration has: {}", known()))
    })
}
