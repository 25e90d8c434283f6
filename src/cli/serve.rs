//! `mentord serve`

use std::net::SocketAddr;
use std::path::Path;

use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::common;
use super::failure::Failure;
use crate::config::{self, Config};
use crate::daemon::service::{self, Companion, StartError};
use crate::pipeline::Context;
use crate::web;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    let door = Mutex::new(None);
    let accompany = async |config: &Config, context: &Context| listen(config, context, &door).await;
    service::run(config, || config::load(file), accompany, common::clock()).await.map_err(Failure::from)
}

/// The socket that is listened on, and the address it was asked for with.
type Door = (SocketAddr, std::net::TcpListener);

/// Opens the HTTP listener, where one is configured. While the address stays the same, a reload goes
/// on with the socket that is there, and nobody is turned away meanwhile.
async fn listen(
    config: &Config,
    context: &Context,
    door: &Mutex<Option<Door>>,
) -> Result<Vec<Companion>, StartError> {
    let mut door = door.lock().await;
    let Some(web) = &config.web else {
        *door = None;
        return Ok(Vec::new());
    };
    let failed = |why| StartError::Listen { address: web.listen, why };
    let kept = match &*door {
        Some((address, socket)) if *address == web.listen => socket.try_clone().map_err(failed)?,
        _ => {
            let socket =
                TcpListener::bind(web.listen).await.and_then(TcpListener::into_std).map_err(failed)?;
            door.insert((web.listen, socket)).1.try_clone().map_err(failed)?
        }
    };
    let listener = TcpListener::from_std(kept).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "listening on {address}");
    let watched = web::Watched::new(context);
    Ok(vec![Companion::start(|stop| web::serve(listener, watched, stop))])
}
