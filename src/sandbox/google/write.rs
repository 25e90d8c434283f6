//! Google Calendar's `events.insert`, `patch`, `update` and `delete`.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::sandbox::control::wire::{Conference, Provider, Response};
use crate::sandbox::google::error::{error, invalid, usual_error};
use crate::sandbox::google::{Found, event::event_id, find, show};
use crate::sandbox::http::{All, Reply, Request};
use crate::sandbox::world::write::{Draft, Times};
use crate::sandbox::world::{What, World};

/// The zone of the calendars, for times that name none.
const ZONE: Tz = chrono_tz::Europe::Berlin;
/// What a guest may not change: it is the organizer's.
const SHARED: [&str; 7] =
    ["summary", "description", "location", "start", "end", "recurrence", "conferenceData"];

type Told<T> = Result<T, Reply>;
type Body = Map<String, Value>;

pub fn insert(all: &mut All, request: &Request, owner: &str) -> Told<Reply> {
    let body = read(request)?;
    let told = updates(request)?;
    let uid = match text(&body, "id") {
        None => None,
        Some(id) => Some(own_id(&all.world, id)?),
    };
    let mut draft = draft(&body, owner)?;
    if draft.times.is_none() {
        let missing = if body.contains_key("start") { "end" } else { "start" };
        return Err(error(400, "global", "required", &format!("Missing {missing} time."), None));
    }
    let wanted = if versioned(request)? { conference_request(&body)? } else { None };
    if wanted.is_some() {
        draft.conference = Some(Conference::Meet);
    }
    let index = all.world.create(owner, draft, uid).map_err(refuse)?;
    if !told {
        all.world.keep_from(index, Provider::Google);
    }
    let pending = all.world.quirks.google_conference_pending && wanted.is_some();
    let written = &mut all.world.meetings[index].written;
    written.request = wanted;
    written.pending = pending;
    properties(all, index, &body);
    answers(all, index, &body, owner, What::Whole);
    let event = show(&all.world, request, owner, Found { meeting: index, slot: None });
    Ok(tagged(event))
}

/// `events.patch`, and `events.update` when `whole`: that one empties what it does not name.
pub fn change(all: &mut All, request: &Request, owner: &str, id: &str, whole: bool) -> Told<Reply> {
    let mut body = read(request)?;
    updates(request)?;
    let found = find(&all.world, owner, id).ok_or_else(|| usual_error(404))?;
    let now = show(&all.world, request, owner, found);
    matches(request, &now)?;
    if now["status"] == "cancelled" {
        return Err(usual_error(404));
    }
    if whole {
        complete(&mut body)?;
    }
    let meeting = &all.world.meetings[found.meeting];
    let (name, organizes) = (meeting.id(), meeting.organizer == owner);
    let what = found.what();
    let versioned = versioned(request)?;
    if body.get("status").is_some_and(|status| status == "cancelled") {
        drop_it(&mut all.world, &name, owner, organizes, found)?;
        return Ok(tagged(show(&all.world, request, owner, found)));
    }
    if !organizes {
        let foreign = |field: &&&str| body.get(**field).is_some_and(|value| *value != now[**field]);
        if SHARED.iter().find(foreign).is_some() && !whole {
            let told = "Shared properties can only be changed by the organizer of the event.";
            return Err(error(403, "calendar", "forbiddenForNonOrganizer", told, None));
        }
        answers(all, found.meeting, &body, owner, what);
        return Ok(tagged(show(&all.world, request, owner, found)));
    }
    let mut draft = draft(&body, owner)?;
    if found.slot.is_some() {
        // What an instance repeats of its series is no change.
        for (field, value) in [("description", &mut draft.description), ("location", &mut draft.location)] {
            if value.as_deref().unwrap_or_default() == now[field].as_str().unwrap_or_default() {
                *value = None;
            }
        }
        let seen = |name: &str| now[name].as_str().unwrap_or_default().to_string();
        if draft.visibility.as_deref() == Some(seen("visibility").as_str()) || whole {
            draft.visibility = None;
        }
        if draft.transparency.as_deref() == Some(seen("transparency").as_str()) || whole {
            draft.transparency = None;
        }
        let meeting = &all.world.meetings[found.meeting];
        draft.attendees = draft.attendees.filter(|guests| *guests != meeting.attendees);
        draft.rooms = None;
        draft.rrule = None;
    }
    let made = all.world.meetings[found.meeting].written.request.clone();
    let wanted = if versioned { conference_request(&body)? } else { None };
    let asked_anew = wanted.is_some() && wanted != made;
    if asked_anew {
        draft.conference = Some(Conference::Meet);
    } else if (versioned && body.get("conferenceData") == Some(&Value::Null))
        || (whole && (!versioned || !body.contains_key("conferenceData")))
    {
        draft.conference = Some(Conference::None);
    }
    all.world.edit(found.meeting, what, draft).map_err(refuse)?;
    if asked_anew {
        let pending = all.world.quirks.google_conference_pending;
        let written = &mut all.world.meetings[found.meeting].written;
        written.request = wanted;
        written.pending = pending;
    }
    properties(all, found.meeting, &body);
    // The move of an instance leaves its id, but a new plan of the series may leave no such instance.
    Ok(tagged(show(&all.world, request, owner, found)))
}

pub fn delete(all: &mut All, request: &Request, owner: &str, id: &str) -> Told<Reply> {
    updates(request)?;
    let found = find(&all.world, owner, id).ok_or_else(|| usual_error(404))?;
    let now = show(&all.world, request, owner, found);
    matches(request, &now)?;
    if now["status"] == "cancelled" {
        return Err(error(410, "global", "deleted", "Resource has been deleted", None));
    }
    let meeting = &all.world.meetings[found.meeting];
    let (name, organizes) = (meeting.id(), meeting.organizer == owner);
    drop_it(&mut all.world, &name, owner, organizes, found)?;
    Ok(Reply::new(204, Value::Null))
}

/// The organizer calls it off; a guest takes it off the own calendar.
fn drop_it(world: &mut World, name: &str, owner: &str, organizes: bool, found: Found) -> Told<()> {
    let occurrence = found.slot.map(|slot| slot.start);
    if organizes { world.cancel(name, occurrence) } else { world.remove(name, owner, occurrence) }
        .map_err(refuse)
}

/// The event as Google answers a write, with its etag beside it.
fn tagged(event: Value) -> Reply {
    let etag = event["etag"].as_str().unwrap_or_default().to_string();
    Reply::ok(event).with("etag", etag)
}

fn matches(request: &Request, now: &Value) -> Told<()> {
    match request.header("if-match") {
        Some(wanted) if wanted != "*" && Some(wanted) != now["etag"].as_str() => {
            let mut reply = error(412, "global", "conditionNotMet", "Precondition Failed", Some("If-Match"));
            reply.body["error"]["errors"][0]["locationType"] = json!("header");
            Err(reply)
        }
        _ => Ok(()),
    }
}

/// An id that the client chose: 5 to 1024 of Google's base 32 letters, never used before.
fn own_id(world: &World, id: &str) -> Told<String> {
    let letters = id.bytes().all(|byte| matches!(byte, b'a'..=b'v' | b'0'..=b'9'));
    if !(5..=1024).contains(&id.len()) || !letters {
        return Err(error(400, "global", "invalid", "Invalid resource id value.", None));
    }
    if world.meetings.iter().any(|meeting| event_id(meeting) == id) {
        let told = "The requested identifier already exists.";
        return Err(error(409, "global", "duplicate", told, None));
    }
    Ok(format!("{id}@google.com"))
}

/// Whether guests elsewhere are written to.
fn updates(request: &Request) -> Told<bool> {
    match request.param("sendUpdates") {
        Some("all" | "externalOnly") => Ok(true),
        Some("none") => Ok(false),
        Some(_) => Err(invalid("sendUpdates")),
        None => Ok(request.param("sendNotifications") == Some("true")),
    }
}

fn versioned(request: &Request) -> Told<bool> {
    match request.param("conferenceDataVersion") {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(invalid("conferenceDataVersion")),
    }
}

fn conference_request(body: &Body) -> Told<Option<String>> {
    let Some(wanted) = body.get("conferenceData").and_then(|data| data.get("createRequest")) else {
        return Ok(None);
    };
    let kind = wanted.pointer("/conferenceSolutionKey/type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "hangoutsMeet") {
        return Err(error(400, "global", "invalid", "Invalid conference type value.", None));
    }
    let id = wanted.get("requestId").and_then(Value::as_str);
    id.map(|id| Some(id.to_string()))
        .ok_or_else(|| error(400, "global", "required", "Missing conference create request id.", None))
}

fn read(request: &Request) -> Told<Body> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(error(400, "global", "parseError", "Parse Error", None)),
    }
}

/// What `events.update` leaves out is emptied.
fn complete(body: &mut Body) -> Told<()> {
    if !body.contains_key("start") || !body.contains_key("end") {
        return Err(error(400, "global", "required", "Missing end time.", None));
    }
    for (name, empty) in [
        ("summary", json!("")),
        ("description", json!("")),
        ("location", json!("")),
        ("visibility", json!("default")),
        ("transparency", json!("opaque")),
        ("attendees", json!([])),
        ("recurrence", json!([])),
        ("extendedProperties", json!({})),
    ] {
        body.entry(name).or_insert(empty);
    }
    Ok(())
}

fn draft(body: &Body, owner: &str) -> Told<Draft> {
    let words = |name: &'static str| match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(name)),
    };
    let (mut attendees, mut rooms) = (None, None);
    if let Some(list) = body.get("attendees") {
        let (mut people, mut places) = (Vec::new(), Vec::new());
        for guest in list.as_array().map(Vec::as_slice).unwrap_or_default() {
            let address = guest["email"].as_str().filter(|text| text.contains('@'));
            let address = address
                .map(str::to_lowercase)
                .ok_or_else(|| error(400, "global", "invalid", "Invalid attendee email.", None))?;
            if guest["resource"] == true {
                places.push(address);
            } else if address != owner && !people.contains(&address) {
                people.push(address);
            }
        }
        attendees = Some(people);
        rooms = Some(places);
    }
    let series = match body.get("recurrence") {
        None => None,
        Some(lines) => Some(rule_of(lines)?),
    };
    Ok(Draft {
        title: words("summary")?,
        description: words("description")?,
        location: words("location")?,
        visibility: words("visibility")?.map(|word| if word.is_empty() { "default".into() } else { word }),
        transparency: words("transparency")?.map(|word| if word.is_empty() { "opaque".into() } else { word }),
        event_type: words("eventType")?,
        attendees,
        rooms,
        times: times(body, series.as_ref().is_some_and(Option::is_some))?,
        rrule: series,
        conference: None,
        hide_attendees: body.get("guestsCanSeeOtherGuests").and_then(Value::as_bool).map(|see| !see),
    })
}

fn rule_of(lines: &Value) -> Told<Option<String>> {
    let lines: Vec<&str> = lines.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match lines.as_slice() {
        [] => Ok(None),
        [line] if line.to_uppercase().starts_with("RRULE:") => Ok(Some(line[6..].to_string())),
        _ => Err(error(400, "global", "invalid", "Invalid recurrence rule.", None)),
    }
}

fn times(body: &Body, series: bool) -> Told<Option<Times>> {
    let (Some(start), Some(end)) = (body.get("start"), body.get("end")) else {
        return Ok(None);
    };
    let zone = |point: &Value| match point["timeZone"].as_str() {
        None => Ok(None),
        Some(name) => name.parse::<Tz>().map(Some).map_err(|_| {
            error(400, "global", "invalid", &format!("Invalid time zone definition for {name}."), None)
        }),
    };
    if let (Some(from), Some(to)) = (start["date"].as_str(), end["date"].as_str()) {
        let day = |text: &str| text.parse::<NaiveDate>().map_err(|_| invalid("start"));
        let (from, to) = (day(from)?, day(to)?);
        if to <= from {
            return Err(empty());
        }
        let wall = from.and_time(chrono::NaiveTime::MIN);
        return Ok(Some(Times { wall, zone: ZONE, minutes: (to - from).num_minutes(), all_day: true }));
    }
    let named = zone(start)?;
    if series && named.is_none() {
        let told = "Missing time zone definition for start time.";
        return Err(error(400, "global", "required", told, None));
    }
    let at = |point: &Value, zone: Tz| {
        let text = point["dateTime"].as_str().ok_or_else(|| {
            error(
                400,
                "global",
                "invalid",
                "Start and end times must either both be date or both be dateTime.",
                None,
            )
        })?;
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) => Ok(time.with_timezone(&zone).naive_local()),
            Err(_) => text.parse::<NaiveDateTime>().map_err(|_| invalid("dateTime")),
        }
    };
    let own = named.unwrap_or(ZONE);
    let wall = at(start, own)?;
    let end_zone = zone(end)?.unwrap_or(own);
    let (from, to) = (
        crate::sandbox::world::rule::instant(own, wall),
        crate::sandbox::world::rule::instant(end_zone, at(end, end_zone)?),
    );
    if to < from {
        return Err(empty());
    }
    Ok(Some(Times { wall, zone: own, minutes: (to - from).num_minutes(), all_day: false }))
}

fn empty() -> Reply {
    error(400, "calendar", "timeRangeEmpty", "The specified time range is empty.", None)
}

/// Extended properties: named ones are set, those that are `null` go.
fn properties(all: &mut All, index: usize, body: &Body) {
    let Some(given) = body.get("extendedProperties") else {
        return;
    };
    let written = &mut all.world.meetings[index].written;
    for (kind, kept) in [("private", &mut written.private), ("shared", &mut written.shared)] {
        let Some(named) = given.get(kind).and_then(Value::as_object) else {
            continue;
        };
        for (name, value) in named {
            match value.as_str() {
                Some(value) => drop(kept.insert(name.clone(), value.to_string())),
                None => drop(kept.remove(name)),
            }
        }
    }
}

/// What guests answered, as far as `owner` may write it: their own answer, or all when they invite.
fn answers(all: &mut All, index: usize, body: &Body, owner: &str, what: What) {
    let meeting = &all.world.meetings[index];
    let (name, organizes) = (meeting.id(), meeting.organizer == owner);
    let occurrence = match what {
        What::Whole => None,
        What::One(at) => Some(at),
    };
    for guest in body.get("attendees").and_then(Value::as_array).into_iter().flatten() {
        let address = guest["email"].as_str().unwrap_or_default().to_lowercase();
        let response = match guest["responseStatus"].as_str() {
            Some("accepted") => Response::Accepted,
            Some("declined") => Response::Declined,
            Some("tentative") => Response::Tentative,
            _ => continue,
        };
        let before = all.world.meetings[index].response(&address, occurrence);
        if (organizes || address == owner) && before != response {
            // Rooms and the organizer are no guests who answer.
            drop(all.world.respond(&name, &address, response, occurrence));
        }
    }
}

fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn refuse(told: String) -> Reply {
    error(400, "global", "invalid", &told, None)
}
