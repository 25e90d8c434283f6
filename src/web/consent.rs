//! The pages on which people consent to having their calendar read, and withdraw.
//!
//! ```text
//! GET  consent/link/SECRET          what is read and what is kept
//! GET  consent/link/SECRET/start    off to the vendor, with a state and a cookie
//! GET  consent/callback             back from there
//! GET  consent/withdraw/SECRET      what withdrawing means
//! POST consent/withdraw/SECRET      withdraws
//! ```

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use minijinja::context;
use serde::Deserialize;

use super::pages::{guarded, message, page};
use crate::domain::people::Address;
use crate::pipeline::Context;
use crate::pipeline::accounts::consent::{
    self, CameBack, Link, Outcome, STATE_LASTS, begin, finish, is_connected, look, vendor,
};
use crate::store::{ConsentKind, StoreError};

const COOKIE_NAME: &str = "mentord_consent";

/// Longer than any code of the vendors, and than what is made here.
const LONGEST: usize = 8 * 1024;

/// The pages. Who was given a link to withdraw finds them also when no connection rests on consent any
/// more.
pub fn router(context: &Context) -> Router {
    if context.pages.is_none() {
        return Router::new();
    };
    let path = |rest: &str| format!("/consent/{rest}");
    Router::new()
        .route(&path("link/{secret}"), get(ask))
        .route(&path("link/{secret}/start"), get(start))
        .route(&path("callback"), get(callback))
        .route(&path("withdraw/{secret}"), get(before_withdrawing).post(withdraw))
        .with_state(context.clone())
}

async fn ask(State(context): State<Context>, Path(secret): Path<String>) -> Response {
    let link = match look(&context, ConsentKind::Connect, &secret).await {
        Ok(Link::Open(link)) => link,
        Ok(other) => return dead(&other),
        Err(error) => return failed(&error),
    };
    let vendor = vendor(&context, &link.connection);
    let own = context! {
        address => link.address.as_str(), vendor,
        calls => if vendor == "Google" { "Google Meet" } else { "Microsoft Teams" }, start => format!("{secret}/start"),
    };
    page(StatusCode::OK, "ask.html", own)
}

/// By a link, and no form: the way that a form's answer leads is held against `form-action`, and no
/// list knows the sign-in pages of every organisation.
async fn start(State(context): State<Context>, Path(secret): Path<String>) -> Response {
    let begun = match begin(&context, &secret).await {
        Ok(Ok(begun)) => begun,
        Ok(Err(link)) => return dead(&link),
        Err(error) => return failed(&error),
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let (Ok(location), Some(cookie)) = (
        HeaderValue::from_str(begun.page.as_str()),
        cookie(&context, &begun.browser, STATE_LASTS.num_seconds()),
    ) else {
        return guarded(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(SET_COOKIE, cookie);
    guarded(response)
}

#[derive(Deserialize)]
struct Returned {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn callback(
    State(context): State<Context>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(returned)) = returned else { return tell(Outcome::Stale) };
    let too_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > LONGEST);
    let texts = [&returned.code, &returned.error, &returned.error_description];
    if returned.state.len() > LONGEST || texts.into_iter().any(too_long) {
        return tell(Outcome::Stale);
    }
    let came_back = match (returned.error, returned.code) {
        (Some(error), _) => {
            CameBack::Error { error, description: returned.error_description.unwrap_or_default() }
        }
        (None, Some(code)) => CameBack::Code(code),
        (None, None) => return tell(Outcome::Stale),
    };
    let outcome = match finish(&context, &returned.state, kept(&headers), came_back).await {
        Ok(outcome) => outcome,
        Err(error) => return failed(&error),
    };
    let mut response = tell(outcome);
    if let Some(cookie) = cookie(&context, "", 0) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// What came of a sign-in, in words.
fn tell(outcome: Outcome) -> Response {
    let again = "To try again, open the link that you were sent once more.";
    match outcome {
        Outcome::Connected { address, vendor, withdraw } => {
            let own = context! { address => address.as_str(), vendor, withdraw => withdraw.as_str() };
            page(StatusCode::OK, "done.html", own)
        }
        Outcome::Stale => message(
            StatusCode::BAD_REQUEST,
            "This sign-in is over",
            &["It was used already, or took too long. Nothing was changed by this.", again],
        ),
        Outcome::OtherBrowser => message(
            StatusCode::FORBIDDEN,
            "This sign-in began in another browser",
            &["It can only be ended where it began, and with cookies allowed. Nothing was changed.", again],
        ),
        Outcome::Denied => message(
            StatusCode::OK,
            "You did not consent",
            &["That is fine: your calendar is not read.", "If you change your mind, open the link again."],
        ),
        Outcome::NeedsAdministrator => message(
            StatusCode::OK,
            "Your organisation has to approve first",
            &[
                "An administrator decides which apps may be used. Please tell the people who run the programme.",
            ],
        ),
        Outcome::TooLittle => message(
            StatusCode::OK,
            "The calendar was left out",
            &[
                "You consented, but not to having the events of your calendar read. Without that nothing can be read, \
              so nothing was kept.",
                again,
            ],
        ),
        Outcome::SomebodyElse { expected, signed_in, alias } => somebody_else(&expected, &signed_in, alias),
        Outcome::Trouble(_) => message(
            StatusCode::BAD_GATEWAY,
            "That did not work",
            &["Nothing was changed. The people who run this service find the reason in its log.", again],
        ),
    }
}

fn somebody_else(expected: &Address, signed_in: &[Address], alias: bool) -> Response {
    let who = signed_in.first().map_or("somebody whose address is not told", |address| address.as_str());
    if alias {
        let first = format!(
            "To connect the calendar of {who}, ask the people who run the programme to put that address first \
             in their list, and to send you a new link."
        );
        return message(
            StatusCode::FORBIDDEN,
            "You signed in with another address",
            &[&format!("The link is for {expected}, and you signed in as {who}. Nothing was kept."), &first],
        );
    }
    message(
        StatusCode::FORBIDDEN,
        "Somebody else has signed in",
        &[
            &format!("The link is for {expected}, but you signed in as {who}. Nothing was kept."),
            &format!("Open the link again, and sign in as {expected} (a private window helps)."),
        ],
    )
}

async fn before_withdrawing(State(context): State<Context>, Path(secret): Path<String>) -> Response {
    let link = match look(&context, ConsentKind::Withdraw, &secret).await {
        Ok(Link::Open(link)) => link,
        Ok(other) => return dead(&other),
        Err(error) => return failed(&error),
    };
    let connected = match is_connected(&context, &link).await {
        Ok(connected) => connected,
        Err(error) => return failed(&error),
    };
    let own = context! {
        address => link.address.as_str(), vendor => vendor(&context, &link.connection), connected,
    };
    page(StatusCode::OK, "withdraw.html", own)
}

async fn withdraw(State(context): State<Context>, Path(secret): Path<String>) -> Response {
    let (link, told) = match consent::withdraw(&context, &secret).await {
        Ok(Ok(done)) => done,
        Ok(Err(other)) => return dead(&other),
        Err(error) => return failed(&error),
    };
    let vendor = vendor(&context, &link.connection);
    let remove = match vendor {
        "Google" => Some("https://myaccount.google.com/connections"),
        "Microsoft" => Some("https://myapps.microsoft.com"),
        _ => None,
    };
    page(
        StatusCode::OK,
        "withdrawn.html",
        context! { address => link.address.as_str(), vendor, told, remove },
    )
}

/// A link that leads nowhere (any more).
fn dead(link: &Link) -> Response {
    let new = "Ask the people who run the programme for a new link.";
    match link {
        Link::Used => message(
            StatusCode::GONE,
            "This link was used",
            &[
                "The calendar was connected with it. If that is not what you wanted, or it does not work:",
                new,
            ],
        ),
        Link::Expired => message(StatusCode::GONE, "This link has expired", &[new]),
        Link::Unknown | Link::Open(_) => {
            message(StatusCode::NOT_FOUND, "This link leads nowhere", &["Is it whole?", new])
        }
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::warn!("a consent page has trouble: {error}");
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "This does not work just now",
        &["Please try again in some minutes."],
    )
}

fn cookie(context: &Context, value: &str, lasts_s: i64) -> Option<HeaderValue> {
    let pages = context.pages.as_ref()?;
    let secure = if pages.is_secure() { "; Secure" } else { "" };
    let path = pages.path();
    let cookie =
        format!("{COOKIE_NAME}={value}; Path={path}; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).ok()
}

/// What the browser kept from the start of the sign-in.
fn kept(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let own = cookies
        .flat_map(|line| line.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME).and_then(|rest| rest.strip_prefix('=')));
    own.filter(|value| !value.is_empty())
}
