//! What becomes of a series, as each vendor tells it.

use super::*;

fn ends(items: &[Value], pointer: &str) -> Vec<String> {
    let tail = |text: &str| text.rsplit_once('_').map_or(text, |(_, tail)| tail).to_owned();
    texts(items, pointer).iter().map(|text| tail(text)).collect()
}

#[tokio::test]
async fn a_series_that_ends_earlier_leaves_tombstones_with_google_and_silence_with_graph() {
    let story = Story::begin(50).await;
    let series = story.plan(ANNA, &[CLARA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::None).await;
    let google = story.google_token(ANNA, CALENDAR).await;
    let (_, cursor, _) = story.google_all(&google, &OCTOBER).await;
    let graph = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (_, link, _) = story.delta(&graph, &url).await;

    story.control.shorten(&series.id, at("2026-10-19T08:00:00Z")).await.expect("shortened");
    let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
    let (items, ..) = story.google_all(&google, &since).await;
    assert_eq!(texts(&items, "/status"), ["confirmed", "confirmed", "cancelled", "cancelled"]);
    assert_eq!(ends(&items[2..], "/id"), ["20261019T080000Z", "20261026T090000Z"]);
    let (items, ..) = story.delta(&graph, &link).await;
    assert_eq!(texts(&items, "/type"), ["seriesMaster", "occurrence", "occurrence"]);
    let range = &items[0]["recurrence"]["range"];
    assert_eq!((&range["type"], &range["endDate"]), (&json!("endDate"), &json!("2026-10-19")));
}

#[tokio::test]
async fn this_and_following_makes_another_series() {
    let story = Story::begin(50).await;
    let count = Some("FREQ=WEEKLY;COUNT=4");
    let one = story.plan(ANNA, &[CLARA], "2026-10-05T10:00", count, Conference::None).await;
    let other = story.plan(CLARA, &[ANNA], "2026-10-06T10:00", count, Conference::None).await;
    let split = |id: &str, from: &str| {
        let (control, id, from) = (story.control.clone(), id.to_owned(), at(from));
        async move { control.split(&id, from, Some("2026-10-21T15:00"), Some(30)).await.expect("split") }
    };
    let rest = split(&one.id, "2026-10-19T08:00:00Z").await;
    let stem = one.uid.strip_suffix("@google.com").expect("a UID of Google's");
    assert_eq!(rest.uid, format!("{stem}_R20261019T100000@google.com"));
    let moved = split(&other.id, "2026-10-20T08:00:00Z").await;
    assert!(moved.uid.starts_with("040000008200E00074C5B7101A82E008") && moved.uid != other.uid);

    let token = story.google_token(ANNA, CALENDAR).await;
    let (items, ..) = story.google_all(&token, &OCTOBER).await;
    let of = |uid: &str| {
        let own = items.iter().filter(|item| item["iCalUID"] == uid);
        own.map(|item| item["start"]["dateTime"].as_str().expect("a start")[5..16].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&one.uid), ["10-05T10:00", "10-12T10:00"]);
    assert_eq!(of(&rest.uid), ["10-21T15:00", "10-28T15:00"]);
    assert_eq!(of(&other.uid), ["10-06T10:00", "10-13T10:00"]);
    assert_eq!(of(&moved.uid), ["10-21T15:00", "10-28T15:00"]);

    let error =
        story.control.split(&one.id, at("2026-10-05T08:00:00Z"), None, None).await.expect_err("all of it");
    assert!(error.to_string().contains("nothing of m1 would be left"), "{error}");
}

#[tokio::test]
async fn guests_come_to_one_occurrence_go_from_another_and_things_are_brought_back() {
    let story = Story::begin(50).await;
    let control = &story.control;
    let series = story
        .plan(ANNA, &[BEN, DAN], "2026-10-05T10:00", Some("FREQ=WEEKLY;COUNT=3"), Conference::None)
        .await;
    let [first, second] = [at("2026-10-05T08:00:00Z"), at("2026-10-12T08:00:00Z")];
    control.invite(&series.id, CLARA, Some(second)).await.expect("invited");
    control.uninvite(&series.id, BEN, Some(first)).await.expect("taken off");
    control.cancel(&series.id, Some(second)).await.expect("cancelled");
    control.restore(&series.id, None, Some(second)).await.expect("on again");
    assert!(control.restore(&series.id, None, Some(second)).await.is_err(), "it is on");

    let token = story.google_token(BEN, CALENDAR).await;
    let (items, ..) = story.google_all(&token, &OCTOBER).await;
    assert_eq!(ends(&items, "/id"), ["20261012T080000Z", "20261019T080000Z"]);
    assert_eq!(texts(items[0]["attendees"].as_array().expect("guests"), "/email"), [ANNA, BEN, DAN, CLARA]);
    // Who comes once has a meeting without a series; its UID names the day.
    let token = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, link, _) = story.delta(&token, &url).await;
    assert_eq!(texts(&items, "/type"), ["singleInstance"]);
    assert!(items[0]["seriesMasterId"].is_null());
    assert_eq!(&items[0]["iCalUId"].as_str().expect("a UID")[32..40], "07EA0A0C");
    control.uninvite(&series.id, CLARA, Some(second)).await.expect("taken off");
    let (items, ..) = story.delta(&token, &link).await;
    assert_eq!(
        items[0]["isCancelled"].as_bool().or(items[0]["@removed"].is_object().then_some(true)),
        Some(true)
    );

    control.uninvite(&series.id, DAN, None).await.expect("taken off");
    let url = story.delta_url(DAN, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, ..) = story.delta(&token, &url).await;
    assert_eq!(items[0]["isCancelled"], true, "{items:#?}");
}
