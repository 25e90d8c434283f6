//! What the domain promises, without a database, a network or a clock.

mod alerts;
mod assemble;
mod build;
mod cadence;
mod copies;
mod detect;
mod judge;
mod pace;
mod report;
