//! What is read of a calendar, and what one event has become.

use super::*;

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
        // Of what others hang on events, our own mark alone.
        assert!(fields.contains("extendedProperties(private/mentord,shared/mentord)"), "{fields}");
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
    // Nothing of it is asked for again.
    assert_eq!(stage.requests().await, since(&[("s1", "t1")]));
}

/// What is changed while the pages are fetched is on two of them, and is told by no later token.
#[tokio::test]
async fn the_last_word_on_an_event_counts() {
    let called_off = |id: &str| json!({"id": id, "status": "cancelled"});
    for cursor in [None, Some("s1")] {
        let stage = Stage::new([
            token("t1"),
            ok(json!({"items": [event("a", "03-02"), event("b", "03-03"), called_off("c"), event("d", "03-04")],
                "nextPageToken": "p2"})),
            ok(json!({"items": [called_off("a"), event("c", "03-05"), event("d", "11-05")],
                "nextSyncToken": "s2"})),
        ])
        .await;
        let listing = stage.list(cursor).await.expect("a listing");
        // A full listing is bounded by its window, and what it tells there is believed.
        let last = if cursor.is_some() { "?d" } else { "+d" };
        assert_eq!(short(&listing), ["+b", "-a", "+c", last]);
    }
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
    assert_eq!(stage.requests().await, since(&[("s1", "t1")]));

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
    let asked = stage.requests().await;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(!asked[1].contains("pageToken") && asked[2].contains("pageToken=again"), "{asked:?}");
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
