//! What is read of a calendar, and what one event has become.

use mentord::domain::event::EventState;

use super::*;

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
async fn looking_finds_an_event_with_its_series_or_nothing() {
    let stage = Stage::new(vec![
        token("T1"),
        ok(moved("O2", "S")),
        ok(master("S")),
        ok(json!({"value": [{"id": "O1"}, {"id": "O2"}]})),
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
    let expected = [TOKEN.into(), got("O2"), got("S"), SHOWN.into(), got("O9"), got("S")];
    assert_eq!(stage.asked().await, expected);
}

/// What the calendar shows at the time of the event that was looked at.
const SHOWN: &str = "GET /v1.0/users/mia@example.com/calendarView?startDateTime=2026-03-10T13:59:59Z\
    &endDateTime=2026-03-10T14:01:00Z&$select=id";

/// Ids survive being filed elsewhere: in another calendar of the mailbox, or among what was deleted.
#[tokio::test]
async fn what_the_calendar_does_not_show_is_not_there_though_its_id_leads_to_it() {
    let replies = vec![
        token("T1"),
        ok(moved("O2", "S")),
        ok(master("S")),
        // Letter case tells ids apart.
        ok(json!({"value": [{"id": "o2"}]})),
    ];
    let stage = Stage::new(replies).await;
    assert_eq!(stage.graph.look(&mia(), "O2").await, Ok(None));
    assert_eq!(stage.asked().await, [TOKEN.into(), got("O2"), got("S"), SHOWN.into()]);
}

/// What is not sent yet is nobody's appointment, and what was sent stays as it was until it is.
#[tokio::test]
async fn a_draft_is_not_read() {
    let mut draft = single("D", "2026-03-10T14:00");
    draft["isDraft"] = json!(true);
    let mut odd = single("A", "2026-03-11T14:00");
    odd["categories"] = json!([null, "Mentoring"]);
    odd["attendees"].as_array_mut().expect("attendees").push(json!(null));
    let stage = Stage::new(vec![token("T1"), last(json!([draft, odd]))]).await;
    let listing = stage.list(None).await.expect("a listing");
    assert_eq!(short(&listing), ["!D", "=A"]);
}
