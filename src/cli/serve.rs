//! `mentord serve`

use std::path::Path;

use super::common;
use super::failure::Failure;
use crate::config;
use crate::daemon::service;

pub async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load(file)?;
    service::run(config, || config::load(file), common::clock()).await.map_err(Failure::from)
}
