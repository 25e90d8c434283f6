//! `mentord sessions`, `pairings`, `calendars`, `alerts`: the fields, and how they are written.

use chrono::{DateTime, Utc};
use mentord::sandbox::Conference;
use serde_json::Value;

use crate::stage::{ADA, BEN, HANA, Stage};

const LISTS: [(&str, &[&str]); 4] = [
    (
        "sessions",
        &[
            "id",
            "program",
            "pairing",
            "mentor",
            "mentees",
            "start",
            "end",
            "status",
            "grade",
            "moves",
            "verdict_at",
            "reason",
            "rule_version",
            "conference",
            "people",
            "copies",
        ],
    ),
    (
        "pairings",
        &[
            "id",
            "program",
            "mentor",
            "mentees",
            "cadence",
            "starts_on",
            "ends_on",
            "state",
            "last_held",
            "next_session",
            "sessions_held",
        ],
    ),
    ("calendars", &["id", "connection", "address", "state", "last_synced_at", "next_sync_at", "error"]),
    (
        "alerts",
        &[
            "key",
            "kind",
            "program",
            "pairing",
            "session",
            "recipient",
            "channel",
            "due_at",
            "state",
            "sent_at",
            "reason",
            "message_id",
        ],
    ),
];

/// The fields of an object, sorted.
pub fn fields(object: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

pub fn sorted<'a>(fields: &[&'a str]) -> Vec<&'a str> {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    fields
}

/// A small world with something in every list.
async fn world() -> Stage {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.declined().await;
    stage.planned().await;
    stage.soon().await;
    stage.book(ADA, &[BEN], "Sprint planning", (300, 60), Conference::None).await;
    stage.run(&["sync"]).await.went_well();
    stage
}

#[tokio::test]
async fn json_has_exactly_the_fields_of_the_contract() {
    let stage = world().await;
    for (list, expected) in LISTS {
        let objects = stage.list(list).await;
        assert!(!objects.is_empty(), "{list}");
        for object in &objects {
            assert_eq!(fields(object), sorted(expected), "{list}");
        }
    }
    for session in stage.list("sessions").await {
        for person in session["people"].as_array().unwrap() {
            let expected = ["email", "role", "rsvp", "verdict", "grade", "joined_at", "minutes"];
            assert_eq!(fields(person), sorted(&expected));
        }
        for copy in session["copies"].as_array().unwrap() {
            assert_eq!(fields(copy), sorted(&["connection", "calendar", "event_id"]));
        }
    }
}

#[tokio::test]
async fn times_are_utc_addresses_lower_case_and_what_is_absent_is_null() {
    let stage = world().await;
    for (list, _) in LISTS {
        for object in stage.list(list).await {
            check("", &object);
        }
    }
    let sessions = stage.list("sessions").await;
    assert_eq!(sessions.len(), 5, "the sprint planning is none");
    assert!(sessions.is_sorted_by_key(|session| session["start"].as_str().unwrap().to_owned()));
    let pairings = stage.list("pairings").await;
    assert_eq!((&pairings[0]["mentor"], &pairings[0]["mentees"][0]), (&ADA.into(), &BEN.into()));
    assert_eq!(pairings[0]["ends_on"], Value::Null);
    assert_eq!(pairings[0]["cadence"], "2 weeks");
    assert_eq!(pairings[0]["sessions_held"], 1);
    assert_eq!(pairings[0]["state"], "on_track");
    assert!(pairings[0]["last_held"].is_string() && pairings[0]["next_session"].is_string());
    let missed = &pairings[1];
    assert_eq!((&missed["sessions_held"], &missed["last_held"]), (&0.into(), &Value::Null));
    assert_eq!(pairings[3]["mentees"][0], HANA);
    let alerts = stage.list("alerts").await;
    for alert in &alerts {
        assert_eq!((&alert["state"], &alert["channel"]), (&"planned".into(), &"mail".into()));
        assert_eq!((&alert["sent_at"], &alert["message_id"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(stage.list("calendars").await.len(), 7, "nobody connects Hana's");
}

/// Looks at every value of an object by the name of its field.
fn check(field: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| check(field, value)),
        Value::Array(items) => items.iter().for_each(|item| check(field, item)),
        Value::String(text) => {
            let time =
                ["start", "end", "last_held", "next_session"].contains(&field) || field.ends_with("_at");
            if time {
                assert!(text.ends_with('Z') && text.parse::<DateTime<Utc>>().is_ok(), "{field}: {text}");
            }
            if ["mentor", "mentees", "email", "recipient", "address"].contains(&field) {
                assert!(text.contains('@') && *text == text.to_lowercase(), "{field}: {text}");
            }
            assert_ne!(text, "", "{field} is empty instead of null");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn csv_has_the_same_fields_and_as_many_lines_as_json_objects() {
    let stage = world().await;
    for (list, expected) in LISTS {
        let objects = stage.list(list).await;
        let run = stage.run(&[list, "--format", "csv"]).await.went_well();
        let mut reader = csv::Reader::from_reader(run.out.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), *expected, "{list}");
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), objects.len(), "{list}");
        for (row, object) in rows.iter().zip(&objects) {
            for (cell, field) in row.iter().zip(expected) {
                match &object[*field] {
                    Value::Null => assert_eq!(cell, "", "{list}.{field}"),
                    Value::String(text) => assert_eq!(cell, text, "{list}.{field}"),
                    Value::Number(number) => assert_eq!(cell, number.to_string(), "{list}.{field}"),
                    Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
                }
            }
        }
    }
    stage.run(&["pairings", "--format", "csv"]).await.went_well().says(&[&format!(",{ADA},{BEN},2 weeks,")]);
}

#[tokio::test]
async fn tables_have_a_heading_and_a_line_for_each() {
    let stage = world().await;
    for (list, _) in LISTS {
        let objects = stage.list(list).await;
        let table = stage.run(&[list]).await.went_well();
        assert_eq!(table.out.lines().count(), objects.len() + 1, "{}", table.out);
        let heading = table.out.lines().next().unwrap();
        assert_eq!(heading, heading.to_uppercase());
    }
    stage.run(&["sessions"]).await.says(&["Ada & Ben", "held", "observed", "missed", "scheduled"]);
}

#[tokio::test]
async fn lists_can_be_of_one_program() {
    let stage = Stage::set().await;
    let config = stage.read("mentord.toml");
    let other =
        "\n[[programs]]\nname = \"sales\"\ntitle = \"Sales\"\ntimezone = \"Asia/Tokyo\"\nmanagers = []\n";
    stage.write("mentord.toml", &format!("{config}{other}"));
    let row = stage.row("Eva", "eva@acme.example", "Gus", "gus@contoso.example");
    stage.write("roster.csv", &(stage.read("roster.csv") + &row.replace("engineering", "sales")));
    stage.held().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    let count = async |list: &str, program: &str| {
        let run = stage.run(&[list, "--format", "json", "--program", program]).await.went_well();
        run.json().len()
    };
    assert_eq!((count("pairings", "engineering").await, count("pairings", "sales").await), (4, 1));
    assert_eq!((count("sessions", "engineering").await, count("sessions", "sales").await), (2, 0));
    assert_eq!((count("calendars", "engineering").await, count("calendars", "sales").await), (7, 2));
    assert_eq!((count("alerts", "engineering").await, count("alerts", "sales").await), (6, 0));
    assert_eq!((count("report", "engineering").await, count("report", "sales").await), (1, 1));
    assert_eq!(stage.list("report").await.len(), 2);
}
