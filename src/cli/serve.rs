//! `mentord serve`

use std::path::Path;

use tokio::net::TcpListener;

use super::common;
use super::failure::Failure;
use crate::config::{self, Config};
use crate::daemon::service::{self, Companion, StartError};
use crate::pipeline::Context;
use crate::web;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    service::run(config, || config::load(file), listen, common::clock()).await.map_err(Failure::from)
}

/// Opens the HTTP listener, where one is configured.
async fn listen(config: &Config, context: &Context) -> Result<Vec<Companion>, StartError> {
    let Some(web) = &config.web else { return Ok(Vec::new()) };
    let address = web.listen;
    let failed = |why| StartError::Listen { address, why };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "listening on {address}");
    let store = context.store.clone();
    Ok(vec![Companion::start(|stop| web::serve(listener, store, stop))])
}
