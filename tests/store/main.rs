//! The store's suite: what every database has to do alike.

#[path = "../postgres/mod.rs"]
mod postgres;

mod budget;
mod calendars;
mod carry;
mod corrupt;
mod detect;
mod fresh;
mod judge;
mod notices;
mod opening;
mod restore;
mod roster;
mod schema;
mod send;
mod status;
