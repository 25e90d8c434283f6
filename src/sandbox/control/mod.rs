//! The control endpoints: change the world, serve faults, look at what happened.

pub mod client;
mod edits;
pub mod faults;
mod push;
mod script;
pub mod wire;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::{get, post};
use chrono::{DateTime, Duration, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sandbox::control::wire::{
    Conference, Fault, Join, Mail, NewMeeting, NewPerson, Occurrence, Person, Planned, Quirks, Response,
    TrueMeeting, Will,
};
use crate::sandbox::graph::certificate::Certificate;
use crate::sandbox::http::State;
use crate::sandbox::world::view::Standing;
use crate::sandbox::world::{Call, Meeting, World};

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
        .route("/people", post(people).get(everyone))
        .route("/meetings", post(plan).get(truth))
        .route("/meetings/all", post(plan_all))
        .route("/meetings/{id}/move", post(reschedule))
        .route("/meetings/{id}/cancel", post(cancel))
        .route("/meetings/{id}/respond", post(respond))
        .route("/meetings/{id}/remove", post(remove))
        .route("/meetings/{id}/retitle", post(retitle))
        .route("/meetings/{id}/join", post(join))
        .route("/meetings/{id}/leave", post(leave))
        .merge(edits::router())
        .route("/cursors/expire", post(expire))
        .route("/tokens/expire", post(revoke))
        .route("/certificates", post(certificate))
        .route("/consents", post(will))
        .route("/consents/revoke", post(revoke_consent))
        .route("/faults", post(fault).delete(mend))
        .route("/faults/script", post(follow))
        .route("/quirks", post(quirks))
        .route("/requests", get(requests).delete(forget))
        .route("/mails", get(mails))
        .route("/smtp", post(smtp))
        .merge(push::router())
}

/// Reads a JSON body; an empty one is an empty object.
fn read<T: DeserializeOwned>(body: &Bytes) -> Told<T> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refusal(format!("the body cannot be read: {}: {}", error.path(), error.inner())))
}

fn done() -> Answer {
    axum::Json(json!({"ok": true})).into_response()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    pub now: DateTime<Utc>,
}

async fn clock(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.lock().world.now = read::<Clock>(&body)?.now;
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

async fn plan(Shared(state): Here, body: Bytes) -> Told<axum::Json<Planned>> {
    let new: NewMeeting = read(&body)?;
    Ok(axum::Json(state.lock().world.plan(new)?))
}

async fn plan_all(Shared(state): Here, body: Bytes) -> Told<axum::Json<Vec<Planned>>> {
    let new: Vec<NewMeeting> = read(&body)?;
    let mut all = state.lock();
    let planned = new.into_iter().map(|meeting| all.world.plan(meeting)).collect::<Result<_, _>>()?;
    Ok(axum::Json(planned))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
    pub start: String,
    #[serde(default)]
    pub minutes: Option<i64>,
}

async fn reschedule(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Move = read(&body)?;
    state.lock().world.reschedule(&id, order.occurrence, &order.start, order.minutes)?;
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
}

async fn cancel(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Cancel = read(&body)?;
    state.lock().world.cancel(&id, order.occurrence)?;
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    pub who: String,
    pub response: Response,
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
}

async fn respond(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Respond = read(&body)?;
    state.lock().world.respond(&id, &order.who, order.response, order.occurrence)?;
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    pub who: String,
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
}

async fn remove(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Remove = read(&body)?;
    state.lock().world.remove(&id, &order.who, order.occurrence)?;
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retitle {
    pub title: String,
    #[serde(default)]
    pub occurrence: Option<DateTime<Utc>>,
}

async fn retitle(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: Retitle = read(&body)?;
    state.lock().world.retitle(&id, order.occurrence, order.title)?;
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expire {
    #[serde(default)]
    pub address: Option<String>,
}

async fn expire(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let address = read::<Expire>(&body)?.address.map(|address| address.to_lowercase());
    state.lock().lose_cursors(address.as_deref());
    Ok(done())
}

async fn revoke(Shared(state): Here) -> Answer {
    state.lock().accounts.revoke();
    done()
}

async fn will(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.lock().consents.will = read::<Will>(&body)?;
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeConsent {
    pub address: String,
}

async fn revoke_consent(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let address = read::<RevokeConsent>(&body)?.address.to_lowercase();
    let mut all = state.lock();
    all.consents.revoke(&address);
    all.accounts.revoke_of(&address);
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    pub pem: String,
}

async fn certificate(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let certificate = Certificate::read(&read::<Upload>(&body)?.pem)?;
    state.lock().certificates.push(certificate);
    Ok(done())
}

async fn fault(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let fault: Fault = read(&body)?;
    if !(400..600).contains(&fault.status) {
        return Err(Refusal(format!("status: {} is no failure; write 400 to 599", fault.status)));
    }
    state.lock().faults.add(fault);
    Ok(done())
}

async fn follow(Shared(state): Here, script: String) -> Told<Answer> {
    let lines = script::parse(&script)?;
    state.lock().faults.follow(lines);
    Ok(done())
}

async fn mend(Shared(state): Here) -> Answer {
    state.lock().faults = faults::Faults::default();
    done()
}

async fn quirks(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.lock().world.quirks = read::<Quirks>(&body)?;
    Ok(done())
}

async fn requests(Shared(state): Here) -> axum::Json<Vec<String>> {
    axum::Json(state.lock().requests.clone())
}

async fn forget(Shared(state): Here) -> Answer {
    state.lock().requests.clear();
    done()
}

async fn mails(Shared(state): Here) -> axum::Json<Vec<Mail>> {
    axum::Json(state.post.mails())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub accept: bool,
}

async fn smtp(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.post.accept(read::<Smtp>(&body)?.accept);
    Ok(done())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
}

async fn truth(
    Shared(state): Here,
    query: Result<Query<Between>, axum::extract::rejection::QueryRejection>,
) -> Told<axum::Json<Vec<TrueMeeting>>> {
    let Query(between) =
        query.map_err(|error| Refusal(format!("from, to: {error}; write 2026-10-05T00:00:00Z")))?;
    let all = state.lock();
    let from = between.from.unwrap_or(all.world.now - Duration::days(365));
    let to = between.to.unwrap_or(all.world.now + Duration::days(365));
    Ok(axum::Json(all.world.meetings.iter().map(|meeting| told(&all.world, meeting, from, to)).collect()))
}

fn told(world: &World, meeting: &Meeting, from: DateTime<Utc>, to: DateTime<Utc>) -> TrueMeeting {
    let occurrences = meeting.seen_between(&meeting.organizer, from, to).into_iter().map(|seen| {
        let original = seen.original.start;
        Occurrence {
            original_start: original,
            start: seen.slot.start,
            end: seen.slot.end,
            title: seen.title,
            cancelled: seen.standing != Standing::Live,
            taken_off_by: meeting
                .guests(Some(original))
                .into_iter()
                .filter(|guest| meeting.is_taken_off_by(guest, original))
                .collect(),
            responses: meeting
                .guests(Some(original))
                .into_iter()
                .map(|guest| {
                    let response = meeting.response(&guest, Some(original));
                    (guest, response)
                })
                .collect(),
            attendance: meeting
                .attendance
                .iter()
                .filter(|(run, stay)| *run == original && stay.joined_at <= world.now)
                .map(|(_, stay)| stay.clone())
                .collect(),
        }
    });
    TrueMeeting {
        id: meeting.id(),
        uid: meeting.uid.clone(),
        organizer: meeting.organizer.clone(),
        attendees: meeting.attendees.clone(),
        title: meeting.title.clone(),
        conference: match meeting.call {
            Call::None => Conference::None,
            Call::Meet { .. } => Conference::Meet,
            Call::Teams { .. } => Conference::Teams,
        },
        conference_key: meeting.conference_key().map(str::to_string),
        cancelled: meeting.cancelled,
        occurrences: occurrences.collect(),
    }
}
