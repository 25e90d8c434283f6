//! What a Google listing holds: everything, or what changed since a cursor.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::sandbox::cursors::{Cursor, GoogleScope};
use crate::sandbox::google::event::{GoogleView, instance_id};
use crate::sandbox::http::Request;
use crate::sandbox::world::rule::Rule;
use crate::sandbox::world::view::{Standing, overlaps};
use crate::sandbox::world::{Meeting, What, World};

/// The window of a scope; without a `timeMax` a series is shown as far ahead as Google shows it.
pub fn window(world: &World, scope: &GoogleScope) -> (DateTime<Utc>, DateTime<Utc>) {
    let far = Duration::days(365 * 14);
    (scope.from.unwrap_or(DateTime::UNIX_EPOCH), scope.to.unwrap_or(world.now + far))
}

pub fn view<'a>(world: &'a World, request: &Request, owner: &'a str) -> GoogleView<'a> {
    GoogleView {
        world,
        owner,
        zone: request.param("timeZone").and_then(|name| name.parse().ok()),
        most_guests: request.param("maxAttendees").and_then(|number| number.parse().ok()),
    }
}

fn wanted(scope: &GoogleScope, meeting: &Meeting) -> bool {
    scope.types.is_empty() || scope.types.contains(&meeting.event_type)
}

/// Whether `name=value` is among extended properties.
fn has(properties: &BTreeMap<String, String>, pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, value)| properties.get(name).is_some_and(|is| is == value))
}

/// A full listing.
pub fn full(world: &World, request: &Request, scope: &GoogleScope) -> Vec<Value> {
    let (from, to) = window(world, scope);
    let view = view(world, request, &scope.owner);
    let deleted = request.param("showDeleted") == Some("true");
    let updated = request.param("updatedMin").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let uid = request.param("iCalUID");
    let text = request.param("q").map(str::to_lowercase);
    let private = request.values("privateExtendedProperty");
    let shared = request.values("sharedExtendedProperty");
    let mut items: Vec<(DateTime<Utc>, Value)> = Vec::new();
    for meeting in world.on_calendar(&scope.owner).filter(|meeting| wanted(scope, meeting)) {
        let own = meeting.organizer == scope.owner;
        if !(private.iter().all(|pair| own && has(&meeting.written.private, pair))
            && shared.iter().all(|pair| has(&meeting.written.shared, pair)))
        {
            continue;
        }
        if uid.is_some_and(|uid| uid != meeting.uid)
            || updated.is_some_and(|since| meeting.updated < since)
            || text.as_ref().is_some_and(|text| !meeting.title.to_lowercase().contains(text))
        {
            continue;
        }
        let live = meeting.standing(&scope.owner) == Standing::Live;
        let seen = meeting.seen_between(&scope.owner, from, to);
        // Somebody may be on an occurrence or two alone.
        let visits = !live && seen.iter().any(|one| one.standing == Standing::Live);
        if !live && !visits && !deleted {
            continue;
        }
        if scope.single || !meeting.rule().is_series() {
            let shown = seen.iter().filter(|one| one.standing == Standing::Live || deleted);
            items.extend(shown.map(|one| (one.slot.start, view.occurrence(meeting, one))));
        } else if live || visits {
            if live && !seen.is_empty() {
                items.push((meeting.rule().first().start, view.master(meeting)));
            }
            items.extend(
                seen.iter()
                    .filter(|one| one.exception || one.standing != Standing::Live)
                    .map(|one| (one.slot.start, view.occurrence(meeting, one))),
            );
        } else {
            items.push((meeting.rule().first().start, view.gone(meeting)));
        }
    }
    if request.param("orderBy") == Some("startTime") {
        items.sort_by_key(|(start, _)| *start);
    }
    items.into_iter().map(|(_, item)| item).collect()
}

/// What changed since a cursor.
pub fn increment(world: &World, request: &Request, cursor: &Cursor<GoogleScope>) -> Vec<Value> {
    let scope = &cursor.scope;
    let (from, mut to) = window(world, scope);
    if world.quirks.google_unbounded {
        to = to.max(world.now + Duration::days(365 * 14));
    }
    let view = view(world, request, &scope.owner);
    let changed: BTreeSet<(usize, What)> = world
        .changes_since(&scope.owner, cursor.seq)
        .iter()
        .map(|change| (change.meeting, change.what))
        .collect();
    let mut items = Vec::new();
    for (index, what) in &changed {
        let Some(meeting) = world.meetings.get(*index).filter(|meeting| wanted(scope, meeting)) else {
            continue;
        };
        // An occurrence says nothing new when its whole series is told again, and it with it.
        let told = |original| {
            let seen = meeting.seen_at(&scope.owner, original);
            seen.is_none_or(|seen| overlaps(&seen.slot, from, to))
        };
        if what.original().is_some_and(told) && changed.contains(&(*index, What::Whole)) {
            continue;
        }
        let series = meeting.rule().is_series();
        match what {
            What::One(original) => {
                if let Some(seen) = meeting.seen_at(&scope.owner, *original) {
                    items.push(view.occurrence(meeting, &seen));
                }
            }
            What::Whole if series && scope.single => {
                items.extend(whole_series(&view, meeting, cursor, from, to));
            }
            What::Whole if meeting.standing(&scope.owner) != Standing::Live => {
                items.push(view.gone(meeting));
                if scope.single && !world.quirks.google_single_silent {
                    items.extend(was_a_series(&view, meeting, cursor, from, to));
                }
            }
            What::Whole if series => {
                items.push(view.master(meeting));
                let seen = meeting.seen_between(&scope.owner, from, to);
                let different = seen.iter().filter(|one| one.exception || one.standing != Standing::Live);
                items.extend(different.map(|one| view.occurrence(meeting, one)));
            }
            What::Whole => {
                // A single event is told wherever it went: increments know no window.
                let seen = meeting.seen(&scope.owner, meeting.rule().first());
                items.push(view.occurrence(meeting, &seen));
                if scope.single && !world.quirks.google_single_silent {
                    items.extend(was_a_series(&view, meeting, cursor, from, to));
                }
            }
        }
    }
    items
}

/// Tombstones for the occurrences of what was a series until a while ago.
fn was_a_series(
    view: &GoogleView<'_>,
    meeting: &Meeting,
    cursor: &Cursor<GoogleScope>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<Value> {
    let mut told = BTreeSet::new();
    let mut items = Vec::new();
    let series = meeting.old_rules(cursor.seq).filter(|rule| meeting.born <= cursor.seq && rule.is_series());
    for rule in series {
        let special = meeting.dropped.iter().filter(|(since, _)| *since > cursor.seq).map(|(_, slot)| *slot);
        for slot in rule.slots(from, to).into_iter().chain(special) {
            if told.insert(instance_id(meeting, rule, &slot)) {
                items.push(view.tombstone(meeting, rule, &slot, meeting.stamp));
            }
        }
    }
    items
}

/// All instances of a changed series: those it has now, and tombstones for those it had.
fn whole_series(
    view: &GoogleView<'_>,
    meeting: &Meeting,
    cursor: &Cursor<GoogleScope>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<Value> {
    let owner = &cursor.scope.owner;
    let silent = view.world.quirks.google_single_silent;
    let mut items = Vec::new();
    let mut told = BTreeSet::new();
    let known = meeting.born <= cursor.seq;
    for seen in meeting.seen_between(owner, from, to) {
        if seen.standing == Standing::Live || known {
            told.insert(instance_id(meeting, meeting.rule(), &seen.original));
            items.push(view.occurrence(meeting, &seen));
        }
    }
    let was_single = |rule: &&Rule| !rule.is_series() && meeting.standing(owner) != Standing::Live;
    if known && meeting.old_rules(cursor.seq).any(|rule| was_single(&rule)) && !silent {
        items.push(view.gone(meeting));
    }
    for rule in meeting.old_rules(cursor.seq).filter(|rule| known && rule.is_series()) {
        for slot in rule.slots(from, to).iter().filter(|slot| overlaps(slot, from, to)) {
            if told.insert(instance_id(meeting, rule, slot)) {
                items.push(view.tombstone(meeting, rule, slot, meeting.stamp));
            }
        }
    }
    // Exceptions may have been moved into the window from outside.
    for (_, slot) in meeting.dropped.iter().filter(|(since, _)| *since > cursor.seq) {
        if told.insert(instance_id(meeting, meeting.rule(), slot)) {
            items.push(view.tombstone(meeting, meeting.rule(), slot, meeting.stamp));
        }
    }
    items
}
