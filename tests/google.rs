//! The Google provider against scripted replies: what it asks, in which order, and what it makes of
//! the answers.

mod passed;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use mentord::config;
use mentord::domain::event::{Conference, ConferenceService, Window};
use mentord::domain::people::Address;
use mentord::providers::google::{Google, SetupError};
use mentord::providers::{Change, Listing, Provider, ProviderError};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use passed::Passed;

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

/// The changes in short: `+` for an event, `-` for a deletion, `?` for one that is not listed.
fn short(listing: &Listing) -> Vec<String> {
    let short = |change: &Change| match change {
        Change::Event(event) => format!("+{}", event.key),
        Change::Deleted { key } => format!("-{key}"),
        Change::Unlisted { key } => format!("?{key}"),
        Change::Unread { key } => format!("!{key}"),
        Change::Withheld { series } => format!("…{series}"),
        Change::Series { .. } => panic!("Google expands series itself"),
    };
    listing.changes.iter().map(short).collect()
}

#[tokio::test]
async fn a_first_sync_walks_all_pages_even_past_an_empty_one() {
    let stage = Stage::new([
        token("t1"),
        ok(json!({"items": [], "nextPageToken": "p2"})),
        ok(json!({"items": [event("a", "03-02"), event("b", "03-03")], "nextPageToken": "p3"})),
        ok(json!({"items": [event("c", "03-04")], "nextSyncToken": "s1"})),
    ])
    .await;
    let listing = stage.list(None).await.expect("a listing");
    assert_eq!(short(&listing), ["+a", "+b", "+c"]);
    assert_eq!(listing.cursor.as_deref(), Some("s1"));

    let path = "GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1000";
    let range = "singleEvents=true&timeMax=2026-03-31T00:00:00.000Z\
                 &timeMin=2026-03-01T00:00:00.000Z [t1]";
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {EVENTS}"),
            format!("{path}&{range}"),
            format!("{path}&pageToken=p2&{range}"),
            format!("{path}&pageToken=p3&{range}"),
        ]
    );
    let requests = stage.server.received_requests().await.expect("recorded");
    for request in &requests[1..] {
        let fields = request.url.query_pairs().find(|(name, _)| name == "fields");
        let (_, fields) = fields.expect("a mask");
        assert!(fields.ends_with("),nextPageToken,nextSyncToken"), "{fields}");
        assert!(!fields.contains("description"), "{fields}");
    }
}

#[tokio::test]
async fn a_quiet_poll_is_one_request_and_keeps_the_token() {
    let stage = Stage::new([
        token("t1"),
        ok(json!({"items": [], "nextSyncToken": "s2"})),
        ok(json!({"nextSyncToken": "s3"})),
    ])
    .await;
    for (cursor, next) in [("s1", "s2"), ("s2", "s3")] {
        let listing = stage.list(Some(cursor)).await.expect("a listing");
        assert_eq!(short(&listing), [""; 0]);
        assert_eq!(listing.cursor.as_deref(), Some(next));
    }
    let path = "GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1000";
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {EVENTS}"),
            format!("{path}&singleEvents=true&syncToken=s1 [t1]"),
            format!("{path}&singleEvents=true&syncToken=s2 [t1]"),
        ]
    );
}

#[tokio::test]
async fn an_increment_is_clipped_and_survives_what_it_cannot_read() {
    let stage = Stage::new([
        token("t1"),
        ok(json!({
            "items": [
                event("moved", "03-10"),
                event("far", "11-10"),
                {"id": "gone", "status": "cancelled"},
                {"id": "s_20260309T090000Z", "status": "cancelled", "recurringEventId": "s"},
                {"id": "no-start", "status": "confirmed"},
                {"id": "odd", "start": {"dateTime": "at dawn"}},
                {"id": "odd-gone", "status": "cancelled", "start": {"dateTime": "at dawn"}},
                {"start": {"dateTime": "at dawn"}},
                {"id": 7},
            ],
            "nextSyncToken": "s2",
        })),
    ])
    .await;
    let listing = stage.list(Some("s1")).await.expect("a listing");
    let expected = ["+moved", "?far", "-gone", "-s_20260309T090000Z", "!no-start", "!odd", "-odd-gone"];
    assert_eq!(short(&listing), expected);
    assert_eq!(listing.cursor.as_deref(), Some("s2"));
}

#[tokio::test]
async fn a_full_listing_names_what_it_holds_and_nobody_can_read() {
    for odd in [
        json!({"id": "s_20260309T090000Z", "recurringEventId": "s", "status": "confirmed"}),
        json!({"id": "s_20260309T090000Z", "recurringEventId": "s", "summary": ["?"]}),
    ] {
        let items = json!([event("a", "03-02"), odd, event("b", "03-03")]);
        let stage = Stage::new([token("t1"), ok(json!({"items": items, "nextSyncToken": "s1"}))]).await;
        let listing = stage.list(None).await.expect("a listing");
        assert_eq!(short(&listing), ["+a", "!s_20260309T090000Z", "+b"]);
        assert_eq!(listing.cursor.as_deref(), Some("s1"));
    }
}

#[tokio::test]
async fn a_dead_cursor_is_told_and_nothing_tried_again() {
    let stage = Stage::new([token("t1"), refused(410, "fullSyncRequired")]).await;
    assert_eq!(stage.list(Some("s1")).await, Err(ProviderError::CursorRejected));
    assert_eq!(stage.requests().await.len(), 2);

    let stage = Stage::new([token("t1"), refused(410, "fullSyncRequired")]).await;
    let answer = stage.list(None).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_ends() {
    let page = || ok(json!({"items": [], "nextPageToken": "again"}));
    let stage = Stage::new([token("t1"), page(), page(), page()]).await;
    let answer = stage.list(None).await;
    assert!(matches!(answer, Err(ProviderError::Garbled(_))), "{answer:?}");
    assert_eq!(stage.requests().await.len(), 3);
}

#[tokio::test]
async fn being_too_fast_is_told_with_the_time_to_wait() {
    let stage = Stage::new([
        token("t1"),
        refused(403, "rateLimitExceeded"),
        refused(429, "rateLimitExceeded").insert_header("retry-after", "17"),
        ResponseTemplate::new(429).set_body_string("<html>"),
    ])
    .await;
    let throttled = |retry_after| Err(ProviderError::Throttled { retry_after });
    assert_eq!(stage.list(Some("s1")).await, throttled(None));
    assert_eq!(stage.list(Some("s1")).await, throttled(Some(Duration::from_secs(17))));
    assert_eq!(stage.list(Some("s1")).await, throttled(None));
    assert_eq!(stage.requests().await.len(), 4);
}

#[tokio::test]
async fn what_passes_is_told_from_what_does_not() {
    let stage = Stage::new([
        token("t1"),
        refused(503, "backendError"),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
        ResponseTemplate::new(200).set_body_string("<html>"),
        refused(404, "notFound"),
        refused(403, "forbidden"),
    ])
    .await;
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(match stage.list(Some("s1")).await {
            Err(ProviderError::Temporary(_)) => "temporary",
            Err(ProviderError::Garbled(_)) => "garbled",
            Err(ProviderError::Unreachable(_)) => "unreachable",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(kinds, ["temporary", "temporary", "garbled", "unreachable", "unreachable"]);
    let gone = "http://127.0.0.1:9";
    let google = Google::new("acme", &config(gone), Duration::from_secs(2), Arc::new(Passed::default()))
        .expect("a provider");
    let answer = google.probe(&anna()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_revoked_token_is_renewed_once() {
    let page = || ok(json!({"nextSyncToken": "s2"}));
    let stage = Stage::new([
        token("t1"),
        refused(401, "authError"),
        token("t2"),
        page(),
        page(),
        refused(401, "authError"),
        token("t3"),
        refused(401, "authError"),
    ])
    .await;
    assert!(stage.list(Some("s1")).await.is_ok());
    assert!(stage.list(Some("s1")).await.is_ok());
    let answer = stage.list(Some("s1")).await;
    assert!(matches!(answer, Err(ProviderError::NeedsConsent(_))), "{answer:?}");
    let requests = stage.requests().await;
    let used: Vec<_> =
        requests.iter().map(|line| line.rsplit_once(' ').map_or("", |(_, last)| last)).collect();
    assert_eq!(used, [EVENTS, "[t1]", EVENTS, "[t2]", "[t2]", "[t2]", EVENTS, "[t3]"]);
}

#[tokio::test]
async fn refused_tokens_are_read_by_their_body() {
    let delegation = "Client is unauthorized to retrieve access tokens using this method, or \
                      client not authorized for any of the scopes requested.";
    let stage = Stage::new([
        no_token(401, "unauthorized_client", delegation),
        no_token(400, "invalid_grant", "Invalid email or User ID"),
        no_token(400, "invalid_grant", "Token has been expired or revoked."),
        no_token(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        no_token(400, "invalid_grant", "Invalid JWT Signature."),
        no_token(500, "internal_failure", "Backend Error"),
        ResponseTemplate::new(502).set_body_string("<html>"),
        ok(json!({"error": {"code": 503}})),
        token("t1"),
        ok(json!({})),
    ])
    .await;
    let mut told = Vec::new();
    while let Err(error) = stage.google.probe(&anna()).await {
        assert!(!error.to_string().contains("anna"), "{error}");
        told.push(error);
    }
    use ProviderError::{NeedsConsent, Refused, Temporary, Unreachable};
    match &told[..] {
        [
            Refused(delegation),
            Unreachable(_),
            NeedsConsent(_),
            Refused(clock),
            Refused(key),
            Temporary(_),
            Temporary(_),
            Temporary(_),
        ] => {
            assert!(delegation.contains("1234567890"), "{delegation}");
            assert!(delegation.contains(EVENTS), "{delegation}");
            assert!(clock.contains("clock"), "{clock}");
            assert!(key.contains("key"), "{key}");
        }
        other => panic!("{other:#?}"),
    }
}

#[tokio::test]
async fn every_participant_has_tokens_of_their_own() {
    let ben = Address::parse("ben@acme.example").expect("an address");
    let stage = Stage::new([token("a"), ok(json!({})), token("b"), ok(json!({}))]).await;
    stage.google.probe(&anna()).await.expect("anna's calendar");
    stage.google.probe(&ben).await.expect("ben's calendar");
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {EVENTS}"),
            "GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1 [a]".into(),
            format!("TOKEN ben@acme.example {EVENTS}"),
            "GET /calendar/v3/calendars/ben@acme.example/events?maxResults=1 [b]".into(),
        ]
    );
}

#[tokio::test]
async fn looking_tells_what_became_of_an_event() {
    let mut series = event("m_1", "03-02");
    series["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
    let stage = Stage::new([
        token("t1"),
        ok(event("m_1", "11-10")),
        refused(404, "notFound"),
        ok(json!({"id": "m_1", "status": "cancelled", "recurringEventId": "m"})),
        ok(json!({"id": "m_1", "status": "confirmed"})),
        ok(series),
    ])
    .await;
    let look = async || stage.google.look(&anna(), "m_1").await;
    let found = look().await.expect("an answer").expect("an event");
    assert_eq!(found.key, "m_1");
    assert_eq!(look().await, Ok(None));
    assert_eq!(look().await, Ok(None));
    assert!(matches!(look().await, Err(ProviderError::Garbled(_))));
    // A series is there, and is no occurrence of itself.
    let found = look().await.expect("an answer").expect("an event");
    assert_eq!(found.series.as_deref(), Some("m_1"));
    let requests = stage.requests().await;
    assert_eq!(requests[1], "GET /calendar/v3/calendars/anna@acme.example/events/m_1? [t1]");
}

fn meet() -> Conference {
    Conference { service: ConferenceService::GoogleMeet, key: "abc-defg-hij".into() }
}

fn session() -> Window {
    Window {
        from: "2026-03-02T09:00:00Z".parse().expect("an instant"),
        to: "2026-03-02T10:00:00Z".parse().expect("an instant"),
    }
}

fn stays(stays: &[(&str, Option<&str>)]) -> ResponseTemplate {
    let stays: Vec<_> = stays.iter().map(|(from, to)| json!({"startTime": from, "endTime": to})).collect();
    ok(json!({"participantSessions": stays}))
}

#[tokio::test]
async fn a_call_is_read_with_everybody_in_it() {
    let signed = |n: &str| {
        json!({"name": format!("conferenceRecords/c1/participants/{n}"),
               "signedinUser": {"user": format!("users/{n}")}})
    };
    let stage = Stage::new([
        token("m"),
        ok(json!({"conferenceRecords": [
            {"name": "conferenceRecords/c1", "startTime": "2026-03-02T08:58:00Z",
             "endTime": "2026-03-02T09:50:00Z", "space": "spaces/x"},
            {"name": "conferenceRecords/c0", "startTime": "2026-03-01T12:00:00Z",
             "endTime": "2026-03-01T13:00:00Z", "space": "spaces/x"},
        ]})),
        ok(json!({"participants": [signed("1")], "nextPageToken": "p2"})),
        ok(json!({"participants": [
            signed("2"),
            {"name": "conferenceRecords/c1/participants/3",
             "earliestStartTime": "2026-03-02T09:01:00Z"},
        ]})),
        token("d"),
        ok(json!({"primaryEmail": "Anna@acme.example"})),
        stays(&[("2026-03-02T08:58:00Z", Some("2026-03-02T09:10:00Z")), ("2026-03-02T09:12:00Z", None)]),
        refused(404, "notFound"),
        stays(&[("2026-03-02T09:00:00Z", Some("2026-03-02T09:30:00Z"))]),
        stays(&[]),
    ])
    .await;
    let calls = stage.google.calls(&anna(), &meet(), session()).await;
    let calls = calls.expect("calls");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].record, "conferenceRecords/c1");
    let attendances: Vec<_> = calls[0]
        .attendances
        .iter()
        .map(|a| {
            let who = a.address.as_ref().map_or("nobody", Address::as_str);
            let left = a.left.map_or("…".into(), |t| t.format("%H:%M").to_string());
            format!("{who} {}-{left}", a.joined.format("%H:%M"))
        })
        .collect();
    assert_eq!(
        attendances,
        [
            "anna@acme.example 08:58-09:10",
            "anna@acme.example 09:12-…",
            "nobody 09:00-09:30",
            "nobody 09:01-…",
        ]
    );
    let people = "GET /v2/conferenceRecords/c1/participants";
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {MEET}"),
            "GET /v2/conferenceRecords?filter=space.meeting_code = \"abc-defg-hij\" AND \
             start_time >= \"2026-03-01T09:00:00Z\" AND start_time < \"2026-03-02T10:00:00Z\"\
             &pageSize=100 [m]"
                .into(),
            format!("{people}?pageSize=250 [m]"),
            format!("{people}?pageSize=250&pageToken=p2 [m]"),
            format!("TOKEN anna@acme.example {DIRECTORY}"),
            "GET /admin/directory/v1/users/1?viewType=domain_public [d]".into(),
            format!("{people}/1/participantSessions?pageSize=250 [m]"),
            "GET /admin/directory/v1/users/2?viewType=domain_public [d]".into(),
            format!("{people}/2/participantSessions?pageSize=250 [m]"),
            format!("{people}/3/participantSessions?pageSize=250 [m]"),
        ]
    );
}

#[tokio::test]
async fn a_closed_directory_leaves_people_without_a_name() {
    let people = || {
        ok(json!({"participants": [
            {"name": "conferenceRecords/c1/participants/1", "signedinUser": {"user": "users/1"}},
            {"name": "conferenceRecords/c1/participants/2", "signedinUser": {"user": "users/2"}},
        ]}))
    };
    let record = || {
        ok(json!({"conferenceRecords": [
            {"name": "conferenceRecords/c1", "startTime": "2026-03-02T09:00:00Z"},
        ]}))
    };
    let stay = || stays(&[("2026-03-02T09:00:00Z", None)]);
    let stage = Stage::new([
        token("m"),
        record(),
        people(),
        no_token(401, "unauthorized_client", "Client is unauthorized."),
        stay(),
        stay(),
        record(),
        people(),
        no_token(500, "internal_failure", "Backend Error"),
    ])
    .await;
    let calls = stage.google.calls(&anna(), &meet(), session()).await;
    let calls = calls.expect("calls");
    assert_eq!(calls[0].ended, None);
    assert!(calls[0].attendances.iter().all(|a| a.address.is_none()));
    // A directory that has trouble is no answer: the call is to be read again later.
    let answer = stage.google.calls(&anna(), &meet(), session()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_may_not_be_read_is_no_empty_call() {
    let denied = json!({"error": {"code": 403, "message": "The caller does not have permission",
                                  "status": "PERMISSION_DENIED"}});
    let stage = Stage::new([
        no_token(401, "unauthorized_client", "Client is unauthorized."),
        token("m"),
        ResponseTemplate::new(403).set_body_json(denied),
        ok(json!({})),
    ])
    .await;
    for _ in 0..2 {
        match stage.google.calls(&anna(), &meet(), session()).await {
            Err(ProviderError::Refused(said)) => assert!(said.contains(MEET), "{said}"),
            other => panic!("{other:?}"),
        }
    }
    let none = stage.google.calls(&anna(), &meet(), session()).await;
    assert_eq!(none, Ok(vec![]));
    let teams =
        Conference { service: ConferenceService::MicrosoftTeams, key: "https://teams.example.com/1".into() };
    assert_eq!(stage.google.calls(&anna(), &teams, session()).await, Ok(vec![]));
    assert_eq!(stage.requests().await.len(), 4);
}

#[test]
fn a_key_that_cannot_work_is_refused_at_once_and_not_quoted() {
    let with = |field: &str, value: Value| {
        let mut key = key("http://127.0.0.1:9");
        key[field] = value;
        key.to_string()
    };
    for (key, expected) in [
        ("not JSON".to_owned(), SetupError::NotJson(1, 2)),
        ("{}".to_owned(), SetupError::NotServiceAccount),
        (with("type", json!("authorized_user")), SetupError::NotServiceAccount),
        (with("private_key", json!(null)), SetupError::Missing("private_key")),
        (with("private_key", json!("s3cret")), SetupError::PrivateKey),
        (with("token_uri", json!("oauth2.example.com")), SetupError::TokenUri),
        (with("token_uri", json!("file:///etc/passwd")), SetupError::TokenUri),
    ] {
        let mut own = config("http://127.0.0.1:9");
        own.auth = config::GoogleAuth::ServiceAccount(key.into());
        let error = Google::new("acme", &own, Duration::from_secs(2), Arc::new(Passed::default()))
            .expect_err("a bad key");
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("s3cret"));
    }
}
