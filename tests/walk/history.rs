//! What was done to each meeting, as far as it matters to what can be asked of its sessions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::people::Choice;

/// What became of a meeting after it was planned.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// The meeting of which it is what followed, or itself.
    pub root: String,
    /// How often it was moved as a whole since the books were compared last.
    pub moved_as_a_whole: u32,
    /// Anything else, ever.
    pub other: bool,
    /// How many edits there were that may have moved a session of it, ever.
    pub moves: u32,
    /// It was called off as a whole, taken off a calendar, or taken from somebody, ever.
    pub called_off: bool,
    /// The same, of single occurrences: when they began and when they were planned to.
    pub called_off_at: BTreeSet<DateTime<Utc>>,
    /// It ends where another one goes on. Moved as a whole, it may win an occurrence back.
    cut: bool,
    /// It was moved as a whole since the books were compared last.
    stirred: bool,
    /// What began by then may have been over when it was moved: that stays where it was.
    pub open_from: Option<DateTime<Utc>>,
}

/// The lives of all meetings.
#[derive(Clone, Debug, Default)]
pub struct History {
    lives: BTreeMap<String, Life>,
    /// The meetings of which nothing can be seen just now: what was known of them before stays.
    pub hidden: BTreeSet<String>,
    /// The series that have more occurrences than mentord takes.
    pub absurd: BTreeSet<String>,
    /// A single event became a series, of which nothing may be in sight.
    pub out_of_sight: bool,
}

impl History {
    pub fn of(&mut self, id: &str) -> &mut Life {
        let fresh = || Life { root: id.to_owned(), ..Life::default() };
        self.lives.entry(id.to_owned()).or_insert_with(fresh)
    }

    pub fn get(&self, id: &str) -> Life {
        self.lives.get(id).cloned().unwrap_or_else(|| Life { root: id.to_owned(), ..Life::default() })
    }

    /// The first of a line of meetings each of which follows the one before.
    pub fn root<'a>(&'a self, id: &'a str) -> &'a str {
        self.lives.get(id).map_or(id, |life| &life.root)
    }

    /// Something happened that may have moved sessions.
    pub fn moved(&mut self, id: &str) {
        self.of(id).moves += 1;
    }

    /// Its occurrences have other original starts now.
    pub fn moved_as_a_whole(&mut self, id: &str) {
        let life = self.of(id);
        life.moves += 1;
        life.moved_as_a_whole += 1;
        life.stirred = true;
        life.other |= life.cut;
    }

    /// Something else was done to it.
    pub fn touched(&mut self, id: &str) {
        self.of(id).other = true;
    }

    /// Something was called off or taken off, or all of it.
    pub fn called_off(&mut self, choice: &Choice, whole: bool) {
        self.touched(choice.id());
        let (whole, life) = (whole || !choice.meeting.series, self.of(choice.id()));
        life.called_off |= whole;
        life.called_off_at.extend([choice.occurrence.start, choice.occurrence.original_start]);
    }

    /// From some occurrence on it goes on as another one.
    pub fn split(&mut self, id: &str, new: &str, to_another_time: bool) {
        let mut life = self.get(id);
        life.moves += 1;
        life.stirred = true;
        life.moved_as_a_whole += u32::from(to_another_time);
        self.lives.insert(new.to_owned(), life);
        self.of(id).cut = true;
        if self.hidden.contains(id) {
            self.hidden.insert(new.to_owned());
        }
    }

    /// All that goes back to one root.
    fn line<'a>(&'a self, root: &'a str) -> impl Iterator<Item = (&'a str, &'a Life)> {
        let of = move |(_, life): &(&String, &Life)| life.root == root;
        self.lives.iter().filter(of).map(|(id, life)| (id.as_str(), life))
    }

    /// How many edits may have moved sessions that go back to `root`.
    pub fn moves(&self, root: &str) -> u32 {
        self.line(root).map(|(_, life)| life.moves).sum()
    }

    /// Whether what goes back to `root` and begins at `start` may have been called off.
    pub fn is_called_off(&self, root: &str, start: DateTime<Utc>) -> bool {
        self.line(root).any(|(_, life)| life.called_off || life.called_off_at.contains(&start))
    }

    /// Whether sessions that go back to `root` and begin at `start` can be held against the world.
    pub fn is_open(&self, root: &str, start: DateTime<Utc>) -> bool {
        !self.hidden.iter().chain(&self.absurd).any(|id| self.root(id) == root)
            && self.line(root).all(|(_, life)| life.open_from.is_none_or(|from| start > from))
    }

    /// The meetings to which nothing else was ever done than to move them as a whole, and that not so
    /// often, since the books were compared last, that they are far away.
    pub fn is_moved_as_a_whole(&self, id: &str) -> bool {
        self.lives.get(id).is_some_and(|life| !life.other && (1..=2).contains(&life.moved_as_a_whole))
    }

    /// Whether to nothing of a line anything was ever done than to move it as a whole, and that seldom.
    pub fn is_only_moved(&self, root: &str) -> bool {
        let only = |life: &Life| !life.other && !life.called_off && life.moves <= 1;
        self.line(root).all(|(_, life)| only(life))
    }

    /// The books are going to be compared.
    pub fn settled(&mut self, now: DateTime<Utc>) {
        for life in self.lives.values_mut() {
            if std::mem::take(&mut life.stirred) {
                life.open_from = Some(now);
            }
        }
    }

    /// The books were compared.
    pub fn compared(&mut self) {
        for life in self.lives.values_mut() {
            life.moved_as_a_whole = 0;
        }
    }
}
