//! A series that is moved as a whole, or from one of its occurrences on.
//!
//! To both vendors such a series is one with other occurrences: each has another original start, and
//! those that were there before are gone; what follows is another series to them, at Microsoft under
//! another UID. To people their sessions were moved, and not called off.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::assemble::{Identity, identity, named};
use super::{Copy, CopyState, Session, SessionId};
use crate::domain::calendar::CalendarId;
use crate::domain::detect::Decision;

/// By how much the distances between occurrences differ when the clocks are set, or where a series
/// went from one zone to another.
const CLOCKS: TimeDelta = TimeDelta::hours(1);

/// How far a series may be moved of which one occurrence can be seen.
const ALONE: TimeDelta = TimeDelta::days(14);

/// How far from the occurrence at which a series is cut off the one begins that goes on with it: the day
/// may change with it, and hardly the week.
const NEXT: TimeDelta = TimeDelta::days(4);

/// What one calendar shows of one series.
#[derive(Default)]
struct Shown {
    /// The occurrences that were sessions already, by original start.
    before: BTreeMap<DateTime<Utc>, Before>,
    /// Those that nobody has seen before, and when they end.
    fresh: BTreeMap<DateTime<Utc>, (Identity, DateTime<Utc>)>,
}

struct Before {
    session: SessionId,
    over: bool,
    stands: bool,
    /// Something else stands in its place already.
    has_heir: bool,
}

/// For each identity that is new, the session of the occurrence whose place it takes.
pub(super) fn heirs(
    copies: &[Copy],
    sessions: &[Session],
    now: DateTime<Utc>,
) -> BTreeMap<Identity, SessionId> {
    let linked: BTreeSet<Identity> =
        copies.iter().filter(|copy| copy.session.is_some()).map(identity).collect();
    let mut standing: BTreeMap<&SessionId, Vec<&Copy>> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| copy.facts.state == CopyState::Stands) {
        if let Some(session) = &copy.session {
            standing.entry(session).or_default().push(copy);
        }
    }
    let goes_on = followed(copies);
    let mut series: BTreeMap<_, Shown> = BTreeMap::new();
    for copy in copies {
        let (Some(uid), Some(original)) = (&copy.facts.uid, copy.facts.original_start) else { continue };
        let stands = copy.facts.state == CopyState::Stands;
        let thread = goes_on.get(&(copy.calendar, uid)).copied().unwrap_or(uid);
        let shown = series.entry((copy.calendar, thread)).or_default();
        let identity = identity(copy);
        match &copy.session {
            Some(session) => {
                let known = sessions.iter().find(|known| known.id == *session);
                let over = known.is_some_and(|known| known.end <= now);
                // On the same calendar under whatever name; another calendar may name the same one differently.
                let is_heir = |other: &&Copy| match other.calendar == copy.calendar {
                    true => self::identity(other) != identity,
                    false => other.facts.original_start.is_some_and(|other| other != original),
                };
                let has_heir = standing.get(session).is_some_and(|others| others.iter().any(is_heir));
                let before = Before { session: session.clone(), over, stands, has_heir };
                shown.before.entry(original).or_insert(before).stands |= stands;
            }
            None if !stands || copy.facts.decision == Decision::Left => {}
            None if linked.contains(&identity) || named(sessions, &identity).is_some() => {}
            None => {
                shown.fresh.insert(original, (identity, copy.facts.end));
            }
        }
    }
    let mut heirs = BTreeMap::new();
    let mut used = BTreeSet::new();
    for shown in series.into_values() {
        for (identity, session) in shown.heirs(now) {
            // Calendars that show different parts of it may differ about who is whose heir.
            if !heirs.contains_key(&identity) && used.insert(session.clone()) {
                heirs.insert(identity, session);
            }
        }
    }
    heirs
}

/// On a calendar, the UID of a series with which another one goes on, and the UID of that other one: it
/// came up in the very reading in which the other had lost its end, and nothing but that, and the same
/// person called both.
fn followed(copies: &[Copy]) -> BTreeMap<(CalendarId, &String), &String> {
    let mut series: BTreeMap<_, Vec<&Copy>> = BTreeMap::new();
    for copy in copies {
        if let (Some(uid), Some(_)) = (&copy.facts.uid, copy.facts.original_start) {
            series.entry((copy.calendar, uid)).or_default().push(copy);
        }
    }
    let stands = |copy: &Copy| copy.facts.state == CopyState::Stands;
    let is_new = |own: &[&Copy]| own.iter().all(|copy| copy.session.is_none() && stands(copy));
    let (new, known): (Vec<_>, Vec<_>) = series.iter().partition(|(_, own)| is_new(own));
    let mut follows = BTreeMap::new();
    for ((calendar, uid), own) in new {
        let Some(seen_at) = own.iter().map(|copy| copy.changed_at).min() else { continue };
        let called_by = own.iter().find_map(|copy| copy.facts.organizer);
        let begin = own.iter().map(|copy| copy.facts.original_start).min().flatten();
        let lost_its_end = |copies: &[&Copy]| {
            let gone = |copy: &&&Copy| copy.session.is_some() && !stands(copy) && copy.changed_at == seen_at;
            let cut = copies.iter().filter(gone).map(|copy| copy.facts.original_start).min();
            let left = copies.iter().filter(|copy| stands(copy)).map(|copy| copy.facts.original_start).max();
            let by_the_same = copies.iter().all(|copy| copy.facts.organizer == called_by);
            let (Some(left), Some(Some(cut)), Some(begin)) = (left.flatten(), cut, begin) else {
                return false;
            };
            by_the_same && left < cut && (begin - cut).abs() <= NEXT
        };
        let lost: Vec<_> = known
            .iter()
            .filter(|((other, _), copies)| other == calendar && lost_its_end(copies))
            .map(|((_, other), _)| *other)
            .collect();
        // Of two that did so at once nobody can say which goes on.
        if let [other] = lost[..] {
            follows.insert((*calendar, *uid), other);
        }
    }
    follows
}

impl Shown {
    fn heirs(&self, now: DateTime<Utc>) -> Vec<(Identity, SessionId)> {
        let Some(shift) = self.shift() else { return Vec::new() };
        let mut free = self.fresh.clone();
        let mut heirs = Vec::new();
        for (original, before) in self.gone() {
            let Some(heir) = near(&free, original + shift) else { continue };
            // What is over is not moved to a time that is to come.
            if let Some((identity, end)) = free.remove(&heir)
                && (!before.over || end <= now)
            {
                heirs.push((identity, before.session.clone()));
            }
        }
        heirs
    }

    fn gone(&self) -> impl Iterator<Item = (DateTime<Utc>, &Before)> {
        let gone = self.before.iter().filter(|(_, before)| !before.stands && !before.has_heir);
        gone.map(|(original, before)| (*original, before))
    }

    /// By how much the series was moved: by that with which most of its occurrences find their places.
    /// `None`: it was not moved as a whole.
    fn shift(&self) -> Option<TimeDelta> {
        let (first, last) = (*self.fresh.first_key_value()?.0, *self.fresh.last_key_value()?.0);
        // Where the new ones are, none of the old ones is left.
        if self.before.range(first..=last).any(|(_, before)| before.stands) {
            return None;
        }
        let standing = self.before.iter().filter(|(_, before)| before.stands).map(|(original, _)| *original);
        let after: BTreeSet<DateTime<Utc>> = self.fresh.keys().copied().chain(standing).collect();
        let gaps = gaps(self.before.keys()).chain(gaps(&after)).min();
        // An occurrence that is called off, and one at the other end that comes into sight, are two.
        let limit = gaps.map_or(ALONE, |gap| gap - CLOCKS * 2);
        let shifts = self.gone().flat_map(|(original, _)| self.fresh.keys().map(move |new| *new - original));
        let shifts: BTreeSet<TimeDelta> = shifts.filter(|shift| shift.abs() < limit).collect();
        let found = |shift: TimeDelta| {
            self.gone().filter(|(original, _)| near(&self.fresh, *original + shift).is_some()).count()
        };
        shifts.into_iter().max_by_key(|shift| (found(*shift), Reverse(shift.abs())))
    }
}

/// The one that is nearest to a time, if it is near enough to be meant.
fn near<T>(originals: &BTreeMap<DateTime<Utc>, T>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let around = originals.range(at - CLOCKS..=at + CLOCKS).map(|(original, _)| *original);
    around.min_by_key(|original| (*original - at).abs())
}

/// The distances between neighbours.
fn gaps<'a>(originals: impl IntoIterator<Item = &'a DateTime<Utc>>) -> impl Iterator<Item = TimeDelta> {
    let mut last = None;
    originals.into_iter().filter_map(move |original| Some(*original - last.replace(*original)?))
}
