//! A seeded walk through a world of series, edits and faults: after it settles, the sessions that
//! mentord knows are what the world says.
//!
//! Each seed is a walk of its own: a few people on Google and Microsoft 365, a mentoring pairing or
//! two, other meetings in between; dozens of edits, faults and clock steps; readings in between through
//! the real steps. In the middle and in the end the faults end, everything is read until it settles, and
//! the books are compared:
//!
//! - what stands, from when to when, for whom; who holds it, what everybody answered, its call, and
//!   whether it is certain to be a session (`compare`, `facts`, `weigh`);
//! - that a session is the same one for ever, wherever it goes, under whatever series, and counts no more
//!   moves than there were (`books`);
//! - that one meeting is one session, and nothing is called off that nobody called off (`compare`).
//!
//! ```sh
//! MENTORD_TEST_SEEDS=100000 cargo test --test walk        # more of them
//! MENTORD_TEST_SEED=7 cargo test --test walk -- --nocapture   # this one, step by step
//! ```

#[path = "../endure/chance.rs"]
mod chance;
#[path = "../postgres/mod.rs"]
mod postgres;

mod books;
mod compare;
mod edits;
mod facts;
mod faults;
mod history;
mod people;
mod plans;
mod shapes;
mod stage;
mod steps;
mod walk;
mod weigh;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::chance::given;
use crate::stage::Stage;
use crate::walk::Walk;

/// How many walks are made when nothing else is said.
const SEEDS: u64 = 2_000;
/// How many of them go on at the same time.
const THREADS: usize = 2;
/// How long to look for a shorter walk that fails, too.
const SHRINKING: Duration = Duration::from_secs(20);
/// One walk in so many is on PostgreSQL.
const ON_POSTGRES: u64 = 50;

#[test]
fn sessions_equal_the_world() {
    if let Some(seed) = given("MENTORD_TEST_SEED") {
        let failed = on_a_thread_of_its_own(move |stage| Box::pin(walk_and_shrink(stage, seed)));
        assert!(failed.is_none(), "{}", failed.unwrap_or_default());
        println!("seed {seed} is well");
        return;
    }
    let first = given("MENTORD_TEST_FIRST_SEED").unwrap_or(1);
    let end = first + given("MENTORD_TEST_SEEDS").unwrap_or(SEEDS);
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let failures: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                runtime().block_on(async {
                    let stage = Stage::set().await;
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let enough = failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= 5;
                        if seed >= end || enough {
                            return;
                        }
                        if seed.is_multiple_of(250) {
                            println!("seed {seed} after {:.0?}", begun.elapsed());
                        }
                        if let Some(failure) = walk_and_shrink(&stage, seed).await {
                            println!("{failure}\n");
                            failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                        }
                    }
                });
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn on_a_thread_of_its_own<T>(
    work: impl for<'a> FnOnce(&'a Stage) -> std::pin::Pin<Box<dyn Future<Output = T> + 'a>>,
) -> T {
    runtime().block_on(async { work(&Stage::set().await).await })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Goes one walk. Of one that ends badly the steps are dropped that do not matter, and what is left
/// is told.
async fn walk_and_shrink(stage: &Stage, seed: u64) -> Option<String> {
    let begun = Instant::now();
    let on_postgres = seed.is_multiple_of(ON_POSTGRES);
    let mut walk = Walk::draw(seed, on_postgres);
    let mut failure = walk.go(stage).await.err()?;
    let mut at = walk.steps.len();
    while at > 0 && begun.elapsed() < SHRINKING {
        at -= 1;
        let without = walk.without(at);
        if let Err(told) = without.go(stage).await {
            (walk, failure) = (without, told);
            at = at.min(walk.steps.len());
        }
    }
    let took = begun.elapsed();
    Some(format!("MENTORD_TEST_SEED={seed} ({took:.1?}), down to {} steps:\n{failure}", walk.steps.len()))
}
