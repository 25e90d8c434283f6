//! What clients ask of subscriptions: to make, list, renew, change and delete them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use super::{CHANGES, LONGEST, MOST, SHORTEST, Shake, Subscription};
use crate::sandbox::control::wire::{Lifecycle, Provider};
use crate::sandbox::graph::{error, preferences};
use crate::sandbox::http::{All, Errand, Reply, Request, State};
use crate::sandbox::notices::callback;

pub fn answer(state: &State, all: &mut All, request: &Request, rest: &[&str]) -> Reply {
    all.subscriptions.live.retain(|one| one.until > all.world.now);
    let answered = match (request.method.as_str(), rest) {
        ("POST", []) => create(state, all, request),
        ("GET", []) => {
            let app = &state.microsoft.client_id;
            let value: Vec<Value> =
                all.subscriptions.live.iter().filter(|one| one.valid).map(|one| one.shown(app)).collect();
            Ok(Reply::ok(json!({"@odata.context": context(state, request, ""), "value": value})))
        }
        (method, [id, rest @ ..]) => match all.subscriptions.place(id) {
            Err(_) => Err(missing(state, all, id, method)),
            Ok(place) => one(state, all, request, place, rest),
        },
        _ => Err(error(405, "MethodNotAllowed", "The method is not allowed here.")),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

/// A subscription that is not there; one that Microsoft removed is told of when it is to be renewed.
fn missing(state: &State, all: &mut All, id: &str, method: &str) -> Reply {
    let doomed = all.subscriptions.doomed.iter().position(|one| one.id == id);
    if let Some(place) = doomed.filter(|_| method == "PATCH" || method == "POST") {
        let one = all.subscriptions.doomed.remove(place);
        if let Some(notice) = one.lifecycle_notice(&all.world.tenant, Lifecycle::SubscriptionRemoved) {
            state.outbox.send(notice);
        }
    }
    error(404, "ResourceNotFound", "The object was not found.")
}

fn one(state: &State, all: &mut All, request: &Request, place: usize, rest: &[&str]) -> Result<Reply, Reply> {
    let now = all.world.now;
    let live = &mut all.subscriptions.live;
    match (request.method.as_str(), rest) {
        ("GET", []) => {}
        ("DELETE", []) => {
            live.remove(place);
            return Ok(Reply::new(204, Value::Null));
        }
        ("POST", ["reauthorize"]) => return Ok(Reply::new(204, Value::Null)),
        ("PATCH", []) => {
            let body = read(request)?;
            let known = ["expirationDateTime", "notificationUrl"];
            if let Some(other) = body.keys().find(|name| !known.contains(&name.as_str())) {
                return Err(invalid(&format!("The property '{other}' cannot be changed.")));
            }
            let until = match body.get("expirationDateTime") {
                None => live[place].until,
                Some(value) => until(value, now)?,
            };
            match body.get("notificationUrl").and_then(Value::as_str) {
                None => live[place].until = until,
                Some(text) => {
                    let url = address(state, text, "NotificationUrl")?;
                    // It holds once the new address has answered; until then the old one does.
                    let changed = Subscription { until, url: url.clone(), ..live[place].clone() };
                    let mut reply = Reply::ok(changed.shown(&state.microsoft.client_id));
                    reply.body["@odata.context"] = json!(context(state, request, "/$entity"));
                    let id = changed.id.clone();
                    reply.errand =
                        Some(Box::new(Errand::Shake(Shake { id, urls: vec![url], until: Some(until) })));
                    return Ok(reply);
                }
            }
        }
        _ => return Err(error(405, "MethodNotAllowed", "The method is not allowed here.")),
    }
    let mut body = live[place].shown(&state.microsoft.client_id);
    body["@odata.context"] = json!(context(state, request, "/$entity"));
    Ok(Reply::ok(body))
}

fn create(state: &State, all: &mut All, request: &Request) -> Result<Reply, Reply> {
    let body = read(request)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let need = |name: &str| text(name).ok_or_else(|| invalid(&format!("'{name}' is required.")));
    let changes: Vec<String> =
        need("changeType")?.split(',').map(|kind| kind.trim().to_lowercase()).collect();
    if let Some(other) = changes.iter().find(|kind| !CHANGES.contains(&kind.as_str())) {
        return Err(invalid(&format!("'changeType' has an unknown value: '{other}'.")));
    }
    let resource = need("resource")?.to_string();
    let key = subject(&resource)
        .ok_or_else(|| invalid(&format!("Resource '{resource}' does not support notifications.")))?;
    let person =
        all.world.user(Provider::Microsoft, key).cloned().ok_or_else(|| {
            error(404, "ResourceNotFound", &format!("The mailbox of '{key}' was not found."))
        })?;
    let url = address(state, need("notificationUrl")?, "NotificationUrl")?;
    let lifecycle = match text("lifecycleNotificationUrl") {
        None => None,
        Some(text) => Some(address(state, text, "LifecycleNotificationUrl")?),
    };
    let client_state = text("clientState").map(str::to_string);
    if client_state.as_ref().is_some_and(|state| state.chars().count() > 128) {
        return Err(invalid("'clientState' is longer than 128 characters."));
    }
    let until = until(body.get("expirationDateTime").unwrap_or(&Value::Null), all.world.now)?;
    let held = all.subscriptions.live.iter().filter(|one| one.owner == person.address).count();
    if held >= MOST {
        return Err(error(403, "ExtensionError", "The mailbox has too many subscriptions."));
    }
    let subscription = Subscription {
        id: all.world.mint.guid(),
        owner: person.address,
        user_id: person.user_id,
        resource,
        changes,
        url: url.clone(),
        lifecycle: lifecycle.clone(),
        client_state,
        until,
        immutable: preferences(request).iter().any(|wish| wish.eq_ignore_ascii_case("IdType=ImmutableId")),
        told: all.world.seq,
        valid: false,
    };
    let mut answer = subscription.shown(&state.microsoft.client_id);
    answer["@odata.context"] = json!(context(state, request, "/$entity"));
    let shake = Shake {
        id: subscription.id.clone(),
        urls: [Some(url), lifecycle].into_iter().flatten().collect(),
        until: None,
    };
    all.subscriptions.live.push(subscription);
    Ok(Reply { errand: Some(Box::new(Errand::Shake(shake))), ..Reply::new(201, answer) })
}

/// Whose events a resource is about.
fn subject(resource: &str) -> Option<&str> {
    let parts: Vec<&str> = resource.trim_matches('/').trim_start_matches("v1.0/").split('/').collect();
    match parts.as_slice() {
        ["users" | "Users", key, "events" | "Events"]
        | ["users" | "Users", key, "calendar", "events"]
        | ["users" | "Users", key, "calendars", _, "events"] => Some(key),
        _ => None,
    }
}

fn until(value: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Reply> {
    let until = value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(|| invalid("'expirationDateTime' is required, as in 2026-10-05T10:00:00Z."))?;
    if until <= now {
        return Err(invalid("Subscription expiration must be in the future."));
    }
    if until > now + LONGEST {
        return Err(invalid("Subscription expiration can only be 10080 minutes in the future."));
    }
    Ok(until.max(now + SHORTEST))
}

fn address(state: &State, text: &str, name: &str) -> Result<Url, Reply> {
    callback(text, state.plain_callbacks)
        .ok_or_else(|| invalid(&format!("{name} must be a HTTPS address, not '{text}'.")))
}

fn read(request: &Request) -> Result<serde_json::Map<String, Value>, Reply> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(error(400, "BadRequest", "Unable to read JSON request payload.")),
    }
}

fn context(state: &State, request: &Request, tail: &str) -> String {
    format!("{}/v1.0/$metadata#subscriptions{tail}", request.origin(state))
}

fn invalid(told: &str) -> Reply {
    error(400, "InvalidRequest", told)
}
