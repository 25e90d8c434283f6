//! mentord knows, with evidence, whether a mentoring session took place.
#![forbid(unsafe_code)]

pub mod clock;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod notify;
pub mod pipeline;
pub mod providers;
pub mod sandbox;
pub mod store;
pub mod web;
