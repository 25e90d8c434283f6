//! The control endpoints: change the world, serve faults, look at what happened.

pub mod client;
mod edits;
pub mod faults;
mod meetings;
mod push;
pub mod quirks;
mod script;
pub mod truth;
mod vendors;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::sandbox::bell::Bell;
use crate::sandbox::control::wire::{Mail, NewPerson, Person};
use crate::sandbox::http::State;

type Told<T> = Result<T, Refusal>;
type Here = Shared<Arc<State>>;

/// A request that makes no sense, with what to write instead.
pub struct Refusal(String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Answer {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": self.0}))).into_response()
    }
}

impl From<String> for Refusal {
    fn from(told: String) -> Self {
        Self(told)
    }
}

pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/begin", post(begin))
        .route("/clock", post(clock))
        .route("/origin", post(origin))
        .route("/people", post(people).get(everyone))
        .merge(meetings::router())
        .merge(edits::router())
        .merge(vendors::router())
        .merge(push::router())
        .route("/requests", get(requests).delete(forget))
        .route("/requests/wait", get(wait_for_requests))
        .route("/mails", get(mails))
        .route("/mails/wait", get(wait_for_mails))
        .route("/smtp", post(smtp))
}

/// Reads a JSON body; an empty one is an empty object.
fn read<T: DeserializeOwned>(body: &Bytes) -> Told<T> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refusal(format!("the body cannot be read: {}: {}", error.path(), error.inner())))
}

/// How many somebody waits for, and for how long at the most.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enough {
    count: usize,
    #[serde(default = "ten")]
    seconds: u64,
}

fn ten() -> u64 {
    10
}

type Wish = Result<Query<Enough>, QueryRejection>;

/// Waits until there are as many as somebody wishes.
async fn wait(wish: Wish, bell: &Bell, count: impl Fn() -> usize) -> Told<()> {
    let wish = wish.map_err(|error| Refusal(format!("count, seconds: {error}; write ?count=2")))?;
    bell.until(Duration::from_secs(wish.seconds), || count() >= wish.count).await;
    Ok(())
}

fn done() -> Answer {
    axum::Json(json!({"ok": true})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    now: DateTime<Utc>,
}

async fn clock(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.lock().world.now = read::<Clock>(&body)?.now;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    #[serde(default)]
    url: Option<String>,
}

async fn origin(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let url = read::<Origin>(&body)?.url.map(|url| url.trim_end_matches('/').to_string());
    state.lock().known_as = url;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    now: DateTime<Utc>,
    seed: u64,
}

async fn begin(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let Begin { now, seed } = read(&body)?;
    state.begin(now, seed);
    Ok(done())
}

async fn people(Shared(state): Here, body: Bytes) -> Told<axum::Json<Vec<Person>>> {
    let new: Vec<NewPerson> = read(&body)?;
    let mut all = state.lock();
    let added = new.into_iter().map(|person| all.world.add_person(person)).collect::<Result<_, _>>()?;
    Ok(axum::Json(added))
}

async fn everyone(Shared(state): Here) -> axum::Json<Vec<Person>> {
    axum::Json(state.lock().world.people.values().cloned().collect())
}

async fn requests(Shared(state): Here) -> axum::Json<Vec<String>> {
    axum::Json(state.lock().requests.clone())
}

async fn wait_for_requests(Shared(state): Here, wish: Wish) -> Told<axum::Json<Vec<String>>> {
    wait(wish, &state.bell, || state.lock().requests.len()).await?;
    Ok(requests(Shared(state)).await)
}

async fn forget(Shared(state): Here) -> Answer {
    state.lock().requests.clear();
    done()
}

async fn mails(Shared(state): Here) -> axum::Json<Vec<Mail>> {
    axum::Json(state.post.mails())
}

async fn wait_for_mails(Shared(state): Here, wish: Wish) -> Told<axum::Json<Vec<Mail>>> {
    wait(wish, &state.post.bell, || state.post.count()).await?;
    Ok(mails(Shared(state)).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Smtp {
    accept: bool,
}

async fn smtp(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.post.accept(read::<Smtp>(&body)?.accept);
    Ok(done())
}
