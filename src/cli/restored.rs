//! `mentord restored`

use std::path::Path;

use super::failure::Failure;
use super::{common, output};
use crate::config;
use crate::pipeline::Context;
use crate::store::{InstanceState, StoreError};

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    common::exists(&config, file)?;
    let context = Context::new(&config, common::clock()).await?;
    common::closing(context, declare).await
}

async fn declare(context: &Context) -> Result<(), Failure> {
    let place = context.store.place();
    // On SQLite a service is kept out until this is done.
    let _hold = context.store.hold().map_err(|error| match error {
        StoreError::Held { .. } => {
            Failure::new(format!("mentord: a service is running on {place}: stop it, then run this again"))
        }
        error => error.into(),
    })?;
    // What was restored may be older than this binary.
    context.store.migrate().await?;
    let instances = context.store.instances().await?;
    if let Some(running) = instances.iter().find(|instance| instance.state == InstanceState::Running) {
        return Err(Failure::new(format!(
            "mentord: a service is running on {place} (host {}, process {}, last seen at {} UTC): stop it, \
             wait for half a minute if it did not end well, then run this again",
            running.host,
            running.pid,
            running.seen_at.format("%Y-%m-%d %H:%M:%S")
        )));
    }
    let restored = context.store.declare_restored("mentord restored", context.clock.now()).await?;
    output::print(&format!(
        "{place} counts as restored at {} UTC: what was due until then is not sent again ({} planned before)",
        restored.restored_at.format("%Y-%m-%d %H:%M:%S"),
        match restored.settled {
            1 => "1 alert was".to_owned(),
            many => format!("{many} alerts were"),
        }
    ))
}
