//! What the logs say, and what they never say.

use mentord::sandbox::{Conference, Fault};
use serde_json::{Value, json};

use crate::service::{Service, quick};
use crate::stage::{ADA, BEN, CHEN, EVA, GUS, OLGA, Stage, eventually};

/// Words of titles that must stay in the calendars.
const PLANTED: [&str; 2] = ["Xylophone", "Quetzal"];

/// Calendars with planted words; one of them cannot be read, and its provider talks of its owner.
async fn plant(stage: &Stage) {
    stage.held().await;
    stage.missed().await;
    stage.book(ADA, &[BEN], "Mentoring Xylophone", (45, 45), Conference::Meet).await;
    stage.book(CHEN, &[OLGA], "Dinner Quetzal", (100, 60), Conference::None).await;
    let told = json!({"error": {"code": "ErrorItemNotFound", "message": format!("{GUS} has no calendar")}});
    let fault =
        Fault { path_contains: GUS.into(), status: 404, times: 1, body: Some(told), ..Fault::default() };
    stage.control.fault(&fault).await.unwrap();
    let told = json!({"error": {"code": 403, "message": format!("{EVA} may not"), "errors": []}});
    let fault =
        Fault { path_contains: EVA.into(), status: 403, times: 1, body: Some(told), ..Fault::default() };
    stage.control.fault(&fault).await.unwrap();
}

/// Everything that a log must not have in it, in lower case.
fn secrets(stage: &Stage) -> Vec<String> {
    let key: Value = serde_json::from_str(&stage.sandbox.google_key_json()).unwrap();
    let private = key["private_key"].as_str().unwrap();
    let line = private.lines().nth(1).unwrap();
    let people = ["ada@", "ben@", "chen@", "dara@", "eva@", "finn@", "gus@", "hana@", "olga@", "people@"];
    let words = [&PLANTED[..], &people, &[&stage.sandbox.microsoft_app().client_secret, line, "bearer "]];
    words.concat().iter().map(|word| word.to_lowercase()).collect()
}

/// A log to search through: in lower case, and without the test's own folder, whose name is made of
/// random letters.
fn searchable(stage: &Stage, log: &str) -> String {
    let folder = stage.file("").display().to_string();
    log.replace(folder.trim_end_matches('/'), "").to_lowercase()
}

#[track_caller]
fn keeps_secrets(stage: &Stage, log: &str) {
    let log = searchable(stage, log);
    for secret in secrets(stage) {
        assert!(!log.contains(&secret), "{secret:?} is in:\n{log}");
    }
    // How tokens of the sandbox, and of the world, begin.
    for token in ["ya29.", "eyj", "\"access_token"] {
        assert!(!log.contains(token), "{token:?} is in:\n{log}");
    }
}

#[tokio::test]
async fn at_the_usual_level_a_service_writes_json_and_nothing_about_anybody() {
    let stage = Stage::set().await;
    quick(&stage);
    plant(&stage).await;
    stage.control.smtp(false).await.unwrap();
    let mut service = Service::start_with(&stage, &["--log-format", "json"], &[], "serve.log");
    service.ready().await;
    service.logged("not sent").await;
    service.logged("is missed").await;
    service.logged("could not be read").await;
    stage.write("roster.csv", &(stage.read("roster.csv") + "engineering,Zoe\n"));
    service.signal("HUP");
    service.logged("was not reloaded").await;
    service.stop().await;
    let log = service.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "{field} is missing in {line}");
        }
    }
    let told = |text: &str| {
        let found = lines.iter().find(|line| line["message"].as_str().unwrap().contains(text));
        found.unwrap_or_else(|| panic!("{text:?} is not in:\n{log}"))
    };
    assert_eq!(told("ready")["level"], "INFO");
    assert_eq!(told("could not be read")["level"], "WARN");
    assert!(told("could not be read")["calendar.id"].is_number());
    assert!(told("is missed")["session.id"].is_string());
    keeps_secrets(&stage, &log);
}

#[tokio::test]
async fn commands_keep_the_same_secrets_at_the_level_of_the_service() {
    let stage = Stage::set().await;
    plant(&stage).await;
    let sync = stage.run(&["sync", "--log-level", "info"]).await.ends_with(1);
    sync.says(&["5 read, 2 failed"]).complains_of(&["could not be read"]);
    let sync = stage.run(&["sync", "--log-level", "info"]).await.went_well();
    keeps_secrets(&stage, &sync.err);
    stage.control.smtp(false).await.unwrap();
    let send = stage.run(&["send", "--log-level", "info"]).await.ends_with(1);
    keeps_secrets(&stage, &send.err);
    let check = stage.run(&["check", "--online", "--log-level", "info"]).await;
    keeps_secrets(&stage, &check.err);
}

#[tokio::test]
async fn no_level_makes_tokens_and_passwords_appear() {
    let stage = Stage::set().await;
    plant(&stage).await;
    let sync = stage.run(&["sync", "--log-level", "trace"]).await;
    let log = searchable(&stage, &sync.err);
    assert!(log.contains("trace"), "{log}");
    let app = stage.sandbox.microsoft_app();
    for secret in [&app.client_secret, "ya29.", "eyj", "bearer "] {
        if let Some(at) = log.find(&secret.to_lowercase()) {
            let from = log[..at].rfind('\n').map_or(0, |at| at + 1);
            panic!("{secret:?} is in:\n{}", log[from..].lines().next().unwrap());
        }
    }
}

#[tokio::test]
async fn a_log_that_is_off_is_empty() {
    let stage = Stage::set().await;
    quick(&stage);
    plant(&stage).await;
    let mut service = Service::start_with(&stage, &["--log-level", "off"], &[], "serve.log");
    service.ready().await;
    eventually("work", async || (!stage.mails().await.is_empty()).then_some(())).await;
    service.stop().await;
    assert_eq!(service.log(), "");
}
