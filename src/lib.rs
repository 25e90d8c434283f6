//! mentord knows, with evidence, whether a mentoring session took place.
//!
//! # How data flows
//!
//! One way, never back. Each arrow is a step in [`pipeline`] that reads what stands to its left, calls
//! a pure function in [`domain`], commits through [`store`], and is safe to run again. The tables are
//! the queue: no step calls the next one.
//!
//! ```text
//! provider page -> event -> session -> verdict -> alert -> delivery -> report
//!    providers      sync     detect     judge      plan      send      report
//! ```
//!
//! # Who uses whom
//!
//! [`domain`] uses nothing of the crate. [`providers`], [`store`] and [`notify`] use `domain` and their
//! part of [`config`], and not each other. `pipeline` uses those four, [`daemon`] and [`web`] use
//! `pipeline` and `store`, and [`cli`] puts it together. [`sandbox`] uses nothing and only `cli` uses it.
//! `tests/layout.rs` keeps it so.
#![forbid(unsafe_code)]

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
