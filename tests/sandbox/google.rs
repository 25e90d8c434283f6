//! What Google lists.

use super::*;

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
