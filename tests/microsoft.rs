//! Microsoft 365 against scripted replies: what is asked, in which order, and what comes of it.

mod passed;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mentord::config;
use mentord::domain::event::{Conference, ConferenceService, Event, EventState, Moment, Window};
use mentord::domain::people::Address;
use mentord::providers::microsoft::Microsoft;
use mentord::providers::{Change, Listing, Provider, ProviderError};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use passed::Passed;

const TOKEN: &str = "POST /tenant/oauth2/v2.0/token";
const DELTA: &str = "GET /v1.0/users/mia@example.com/calendarView/delta\
    ?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
const FIELDS: &str = "id,type,seriesMasterId,iCalUId,subject,start,end,isAllDay,isCancelled,\
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
        Change::Unlisted { key } => format!("-{key}"),
        Change::Deleted { key } => format!("x{key}"),
        Change::Unread { key } => format!("!{key}"),
        Change::Withheld { series } => format!("…{series}"),
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

#[tokio::test]
async fn a_first_listing_goes_on_over_an_empty_page() {
    let stage = Stage::new(vec![
        token("T1"),
        page(json!([]), "/v1.0/next?$skiptoken=a%2Bb"),
        page(
            json!([single("E1", "2026-03-02T09:00"), single("E2", "2026-03-03T09:00")]),
            "/v1.0/next?$skiptoken=c",
        ),
        // One comes twice: the last is valid. One cannot be read.
        last(json!([
            with(single("E1", "2026-03-02T10:00"), json!({"isCancelled": true})),
            {"id": "E3", "subject": ["?"]},
        ])),
        last(json!([])),
    ])
    .await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["=E2", "=E1", "!E3"]);
    assert_eq!(events(&listing)[1].state, EventState::Cancelled);
    let cursor = format!("{}/v1.0/cursor?$deltatoken=2", stage.server.uri());
    assert_eq!(listing.cursor, Some(cursor));

    let listing = stage.list(Some("/v1.0/cursor?$deltatoken=2")).await;
    assert!(listing.expect("listing").changes.is_empty());
    let asked = stage.asked().await;
    assert_eq!(
        asked,
        [
            TOKEN,
            DELTA,
            "GET /v1.0/next?$skiptoken=a+b",
            "GET /v1.0/next?$skiptoken=c",
            "GET /v1.0/cursor?$deltatoken=2",
        ]
    );
    let requests = stage.requests().await;
    assert_eq!(
        String::from_utf8_lossy(&requests[0].body),
        "grant_type=client_credentials&client_id=client&client_secret=s3cret%26\
         &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    assert_eq!(header(&requests[1], "authorization"), ["Bearer T1"]);
}

#[tokio::test]
async fn a_series_is_put_together_over_pages() {
    let stage = Stage::new(vec![
        token("T1"),
        page(
            json!([
                stub("O1", "S", "2026-03-02T09:00"),
                moved("O2", "S"),
                stub("O3", "S", "2026-03-16T09:00"),
            ]),
            "/v1.0/next",
        ),
        last(json!([master("S")])),
    ])
    .await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["S[O1 O2 O3]"]);
    for (event, day) in events(&listing).into_iter().zip(["02", "09", "16"]) {
        assert_eq!(event.uid.as_deref(), Some("S@example.com"));
        assert_eq!(event.series.as_deref(), Some("S"));
        assert_eq!(event.title.as_deref(), Some("Mentoring"));
        assert_eq!(event.guests.len(), 1);
        let original = at(&format!("2026-03-{day}T09:00:00Z"));
        assert_eq!(event.original_start, Some(original));
    }
    assert_eq!(stage.asked().await, [TOKEN, DELTA, "GET /v1.0/next"]);
}

#[tokio::test]
async fn a_deleted_occurrence_is_missing_when_the_series_comes_again() {
    let stage = Stage::new(vec![
        token("T1"),
        last(json!([master("S"), stub("O1", "S", "2026-03-02T09:00"), stub("O3", "S", "2026-03-16T09:00"),])),
    ])
    .await;
    let listing = stage.list(Some("/v1.0/cursor?$deltatoken=1")).await;
    assert_eq!(short(&listing.expect("listing")), ["S[O1 O3]"]);
    let asked = stage.asked().await;
    assert_eq!(asked, [TOKEN, "GET /v1.0/cursor?$deltatoken=1"]);
}

#[tokio::test]
async fn a_series_that_came_in_part_is_fetched() {
    let occurrence = json!({"type": "occurrence", "seriesMasterId": "S"});
    let stage = Stage::new(vec![
        token("T1"),
        last(json!([moved("O2", "S"), master("R")])),
        ok(master("S")),
        page(json!([with(single("O1", "2026-03-02T09:00"), occurrence)]), "/v1.0/more"),
        ok(json!({"value": [moved("O2", "S")]})),
        ok(json!({"value": []})),
    ])
    .await;
    let listing = stage.list(Some("/v1.0/cursor")).await.expect("listing");
    assert_eq!(short(&listing), ["S[O1 O2]", "R[]"]);
    assert_eq!(
        stage.asked().await,
        [
            TOKEN.to_owned(),
            "GET /v1.0/cursor".to_owned(),
            got("S"),
            instances("S"),
            "GET /v1.0/more".to_owned(),
            instances("R"),
        ]
    );
}

#[tokio::test]
async fn a_missing_master_is_fetched_and_may_be_gone() {
    let stage = Stage::new(vec![
        token("T1"),
        last(json!([stub("O1", "S", "2026-03-02T09:00"), stub("P1", "A/+=", "2026-03-02T09:00"),])),
        ok(master("S")),
        refusal(404, "ErrorItemNotFound"),
    ])
    .await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["S[O1]", "xA/+="]);
    let asked = stage.asked().await;
    assert_eq!(asked, [TOKEN.into(), DELTA.into(), got("S"), got("A%2F+=")]);
}

#[tokio::test]
async fn what_cannot_be_read_of_a_series_is_not_deleted() {
    let odd = json!({"id": "O2", "type": "occurrence", "seriesMasterId": "S", "start": 7});
    let readable = stub("O1", "S", "2026-03-02T09:00");
    let stage = Stage::new(vec![
        token("T1"),
        last(json!([master("S"), readable, odd])),
        ok(json!({"value": [readable, odd]})),
    ])
    .await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["S[O1]", "!O2"]);
    let asked = stage.asked().await;
    assert_eq!(asked, [TOKEN.into(), DELTA.into(), instances("S")]);
}

#[tokio::test]
async fn a_single_event_that_makes_no_sense_is_there_all_the_same() {
    let timeless = with(single("E2", "2026-03-03T09:00"), json!({"start": null}));
    let round = json!([
        {"id": "E1", "start": 7},
        timeless,
        {"id": "E3", "type": "occurrence", "subject": ["?"]},
        {"subject": "no id"},
        {"id": ""},
    ]);
    for cursor in [None, Some("/v1.0/cursor")] {
        let stage = Stage::new(vec![token("T1"), last(round.clone())]).await;
        let listing = stage.list(cursor).await.expect("listing");
        assert_eq!(short(&listing), ["!E1", "!E2", "!E3"]);
    }
}

#[tokio::test]
async fn a_series_without_a_master_that_can_be_read_is_not_deleted() {
    let odd = with(master("S"), json!({"subject": ["?"]}));
    let round = || last(json!([odd, stub("O1", "S", "2026-03-02T09:00"), moved("O2", "S")]));
    let whole = json!({"type": "occurrence", "seriesMasterId": "S"});
    let whole = with(single("O1", "2026-03-02T09:00"), whole);
    // Its occurrences are told whole: nothing of them is lost.
    let told = ok(json!({"value": [whole, moved("O2", "S")]}));
    let stage = Stage::new(vec![token("T1"), round(), ok(odd.clone()), told]).await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["S[O1 O2]"]);
    // They cannot be had: what came is used. What else there is, an increment does not know.
    for (cursor, expected) in [(None, vec!["S[O2]", "!O1"]), (Some("/v1.0/cursor"), vec!["=O2", "!O1", "!S"])]
    {
        let stage = Stage::new(vec![token("T1"), round(), ok(odd.clone()), ok(json!({"values": []}))]).await;
        let listing = stage.list(cursor).await.expect("listing");
        assert_eq!(short(&listing), expected);
        assert_eq!(stage.asked().await[2..], [got("S"), instances("S")]);
    }
}

#[tokio::test]
async fn an_occurrence_without_a_key_leaves_its_series_open() {
    let nameless = json!({"type": "occurrence", "seriesMasterId": "S", "start": 7});
    let odd = with(nameless.clone(), json!({"id": "O2"}));
    let readable = stub("O1", "S", "2026-03-02T09:00");
    let stage = Stage::new(vec![
        token("T1"),
        last(json!([master("S"), readable, odd])),
        ok(json!({"value": [readable, odd, nameless]})),
    ])
    .await;
    let listing = stage.list(None).await.expect("listing");
    assert_eq!(short(&listing), ["=O1", "!O2", "!S"]);
}

#[tokio::test]
async fn an_exception_without_its_original_start_is_looked_at() {
    let less = json!({"originalStart": null, "occurrenceId": "OID.S.2026-03-16"});
    let bare = with(moved("O2", "S"), less);
    for (reply, original) in [
        (ok(moved("O2", "S")), "2026-03-09T09:00:00Z"),
        (refusal(404, "ErrorItemNotFound"), "2026-03-16T09:00:00Z"),
    ] {
        let round = json!([master("S"), stub("O1", "S", "2026-03-02T09:00"), bare]);
        let stage = Stage::new(vec![token("T1"), last(round), reply]).await;
        let listing = stage.list(None).await.expect("listing");
        assert_eq!(short(&listing), ["S[O1 O2]"]);
        assert_eq!(events(&listing)[1].original_start, Some(at(original)));
        let asked = stage.asked().await;
        assert_eq!(asked, [TOKEN.into(), DELTA.into(), got("O2")]);
    }
}

#[tokio::test]
async fn removed_says_only_that_it_is_not_listed() {
    let round = json!([removed("E1"), removed("S")]);
    let stage = Stage::new(vec![token("T1"), last(round)]).await;
    let listing = stage.list(Some("/v1.0/cursor")).await.expect("listing");
    assert_eq!(short(&listing), ["-E1", "-S"]);
    assert_eq!(stage.asked().await, [TOKEN, "GET /v1.0/cursor"]);
}

#[tokio::test]
async fn a_dead_cursor_is_rejected() {
    for (status, code) in [(410, "SyncStateNotFound"), (410, "somethingNew"), (400, "ErrorInvalidUrlQuery")] {
        let stage = Stage::new(vec![token("T1"), refusal(status, code)]).await;
        let answer = stage.list(Some("/v1.0/cursor")).await;
        assert_eq!(answer, Err(ProviderError::CursorRejected), "{code}");
        assert_eq!(stage.asked().await, [TOKEN, "GET /v1.0/cursor"]);
    }
    // Nothing is asked with a cursor of another host, and a full listing has none to reject.
    let stage = Stage::new(vec![token("T1"), refusal(410, "SyncStateNotFound")]).await;
    let foreign = Some("https://evil.example/x");
    let answer = stage.graph.list(&mia(), window(), foreign).await;
    assert_eq!(answer, Err(ProviderError::CursorRejected));
    assert!(stage.asked().await.is_empty());
    let answer = stage.list(None).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))));
}

#[tokio::test]
async fn links_are_not_followed_anywhere_or_for_ever() {
    let away = "https://evil.example/next";
    let circle = || page(json!([]), "/v1.0/next?$skiptoken=a");
    for (replies, asked) in [
        (vec![ok(json!({"value": [], "@odata.nextLink": away}))], 2),
        (vec![ok(json!({"value": [], "@odata.deltaLink": away}))], 2),
        (vec![circle(), circle()], 3),
        (vec![ok(json!({"values": []}))], 2),
    ] {
        let stage = Stage::new([token("T1")].into_iter().chain(replies).collect()).await;
        let answer = stage.list(None).await;
        assert!(matches!(answer, Err(ProviderError::Garbled(_))));
        assert_eq!(stage.asked().await.len(), asked);
    }
}

#[tokio::test]
async fn throttling_and_trouble_are_told_and_not_retried() {
    let throttled = Reply { headers: vec![("retry-after", "2.128")], ..refusal(429, "ApplicationThrottled") };
    let stage = Stage::new(vec![
        token("T1"),
        throttled,
        refusal(503, "ServiceUnavailable"),
        refusal(403, "ErrorAccessDenied"),
        refusal(404, "ErrorInvalidUser"),
        refusal(404, "MailboxNotEnabledForRESTAPI"),
    ])
    .await;
    let wait = Some(Duration::from_millis(2128));
    assert_eq!(stage.list(None).await, Err(ProviderError::Throttled { retry_after: wait }));
    let answer = stage.list(None).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))));
    for _ in 0..2 {
        let answer = stage.list(None).await;
        assert!(matches!(answer, Err(ProviderError::Unreachable(_))));
    }
    // No mailbox is no proof that the event is gone.
    let answer = stage.graph.look(&mia(), "E1").await;
    assert!(matches!(answer, Err(ProviderError::Unreachable(_))));
    assert_eq!(stage.asked().await.len(), 6);
}

#[tokio::test]
async fn nobody_there_is_trouble_that_passes() {
    let stage = Stage::new(vec![token("T1"), ok(json!({"id": "C"}))]).await;
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    let Stage { server, graph, .. } = stage;
    drop(server);
    let answer = graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_to_mend() {
    let stage = Stage::new(vec![denial("invalid_client", 7_000_222), denial("invalid_grant", 65_001)]).await;
    let Err(ProviderError::Refused(text)) = stage.list(None).await else {
        panic!("not refused");
    };
    assert!(text.contains("AADSTS7000222"), "{text}");
    assert!(text.contains("client_secret_file"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    let answer = stage.graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::NeedsConsent(_))));
    assert_eq!(stage.asked().await, [TOKEN, TOKEN]);
}

#[tokio::test]
async fn many_mailboxes_share_one_token_and_one_refusal() {
    let mut replies = vec![token("T1")];
    replies.extend((0..8).map(|_| last(json!([]))));
    let stage = Stage::new(replies).await;
    let all = futures_util::future::join_all((0..8).map(|_| stage.list(None))).await;
    assert!(all.iter().all(Result::is_ok));
    let asked = stage.asked().await;
    assert_eq!(asked.iter().filter(|one| *one == TOKEN).count(), 1);

    let stage = Stage::new(vec![denial("invalid_client", 7_000_215)]).await;
    let all = futures_util::future::join_all((0..8).map(|_| stage.list(None))).await;
    for answer in all {
        assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
    }
    assert_eq!(stage.asked().await, [TOKEN]);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once() {
    const PROBE: &str = "GET /v1.0/users/mia@example.com/calendar?$select=id";
    let expired = || refusal(401, "InvalidAuthenticationToken");
    let calendar = || ok(json!({"id": "C"}));
    let stage = Stage::new(vec![
        token("T1"),
        calendar(),
        expired(),
        token("T2"),
        calendar(),
        expired(),
        token("T3"),
        expired(),
    ])
    .await;
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    let answer = stage.graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))));
    assert_eq!(stage.asked().await, [TOKEN, PROBE, PROBE, TOKEN, PROBE, PROBE, TOKEN, PROBE]);
    let requests = stage.requests().await;
    assert_eq!(header(&requests[4], "authorization"), ["Bearer T2"]);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let brief = ok(json!({"token_type": "Bearer", "expires_in": 0, "access_token": "T1"}));
    let calendar = || ok(json!({"id": "C"}));
    let stage = Stage::new(vec![brief, calendar(), token("T2"), calendar(), calendar()]).await;
    for _ in 0..3 {
        assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    }
    let requests = stage.requests().await;
    let bearers: Vec<_> = requests.iter().flat_map(|one| header(one, "authorization")).collect();
    assert_eq!(bearers, ["Bearer T1", "Bearer T2", "Bearer T2"]);
}

#[tokio::test]
async fn looking_finds_an_event_with_its_series_or_nothing() {
    let stage = Stage::new(vec![
        token("T1"),
        ok(moved("O2", "S")),
        ok(master("S")),
        refusal(404, "ErrorItemNotFound"),
        ok(master("S")),
    ])
    .await;
    let look = async |key| stage.graph.look(&mia(), key).await.expect("answer");
    let event = look("O2").await.expect("event");
    assert_eq!(event.uid.as_deref(), Some("S@example.com"));
    assert_eq!(event.start, at("2026-03-10T14:00:00Z"));
    assert_eq!(look("O9").await, None);
    let series = look("S").await.expect("event");
    assert_eq!(series.series.as_deref(), Some("S"));
    let expected = [TOKEN.into(), got("O2"), got("S"), got("O9"), got("S")];
    assert_eq!(stage.asked().await, expected);
}

fn teams() -> Conference {
    Conference {
        service: ConferenceService::MicrosoftTeams,
        key: "https://teams.microsoft.com/l/meetup-join/19%3ameeting'x/0?context=%7b%7d".into(),
    }
}

/// Four participants: one who came twice, one named by the directory only, a phone, and a bot.
fn attendance() -> Value {
    let stay = |from: u8, to: u8| {
        json!({
            "joinDateTime": format!("2026-03-09T09:{from:02}:00.6027225Z"),
            "leaveDateTime": format!("2026-03-09T09:{to:02}:00Z"), "durationInSeconds": 60,
        })
    };
    let identity = |kind: &str, id: Value| {
        let kind = format!("#microsoft.graph.communications{kind}Identity");
        json!({"@odata.type": kind, "id": id, "displayName": "Somebody"})
    };
    json!({"value": [
        {
            "emailAddress": "Mia@example.com", "role": "Organizer",
            "identity": identity("User", json!("U1")),
            "attendanceIntervals": [stay(0, 10), stay(12, 31)],
        },
        {
            "emailAddress": null, "role": "Presenter", "identity": identity("User", json!("U2")),
            "attendanceIntervals": [stay(1, 30)],
        },
        {
            "emailAddress": null, "identity": identity("Phone", Value::Null),
            "attendanceIntervals": [stay(2, 3)],
        },
        {
            "emailAddress": null, "identity": identity("Application", json!("B")),
            "attendanceIntervals": [stay(0, 31)],
        },
    ]})
}

#[tokio::test]
async fn a_teams_call_is_followed_to_who_was_in_it() {
    let report = |id: &str, day: &str| {
        json!({
            "id": id, "totalParticipantCount": 3, "attendanceRecords": [],
            "meetingStartDateTime": format!("2026-03-{day}T09:00:03.945Z"),
            "meetingEndDateTime": format!("2026-03-{day}T09:31:00Z"),
        })
    };
    let meeting = || ok(json!({"value": [{"id": "MSpk*0**19:x@thread.v2", "subject": null}]}));
    let reports = || ok(json!({"value": [report("R2", "09"), report("R1", "02")]}));
    let stage = Stage::new(vec![
        token("T1"),
        ok(json!({"id": "U1"})),
        meeting(),
        reports(),
        ok(attendance()),
        ok(json!({"mail": null, "userPrincipalName": "Ann@example.com"})),
        meeting(),
        reports(),
        ok(attendance()),
    ])
    .await;
    let around = Window {
        from: "2026-03-09T08:45:00Z".parse().expect("instant"),
        to: "2026-03-09T10:00:00Z".parse().expect("instant"),
    };
    let calls = stage.graph.calls(&mia(), &teams(), around).await;
    let calls = calls.expect("calls");
    let [call] = calls.as_slice() else {
        panic!("not one call: {calls:?}");
    };
    assert_eq!(call.record, "R2");
    let people = call.attendances.iter().map(|stay| stay.address.as_ref());
    let people: Vec<_> = people.map(|address| address.map(Address::as_str)).collect();
    let mia_came = Some("mia@example.com");
    assert_eq!(people, [mia_came, mia_came, Some("ann@example.com"), None]);
    // Whom the directory told is not asked for again.
    let again = stage.graph.calls(&mia(), &teams(), around).await;
    assert_eq!(again, Ok(calls));

    let meetings = "GET /v1.0/users/U1/onlineMeetings";
    let filter = teams().key.replace('\'', "''");
    let runs = format!("{meetings}/MSpk*0**19:x@thread.v2/attendanceReports");
    let journey = [
        format!("{meetings}?$filter=JoinWebUrl eq '{filter}'"),
        runs.clone(),
        format!("{runs}/R2/attendanceRecords"),
    ];
    let organizer = "GET /v1.0/users/mia@example.com?$select=id";
    let mut expected = vec![TOKEN.to_owned(), organizer.to_owned()];
    expected.extend(journey.clone());
    expected.push("GET /v1.0/users/U2?$select=mail,userPrincipalName".to_owned());
    expected.extend(journey);
    assert_eq!(stage.asked().await, expected);
}

#[tokio::test]
async fn teams_may_know_nothing_or_refuse() {
    let stage = Stage::new(vec![
        token("T1"),
        refusal(404, "Request_ResourceNotFound"),
        ok(json!({"id": "U1"})),
        refusal(404, "NotFound"),
        refusal(403, "Unauthorized"),
        // A record that cannot be read is not somebody's absence.
        ok(json!({"value": [{"id": "M"}]})),
        ok(json!({"value": [{"id": "R", "meetingStartDateTime": "2026-03-09T09:00:00Z"}]})),
        ok(json!({"value": [{"attendanceIntervals": [{"joinDateTime": "soon"}]}]})),
    ])
    .await;
    let calls = async || stage.graph.calls(&mia(), &teams(), window()).await;
    assert_eq!(calls().await, Ok(Vec::new()));
    assert_eq!(calls().await, Ok(Vec::new()));
    let Err(ProviderError::Refused(text)) = calls().await else {
        panic!("not refused");
    };
    assert!(text.contains("New-CsApplicationAccessPolicy"), "{text}");
    assert!(matches!(calls().await, Err(ProviderError::Garbled(_))));
    let meet = Conference { service: ConferenceService::GoogleMeet, key: "abc".into() };
    let answer = stage.graph.calls(&mia(), &meet, window()).await;
    assert_eq!(answer, Ok(Vec::new()));
    assert_eq!(stage.asked().await.len(), 8);
}
