//! Graph's events, written: create, change, delete, cancel, and a guest's answers.

use chrono::{DateTime, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::sandbox::control::wire::{Conference, Response};
use crate::sandbox::graph::event::{GraphView, Target, etag, read_event_id};
use crate::sandbox::graph::pattern::rule_text;
use crate::sandbox::graph::recurrence::iana_zone;
use crate::sandbox::graph::{error, usual_error, view};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::What;
use crate::sandbox::world::rule::instant;
use crate::sandbox::world::write::{Draft, Times};

/// The most guests of one event.
const MOST_GUESTS: usize = 500;

type Told<T> = Result<T, Reply>;
type Body = Map<String, Value>;

/// `POST …/events`.
pub fn create(state: &State, all: &mut All, request: &Request, owner: &str) -> Told<Reply> {
    let body = read(request)?;
    let transaction = text(&body, "transactionId").map(str::to_string);
    // The same id again is the same order again: there is one event, and it is told once more.
    let known = transaction.as_ref().and_then(|id| {
        all.world
            .on_calendar(owner)
            .find(|meeting| meeting.organizer == owner && meeting.written.transaction.as_ref() == Some(id))
            .map(|meeting| meeting.index)
    });
    let index = match known {
        Some(index) => index,
        None => {
            let draft = draft(&body, owner)?;
            if draft.times.is_none() {
                return Err(error(
                    400,
                    "ErrorPropertyValidationFailure",
                    "At least one property failed validation: 'Start' and 'End' are required.",
                ));
            }
            let index = all.world.create(owner, draft, None).map_err(refuse)?;
            all.world.meetings[index].written.transaction = transaction;
            index
        }
    };
    shown(state, all, request, owner, Target { meeting: index, original: None }, 201)
}

/// `PATCH …/events/{id}`.
pub fn change(state: &State, all: &mut All, request: &Request, owner: &str, id: &str) -> Told<Reply> {
    let target = held(all, request, owner, id)?;
    let body = read(request)?;
    matches(all, request, owner, target)?;
    let meeting = &all.world.meetings[target.meeting];
    if meeting.organizer != owner {
        return Err(error(403, "ErrorAccessDenied", "Only the organizer may change a meeting."));
    }
    if let Some(given) = text(&body, "transactionId")
        && meeting.written.transaction.as_deref() != Some(given)
    {
        return Err(error(400, "ErrorInvalidRequest", "The transactionId cannot be changed."));
    }
    let online = matches!(meeting.conference(), Conference::Teams);
    if online && body.get("isOnlineMeeting") == Some(&Value::Bool(false)) {
        return Err(error(400, "ErrorInvalidRequest", "An online meeting cannot be made an ordinary one."));
    }
    let draft = draft(&body, owner)?;
    all.world.edit(target.meeting, what(target), draft).map_err(refuse)?;
    shown(state, all, request, owner, target, 200)
}

/// `DELETE …/events/{id}`: by the organizer it is a cancellation, by a guest a removal.
pub fn delete(all: &mut All, request: &Request, owner: &str, id: &str) -> Told<Reply> {
    let target = held(all, request, owner, id)?;
    matches(all, request, owner, target)?;
    let meeting = &all.world.meetings[target.meeting];
    let (name, organizes) = (meeting.id(), meeting.organizer == owner);
    let done = if organizes {
        all.world.cancel(&name, target.original)
    } else {
        all.world.remove(&name, owner, target.original)
    };
    done.map_err(refuse)?;
    Ok(Reply::new(204, Value::Null))
}

/// `POST …/events/{id}/{action}`.
pub fn act(all: &mut All, request: &Request, owner: &str, id: &str, action: &str) -> Told<Reply> {
    let target = held(all, request, owner, id)?;
    if !request.body.is_empty() {
        read(request)?;
    }
    let meeting = &all.world.meetings[target.meeting];
    let (name, organizes) = (meeting.id(), meeting.organizer == owner);
    let response = match action {
        "cancel" if organizes => {
            all.world.cancel(&name, target.original).map_err(refuse)?;
            return Ok(Reply::new(202, Value::Null));
        }
        "cancel" => {
            let told = "You need to be an organizer to cancel a meeting.";
            return Err(error(400, "ErrorInvalidRequest", told));
        }
        "accept" => Response::Accepted,
        "decline" => Response::Declined,
        "tentativelyAccept" => Response::Tentative,
        _ => return Err(error(400, "BadRequest", "Resource not found for the segment.")),
    };
    if organizes {
        let told = "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.";
        return Err(error(400, "ErrorInvalidRequest", told));
    }
    all.world.respond(&name, owner, response, target.original).map_err(refuse)?;
    Ok(Reply::new(202, Value::Null))
}

fn what(target: Target) -> What {
    target.original.map_or(What::Whole, What::One)
}

/// What an id names, when the mailbox holds it.
fn held(all: &All, request: &Request, owner: &str, id: &str) -> Told<Target> {
    let view = view(&all.world, request, owner)?;
    let gone = || usual_error(404);
    let target = read_event_id(&all.world, owner, id).ok_or_else(gone)?;
    let meeting = all.world.on_calendar(owner).find(|one| one.index == target.meeting).ok_or_else(gone)?;
    let standing = match target.original {
        None => meeting.standing(owner),
        Some(original) => meeting.seen_at(owner, original).ok_or_else(gone)?.standing,
    };
    if view.holds(meeting, standing) { Ok(target) } else { Err(gone()) }
}

fn matches(all: &All, request: &Request, owner: &str, target: Target) -> Told<()> {
    let Some(wanted) = request.header("if-match").filter(|wanted| *wanted != "*") else {
        return Ok(());
    };
    let meeting = &all.world.meetings[target.meeting];
    let stamp = target
        .original
        .and_then(|original| meeting.seen_at(owner, original))
        .map_or(meeting.stamp, |seen| seen.stamp);
    if wanted == etag(meeting, stamp) {
        return Ok(());
    }
    let told = "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.";
    Err(error(412, "ErrorIrresolvableConflict", told))
}

fn shown(
    state: &State,
    all: &All,
    request: &Request,
    owner: &str,
    target: Target,
    status: u16,
) -> Told<Reply> {
    let view = view(&all.world, request, owner)?;
    let mut event = whole(&view, target).ok_or_else(|| usual_error(404))?;
    event["@odata.context"] =
        Value::String(format!("{}/v1.0/$metadata#users('{owner}')/events/$entity", request.origin(state)));
    Ok(Reply::new(status, event))
}

fn whole(view: &GraphView<'_>, target: Target) -> Option<Value> {
    let meeting = view.world.meetings.get(target.meeting)?;
    Some(match target.original {
        Some(original) => view.occurrence(meeting, &meeting.seen_at(view.owner, original)?),
        None if meeting.rule().is_series() => view.master(meeting),
        None => view.occurrence(meeting, &meeting.seen(view.owner, meeting.rule().first())),
    })
}

fn draft(body: &Body, owner: &str) -> Told<Draft> {
    let (mut attendees, mut rooms) = (None, None);
    if let Some(list) = body.get("attendees") {
        let (mut people, mut places) = (Vec::new(), Vec::new());
        for guest in list.as_array().map(Vec::as_slice).unwrap_or_default() {
            let address = guest.pointer("/emailAddress/address").and_then(Value::as_str);
            let address =
                address.filter(|text| text.contains('@')).map(str::to_lowercase).ok_or_else(|| {
                    error(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
                })?;
            if guest["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("resource")) {
                places.push(address);
            } else if address != owner && !people.contains(&address) {
                people.push(address);
            }
        }
        if people.len() > MOST_GUESTS {
            return Err(error(400, "ErrorExceededRecipientLimit", "An event has at most 500 attendees."));
        }
        attendees = Some(people);
        rooms = Some(places);
    }
    let word = |name: &str| text(body, name).map(str::to_lowercase);
    let visibility = match word("sensitivity").as_deref() {
        None => None,
        Some("normal") => Some("default"),
        Some("private" | "personal") => Some("private"),
        Some("confidential") => Some("confidential"),
        Some(_) => return Err(invalid("sensitivity")),
    };
    let transparency = match word("showAs").as_deref() {
        None => None,
        Some("free" | "workingelsewhere") => Some("transparent"),
        Some("busy" | "tentative" | "oof" | "unknown") => Some("opaque"),
        Some(_) => return Err(invalid("showAs")),
    };
    let times = times(body)?;
    let rrule = match body.get("recurrence") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(given) => Some(Some(rule_text(given, times.map(|times| times.zone)).map_err(refuse)?)),
    };
    let place = |value: &Value| value["displayName"].as_str().unwrap_or_default().to_string();
    Ok(Draft {
        title: body.get("subject").map(|subject| subject.as_str().unwrap_or_default().to_string()),
        description: body.get("body").map(plain),
        location: body.get("location").map(place),
        visibility: visibility.map(str::to_string),
        transparency: transparency.map(str::to_string),
        event_type: (word("showAs").as_deref() == Some("oof")).then(|| "outOfOffice".to_string()),
        attendees,
        rooms,
        times,
        rrule,
        conference: body.get("isOnlineMeeting").filter(|on| **on == true).map(|_| Conference::Teams),
        hide_attendees: body.get("hideAttendees").and_then(Value::as_bool),
    })
}

/// The text of a body; of HTML, what stands between the tags.
fn plain(body: &Value) -> String {
    let content = body["content"].as_str().unwrap_or_default();
    if !body["contentType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("html")) {
        return content.to_string();
    }
    let mut text = String::new();
    let mut inside = false;
    for letter in content.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&")
}

fn times(body: &Body) -> Told<Option<Times>> {
    let (start, end) = match (body.get("start"), body.get("end")) {
        (Some(start), Some(end)) => (start, end),
        (None, None) => return Ok(None),
        _ => {
            let told = "At least one property failed validation: 'Start' and 'End' go together.";
            return Err(error(400, "ErrorPropertyValidationFailure", told));
        }
    };
    let (from, zone) = point(start)?;
    let (to, end_zone) = point(end)?;
    let all_day = body.get("isAllDay") == Some(&Value::Bool(true));
    if all_day && (from.time(), to.time()) != (NaiveTime::MIN, NaiveTime::MIN) {
        let told = "The Event.Start property for an all-day event needs to be set to midnight.";
        return Err(error(400, "ErrorInvalidArgument", told));
    }
    let minutes = (instant(end_zone, to) - instant(zone, from)).num_minutes();
    if minutes < 0 || (all_day && minutes == 0) {
        let told = "The event's end is before its start.";
        return Err(error(400, "ErrorPropertyValidationFailure", told));
    }
    Ok(Some(Times { wall: from, zone, minutes, all_day }))
}

/// A `dateTimeTimeZone`: the wall time and its zone, by either kind of name.
pub fn point(value: &Value) -> Told<(NaiveDateTime, Tz)> {
    let name = value["timeZone"].as_str().unwrap_or("UTC");
    let zone = iana_zone(name)
        .ok_or_else(|| error(400, "TimeZoneNotSupportedException", &format!("'{name}' is no time zone.")))?;
    let text = value["dateTime"].as_str().unwrap_or_default();
    let bad = || error(400, "ErrorInvalidRequest", &format!("'{text}' is no dateTime."));
    // An offset wins over the zone beside it.
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok((time.with_timezone(&zone).naive_local(), zone));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let wall = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    Ok((wall.ok_or_else(bad)?, zone))
}

pub fn read(request: &Request) -> Told<Body> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(error(400, "BadRequest", "Unable to read JSON request payload.")),
    }
}

fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn invalid(name: &str) -> Reply {
    error(400, "ErrorInvalidRequest", &format!("The value of '{name}' is not known."))
}

fn refuse(told: String) -> Reply {
    error(400, "ErrorInvalidRequest", &told)
}
