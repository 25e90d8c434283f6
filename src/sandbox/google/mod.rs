//! Google Calendar v3: `events.list` and `events.get`.

pub mod consent;
pub mod directory;
pub mod error;
mod event;
mod fields;
mod freebusy;
mod items;
pub mod meet;
pub mod token;
pub mod watch;
mod write;

use std::collections::HashSet;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::json;

use crate::sandbox::auth::Grant;
use crate::sandbox::cursors::{Cursor, GoogleScope, Round, page_word, paginate, read_page_word};
use crate::sandbox::google::error::{error, insufficient, invalid, usual_error};
use crate::sandbox::google::event::{event_id, instance_id, stem};
use crate::sandbox::google::fields::Mask;
use crate::sandbox::google::items::{full, increment, view};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::rule::Slot;
use crate::sandbox::world::view::Standing;
use crate::sandbox::world::{What, World};

const READ: [&str; 4] = [
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar",
];
const WRITE: [&str; 2] =
    ["https://www.googleapis.com/auth/calendar.events", "https://www.googleapis.com/auth/calendar"];
const FREE_BUSY: [&str; 3] = [
    "https://www.googleapis.com/auth/calendar.freebusy",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar",
];

/// The parameters that an increment refuses.
const FULL_ONLY: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

pub fn answer(state: &State, all: &mut All, request: &Request, rest: &[&str]) -> Reply {
    let Some(Grant::Google { subject, scopes }) = all.accounts.find(request.bearer()).cloned() else {
        return usual_error(401);
    };
    let has = |some: &[&str]| scopes.iter().any(|scope| some.contains(&scope.as_str()));
    let method = request.method.as_str();
    let wanted: &[&str] = match rest {
        ["freeBusy"] => &FREE_BUSY,
        ["calendars", _, "events", "watch"] | ["channels", ..] => &READ,
        _ if method == "GET" => &READ,
        _ => &WRITE,
    };
    if !has(wanted) {
        return insufficient();
    }
    if wanted == WRITE && all.world.quirks.google_reader {
        let told = "You need to have writer access to this calendar.";
        return error(403, "calendar", "requiredAccessLevel", told, None);
    }
    let calendar = |id: &str| id == "primary" || id.eq_ignore_ascii_case(&subject);
    let reply = match rest {
        ["channels", "stop"] if request.method == "POST" => watch::stop(all, request),
        ["calendars", id, "events", ..] if !calendar(id) => usual_error(404),
        ["calendars", id, "events", "watch"] if request.method == "POST" => {
            watch::watch(state, all, request, &subject, id).unwrap_or_else(|refusal| refusal)
        }
        ["freeBusy"] if method == "POST" => {
            freebusy::answer(all, request, &subject).unwrap_or_else(|refusal| refusal)
        }
        ["calendars", _, "events"] => match method {
            "GET" => list(state, all, request, &subject),
            "POST" => write::insert(all, request, &subject),
            _ => Err(usual_error(404)),
        }
        .unwrap_or_else(|refusal| refusal),
        ["calendars", _, "events", event] => match method {
            "GET" => get(all, request, &subject, event),
            "PATCH" => write::change(all, request, &subject, event, false),
            "PUT" => write::change(all, request, &subject, event, true),
            "DELETE" => write::delete(all, request, &subject, event),
            _ => Err(usual_error(404)),
        }
        .unwrap_or_else(|refusal| refusal),
        ["calendars", _, "events", event, "instances"] if method == "GET" => {
            instances(state, all, request, &subject, event).unwrap_or_else(|refusal| refusal)
        }
        _ => usual_error(404),
    };
    match request.param("fields") {
        Some(fields) if reply.status == 200 => match Mask::parse(fields) {
            Some(mask) => Reply { body: mask.apply(reply.body), ..reply },
            None => error(400, "global", "invalidParameter", "Invalid field selection", Some("fields")),
        },
        _ => reply,
    }
}

fn list(state: &State, all: &mut All, request: &Request, owner: &str) -> Result<Reply, Reply> {
    let size = page_size(state, request)?;
    let scope = scope(request, owner)?;
    if let Some(word) = request.param("pageToken") {
        let (number, page) = read_page_word(word).ok_or_else(|| invalid("pageToken"))?;
        if all.world.quirks.pages_move_on {
            move_on(all, request, number);
        }
        let round = all.google.round(number).ok_or_else(|| invalid("pageToken"))?;
        let same = round.scope.owner == owner
            && round.scope.single == scope.single
            && round.scope.types == scope.types;
        let same_window = request.param("syncToken").is_some()
            || !round.resumable
            || (scope.from, scope.to) == (round.scope.from, round.scope.to)
            || (scope.from.is_none() && scope.to.is_none());
        if !same || !same_window || page >= round.pages.len() {
            return Err(invalid("pageToken"));
        }
        return Ok(page_of(all, request, owner, number, page));
    }
    let (scope, items, resumable) = match request.param("syncToken") {
        Some(word) => {
            if FULL_ONLY.iter().any(|name| request.param(name).is_some()) {
                let told = "Sync token cannot be used with these parameters.";
                return Err(error(400, "global", "badRequest", told, None));
            }
            if request.param("showDeleted") == Some("false") {
                return Err(invalid("showDeleted"));
            }
            let cursor = all.google.find(word).filter(|cursor| cursor.scope.owner == owner);
            let cursor = cursor.cloned().ok_or_else(|| usual_error(410))?;
            if (cursor.scope.single, &cursor.scope.types) != (scope.single, &scope.types) {
                return Err(error(
                    400,
                    "global",
                    "invalid",
                    "The parameters differ from the first listing.",
                    None,
                ));
            }
            let items = increment(&all.world, request, &cursor);
            (cursor.scope, items, true)
        }
        None => {
            let plain = [
                "orderBy",
                "q",
                "updatedMin",
                "iCalUID",
                "privateExtendedProperty",
                "sharedExtendedProperty",
            ]
            .iter()
            .all(|name| request.param(name).is_none());
            let items = full(&all.world, request, &scope);
            (scope, items, plain)
        }
    };
    let told = told(&all.world, items).into_iter();
    let mut pages = paginate(told.map(|item| vec![item]).collect(), size);
    if all.world.quirks.google_empty_page {
        pages.insert(0, Vec::new());
    }
    let (seq, increment) = (all.world.seq, request.param("syncToken").is_some());
    let round = Round { scope, pages, seq, resumable, increment, moved_on: seq };
    let number = all.google.begin(round);
    let reply = page_of(all, request, owner, number, 0);
    // Calls that are being made are there for those who look again, and whoever goes on from here is told.
    let made = all.world.on_calendar(owner).filter(|meeting| meeting.written.pending);
    for meeting in made.map(|meeting| meeting.index).collect::<Vec<_>>() {
        all.world.settle_call(meeting);
    }
    Ok(reply)
}

/// What is told of items: nothing twice, and of what was cancelled nothing where it is not told any more.
fn told(world: &World, mut items: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    let cancelled = |item: &serde_json::Value| item["status"] == "cancelled";
    let live: HashSet<String> = items
        .iter()
        .filter(|item| !cancelled(item))
        .filter_map(|item| item["id"].as_str().map(str::to_owned))
        .collect();
    let lives_on = |item: &serde_json::Value| item["id"].as_str().is_some_and(|id| live.contains(id));
    items.retain(|item| !cancelled(item) || !world.quirks.google_tombstones_dropped && !lives_on(item));
    items
}

/// A listing that is being read goes on to tell what has changed since it was begun. Of what is gone only
/// an increment speaks; so the cursor of a full listing tells all of it again.
fn move_on(all: &mut All, request: &Request, number: u64) {
    let Some(round) = all.google.round(number).filter(|round| round.resumable) else { return };
    if round.moved_on == all.world.seq {
        return;
    }
    let cursor = Cursor { scope: round.scope.clone(), seq: round.moved_on };
    let mut items = told(&all.world, increment(&all.world, request, &cursor));
    let (seq, increment) = (all.world.seq, round.increment);
    items.retain(|item| increment || item["status"] != "cancelled");
    if let Some(round) = all.google.round_mut(number) {
        round.pages.push(items);
        round.moved_on = seq;
        if increment {
            round.seq = seq;
        }
    }
}

fn page_size(state: &State, request: &Request) -> Result<usize, Reply> {
    let size = match request.param("maxResults").map(str::parse::<usize>) {
        None => 250,
        Some(Ok(size)) if size > 0 => size.min(2500),
        Some(_) => return Err(invalid("maxResults")),
    };
    Ok(size.min(state.page_size))
}

fn page_of(all: &mut All, _request: &Request, owner: &str, number: u64, page: usize) -> Reply {
    let Some(round) = all.google.round(number) else {
        return invalid("pageToken");
    };
    let (scope, seq, last) = (round.scope.clone(), round.seq, page + 1 >= round.pages.len());
    let resumable = round.resumable;
    let mut body = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{seq:x}\""),
        "summary": owner,
        "description": "",
        "updated": all.world.now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "timeZone": "Europe/Berlin",
        "accessRole": if all.world.quirks.google_reader { "reader" } else { "owner" },
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "items": round.pages.get(page).cloned().unwrap_or_default(),
    });
    if all.again {
        body["nextPageToken"] = json!(page_word(number, page, &all.world.mint.token()));
    } else if !last {
        body["nextPageToken"] = json!(page_word(number, page + 1, ""));
    } else if resumable {
        let word = format!("{}=", all.world.mint.token());
        all.google.keep(word.clone(), Cursor { scope, seq });
        body["nextSyncToken"] = json!(word);
    }
    Reply::ok(body)
}

fn scope(request: &Request, owner: &str) -> Result<GoogleScope, Reply> {
    let time = |name: &'static str| match request.param(name) {
        None => Ok(None),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map(|time| Some(time.with_timezone(&Utc)))
            .map_err(|_| invalid(name)),
    };
    let flag = |name: &'static str| match request.param(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid(name)),
    };
    let (from, to, single) = (time("timeMin")?, time("timeMax")?, flag("singleEvents")?);
    flag("showDeleted")?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        let told = "The specified time range is empty.";
        return Err(error(400, "calendar", "timeRangeEmpty", told, Some("timeMax")));
    }
    match request.param("orderBy") {
        None | Some("updated") => {}
        Some("startTime") if single => {}
        Some(_) => {
            let told = "The requested ordering is not available for the particular query.";
            return Err(error(400, "global", "badRequest", told, Some("orderBy")));
        }
    }
    let types = request.values("eventTypes");
    Ok(GoogleScope { owner: owner.to_string(), single, from, to, types })
}

/// An event id, found: a meeting, or one occurrence of a series.
#[derive(Debug, Clone, Copy)]
struct Found {
    meeting: usize,
    slot: Option<Slot>,
}

impl Found {
    fn what(&self) -> What {
        self.slot.map_or(What::Whole, |slot| What::One(slot.start))
    }
}

fn get(all: &mut All, request: &Request, owner: &str, id: &str) -> Result<Reply, Reply> {
    let found = find(&all.world, owner, id).ok_or_else(|| usual_error(404))?;
    let event = show(&all.world, request, owner, found);
    // A call that is being made is there when somebody looks again.
    all.world.settle_call(found.meeting);
    let etag = event["etag"].as_str().unwrap_or_default().to_string();
    if request.header("if-none-match").is_some_and(|known| known == etag) {
        return Ok(Reply::new(304, serde_json::Value::Null));
    }
    Ok(Reply::ok(event).with("etag", etag))
}

/// The instances of a series, deleted ones left out unless they are asked for.
fn instances(state: &State, all: &mut All, request: &Request, owner: &str, id: &str) -> Result<Reply, Reply> {
    let found = find(&all.world, owner, id).ok_or_else(|| usual_error(404))?;
    let scope = scope(request, owner)?;
    let size = page_size(state, request)?;
    if let Some(word) = request.param("pageToken") {
        let (number, page) = read_page_word(word).ok_or_else(|| invalid("pageToken"))?;
        let known = all.google.round(number).filter(|round| page < round.pages.len());
        known.filter(|round| round.scope.owner == owner).ok_or_else(|| invalid("pageToken"))?;
        return Ok(page_of(all, request, owner, number, page));
    }
    let (from, to) = items::window(&all.world, &scope);
    let deleted = request.param("showDeleted") == Some("true");
    let view = view(&all.world, request, owner);
    let meeting = &all.world.meetings[found.meeting];
    let mut seen = match found.slot {
        None => meeting.seen_between(owner, from, to),
        Some(slot) => vec![meeting.seen(owner, slot)],
    };
    seen.retain(|one| one.standing == Standing::Live || deleted);
    let items = seen.iter().map(|one| vec![view.occurrence(meeting, one)]).collect();
    let round = Round {
        scope,
        pages: paginate(items, size),
        seq: all.world.seq,
        resumable: false,
        increment: false,
        moved_on: 0,
    };
    let number = all.google.begin(round);
    Ok(page_of(all, request, owner, number, 0))
}

/// What an id names on a calendar.
fn find(world: &World, owner: &str, id: &str) -> Option<Found> {
    for meeting in world.on_calendar(owner) {
        let own = event_id(meeting);
        if own == id {
            return Some(Found { meeting: meeting.index, slot: None });
        }
        if !meeting.rule().is_series() {
            continue;
        }
        let stem = stem(meeting);
        let Some(suffix) = id.strip_prefix(&stem).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        let Some(around) = instance_day(suffix) else {
            continue;
        };
        let rule = meeting.rule();
        let slots = rule.slots(around - Duration::days(2), around + Duration::days(3));
        if let Some(slot) = slots.into_iter().find(|slot| instance_id(meeting, rule, slot) == id) {
            return Some(Found { meeting: meeting.index, slot: Some(slot) });
        }
    }
    None
}

fn show(world: &World, request: &Request, owner: &str, found: Found) -> serde_json::Value {
    let view = view(world, request, owner);
    let meeting = &world.meetings[found.meeting];
    match found.slot {
        Some(slot) => view.occurrence(meeting, &meeting.seen(owner, slot)),
        None if meeting.standing(owner) != Standing::Live => view.gone(meeting),
        None if meeting.rule().is_series() => view.master(meeting),
        None => view.occurrence(meeting, &meeting.seen(owner, meeting.rule().first())),
    }
}

fn instance_day(suffix: &str) -> Option<DateTime<Utc>> {
    let day = chrono::NaiveDate::parse_from_str(suffix.get(..8)?, "%Y%m%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}
