//! Faults in their own language, as a client sees them.

use std::time::{Duration as Pause, Instant};

use super::*;

/// What asking for a page of Google's came to.
async fn asked(story: &Story, token: &str) -> Result<(u16, String), reqwest::Error> {
    let url = format!("{}calendars/primary/events?singleEvents=true", story.sandbox.google_api_url());
    let response = story.http.get(url).bearer_auth(token).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

async fn script(story: &Story, lines: &str) {
    story.control.script(lines).await.expect("a right script");
}

#[tokio::test]
async fn faults_are_due_after_so_many_requests_and_as_often_as_told() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    script(
        &story,
        "# the second and the third\nafter 1 request to \"/calendar/\" answer 429 retry-after 2 twice\n\
         after 3 requests to \"/calendar/\" answer 500 body {\"error\": \"mine\"}",
    )
    .await;
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(asked(&story, &token).await.expect("an answer"));
    }
    let statuses: Vec<u16> = told.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 429, 429, 500, 200]);
    assert_eq!(told[3].1, "{\"error\":\"mine\"}");

    let error = story.control.script("answer reset\nanswer soon").await.expect_err("no answer");
    assert!(error.to_string().contains("line 2: \"soon\" is not understood here; write a status"), "{error}");
    script(&story, "answer 500 always").await;
    story.control.clear_faults().await.expect("mended");
    assert_eq!(asked(&story, &token).await.expect("an answer").0, 200);
}

#[tokio::test]
async fn connections_break_and_answers_make_no_sense_or_take_their_time() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    script(&story, "answer reset").await;
    let error = asked(&story, &token).await.expect_err("no answer");
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    script(&story, "answer truncate").await;
    let error = asked(&story, &token).await.expect_err("half an answer");
    assert!(error.is_decode() || error.is_body(), "{error:?}");
    script(&story, "answer garbage\nanswer odd json").await;
    let (status, garbage) = asked(&story, &token).await.expect("an answer");
    assert!(status == 200 && serde_json::from_str::<Value>(&garbage).is_err(), "{garbage}");
    let (status, odd) = asked(&story, &token).await.expect("an answer");
    assert!(status == 200 && serde_json::from_str::<Value>(&odd).is_ok_and(|odd| odd.is_array()), "{odd}");
    script(&story, "answer slow 80ms").await;
    let begun = Instant::now();
    assert_eq!(asked(&story, &token).await.expect("an answer").0, 200);
    assert!(begun.elapsed() >= Pause::from_millis(80));
}

#[tokio::test]
async fn pages_come_twice_cursors_and_tokens_are_lost() {
    let story = Story::begin(2).await;
    story.plan(ANNA, &[CLARA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    script(&story, "after 1 request to \"/calendar/\" answer duplicate page").await;
    let (items, cursor, pages) = story.google_all(&token, &OCTOBER).await;
    assert_eq!((items.len(), pages), (6, 3), "the second page came twice");
    let graph = story.graph_token().await;
    let url = story.delta_url(CLARA, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    script(&story, "to \"/v1.0/\" answer page without token").await;
    let (_, body) = story.get(&graph, &url).await;
    assert!(body.get("@odata.deltaLink").is_none() && body.get("@odata.nextLink").is_none(), "{body:#}");
    let (_, link, _) = story.delta(&graph, &url).await;

    script(&story, "to \"/calendar/\" lose cursor of anna@acme.example\nafter 1 request to \"/calendar/\" revoke token of anna@acme.example").await;
    let since = [("singleEvents", "true"), ("syncToken", cursor.as_str())];
    assert_eq!(story.google(&token, &since).await.0, 410);
    assert_eq!(story.google(&token, &OCTOBER).await.0, 401);
    assert_eq!(story.get(&graph, &link).await.0, 200, "Clara's cursor and the application's token are well");
    script(&story, "to \"deltatoken\" answer 410 code \"resyncRequired\"").await;
    let (status, body) = story.get(&graph, &link).await;
    assert_eq!((status, &body["error"]["code"]), (410, &json!("resyncRequired")));
}

#[tokio::test]
async fn the_world_begins_anew() {
    let story = Story::begin(50).await;
    story.plan(ANNA, &[CLARA], "2026-10-05T10:00", None, Conference::None).await;
    script(&story, "answer 500 always").await;
    story.control.begin(at("2027-01-01T00:00:00Z"), 7).await.expect("another world");
    assert!(story.control.everyone().await.expect("people").is_empty());
    let truth = story.control.meetings(at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")).await;
    assert!(truth.expect("meetings").is_empty());
    story.control.person(ANNA, "Anna", Provider::Google).await.expect("a person");
    let token = story.google_token(ANNA, CALENDAR).await;
    assert_eq!(asked(&story, &token).await.expect("an answer").0, 200);
}

#[tokio::test]
async fn faults_are_served_as_often_as_told_and_requests_are_written_down() {
    let story = Story::begin(50).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let fault = Fault {
        path_contains: "/events".into(),
        status: 429,
        times: 2,
        retry_after: Some("1.5".into()),
        body: None,
    };
    story.control.fault(&fault).await.expect("a fault");
    story.control.clear_requests().await.expect("cleared");
    for _ in 0..2 {
        let (status, body) = story.google(&token, &OCTOBER[..1]).await;
        assert_eq!((status, &body["error"]["errors"][0]["reason"]), (429, &json!("rateLimitExceeded")));
    }
    assert_eq!(story.google(&token, &OCTOBER[..1]).await.0, 200);
    let line = "GET /calendar/v3/calendars/primary/events?singleEvents=true";
    assert_eq!(story.control.requests().await.expect("requests"), [line; 3]);

    let wrong = NewMeeting {
        organizer: ANNA.into(),
        start: "tomorrow".into(),
        timezone: "UTC".into(),
        ..NewMeeting::default()
    };
    let error = story.control.plan(&wrong).await.expect_err("no time");
    assert!(error.to_string().contains("write 2026-10-05T10:00"), "{error}");
}
