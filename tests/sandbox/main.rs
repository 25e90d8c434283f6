//! The sandbox, told in short stories over plain HTTP: nothing of mentord reads these answers.

mod edits;
mod faults;
mod habits;
mod notices;
mod writes;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use mentord::sandbox::{
    Conference, Control, Fault, NewMeeting, NewPerson, Options, Planned, Provider, Quirks, Response, Sandbox,
};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};
use sha2::Sha256;

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
const MEET: &str = "https://www.googleapis.com/auth/meetings.space.readonly";
const DIRECTORY: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";

const ANNA: &str = "anna@acme.example";
const BEN: &str = "ben@acme.example";
const CLARA: &str = "clara@contoso.example";
const DAN: &str = "dan@contoso.example";
const EVE: &str = "eve@elsewhere.example";

struct Story {
    sandbox: Sandbox,
    control: Control,
    http: reqwest::Client,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

impl Story {
    async fn begin(page_size: usize) -> Self {
        let options = Options { page_size, plain_callbacks: true, ..Options::at(at("2026-10-01T08:00:00Z")) };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let control = sandbox.control();
        let person = |address: &str, name: &str, provider| NewPerson {
            address: address.into(),
            name: name.into(),
            provider,
            ..NewPerson::default()
        };
        let people = [
            person(ANNA, "Anna Arndt", Provider::Google),
            person(BEN, "Ben Brandt", Provider::Google),
            person(CLARA, "Clara Conti", Provider::Microsoft),
            person(DAN, "Dan Duarte", Provider::Microsoft),
            person(EVE, "Eve Elsner", Provider::None),
        ];
        control.people(&people).await.expect("people");
        #[expect(clippy::disallowed_methods, reason = "the sandbox is tried by a client of nobody's")]
        let http = reqwest::Client::new();
        Self { sandbox, control, http }
    }

    async fn plan(
        &self,
        organizer: &str,
        attendees: &[&str],
        start: &str,
        rrule: Option<&str>,
        conference: Conference,
    ) -> Planned {
        let meeting = NewMeeting {
            organizer: organizer.into(),
            attendees: attendees.iter().map(ToString::to_string).collect(),
            title: "Mentoring".into(),
            start: start.into(),
            timezone: "Europe/Berlin".into(),
            minutes: 45,
            rrule: rrule.map(str::to_string),
            conference,
            ..NewMeeting::default()
        };
        self.control.plan(&meeting).await.expect("a meeting")
    }

    async fn ask_google_token(&self, subject: &str, scope: &str) -> (u16, Value) {
        let key: Value = serde_json::from_str(&self.sandbox.google_key_json()).expect("a key file");
        #[expect(clippy::disallowed_methods, reason = "assertions are signed with the machine's time")]
        let now = Utc::now().timestamp();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]})),
            part(json!({
                "iss": key["client_email"], "sub": subject, "scope": scope,
                "aud": key["token_uri"], "iat": now, "exp": now + 3600,
            })),
        );
        let private =
            rsa::PrivateKey::from_pkcs8_pem(key["private_key"].as_str().expect("a key")).expect("PEM");
        let signature = SigningKey::<Sha256>::new(private).sign(signed.as_bytes());
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        self.post_form(key["token_uri"].as_str().expect("an address"), &form).await
    }

    async fn google_token(&self, subject: &str, scope: &str) -> String {
        let (status, body) = self.ask_google_token(subject, scope).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_string()
    }

    async fn graph_token(&self) -> String {
        let app = self.sandbox.microsoft_app();
        let (status, body) = self.ask_graph_token(&app.client_secret).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_string()
    }

    async fn ask_graph_token(&self, secret: &str) -> (u16, Value) {
        let app = self.sandbox.microsoft_app();
        let url = format!("{}/{}/oauth2/v2.0/token", self.sandbox.login_url(), app.tenant_id);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app.client_id.as_str()),
            ("client_secret", secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        self.post_form(&url, &form).await
    }

    async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let response = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Sends JSON with a method; an answer without a body is `null`.
    async fn send(&self, token: &str, method: &str, url: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, url).bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a text");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
    }

    async fn get(&self, token: &str, url: &str) -> (u16, Value) {
        let response = self
            .http
            .get(url)
            .bearer_auth(token)
            .header("prefer", "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", odata.maxpagesize=2")
            .send()
            .await
            .expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    async fn google(&self, token: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}calendars/primary/events?{query}", self.sandbox.google_api_url());
        self.get(token, &url).await
    }

    /// Reads a Google listing to its end: items and the sync token.
    async fn google_all(&self, token: &str, query: &[(&str, &str)]) -> (Vec<Value>, String, usize) {
        let mut items = Vec::new();
        let mut page: Option<String> = None;
        for pages in 1..100 {
            let mut query = query.to_vec();
            if let Some(page) = &page {
                query.push(("pageToken", page));
            }
            let (status, body) = self.google(token, &query).await;
            assert_eq!(status, 200, "{body}");
            items.extend(body["items"].as_array().expect("items").clone());
            match body["nextPageToken"].as_str() {
                Some(next) => {
                    assert!(body.get("nextSyncToken").is_none(), "only the last page has a sync token");
                    page = Some(next.to_string());
                }
                None => {
                    return (items, body["nextSyncToken"].as_str().expect("a token").to_string(), pages);
                }
            }
        }
        panic!("the listing does not end");
    }

    fn delta_url(&self, who: &str, from: &str, to: &str) -> String {
        format!(
            "{}/users/{who}/calendarView/delta?startDateTime={from}&endDateTime={to}",
            self.sandbox.graph_url()
        )
    }

    /// Reads a delta round to its end: items and the delta link.
    async fn delta(&self, token: &str, url: &str) -> (Vec<Value>, String, usize) {
        let mut items = Vec::new();
        let mut url = url.to_string();
        for pages in 1..100 {
            let (status, body) = self.get(token, &url).await;
            assert_eq!(status, 200, "{body}");
            items.extend(body["value"].as_array().expect("a value").clone());
            match body["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_string(),
                None => {
                    return (items, body["@odata.deltaLink"].as_str().expect("a link").to_string(), pages);
                }
            }
        }
        panic!("the round does not end");
    }
}

fn texts(items: &[Value], pointer: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_string())
        .collect()
}

const OCTOBER: [(&str, &str); 3] =
    [("singleEvents", "true"), ("timeMin", "2026-10-01T00:00:00Z"), ("timeMax", "2026-11-01T00:00:00Z")];

#[tokio::test]
async fn google_lists_in_pages_then_tells_changes_then_forgets() {
    let story = Story::begin(2).await;
    let series = story.plan(ANNA, &[BEN], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::Meet).await;
    let single = story.plan(BEN, &[ANNA], "2026-10-07T09:00", None, Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;

    let (items, sync, pages) = story.google_all(&token, &OCTOBER).await;
    assert_eq!((items.len(), pages), (5, 3));
    let first = &items[0];
    assert_eq!(first["iCalUID"], json!(series.uid));
    assert_eq!(first["conferenceData"]["conferenceId"], json!(series.conference_key));
    assert_eq!(
        first["attendees"][0],
        json!({
            "email": ANNA, "displayName": "Anna Arndt", "self": true, "organizer": true, "responseStatus": "accepted",
        })
    );
    assert_eq!(first["attendees"][1]["responseStatus"], "needsAction");

    // Nothing happened: nothing is told, and a new token comes all the same.
    let (items, sync, _) = story.google_all(&token, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert!(items.is_empty());

    let second = at("2026-10-12T08:00:00Z");
    story.control.reschedule(&series.id, Some(second), "2026-10-13T15:00", None).await.expect("moved");
    story.control.cancel(&series.id, Some(at("2026-10-19T08:00:00Z"))).await.expect("cancelled");
    story.control.cancel(&single.id, None).await.expect("cancelled");
    let (items, sync, _) = story.google_all(&token, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    let master = series.uid.trim_end_matches("@google.com");
    assert_eq!(items.len(), 3);
    assert_eq!(items[0]["id"], json!(format!("{master}_20261012T080000Z")));
    assert_eq!(items[0]["recurringEventId"], json!(master));
    assert_eq!(items[0]["start"]["dateTime"], "2026-10-13T15:00:00+02:00");
    assert_eq!(items[0]["originalStartTime"]["dateTime"], "2026-10-12T10:00:00+02:00");
    let mut fields: Vec<&String> = items[1].as_object().expect("an event").keys().collect();
    fields.sort();
    assert_eq!(fields, ["etag", "id", "kind", "originalStartTime", "recurringEventId", "status"]);
    assert_eq!(items[2]["status"], "cancelled");
    assert_eq!(items[2].get("start"), None);

    // The whole series goes: a tombstone for every instance.
    story.control.cancel(&series.id, None).await.expect("cancelled");
    let (items, sync, _) = story.google_all(&token, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert_eq!(texts(&items, "/status"), ["cancelled"; 4]);

    let (status, body) =
        story.google(&token, &[("singleEvents", "true"), ("syncToken", &sync), OCTOBER[1]]).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(400)));
    story.control.expire_cursors(Some(ANNA)).await.expect("expired");
    let (status, body) = story.google(&token, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (410, &json!("fullSyncRequired")));
    let (items, ..) = story.google_all(&token, &OCTOBER).await;
    assert!(items.is_empty(), "a full listing has no tombstones");
}

#[tokio::test]
async fn google_keeps_to_its_parameters() {
    let story = Story::begin(50).await;
    let series =
        story.plan(ANNA, &[BEN], "2026-10-05T10:00", Some("FREQ=WEEKLY;COUNT=3"), Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;

    let (_, body) = story.google(&token, &[OCTOBER[0], ("fields", "items(id,start/dateTime)")]).await;
    assert_eq!(body.as_object().expect("an object").len(), 1, "the mask leaves out the sync token");
    assert_eq!(body["items"][0].as_object().expect("an event").len(), 2);

    let (items, ..) = story.google_all(&token, &OCTOBER[1..]).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["recurrence"], json!(["RRULE:FREQ=WEEKLY;COUNT=3"]));

    let url = format!("{}calendars/{}/events", story.sandbox.google_api_url(), ANNA.replace('@', "%40"));
    let id = series.uid.trim_end_matches("@google.com");
    assert_eq!(story.get(&token, &format!("{url}/{id}_20261012T080000Z")).await.0, 200);
    assert_eq!(story.get(&token, &format!("{url}/{id}_20261013T080000Z")).await.0, 404);
    assert_eq!(story.get(&token, &format!("{url}/nothing")).await.0, 404);
    story.control.cancel(&series.id, None).await.expect("cancelled");
    assert_eq!(story.get(&token, &format!("{url}/{id}")).await.1["status"], "cancelled");

    let other = url.replace(&ANNA.replace('@', "%40"), &BEN.replace('@', "%40"));
    assert_eq!(story.get(&token, &other).await.0, 404, "a token opens the calendar of its subject");

    story.control.quirks(Quirks { google_empty_page: true, ..Quirks::default() }).await.expect("quirks");
    let (_, body) = story.google(&token, &OCTOBER).await;
    assert!(body["items"].as_array().is_some_and(Vec::is_empty) && body["nextPageToken"].is_string());
}

#[tokio::test]
async fn a_moved_google_series_leaves_tombstones_where_it_was() {
    let story = Story::begin(50).await;
    let series =
        story.plan(ANNA, &[BEN], "2026-10-05T10:00", Some("FREQ=WEEKLY;COUNT=2"), Conference::None).await;
    let token = story.google_token(BEN, CALENDAR).await;
    let (_, sync, _) = story.google_all(&token, &OCTOBER).await;
    story.control.reschedule(&series.id, None, "2026-10-06T11:00", None).await.expect("moved");
    let (items, ..) = story.google_all(&token, &[OCTOBER[0], ("syncToken", &sync)]).await;
    let id = series.uid.trim_end_matches("@google.com");
    let expected = ["20261006T090000Z", "20261013T090000Z", "20261005T080000Z", "20261012T080000Z"];
    assert_eq!(texts(&items, "/id"), expected.map(|slot| format!("{id}_{slot}")));
    assert_eq!(texts(&items, "/status"), ["confirmed", "confirmed", "cancelled", "cancelled"]);
}

#[tokio::test]
async fn graph_tells_stubs_and_replays_a_series_with_a_deleted_occurrence() {
    let story = Story::begin(2).await;
    let series = story
        .plan(CLARA, &[DAN, BEN], "2026-10-05T10:00", Some("FREQ=WEEKLY;BYDAY=MO;COUNT=3"), Conference::Teams)
        .await;
    let single = story.plan(DAN, &[CLARA], "2026-10-07T09:00", None, Conference::None).await;
    let token = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");

    let (items, link, pages) = story.delta(&token, &url).await;
    assert_eq!(pages, 2, "a series is not torn apart");
    assert_eq!(
        texts(&items, "/type"),
        ["seriesMaster", "occurrence", "occurrence", "occurrence", "singleInstance"]
    );
    let mut fields: Vec<&String> = items[1].as_object().expect("a stub").keys().collect();
    fields.sort();
    assert_eq!(fields, ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"]);
    assert_eq!(items[1]["start"], json!({"dateTime": "2026-10-05T08:00:00.0000000", "timeZone": "UTC"}));
    assert_eq!(items[1]["seriesMasterId"], items[0]["id"]);
    assert_eq!(items[0]["iCalUId"], json!(series.uid));
    assert_eq!(items[0]["onlineMeeting"]["joinUrl"], json!(series.conference_key));
    assert_eq!(items[0]["recurrence"]["pattern"]["daysOfWeek"], json!(["monday"]));
    assert_eq!(items[0]["responseStatus"]["response"], "organizer");
    assert_eq!(items[4]["responseStatus"]["response"], "notResponded");

    // One occurrence is deleted: no tombstone, the rest comes again.
    story.control.cancel(&series.id, Some(at("2026-10-12T08:00:00Z"))).await.expect("cancelled");
    story.control.respond(&series.id, DAN, Response::Accepted, None).await.expect("answered");
    let (items, link, _) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/type"), ["seriesMaster", "occurrence", "occurrence"]);
    assert_eq!(
        texts(items[0]["attendees"].as_array().expect("guests"), "/status/response"),
        ["accepted", "none"]
    );

    // The organizer sees it vanish; the guest keeps a cancelled copy until they clear it away.
    let guests = story.delta_url(DAN, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, guest_link, _) = story.delta(&token, &guests).await;
    let single_id =
        items.iter().find(|item| item["type"] == "singleInstance").expect("the single")["id"].clone();
    let exception = items.iter().find(|item| item["type"] == "exception").expect("the deleted one");
    assert_eq!(
        (&exception["isCancelled"], &exception["subject"]),
        (&json!(true), &json!("Canceled: Mentoring"))
    );
    story.control.cancel(&single.id, None).await.expect("cancelled");
    story.control.cancel(&series.id, None).await.expect("cancelled");
    let (items, link, _) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/@removed/reason"), ["deleted", "-"]);
    assert_eq!(items[1]["isCancelled"], json!(true), "Clara is a guest of the single meeting");
    let (items, guest_link, _) = story.delta(&token, &guest_link).await;
    assert!(items.iter().any(|item| item["id"] == single_id && item["@removed"]["reason"] == "deleted"));
    assert!(items.iter().any(|item| item["type"] == "seriesMaster" && item["isCancelled"] == true));
    story.control.remove(&series.id, DAN, None).await.expect("removed");
    let (items, ..) = story.delta(&token, &guest_link).await;
    assert_eq!(texts(&items, "/@removed/reason"), ["deleted"]);

    // Old links die when newer ones are handed out, and when the server forgets.
    let old = link;
    let mut newest = old.clone();
    for _ in 0..4 {
        newest = story.delta(&token, &newest).await.1;
    }
    let (status, body) = story.get(&token, &old).await;
    assert_eq!((status, &body["error"]["code"]), (410, &json!("SyncStateNotFound")));
    assert_eq!(story.get(&token, &newest.replace('$', "%24")).await.0, 200);
    story.control.expire_cursors(None).await.expect("expired");
    assert_eq!(story.get(&token, &newest).await.0, 410);
}

#[tokio::test]
async fn graph_refuses_what_it_refuses() {
    let story = Story::begin(50).await;
    let series =
        story.plan(CLARA, &[DAN], "2026-10-05T10:00", Some("FREQ=WEEKLY;COUNT=2"), Conference::None).await;
    let single = story.plan(CLARA, &[DAN], "2026-10-06T10:00", None, Conference::None).await;
    let token = story.graph_token().await;
    let graph = story.sandbox.graph_url();
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");

    assert_eq!(story.get(&token, &format!("{graph}/users/{CLARA}/calendarView/delta")).await.0, 400);
    assert_eq!(story.get(&token, &format!("{url}&$select=subject")).await.0, 400);
    assert_eq!(
        story.get(&token, &format!("{graph}/users/{BEN}/calendarView/delta")).await.1["error"]["code"],
        "ErrorInvalidUser"
    );
    assert_eq!(story.get("wrong", &url).await.1["error"]["code"], "InvalidAuthenticationToken");
    for form in ["delta()", "microsoft.graph.delta()"] {
        assert_eq!(story.get(&token, &url.replace("delta", form)).await.0, 200);
    }

    // A meeting that leaves the window looks like a deleted one, but it can be found by its id.
    let (items, link, _) = story.delta(&token, &url).await;
    let stub = items.iter().find(|item| item["type"] == "occurrence").expect("a stub");
    let id = |item: &Value| item["id"].as_str().expect("an id").to_string();
    let (_, full) = story.get(&token, &format!("{graph}/users/{CLARA}/events/{}", id(stub))).await;
    assert_eq!((&full["subject"], &full["type"]), (&json!("Mentoring"), &json!("occurrence")));
    assert_eq!(&full["iCalUId"].as_str().expect("a UID")[32..40], "07EA0A05");
    let master = stub["seriesMasterId"].as_str().expect("an id").to_string();
    let window = "startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z";
    let (_, body) =
        story.get(&token, &format!("{graph}/users/{CLARA}/events/{master}/instances?{window}")).await;
    assert_eq!(body["value"].as_array().map(Vec::len), Some(2));
    story.control.reschedule(&single.id, None, "2026-12-06T10:00", None).await.expect("moved");
    let (items, link, _) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/@removed/reason"), ["deleted"]);
    let (status, body) = story.get(&token, &format!("{graph}/users/{CLARA}/events/{}", id(&items[0]))).await;
    assert_eq!((status, &body["start"]["dateTime"]), (200, &json!("2026-12-06T09:00:00.0000000")));
    assert_eq!(story.get(&token, &format!("{graph}/users/{DAN}/events/{}", id(&items[0]))).await.0, 404);

    // Without the preference the ids are others.
    let plain = story.http.get(&url).bearer_auth(&token).send().await.expect("an answer");
    let plain: Value = plain.json().await.expect("JSON");
    assert_ne!(plain["value"][0]["id"], json!(master));

    let quirks =
        Quirks { graph_empty_page: true, graph_master_apart: true, graph_repeat: true, ..Quirks::default() };
    story.control.quirks(quirks).await.expect("quirks");
    story.control.retitle(&series.id, "Mentoring, renamed", None).await.expect("retitled");
    let (_, body) = story.get(&token, &link).await;
    assert_eq!(body["value"], json!([]));
    let (items, ..) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/type"), ["occurrence", "occurrence", "seriesMaster", "occurrence"]);
}

#[tokio::test]
async fn ten_stays_ten_when_the_clocks_go_back() {
    let story = Story::begin(50).await;
    story.plan(ANNA, &[CLARA], "2026-10-19T10:00", Some("FREQ=WEEKLY;COUNT=2"), Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let (items, ..) = story.google_all(&token, &OCTOBER).await;
    assert_eq!(texts(&items, "/start/dateTime"), ["2026-10-19T10:00:00+02:00", "2026-10-26T10:00:00+01:00"]);
    assert!(items[1]["id"].as_str().is_some_and(|id| id.ends_with("_20261026T090000Z")));
    let token = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, ..) = story.delta(&token, &url).await;
    assert_eq!(
        texts(&items[1..], "/start/dateTime"),
        ["2026-10-19T08:00:00.0000000", "2026-10-26T09:00:00.0000000"]
    );
}

#[tokio::test]
async fn one_meeting_can_be_known_on_both_sides() {
    let story = Story::begin(50).await;
    let from_google = story.plan(ANNA, &[CLARA, DAN], "2026-10-05T10:00", None, Conference::Meet).await;
    let from_exchange = story.plan(CLARA, &[ANNA, EVE], "2026-10-06T10:00", None, Conference::Teams).await;
    story.control.respond(&from_google.id, DAN, Response::Declined, None).await.expect("answered");
    story.control.respond(&from_google.id, CLARA, Response::Accepted, None).await.expect("answered");

    let token = story.google_token(ANNA, CALENDAR).await;
    let (google, ..) = story.google_all(&token, &OCTOBER).await;
    let token = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (graph, ..) = story.delta(&token, &url).await;

    assert_eq!(texts(&google, "/iCalUID"), [from_google.uid.clone(), from_exchange.uid.clone()]);
    let hex: String = from_google.uid.bytes().map(|byte| format!("{byte:02X}")).collect();
    let wrapped = graph[0]["iCalUId"].as_str().expect("a UID");
    assert!(wrapped.starts_with("040000008200E00074C5B7101A82E00800000000"));
    assert!(wrapped.ends_with(&format!("7643616C2D55696401000000{hex}00")));
    assert_eq!(graph[1]["iCalUId"], json!(from_exchange.uid));
    assert_eq!(google[1].get("hangoutLink"), None);
    assert!(google[1]["description"].as_str().is_some_and(|text| text.contains("teams.microsoft.com")));
    assert_eq!((&graph[0]["isOnlineMeeting"], &graph[0]["isOrganizer"]), (&json!(false), &json!(false)));
    // The organizer knows every answer, a guest elsewhere only their own.
    let known = google[0]["attendees"].as_array().expect("guests");
    assert_eq!(texts(known, "/responseStatus"), ["accepted", "accepted", "declined"]);
    let known = graph[0]["attendees"].as_array().expect("guests");
    assert_eq!(texts(known, "/status/response"), ["none", "accepted", "none"]);
}

#[tokio::test]
async fn tokens_are_refused_as_the_vendors_refuse_them() {
    let story = Story::begin(50).await;
    let (status, body) = story.ask_google_token("nobody@acme.example", CALENDAR).await;
    assert_eq!(
        (status, body),
        (400, json!({"error": "invalid_grant", "error_description": "Invalid email or User ID"}))
    );
    let (status, body) = story.ask_google_token(ANNA, "https://www.googleapis.com/auth/calendar").await;
    assert_eq!((status, &body["error"]), (401, &json!("unauthorized_client")));
    let token = story.google_token(ANNA, MEET).await;
    let (status, body) = story.google(&token, &OCTOBER).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (403, &json!("insufficientPermissions")));
    let (status, body) = story.google("made-up", &OCTOBER).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (401, &json!("authError")));
    let (status, body) = story.ask_graph_token("wrong").await;
    assert_eq!(
        (status, &body["error"], &body["error_codes"]),
        (401, &json!("invalid_client"), &json!([7_000_215]))
    );
    story.control.expire_tokens().await.expect("expired");
    assert_eq!(story.google(&token, &OCTOBER).await.0, 401);
}

#[tokio::test]
async fn meet_tells_who_was_there_without_addresses() {
    let story = Story::begin(1).await;
    let series =
        story.plan(ANNA, &[BEN, CLARA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::Meet).await;
    let start = at("2026-10-05T08:00:00Z");
    let minute = |minutes| start + Duration::minutes(minutes);
    let (id, control) = (series.id.as_str(), &story.control);
    for (who, from, to) in
        [(Some(ANNA), 0, 40), (Some(BEN), 5, 10), (Some(BEN), 12, 38), (Some(CLARA), 6, 39), (None, 7, 9)]
    {
        control.join(id, who, minute(from), None).await.expect("joined");
        control.leave(id, who, minute(to), None).await.expect("left");
    }
    let meet = story.sandbox.meet_url();
    let code = series.conference_key.expect("a code");
    let filter = format!("{meet}v2/conferenceRecords?filter=space.meeting_code%3D%22{code}%22");
    let token = story.google_token(ANNA, MEET).await;
    assert_eq!(story.get(&token, &filter).await.1, json!({}), "the call has not begun");
    control.clock(minute(20)).await.expect("clock");
    let (_, body) = story.get(&token, &filter).await;
    assert_eq!(body["conferenceRecords"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["conferenceRecords"][0].get("endTime"), None, "it goes on");
    control.clock(minute(60)).await.expect("clock");
    let (_, body) = story.get(&token, &filter).await;
    let record = &body["conferenceRecords"][0];
    assert!(record["endTime"].as_str().is_some_and(|end| end.starts_with("2026-10-05T08:40:00")));

    let name = record["name"].as_str().expect("a name");
    let mut people = Vec::new();
    let mut page = String::new();
    loop {
        let (_, body) = story.get(&token, &format!("{meet}v2/{name}/participants?pageToken={page}")).await;
        people.extend(body["participants"].as_array().expect("people").clone());
        match body["nextPageToken"].as_str() {
            Some(next) => page = next.to_string(),
            None => break,
        }
    }
    assert_eq!(people.len(), 4);
    assert!(!people.iter().any(|one| one.to_string().contains("@acme.example")));
    assert_eq!(texts(&people, "/anonymousUser/displayName"), ["-", "-", "Clara Conti", "Guest"]);
    let ben = people[1]["name"].as_str().expect("a name");
    let (_, body) = story.get(&token, &format!("{meet}v2/{ben}/participantSessions")).await;
    assert!(
        body["participantSessions"][0]["startTime"]
            .as_str()
            .is_some_and(|at| at.starts_with("2026-10-05T08:05"))
    );
    assert!(body["nextPageToken"].is_string(), "Ben came twice");

    // Who was not there sees nothing; the directory knows whom an id belongs to.
    control.person("fay@acme.example", "Fay", Provider::Google).await.expect("a person");
    let token = story.google_token("fay@acme.example", &format!("{MEET} {DIRECTORY}")).await;
    assert_eq!(story.get(&token, &filter).await.1, json!({}));
    let user = people[1]["signedinUser"]["user"].as_str().expect("a user");
    let directory = story.sandbox.directory_url();
    assert_eq!(story.get(&token, &format!("{directory}{user}")).await.0, 403);
    let (_, body) = story.get(&token, &format!("{directory}{user}?viewType=domain_public")).await;
    assert_eq!(body["primaryEmail"], BEN);
}

#[tokio::test]
async fn teams_reports_when_the_call_is_over() {
    let story = Story::begin(50).await;
    let series =
        story.plan(CLARA, &[DAN, ANNA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::Teams).await;
    let (id, control) = (series.id.as_str(), &story.control);
    for week in 0..2 {
        let start = at("2026-10-05T08:00:00Z") + Duration::weeks(week);
        for who in [Some(CLARA), Some(DAN), Some(ANNA), None] {
            control.join(id, who, start, None).await.expect("joined");
            control.leave(id, who, start + Duration::minutes(30), None).await.expect("left");
        }
    }
    let token = story.graph_token().await;
    let graph = story.sandbox.graph_url();
    let (_, clara) = story.get(&token, &format!("{graph}/users/{CLARA}")).await;
    let owner = clara["id"].as_str().expect("an id");
    let filter = format!("JoinWebUrl eq '{}'", series.conference_key.expect("an address"));
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let find = |user: &str| format!("{graph}/users/{user}/onlineMeetings?$filter={filter}");
    assert_eq!(story.get(&token, &find(CLARA)).await.0, 400, "an address does not do here");
    let (_, dan) = story.get(&token, &format!("{graph}/users/{DAN}")).await;
    assert_eq!(story.get(&token, &find(dan["id"].as_str().expect("an id"))).await.1["value"], json!([]));
    let (_, body) = story.get(&token, &find(owner)).await;
    let reports = format!(
        "{graph}/users/{owner}/onlineMeetings/{}/attendanceReports",
        body["value"][0]["id"].as_str().expect("an id")
    );
    control.clock(at("2026-10-05T08:10:00Z")).await.expect("clock");
    assert_eq!(story.get(&token, &reports).await.1["value"], json!([]), "the call goes on");
    control.clock(at("2026-10-13T08:00:00Z")).await.expect("clock");
    let (_, body) = story.get(&token, &reports).await;
    assert_eq!(
        texts(body["value"].as_array().expect("reports"), "/meetingStartDateTime"),
        ["2026-10-12T08:00:00.0000000Z", "2026-10-05T08:00:00.0000000Z",]
    );
    let report = body["value"][1]["id"].as_str().expect("an id");
    let (_, expanded) = story.get(&token, &format!("{reports}/{report}?$expand=attendanceRecords")).await;
    let (_, listed) = story.get(&token, &format!("{reports}/{report}/attendanceRecords")).await;
    assert_eq!(expanded["attendanceRecords"], listed["value"]);
    assert_eq!(texts(listed["value"].as_array().expect("records"), "/emailAddress"), [CLARA, DAN, "-", "-"]);
    assert_eq!(listed["value"][1]["attendanceIntervals"][0]["durationInSeconds"], 1800);
}

#[tokio::test]
async fn mail_is_taken_and_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options { mail_dir: Some(dir.path().into()), ..Options::at(at("2026-10-01T08:00:00Z")) };
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    let mailer =
        AsyncSmtpTransport::<Tokio1Executor>::from_url(&sandbox.smtp_url()).expect("an address").build();
    let mail = || {
        Message::builder()
            .from("Mentoring <mentoring@acme.example>".parse().expect("an address"))
            .to(BEN.parse().expect("an address"))
            .subject("Tomorrow")
            .body("One\r\n.two\r\n..three".to_string())
            .expect("a mail")
    };
    mailer.send(mail()).await.expect("taken");
    let mails = sandbox.control().mails().await.expect("mails");
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.clone()),
        ("mentoring@acme.example", vec![BEN.to_string()])
    );
    assert!(mails[0].data.ends_with("One\r\n.two\r\n..three\r\n"), "{}", mails[0].data);
    assert_eq!(std::fs::read_to_string(dir.path().join("0001.eml")).expect("a file"), mails[0].data);
    sandbox.control().smtp(false).await.expect("closed");
    let error = mailer.send(mail()).await.expect_err("put off");
    assert!(error.is_transient(), "{error}");
    sandbox.control().smtp(true).await.expect("open");
    mailer.send(mail()).await.expect("taken");
    assert_eq!(sandbox.control().mails().await.expect("mails").len(), 2);
}

#[tokio::test]
async fn faults_are_served_as_often_as_told_and_requests_are_written_down() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let fault = Fault {
        path_contains: "/events".into(),
        status: 429,
        times: 2,
        retry_after: Some("1.5".into()),
        body: None,
    };
    story.control.fault(&fault).await.expect("a fault");
    story.control.clear_requests().await.expect("cleared");
    for _ in 0..2 {
        let (status, body) = story.google(&token, &OCTOBER[..1]).await;
        assert_eq!((status, &body["error"]["errors"][0]["reason"]), (429, &json!("rateLimitExceeded")));
    }
    assert_eq!(story.google(&token, &OCTOBER[..1]).await.0, 200);
    let line = "GET /calendar/v3/calendars/primary/events?singleEvents=true";
    assert_eq!(story.control.requests().await.expect("requests"), [line; 3]);

    let wrong = NewMeeting {
        organizer: ANNA.into(),
        start: "tomorrow".into(),
        timezone: "UTC".into(),
        ..NewMeeting::default()
    };
    let error = story.control.plan(&wrong).await.expect_err("no time");
    assert!(error.to_string().contains("write 2026-10-05T10:00"), "{error}");
}
