//! The endpoints for what becomes of a meeting after it was planned.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response as Answer;
use axum::routing::post;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Here, Shared, Told, done, read};
use crate::sandbox::control::wire::Planned;
use crate::sandbox::http::State;
use crate::sandbox::world::Following;

pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/meetings/{id}/shorten", post(shorten))
        .route("/meetings/{id}/split", post(split))
        .route("/meetings/{id}/resize", post(resize))
        .route("/meetings/{id}/invite", post(invite))
        .route("/meetings/{id}/uninvite", post(uninvite))
        .route("/meetings/{id}/restore", post(restore))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shorten {
    from: DateTime<Utc>,
}

async fn shorten(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Shorten = read(&body)?;
    state.lock().world.shorten(&id, order.from)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    from: DateTime<Utc>,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    minutes: Option<i64>,
    #[serde(default)]
    title: Option<String>,
}

async fn split(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<axum::Json<Planned>> {
    let Split { from, start, minutes, title } = read(&body)?;
    let following = Following { start, minutes, title };
    Ok(axum::Json(state.lock().world.split(&id, from, following)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resize {
    minutes: i64,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn resize(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Resize = read(&body)?;
    state.lock().world.resize(&id, order.occurrence, order.minutes)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    who: String,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn invite(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Invite = read(&body)?;
    state.lock().world.invite(&id, &order.who, order.occurrence)?;
    Ok(done())
}

async fn uninvite(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Invite = read(&body)?;
    state.lock().world.uninvite(&id, &order.who, order.occurrence)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    #[serde(default)]
    who: Option<String>,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn restore(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Restore = read(&body)?;
    state.lock().world.restore(&id, order.who.as_deref(), order.occurrence)?;
    Ok(done())
}
