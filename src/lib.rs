//! mentord knows, with evidence, whether a mentoring session took place.
#![forbid(unsafe_code)]

pub mod config;
pub mod domain;
pub mod notify;
pub mod providers;
pub mod sandbox;
pub mod store;
