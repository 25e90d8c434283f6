//! What clients write comes to stand on the calendars of those it concerns.

use super::*;

const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
const FREE_BUSY: &str = "https://www.googleapis.com/auth/calendar.freebusy";

impl Story {
    fn google_events(&self, tail: &str) -> String {
        format!("{}calendars/primary/events{tail}", self.sandbox.google_api_url())
    }

    fn graph_events(&self, who: &str, tail: &str) -> String {
        format!("{}/users/{who}/events{tail}", self.sandbox.graph_url())
    }

    async fn patch_if(&self, token: &str, url: &str, etag: &str, body: &Value) -> (u16, Value) {
        let request = self.http.patch(url).bearer_auth(token).header("if-match", etag).json(body);
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }
}

fn reason(body: &Value) -> &str {
    body["error"]["errors"][0]["reason"].as_str().unwrap_or("-")
}

fn mentoring() -> Value {
    json!({
        "id": "mentoring00001",
        "summary": "Mentoring",
        "start": {"dateTime": "2026-10-05T10:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-10-05T10:45:00+02:00"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
        "attendees": [{"email": ANNA}, {"email": BEN}, {"email": CLARA}],
        "extendedProperties": {"private": {"mentord": "p1"}},
        "conferenceData": {"createRequest": {
            "requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"},
        }},
    })
}

#[tokio::test]
async fn a_google_event_is_made_changed_and_called_off() {
    let story = Story::begin(50).await;
    let reader = story.google_token(ANNA, CALENDAR).await;
    let url = story.google_events("");
    assert_eq!(story.send(&reader, "POST", &url, &mentoring()).await.0, 403, "reading is not writing");
    let token = story.google_token(ANNA, EVENTS).await;

    // Without the version the call is dropped; without a mail nobody outside Google learns of it.
    let (status, made) = story.send(&token, "POST", &url, &mentoring()).await;
    assert_eq!((status, &made["id"]), (200, &json!("mentoring00001")), "{made}");
    assert_eq!((made.get("conferenceData"), &made["attendees"][0]["organizer"]), (None, &json!(true)));
    let graph = story.graph_token().await;
    let window = story.delta_url(CLARA, "2026-10-01", "2026-11-01");
    assert!(story.delta(&graph, &window).await.0.is_empty());
    assert_eq!(reason(&story.send(&token, "POST", &url, &mentoring()).await.1), "duplicate");
    let (status, body) = story.send(&token, "POST", &url, &json!({"id": "UPPER"})).await;
    assert_eq!((status, &body["error"]["message"]), (400, &json!("Invalid resource id value.")));

    let bens = story.google_token(BEN, EVENTS).await;
    let (items, sync, _) = story.google_all(&bens, &OCTOBER).await;
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].get("extendedProperties"), None, "private to the organizer's copy");

    // One instance moves, one goes; an old etag does not pass.
    let second = story.google_events("/mentoring00001_20261012T080000Z");
    let moved = json!({
        "start": {"dateTime": "2026-10-13T15:00:00+02:00"}, "end": {"dateTime": "2026-10-13T16:00:00+02:00"},
    });
    let (_, before) = story.get(&token, &second).await;
    let etag = before["etag"].as_str().expect("an etag");
    let (status, after) = story.patch_if(&token, &second, etag, &moved).await;
    assert_eq!((status, &after["originalStartTime"]), (200, &before["originalStartTime"]), "{after}");
    let (status, body) = story.patch_if(&token, &second, etag, &moved).await;
    assert_eq!((status, reason(&body)), (412, "conditionNotMet"));
    let third = story.google_events("/mentoring00001_20261019T080000Z");
    assert_eq!(story.send(&token, "PATCH", &third, &json!({"status": "cancelled"})).await.0, 200);
    assert_eq!(reason(&story.send(&token, "DELETE", &third, &Value::Null).await.1), "deleted");
    let (items, sync, _) = story.google_all(&bens, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert_eq!(texts(&items, "/start/dateTime"), ["2026-10-13T15:00:00+02:00", "-"]);
    assert_eq!(texts(&items, "/status"), ["confirmed", "cancelled"]);

    // Guests answer, and change nothing else.
    let theirs = story.google_events("/mentoring00001");
    let answer = json!({"attendees": [{"email": BEN, "responseStatus": "accepted"}]});
    let (status, body) = story.send(&bens, "PATCH", &theirs, &answer).await;
    assert_eq!((status, &body["attendees"][1]["responseStatus"]), (200, &json!("accepted")));
    let (status, body) = story.send(&bens, "PATCH", &theirs, &json!({"summary": "Lunch"})).await;
    assert_eq!((status, reason(&body)), (403, "forbiddenForNonOrganizer"));

    // Who is left out of the guests loses it, who is new gets it, also outside Google.
    let guests = json!({"attendees": [{"email": CLARA}], "summary": "Coaching"});
    let (status, body) = story.send(&token, "PATCH", &format!("{theirs}?sendUpdates=all"), &guests).await;
    assert_eq!((status, &body["summary"]), (200, &json!("Coaching")));
    let (items, ..) = story.google_all(&bens, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert_eq!(texts(&items, "/status"), ["cancelled"; 3]);

    assert_eq!(story.send(&token, "DELETE", &theirs, &Value::Null).await, (204, Value::Null));
    assert_eq!(story.send(&token, "DELETE", &theirs, &Value::Null).await.0, 410);
}

#[tokio::test]
async fn a_call_with_google_is_made_when_asked_for_in_the_right_version() {
    let story = Story::begin(50).await;
    let quirks = Quirks { google_conference_pending: true, ..Quirks::default() };
    story.control.quirks(quirks).await.expect("set");
    let token = story.google_token(ANNA, EVENTS).await;
    let url = story.google_events("?conferenceDataVersion=1&sendUpdates=all");
    let (_, made) = story.send(&token, "POST", &url, &mentoring()).await;
    let state = "/conferenceData/createRequest/status/statusCode";
    assert_eq!(made.pointer(state), Some(&json!("pending")), "{made}");
    assert_eq!(made.get("hangoutLink"), None);
    let event = story.google_events("/mentoring00001");
    story.get(&token, &event).await;
    let (_, later) = story.get(&token, &event).await;
    assert_eq!(later.pointer(state), Some(&json!("success")));
    assert!(later["conferenceData"]["conferenceId"].is_string() && later["hangoutLink"].is_string());
    let graph = story.graph_token().await;
    let window = story.delta_url(CLARA, "2026-10-01", "2026-11-01");
    assert_eq!(story.delta(&graph, &window).await.0.len(), 4, "the mail told Clara");
    let (_, found) = story.get(&token, &story.google_events("?privateExtendedProperty=mentord%3Dp1")).await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let (_, none) = story.get(&token, &story.google_events("?privateExtendedProperty=mentord%3Dp2")).await;
    assert_eq!(none["items"], json!([]));
    let (_, listed) = story.get(&token, &format!("{event}/instances?maxResults=2")).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    let next = listed["nextPageToken"].as_str().expect("a second page");
    let (_, rest) = story.get(&token, &format!("{event}/instances?maxResults=2&pageToken={next}")).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn google_tells_who_is_busy_and_errors_one_by_one() {
    let story = Story::begin(50).await;
    story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    story.plan(BEN, &[ANNA], "2026-10-05T10:30", None, Conference::None).await;
    let token = story.google_token(ANNA, FREE_BUSY).await;
    let url = format!("{}freeBusy", story.sandbox.google_api_url());
    let ask = json!({
        "timeMin": "2026-10-05T00:00:00Z", "timeMax": "2026-10-06T00:00:00Z",
        "items": [{"id": "primary"}, {"id": "nobody@acme.example"}],
    });
    let (status, told) = story.send(&token, "POST", &url, &ask).await;
    assert_eq!(status, 200);
    assert_eq!(
        told["calendars"]["primary"]["busy"],
        json!([{"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T09:15:00Z"}])
    );
    assert_eq!(told["calendars"]["nobody@acme.example"]["errors"][0]["reason"], "notFound");
    let long = json!({"timeMin": "2026-10-05T00:00:00Z", "timeMax": "2027-10-06T00:00:00Z", "items": []});
    assert_eq!(story.send(&token, "POST", &url, &long).await.0, 400);
}

fn coaching() -> Value {
    json!({
        "subject": "Coaching",
        "body": {"contentType": "HTML", "content": "<p>Goals &amp; steps</p>"},
        "start": {"dateTime": "2026-10-05T10:00:00", "timeZone": "W. Europe Standard Time"},
        "end": {"dateTime": "2026-10-05T10:45:00", "timeZone": "W. Europe Standard Time"},
        "attendees": [{"emailAddress": {"address": DAN, "name": "Dan Duarte"}, "type": "Required"}],
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["Monday"]},
            "range": {"type": "numbered", "startDate": "2026-10-05", "numberOfOccurrences": 3},
        },
        "isOnlineMeeting": true,
        "transactionId": "7E163156",
    })
}

#[tokio::test]
async fn a_graph_event_is_made_once_changed_answered_and_called_off() {
    let story = Story::begin(50).await;
    let token = story.graph_token().await;
    let (status, made) = story.send(&token, "POST", &story.graph_events(CLARA, ""), &coaching()).await;
    assert_eq!((status, &made["type"]), (201, &json!("seriesMaster")), "{made}");
    assert_eq!(made["start"], json!({"dateTime": "2026-10-05T08:00:00.0000000", "timeZone": "UTC"}));
    assert_eq!(made["recurrence"]["range"]["numberOfOccurrences"], 3);
    assert!(made["onlineMeeting"]["joinUrl"].is_string());
    assert!(made["bodyPreview"].as_str().is_some_and(|text| text.starts_with("Goals & steps")));
    let (_, again) = story.send(&token, "POST", &story.graph_events(CLARA, ""), &coaching()).await;
    assert_eq!(again["id"], made["id"], "the same transaction is the same event");

    let window = story.delta_url(DAN, "2026-10-01", "2026-11-01");
    let (items, link, _) = story.delta(&token, &window).await;
    assert_eq!(texts(&items, "/type"), ["seriesMaster", "occurrence", "occurrence", "occurrence"]);
    let dans = items[0]["id"].as_str().expect("an id");
    let accept = story.graph_events(DAN, &format!("/{dans}/accept"));
    assert_eq!(story.send(&token, "POST", &accept, &json!({"comment": "gladly"})).await.0, 202);
    let cancel = story.graph_events(DAN, &format!("/{dans}/cancel"));
    assert_eq!(story.send(&token, "POST", &cancel, &json!({})).await.0, 400, "that is the organizer's");

    let id = made["id"].as_str().expect("an id");
    let event = story.graph_events(CLARA, &format!("/{id}"));
    let (status, body) = story.patch_if(&token, &event, "W/\"old\"", &json!({"subject": "Lunch"})).await;
    assert_eq!((status, &body["error"]["code"]), (412, &json!("ErrorIrresolvableConflict")));
    let (status, body) = story.send(&token, "PATCH", &event, &json!({"subject": "Mentoring"})).await;
    assert_eq!((status, &body["attendees"][0]["status"]["response"]), (200, &json!("accepted")));

    let view = format!(
        "{}/users/{CLARA}/calendarView?startDateTime=2026-10-01&endDateTime=2026-11-01",
        story.sandbox.graph_url()
    );
    let (_, listed) = story.send(&token, "GET", &view, &Value::Null).await;
    let second = listed["value"][1]["id"].as_str().expect("an id");
    let second = story.graph_events(CLARA, &format!("/{second}"));
    assert_eq!(story.send(&token, "DELETE", &second, &Value::Null).await, (204, Value::Null));
    assert_eq!(story.send(&token, "GET", &second, &Value::Null).await.0, 404);
    let (items, ..) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/subject")[0], "Mentoring");

    let (_, listed) = story.send(&token, "GET", &story.graph_events(CLARA, ""), &Value::Null).await;
    assert_eq!(texts(listed["value"].as_array().expect("a list"), "/type"), ["seriesMaster"]);
    let cancel = story.graph_events(CLARA, &format!("/{id}/cancel"));
    assert_eq!(story.send(&token, "POST", &cancel, &json!({"comment": "sorry"})).await.0, 202);
    assert_eq!(story.send(&token, "GET", &event, &Value::Null).await.0, 404);
    let theirs = story.graph_events(DAN, &format!("/{dans}"));
    let (_, copy) = story.get(&token, &theirs).await;
    assert_eq!((&copy["isCancelled"], &copy["subject"]), (&json!(true), &json!("Canceled: Mentoring")));
}

#[tokio::test]
async fn graph_tells_schedules_with_an_error_per_entry() {
    let story = Story::begin(50).await;
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.graph_token().await;
    let url = format!("{}/users/{CLARA}/calendar/getSchedule", story.sandbox.graph_url());
    let mut ask = json!({
        "schedules": [CLARA, DAN, "nobody@contoso.example"],
        "startTime": {"dateTime": "2026-10-05T09:00:00", "timeZone": "Europe/Berlin"},
        "endTime": {"dateTime": "2026-10-05T12:00:00", "timeZone": "W. Europe Standard Time"},
    });
    let (status, told) = story.send(&token, "POST", &url, &ask).await;
    assert_eq!(status, 200, "{told}");
    let entries = told["value"].as_array().expect("a list");
    assert_eq!(texts(entries, "/availabilityView"), ["002200", "001100", ""]);
    assert_eq!(entries[0]["scheduleItems"][0]["start"]["dateTime"], "2026-10-05T08:00:00.0000000");
    assert_eq!(entries[2]["error"]["responseCode"], "ErrorMailRecipientNotFound");
    ask["availabilityViewInterval"] = json!(4);
    let (status, told) = story.send(&token, "POST", &url, &ask).await;
    assert_eq!((status, &told["error"]["code"]), (400, &json!("ErrorInvalidMergedFreeBusyInterval")));
}

#[tokio::test]
async fn each_request_of_a_batch_has_its_own_answer() {
    let story = Story::begin(50).await;
    let token = story.graph_token().await;
    let throttled =
        Fault { path_contains: DAN.into(), status: 429, times: 1, retry_after: Some("7".into()), body: None };
    story.control.fault(&throttled).await.expect("set");
    let get = |id: &str, url: String| json!({"id": id, "method": "GET", "url": url});
    let mut after = get("4", format!("/users/{CLARA}"));
    after["dependsOn"] = json!(["3"]);
    let create = json!({
        "id": "2", "method": "POST", "url": format!("/users/{CLARA}/events"), "body": coaching(),
        "headers": {"Content-Type": "application/json"},
    });
    let requests =
        json!([get("1", format!("/users/{DAN}")), create, get("3", "/users/nobody".into()), after]);
    let url = format!("{}/$batch", story.sandbox.graph_url());
    let (status, told) = story.send(&token, "POST", &url, &json!({"requests": requests})).await;
    assert_eq!(status, 200);
    let answers = told["responses"].as_array().expect("answers");
    let of = |id: &str| answers.iter().find(|answer| answer["id"] == id).expect("an answer");
    assert_eq!((&of("1")["status"], &of("1")["headers"]["Retry-After"]), (&json!(429), &json!("7")));
    assert_eq!((&of("2")["status"], &of("2")["body"]["subject"]), (&json!(201), &json!("Coaching")));
    assert_eq!((&of("3")["status"], &of("4")["status"]), (&json!(404), &json!(424)));
    let many: Vec<Value> = (0..21).map(|id| get(&id.to_string(), "/users/nobody".into())).collect();
    assert_eq!(story.send(&token, "POST", &url, &json!({"requests": many})).await.0, 400);
}
