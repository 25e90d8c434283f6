//! The service loses nothing: the real program is killed, stopped, starved and lied to, again and
//! again, and in the end the books are checked against the world.
//!
//! What happens, and when, is drawn by chance; the seed is printed and can be given again:
//!
//! ```sh
//! MENTORD_TEST_SEED=7 MENTORD_TEST_KILLS=500 cargo test --test endure crash -- --nocapture
//! ```

#[path = "../postgres/mod.rs"]
mod postgres;

mod books;
mod chance;
mod company;
mod crash;
mod database;
mod disk;
mod faults;
mod relay;
mod service;
mod stage;
mod world;
