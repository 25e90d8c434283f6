//! Who is told of changes, when, and all that can go wrong on the way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use mentord::sandbox::{Lifecycle, NoticeRules, Notified, Removal};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;

/// A receiver as a service would be one.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    _stop: DropGuard,
}

#[derive(Clone, Debug)]
struct Heard {
    headers: HeaderMap,
    body: Value,
}

#[derive(Clone)]
struct Ear {
    heard: Arc<Mutex<Vec<Heard>>>,
    echo: bool,
}

async fn hear(
    State(ear): State<Ear>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    if let Some(token) = query.get("validationToken") {
        assert!(body.is_empty(), "a handshake has no body");
        return if ear.echo { token.clone().into_response() } else { "something else".into_response() };
    }
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
    ear.heard.lock().expect("no panic").push(Heard { headers, body });
    StatusCode::ACCEPTED.into_response()
}

impl Receiver {
    /// Without `echo` it answers handshakes with something else.
    async fn start(echo: bool) -> Self {
        let heard = Arc::default();
        let ear = Ear { heard: Arc::clone(&heard), echo };
        let router = axum::Router::new().fallback(axum::routing::post(hear)).with_state(ear);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Self { url, heard, _stop: stop.drop_guard() }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("no panic").clone()
    }
}

impl Story {
    /// The notices, once there are `count` of them.
    async fn notices(&self, count: usize) -> Vec<Notified> {
        let notices = self.control.wait_for_notices(count).await.expect("notices");
        assert_eq!(notices.len(), count, "{notices:#?}");
        notices
    }

    async fn watch(&self, token: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}calendars/primary/events/watch", self.sandbox.google_api_url());
        self.send(token, "POST", &url, body).await
    }

    async fn subscribe(&self, token: &str, body: &Value) -> (u16, Value) {
        self.send(token, "POST", &format!("{}/subscriptions", self.sandbox.graph_url()), body).await
    }
}

#[tokio::test]
async fn a_google_channel_tells_that_something_changed_until_it_is_stopped() {
    let story = Story::begin(50).await;
    let receiver = Receiver::start(true).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let body = json!({"id": "channel-1", "type": "web_hook", "address": receiver.url, "token": "secret"});
    let (status, channel) = story.watch(&token, &body).await;
    assert_eq!(status, 200, "{channel}");
    assert_eq!(channel["kind"], "api#channel");
    // A week when nothing else is asked for; int64 is text in Google's JSON.
    assert_eq!(channel["expiration"], json!(at("2026-10-08T08:00:00Z").timestamp_millis().to_string()));
    story.notices(1).await;

    let meeting = story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    story.control.cancel(&meeting.id, None).await.expect("cancelled");
    let notices = story.notices(3).await;
    let header = |name: &str| {
        let values = notices.iter().map(|one| one.headers.get(name).cloned().unwrap_or_default());
        values.collect::<Vec<_>>()
    };
    assert_eq!(header("x-goog-resource-state"), ["sync", "exists", "exists"]);
    assert_eq!(header("x-goog-channel-expiration")[0], "Thu, 08 Oct 2026 08:00:00 GMT");
    assert_eq!(header("x-goog-channel-token")[2], "secret");
    let numbers: Vec<u64> =
        header("x-goog-message-number").iter().map(|text| text.parse().expect("a number")).collect();
    assert!(numbers[0] == 1 && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let heard = receiver.heard();
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[1].headers["x-goog-resource-id"], channel["resourceId"].as_str().expect("an id"));
    assert_eq!(heard[1].headers["content-length"], "0");
    assert_eq!(notices[2].status, Some(202));

    // The same name is not good again; a stopped channel is silent, and cannot be stopped again.
    let (status, body) = story.watch(&token, &body).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (400, &json!("channelIdNotUnique")));
    let stop = format!("{}channels/stop", story.sandbox.google_api_url());
    let order = json!({"id": "channel-1", "resourceId": channel["resourceId"]});
    assert_eq!(story.send(&token, "POST", &stop, &order).await, (204, Value::Null));
    assert_eq!(story.send(&token, "POST", &stop, &order).await.0, 404);
    story.plan(ANNA, &[BEN], "2026-10-06T10:00", None, Conference::None).await;
    assert_eq!(story.control.watches().await.expect("watches"), []);
    story.notices(3).await;
}

#[tokio::test]
async fn a_google_channel_ends_without_a_word() {
    let story = Story::begin(50).await;
    let receiver = Receiver::start(true).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let body = json!({"id": "1", "type": "web_hook", "address": receiver.url, "params": {"ttl": "3600"}});
    assert_eq!(story.watch(&token, &body).await.0, 200);
    let watches = story.control.watches().await.expect("watches");
    assert_eq!(watches[0].expires_at, at("2026-10-01T09:00:00Z"));
    story.control.clock(at("2026-10-01T09:00:00Z")).await.expect("set");
    story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    story.notices(1).await;

    let quirks = Quirks { google_sync_first: true, ..Quirks::default() };
    story.control.quirks(quirks).await.expect("set");
    let body = json!({"id": "2", "type": "web_hook", "address": receiver.url});
    assert_eq!(story.watch(&token, &body).await.0, 200);
    assert_eq!(receiver.heard().len(), 2, "the first message was there before the answer");

    story.control.notice_rules(NoticeRules { lose: true, ..NoticeRules::default() }).await.expect("set");
    story.plan(ANNA, &[BEN], "2026-10-06T10:00", None, Conference::None).await;
    assert!(story.notices(3).await[2].lost);
    story.control.notice_rules(NoticeRules { duplicate: true, ..NoticeRules::default() }).await.expect("set");
    story.plan(ANNA, &[BEN], "2026-10-07T10:00", None, Conference::None).await;
    let notices = story.notices(5).await;
    assert_eq!(notices[3], notices[4]);
    assert_eq!(receiver.heard().len(), 4);
}

#[tokio::test]
async fn google_wants_https_unless_the_sandbox_was_told_otherwise() {
    let mut story = Story::begin(50).await;
    let options = Options::at(at("2026-10-01T08:00:00Z"));
    story.sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    story.control = story.sandbox.control();
    story.control.person(ANNA, "Anna Arndt", Provider::Google).await.expect("a person");
    let token = story.google_token(ANNA, CALENDAR).await;
    let body = json!({"id": "1", "type": "web_hook", "address": "http://127.0.0.1:9/hooks"});
    let (status, body) = story.watch(&token, &body).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (400, &json!("push.webhookUrlNotHttps")));
}

fn subscription(url: &str) -> Value {
    json!({
        "changeType": "created,updated,deleted",
        "notificationUrl": url,
        "lifecycleNotificationUrl": format!("{url}/lifecycle"),
        "resource": format!("/users/{CLARA}/events"),
        "expirationDateTime": "2026-10-08T07:59:00Z",
        "clientState": "secret",
    })
}

#[tokio::test]
async fn a_graph_subscription_begins_with_a_handshake_and_tells_what_happened_to_whom() {
    let story = Story::begin(50).await;
    let receiver = Receiver::start(true).await;
    let token = story.graph_token().await;
    let (status, made) = story.subscribe(&token, &subscription(&receiver.url)).await;
    assert_eq!(status, 201, "{made}");
    let of_dan = json!({
        "changeType": "deleted", "notificationUrl": receiver.url, "resource": format!("users/{DAN}/events"),
        "expirationDateTime": "2026-10-01T08:10:00Z",
    });
    let (_, other) = story.subscribe(&token, &of_dan).await;
    assert_eq!(other["expirationDateTime"], "2026-10-01T08:45:00Z", "a short life is made longer");

    let series = story.plan(CLARA, &[DAN], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::None).await;
    story.control.cancel(&series.id, Some(at("2026-10-05T08:00:00Z"))).await.expect("cancelled");
    story.control.remove(&series.id, DAN, None).await.expect("removed");
    let notices = story.notices(3).await;
    let items: Vec<Vec<Value>> = notices
        .iter()
        .map(|notice| notice.body.as_ref().expect("a body")["value"].as_array().expect("a list").clone())
        .collect();
    assert_eq!(texts(&items[0], "/changeType"), ["created"]);
    assert_eq!(texts(&items[1], "/changeType"), ["updated"], "an occurrence is part of its series");
    assert_eq!(texts(&items[2], "/changeType"), ["updated", "deleted"], "two subscriptions in one request");
    assert_eq!(items[2][1]["subscriptionId"], other["id"]);
    assert_eq!(items[0][0]["clientState"], "secret");
    let event = items[0][0]["resourceData"]["id"].as_str().expect("an id");
    let url = format!("{}/users/{CLARA}/events/{event}", story.sandbox.graph_url());
    let (status, found) = story.send(&token, "GET", &url, &Value::Null).await;
    assert_eq!((status, &found["type"]), (200, &json!("seriesMaster")));

    let deaf = Receiver::start(false).await;
    let (status, refused) = story.subscribe(&token, &subscription(&deaf.url)).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("ValidationError")));
    assert_eq!(story.control.watches().await.expect("watches").len(), 2);
}

#[tokio::test]
async fn a_graph_subscription_is_renewed_runs_out_or_is_removed() {
    let story = Story::begin(50).await;
    let receiver = Receiver::start(true).await;
    let token = story.graph_token().await;
    let (_, made) = story.subscribe(&token, &subscription(&receiver.url)).await;
    let id = made["id"].as_str().expect("an id").to_string();
    let url = format!("{}/subscriptions/{id}", story.sandbox.graph_url());
    let renew = |until: &str| json!({"expirationDateTime": until});

    let (status, body) = story.send(&token, "PATCH", &url, &renew("2026-10-08T08:00:01Z")).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("InvalidRequest")), "too long a life");
    story.control.clock(at("2026-10-03T08:00:00Z")).await.expect("set");
    let (status, body) = story.send(&token, "PATCH", &url, &renew("2026-10-10T08:00:00Z")).await;
    assert_eq!((status, &body["expirationDateTime"]), (200, &json!("2026-10-10T08:00:00Z")));
    story.control.lifecycle(&id, Lifecycle::ReauthorizationRequired).await.expect("told");
    story.control.lifecycle(&id, Lifecycle::Missed).await.expect("told");
    let (status, _) = story.send(&token, "POST", &format!("{url}/reauthorize"), &Value::Null).await;
    assert_eq!(status, 204);

    story.control.remove_subscription(&id, Removal::AtRenewal).await.expect("removed");
    assert_eq!(story.notices(2).await[1].url, format!("{}/lifecycle", receiver.url));
    assert_eq!(story.send(&token, "PATCH", &url, &renew("2026-10-10T09:00:00Z")).await.0, 404);
    let notices = story.notices(3).await;
    let events: Vec<Value> = notices
        .iter()
        .map(|notice| notice.body.as_ref().expect("a body")["value"][0]["lifecycleEvent"].clone())
        .collect();
    assert_eq!(events, ["reauthorizationRequired", "missed", "subscriptionRemoved"]);
    assert_eq!(receiver.heard()[2].body["value"][0]["subscriptionId"], json!(id));

    let (_, made) = story.subscribe(&token, &subscription(&receiver.url)).await;
    let url = format!("{}/subscriptions/{}", story.sandbox.graph_url(), made["id"].as_str().expect("an id"));
    story.control.clock(at("2026-10-08T07:59:00Z")).await.expect("set");
    assert_eq!(story.send(&token, "GET", &url, &Value::Null).await.0, 404, "it ran out");
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    story.notices(3).await;
}
