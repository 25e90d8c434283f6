//! One listener for all: takes a request apart, writes it down, and hands it to the vendor it is for.

mod busy;
mod reply;
mod request;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

pub use reply::{Errand, GARBAGE, Reply};
pub use request::Request;
pub use state::{All, State};

use crate::sandbox::control;
use crate::sandbox::control::faults::Told;
use crate::sandbox::google;
use crate::sandbox::graph;
use crate::sandbox::line::Cut;
use busy::busy;

pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .nest("/_sandbox", control::router())
        .fallback(vendor)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), told))
        .with_state(state)
}

/// Whoever changed the world: those who watch are told before the change is answered for.
async fn told(
    extract::State(state): extract::State<Arc<State>>,
    request: extract::Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    state.tell(&mut state.lock());
    response
}

async fn vendor(
    extract::State(state): extract::State<Arc<State>>,
    extract::ConnectInfo(cut): extract::ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = Request::new(method, &uri, headers, body);
    let _place = match busy(&state, &request).await {
        Ok(place) => place,
        Err(refusal) => return refusal.into_response(),
    };
    let dealt = {
        let mut all = state.lock();
        request.known_as.clone_from(&all.known_as);
        all.deal(&request)
    };
    state.bell.ring();
    if !dealt.delay.is_zero() {
        tokio::time::sleep(dealt.delay).await;
    }
    let again = matches!(dealt.answer, Told::DuplicatePage);
    match dealt.answer {
        Told::Error(reply) => reply.into_response(),
        Told::Garbage => GARBAGE.into_response(),
        Told::OddJson => Reply::odd().into_response(),
        Told::Reset => {
            cut.now();
            // Nobody gets it.
            StatusCode::NO_CONTENT.into_response()
        }
        Told::Truncated => truth(&state, &request, false).await.into_half_a_response(),
        Told::PageWithoutToken => truth(&state, &request, false).await.without_cursor().into_response(),
        Told::TornListing => truth(&state, &request, false).await.torn().into_response(),
        Told::Truth | Told::DuplicatePage => truth(&state, &request, again).await.into_response(),
    }
}

/// What the vendor answers; a page that comes `again` leads to itself.
async fn truth(state: &State, request: &Request, again: bool) -> Reply {
    let (mut reply, token) = {
        let mut all = state.lock();
        all.again = again;
        let reply = answer(state, &mut all, request);
        all.again = false;
        let token = reply.errand.as_ref().map(|_| all.world.mint.guid()).unwrap_or_default();
        (reply, token)
    };
    match reply.errand.take().map(|errand| *errand) {
        None => reply,
        Some(Errand::Tell(notice)) => {
            state.outbox.deliver(&notice).await;
            reply
        }
        Some(Errand::Shake(shake)) => {
            let went = shake.ask(&state.outbox, &token).await;
            shake.finish(&mut state.lock(), reply, went)
        }
    }
}

fn answer(state: &State, all: &mut All, request: &Request) -> Reply {
    match request.parts().as_slice() {
        ["google", "auth"] => google::consent::screen(state, all, request),
        ["google", "revoke"] => google::consent::revoke(all, request),
        ["login", tenant, "oauth2", "v2.0", "authorize"] => {
            graph::consent::screen(state, all, request, tenant)
        }
        ["google", "token"] => google::token::answer(state, all, request),
        ["calendar", "v3", rest @ ..] => {
            Reply { gzip: wants_gzip(request), ..google::answer(state, all, request, rest) }
        }
        ["meet", "v2", rest @ ..] => google::meet::answer(state, all, request, rest),
        ["admin", "directory", "v1", rest @ ..] => google::directory::answer(all, request, rest),
        ["login", tenant, "oauth2", "v2.0", "token"] => graph::login::answer(state, all, request, tenant),
        ["v1.0", rest @ ..] => graph::answer(state, all, request, rest),
        _ => Reply::new(
            404,
            serde_json::json!({"error": format!("the sandbox has nothing at {}", request.path)}),
        ),
    }
}

/// Google packs its answers for those who ask for it twice: in `Accept-Encoding` and in `User-Agent`.
fn wants_gzip(request: &Request) -> bool {
    let says = |name: &str| request.header(name).is_some_and(|value| value.to_lowercase().contains("gzip"));
    says("accept-encoding") && says("user-agent")
}
