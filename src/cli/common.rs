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
pub async fn look(file: &Path) -> Result<(Config, Context), Failure> {
    let config = config::load(file)?;
    let Database::Sqlite(path) = &config.database;
    if !path.exists() {
        return Err(Failure::new(format!(
            "mentord: there is no database {} yet: run `mentord migrate --config {}` (or start the service)",
            path.display(),
            file.display()
        )));
    }
    let context = Context::new(&config, clock()).await?;
    if !context.store.schema_current().await? {
        return Err(Failure::new(format!(
            "mentord: the database {} is not up to date: run `mentord migrate --config {}` (or start the service)",
            context.store.place(),
            file.display()
        )));
    }
    Ok((config, context))
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
