//! Graph's online meetings and attendance reports.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::control::wire::{Person, Provider};
use crate::sandbox::graph::{error, usual_error};
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::ids::lower_hex;
use crate::sandbox::world::runs::{Attendant, Run, runs};
use crate::sandbox::world::{Call, Meeting, World};

/// The most reports Graph keeps in the list.
const MOST_REPORTS: usize = 50;

pub fn answer(
    state: &State,
    all: &All,
    request: &Request,
    owner: &Person,
    key: &str,
    rest: &[&str],
) -> Reply {
    // With application permissions only the object id names a user here.
    if key != owner.user_id {
        return error(
            400,
            "BadRequest",
            "Invalid user identifier: application permissions need the user's object id.",
        );
    }
    let world = &all.world;
    match rest {
        [] => find(world, request, owner),
        [id, rest @ ..] => match owned(world, owner).find(|meeting| meeting_id(owner, meeting) == *id) {
            Some(meeting) => reports(state, world, request, owner, meeting, rest),
            None => usual_error(404),
        },
    }
}

fn owned<'a>(world: &'a World, owner: &'a Person) -> impl Iterator<Item = &'a Meeting> {
    world
        .on_calendar(&owner.address)
        .filter(|meeting| meeting.organizer == owner.address && matches!(meeting.call, Call::Teams { .. }))
}

fn find(world: &World, request: &Request, owner: &Person) -> Reply {
    let Some(wanted) = request.param("$filter").and_then(join_url) else {
        let told = "Filter expression expected - JoinWebUrl eq '{url}'.";
        return error(400, "InvalidArgument", told);
    };
    let value: Vec<Value> = owned(world, owner)
        .filter(|meeting| meeting.conference_key() == Some(&wanted))
        .map(|meeting| online(world, owner, meeting))
        .collect();
    Reply::ok(json!({"value": value}))
}

/// The address out of `JoinWebUrl eq '…'`.
fn join_url(filter: &str) -> Option<String> {
    let (name, rest) = filter.trim().split_once(' ')?;
    let value = rest.trim_start().strip_prefix("eq")?.trim();
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    name.eq_ignore_ascii_case("JoinWebUrl").then(|| value.replace("''", "'"))
}

fn online(world: &World, owner: &Person, meeting: &Meeting) -> Value {
    let first = meeting.rule().first();
    json!({
        "id": meeting_id(owner, meeting),
        "creationDateTime": time(meeting.created),
        "startDateTime": time(first.start),
        "endDateTime": time(first.end),
        "joinWebUrl": meeting.conference_key(),
        "subject": meeting.title,
        "allowedPresenters": "everyone",
        "participants": {
            "organizer": {
                "upn": owner.address,
                "role": "presenter",
                "identity": {"user": {
                    "id": owner.user_id,
                    "displayName": null,
                    "tenantId": world.tenant,
                    "identityProvider": "AAD",
                }},
            },
            "attendees": [],
        },
        "lobbyBypassSettings": {"scope": "organization", "isDialInBypassEnabled": false},
    })
}

fn reports(
    state: &State,
    world: &World,
    request: &Request,
    owner: &Person,
    meeting: &Meeting,
    rest: &[&str],
) -> Reply {
    // A report is written when the call is over.
    let mut over: Vec<Run> = runs(meeting, world.now).into_iter().filter(|run| run.end.is_some()).collect();
    over.reverse();
    let context =
        format!("{}/v1.0/$metadata#users('{}')/onlineMeetings", request.origin(state), owner.user_id);
    let expand = request.param("$expand").is_some_and(|text| text.eq_ignore_ascii_case("attendanceRecords"));
    match rest {
        [] => Reply::ok(online(world, owner, meeting)),
        ["attendanceReports"] => {
            let list: Vec<Value> = over.iter().take(MOST_REPORTS).map(|run| report(run, None)).collect();
            Reply::ok(json!({"@odata.context": context, "value": list}))
        }
        ["attendanceReports", id, rest @ ..] => match over.iter().find(|run| report_id(run) == *id) {
            None => usual_error(404),
            Some(run) => {
                let records: Vec<Value> = run.people.iter().map(|one| record(world, meeting, one)).collect();
                match rest {
                    [] => {
                        let mut body = report(run, expand.then_some(records));
                        body["@odata.context"] = json!(context);
                        Reply::ok(body)
                    }
                    ["attendanceRecords"] => Reply::ok(json!({"@odata.context": context, "value": records})),
                    _ => usual_error(404),
                }
            }
        },
        _ => usual_error(404),
    }
}

fn report(run: &Run, records: Option<Vec<Value>>) -> Value {
    let mut report = json!({
        "id": report_id(run),
        "totalParticipantCount": run.people.len(),
        "meetingStartDateTime": time(run.start),
        "meetingEndDateTime": run.end.map(time),
    });
    if let Some(records) = records {
        report["attendanceRecords"] = json!(records);
    }
    report
}

fn record(world: &World, meeting: &Meeting, one: &Attendant) -> Value {
    let stays: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        one.stays.iter().filter_map(|(from, to)| Some((*from, (*to)?))).collect();
    let known = one.who.as_deref().and_then(|who| world.person(who));
    // Who is not signed in is a name without an address; a guest of the tenant is signed in.
    let signed_in = known.filter(|person| person.provider == Provider::Microsoft || person.entra_guest);
    let member = known.filter(|person| person.provider == Provider::Microsoft);
    let name = known.map(|person| person.name.as_str()).or(one.who.as_deref()).unwrap_or("Guest");
    let organizes = one.who.as_deref() == Some(meeting.organizer.as_str());
    let made_up = || lower_hex(&crate::sandbox::world::ids::hash(&[name.as_bytes()])[..16]);
    let id = member.map_or_else(made_up, |person| person.user_id.clone());
    json!({
        "id": id,
        "emailAddress": signed_in.map(|person| &person.address),
        "totalAttendanceInSeconds": stays.iter().map(|(from, to)| (*to - *from).num_seconds()).sum::<i64>(),
        "role": match (organizes, member) {
            (true, _) => "Organizer",
            (false, Some(_)) => "Presenter",
            (false, None) => "Attendee",
        },
        "identity": {
            "id": member.map(|person| &person.user_id),
            "displayName": name,
            "tenantId": member.map(|_| &world.tenant),
        },
        "attendanceIntervals": stays.iter().map(|(from, to)| json!({
            "joinDateTime": time(*from),
            "leaveDateTime": time(*to),
            "durationInSeconds": (*to - *from).num_seconds(),
        })).collect::<Vec<_>>(),
    })
}

fn meeting_id(owner: &Person, meeting: &Meeting) -> String {
    use base64::Engine as _;
    let thread = match &meeting.call {
        Call::Teams { thread, .. } => thread.as_str(),
        _ => "",
    };
    let plain = format!("1*{}*0**{thread}", owner.user_id);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(plain)
}

fn report_id(run: &Run) -> String {
    let id = &run.id;
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32])
}

fn time(at: DateTime<Utc>) -> Value {
    json!(format!("{}.0000000Z", at.format("%Y-%m-%dT%H:%M:%S")))
}
