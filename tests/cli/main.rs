//! The command line and the service, told by running the real program against a sandbox.
//!
//! The program uses the machine's clock here, so every world is planned around the present.

#[path = "../postgres/mod.rs"]
mod postgres;

mod backup;
mod check;
mod connect;
mod demo;
mod explain;
mod lists;
mod logs;
mod migrate;
mod privacy;
mod report;
mod roster;
mod send;
mod service;
mod stage;
mod status;
mod sync;
mod usage;
