//! Cursors and pages: what a listing was about, kept behind opaque words.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The most unfinished listings that are remembered, and the most items in all of them together:
/// a thousand full calendars would fill the memory.
const MOST_ROUNDS: usize = 4096;
const MOST_ITEMS: usize = 50_000;
/// A delta link lives until this many newer ones exist.
const GENERATIONS: u64 = 3;

/// What a Google listing was asked for; an increment must be asked for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleScope {
    pub owner: String,
    pub single: bool,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub types: Vec<String>,
}

/// What a Graph delta is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphScope {
    pub owner: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Which chain of delta links, and how far along.
    pub chain: u64,
    pub generation: u64,
}

/// Where a listing stood.
#[derive(Debug, Clone)]
pub struct Cursor<S> {
    pub scope: S,
    pub seq: u64,
}

/// A listing that is being paged through.
#[derive(Debug, Clone)]
pub struct Round<S> {
    pub scope: S,
    pub pages: Vec<Vec<Value>>,
    pub seq: u64,
    /// Whether a cursor follows the last page.
    pub resumable: bool,
    /// It tells of changes, and not of all there is.
    pub increment: bool,
    /// Up to which change its pages were carried on while it was read.
    pub moved_on: u64,
}

/// The cursors and rounds of one vendor.
pub struct Cursors<S> {
    cursors: HashMap<String, Cursor<S>>,
    rounds: BTreeMap<u64, Round<S>>,
    made: u64,
}

impl<S> Round<S> {
    fn items(&self) -> usize {
        self.pages.iter().map(Vec::len).sum()
    }
}

impl<S> Default for Cursors<S> {
    fn default() -> Self {
        Self { cursors: HashMap::new(), rounds: BTreeMap::new(), made: 0 }
    }
}

impl<S> Cursors<S> {
    pub fn keep(&mut self, word: String, cursor: Cursor<S>) {
        self.cursors.insert(word, cursor);
    }

    pub fn find(&self, word: &str) -> Option<&Cursor<S>> {
        self.cursors.get(word)
    }

    /// Remembers a round and returns its number.
    pub fn begin(&mut self, round: Round<S>) -> u64 {
        self.made += 1;
        self.rounds.insert(self.made, round);
        let mut items: usize = self.rounds.values().map(Round::items).sum();
        while self.rounds.len() > MOST_ROUNDS || (items > MOST_ITEMS && self.rounds.len() > 1) {
            items -= self.rounds.pop_first().map_or(0, |(_, oldest)| oldest.items());
        }
        self.made
    }

    pub fn round(&self, number: u64) -> Option<&Round<S>> {
        self.rounds.get(&number)
    }

    pub fn round_mut(&mut self, number: u64) -> Option<&mut Round<S>> {
        self.rounds.get_mut(&number)
    }

    /// Forgets every cursor and round whose scope is meant.
    pub fn expire(&mut self, meant: impl Fn(&S) -> bool) {
        self.cursors.retain(|_, cursor| !meant(&cursor.scope));
        self.rounds.retain(|_, round| !meant(&round.scope));
    }
}

/// Counts the delta links of each chain.
#[derive(Default)]
pub struct Chains {
    highest: HashMap<u64, u64>,
    made: u64,
}

impl Chains {
    pub fn new_chain(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub fn next(&mut self, chain: u64) -> u64 {
        let highest = self.highest.entry(chain).or_default();
        *highest += 1;
        *highest
    }

    /// The highest generation, when `scope` is too far behind it.
    pub fn outrun(&self, scope: &GraphScope) -> Option<u64> {
        let highest = self.highest.get(&scope.chain).copied().unwrap_or_default();
        (scope.generation + GENERATIONS < highest).then_some(highest)
    }
}

/// Cuts groups that must stay together into pages of about `size` items; there is always one page.
pub fn paginate(groups: Vec<Vec<Value>>, size: usize) -> Vec<Vec<Value>> {
    let size = size.max(1);
    let mut pages: Vec<Vec<Value>> = vec![Vec::new()];
    for group in groups {
        match pages.last_mut() {
            Some(page) if page.is_empty() || page.len() + group.len() <= size => page.extend(group),
            _ => pages.push(group),
        }
    }
    pages
}

/// A page token: the round and the page, and something that makes it another one.
pub fn page_word(round: u64, page: usize, other: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("page:{round}:{page}:{other}"))
}

/// Reads a page token back.
pub fn read_page_word(word: &str) -> Option<(u64, usize)> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(word).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.strip_prefix("page:")?.splitn(3, ':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
