//! Stories through the whole daemon: a sandbox for Google, Microsoft and the mail server, the real
//! configuration, database and workers, and a clock that moves when all work is done.

#[path = "../postgres/mod.rs"]
mod postgres;

mod budget;
mod channels;
mod crash;
mod faults;
mod habits;
mod journeys;
mod made;
mod month;
mod programme;
mod series;
mod told;
mod torn;
mod visibility;
mod window;
mod zones;
