//! The endpoints that plan meetings, and tell what is true of them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Query;
use axum::routing::post;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;

use super::{Here, Refusal, Shared, Told, read};
use crate::sandbox::control::wire::{NewMeeting, Occurrence, Planned, TrueMeeting};
use crate::sandbox::http::State;
use crate::sandbox::world::view::Standing;
use crate::sandbox::world::{Meeting, World};

pub fn router() -> Router<Arc<State>> {
    Router::new().route("/meetings", post(plan).get(truth)).route("/meetings/all", post(plan_all))
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    #[serde(default)]
    to: Option<DateTime<Utc>>,
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
        creator: meeting.creator.clone(),
        attendees: meeting.attendees.clone(),
        title: meeting.title.clone(),
        series: meeting.rule().is_series(),
        all_day: meeting.rule().all_day,
        timezone: meeting.rule().zone.name().to_owned(),
        free: meeting.transparency == "transparent",
        rooms: meeting.rooms.clone(),
        conference: meeting.conference(),
        conference_key: meeting.conference_key().map(str::to_string),
        cancelled: meeting.cancelled,
        occurrences: occurrences.collect(),
    }
}
