//! HTTP: health, for whoever watches over the service, what providers tell, and the pages on which people consent.
//!
//! Nothing in here runs a step of the flow.

mod consent;
mod notices;
mod pages;

use std::sync::Arc;
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

use crate::clock::Clock;
use crate::pipeline::{Context, NOTICES};
use crate::store::{CalendarCensus, Store};

/// How long requests may take to end after `stop`; some clients never finish asking.
const LINGER: Duration = Duration::from_secs(1);

/// What is watched over.
#[derive(Clone)]
pub struct Watched {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    /// The path under which providers' notices arrive, if any do.
    notices: Option<String>,
    /// The pages on which people consent, where a connection rests on that.
    consent: Router,
}

impl Watched {
    pub fn new(context: &Context) -> Self {
        Self {
            consent: consent::router(context),
            store: context.store.clone(),
            clock: context.clock.clone(),
            notices: context.notices.is_some().then(|| format!("/{NOTICES}")),
        }
    }
}

/// Answers requests until `stop`.
pub async fn serve(listener: TcpListener, watched: Watched, stop: CancellationToken) {
    let serving =
        axum::serve(listener, router(watched)).with_graceful_shutdown(stop.clone().cancelled_owned());
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

fn router(watched: Watched) -> Router {
    let consent = watched.consent.clone();
    let mut router =
        Router::new().route("/health/live", get(|| async { "alive\n" })).route("/health", get(health));
    if let Some(path) = &watched.notices {
        router = router.route(path, notices::route());
    }
    router.with_state(watched).merge(consent)
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

async fn health(State(watched): State<Watched>) -> impl IntoResponse {
    match watched.store.calendar_census(watched.clock.now()).await {
        Ok(CalendarCensus { active, needs_consent, unreachable, backing_off, .. }) => {
            let calendars = Calendars { active, needs_consent, unreachable, backing_off };
            (StatusCode::OK, Json(Health { database: "ok", calendars }))
        }
        Err(error) => {
            tracing::warn!("the database did not answer a health check: {error}");
            let health = Health { database: "failing", ..Health::default() };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}
