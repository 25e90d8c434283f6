//! What a listing of a calendar means for the copies known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::detect::{Decision, SeriesMemory, Sighting, detect};
use super::event::{Event, EventState, Response, Window};
use super::pairing::{Pairing, PairingId};
use super::people::{Address, ParticipantId};
use super::program::Program;
use super::session::{Copy, CopyFacts, CopyId, CopyState};

/// What a listing showed, with every doubt about things that vanished cleared up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events as they are now; of two with the same key the later one counts.
    pub events: Vec<Event>,
    /// Series that now have exactly these occurrences (by key) inside the window.
    pub series: Vec<(String, BTreeSet<String>)>,
    /// Keys of events and series that are there and could not be understood; nothing is concluded
    /// about them.
    pub unread: BTreeSet<String>,
    /// Keys of series that are there and have too many occurrences to be told; nothing is concluded
    /// about them either.
    pub withheld: BTreeSet<String>,
    /// Keys of events and series that are not on the calendar any more.
    pub deleted: BTreeSet<String>,
    /// Keys of series that were found to be there, and of which nothing more is known for that.
    pub masters: BTreeSet<String>,
    /// The events are all that there is inside the window.
    pub full: bool,
}

impl Seen {
    /// The series that are withheld from now on, of those that were before: one of their occurrences
    /// says nothing of how many there are.
    pub fn still_withheld(&self, before: &BTreeSet<String>) -> BTreeSet<String> {
        let told = |series: &String| {
            self.series.iter().any(|(key, _)| key == series) || self.deleted.contains(series)
        };
        let still = before.iter().filter(|series| !self.full && !told(series));
        still.chain(&self.withheld).cloned().collect()
    }
}

/// What is to be kept of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub upserts: Vec<(PairingId, CopyFacts)>,
    pub gone: Vec<CopyId>,
}

/// Compares what a listing showed with the copies known of the calendar. Merging is by key: what the
/// listing does not speak of stays as it was (design section 5.1).
pub fn compare(
    known: &[Copy],
    seen: &Seen,
    window: Window,
    programs: &[(&Program, &[Pairing])],
    memory: &SeriesMemory,
) -> Changes {
    let mut by_key: BTreeMap<&str, Vec<&Copy>> = BTreeMap::new();
    for copy in known {
        by_key.entry(&copy.facts.event).or_default().push(copy);
    }
    let latest: BTreeMap<&str, &Event> =
        seen.events.iter().map(|event| (event.key.as_str(), event)).collect();
    let relevant: Vec<&Event> = latest
        .values()
        .filter(|event| by_key.contains_key(event.key.as_str()) || inside(event, window, programs))
        .copied()
        .collect();
    let mut changes = Changes::default();
    let mut confirmed: BTreeSet<CopyId> = BTreeSet::new();
    for sighting in detect(&relevant, programs, memory) {
        let Some(pairing) = pairing(programs, sighting.pairing) else { continue };
        let copy = by_key
            .get(sighting.event.key.as_str())
            .and_then(|copies| copies.iter().find(|copy| copy.pairing == sighting.pairing));
        confirmed.extend(copy.map(|copy| copy.id));
        let cancelled = sighting.event.state == EventState::Cancelled;
        if copy.is_some() || !cancelled {
            let facts = facts(&sighting, pairing);
            changes.upserts.push((sighting.pairing, facts));
        }
    }
    // Of one that turned private its owner still shows when it is, and it is not to be missed there.
    for copy in known.iter().filter(|copy| !confirmed.contains(&copy.id)) {
        let now = latest.get(copy.facts.event.as_str()).filter(|event| event.private);
        changes.upserts.extend(now.and_then(|event| followed(copy, event, programs)));
    }
    let told_of = latest.values().filter_map(|event| event.series.as_deref());
    let series: BTreeSet<&str> = told_of
        .chain(seen.series.iter().map(|(key, _)| key.as_str()))
        .chain(seen.masters.iter().map(String::as_str))
        .collect();
    let gone = |copy: &&Copy| {
        copy.facts.state != CopyState::Gone
            && !confirmed.contains(&copy.id)
            && vanished(copy, seen, &latest, &series, window)
    };
    changes.gone = known.iter().filter(gone).map(|copy| copy.id).collect();
    changes
}

/// A copy at the times of its event, of which nothing else can be seen any more; `None` if it is there
/// already.
fn followed(
    copy: &Copy,
    event: &Event,
    programs: &[(&Program, &[Pairing])],
) -> Option<(PairingId, CopyFacts)> {
    let stands = copy.facts.state == CopyState::Stands && event.state != EventState::Cancelled;
    let (_, zone) = pairing(programs, copy.pairing)?;
    let (start, end) = (event.start.instant(zone), event.end.instant(zone));
    let moved = (start, end) != (copy.facts.start, copy.facts.end);
    (stands && moved && copy.facts.decision != Decision::Left)
        .then(|| (copy.pairing, CopyFacts { start, end, ..copy.facts.clone() }))
}

/// Whether the listing means that a known copy, which no sighting confirmed, is not there any more.
/// `masters` are the keys that are those of series now.
fn vanished(
    copy: &Copy,
    seen: &Seen,
    latest: &BTreeMap<&str, &Event>,
    masters: &BTreeSet<&str>,
    window: Window,
) -> bool {
    let series = copy.facts.series.as_deref();
    let unread = |key: &str| seen.unread.contains(key) || seen.withheld.contains(key);
    if unread(&copy.facts.event) || series.is_some_and(unread) {
        return false;
    }
    if let Some(event) = latest.get(copy.facts.event.as_str()) {
        // Still there, but the pairing is not on it any more. Of a private event nobody may know,
        // but for whether it is called off.
        return !event.private || event.state == EventState::Cancelled;
    }
    let inside = window.touches(copy.facts.start, copy.facts.end);
    let replaced = |(key, occurrences): &(String, BTreeSet<String>)| {
        series == Some(key.as_str()) && inside && !occurrences.contains(&copy.facts.event)
    };
    // A single event that became a series is its master now, and a series that became a single event has
    // no occurrences any more.
    let became_a_series = masters.contains(copy.facts.event.as_str());
    let became_single = |series| latest.get(series).is_some_and(|event| event.series.is_none());
    seen.deleted.contains(&copy.facts.event)
        || series.is_some_and(|series| seen.deleted.contains(series) || became_single(series))
        || seen.series.iter().any(replaced)
        || became_a_series
        || (seen.full && inside)
}

/// Increments may reach far beyond the window that was asked for.
fn inside(event: &Event, window: Window, programs: &[(&Program, &[Pairing])]) -> bool {
    let zone = programs.first().map_or(chrono_tz::UTC, |(program, _)| program.timezone);
    window.touches(event.start.instant(zone), event.end.instant(zone))
}

fn pairing<'a>(
    programs: &[(&Program, &'a [Pairing])],
    id: PairingId,
) -> Option<(&'a Pairing, chrono_tz::Tz)> {
    programs.iter().find_map(|(program, pairings)| {
        let found = pairings.iter().find(|pairing| pairing.id == id)?;
        Some((found, program.timezone))
    })
}

/// What is kept of an event for one pairing. Of an event that is left, only as much as it takes to
/// say why.
fn facts(sighting: &Sighting<'_>, (pairing, zone): (&Pairing, chrono_tz::Tz)) -> CopyFacts {
    let event = sighting.event;
    let left = sighting.decision == Decision::Left;
    let member = |address: &Address| pairing.member(address).map(|(_, person)| person.id);
    let organizer = event.organizer.as_ref().and_then(member);
    let writer = event.written_by.as_ref().and_then(member);
    CopyFacts {
        event: event.key.clone(),
        series: event.series.clone(),
        uid: event.uid.clone(),
        original_start: event.original_start.map(|start| start.instant(zone)),
        start: event.start.instant(zone),
        end: event.end.instant(zone),
        state: match event.state {
            EventState::Confirmed | EventState::Tentative => CopyState::Stands,
            EventState::Cancelled => CopyState::Cancelled,
        },
        organizer: organizer.filter(|_| !left),
        responses: if left { BTreeMap::new() } else { responses(event, pairing, organizer.or(writer)) },
        conference: event.conference.clone().filter(|_| !left),
        decision: sighting.decision,
        score: sighting.score,
        reasons: sighting.reasons.clone(),
        guests_hidden: event.guests_hidden,
    }
}

fn responses(
    event: &Event,
    pairing: &Pairing,
    planner: Option<ParticipantId>,
) -> BTreeMap<ParticipantId, Response> {
    let mut responses: BTreeMap<ParticipantId, Response> = BTreeMap::new();
    for guest in event.guests.iter().filter(|guest| !guest.resource) {
        if let Some((_, person)) = pairing.member(&guest.address) {
            responses.insert(person.id, guest.response);
        }
    }
    // Who calls a meeting means to come, unless they say otherwise.
    if let Some(planner) = planner {
        let answer = responses.entry(planner).or_insert(Response::Organizer);
        if matches!(answer, Response::Unknown | Response::NeedsAction) {
            *answer = Response::Organizer;
        }
    }
    responses
}
