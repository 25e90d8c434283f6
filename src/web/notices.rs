//! What Google and Microsoft tell of changes to calendars.
//!
//! Both send to one address. A notice is known by the channel that it names and the secret that it
//! brings, and makes the calendar due; that it is read is the business of a worker.
//!
//! Google: "Get push notifications" of the Calendar API. Microsoft: "Receive change notifications
//! through webhooks" and "Reduce missing change notifications".

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;
use serde_json::Value;

use super::Watched;
use crate::pipeline::secrets::digest;
use crate::pipeline::sync::SETTLES;
use crate::store::{Notice, Says};

/// Graph puts a hundred notices or so into one message.
const LONGEST: usize = 512 * 1024;

/// Longer than the name of any channel, and than the secret that it was given.
const LONGEST_NAME: usize = 128;

/// How many channels one message may name.
const MOST: usize = 1000;

/// Longer than any word that Graph wants to hear back.
const LONGEST_WORD: usize = 4096;

pub fn route() -> MethodRouter<Watched> {
    post(receive).layer(DefaultBodyLimit::max(LONGEST))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    validation_token: Option<String>,
}

/// Graph's message: notices of several subscriptions, of which one that makes no sense spoils no other.
#[derive(Deserialize)]
struct Message {
    value: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    subscription_id: String,
    client_state: Option<String>,
    lifecycle_event: Option<String>,
}

async fn receive(
    State(watched): State<Watched>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(word) = asked.validation_token {
        return echo(word);
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(channel) = text("x-goog-channel-id") {
        let secret = text("x-goog-channel-token").unwrap_or_default();
        let mut heard = Heard::default();
        // The first notice of a channel says only that there is one: what changed before it was opened
        // is read anyway, so that it may count like any other.
        heard.add(channel, secret, Says::Changed);
        return match take(&watched, &heard).await {
            Ok(0) => StatusCode::NOT_FOUND.into_response(),
            Ok(_) => StatusCode::NO_CONTENT.into_response(),
            Err(status) => status.into_response(),
        };
    }
    let Ok(Message { value }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut heard = Heard::default();
    for told in value {
        let Ok(told) = serde_json::from_value::<Told>(told) else { continue };
        let says = match told.lifecycle_event.as_deref() {
            Some("reauthorizationRequired") => Says::Renew,
            Some("subscriptionRemoved") => Says::Removed,
            // `missed`, and whatever else there will be: reading the calendar is never wrong.
            Some(_) | None => Says::Changed,
        };
        heard.add(&told.subscription_id, told.client_state.as_deref().unwrap_or_default(), says);
    }
    // Whom nobody knows is told the same as everybody else: nothing.
    match take(&watched, &heard).await {
        Ok(_) => StatusCode::ACCEPTED.into_response(),
        Err(status) => status.into_response(),
    }
}

/// What one message says, each thing once: a series that is moved brings many notices, and one that was
/// forged costs no more than a look.
#[derive(Default)]
struct Heard(BTreeSet<(String, String, Says)>);

impl Heard {
    fn add(&mut self, channel: &str, secret: &str, says: Says) {
        let sane = (1..=LONGEST_NAME).contains(&channel.len()) && secret.len() <= LONGEST_NAME;
        if sane && self.0.len() < MOST {
            self.0.insert((channel.to_owned(), digest(secret), says));
        }
    }
}

/// Notes what was heard; returns how much of it is to be believed.
async fn take(watched: &Watched, heard: &Heard) -> Result<usize, StatusCode> {
    let now = watched.clock.now();
    let notices: Vec<Notice<'_>> =
        heard.0.iter().map(|(channel, secret, says)| Notice { channel, secret, says: *says }).collect();
    let believed = watched.store.note_notices(&notices, now + SETTLES, now).await.map_err(|error| {
        tracing::warn!("what was told could not be noted, and will be sent again: {error}");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let strange = believed.iter().filter(|believed| !**believed).count();
    if strange > 0 {
        tracing::debug!(strange, "{strange} notices of channels that are not known, or with another secret");
    }
    Ok(believed.len() - strange)
}

/// Graph wants to hear its own word before it sends anything; it is nobody's page.
fn echo(word: String) -> Response {
    if word.len() > LONGEST_WORD {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let plain = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let as_said = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    ([plain, as_said], word).into_response()
}
