//! Google's notification channels: `events.watch`, `channels.stop`, and what is told over them.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::sandbox::control::wire::{Provider, Watch};
use crate::sandbox::google::error::error;
use crate::sandbox::http::{All, Errand, Reply, Request, State};
use crate::sandbox::notices::{Notice, callback};
use crate::sandbox::world::World;
use crate::sandbox::world::ids::{base32hex, hash};

/// How long a channel lives when nothing is asked for, and at most.
const USUAL: Duration = Duration::days(7);
const LONGEST: Duration = Duration::days(30);
/// The same where they are short.
const SHORT: Duration = Duration::hours(1);

/// The open channels.
#[derive(Default)]
pub struct Channels {
    open: Vec<Channel>,
    /// Every name there was: one is good for one channel, also after that ended.
    names: HashSet<String>,
}

struct Channel {
    id: String,
    owner: String,
    resource_id: String,
    resource_uri: String,
    url: Url,
    token: Option<String>,
    types: Vec<String>,
    until: DateTime<Utc>,
    /// Up to which change of the world it has told.
    told: u64,
    /// The number of the last message.
    number: u64,
}

impl Channel {
    /// The next message; numbers rise, with gaps.
    fn message(&mut self, resource_state: &str) -> Notice {
        self.number = match self.number {
            0 => 1,
            number => number + 1 + u64::from(hash(&[self.id.as_bytes(), &number.to_le_bytes()])[0] % 3),
        };
        let mut headers = vec![
            ("content-type", "application/json; utf-8".to_string()),
            ("x-goog-channel-id", self.id.clone()),
            ("x-goog-channel-expiration", self.until.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            ("x-goog-resource-id", self.resource_id.clone()),
            ("x-goog-resource-uri", self.resource_uri.clone()),
            ("x-goog-resource-state", resource_state.to_string()),
            ("x-goog-message-number", self.number.to_string()),
        ];
        if let Some(token) = &self.token {
            headers.push(("x-goog-channel-token", token.clone()));
        }
        Notice { vendor: Provider::Google, url: self.url.clone(), headers, body: None }
    }
}

impl Channels {
    /// What has to be told after the world changed. Channels end without a word.
    pub fn due(&mut self, world: &World) -> Vec<Notice> {
        self.open.retain(|channel| channel.until > world.now);
        let mut due = Vec::new();
        for channel in &mut self.open {
            let wanted = world.changes_since(&channel.owner, channel.told).iter().any(|change| {
                channel.types.is_empty()
                    || world
                        .meetings
                        .get(change.meeting)
                        .is_some_and(|meeting| channel.types.contains(&meeting.event_type))
            });
            channel.told = world.seq;
            if wanted {
                due.push(channel.message("exists"));
            }
        }
        due
    }

    /// Ends the channels of one calendar, or all, without a word.
    pub fn expire(&mut self, owner: Option<&str>) {
        self.open.retain(|channel| owner.is_some_and(|owner| owner != channel.owner));
    }

    pub fn list(&self) -> impl Iterator<Item = Watch> {
        self.open.iter().map(|channel| Watch {
            provider: Provider::Google,
            id: channel.id.clone(),
            address: channel.owner.clone(),
            resource: channel.resource_id.clone(),
            url: channel.url.to_string(),
            secret: channel.token.clone(),
            expires_at: channel.until,
        })
    }
}

/// `events.watch`.
pub fn watch(
    state: &State,
    all: &mut All,
    request: &Request,
    owner: &str,
    calendar: &str,
) -> Result<Reply, Reply> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| error(400, "global", "parseError", "Parse Error", None))?;
    let id = text(&body, "id").ok_or_else(|| required("resource.id"))?;
    if id.len() > 64 || !id.chars().all(|one| one.is_ascii_alphanumeric() || "-_+/=".contains(one)) {
        return Err(refuse("channelIdInvalid", &format!("Invalid channel id: {id}")));
    }
    match text(&body, "type") {
        Some("web_hook" | "webhook") => {}
        None => return Err(required("resource.type")),
        Some(other) => {
            return Err(refuse("channelUnknown", &format!("Unknown channel type: {other}")));
        }
    }
    let address = text(&body, "address").ok_or_else(|| required("resource.address"))?;
    let url = callback(address, state.plain_callbacks).ok_or_else(|| {
        refuse("push.webhookUrlNotHttps", &format!("WebHook callback must be HTTPS: {address}"))
    })?;
    let token = text(&body, "token").map(str::to_string);
    if token.as_ref().is_some_and(|token| token.len() > 256) {
        return Err(refuse(
            "channelTokenTooLong",
            "Channel token is too long; it has at most 256 characters",
        ));
    }
    let longest = if all.world.quirks.google_short_channels { SHORT } else { LONGEST };
    let until = until(&body, all.world.now)?.min(all.world.now + longest);
    if !all.channels.names.insert(id.to_string()) {
        return Err(refuse("channelIdNotUnique", &format!("Channel id {id} not unique")));
    }
    let calendar: String = url::form_urlencoded::byte_serialize(calendar.as_bytes()).collect();
    let mut channel = Channel {
        id: id.to_string(),
        owner: owner.to_string(),
        resource_id: base32hex(&hash(&[b"google-events", owner.as_bytes()])[..15]),
        resource_uri: format!("{}/calendar/v3/calendars/{calendar}/events?alt=json", request.origin(state)),
        url,
        token,
        types: request.values("eventTypes"),
        until,
        told: all.world.seq,
        number: 0,
    };
    let sync = channel.message("sync");
    let mut answer = json!({
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": channel.until.timestamp_millis().to_string(),
    });
    if let Some(token) = &channel.token {
        answer["token"] = json!(token);
    }
    all.channels.open.push(channel);
    // Which of the two comes first is open with Google, too.
    if all.world.quirks.google_sync_first {
        return Ok(Reply { errand: Some(Box::new(Errand::Tell(sync))), ..Reply::ok(answer) });
    }
    state.outbox.send(sync);
    Ok(Reply::ok(answer))
}

/// `channels.stop`.
pub fn stop(all: &mut All, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let (Some(id), Some(resource)) = (text(&body, "id"), text(&body, "resourceId")) else {
        return required("resourceId");
    };
    let before = all.channels.open.len();
    all.channels.open.retain(|channel| channel.id != id || channel.resource_id != resource);
    if all.channels.open.len() < before {
        return Reply::new(204, Value::Null);
    }
    error(404, "global", "notFound", &format!("Channel '{id}' not found for the project"), None)
}

/// When the channel is to end: `expiration` in milliseconds or `params.ttl` in seconds, each as a
/// number or as text.
fn until(body: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Reply> {
    let number = |value: &Value| match value {
        Value::Null => Ok(None),
        value => value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .map(Some)
            .ok_or_else(|| refuse("invalid", "Invalid Value")),
    };
    let asked = match (number(&body["expiration"])?, number(&body["params"]["ttl"])?) {
        (Some(millis), _) => DateTime::from_timestamp_millis(millis),
        (None, Some(seconds)) => Duration::try_seconds(seconds).and_then(|ttl| now.checked_add_signed(ttl)),
        (None, None) => Some(now + USUAL),
    };
    match asked {
        Some(until) if until > now => Ok(until),
        _ => Err(refuse("invalid", "The channel's expiration is in the past")),
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn required(name: &'static str) -> Reply {
    error(400, "global", "required", "Required", Some(name))
}

fn refuse(reason: &str, told: &str) -> Reply {
    error(400, "global", reason, told, None)
}
