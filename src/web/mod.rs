//! HTTP: health, for whoever watches over the service.
//!
//! Nothing in here runs a step of the flow.

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::domain::calendar::CalendarState;
use crate::store::Store;

/// How long requests may take to end after `stop`; some clients never finish asking.
const LINGER: Duration = Duration::from_secs(1);

/// Answers requests until `stop`.
pub async fn serve(listener: TcpListener, store: Store, stop: CancellationToken) {
    let serving = axum::serve(listener, router(store)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!("the HTTP listener ended: {error}");
            }
        }
        () = too_long => {}
    }
}

fn router(store: Store) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "alive\n" }))
        .route("/health", get(health))
        .with_state(store)
}

/// What `/health` answers; with 503 instead of 200 while the database cannot be used.
#[derive(Debug, Default, Serialize)]
struct Health {
    database: &'static str,
    /// Calendars by state.
    calendars: Calendars,
}

#[derive(Debug, Default, Serialize)]
struct Calendars {
    active: u32,
    needs_consent: u32,
    unreachable: u32,
    backing_off: u32,
}

async fn health(State(store): State<Store>) -> impl IntoResponse {
    match store.calendars().await {
        Ok(calendars) => {
            let mut health = Health { database: "ok", ..Health::default() };
            for calendar in calendars {
                let count = match calendar.state {
                    CalendarState::Active => &mut health.calendars.active,
                    CalendarState::NeedsConsent => &mut health.calendars.needs_consent,
                    CalendarState::Unreachable => &mut health.calendars.unreachable,
                    CalendarState::BackingOff => &mut health.calendars.backing_off,
                };
                *count += 1;
            }
            (StatusCode::OK, Json(health))
        }
        Err(error) => {
            tracing::warn!("the database did not answer a health check: {error}");
            let health = Health { database: "failing", ..Health::default() };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}
