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
use crate::sandbox::control::wire::{Alteration, Join, Planned, Response};
use crate::sandbox::http::State;
use crate::sandbox::world::Following;

pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/meetings/{id}/move", post(reschedule))
        .route("/meetings/{id}/cancel", post(cancel))
        .route("/meetings/{id}/respond", post(respond))
        .route("/meetings/{id}/remove", post(remove))
        .route("/meetings/{id}/retitle", post(retitle))
        .route("/meetings/{id}/disclose", post(disclose))
        .route("/meetings/{id}/join", post(join))
        .route("/meetings/{id}/leave", post(leave))
        .route("/meetings/{id}/shorten", post(shorten))
        .route("/meetings/{id}/split", post(split))
        .route("/meetings/{id}/resize", post(resize))
        .route("/meetings/{id}/invite", post(invite))
        .route("/meetings/{id}/uninvite", post(uninvite))
        .route("/meetings/{id}/restore", post(restore))
        .route("/meetings/{id}/alter", post(alter))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
    start: String,
    #[serde(default)]
    minutes: Option<i64>,
}

async fn reschedule(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Move = read(&body)?;
    state.lock().world.reschedule(&id, order.occurrence, &order.start, order.minutes)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn cancel(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Cancel = read(&body)?;
    state.lock().world.cancel(&id, order.occurrence)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Respond {
    who: String,
    response: Response,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn respond(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Respond = read(&body)?;
    state.lock().world.respond(&id, &order.who, order.response, order.occurrence)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    who: String,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn remove(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Remove = read(&body)?;
    state.lock().world.remove(&id, &order.who, order.occurrence)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retitle {
    title: String,
    #[serde(default)]
    occurrence: Option<DateTime<Utc>>,
}

async fn retitle(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Retitle = read(&body)?;
    state.lock().world.retitle(&id, order.occurrence, order.title)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclose {
    visibility: String,
}

async fn disclose(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Disclose = read(&body)?;
    state.lock().world.disclose(&id, order.visibility)?;
    Ok(done())
}

async fn join(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Join = read(&body)?;
    state.lock().world.join(&id, order)?;
    Ok(done())
}

async fn leave(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Join = read(&body)?;
    state.lock().world.leave(&id, order)?;
    Ok(done())
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

async fn alter(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Alteration = read(&body)?;
    state.lock().world.alter(&id, order)?;
    Ok(done())
}
