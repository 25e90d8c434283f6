//! Graph's subscriptions: the handshake, change notices, and lifecycle notices.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::sandbox::control::wire::{Lifecycle, Provider, Removal, Watch};
use crate::sandbox::graph::event::{GraphView, etag};
use crate::sandbox::graph::{error, preferences};
use crate::sandbox::http::{All, Errand, Reply, Request, State};
use crate::sandbox::notices::{Notice, Outbox, callback};
use crate::sandbox::world::{Change, World};

/// How long a subscription for events may live, and the least that a shorter wish is raised to.
const LONGEST: Duration = Duration::minutes(10_080);
const SHORTEST: Duration = Duration::minutes(45);
/// The most subscriptions of one mailbox.
const MOST: usize = 1000;
const CHANGES: [&str; 3] = ["created", "updated", "deleted"];

/// The subscriptions there are.
#[derive(Default)]
pub struct Subscriptions {
    live: Vec<Subscription>,
    /// Removed by Microsoft; their client is told when it next tries to renew.
    doomed: Vec<Subscription>,
}

#[derive(Clone)]
struct Subscription {
    id: String,
    owner: String,
    user_id: String,
    resource: String,
    changes: Vec<String>,
    url: Url,
    lifecycle: Option<Url>,
    client_state: Option<String>,
    until: DateTime<Utc>,
    immutable: bool,
    told: u64,
    /// Its receiver answered the handshake.
    valid: bool,
}

impl Subscription {
    fn shown(&self, app: &str) -> Value {
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": app,
            "changeType": self.changes.join(","),
            "clientState": self.client_state,
            "notificationUrl": self.url.as_str(),
            "notificationQueryOptions": null,
            "lifecycleNotificationUrl": self.lifecycle.as_ref().map(Url::as_str),
            "expirationDateTime": time(self.until),
            "creatorId": app,
            "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": null,
            "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }

    /// What both kinds of notice begin with.
    fn head(&self, tenant: &str) -> Value {
        json!({
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": time(self.until),
            "clientState": self.client_state,
            "tenantId": tenant,
        })
    }

    fn lifecycle_notice(&self, tenant: &str, event: Lifecycle) -> Option<Notice> {
        let mut item = self.head(tenant);
        item["lifecycleEvent"] = json!(event);
        Some(post(self.lifecycle.clone()?, vec![item]))
    }

    fn change_notice(&self, world: &World, change: &Change) -> Option<Value> {
        let meeting = world.meetings.get(change.meeting)?;
        let view = GraphView { immutable: self.immutable, ..GraphView::plain(world, &self.owner) };
        let kind = if !view.holds(meeting, meeting.standing(&self.owner)) {
            "deleted"
        } else if change.seq == meeting.born {
            "created"
        } else {
            "updated"
        };
        if !self.changes.iter().any(|wanted| wanted == kind) {
            return None;
        }
        // Occurrences are no items of the mailbox: their series is what changed.
        let id = view.id(meeting, None);
        let path = format!("Users/{}/Events/{id}", self.user_id);
        let mut item = self.head(&world.tenant);
        item["changeType"] = json!(kind);
        item["resource"] = json!(path);
        item["resourceData"] = json!({
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": path,
            "@odata.etag": etag(meeting, meeting.stamp),
            "id": id,
        });
        Some(item)
    }
}

impl Subscriptions {
    /// What has to be told after the world changed: everything for one address goes in one request.
    pub fn due(&mut self, world: &World) -> Vec<Notice> {
        self.live.retain(|one| one.until > world.now);
        let mut items: BTreeMap<String, (Url, Vec<Value>)> = BTreeMap::new();
        for one in self.live.iter_mut().filter(|one| one.valid) {
            for change in world.changes_since(&one.owner, one.told) {
                if let Some(item) = one.change_notice(world, change) {
                    let slot = items.entry(one.url.to_string());
                    slot.or_insert_with(|| (one.url.clone(), Vec::new())).1.push(item);
                }
            }
            one.told = world.seq;
        }
        items.into_values().map(|(url, value)| post(url, value)).collect()
    }

    /// Ends the subscriptions of one mailbox, or all, without a word.
    pub fn expire(&mut self, owner: Option<&str>) {
        self.live.retain(|one| owner.is_some_and(|owner| owner != one.owner));
    }

    /// Microsoft removes a subscription and says so, at once or when it is to be renewed.
    pub fn remove(&mut self, tenant: &str, id: &str, when: Removal) -> Result<Option<Notice>, String> {
        let place = self.place(id)?;
        let one = self.live.remove(place);
        match when {
            Removal::Silent => Ok(None),
            Removal::Told => Ok(one.lifecycle_notice(tenant, Lifecycle::SubscriptionRemoved)),
            Removal::AtRenewal => {
                self.doomed.push(one);
                Ok(None)
            }
        }
    }

    /// A lifecycle notice for a subscription that goes on.
    pub fn lifecycle(&self, tenant: &str, id: &str, event: Lifecycle) -> Result<Notice, String> {
        let one = self.live.get(self.place(id)?);
        one.and_then(|one| one.lifecycle_notice(tenant, event))
            .ok_or_else(|| format!("{id}: it was made without a lifecycleNotificationUrl"))
    }

    fn place(&self, id: &str) -> Result<usize, String> {
        let told = || format!("{id}: there is no such subscription; GET /_sandbox/watches lists them");
        self.live.iter().position(|one| one.valid && one.id == id).ok_or_else(told)
    }

    pub fn list(&self) -> impl Iterator<Item = Watch> {
        self.live.iter().filter(|one| one.valid).map(|one| Watch {
            provider: Provider::Microsoft,
            id: one.id.clone(),
            address: one.owner.clone(),
            resource: one.resource.clone(),
            url: one.url.to_string(),
            secret: one.client_state.clone(),
            expires_at: one.until,
        })
    }
}

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

/// A handshake that stands before the answer.
#[derive(Debug, Clone)]
pub struct Shake {
    id: String,
    urls: Vec<Url>,
    /// The new end, when an address of a subscription is changed.
    until: Option<DateTime<Utc>>,
}

impl Shake {
    /// Asks each address; what is wrong with the first that does not answer as it must.
    pub async fn ask(&self, outbox: &Outbox, token: &str) -> Result<(), String> {
        let token = format!(
            "Validation: Testing client application reachability for subscription Request-Id: {token}"
        );
        for url in &self.urls {
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("validationToken", &token);
            let headers = vec![("content-type", "text/plain; charset=utf-8".to_string())];
            let notice = Notice { vendor: Provider::Microsoft, url, headers, body: None };
            let (status, media, text) = outbox.ask(&notice).await?;
            if status != 200 {
                return Err(format!("it answered {status} instead of 200"));
            }
            if !media.to_lowercase().starts_with("text/plain") {
                return Err(format!("its answer is of type '{media}' instead of text/plain"));
            }
            if text != token {
                return Err("its answer is not the decoded validation token".into());
            }
        }
        Ok(())
    }

    /// Writes down how it went.
    pub fn finish(&self, all: &mut All, reply: Reply, went: Result<(), String>) -> Reply {
        let place = all.subscriptions.live.iter().position(|one| one.id == self.id);
        let Some(place) = place else {
            return error(404, "ResourceNotFound", "The object was not found.");
        };
        if let Err(why) = went {
            if self.until.is_none() {
                all.subscriptions.live.remove(place);
            }
            let told = format!(
                "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request: {why}."
            );
            return error(400, "ValidationError", &told);
        }
        let one = &mut all.subscriptions.live[place];
        one.valid = true;
        if let (Some(until), Some(url)) = (self.until, self.urls.first()) {
            one.until = until;
            one.url = url.clone();
        }
        reply
    }
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

fn post(url: Url, value: Vec<Value>) -> Notice {
    Notice { vendor: Provider::Microsoft, url, headers: Vec::new(), body: Some(json!({"value": value})) }
}

fn context(state: &State, request: &Request, tail: &str) -> String {
    format!("{}/v1.0/$metadata#subscriptions{tail}", request.origin(state))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn invalid(told: &str) -> Reply {
    error(400, "InvalidRequest", told)
}
