//! What one calendar holds of a meeting.

use chrono::{DateTime, NaiveTime, Utc};

use crate::sandbox::control::wire::{Provider, Response};
use crate::sandbox::world::rule::Slot;
use crate::sandbox::world::{Meeting, World};

/// How an occurrence stands on one calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is to take place.
    Live,
    /// The organizer called it off.
    Cancelled,
    /// The calendar's owner took it off.
    Removed,
}

/// One occurrence as a calendar holds it. A single meeting is one occurrence too.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where the plan has it.
    pub original: Slot,
    /// Where it is now.
    pub slot: Slot,
    pub title: String,
    pub standing: Standing,
    /// It differs from its series.
    pub exception: bool,
    /// The last change of just this occurrence.
    pub stamp: u64,
}

impl Meeting {
    /// How the meeting as a whole stands on a calendar.
    pub fn standing(&self, viewer: &str) -> Standing {
        if self.removed.contains(viewer) || self.is_visited_by(viewer) {
            Standing::Removed
        } else if self.cancelled || !self.includes(viewer) {
            Standing::Cancelled
        } else {
            Standing::Live
        }
    }

    /// Whether somebody took the occurrence off their calendar, alone or with all of the meeting.
    pub fn is_taken_off_by(&self, who: &str, original: DateTime<Utc>) -> bool {
        self.removed.contains(who)
            || self.overrides.get(&original).is_some_and(|one| one.removed.contains(who))
    }

    /// One planned time with what is different about it.
    pub fn seen(&self, viewer: &str, original: Slot) -> Seen {
        let mut seen = Seen {
            original,
            slot: original,
            title: self.title.clone(),
            standing: self.standing(viewer),
            exception: false,
            stamp: self.stamp,
        };
        if let Some(one) = self.overrides.get(&original.start) {
            let rule = self.rule();
            let minutes = one.minutes.unwrap_or(rule.minutes);
            if one.start.is_some() || one.minutes.is_some() {
                let wall = one.start.unwrap_or(original.wall);
                // Whole days stay whole.
                let wall = if rule.all_day { wall.date().and_time(NaiveTime::MIN) } else { wall };
                seen.slot = rule.slot(wall, minutes);
            }
            if let Some(title) = &one.title {
                seen.title.clone_from(title);
            }
            if seen.standing == Standing::Live || one.invited.contains(viewer) {
                seen.standing = if one.removed.contains(viewer) {
                    Standing::Removed
                } else if self.cancelled || one.cancelled || one.uninvited.contains(viewer) {
                    Standing::Cancelled
                } else {
                    Standing::Live
                };
            } else if one.uninvited.contains(viewer) && self.is_visited_by(viewer) {
                seen.standing = Standing::Cancelled;
            }
            // An answer makes an exception only where it is known.
            let differs = one.start.is_some()
                || one.minutes.is_some()
                || one.title.is_some()
                || one.cancelled
                || !one.invited.is_empty()
                || !one.uninvited.is_empty();
            let answered = one.responses.contains_key(viewer) || viewer == self.organizer;
            seen.exception = rule.is_series() && (differs || answered);
            seen.stamp = seen.stamp.max(one.stamp);
        }
        seen
    }

    /// Every occurrence that overlaps the window where it is now, in whatever standing.
    pub fn seen_between(&self, viewer: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Seen> {
        let rule = self.rule();
        let mut all: Vec<Seen> = rule
            .slots(from, to)
            .into_iter()
            .filter(|slot| !self.overrides.contains_key(&slot.start))
            .map(|slot| self.seen(viewer, slot))
            .collect();
        for original in self.overrides.keys() {
            let Some(slot) = rule.at(*original) else {
                continue;
            };
            let seen = self.seen(viewer, slot);
            if overlaps(&seen.slot, from, to) {
                all.push(seen);
            }
        }
        all.sort_by_key(|seen| (seen.slot.start, seen.original.start));
        all
    }

    /// The occurrence with this original start.
    pub fn seen_at(&self, viewer: &str, original: DateTime<Utc>) -> Option<Seen> {
        Some(self.seen(viewer, self.rule().at(original)?))
    }
}

/// Ends after `from` and begins before `to`.
pub fn overlaps(slot: &Slot, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
    slot.start < to && (slot.end > from || (slot.end == slot.start && slot.start >= from))
}

impl World {
    /// The answer of `who` as the calendar of `viewer` knows it: the organizer knows all, Google tells
    /// every guest within Google, others know only their own.
    pub fn answer_seen(
        &self,
        meeting: &Meeting,
        viewer: &str,
        who: &str,
        original: Option<DateTime<Utc>>,
    ) -> Response {
        let told = viewer == meeting.organizer
            || viewer == who
            || (self.provider(viewer) == Provider::Google
                && self.provider(&meeting.organizer) == Provider::Google);
        if told { meeting.response(who, original) } else { Response::NeedsAction }
    }
}
