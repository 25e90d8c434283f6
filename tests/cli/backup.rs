//! `mentord backup`, and what is sent after a backup was restored.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mentord::sandbox::Conference;
use serde_json::Value;

use crate::service::{Service, quick};
use crate::stage::{ADA, BEN, CHEN, DARA, GUS, HANA, Stage, eventually};

/// Puts a backup in place of the database, as the README says.
fn restore(stage: &Stage, backup: &str) {
    std::fs::rename(stage.file(backup), stage.file("mentord.db")).unwrap();
    for beside in ["mentord.db-wal", "mentord.db-shm"] {
        let _ = std::fs::remove_file(stage.file(beside));
    }
}

/// The recipients of the alerts in a state.
async fn recipients(stage: &Stage, state: &str) -> BTreeSet<String> {
    let alerts = stage.list("alerts").await;
    let alerts = alerts.iter().filter(|alert| alert["state"] == state);
    alerts.map(|alert| alert["recipient"].as_str().unwrap().to_owned()).collect()
}

fn people(addresses: &[&str]) -> BTreeSet<String> {
    addresses.iter().map(ToString::to_string).collect()
}

/// What the audit trail has about restores.
async fn audit(stage: &Stage) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(stage.file("mentord.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let sql = "SELECT actor FROM audit WHERE action = 'restored'";
    let actors = sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap();
    pool.close().await;
    actors
}

#[tokio::test]
async fn after_a_restore_nothing_is_sent_again_and_what_is_new_goes_out() {
    let stage = Stage::set().await;
    quick(&stage);
    let text = stage.read("mentord.toml");
    let mail = text[text.find("[mail]").unwrap()..text.find("[[connections]]").unwrap()].to_owned();
    // Without mail, alerts are planned and stay so.
    stage.configure(&mail, "");
    stage.missed().await;
    let mut service = Service::start_with(&stage, &[], &[], "1.log");
    service.ready().await;
    eventually("alerts", async || (recipients(&stage, "planned").await.len() == 2).then_some(())).await;
    let backup = stage.path("backup.db");
    stage.run(&["backup", &backup]).await.went_well().says(&["backup.db is a backup of", "mentord.db"]);
    let refused = stage.run(&["backup", &backup]).await.ends_with(1);
    refused.complains_of(&["backup.db was not made: there is such a file already"]);
    service.stop().await;

    // What the backup has as planned is sent, and so is what it does not know at all.
    stage.configure("[[connections]]\nname = \"acme\"", &format!("{mail}[[connections]]\nname = \"acme\""));
    let mut service = Service::start_with(&stage, &[], &[], "2.log");
    service.ready().await;
    stage.soon().await;
    eventually("mails", async || (stage.mails().await.len() == 4).then_some(())).await;
    service.stop().await;
    assert_eq!(recipients(&stage, "sent").await, people(&[ADA, BEN, CHEN, DARA]));

    restore(&stage, "backup.db");
    assert_eq!(recipients(&stage, "planned").await, people(&[CHEN, DARA]), "as it was");
    let mut service = Service::start_with(&stage, &[], &[], "3.log");
    service.ready().await;
    assert!(service.log().contains("the database is a backup of"), "{}", service.log());
    assert_eq!(recipients(&stage, "failed").await.intersection(&people(&[CHEN, DARA])).count(), 2);
    eventually("the reminders are found again", async || {
        (recipients(&stage, "failed").await == people(&[ADA, BEN, CHEN, DARA])).then_some(())
    })
    .await;
    for alert in stage.list("alerts").await.iter().filter(|alert| alert["state"] == "failed") {
        assert!(alert["reason"].as_str().unwrap().contains("may have been sent before"), "{alert:#}");
        assert_eq!(alert["sent_at"], Value::Null);
    }
    service.stop().await;
    assert_eq!(audit(&stage).await, ["start"]);

    // A reminder that is due a second after the restore.
    let status = stage.list("status").await.remove(0);
    let restored_at: DateTime<Utc> = status["restored_at"].as_str().unwrap().parse().unwrap();
    let lead = (stage.at(60) - restored_at).num_seconds() - 1;
    stage.configure("remind_before = [\"1h\"]", &format!("remind_before = [\"{lead}s\"]"));
    stage.book(GUS, &[HANA], "Mentoring", (60, 45), Conference::Teams).await;
    let mut service = Service::start_with(&stage, &[], &[], "4.log");
    service.ready().await;
    assert!(!service.log().contains("is a backup"), "it is noticed once: {}", service.log());
    eventually("new reminders", async || (stage.mails().await.len() == 6).then_some(())).await;
    service.stop().await;
    let mails = stage.mails().await;
    let new: BTreeSet<String> = mails[4..].iter().flat_map(|mail| mail.to.clone()).collect();
    assert_eq!((mails.len(), new), (6, people(&[GUS, HANA])));
}

#[tokio::test]
async fn commands_notice_a_restore_as_well() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    let backup = stage.path("backup.db");
    stage.run(&["backup", &backup]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["4 sent"]);
    restore(&stage, "backup.db");
    let run = stage.run(&["send"]).await.went_well().says(&["0 sent, 0 withdrawn, 0 not sent"]);
    run.complains_of(&["the database is a backup of", "(4 alerts)"]);
    let run = stage.run(&["sync"]).await.went_well();
    assert_eq!(run.err, "");
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    assert_eq!(stage.mails().await.len(), 4);
}

#[tokio::test]
async fn whoever_restores_otherwise_says_so() {
    let stage = Stage::set().await;
    quick(&stage);
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    std::fs::copy(stage.file("mentord.db"), stage.file("copied.db")).unwrap();
    stage.run(&["send"]).await.went_well().says(&["2 sent"]);
    restore(&stage, "copied.db");
    stage
        .run(&["restored"])
        .await
        .went_well()
        .says(&["counts as restored at", "2 alerts were planned before"]);
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    assert_eq!(stage.mails().await.len(), 2);
    assert_eq!(audit(&stage).await, ["mentord restored"]);

    let mut service = Service::start(&stage);
    service.ready().await;
    let refused = stage.run(&["restored"]).await.ends_with(1);
    refused.complains_of(&["a service is running on", "mentord.db: stop it, then run this again"]);
    service.stop().await;
    assert_eq!(audit(&stage).await.len(), 1);
}
