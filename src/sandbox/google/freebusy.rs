//! Google's `freebusy.query`.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::sandbox::control::wire::{Provider, Response};
use crate::sandbox::google::error::{error, invalid};
use crate::sandbox::http::{All, Reply, Request};
use crate::sandbox::world::World;
use crate::sandbox::world::view::Standing;

/// The longest span, and the most calendars.
const LONGEST: Duration = Duration::days(90);
const MOST: usize = 50;

pub fn answer(all: &All, request: &Request, subject: &str) -> Result<Reply, Reply> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| error(400, "global", "parseError", "Parse Error", None))?;
    let time = |name: &'static str| {
        let text =
            body[name].as_str().ok_or_else(|| error(400, "global", "required", "Required", Some(name)))?;
        DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).map_err(|_| invalid(name))
    };
    let (from, to) = (time("timeMin")?, time("timeMax")?);
    if from >= to {
        let told = "The specified time range is empty.";
        return Err(error(400, "calendar", "timeRangeEmpty", told, Some("timeMax")));
    }
    if to - from > LONGEST {
        let told = "The requested time range is too long.";
        return Err(error(400, "calendar", "timeRangeTooLong", told, None));
    }
    let ids: Vec<&str> =
        body["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect();
    let mut calendars = Map::new();
    for id in &ids {
        let address = if *id == "primary" { subject.to_string() } else { id.to_lowercase() };
        let fault = |reason: &str| json!({"errors": [{"domain": "global", "reason": reason}], "busy": []});
        let told = if ids.len() > MOST {
            fault("tooManyCalendarsRequested")
        } else if all.world.provider(&address) != Provider::Google {
            fault("notFound")
        } else {
            json!({"busy": busy(&all.world, &address, from, to)})
        };
        calendars.insert((*id).to_string(), told);
    }
    let millis = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    Ok(Reply::ok(json!({
        "kind": "calendar#freeBusy",
        "timeMin": millis(from),
        "timeMax": millis(to),
        "calendars": calendars,
    })))
}

/// The times at which somebody is busy, those that touch told as one.
fn busy(world: &World, owner: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Value> {
    let mut spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for meeting in world.on_calendar(owner) {
        if meeting.transparency == "transparent" || meeting.event_type == "workingLocation" {
            continue;
        }
        for seen in meeting.seen_between(owner, from, to) {
            let declined = meeting.response(owner, Some(seen.original.start)) == Response::Declined;
            if seen.standing == Standing::Live && !declined {
                spans.push((seen.slot.start.max(from), seen.slot.end.min(to)));
            }
        }
    }
    spans.sort();
    let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut().filter(|last| start <= last.1) {
            Some(last) => last.1 = last.1.max(end),
            None => merged.push((start, end)),
        }
    }
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    merged.iter().map(|(start, end)| json!({"start": time(*start), "end": time(*end)})).collect()
}
