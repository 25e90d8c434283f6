//! The sandbox, told in short stories over plain HTTP: nothing of mentord reads these answers.

mod access;
mod calls;
mod edits;
mod faults;
mod google;
mod graph;
mod habits;
mod mail;
mod notices;
mod refusals;
mod writes;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use mentord::sandbox::{
    Conference, Control, Fault, Mailbox, NewMeeting, NewPerson, Options, Planned, Provider, Quirks, Response,
    Sandbox,
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
