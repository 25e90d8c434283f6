//! Series, put together from what comes in parts.

use super::*;

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

/// A deleted occurrence leaves no tombstone: a series that was told before and after that in one round
/// came once with it and once without.
#[tokio::test]
async fn a_series_that_comes_twice_is_fetched() {
    let stub = |id, day| stub(id, "S", &format!("2026-03-{day}T09:00"));
    for cursor in [None, Some("/v1.0/cursor")] {
        let stage = Stage::new(vec![
            token("T1"),
            page(json!([master("S"), stub("O1", "09"), stub("O2", "16")]), "/v1.0/more"),
            last(json!([master("S"), stub("O2", "16")])),
            ok(json!({"value": [stub("O2", "16")]})),
        ])
        .await;
        let listing = stage.list(cursor).await.expect("a listing");
        assert_eq!(short(&listing), ["S[O2]"]);
        assert_eq!(stage.asked().await.last(), Some(&instances("S")));
    }
}
