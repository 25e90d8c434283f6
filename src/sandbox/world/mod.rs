//! The world: people, their meetings, and a log of what changed on whose calendar.

mod change;
mod guests;
pub mod ids;
pub mod rule;
pub mod runs;
mod series;
pub mod view;
pub mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::sandbox::control::wire::{Person, Presence, Provider, Quirks, Response};
use crate::sandbox::world::ids::Mint;
use crate::sandbox::world::rule::{Rule, Slot};
pub use crate::sandbox::world::series::Following;
use crate::sandbox::world::write::Written;

/// How the addresses of calendars end that are not somebody's first one.
const GROUP_CALENDARS: &str = "@group.calendar.google.com";

/// Everything there is.
pub struct World {
    pub now: DateTime<Utc>,
    pub quirks: Quirks,
    pub mint: Mint,
    pub tenant: String,
    pub people: BTreeMap<String, Person>,
    pub meetings: Vec<Meeting>,
    /// Counts every change; cursors remember where they stand in it.
    pub seq: u64,
    /// How often the items of each mailbox went to another folder.
    pub refiled: HashMap<String, u64>,
    log: HashMap<String, Vec<Change>>,
    calendars: HashMap<String, Vec<usize>>,
}

/// One line of a calendar's log.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub seq: u64,
    pub meeting: usize,
    pub what: What,
}

/// How much of a meeting changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Whole,
    One(DateTime<Utc>),
}

impl What {
    pub fn original(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Whole => None,
            Self::One(original) => Some(original),
        }
    }
}

/// The call of a meeting; a series has one for all its occurrences.
#[derive(Debug, Clone)]
pub enum Call {
    None,
    Meet { code: String },
    Teams { thread: String, join_url: String },
}

/// A single meeting or a series.
#[derive(Clone)]
pub struct Meeting {
    pub index: usize,
    pub uid: String,
    pub organizer: String,
    /// Who made it, where that is not the organizer.
    pub creator: Option<String>,
    /// Google: the series whose id stands in those of its occurrences, where it is not its own.
    pub stem: Option<String>,
    pub attendees: Vec<String>,
    pub rooms: Vec<String>,
    pub title: String,
    pub description: String,
    pub location: Option<String>,
    pub call: Call,
    pub visibility: String,
    pub transparency: String,
    pub event_type: String,
    /// Every plan there was, with the change that brought it; the last one holds.
    pub rules: Vec<(u64, Rule)>,
    pub responses: BTreeMap<String, Response>,
    pub overrides: BTreeMap<DateTime<Utc>, Override>,
    /// Occurrences that were different until a change of the plan, with that change.
    pub dropped: Vec<(u64, Slot)>,
    /// The organizer cancelled all of it.
    pub cancelled: bool,
    /// Guests who took it off their calendar.
    pub removed: BTreeSet<String>,
    /// Guests who were taken off the meeting.
    pub uninvited: BTreeSet<String>,
    pub attendance: Vec<(DateTime<Utc>, Presence)>,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
    /// The change in which it came, and the last one.
    pub born: u64,
    pub stamp: u64,
    /// The sequence number of iCalendar.
    pub revision: u64,
    pub written: Written,
}

/// What is different about one occurrence, by its original start.
#[derive(Debug, Clone, Default)]
pub struct Override {
    pub cancelled: bool,
    pub start: Option<NaiveDateTime>,
    pub minutes: Option<i64>,
    pub title: Option<String>,
    pub responses: BTreeMap<String, Response>,
    pub removed: BTreeSet<String>,
    /// Guests of just this occurrence.
    pub invited: BTreeSet<String>,
    /// Guests of the series who were taken off this occurrence.
    pub uninvited: BTreeSet<String>,
    pub stamp: u64,
}

impl World {
    pub fn new(now: DateTime<Utc>, seed: u64) -> Self {
        let mut mint = Mint::new(seed);
        let tenant = mint.guid();
        Self {
            now,
            quirks: Quirks::default(),
            mint,
            tenant,
            people: BTreeMap::new(),
            meetings: Vec::new(),
            seq: 1,
            refiled: HashMap::new(),
            log: HashMap::new(),
            calendars: HashMap::new(),
        }
    }

    pub fn person(&self, address: &str) -> Option<&Person> {
        self.people.get(&address.to_lowercase())
    }

    /// A person by address or by the vendor's id, at one vendor.
    pub fn user(&self, provider: Provider, key: &str) -> Option<&Person> {
        let found = self
            .person(key)
            .or_else(|| self.people.values().find(|person| !key.is_empty() && person.user_id == key))?;
        (found.provider == provider).then_some(found)
    }

    pub fn provider(&self, address: &str) -> Provider {
        match self.person(address) {
            Some(person) => person.provider,
            // A calendar that is nobody's first one.
            None if address.ends_with(GROUP_CALENDARS) => Provider::Google,
            None => Provider::None,
        }
    }

    /// The name to show for an address.
    pub fn name<'a>(&'a self, address: &'a str) -> &'a str {
        self.person(address).map_or(address, |person| person.name.as_str())
    }

    /// The meetings that were ever put on a calendar.
    pub fn on_calendar(&self, address: &str) -> impl Iterator<Item = &Meeting> {
        self.calendars.get(address).into_iter().flatten().filter_map(|index| self.meetings.get(*index))
    }

    /// What changed on a calendar after `seq`, the oldest first.
    pub fn changes_since(&self, address: &str, seq: u64) -> &[Change] {
        let log = self.log.get(address).map_or(&[][..], Vec::as_slice);
        &log[log.partition_point(|change| change.seq <= seq)..]
    }

    /// Puts a meeting on the calendars of everyone who has one.
    pub fn add(&mut self, meeting: Meeting) {
        let (index, everyone) = (meeting.index, meeting.everyone());
        self.meetings.push(meeting);
        for address in everyone {
            self.put_on_calendar(index, &address);
        }
    }

    /// Puts a meeting on somebody's calendar, if they have one.
    pub fn put_on_calendar(&mut self, index: usize, address: &str) {
        if self.provider(address) != Provider::None {
            let held = self.calendars.entry(address.to_string()).or_default();
            if !held.contains(&index) {
                held.push(index);
            }
        }
    }

    /// Writes a change into the logs of the calendars that can see it.
    pub fn record(&mut self, meeting: usize, what: What, seen_by: impl IntoIterator<Item = String>) {
        for address in seen_by {
            if self.calendars.get(&address).is_some_and(|held| held.contains(&meeting)) {
                self.log.entry(address).or_default().push(Change { seq: self.seq, meeting, what });
            }
        }
    }
}

impl Meeting {
    /// The plan that holds now.
    pub fn rule(&self) -> &Rule {
        &self.rules[self.rules.len() - 1].1
    }

    /// The plans that held at any time after `seq`, the last one left out.
    pub fn old_rules(&self, seq: u64) -> impl Iterator<Item = &Rule> {
        self.rules.windows(2).filter(move |pair| pair[1].0 > seq).map(|pair| &pair[0].1)
    }

    /// Organizer and guests, also those of single occurrences, rooms left out.
    pub fn everyone(&self) -> Vec<String> {
        let mut all = vec![self.organizer.clone()];
        let single = self.overrides.values().flat_map(|one| &one.invited);
        for guest in self.attendees.iter().chain(single) {
            if !all.contains(guest) {
                all.push(guest.clone());
            }
        }
        all
    }

    /// The sandbox's own name for it.
    pub fn id(&self) -> String {
        format!("m{}", self.index + 1)
    }

    pub fn conference_key(&self) -> Option<&str> {
        match &self.call {
            Call::None => None,
            Call::Meet { code } => Some(code),
            Call::Teams { join_url, .. } => Some(join_url),
        }
    }

    /// The answer somebody gave, for one occurrence or for all.
    pub fn response(&self, who: &str, original: Option<DateTime<Utc>>) -> Response {
        original
            .and_then(|at| self.overrides.get(&at))
            .and_then(|one| one.responses.get(who))
            .or_else(|| self.responses.get(who))
            .copied()
            .unwrap_or_default()
    }
}
