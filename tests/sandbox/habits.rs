//! Habits of the vendors that are not always seen, each on demand.

use std::time::{Duration as Pause, Instant};

use super::*;

const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";

impl Story {
    async fn quirks(&self, quirks: Quirks) {
        self.control.quirks(quirks).await.expect("set");
    }
}

#[tokio::test]
async fn google_hides_from_readers_what_is_private() {
    let story = Story::begin(50).await;
    let private = NewMeeting {
        organizer: ANNA.into(),
        attendees: vec![BEN.into()],
        title: "Salary".into(),
        start: "2026-10-05T10:00".into(),
        timezone: "Europe/Berlin".into(),
        minutes: 45,
        visibility: Some("private".into()),
        ..NewMeeting::default()
    };
    story.control.plan(&private).await.expect("planned");
    let token = story.google_token(ANNA, EVENTS).await;
    let (_, owned) = story.google(&token, &OCTOBER).await;
    assert_eq!((&owned["accessRole"], &owned["items"][0]["summary"]), (&json!("owner"), &json!("Salary")));
    story.quirks(Quirks { google_reader: true, ..Quirks::default() }).await;
    let (_, read) = story.google(&token, &OCTOBER).await;
    assert_eq!(read["accessRole"], "reader");
    assert!(!read.to_string().contains("Salary") && !read.to_string().contains(BEN), "{read}");
    assert_eq!(read["items"][0]["start"], owned["items"][0]["start"]);
    let event = format!(
        "{}calendars/primary/events/{}",
        story.sandbox.google_api_url(),
        read["items"][0]["id"].as_str().expect("an id")
    );
    assert_eq!(story.send(&token, "DELETE", &event, &Value::Null).await.0, 403);
}

#[tokio::test]
async fn google_cuts_the_list_of_guests() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, EVENTS).await;
    let order = json!({
        "start": {"dateTime": "2026-10-05T10:00:00+02:00"}, "end": {"dateTime": "2026-10-05T11:00:00+02:00"},
        "attendees": [{"email": BEN}, {"email": CLARA}], "guestsCanSeeOtherGuests": false,
    });
    let url = format!("{}calendars/primary/events?sendUpdates=all", story.sandbox.google_api_url());
    assert_eq!(story.send(&token, "POST", &url, &order).await.0, 200);
    let guests =
        |listing: &Value| texts(listing["items"][0]["attendees"].as_array().expect("a list"), "/email");
    let (_, whole) = story.google(&token, &OCTOBER).await;
    assert_eq!(guests(&whole), [ANNA, BEN, CLARA]);
    let (_, cut) = story.google(&token, &[OCTOBER[0], ("maxAttendees", "2")]).await;
    assert_eq!((guests(&cut), &cut["items"][0]["attendeesOmitted"]), (vec![ANNA.to_string()], &json!(true)));
    let bens = story.google_token(BEN, CALENDAR).await;
    let (_, seen) = story.google(&bens, &OCTOBER).await;
    assert_eq!((guests(&seen), &seen["items"][0]["attendeesOmitted"]), (vec![BEN.to_string()], &json!(true)));
    let (items, ..) =
        story.delta(&story.graph_token().await, &story.delta_url(CLARA, "2026-10-01", "2026-11-01")).await;
    assert_eq!(texts(items[0]["attendees"].as_array().expect("a list"), "/emailAddress/address"), [CLARA]);
    assert_eq!(items[0]["hideAttendees"], true);
}

#[tokio::test]
async fn google_forgets_what_was_cancelled() {
    let story = Story::begin(50).await;
    let meeting = story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let (_, sync, _) = story.google_all(&token, &OCTOBER).await;
    story.control.cancel(&meeting.id, None).await.expect("cancelled");
    story.quirks(Quirks { google_tombstones_dropped: true, ..Quirks::default() }).await;
    let (items, ..) = story.google_all(&token, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert!(items.is_empty());
}

#[tokio::test]
async fn google_packs_its_answers_for_who_asks_twice() {
    let story = Story::begin(50).await;
    story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let url = format!("{}calendars/primary/events", story.sandbox.google_api_url());
    #[expect(clippy::disallowed_methods, reason = "a client that does not unpack by itself")]
    let plain = reqwest::Client::builder().no_gzip().build().expect("a client");
    let ask = |agent: &'static str| {
        let request = plain.get(&url).bearer_auth(&token).header("accept-encoding", "gzip");
        request.header("user-agent", agent).send()
    };
    let response = ask("a client").await.expect("an answer");
    assert_eq!(response.headers().get("content-encoding"), None);
    let response = ask("a client (gzip)").await.expect("an answer");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.bytes().await.expect("bytes")[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn graph_ids_change_with_the_folder_unless_lasting_ones_are_asked_for() {
    let story = Story::begin(50).await;
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.graph_token().await;
    let window = story.delta_url(DAN, "2026-10-01", "2026-11-01");
    let (items, link, _) = story.delta(&token, &window).await;
    let lasting = items[0]["id"].clone();
    let list = format!("{}/users/{DAN}/events", story.sandbox.graph_url());
    let (_, before) = story.send(&token, "GET", &list, &Value::Null).await;
    story.control.refile(DAN).await.expect("refiled");
    let (_, after) = story.send(&token, "GET", &list, &Value::Null).await;
    let id = |listing: &Value| listing["value"][0]["id"].as_str().expect("an id").to_string();
    assert_ne!(id(&before), id(&after));
    let old = format!("{list}/{}", id(&before));
    assert_eq!(story.send(&token, "GET", &old, &Value::Null).await.0, 404);
    let (items, ..) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/id"), [lasting.as_str().expect("an id")]);
}

#[tokio::test]
async fn graph_writes_words_with_capitals_and_knows_more_than_it_defines() {
    let story = Story::begin(50).await;
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    story.quirks(Quirks { graph_capitals: true, unknown_properties: true, ..Quirks::default() }).await;
    let token = story.graph_token().await;
    let (items, ..) = story.delta(&token, &story.delta_url(DAN, "2026-10-01", "2026-11-01")).await;
    let event = &items[0];
    assert_eq!((&event["showAs"], &event["sensitivity"]), (&json!("Tentative"), &json!("Normal")));
    assert_eq!(event["attendees"][0]["type"], "Required");
    assert!(event["futureProperty"].is_object());
}

#[tokio::test]
async fn graph_answers_four_at_once_for_a_mailbox() {
    let story = Story::begin(50).await;
    story.quirks(Quirks { graph_takes_ms: 1000, ..Quirks::default() }).await;
    let token = story.graph_token().await;
    let ask = |who: &'static str| {
        let url = format!("{}/users/{who}", story.sandbox.graph_url());
        let (story, token) = (&story, &token);
        async move { story.get(token, &url).await.0 }
    };
    let began = Instant::now();
    let (a, b, c, d, e, other) =
        tokio::join!(ask(CLARA), ask(CLARA), ask(CLARA), ask(CLARA), ask(CLARA), ask(DAN));
    let mut statuses = [a, b, c, d, e];
    statuses.sort_unstable();
    assert_eq!((statuses, other), ([200, 200, 200, 200, 429], 200));
    assert!(began.elapsed() >= Pause::from_millis(1000));
    assert_eq!(ask(CLARA).await, 200, "there is room again");
}
