//! `mentord explain`

use mentord::sandbox::{Conference, NewMeeting, Planned};

use crate::stage::{ADA, BEN, EVA, FINN, OLGA, Stage};

/// Google's own name of an event.
fn event(planned: &Planned) -> &str {
    planned.uid.strip_suffix("@google.com").unwrap()
}

#[tokio::test]
async fn a_session_is_explained_with_reasons_evidence_and_history() {
    let stage = Stage::set().await;
    let held = stage.held().await;
    stage.run(&["sync"]).await.went_well();
    let session = stage.list("sessions").await.remove(0);
    let id = session["id"].as_str().unwrap();
    let run = stage.run(&["explain", id]).await.went_well().says(&[
        id,
        "Ada & Ben",
        "Verdict: held, observed",
        "because the call's record shows both sides together for 34 minutes",
        "Ada: attended",
        "Ben: late",
        "for 34 min",
        "Found on 2 calendars",
        "ada@acme.example (acme)",
        "ben@acme.example (acme)",
        "only the pairing is on it",
        "word “mentoring”",
        "They are one session: the copies carry the same UID.",
        "Evidence",
        "Ben: accepted",
        "google_meet call from",
        "History",
        "scheduled, none",
        "held, observed",
    ]);
    assert_eq!(run.err, "");
    // The event that the session was found as explains itself as well.
    let event = event(&held);
    stage.run(&["explain", event]).await.went_well().says(&[event, &format!("taken: it is session {id}")]);
}

#[tokio::test]
async fn an_event_that_was_left_says_why() {
    let stage = Stage::set().await;
    let sprint = stage.book(ADA, &[BEN], "Sprint planning", (300, 60), Conference::None).await;
    stage.run(&["sync"]).await.went_well();
    assert_eq!(stage.list("sessions").await, Vec::<serde_json::Value>::new());
    let run = stage.run(&["explain", event(&sprint)]).await.went_well().says(&[
        "left: it is none of the pairing's sessions",
        "For Ada & Ben",
        "-70  title or category has “sprint”, which names another purpose",
        "+40  only the pairing is on it",
        "left with -20 points",
    ]);
    assert!(!run.out.contains("planning"), "{}", run.out);
}

#[tokio::test]
async fn one_meeting_on_two_systems_is_one_session() {
    let stage = Stage::set().await;
    let shared = stage.book(FINN, &[EVA], "1:1", (500, 30), Conference::Teams).await;
    stage.run(&["sync"]).await.went_well();
    let sessions = stage.list("sessions").await;
    assert_eq!(sessions.len(), 1, "{shared:?} {sessions:#?}");
    let id = sessions[0]["id"].as_str().unwrap();
    stage.run(&["explain", id]).await.went_well().says(&[
        "eva@acme.example (acme)",
        "finn@contoso.example (contoso)",
        "They are one session: ",
    ]);
    for copy in sessions[0]["copies"].as_array().unwrap() {
        stage.run(&["explain", copy["event_id"].as_str().unwrap()]).await.went_well().says(&[id]);
    }
}

#[tokio::test]
async fn what_is_not_known_is_told_with_what_is_kept() {
    let stage = Stage::set().await;
    let alone = stage.book(ADA, &[OLGA], "Mentoring a stranger", (60, 60), Conference::None).await;
    let private = NewMeeting {
        organizer: ADA.to_owned(),
        title: "Dentist".to_owned(),
        start: stage.at(700).format("%Y-%m-%dT%H:%M").to_string(),
        timezone: "UTC".to_owned(),
        minutes: 60,
        visibility: Some("private".to_owned()),
        ..NewMeeting::default()
    };
    let private = stage.control.plan(&private).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    for id in ["s_nothing", event(&alone), event(&private), "'; DROP TABLE session; --"] {
        let run = stage.run(&["explain", id]).await.ends_with(1);
        run.complains_of(&[id, "nothing is known of", "no session's id"]);
    }
}

#[tokio::test]
async fn a_moved_session_tells_from_where() {
    let stage = Stage::set().await;
    let planned = stage.planned().await;
    stage.run(&["sync"]).await.went_well();
    let to = stage.at(4 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string();
    stage.control.reschedule(&planned.id, None, &to, None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    let session = stage.list("sessions").await.remove(0);
    let run = stage.run(&["explain", session["id"].as_str().unwrap()]).await.went_well();
    run.says(&["moved once", "moved from ", "without evidence either way"]);
}
