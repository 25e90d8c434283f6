//! What becomes of a series, as each vendor tells it.

use super::*;
use mentord::sandbox::Alteration;

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

impl Story {
    async fn repeat(&self, id: &str, rrule: &str) {
        let alteration = Alteration { rrule: Some(rrule.to_owned()), ..Alteration::default() };
        self.control.alter(id, &alteration).await.expect("altered");
    }

    async fn have(&self, quirks: Quirks) {
        self.control.quirks(quirks).await.expect("set");
    }
}

#[tokio::test]
async fn a_single_event_becomes_a_series_and_a_single_event_again() {
    let story = Story::begin(50).await;
    let one = story.plan(ANNA, &[CLARA], "2026-10-05T10:00", None, Conference::None).await;
    let google = story.google_token(ANNA, CALENDAR).await;
    let (items, mut cursor, _) = story.google_all(&google, &OCTOBER).await;
    let own = items[0]["id"].clone();
    let graph = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, mut link, _) = story.delta(&graph, &url).await;
    let id = items[0]["id"].clone();

    story.repeat(&one.id, "FREQ=WEEKLY;COUNT=2").await;
    let since = [("singleEvents", "true"), ("syncToken", &*cursor)];
    let (items, next, _) = story.google_all(&google, &since).await;
    assert_eq!(ends(&items, "/id"), ["20261005T080000Z", "20261012T080000Z"]);
    assert!(items.iter().all(|item| item["recurringEventId"] == own));
    cursor = next;
    let (items, next, _) = story.delta(&graph, &link).await;
    assert_eq!(texts(&items, "/type"), ["seriesMaster", "occurrence", "occurrence"]);
    assert_eq!(items[0]["id"], id);
    link = next;

    story.repeat(&one.id, "").await;
    let since = [("singleEvents", "true"), ("syncToken", &*cursor)];
    let (items, ..) = story.google_all(&google, &since).await;
    assert_eq!(texts(&items, "/status"), ["confirmed", "cancelled", "cancelled"]);
    assert!(items[0]["id"] == own && items[0]["recurringEventId"].is_null());
    assert_eq!(ends(&items[1..], "/id"), ["20261005T080000Z", "20261012T080000Z"]);
    story.have(Quirks { google_single_silent: true, ..Quirks::default() }).await;
    let (items, ..) = story.google_all(&google, &since).await;
    assert_eq!(texts(&items, "/status"), ["confirmed"]);
    let (items, ..) = story.delta(&graph, &link).await;
    assert_eq!(texts(&items, "/type"), ["singleInstance"]);
    assert_eq!(items[0]["id"], id);
}

#[tokio::test]
async fn what_follows_has_ids_that_lead_back_or_not() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let from = at("2026-10-12T08:00:00Z");
    for (quirks, follows, keeps) in [
        (Quirks::default(), true, false),
        (Quirks { google_split_stem: true, ..Quirks::default() }, true, true),
        (Quirks { google_split_anew: true, ..Quirks::default() }, false, false),
    ] {
        story.have(quirks).await;
        let count = Some("FREQ=WEEKLY;COUNT=3");
        let series = story.plan(ANNA, &[CLARA], "2026-10-05T10:00", count, Conference::None).await;
        let stem = series.uid.strip_suffix("@google.com").expect("a UID of Google's");
        let (_, cursor, _) = story.google_all(&token, &OCTOBER).await;
        let rest = story.control.split(&series.id, from, None, None).await.expect("split");
        assert_eq!(rest.uid == format!("{stem}_R20261012T100000@google.com"), follows);
        let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
        let (items, ..) = story.google_all(&token, &since).await;
        let goes_on: Vec<&Value> = items.iter().filter(|item| item["iCalUID"] == *rest.uid).collect();
        assert_eq!(goes_on.len(), 2);
        let id = goes_on[0]["id"].as_str().expect("an id");
        assert_eq!(id == format!("{stem}_20261012T080000Z"), keeps, "{id}");
        // Of one id there is one thing to tell.
        let gone = items.iter().filter(|item| item["status"] == "cancelled").count();
        assert_eq!(gone, if keeps { 0 } else { 2 });
        let url = format!("{}calendars/primary/events/{id}", story.sandbox.google_api_url());
        assert_eq!(story.get(&token, &url).await.1["iCalUID"], *rest.uid);

        // What is split again goes back to the first of them.
        let last = at("2026-10-19T08:00:00Z");
        let again = story.control.split(&rest.id, last, None, None).await.expect("split");
        assert_eq!(again.uid == format!("{stem}_R20261019T100000@google.com"), follows);
    }
}

#[tokio::test]
async fn what_changes_while_it_is_read_shows_on_later_pages_for_those_who_have_that_habit() {
    let story = Story::begin(1).await;
    let series =
        story.plan(ANNA, &[CLARA], "2026-10-05T10:00", Some("FREQ=WEEKLY;COUNT=3"), Conference::None).await;
    story.plan(ANNA, &[CLARA], "2026-10-07T10:00", None, Conference::None).await;
    story.have(Quirks { pages_move_on: true, ..Quirks::default() }).await;
    let google = story.google_token(ANNA, CALENDAR).await;
    let (_, cursor, _) = story.google_all(&google, &OCTOBER).await;
    let graph = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (_, link, _) = story.delta(&graph, &url).await;

    // An increment goes on to tell what was called off meanwhile, and its cursor does not tell it again.
    story.control.retitle(&series.id, "Coaching", None).await.expect("another title");
    let call_off = |name: &str, day: u8| {
        let control = story.control.clone();
        let line =
            format!("after 1 request to \"{name}\" call off {} at 2026-10-{day:02}T08:00:00Z", series.id);
        async move { control.script(&line).await.expect("a script") }
    };
    call_off("primary", 5).await;
    let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
    let (items, cursor, _) = story.google_all(&google, &since).await;
    assert_eq!(texts(&items, "/status"), ["confirmed", "confirmed", "confirmed", "cancelled"]);
    assert_eq!(items[0]["id"], items[3]["id"]);
    let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
    assert_eq!(story.google_all(&google, &since).await.0.len(), 0);

    // A full listing shows what came up, and leaves to the next what is gone.
    call_off("primary", 12).await;
    let (items, cursor, _) = story.google_all(&google, &OCTOBER).await;
    assert_eq!(texts(&items, "/status"), ["confirmed"; 3]);
    let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
    assert_eq!(texts(&story.google_all(&google, &since).await.0, "/status"), ["cancelled"]);

    // A series comes again as it is now.
    let twice =
        story.plan(CLARA, &[ANNA], "2026-10-06T10:00", Some("FREQ=WEEKLY;COUNT=2"), Conference::None).await;
    let single = story.plan(CLARA, &[ANNA], "2026-10-08T10:00", None, Conference::None).await;
    let line = format!("after 1 request to \"{CLARA}\" call off {} at 2026-10-06T08:00:00Z", twice.id);
    story.control.script(&line).await.expect("a script");
    let (items, ..) = story.delta(&graph, &link).await;
    let kinds = texts(&items, "/type");
    assert_eq!(kinds[kinds.len() - 2..], ["seriesMaster", "occurrence"], "{kinds:?} {}", single.id);
    assert_eq!(kinds.iter().filter(|kind| *kind == "occurrence").count(), 2 + 1 + 1, "{kinds:?}");
}

#[tokio::test]
async fn a_delta_forgets_one_change_in_three_for_those_who_have_that_habit() {
    let story = Story::begin(50).await;
    let graph = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (_, link, _) = story.delta(&graph, &url).await;
    for day in 5..14 {
        story.plan(CLARA, &[ANNA], &format!("2026-10-{day:02}T10:00"), None, Conference::None).await;
    }
    story.have(Quirks { graph_forgets: true, ..Quirks::default() }).await;
    assert_eq!(story.delta(&graph, &link).await.0.len(), 6);
    assert_eq!(story.delta(&graph, &url).await.0.len(), 9);
}

#[tokio::test]
async fn a_meeting_on_a_calendar_of_its_own_has_the_calendar_for_its_organizer() {
    let story = Story::begin(50).await;
    const TEAM: &str = "c_1@group.calendar.google.com";
    let meeting = NewMeeting {
        organizer: TEAM.into(),
        creator: Some(ANNA.into()),
        attendees: vec![BEN.into(), CLARA.into()],
        title: "Mentoring".into(),
        start: "2026-10-05T10:00".into(),
        timezone: "Europe/Berlin".into(),
        minutes: 45,
        ..NewMeeting::default()
    };
    story.control.plan(&meeting).await.expect("a meeting");
    let token = story.google_token(BEN, CALENDAR).await;
    let (items, ..) = story.google_all(&token, &OCTOBER).await;
    assert_eq!(
        (&items[0]["organizer"]["email"], &items[0]["creator"]["email"]),
        (&json!(TEAM), &json!(ANNA))
    );
    assert_eq!(texts(items[0]["attendees"].as_array().expect("guests"), "/email"), [BEN, CLARA]);
    // Its maker has it there alone.
    let token = story.google_token(ANNA, CALENDAR).await;
    assert_eq!(story.google_all(&token, &OCTOBER).await.0.len(), 0);
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let (items, ..) = story.delta(&story.graph_token().await, &url).await;
    assert_eq!(items[0]["organizer"]["emailAddress"]["address"], TEAM);
}
