//! Graph's `getSchedule`.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::sandbox::control::wire::Provider;
use crate::sandbox::graph::event::GraphView;
use crate::sandbox::graph::write::{point, read};
use crate::sandbox::graph::{error, view};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::rule::instant;

/// The most mailboxes, the longest window, and the usual step in minutes.
const MOST: usize = 100;
const LONGEST: i64 = 62;
const STEP: i64 = 30;

pub fn answer(state: &State, all: &All, request: &Request, owner: &str) -> Result<Reply, Reply> {
    let body = read(request)?;
    let schedules: Vec<&str> = body
        .get("schedules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if schedules.len() > MOST {
        let told = format!(
            "There are too many target users in the EmailAddress array. The allowed size = {MOST}; the actual size = {}.",
            schedules.len()
        );
        return Err(error(400, "ErrorMailboxDataArrayTooBig", &told));
    }
    let time = |name: &str| {
        let (wall, zone) = point(body.get(name).unwrap_or(&Value::Null))?;
        Ok::<_, Reply>(instant(zone, wall))
    };
    let (from, to) = (time("startTime")?, time("endTime")?);
    if to <= from {
        return Err(error(400, "ErrorInvalidTimeInterval", "The end of the window is before its start."));
    }
    let days = (to - from).num_days();
    if to - from > Duration::days(LONGEST) {
        let told = format!(
            "The requested time duration specified for FreeBusyViewOptions.TimeWindow is too long. The allowed limit = {LONGEST} days; the actual limit = {days} days."
        );
        return Err(error(400, "ErrorTimeIntervalTooBig", &told));
    }
    let step = match body.get("availabilityViewInterval") {
        None => STEP,
        // Graph itself falls over this.
        Some(Value::Null) => return Err(error(500, "InternalServerError", "An internal error occurred.")),
        Some(value) => value.as_i64().unwrap_or_default(),
    };
    if !(5..=1440).contains(&step) || Duration::minutes(step) > to - from {
        let told = "The specified merged free/busy interval is not valid. Specify an interval that is less than the free/busy time window and between 5 and 1440 minutes.";
        return Err(error(400, "ErrorInvalidMergedFreeBusyInterval", told));
    }
    let zone = view(&all.world, request, owner)?.zone;
    let value: Vec<Value> = schedules
        .iter()
        .map(|address| match all.world.user(Provider::Microsoft, address) {
            Some(person) => {
                let view = GraphView { zone, ..GraphView::plain(&all.world, &person.address) };
                schedule(&view, address, (from, to), Duration::minutes(step))
            }
            None => json!({
                "scheduleId": address,
                "availabilityView": "",
                "scheduleItems": [],
                "workingHours": null,
                "error": {
                    "message": "Unable to resolve e-mail address to an Active Directory object.",
                    "responseCode": "ErrorMailRecipientNotFound",
                },
            }),
        })
        .collect();
    Ok(Reply::ok(json!({
        "@odata.context":
            format!("{}/v1.0/$metadata#Collection(microsoft.graph.scheduleInformation)", request.origin(state)),
        "value": value,
    })))
}

fn schedule(
    view: &GraphView<'_>,
    id: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    step: Duration,
) -> Value {
    let mut items: Vec<(DateTime<Utc>, DateTime<Utc>, Value)> = Vec::new();
    for meeting in view.world.on_calendar(view.owner) {
        for seen in meeting.seen_between(view.owner, from, to) {
            if !view.holds(meeting, seen.standing) {
                continue;
            }
            let event = view.occurrence(meeting, &seen);
            let mut item = Map::new();
            let private = meeting.visibility != "default";
            item.insert("isPrivate".into(), json!(private));
            item.insert("status".into(), event["showAs"].clone());
            if !private {
                item.insert("subject".into(), event["subject"].clone());
                item.insert("location".into(), event["location"]["displayName"].clone());
            }
            // Free/busy is told in instants, whole days too.
            for (name, at) in [("start", seen.slot.start), ("end", seen.slot.end)] {
                let wall = at.with_timezone(&view.zone).format("%Y-%m-%dT%H:%M:%S").to_string();
                let zone = if view.zone == Tz::UTC { "UTC" } else { view.zone.name() };
                item.insert(name.into(), json!({"dateTime": format!("{wall}.0000000"), "timeZone": zone}));
            }
            items.push((seen.slot.start, seen.slot.end, Value::Object(item)));
        }
    }
    items.sort_by_key(|(start, end, _)| (*start, *end));
    let mut availability = String::new();
    let mut at = from;
    while at < to {
        let touched = items.iter().filter(|(start, end, _)| *start < at + step && *end > at);
        let most = touched.map(|(.., item)| digit(item["status"].as_str().unwrap_or_default())).max();
        availability.push(char::from(b'0' + most.unwrap_or(0)));
        at += step;
    }
    json!({
        "scheduleId": id,
        "availabilityView": availability,
        "scheduleItems": items.into_iter().map(|(.., item)| item).collect::<Vec<_>>(),
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": "W. Europe Standard Time"},
        },
    })
}

fn digit(status: &str) -> u8 {
    match status.to_lowercase().as_str() {
        "tentative" => 1,
        "busy" => 2,
        "oof" => 3,
        _ => 0,
    }
}
