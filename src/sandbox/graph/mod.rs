//! Microsoft Graph v1.0: the paths, the headers, and everything but deltas and Teams.

mod batch;
mod before;
pub mod certificate;
pub mod consent;
mod delta;
mod event;
pub mod login;
mod pattern;
mod recurrence;
mod schedule;
pub mod subscriptions;
mod teams;
mod write;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::sandbox::auth::Grant;
use crate::sandbox::control::wire::{Mailbox, Person, Provider};
use crate::sandbox::graph::event::{GraphView, read_event_id};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::World;

pub fn answer(state: &State, all: &mut All, request: &Request, rest: &[&str]) -> Reply {
    let reply = match all.accounts.find(request.bearer()) {
        Some(Grant::Microsoft) => route(state, all, request, rest),
        Some(Grant::MicrosoftUser { subject, scopes }) => match consent::opens(all, subject, scopes, rest) {
            Some(rest) => {
                let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
                route(state, all, request, &rest)
            }
            None => error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
        },
        _ if request.bearer().is_none() => error(401, "InvalidAuthenticationToken", "Access token is empty."),
        _ => usual_error(401),
    };
    match request.header("client-request-id") {
        Some(id) => reply.with("client-request-id", id),
        None => reply,
    }
    .with("request-id", "00000000-0000-4000-8000-000000000000")
}

fn route(state: &State, all: &mut All, request: &Request, rest: &[&str]) -> Reply {
    if let ["subscriptions", rest @ ..] = rest {
        return subscriptions::answer(state, all, request, rest);
    }
    if let (["$batch"], "POST") = (rest, request.method.as_str()) {
        return batch::answer(state, all, request).unwrap_or_else(|refusal| refusal);
    }
    let (key, rest) = match rest {
        ["users", key, rest @ ..] => (*key, rest),
        ["me", ..] => {
            return error(400, "BadRequest", "/me request is only valid with delegated authentication flow.");
        }
        _ => return error(400, "BadRequest", "Resource not found for the segment."),
    };
    let Some(person) = all.world.user(Provider::Microsoft, key).cloned() else {
        return match rest {
            [] => error(
                404,
                "Request_ResourceNotFound",
                &format!(
                    "Resource '{key}' does not exist or one of its queried reference-property objects are not present."
                ),
            ),
            _ => error(404, "ErrorInvalidUser", &format!("The requested user '{key}' is invalid.")),
        };
    };
    if let Some(refusal) = refused(all, &person, rest) {
        return refusal;
    }
    let owner = person.address.clone();
    let written = match (request.method.as_str(), rest) {
        ("POST", ["events"] | ["calendar", "events"]) => write::create(state, all, request, &owner),
        ("PATCH", ["events", id] | ["calendar", "events", id]) => {
            write::change(state, all, request, &owner, id)
        }
        ("DELETE", ["events", id] | ["calendar", "events", id]) => write::delete(all, request, &owner, id),
        ("POST", ["events", id, action]) => write::act(all, request, &owner, id, action),
        ("POST", ["calendar", "getSchedule" | "microsoft.graph.getSchedule"]) => {
            schedule::answer(state, all, request, &owner)
        }
        ("GET", _) => Ok(route_get(state, all, request, &person, key, rest)),
        _ => Err(error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")),
    };
    written.unwrap_or_else(|refusal| refusal)
}

/// What keeps the application out of somebody's mailbox. Who they are is in the directory all the same.
fn refused(all: &All, person: &Person, rest: &[&str]) -> Option<Reply> {
    match (all.mailboxes.get(&person.address)?, rest) {
        (_, []) => None,
        (Mailbox::NoCalls, ["onlineMeetings", ..]) => Some(error(
            403,
            "Unauthorized",
            &format!("App is not authorized to read meetings on behalf of user {}", person.user_id),
        )),
        (Mailbox::Open | Mailbox::NoCalls, _) | (_, ["onlineMeetings", ..]) => None,
        (Mailbox::New, _) => Some(error(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )),
        (Mailbox::Shut, _) => Some(error(403, "ErrorAccessDenied", "Access to OData is disabled.")),
    }
}

fn route_get(
    state: &State,
    all: &mut All,
    request: &Request,
    person: &Person,
    key: &str,
    rest: &[&str],
) -> Reply {
    let owner = person.address.clone();
    match rest {
        [] => Reply::ok(select(
            request,
            json!({
                "@odata.context": format!("{}/v1.0/$metadata#users/$entity", request.origin(state)),
                "businessPhones": [],
                "displayName": person.name,
                "id": person.user_id,
                "mail": person.address,
                "userPrincipalName": person.address,
            }),
        )),
        ["calendar"] => Reply::ok(select(
            request,
            json!({
                "@odata.context": format!("{}/v1.0/$metadata#users('{key}')/calendar/$entity", request.origin(state)),
                "id": format!("AAMkA{}", person.user_id.replace('-', "")),
                "name": "Calendar",
                "isDefaultCalendar": true,
                "owner": {"name": person.name, "address": person.address},
            }),
        )),
        ["calendarView" | "calendarview", last] if is_delta(last) => {
            let round = delta::answer(state, all, request, &owner);
            if all.world.quirks.graph_repeat { before::told(request, round) } else { round }
        }
        ["calendarView" | "calendarview"] | ["calendar", "calendarView"] => {
            flat(state, all, request, &owner, None)
        }
        ["events"] | ["calendar", "events"] => masters(state, all, request, &owner),
        ["events", id] | ["calendar", "events", id] => event(&all.world, request, &owner, id),
        ["events", id, "instances"] => flat(state, all, request, &owner, Some(id)),
        ["onlineMeetings", rest @ ..] => teams::answer(state, all, request, person, key, rest),
        _ => error(400, "BadRequest", "Resource not found for the segment."),
    }
}

fn is_delta(segment: &str) -> bool {
    matches!(segment.trim_end_matches("()"), "delta" | "microsoft.graph.delta")
}

/// The values of all `Prefer` headers, quotes taken off.
pub fn preferences(request: &Request) -> Vec<String> {
    request
        .headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .map(|one| one.trim().replace('"', ""))
        .collect()
}

pub fn view<'a>(world: &'a World, request: &Request, owner: &'a str) -> Result<GraphView<'a>, Reply> {
    let wishes = preferences(request);
    let wish = |name: &str| {
        wishes.iter().find_map(|one| {
            let (key, value) = one.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_string())
        })
    };
    let zone = match wish("outlook.timezone") {
        None => Tz::UTC,
        Some(name) => name.parse().map_err(|_| {
            error(
                400,
                "ErrorInvalidTimeZone",
                &format!("The time zone '{name}' is not known to the sandbox; ask for UTC or an IANA name."),
            )
        })?,
    };
    Ok(GraphView {
        world,
        owner,
        immutable: wish("IdType").is_some_and(|kind| kind.eq_ignore_ascii_case("ImmutableId")),
        zone,
        text: wish("outlook.body-content-type").is_some_and(|kind| kind.eq_ignore_ascii_case("text")),
    })
}

/// `startDateTime` and `endDateTime`; without an offset they are UTC.
pub fn window(request: &Request) -> Result<(DateTime<Utc>, DateTime<Utc>), Reply> {
    let read = |name: &str| -> Result<Option<DateTime<Utc>>, Reply> {
        let Some(text) = request.param(name) else {
            return Ok(None);
        };
        let plain = || {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d"].iter().find_map(|form| {
                NaiveDateTime::parse_from_str(text, form)
                    .ok()
                    .or_else(|| chrono::NaiveDate::parse_from_str(text, form).ok()?.and_hms_opt(0, 0, 0))
            })
        };
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.with_timezone(&Utc))
            .ok()
            .or_else(|| plain().map(|time| time.and_utc()))
            .map(Some)
            .ok_or_else(|| {
                error(
                    400,
                    "ErrorInvalidParameter",
                    &format!("The value '{text}' of parameter '{name}' is invalid."),
                )
            })
    };
    let (Some(from), Some(to)) = (read("startDateTime")?, read("endDateTime")?) else {
        let told = "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.";
        return Err(error(400, "ErrorInvalidRequest", told));
    };
    if to < from {
        return Err(error(400, "ErrorInvalidParameter", "The end of the window is before its start."));
    }
    if to - from > Duration::days(1825) {
        let told = "Your request can't be completed. The range between the start and end dates is greater than the allowed range. Maximum number of days: 1825";
        return Err(error(400, "ErrorInvalidRequest", told));
    }
    Ok((from, to))
}

/// `calendarView` and `instances`: every occurrence in the window with everything.
fn flat(state: &State, all: &mut All, request: &Request, owner: &str, master: Option<&str>) -> Reply {
    let (from, to) = match window(request) {
        Ok(window) => window,
        Err(reply) => return reply,
    };
    let view = match view(&all.world, request, owner) {
        Ok(view) => view,
        Err(reply) => return reply,
    };
    let only = match master {
        None => None,
        Some(id) => match read_event_id(&all.world, owner, id).filter(|target| target.original.is_none()) {
            Some(target) => Some(target.meeting),
            None => return usual_error(404),
        },
    };
    let mut items: Vec<(DateTime<Utc>, Value)> = Vec::new();
    for meeting in
        all.world.on_calendar(owner).filter(|meeting| only.is_none_or(|index| index == meeting.index))
    {
        let seen = meeting.seen_between(owner, from, to);
        let held = seen.iter().filter(|seen| view.holds(meeting, seen.standing));
        items.extend(held.map(|seen| (seen.slot.start, select(request, view.occurrence(meeting, seen)))));
    }
    items.sort_by_key(|(start, _)| *start);
    let items = items.into_iter().map(|(_, item)| item).collect();
    paged(state, request, owner, "calendarView", items)
}

/// `events`: single meetings and series masters, no occurrences.
fn masters(state: &State, all: &All, request: &Request, owner: &str) -> Reply {
    let view = match view(&all.world, request, owner) {
        Ok(view) => view,
        Err(reply) => return reply,
    };
    let held = all.world.on_calendar(owner).filter(|meeting| view.holds(meeting, meeting.standing(owner)));
    let mut items: Vec<(DateTime<Utc>, Value)> = held
        .map(|meeting| {
            let first = meeting.rule().first();
            let event = if meeting.rule().is_series() {
                view.master(meeting)
            } else {
                view.occurrence(meeting, &meeting.seen(owner, first))
            };
            (first.start, select(request, event))
        })
        .collect();
    items.sort_by_key(|(start, _)| *start);
    paged(state, request, owner, "events", items.into_iter().map(|(_, item)| item).collect())
}

/// One page of a list, by `$top` and `$skip`.
fn paged(state: &State, request: &Request, owner: &str, name: &str, items: Vec<Value>) -> Reply {
    let number = |name: &str| request.param(name).and_then(|text| text.parse::<usize>().ok());
    let skip = number("$skip").unwrap_or(0);
    let top = number("$top").unwrap_or(10).clamp(1, 1000).min(state.page_size);
    let total = items.len();
    let value: Vec<Value> = items.into_iter().skip(skip).take(top).collect();
    let origin = request.origin(state);
    let mut body =
        json!({"@odata.context": format!("{origin}/v1.0/$metadata#users('{owner}')/{name}"), "value": value});
    if skip + top < total {
        let path = request.path.split('?').next().unwrap_or_default();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in request.query.iter().filter(|(name, _)| name != "$skip") {
            query.append_pair(name, value);
        }
        query.append_pair("$skip", &(skip + top).to_string());
        body["@odata.nextLink"] = json!(format!("{origin}{path}?{}", query.finish()));
    }
    Reply::ok(body)
}

fn event(world: &World, request: &Request, owner: &str, id: &str) -> Reply {
    let view = match view(world, request, owner) {
        Ok(view) => view,
        Err(reply) => return reply,
    };
    let found = read_event_id(world, owner, id).and_then(|target| {
        let meeting = world.on_calendar(owner).find(|meeting| meeting.index == target.meeting)?;
        let series = meeting.rule().is_series();
        match target.original {
            None if !view.holds(meeting, meeting.standing(owner)) => None,
            None if series => Some(view.master(meeting)),
            None => Some(view.occurrence(meeting, &meeting.seen(owner, meeting.rule().first()))),
            Some(original) => {
                let seen = meeting.seen_at(owner, original)?;
                view.holds(meeting, seen.standing).then(|| view.occurrence(meeting, &seen))
            }
        }
    });
    found.map_or_else(|| usual_error(404), |event| Reply::ok(select(request, event)))
}

/// `$select`: the named fields, and what OData always tells.
pub fn select(request: &Request, item: Value) -> Value {
    let (Some(wanted), Value::Object(fields)) = (request.param("$select"), &item) else {
        return item;
    };
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| {
            name.starts_with("@odata")
                || *name == "id"
                || wanted.iter().any(|want| want.eq_ignore_ascii_case(name))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

/// A dead delta link.
pub fn gone(
    state: &State,
    all: &All,
    request: &Request,
    owner: &str,
    generation: u64,
    highest: u64,
) -> Reply {
    let newer = (1..=3).map(|back| format!("[{}]", highest.saturating_sub(3 - back))).collect::<String>();
    let told = format!(
        "The sync state generation is not found; generation={generation};[highest={highest}]{newer}."
    );
    let reply = error(410, "SyncStateNotFound", &told);
    if all.world.quirks.graph_gone_location {
        let fresh = format!("{}/v1.0/users/{owner}/calendarView/delta", request.origin(state));
        return reply.with("location", fresh);
    }
    reply
}

/// Graph's usual answer with a status.
pub fn usual_error(status: u16) -> Reply {
    match status {
        400 => error(400, "ErrorInvalidRequest", "The request is invalid."),
        401 => error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
        403 => error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
        404 => error(404, "ErrorItemNotFound", "The specified object was not found in the store."),
        410 => error(
            410,
            "SyncStateNotFound",
            "The sync state generation is not found; generation=1;[highest=9][9][7][8].",
        ),
        429 => error(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
        503 => error(503, "ServiceUnavailable", "The service is temporarily unavailable."),
        status => {
            error(status, "InternalServerError", "An internal server error occurred. The operation failed.")
        }
    }
}

pub fn error(status: u16, code: &str, told: &str) -> Reply {
    let inner = json!({
        "date": "2026-01-01T00:00:00",
        "request-id": "00000000-0000-4000-8000-000000000000",
        "client-request-id": "00000000-0000-4000-8000-000000000000",
    });
    Reply::new(status, json!({"error": {"code": code, "message": told, "innerError": inner}}))
}
