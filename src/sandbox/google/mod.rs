//! Google Calendar v3: `events.list` and `events.get`.

pub mod consent;
pub mod directory;
pub mod error;
mod event;
mod fields;
mod items;
pub mod meet;
pub mod token;
pub mod watch;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::json;

use crate::sandbox::auth::Grant;
use crate::sandbox::cursors::{Cursor, GoogleScope, Round, page_word, paginate, read_page_word};
use crate::sandbox::google::error::{error, insufficient, invalid, usual_error};
use crate::sandbox::google::event::{event_id, instance_id};
use crate::sandbox::google::fields::Mask;
use crate::sandbox::google::items::{full, increment, view};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::World;
use crate::sandbox::world::view::Standing;

const READ: [&str; 2] = [
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
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
    if !scopes.iter().any(|scope| READ.contains(&scope.as_str())) {
        return insufficient();
    }
    let calendar = |id: &str| id == "primary" || id.eq_ignore_ascii_case(&subject);
    let reply = match rest {
        ["channels", "stop"] if request.method == "POST" => watch::stop(all, request),
        ["calendars", id, "events", ..] if !calendar(id) => usual_error(404),
        ["calendars", id, "events", "watch"] if request.method == "POST" => {
            watch::watch(state, all, request, &subject, id).unwrap_or_else(|refusal| refusal)
        }
        _ if request.method != "GET" => insufficient(),
        ["calendars", _, "events"] => list(state, all, request, &subject).unwrap_or_else(|refusal| refusal),
        ["calendars", _, "events", event] => get(&all.world, request, &subject, event),
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
    let size = match request.param("maxResults").map(str::parse::<usize>) {
        None => 250,
        Some(Ok(size)) if size > 0 => size.min(2500),
        Some(_) => return Err(invalid("maxResults")),
    }
    .min(state.page_size);
    let scope = scope(request, owner)?;
    if let Some(word) = request.param("pageToken") {
        let (number, page) = read_page_word(word).ok_or_else(|| invalid("pageToken"))?;
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
            let plain =
                ["orderBy", "q", "updatedMin", "iCalUID"].iter().all(|name| request.param(name).is_none());
            let items = full(&all.world, request, &scope);
            (scope, items, plain)
        }
    };
    let mut pages = paginate(items.into_iter().map(|item| vec![item]).collect(), size);
    if all.world.quirks.google_empty_page {
        pages.insert(0, Vec::new());
    }
    let round = Round { scope, pages, seq: all.world.seq, resumable };
    let number = all.google.begin(round);
    Ok(page_of(all, request, owner, number, 0))
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
        "accessRole": "owner",
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

fn get(world: &World, request: &Request, owner: &str, id: &str) -> Reply {
    let view = view(world, request, owner);
    for meeting in world.on_calendar(owner) {
        let own = event_id(meeting);
        if own == id {
            return Reply::ok(if meeting.standing(owner) != Standing::Live {
                view.gone(meeting)
            } else if meeting.rule().is_series() {
                view.master(meeting)
            } else {
                view.occurrence(meeting, &meeting.seen(owner, meeting.rule().first()))
            });
        }
        let Some(suffix) = id.strip_prefix(&own).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        let Some(around) = instance_day(suffix) else {
            continue;
        };
        let rule = meeting.rule();
        let slots = rule.slots(around - Duration::days(2), around + Duration::days(3));
        if let Some(slot) = slots.into_iter().find(|slot| instance_id(meeting, rule, slot) == id) {
            return Reply::ok(view.occurrence(meeting, &meeting.seen(owner, slot)));
        }
    }
    usual_error(404)
}

fn instance_day(suffix: &str) -> Option<DateTime<Utc>> {
    let day = chrono::NaiveDate::parse_from_str(suffix.get(..8)?, "%Y%m%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}
