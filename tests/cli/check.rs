//! `mentord check`

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use mentord::sandbox::Fault;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::json;

use crate::stage::{ADA, Stage};

#[tokio::test]
async fn a_configuration_that_is_fine_is_told_to_be_and_nothing_is_written() {
    let stage = Stage::set().await;
    let before = stage.files();
    stage
        .run(&["check"])
        .await
        .went_well()
        .says(&["mentord.toml is fine: 1 program, 2 connections, 4 pairings in the roster"]);
    assert_eq!(stage.files(), before);
    assert_eq!(stage.control.requests().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn without_mail_the_check_says_that_nothing_will_be_sent() {
    let stage = Stage::set().await;
    stage.configure("[mail]\nsmtp_url", "[web]\n# smtp_url");
    stage.configure("from = \"Mentoring <mentoring@acme.example>\"\nmax_per_minute = 100000\n", "");
    stage.run(&["check"]).await.went_well().says(&["there is no [mail], so nothing will be sent"]);
}

#[tokio::test]
async fn every_mistake_is_told_at_once_with_its_line_and_what_to_write() {
    let stage = Stage::set().await;
    stage.configure("interval = \"1h\"", "interval = \"soon\"");
    stage.configure("provider = \"google\"", "provider = \"gogle\"");
    stage.configure("timezone = \"UTC\"", "timezone = \"Berlin\"");
    let before = stage.files();
    let run = stage.run(&["check"]).await.ends_with(78).complains_of(&[
        "3 problems",
        "sync.interval",
        "\"soon\"",
        "provider = \"google\"",
        "\"Berlin\"",
    ]);
    assert_eq!(run.out, "");
    assert!(!run.err.contains(&stage.sandbox.microsoft_app().client_secret));
    assert_eq!(stage.files(), before);
}

#[tokio::test]
async fn mistakes_in_the_roster_are_mistakes_of_the_configuration() {
    let stage = Stage::set().await;
    let row = stage.row("Ida", "ida at acme.example", "Jan", "jan@acme.example");
    stage.write("roster.csv", &(stage.read("roster.csv") + &row));
    stage.run(&["check"]).await.ends_with(78).complains_of(&["roster.csv:6: mentor_email"]);
    stage.configure("roster = \"roster.csv\"", "roster = \"nobody.csv\"");
    stage.run(&["check"]).await.ends_with(78).complains_of(&["nobody.csv"]);
}

#[tokio::test]
async fn a_missing_configuration_is_told() {
    let stage = Stage::set().await;
    std::fs::remove_file(stage.file("mentord.toml")).unwrap();
    stage.run(&["check"]).await.ends_with(78).complains_of(&["mentord.toml", "--config FILE"]);
}

#[tokio::test]
async fn online_every_thing_that_can_be_reached_has_a_line() {
    let stage = Stage::set().await;
    let run = stage.run(&["check", "--online"]).await.went_well().says(&[
        "ok      database ",
        "ok      mail server",
        "ok      connection acme: 3 calendars can be read",
        "ok      connection contoso: 4 calendars can be read",
    ]);
    assert_eq!(run.out.lines().count(), 5, "{}", run.out);
    assert_eq!(stage.mails().await, vec![]);
}

#[tokio::test]
async fn online_a_wrong_secret_is_told_of_its_connection_alone() {
    let stage = Stage::set().await;
    stage.write("graph-secret", "not-the-secret");
    let run = stage
        .run(&["check", "--online"])
        .await
        .ends_with(1)
        .says(&["FAILED  connection contoso: 4 of 4 calendars", "ok      connection acme", "ok      mail"])
        .complains_of(&["1 check failed"]);
    assert!(!run.out.contains("not-the-secret") && !run.err.contains("not-the-secret"));
}

#[tokio::test]
async fn online_a_mail_server_that_is_down_is_told() {
    let stage = Stage::set().await;
    let smtp = stage.sandbox.smtp_url();
    stage.configure(&smtp, &format!("smtp://{}", closed_port().await));
    stage.run(&["check", "--online"]).await.ends_with(1).says(&[
        "FAILED  mail server: ",
        "ok      connection acme",
        "ok      connection contoso",
    ]);
}

#[tokio::test]
async fn online_a_single_calendar_that_cannot_be_read_is_named() {
    let stage = Stage::set().await;
    let gone = stage.row("Zoe", "zoe@acme.example", "Ben", "ben@acme.example");
    stage.write("roster.csv", &(stage.read("roster.csv") + &gone));
    let run = stage
        .run(&["check", "--online"])
        .await
        .ends_with(1)
        .says(&["FAILED  connection acme: 1 of 4 calendars cannot be read", "zoe@acme.example: "]);
    assert!(!run.out.contains(ADA), "{}", run.out);
}

#[tokio::test]
async fn online_what_calls_need_is_tried_and_missed_without_failing() {
    let stage = Stage::set().await;
    let refuse = async |part: &str, times: u32| {
        stage.control.clear_faults().await.unwrap();
        let reason = json!({"reason": "forbidden"});
        let error = json!({"code": 403, "message": "Not authorized", "errors": [reason]});
        let body = part.contains("directory").then(|| json!({"error": error}));
        let fault = Fault { path_contains: part.to_owned(), status: 403, times, body, ..Fault::default() };
        stage.control.fault(&fault).await.unwrap();
        stage.run(&["check", "--online"]).await.went_well()
    };
    let run = refuse("conferenceRecords", 100).await.says(&[
        "ok      connection acme: 3 calendars can be read",
        "warning connection acme: who was in calls cannot be seen: ",
        "meetings.space.readonly",
    ]);
    assert!(!run.out.contains("warning connection contoso"), "{}", run.out);
    refuse("/admin/directory", 100)
        .await
        .says(&["warning connection acme: ", "admin.directory.user.readonly"]);
    let run = refuse("onlineMeetings", 100).await.says(&[
        "ok      connection contoso: 4 calendars can be read",
        "warning connection contoso: who was in calls cannot be seen: ",
        "New-CsApplicationAccessPolicy",
    ]);
    assert!(!run.out.contains("warning connection acme"), "{}", run.out);
    // A policy may be granted for single organisers.
    let run = refuse("onlineMeetings", 2).await;
    assert!(!run.out.contains("warning"), "{}", run.out);
    refuse("contoso.example?", 100).await.says(&["warning connection contoso: ", "User.ReadBasic.All"]);
    let run = stage.run(&["check", "--help"]).await.went_well();
    assert!(run.out.contains("exit code stays 0"), "{}", run.out);
}

#[tokio::test]
async fn online_those_whose_pairings_have_ended_are_left_out() {
    let stage = Stage::set().await;
    let gone = "engineering,Zoe,zoe@acme.example,Yan,yan@acme.example,2020-01-06,2020-12-18,\n";
    stage.write("roster.csv", &(stage.read("roster.csv") + gone));
    stage
        .run(&["check", "--online"])
        .await
        .went_well()
        .says(&["5 pairings in the roster", "ok      connection acme: 3 calendars can be read"]);
}

#[tokio::test]
async fn online_a_database_that_cannot_be_opened_is_told() {
    let stage = Stage::set().await;
    stage.configure("sqlite:mentord.db", "sqlite:nowhere/mentord.db");
    stage.run(&["check"]).await.went_well();
    stage.run(&["check", "--online"]).await.ends_with(1).complains_of(&["nowhere", "does not exist"]);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_warned_of_and_one_that_has_ended_is_a_mistake() {
    let stage = Stage::set().await;
    stage.configure("client_secret_file = \"graph-secret\"", "certificate_file = \"graph.pem\"");
    for (days, code, says) in [(90, 0, None), (20, 0, Some("expires on")), (-1, 78, Some("that expired on"))]
    {
        stage.write("graph.pem", &certificate(stage.now + TimeDelta::days(days)));
        let run = stage.run(&["check"]).await.ends_with(code);
        match says {
            None => assert_eq!(run.err, ""),
            Some(says) => {
                drop(run.complains_of(&["connection contoso: certificate_file", says, "upload it"]))
            }
        }
    }
}

/// A certificate and its key that are good until then.
fn certificate(until: DateTime<Utc>) -> String {
    #[expect(clippy::disallowed_methods, reason = "any key will do: nothing depends on which")]
    let key = rsa::PrivateKey::new(&mut rand::rng(), 2048).unwrap();
    let key = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    let mut parameters = rcgen::CertificateParams::new(vec!["mentord.example.org".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(until.year(), until.month() as u8, until.day() as u8);
    let pair = rcgen::KeyPair::from_pem(&key).unwrap();
    format!("{key}{}", parameters.self_signed(&pair).unwrap().pem())
}

/// An address at which nothing listens.
async fn closed_port() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    listener.local_addr().unwrap()
}
