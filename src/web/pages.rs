//! Pages for people: plain HTML without scripts, that no cache keeps and no other site can show in a
//! frame.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

const STYLE: &str = "body{font:17px/1.5 system-ui,sans-serif;color:#1c2630;background:#f6f7f9;margin:0}\
main{max-width:38rem;margin:2rem auto;padding:1rem 1.5rem;background:#fff;border:1px solid #d9dee4;border-radius:6px}\
h1{font-size:1.5rem}h2{font-size:1.1rem}\
.go,button{display:inline-block;padding:.6rem 1.2rem;font:inherit;color:#fff;background:#0b5cad;border:0;\
border-radius:4px;text-decoration:none}.small{color:#55606b;font-size:.9rem}";

/// The pages, each by the name of its file.
const PAGES: [(&str, &str); 6] = [
    ("frame.html", include_str!("pages/frame.html")),
    ("ask.html", include_str!("pages/ask.html")),
    ("done.html", include_str!("pages/done.html")),
    ("withdraw.html", include_str!("pages/withdraw.html")),
    ("withdrawn.html", include_str!("pages/withdrawn.html")),
    ("message.html", include_str!("pages/message.html")),
];

/// The pages are part of the program: that they parse is shown by the first test, not at run time.
static ENVIRONMENT: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment().expect("the embedded pages are tested"));

/// What the browser may do with a page: show it with its one style, and send its own forms home.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("it is plain ASCII")
});

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in PAGES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// A page with what it needs.
pub fn page(status: StatusCode, name: &str, own: Value) -> Response {
    let rendered =
        ENVIRONMENT.get_template(name).and_then(|it| it.render(context! { style => STYLE, ..own }));
    guarded(match rendered {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!("the page {name} cannot be made: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    })
}

/// A page that says one thing.
pub fn message(status: StatusCode, heading: &str, lines: &[&str]) -> Response {
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    page(status, "message.html", context! { heading, lines })
}

/// The same answer with the headers that every page has.
pub fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
