//! Microsoft 365 against scripted replies: what is asked, in which order, and what comes of it.

mod access;
mod calls;
mod listing;
mod series;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::passed::Passed;
use mentord::config;
use mentord::domain::event::{Event, Moment, Window};
use mentord::domain::people::Address;
use mentord::providers::microsoft::Microsoft;
use mentord::providers::{Change, Listing, Provider, ProviderError, Throttler};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TOKEN: &str = "POST /tenant/oauth2/v2.0/token";
const DELTA: &str = "GET /v1.0/users/mia@example.com/calendarView/delta\
    ?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
const FIELDS: &str = "id,type,seriesMasterId,iCalUId,subject,start,end,isAllDay,isCancelled,isDraft,\
    isOrganizer,originalStart,originalStartTimeZone,originalEndTimeZone,sensitivity,showAs,\
    categories,organizer,attendees,hideAttendees,location,isOnlineMeeting,onlineMeetingProvider,\
    onlineMeeting,onlineMeetingUrl,responseStatus";

/// Answers in the given order, whatever is asked; `{root}` in a body is the server's own address.
struct Script {
    root: String,
    replies: Mutex<VecDeque<Reply>>,
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Value,
}

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let reply = self.replies.lock().expect("lock").pop_front();
        let Some(reply) = reply else {
            return ResponseTemplate::new(599);
        };
        let body = reply.body.to_string().replace("{root}", &self.root);
        let template = ResponseTemplate::new(reply.status).set_body_raw(body, "application/json");
        let headers = reply.headers.iter();
        headers.fold(template, |template, (name, value)| template.insert_header(*name, *value))
    }
}

fn ok(body: Value) -> Reply {
    Reply { status: 200, headers: Vec::new(), body }
}

fn token(value: &str) -> Reply {
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": value}))
}

fn refusal(status: u16, code: &str) -> Reply {
    Reply { status, ..ok(json!({"error": {"code": code, "message": "Said so.", "innerError": {}}})) }
}

/// The token endpoint's way of refusing.
fn denial(error: &str, number: u64) -> Reply {
    Reply {
        status: 401,
        ..ok(json!({"error": error, "error_description": "AADSTS", "error_codes": [number]}))
    }
}

/// A page that goes on.
fn page(items: Value, next: &str) -> Reply {
    ok(json!({"value": items, "@odata.nextLink": format!("{{root}}{next}")}))
}

/// The last page of a delta.
fn last(items: Value) -> Reply {
    ok(json!({"value": items, "@odata.deltaLink": "{root}/v1.0/cursor?$deltatoken=2"}))
}

struct Stage {
    server: MockServer,
    graph: Microsoft,
    passed: Arc<Passed>,
}

impl Stage {
    async fn new(replies: Vec<Reply>) -> Self {
        // Not from wiremock's pool: there, a server that was dropped listens on for another test.
        let server = MockServer::builder().start().await;
        let script = Script { root: server.uri(), replies: Mutex::new(replies.into()) };
        Mock::given(any()).respond_with(script).mount(&server).await;
        let config = config::Microsoft {
            tenant_id: "tenant".into(),
            client_id: "client".into(),
            credential: config::Credential::Secret("s3cret&".into()),
            auth: config::MicrosoftAuth::ClientCredentials,
            graph_url: format!("{}/v1.0", server.uri()).parse().expect("url"),
            login_url: server.uri().parse().expect("url"),
        };
        let passed = Arc::new(Passed::default());
        let graph = Microsoft::new("contoso", &config, Duration::from_secs(5), passed.clone());
        Self { server, graph: graph.expect("provider"), passed }
    }

    async fn list(&self, cursor: Option<&str>) -> Result<Listing, ProviderError> {
        let cursor = cursor.map(|cursor| format!("{}{cursor}", self.server.uri()));
        self.graph.list(&mia(), window(), cursor.as_deref()).await
    }

    /// Every request so far. Those to Graph have all passed the budget, and so has what got no token
    /// and was not made.
    async fn requests(&self) -> Vec<Request> {
        let requests = self.server.received_requests().await.expect("recorded");
        let made = requests.iter().filter(|request| request.method.as_str() == "GET").count();
        let passed = self.passed.count();
        match made {
            0 => assert_eq!(passed > 0, !requests.is_empty()),
            made => assert_eq!(passed, made),
        }
        requests
    }

    /// Every request so far, its query decoded. The headers that all must have are checked.
    async fn asked(&self) -> Vec<String> {
        let requests = self.requests().await;
        let told = requests.iter().map(|request| {
            if request.method.as_str() == "GET" {
                assert_eq!(
                    header(request, "prefer"),
                    [r#"outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize=50"#]
                );
                assert_eq!(header(request, "authorization").len(), 1);
                assert!(!request.url.query().unwrap_or_default().contains('+'));
            }
            let query = request.url.query_pairs();
            let query: Vec<_> = query.map(|(key, value)| format!("{key}={value}")).collect();
            let mark = if query.is_empty() { "" } else { "?" };
            let path = request.url.path();
            format!("{} {path}{mark}{}", request.method, query.join("&"))
        });
        told.collect()
    }
}

fn header(request: &Request, name: &str) -> Vec<String> {
    let values = request.headers.get_all(name).iter();
    let text = values.map(|value| value.to_str().expect("text").to_owned());
    text.collect()
}

fn mia() -> Address {
    Address::parse("mia@example.com").expect("address")
}

fn window() -> Window {
    Window {
        from: "2026-03-01T00:00:00Z".parse().expect("instant"),
        to: "2026-04-01T00:00:00Z".parse().expect("instant"),
    }
}

fn with(mut event: Value, more: Value) -> Value {
    let (Value::Object(fields), Value::Object(more)) = (&mut event, more) else {
        panic!("not objects");
    };
    fields.extend(more);
    event
}

/// `start` to the minute.
fn times(start: &str) -> Value {
    let at = |seconds: &str| json!({"dateTime": format!("{start}:{seconds}"), "timeZone": "UTC"});
    json!({"start": at("00.0000000"), "end": at("59.0000000")})
}

fn single(id: &str, start: &str) -> Value {
    let event = json!({
        "@odata.type": "#microsoft.graph.event", "id": id, "type": "singleInstance",
        "iCalUId": format!("{id}@example.com"), "subject": "Mentoring", "isOrganizer": true,
        "originalStartTimeZone": "W. Europe Standard Time", "isAllDay": false, "showAs": "busy",
        "organizer": {"emailAddress": {"name": "Mia", "address": "mia@example.com"}},
        "attendees": [{
            "type": "required", "status": {"response": "accepted"},
            "emailAddress": {"name": "Ann", "address": "ann@example.com"},
        }],
        "responseStatus": {"response": "organizer"},
    });
    with(event, times(start))
}

fn master(id: &str) -> Value {
    let kind = json!({"type": "seriesMaster"});
    with(single(id, "2026-03-02T09:00"), kind)
}

fn stub(id: &str, series: &str, start: &str) -> Value {
    let stub = json!({"id": id, "seriesMasterId": series, "type": "occurrence"});
    with(stub, times(start))
}

/// The occurrence of the 9th, moved to the 10th.
fn moved(id: &str, series: &str) -> Value {
    let part = json!({
        "type": "exception", "seriesMasterId": series, "originalStart": "2026-03-09T09:00:00Z",
    });
    with(single(id, "2026-03-10T14:00"), part)
}

fn removed(id: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.event", "id": id, "@removed": {"reason": "deleted"}})
}

/// The request for one event.
fn got(id: &str) -> String {
    format!("GET /v1.0/users/mia@example.com/events/{id}?$select={FIELDS}")
}

/// The request for what a series has in the window.
fn instances(id: &str) -> String {
    format!(
        "GET /v1.0/users/mia@example.com/events/{id}/instances\
         ?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z&$select={FIELDS}"
    )
}

/// The changes in short: `=key`, `-key` unlisted, `xkey` deleted, `!key` unread, `series[keys]`.
fn short(listing: &Listing) -> Vec<String> {
    let changes = listing.changes.iter();
    let short = changes.map(|change| match change {
        Change::Event(event) => format!("={}", event.key),
        Change::Outside(event) => panic!("{}: Graph lists what is in the window", event.key),
        Change::Unlisted { key } => format!("-{key}"),
        Change::Deleted { key } => format!("x{key}"),
        Change::Unread { key } => format!("!{key}"),
        Change::Withheld { series, .. } => format!("…{series}"),
        Change::Series { series, occurrences } => {
            let keys: Vec<_> = occurrences.iter().map(|one| one.key.as_str()).collect();
            format!("{series}[{}]", keys.join(" "))
        }
    });
    short.collect()
}

fn events(listing: &Listing) -> Vec<&Event> {
    let changes = listing.changes.iter();
    let events = changes.flat_map(|change| match change {
        Change::Series { occurrences, .. } => occurrences.iter().collect(),
        Change::Event(event) => vec![&**event],
        _ => Vec::new(),
    });
    events.collect()
}

fn at(text: &str) -> Moment {
    Moment::At(text.parse().expect("instant"))
}
