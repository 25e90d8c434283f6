//! Graph's `calendarView/delta`: a window that stands still, rounds of pages, and links that die.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::cursors::{Cursor, GraphScope, Round, page_word, paginate, read_page_word};
use crate::sandbox::graph::event::GraphView;
use crate::sandbox::graph::{error, gone, view, window};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::view::overlaps;
use crate::sandbox::world::{Meeting, What, World};

/// What a delta does not support.
const REFUSED: [&str; 7] = ["$select", "$filter", "$orderby", "$expand", "$search", "$top", "$skip"];

pub fn answer(state: &State, all: &mut All, request: &Request, owner: &str) -> Reply {
    if let Some(name) = REFUSED.iter().find(|name| request.param(name).is_some()) {
        let told = format!(
            "The following parameters are not supported with change tracking over the 'Events' resource: '{name}'."
        );
        return error(400, "ErrorInvalidUrlQuery", &told);
    }
    let size = match preferred_size(request) {
        Some(size) => size.min(state.page_size),
        None => state.page_size.min(10),
    };
    if let Some(word) = request.param("$skiptoken") {
        return match read_page_word(word) {
            Some((number, page)) => {
                if all.world.quirks.pages_move_on {
                    move_on(all, request, owner, number);
                }
                page_of(state, all, request, owner, number, page)
            }
            None => error(400, "ErrorInvalidUrlQuery", "The skip token is malformed."),
        };
    }
    let (scope, items) = match request.param("$deltatoken") {
        Some(word) => {
            let Some(cursor) = all.graph.find(word).filter(|cursor| cursor.scope.owner == owner).cloned()
            else {
                return gone(state, all, request, owner, 0, 0);
            };
            if let Some(highest) = all.chains.outrun(&cursor.scope) {
                return gone(state, all, request, owner, cursor.scope.generation, highest);
            }
            let view = match view(&all.world, request, owner) {
                Ok(view) => view,
                Err(reply) => return reply,
            };
            (cursor.scope.clone(), increment(&view, &cursor))
        }
        None => {
            let (from, to) = match window(request) {
                Ok(window) => window,
                Err(reply) => return reply,
            };
            let chain = all.chains.new_chain();
            let view = match view(&all.world, request, owner) {
                Ok(view) => view,
                Err(reply) => return reply,
            };
            let scope = GraphScope { owner: owner.to_string(), from, to, chain, generation: 0 };
            (scope, first(&view, from, to))
        }
    };
    let pages = with_quirks(&all.world, paginate(items, size));
    let (seq, increment) = (all.world.seq, request.param("$deltatoken").is_some());
    let number = all.graph.begin(Round { scope, pages, seq, resumable: true, increment, moved_on: seq });
    page_of(state, all, request, owner, number, 0)
}

/// A round that is being read goes on to tell what has changed since it was begun: a series comes again,
/// as it is now.
fn move_on(all: &mut All, request: &Request, owner: &str, number: u64) {
    let Some(round) = all.graph.round(number).filter(|round| round.scope.owner == owner) else { return };
    if round.seq == all.world.seq {
        return;
    }
    let Ok(view) = view(&all.world, request, owner) else { return };
    let items = increment(&view, &Cursor { scope: round.scope.clone(), seq: round.seq });
    let seq = all.world.seq;
    if let Some(round) = all.graph.round_mut(number) {
        round.pages.push(items.into_iter().flatten().collect());
        (round.seq, round.moved_on) = (seq, seq);
    }
}

fn page_of(state: &State, all: &mut All, request: &Request, owner: &str, number: u64, page: usize) -> Reply {
    let found =
        all.graph.round(number).filter(|round| round.scope.owner == owner && page < round.pages.len());
    let Some(round) = found else {
        return gone(state, all, request, owner, 0, 0);
    };
    let (scope, seq, last) = (round.scope.clone(), round.seq, page + 1 >= round.pages.len());
    let origin = request.origin(state);
    let path =
        format!("{origin}/{}", request.path.trim_start_matches('/').split('?').next().unwrap_or_default());
    let mut body = json!({
        "@odata.context": format!("{origin}/v1.0/$metadata#Collection(event)"),
        "value": round.pages.get(page).cloned().unwrap_or_default(),
    });
    if all.again {
        let word = page_word(number, page, &all.world.mint.token());
        body["@odata.nextLink"] = json!(format!("{path}?$skiptoken={word}"));
    } else if !last {
        body["@odata.nextLink"] = json!(format!("{path}?$skiptoken={}", page_word(number, page + 1, "")));
    } else {
        let generation = all.chains.next(scope.chain);
        let word = all.world.mint.token();
        let scope = GraphScope { generation, ..scope };
        all.graph.keep(word.clone(), Cursor { scope, seq });
        body["@odata.deltaLink"] = json!(format!("{path}?$deltatoken={word}"));
    }
    Reply::ok(body).with("preference-applied", "odata.track-changes")
}

fn preferred_size(request: &Request) -> Option<usize> {
    crate::sandbox::graph::preferences(request)
        .iter()
        .find_map(|one| {
            one.strip_prefix("odata.maxpagesize=").or_else(|| one.strip_prefix("maxpagesize="))?.parse().ok()
        })
        .filter(|size| *size > 0)
}

fn first(view: &GraphView<'_>, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Vec<Value>> {
    view.world
        .on_calendar(view.owner)
        .map(|meeting| present(view, meeting, from, to))
        .filter(|group| !group.is_empty())
        .collect()
}

/// Everything of a meeting that is in the window: a series comes whole.
fn present(view: &GraphView<'_>, meeting: &Meeting, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Value> {
    let series = meeting.rule().is_series();
    let mut group: Vec<Value> = meeting
        .seen_between(view.owner, from, to)
        .iter()
        .filter(|seen| view.holds(meeting, seen.standing))
        .map(|seen| {
            if series && !seen.exception { view.stub(meeting, seen) } else { view.occurrence(meeting, seen) }
        })
        .collect();
    let whole = series && !meeting.is_visited_by(view.owner);
    if whole && !group.is_empty() && !view.world.quirks.graph_master_missing {
        group.insert(0, view.master(meeting));
    }
    group
}

fn increment(view: &GraphView<'_>, cursor: &Cursor<GraphScope>) -> Vec<Vec<Value>> {
    let (from, to) = (cursor.scope.from, cursor.scope.to);
    let mut changed: BTreeMap<usize, Vec<What>> = BTreeMap::new();
    for change in view.world.changes_since(view.owner, cursor.seq) {
        changed.entry(change.meeting).or_default().push(change.what);
    }
    let mut groups = Vec::new();
    for (index, whats) in changed {
        let Some(meeting) = view.world.meetings.get(index) else {
            continue;
        };
        if view.world.quirks.graph_forgets && (meeting.stamp + index as u64).is_multiple_of(3) {
            continue;
        }
        let mut group = present(view, meeting, from, to);
        if group.is_empty() && !meeting.is_visited_by(view.owner) {
            // It left the window, was deleted, or never was inside: all of these look the same.
            group.push(view.removed(view.id(meeting, None)));
        } else {
            group.extend(whats.iter().filter_map(|what| left_window(view, meeting, *what, from, to)));
        }
        groups.push(group);
    }
    groups
}

/// An exception that was moved out of the window is told as removed; a deleted occurrence is not
/// told at all. What somebody was invited to alone leaves like a single meeting.
fn left_window(
    view: &GraphView<'_>,
    meeting: &Meeting,
    what: What,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Option<Value> {
    let original = what.original()?;
    let seen = meeting.seen_at(view.owner, original);
    let held = seen.as_ref().is_some_and(|seen| view.holds(meeting, seen.standing));
    let inside = seen.is_some_and(|seen| overlaps(&seen.slot, from, to));
    let left = if meeting.is_visited_by(view.owner) { !held || !inside } else { held && !inside };
    left.then(|| view.removed(view.id(meeting, Some(original))))
}

fn with_quirks(world: &World, mut pages: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    if world.quirks.graph_master_apart {
        let is_master = |item: &Value| item["type"] == "seriesMaster";
        let masters: Vec<Value> = pages.iter().flatten().filter(|item| is_master(item)).cloned().collect();
        for page in &mut pages {
            page.retain(|item| !is_master(item));
        }
        if !masters.is_empty() {
            pages.push(masters);
        }
    }
    if world.quirks.graph_repeat {
        let first = pages.iter().flatten().next().cloned();
        if let (Some(item), Some(last)) = (first, pages.last_mut()) {
            last.push(item);
        }
    }
    if world.quirks.graph_empty_page {
        pages.insert(0, Vec::new());
    }
    pages
}
