//! The roster: who mentors whom, read from CSV.
//!
//! Format: design section 6.

use chrono::{NaiveDate, TimeDelta};

use super::people::Address;

/// One pairing as the roster file tells it, rows of one group already put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub program: String,
    pub mentor: Person,
    /// Never empty.
    pub mentees: Vec<Person>,
    /// Set where several mentees share the pairing.
    pub group: Option<String>,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    pub cadence: Option<TimeDelta>,
}

/// A name and one or more addresses, the main one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub addresses: Vec<Address>,
}
