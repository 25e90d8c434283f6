//! The Google provider against scripted replies: what it asks, in which order, and what it makes of
//! the answers.

mod access;
mod calls;
mod listing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::passed::Passed;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use mentord::config;
use mentord::domain::event::Window;
use mentord::domain::people::Address;
use mentord::providers::google::Google;
use mentord::providers::{Change, Listing, Provider, ProviderError};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
const MEET: &str = "https://www.googleapis.com/auth/meetings.space.readonly";
const DIRECTORY: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";

/// Replies in the order of the requests; a request too many gets a 418, which nothing expects.
struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut replies = self.0.lock().expect("not poisoned");
        replies.pop_front().unwrap_or(ResponseTemplate::new(418))
    }
}

struct Stage {
    server: MockServer,
    google: Google,
    passed: Arc<Passed>,
}

impl Stage {
    async fn new(replies: impl IntoIterator<Item = ResponseTemplate>) -> Self {
        let server = MockServer::start().await;
        let script = Script(Mutex::new(replies.into_iter().collect()));
        Mock::given(any()).respond_with(script).mount(&server).await;
        let passed = Arc::new(Passed::default());
        let google = Google::new("acme", &config(&server.uri()), Duration::from_secs(2), passed.clone());
        Self { google: google.expect("a provider"), server, passed }
    }

    async fn list(&self, cursor: Option<&str>) -> Result<Listing, ProviderError> {
        self.google.list(&anna(), march(), cursor).await
    }

    /// The requests there were, one line each; those for tokens by subject and scope. The others
    /// have all passed the budget, and so has what got no token and was not made.
    async fn requests(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.expect("recorded");
        let requests: Vec<_> = requests.iter().map(line).collect();
        let is_token = |line: Option<&String>| line.is_none_or(|line| line.starts_with("TOKEN"));
        let lines = (0..requests.len()).map(|at| (requests.get(at), requests.get(at + 1)));
        let expected = lines.filter(|(line, next)| !is_token(*line) || is_token(*next)).count();
        assert_eq!(self.passed.count(), expected, "passed for {requests:#?}");
        requests
    }
}

fn line(request: &Request) -> String {
    if request.url.path() == "/token" {
        let claims = claims(request);
        return format!("TOKEN {} {}", text(&claims["sub"]), text(&claims["scope"]));
    }
    let mut query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
    query.remove("alt");
    query.remove("fields");
    let query: Vec<_> = query.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let token = request.headers["authorization"].to_str().expect("text");
    format!(
        "{} {}?{} [{}]",
        request.method,
        request.url.path(),
        query.join("&"),
        token.trim_start_matches("Bearer ")
    )
}

/// The requests for increments of Anna's calendar, after one for a token: by sync token.
fn since(tokens: &[(&str, &str)]) -> Vec<String> {
    let asked = tokens.iter().map(|(cursor, token)| {
        format!(
            "GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1000&singleEvents=true\
             &syncToken={cursor} [{token}]"
        )
    });
    [format!("TOKEN anna@acme.example {EVENTS}")].into_iter().chain(asked).collect()
}

/// The claims of the signed assertion in a request for a token.
fn claims(request: &Request) -> Value {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = form["assertion"].split('.').nth(1).expect("three parts");
    let claims = URL_SAFE.decode(claims).expect("base64");
    serde_json::from_slice(&claims).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn config(uri: &str) -> config::Google {
    let url = |path: &str| format!("{uri}{path}").parse().expect("a URL");
    config::Google {
        auth: config::GoogleAuth::ServiceAccount(key(uri).to_string().into()),
        api_url: url("/calendar/v3/"),
        meet_url: url("/"),
        directory_url: url("/admin/directory/v1/"),
    }
}

fn key(uri: &str) -> Value {
    static PEM: OnceLock<String> = OnceLock::new();
    let pem = PEM.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "any key will do: nothing depends on which")]
        let key = rsa::PrivateKey::new(&mut rand::rng(), 2048).expect("a key");
        key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string()
    });
    json!({
        "type": "service_account",
        "client_email": "mentord@project.example.com",
        "client_id": "1234567890",
        "private_key": pem,
        "token_uri": format!("{uri}/token"),
    })
}

fn anna() -> Address {
    Address::parse("anna@acme.example").expect("an address")
}

fn march() -> Window {
    Window {
        from: "2026-03-01T00:00:00Z".parse().expect("an instant"),
        to: "2026-03-31T00:00:00Z".parse().expect("an instant"),
    }
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn token(token: &str) -> ResponseTemplate {
    ok(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))
}

fn refused(status: u16, reason: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {
        "errors": [{"domain": "global", "reason": reason, "message": "No"}],
        "code": status,
        "message": "No",
    }}))
}

fn no_token(status: u16, error: &str, description: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": error, "error_description": description}))
}

fn event(id: &str, day: &str) -> Value {
    json!({
        "id": id,
        "status": "confirmed",
        "start": {"dateTime": format!("2026-{day}T10:00:00+01:00")},
        "end": {"dateTime": format!("2026-{day}T11:00:00+01:00")},
    })
}

/// The changes in short: `+` for an event, `-` for a deletion, `?` for one outside the window.
fn short(listing: &Listing) -> Vec<String> {
    let short = |change: &Change| match change {
        Change::Event(event) => format!("+{}", event.key),
        Change::Outside(event) => format!("?{}", event.key),
        Change::Unlisted { key } => panic!("{key}: Google says what became of it"),
        Change::Deleted { key } => format!("-{key}"),
        Change::Unread { key } => format!("!{key}"),
        Change::Withheld { series, .. } => format!("…{series}"),
        Change::Series { .. } => panic!("Google expands series itself"),
    };
    listing.changes.iter().map(short).collect()
}
