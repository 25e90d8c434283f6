//! Chance that can be had again: every draw comes from one seed.
#![allow(dead_code, reason = "every binary whose tests draw by chance has this module, and uses its part")]

use std::ops::Range;

use mentord::clock::{Clock as _, SystemClock};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub struct Chance {
    random: StdRng,
}

impl Chance {
    /// From `MENTORD_TEST_SEED`, or from the time; says which, so that a failure can be had again.
    pub fn begin(test: &str) -> Self {
        let seed = given("MENTORD_TEST_SEED").unwrap_or_else(|| SystemClock.now().timestamp_micros() as u64);
        println!("{test}: MENTORD_TEST_SEED={seed}");
        Self::of(seed)
    }

    pub fn of(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    pub fn within<T>(&mut self, range: Range<T>) -> T
    where
        T: rand::distr::uniform::SampleUniform + PartialOrd,
    {
        self.random.random_range(range)
    }

    /// True in so many of a hundred cases.
    pub fn in_hundred(&mut self, cases: u32) -> bool {
        self.within(0..100) < cases
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { Some(&all[self.within(0..all.len())]) }
    }
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "the tests' own settings")]
pub fn given(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// Whether this runs where nothing may be skipped.
#[expect(clippy::disallowed_methods, reason = "the tests' own settings")]
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
