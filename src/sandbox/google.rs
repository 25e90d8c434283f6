//! Google Calendar v3: `events.list` and `events.get`.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::auth::Grant;
use super::cursors::{Cursor, GoogleScope, Round, page_word, paginate, read_page_word};
use super::google_event::{GoogleView, event_id, instance_id};
use super::google_fields::Mask;
use super::http::{All, Reply, Request, State};
use super::view::{Standing, overlaps};
use super::world::{Meeting, What, World};

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
    let Some(Grant::Google { subject, scopes }) = all.accounts.find(request.bearer()).cloned()
    else {
        return usual_error(401);
    };
    if !scopes.iter().any(|scope| READ.contains(&scope.as_str())) {
        return insufficient();
    }
    if request.method != "GET" {
        return insufficient();
    }
    let calendar = |id: &str| id == "primary" || id.eq_ignore_ascii_case(&subject);
    let reply = match rest {
        ["calendars", id, "events", ..] if !calendar(id) => usual_error(404),
        ["calendars", _, "events"] => {
            list(state, all, request, &subject).unwrap_or_else(|refusal| refusal)
        }
        ["calendars", _, "events", event] => get(&all.world, request, &subject, event),
        _ => usual_error(404),
    };
    match request.param("fields") {
        Some(fields) if reply.status == 200 => match Mask::parse(fields) {
            Some(mask) => Reply {
                body: mask.apply(reply.body),
                ..reply
            },
            None => error(
                400,
                "global",
                "invalidParameter",
                "Invalid field selection",
                Some("fields"),
            ),
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
        let round = all
            .google
            .round(number)
            .ok_or_else(|| invalid("pageToken"))?;
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
            let cursor = all
                .google
                .find(word)
                .filter(|cursor| cursor.scope.owner == owner);
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
            let plain = ["orderBy", "q", "updatedMin", "iCalUID"]
                .iter()
                .all(|name| request.param(name).is_none());
            let items = full(&all.world, request, &scope);
            (scope, items, plain)
        }
    };
    let mut pages = paginate(items.into_iter().map(|item| vec![item]).collect(), size);
    if all.world.quirks.google_empty_page {
        pages.insert(0, Vec::new());
    }
    let round = Round {
        scope,
        pages,
        seq: all.world.seq,
        resumable,
    };
    let number = all.google.begin(round);
    Ok(page_of(all, request, owner, number, 0))
}

fn page_of(all: &mut All, _request: &Request, owner: &str, number: u64, page: usize) -> Reply {
    let Some(round) = all.google.round(number).cloned() else {
        return invalid("pageToken");
    };
    let mut body = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{:x}\"", round.seq),
        "summary": owner,
        "description": "",
        "updated": all.world.now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "timeZone": "Europe/Berlin",
        "accessRole": "owner",
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "items": round.pages.get(page).cloned().unwrap_or_default(),
    });
    if page + 1 < round.pages.len() {
        body["nextPageToken"] = json!(page_word(number, page + 1));
    } else if round.resumable {
        let word = format!("{}=", all.world.mint.token());
        all.google.keep(
            word.clone(),
            Cursor {
                scope: round.scope,
                seq: round.seq,
            },
        );
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
        return Err(error(
            400,
            "calendar",
            "timeRangeEmpty",
            told,
            Some("timeMax"),
        ));
    }
    match request.param("orderBy") {
        None | Some("updated") => {}
        Some("startTime") if single => {}
        Some(_) => {
            let told = "The requested ordering is not available for the particular query.";
            return Err(error(400, "global", "badRequest", told, Some("orderBy")));
        }
    }
    let mut types: Vec<String> = request
        .query
        .iter()
        .filter(|(name, _)| name == "eventTypes")
        .map(|(_, value)| value.clone())
        .collect();
    types.sort();
    Ok(GoogleScope {
        owner: owner.to_string(),
        single,
        from,
        to,
        types,
    })
}

/// The window of a scope; without a `timeMax` a series is shown as far ahead as Google shows it.
fn window(world: &World, scope: &GoogleScope) -> (DateTime<Utc>, DateTime<Utc>) {
    let far = Duration::days(365 * 14);
    (
        scope.from.unwrap_or(DateTime::UNIX_EPOCH),
        scope.to.unwrap_or(world.now + far),
    )
}

fn view<'a>(world: &'a World, request: &Request, owner: &'a str) -> GoogleView<'a> {
    GoogleView {
        world,
        owner,
        zone: request.param("timeZone").and_then(|name| name.parse().ok()),
    }
}

fn wanted(scope: &GoogleScope, meeting: &Meeting) -> bool {
    scope.types.is_empty() || scope.types.contains(&meeting.event_type)
}

fn full(world: &World, request: &Request, scope: &GoogleScope) -> Vec<Value> {
    let (from, to) = window(world, scope);
    let view = view(world, request, &scope.owner);
    let deleted = request.param("showDeleted") == Some("true");
    let updated = request
        .param("updatedMin")
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let uid = request.param("iCalUID");
    let text = request.param("q").map(str::to_lowercase);
    let mut items: Vec<(DateTime<Utc>, Value)> = Vec::new();
    for meeting in world
        .on_calendar(&scope.owner)
        .filter(|meeting| wanted(scope, meeting))
    {
        if uid.is_some_and(|uid| uid != meeting.uid)
            || updated.is_some_and(|since| meeting.updated < since)
            || text
                .as_ref()
                .is_some_and(|text| !meeting.title.to_lowercase().contains(text))
        {
            continue;
        }
        let live = meeting.standing(&scope.owner) == Standing::Live;
        if !live && !deleted {
            continue;
        }
        let seen = meeting.seen_between(&scope.owner, from, to);
        if scope.single || !meeting.rule().is_series() {
            let shown = seen
                .iter()
                .filter(|one| one.standing == Standing::Live || deleted);
            items.extend(shown.map(|one| (one.slot.start, view.occurrence(meeting, one))));
        } else if live {
            if !seen.is_empty() {
                items.push((meeting.rule().first().start, view.master(meeting)));
            }
            items.extend(
                seen.iter()
                    .filter(|one| one.exception || one.standing != Standing::Live)
                    .map(|one| (one.slot.start, view.occurrence(meeting, one))),
            );
        } else {
            items.push((meeting.rule().first().start, view.gone(meeting)));
        }
    }
    if request.param("orderBy") == Some("startTime") {
        items.sort_by_key(|(start, _)| *start);
    }
    items.into_iter().map(|(_, item)| item).collect()
}

fn increment(world: &World, request: &Request, cursor: &Cursor<GoogleScope>) -> Vec<Value> {
    let scope = &cursor.scope;
    let (from, mut to) = window(world, scope);
    if world.quirks.google_unbounded {
        to = to.max(world.now + Duration::days(365 * 14));
    }
    let view = view(world, request, &scope.owner);
    let changed: BTreeSet<(usize, What)> = world
        .changes_since(&scope.owner, cursor.seq)
        .iter()
        .map(|change| (change.meeting, change.what))
        .collect();
    let mut items = Vec::new();
    for (index, what) in &changed {
        let Some(meeting) = world
            .meetings
            .get(*index)
            .filter(|meeting| wanted(scope, meeting))
        else {
            continue;
        };
        // An occurrence says nothing new when its whole series is told again.
        if *what != What::Whole && changed.contains(&(*index, What::Whole)) {
            continue;
        }
        let series = meeting.rule().is_series();
        match what {
            What::One(original) => {
                if let Some(seen) = meeting.seen_at(&scope.owner, *original) {
                    items.push(view.occurrence(meeting, &seen));
                }
            }
            What::Whole if series && scope.single => {
                items.extend(whole_series(&view, meeting, cursor, from, to));
            }
            What::Whole if meeting.standing(&scope.owner) != Standing::Live => {
                items.push(view.gone(meeting))
            }
            What::Whole if series => {
                items.push(view.master(meeting));
                let seen = meeting.seen_between(&scope.owner, from, to);
                let different = seen
                    .iter()
                    .filter(|one| one.exception || one.standing != Standing::Live);
                items.extend(different.map(|one| view.occurrence(meeting, one)));
            }
            What::Whole => {
                // A single event is told wherever it went: increments know no window.
                let seen = meeting.seen(&scope.owner, meeting.rule().first());
                items.push(view.occurrence(meeting, &seen));
            }
        }
    }
    items
}

/// All instances of a changed series: those it has now, and tombstones for those it had.
fn whole_series(
    view: &GoogleView<'_>,
    meeting: &Meeting,
    cursor: &Cursor<GoogleScope>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<Value> {
    let owner = &cursor.scope.owner;
    let mut items = Vec::new();
    let mut told = BTreeSet::new();
    let known = meeting.born <= cursor.seq;
    for seen in meeting.seen_between(owner, from, to) {
        if seen.standing == Standing::Live || known {
            told.insert(instance_id(meeting, meeting.rule(), &seen.original));
            items.push(view.occurrence(meeting, &seen));
        }
    }
    for rule in meeting.old_rules(cursor.seq).filter(|_| known) {
        for slot in rule
            .slots(from, to)
            .iter()
            .filter(|slot| overlaps(slot, from, to))
        {
            if told.insert(instance_id(meeting, rule, slot)) {
                items.push(view.tombstone(meeting, rule, slot, meeting.stamp));
            }
        }
    }
    items
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
        let Some(suffix) = id
            .strip_prefix(&own)
            .and_then(|rest| rest.strip_prefix('_'))
        else {
            continue;
        };
        let Some(around) = instance_day(suffix) else {
            continue;
        };
        let rule = meeting.rule();
        let slots = rule.slots(around - Duration::days(2), around + Duration::days(3));
        if let Some(slot) = slots
            .into_iter()
            .find(|slot| instance_id(meeting, rule, slot) == id)
        {
            return Reply::ok(view.occurrence(meeting, &meeting.seen(owner, slot)));
        }
    }
    usual_error(404)
}

fn instance_day(suffix: &str) -> Option<DateTime<Utc>> {
    let day = chrono::NaiveDate::parse_from_str(suffix.get(..8)?, "%Y%m%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn invalid(name: &'static str) -> Reply {
    error(
        400,
        "global",
        "invalid",
        &format!("Invalid value for: {name}"),
        Some(name),
    )
}

fn insufficient() -> Reply {
    Reply::new(
        403,
        json!({"error": {
            "code": 403,
            "message": "Request had insufficient authentication scopes.",
            "errors": [{"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}],
            "status": "PERMISSION_DENIED",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"service": "calendar-json.googleapis.com"},
            }],
        }}),
    )
}

/// Google's usual answer with a status.
pub fn usual_error(status: u16) -> Reply {
    match status {
        400 => error(400, "global", "badRequest", "Bad Request", None),
        401 => {
            let mut reply = error(401, "global", "authError", "Invalid Credentials", None);
            reply.body["error"]["errors"][0]["locationType"] = json!("header");
            reply.body["error"]["errors"][0]["location"] = json!("Authorization");
            reply
        }
        403 => error(
            403,
            "usageLimits",
            "rateLimitExceeded",
            "Rate Limit Exceeded",
            None,
        ),
        404 => error(404, "global", "notFound", "Not Found", None),
        410 => {
            let told = "Sync token is no longer valid, a full sync is required.";
            error(410, "calendar", "fullSyncRequired", told, Some("syncToken"))
        }
        429 => error(
            429,
            "usageLimits",
            "rateLimitExceeded",
            "Rate Limit Exceeded",
            None,
        ),
        status => error(status, "global", "backendError", "Backend Error", None),
    }
}

pub fn error(
    status: u16,
    domain: &str,
    reason: &str,
    told: &str,
    parameter: Option<&str>,
) -> Reply {
    let mut line = json!({"domain": domain, "reason": reason, "message": told});
    if let Some(name) = parameter {
        line["locationType"] = json!("parameter");
        line["location"] = json!(name);
    }
    Reply::new(
        status,
        json!({"error": {"errors": [line], "code": status, "message": told}}),
    )
}
