//! What mentord knows about mentoring, as pure functions over plain data.
//!
//! Nothing in here is async, reads a clock, a file or a database, or logs: `now` is always an
//! argument, and what should happen comes back as data that can be printed, stored and tested.

pub mod alert;
pub mod cadence;
pub mod detect;
pub mod event;
pub mod evidence;
pub mod judge;
pub mod pairing;
pub mod people;
pub mod program;
pub mod report;
pub mod roster;
pub mod session;
pub mod uid;
