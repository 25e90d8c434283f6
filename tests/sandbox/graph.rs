//! What Graph lists, and a meeting that both vendors show.

use super::*;

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
