//! Google Meet v2: conference records, participants, and their sessions.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::sandbox::auth::Grant;
use crate::sandbox::control::wire::Provider;
use crate::sandbox::google::fields::Mask;
use crate::sandbox::http::{All, Reply, Request, State};
use crate::sandbox::world::ids::{hash, lower_hex};
use crate::sandbox::world::runs::{Attendant, Run, runs};
use crate::sandbox::world::{Call, Meeting, World};

const READ: &str = "https://www.googleapis.com/auth/meetings.space.readonly";
/// Records are deleted this many days after the call.
const KEPT_DAYS: i64 = 30;

pub fn answer(state: &State, all: &mut All, request: &Request, rest: &[&str]) -> Reply {
    let Some(Grant::Google { subject, scopes }) = all.accounts.find(request.bearer()) else {
        return usual_error(401);
    };
    if !scopes.iter().any(|scope| scope == READ) || request.method != "GET" {
        return usual_error(403);
    }
    let (world, subject) = (&all.world, subject.as_str());
    let reply = match rest {
        ["conferenceRecords"] => records(state, world, request, subject),
        ["conferenceRecords", id, tail @ ..] => {
            match visible(world, subject).find(|(_, run)| run.id == *id) {
                Some((meeting, run)) => below(state, world, request, meeting, &run, tail),
                None => usual_error(404),
            }
        }
        _ => usual_error(404),
    };
    match request.param("fields").and_then(Mask::parse) {
        Some(mask) if reply.status == 200 => Reply { body: mask.apply(reply.body), ..reply },
        _ => reply,
    }
}

/// The runs that a person organised or took part in, the newest first.
fn visible<'a>(world: &'a World, subject: &str) -> impl Iterator<Item = (&'a Meeting, Run)> + use<'a> {
    let now = world.now;
    let mut found: Vec<(&Meeting, Run)> = world
        .meetings
        .iter()
        .filter(|meeting| matches!(meeting.call, Call::Meet { .. }))
        .flat_map(|meeting| runs(meeting, now).into_iter().map(move |run| (meeting, run)))
        .filter(|(_, run)| run.end.is_none_or(|end| end + Duration::days(KEPT_DAYS) > now))
        .filter(|(meeting, run)| {
            meeting.organizer == subject
                || run.people.iter().any(|person| person.who.as_deref() == Some(subject))
        })
        .collect();
    found.sort_by_key(|(_, run)| std::cmp::Reverse(run.start));
    found.into_iter()
}

fn records(state: &State, world: &World, request: &Request, subject: &str) -> Reply {
    let filter = match Filter::parse(request.param("filter").unwrap_or_default()) {
        Some(filter) => filter,
        None => {
            return error(400, "INVALID_ARGUMENT", "Request contains an invalid argument: filter.");
        }
    };
    let list = visible(world, subject)
        .filter(|(meeting, run)| filter.allows(meeting, run))
        .map(|(meeting, run)| record(meeting, &run))
        .collect();
    page(state, request, "conferenceRecords", list, 25, 100)
}

fn below(
    state: &State,
    world: &World,
    request: &Request,
    meeting: &Meeting,
    run: &Run,
    tail: &[&str],
) -> Reply {
    let find =
        |id: &str| run.people.iter().enumerate().find(|(number, _)| participant_id(run, *number) == id);
    match tail {
        [] => Reply::ok(record(meeting, run)),
        ["participants"] => {
            let list =
                run.people.iter().enumerate().map(|(at, one)| participant(world, run, at, one)).collect();
            page(state, request, "participants", list, 100, 250)
        }
        ["participants", id] => match find(id) {
            Some((number, one)) => Reply::ok(participant(world, run, number, one)),
            None => usual_error(404),
        },
        ["participants", id, "participantSessions"] => match find(id) {
            Some((_, one)) => {
                let name = format!("conferenceRecords/{}/participants/{id}/participantSessions", run.id);
                let list = one.stays.iter().enumerate().map(|(at, (from, to))| {
                    let mut session = json!({"name": format!("{name}/{}", at + 1), "startTime": time(*from)});
                    if let Some(to) = to {
                        session["endTime"] = time(*to);
                    }
                    session
                });
                page(state, request, "participantSessions", list.collect(), 100, 250)
            }
            None => usual_error(404),
        },
        _ => usual_error(404),
    }
}

fn record(meeting: &Meeting, run: &Run) -> Value {
    let mut record = json!({
        "name": format!("conferenceRecords/{}", run.id),
        "startTime": time(run.start),
        "space": format!("spaces/{}", space(meeting)),
    });
    if let Some(end) = run.end {
        record["endTime"] = time(end);
        record["expireTime"] = time(end + Duration::days(KEPT_DAYS));
    }
    record
}

fn participant(world: &World, run: &Run, number: usize, one: &Attendant) -> Value {
    let mut shown = json!({
        "name": format!("conferenceRecords/{}/participants/{}", run.id, participant_id(run, number)),
        "earliestStartTime": one.first().map(time),
    });
    if let Some(last) = one.last() {
        shown["latestEndTime"] = time(last);
    }
    // Only people with Google accounts are signed in; nobody's address is told.
    match one.who.as_deref().map(|who| (who, world.person(who))) {
        Some((_, Some(person))) if person.provider == Provider::Google => {
            shown["signedinUser"] =
                json!({"user": format!("users/{}", person.user_id), "displayName": person.name});
        }
        Some((who, _)) => shown["anonymousUser"] = json!({"displayName": world.name(who)}),
        None => shown["anonymousUser"] = json!({"displayName": "Guest"}),
    }
    shown
}

fn participant_id(run: &Run, number: usize) -> String {
    let digest = hash(&[run.id.as_bytes(), &(number as u64).to_le_bytes()]);
    digest[..10].iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}

fn space(meeting: &Meeting) -> String {
    lower_hex(&hash(&[b"space", meeting.uid.as_bytes()])[..6])
}

/// The clauses of a filter, all of which must hold.
#[derive(Default)]
struct Filter {
    clauses: Vec<(String, String, String)>,
}

impl Filter {
    fn parse(text: &str) -> Option<Self> {
        let mut filter = Self::default();
        for clause in text.split(" AND ").map(str::trim).filter(|clause| !clause.is_empty()) {
            if clause.eq_ignore_ascii_case("end_time IS NULL") {
                filter.clauses.push(("end_time".into(), "null".into(), String::new()));
                continue;
            }
            let at = clause.find(['=', '<', '>'])?;
            let (name, rest) = clause.split_at(at);
            let value = rest.trim_start_matches(['=', '<', '>']);
            let sign = &rest[..rest.len() - value.len()];
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            let timed = matches!(name, "start_time" | "end_time");
            let plain = matches!(name, "space.meeting_code" | "space.name");
            let signs: &[&str] = if plain { &["="] } else { &["=", "<", ">", "<=", ">="] };
            if !(timed || plain)
                || !signs.contains(&sign)
                || (timed && DateTime::parse_from_rfc3339(value).is_err())
            {
                return None;
            }
            filter.clauses.push((name.into(), sign.into(), value.into()));
        }
        Some(filter)
    }

    fn allows(&self, meeting: &Meeting, run: &Run) -> bool {
        self.clauses.iter().all(|(name, sign, value)| match name.as_str() {
            "space.meeting_code" => meeting.conference_key() == Some(value),
            "space.name" => format!("spaces/{}", space(meeting)) == *value,
            "start_time" => compares(Some(run.start), sign, value),
            _ => compares(run.end, sign, value),
        })
    }
}

fn compares(time: Option<DateTime<Utc>>, sign: &str, value: &str) -> bool {
    let (Some(time), Ok(limit)) = (time, DateTime::parse_from_rfc3339(value)) else {
        return time.is_none() && sign == "null";
    };
    match sign {
        "=" => time == limit,
        "<" => time < limit,
        ">" => time > limit,
        "<=" => time <= limit,
        ">=" => time >= limit,
        _ => false,
    }
}

fn page(state: &State, request: &Request, name: &str, list: Vec<Value>, usual: usize, most: usize) -> Reply {
    let size = match request.param("pageSize").map(str::parse::<usize>) {
        None | Some(Ok(0)) => usual,
        Some(Ok(size)) => size.min(most),
        Some(Err(_)) => return error(400, "INVALID_ARGUMENT", "Invalid value at 'page_size'."),
    }
    .min(state.page_size);
    let skip = match request.param("pageToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => match token.strip_prefix("after-").and_then(|number| number.parse::<usize>().ok()) {
            Some(skip) => skip,
            None => {
                return error(400, "INVALID_ARGUMENT", "Request contains an invalid argument: pageToken.");
            }
        },
    };
    let total = list.len();
    let items: Vec<Value> = list.into_iter().skip(skip).take(size).collect();
    // Empty lists are left out, as everywhere in Google's newer APIs.
    let mut body = if items.is_empty() { json!({}) } else { json!({ name: items }) };
    if skip + size < total {
        body["nextPageToken"] = json!(format!("after-{}", skip + size));
    }
    Reply::ok(body)
}

fn time(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Meet's usual answer with a status.
pub fn usual_error(status: u16) -> Reply {
    match status {
        400 => error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        401 => error(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
        ),
        403 => error(403, "PERMISSION_DENIED", "The caller does not have permission"),
        404 => error(404, "NOT_FOUND", "Requested entity was not found."),
        429 => error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        503 => error(503, "UNAVAILABLE", "The service is currently unavailable."),
        status => error(status, "INTERNAL", "Internal error encountered."),
    }
}

fn error(status: u16, word: &str, told: &str) -> Reply {
    Reply::new(status, json!({"error": {"code": status, "message": told, "status": word}}))
}
