//! `mentord migrate`

use std::path::Path;

use super::common;
use super::failure::Failure;
use crate::config;
use crate::pipeline::Context;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    let context = Context::new(&config, common::clock()).await?;
    common::closing(context, migrate).await
}

async fn migrate(context: &Context) -> Result<(), Failure> {
    let current = context.store.schema_current().await?;
    context.store.migrate().await?;
    let place = context.store.place();
    super::output::print(&if current {
        format!("{place} was up to date already")
    } else {
        format!("{place} is up to date now")
    })
}
