//! Pairings: who mentors whom, and how often they mean to meet.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta};
use serde::{Serialize, Serializer};

use super::people::{Address, Participant, ParticipantId};

/// The store's key of a [`Pairing`]; people see it as `p12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairingId(pub i64);

impl fmt::Display for PairingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl FromStr for PairingId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('p')
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a pairing; `mentord pairings` lists them (like `p12`)"))
    }
}

impl Serialize for PairingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Mentor,
    Mentee,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mentor => "mentor",
            Self::Mentee => "mentee",
        }
    }
}

/// One mentor with one or more mentees in a program, from a start to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    pub id: PairingId,
    /// The program's name.
    pub program: String,
    /// `None` for a peer circle.
    pub mentor: Option<Participant>,
    /// Never empty.
    pub mentees: Vec<Participant>,
    /// How often the two mean to meet, where it differs from the program's cadence.
    pub cadence: Option<TimeDelta>,
    /// The day on which the pairing came into the roster.
    pub entered_on: NaiveDate,
    pub starts_on: Option<NaiveDate>,
    /// The last day of the pairing.
    pub ends_on: Option<NaiveDate>,
    pub paused: bool,
}

impl Pairing {
    /// Everybody in the pairing, the mentor first.
    pub fn members(&self) -> impl Iterator<Item = (Role, &Participant)> {
        let mentor = self.mentor.iter().map(|person| (Role::Mentor, person));
        mentor.chain(self.mentees.iter().map(|person| (Role::Mentee, person)))
    }

    /// The member whom a calendar means by `address`.
    pub fn member(&self, address: &Address) -> Option<(Role, &Participant)> {
        self.members().find(|(_, person)| person.is(address))
    }

    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.members().map(|(_, person)| person).find(|person| person.id == id)
    }

    /// The day from which the pairing is counted.
    pub fn since(&self) -> NaiveDate {
        self.starts_on.unwrap_or(self.entered_on)
    }

    /// Whether the pairing runs on `day` (a date in the program's time zone).
    pub fn runs_on(&self, day: NaiveDate) -> bool {
        self.starts_on.is_none_or(|start| start <= day) && self.ends_on.is_none_or(|end| day <= end)
    }

    /// Whether the pairing is over on `day`.
    pub fn ended_on(&self, day: NaiveDate) -> bool {
        self.ends_on.is_some_and(|end| end < day)
    }

    /// Whether there is still something to learn about the pairing on `day`: it is not over, or has been
    /// for no longer than `after`. Days differ by one between time zones, which does not matter here.
    pub fn is_followed_on(&self, day: NaiveDate, after: TimeDelta) -> bool {
        self.ends_on.is_none_or(|end| day - after <= end)
    }

    /// Where two pairings fit one event equally well, the older one has it: the earlier start,
    /// then the one that was entered first.
    pub fn seniority(&self) -> (NaiveDate, PairingId) {
        (self.since(), self.id)
    }
}
