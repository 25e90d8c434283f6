//! `mentord send`

use std::collections::BTreeSet;

use mentord::sandbox::Mail;
use serde_json::Value;

use crate::stage::{ADA, BEN, CHEN, DARA, Stage};

/// A header of a mail.
fn header<'a>(mail: &'a Mail, name: &str) -> &'a str {
    let line = mail.data.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in:\n{}", mail.data)).trim()
}

fn recipients(mails: &[Mail]) -> BTreeSet<&str> {
    mails.iter().flat_map(|mail| mail.to.iter().map(String::as_str)).collect()
}

async fn state_of(stage: &Stage, kind: &str) -> Vec<(String, String)> {
    let text = |alert: &Value, field: &str| alert[field].as_str().unwrap_or_default().to_owned();
    let alerts = stage.list("alerts").await;
    let alerts = alerts.iter().filter(|alert| alert["kind"] == kind);
    let mut states: Vec<_> = alerts.map(|alert| (text(alert, "recipient"), text(alert, "state"))).collect();
    states.sort();
    states
}

#[tokio::test]
async fn what_is_due_is_sent_exactly_once_to_whom_it_concerns() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.soon().await;
    stage.planned().await;
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["4 sent, 0 withdrawn, 0 not sent"]);
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 4);
    assert_eq!(recipients(&mails), BTreeSet::from([ADA, BEN, CHEN, DARA]));
    assert!(mails.iter().all(|mail| mail.to.len() == 1 && mail.from == "mentoring@acme.example"));

    stage.run(&["send"]).await.went_well().says(&["0 sent, 0 withdrawn, 0 not sent"]);
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    assert_eq!(stage.mails().await.len(), 4);
    // The reminders for the session in three days wait.
    let reminders = state_of(&stage, "reminder").await;
    let count = |state: &str| reminders.iter().filter(|(_, is)| is == state).count();
    assert_eq!((count("sent"), count("planned")), (2, 2), "{reminders:?}");
}

#[tokio::test]
async fn a_mail_carries_the_message_id_that_alerts_show() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well();
    let mails = stage.mails().await;
    let alerts = stage.list("alerts").await;
    assert_eq!((mails.len(), alerts.len()), (2, 2));
    for alert in alerts {
        assert_eq!(alert["state"], "sent");
        let sent_at: chrono::DateTime<chrono::Utc> = alert["sent_at"].as_str().unwrap().parse().unwrap();
        assert!((crate::stage::now() - sent_at).num_minutes() < 5);
        let mail = mails.iter().find(|mail| alert["recipient"] == mail.to[0].as_str()).unwrap();
        assert_eq!(header(mail, "Message-ID"), alert["message_id"].as_str().unwrap());
    }
}

#[tokio::test]
async fn what_a_mail_server_refuses_for_now_is_sent_later() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    stage.control.smtp(false).await.unwrap();
    stage.run(&["send"]).await.ends_with(1).says(&["0 sent, 0 withdrawn, 2 not sent"]).complains_of(&[
        "mentord: ",
        "handed over",
        "451",
    ]);
    let alerts = stage.list("alerts").await;
    for alert in &alerts {
        assert_eq!((&alert["state"], &alert["message_id"]), (&"planned".into(), &Value::Null));
        let due_at: chrono::DateTime<chrono::Utc> = alert["due_at"].as_str().unwrap().parse().unwrap();
        assert!(due_at > crate::stage::now(), "it is tried again after a pause");
    }
    // Not at once.
    stage.control.smtp(true).await.unwrap();
    stage.run(&["send"]).await.went_well().says(&["0 sent, 0 withdrawn, 0 not sent"]);
    bring_forward(&stage).await;
    stage.run(&["send"]).await.went_well().says(&["2 sent"]);
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    assert_eq!(recipients(&stage.mails().await), BTreeSet::from([CHEN, DARA]));
    assert_eq!(stage.mails().await.len(), 2);
}

/// Lets the pause after a failure be over.
async fn bring_forward(stage: &Stage) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(stage.file("mentord.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let due_at = stage.at(-1);
    let sql = "UPDATE alert SET due_at = $1 WHERE state = 'planned'";
    sqlx::query(sql).bind(due_at).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_is_told_and_nothing_is_lost() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    let smtp = stage.sandbox.smtp_url();
    stage.configure(&smtp, "smtp://127.0.0.1:1");
    stage.run(&["send"]).await.ends_with(1).complains_of(&["mentord: ", "refused"]);
    assert!(state_of(&stage, "missed").await.iter().all(|(_, state)| state == "planned"));
}

#[tokio::test]
async fn nobody_is_reminded_of_a_session_that_was_called_off() {
    let stage = Stage::set().await;
    let soon = stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    assert_eq!(state_of(&stage, "reminder").await.len(), 2);
    stage.control.cancel(&soon.id, None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    assert_eq!(stage.mails().await, vec![]);
    for alert in stage.list("alerts").await {
        assert_eq!(alert["state"], "withdrawn");
        assert!(alert["reason"].is_string(), "{alert:#}");
    }
}

#[tokio::test]
async fn a_moved_session_is_reminded_of_once_and_for_its_new_time() {
    let stage = Stage::set().await;
    let soon = stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    let to = stage.at(50).format("%Y-%m-%dT%H:%M").to_string();
    stage.control.reschedule(&soon.id, None, &to, None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["2 sent"]);
    let reminders = state_of(&stage, "reminder").await;
    let count = |state: &str| reminders.iter().filter(|(_, is)| is == state).count();
    assert_eq!((count("sent"), count("withdrawn")), (2, 2), "{reminders:?}");
}

#[tokio::test]
async fn without_mail_in_the_configuration_send_says_what_to_add() {
    let stage = Stage::set().await;
    let text = stage.read("mentord.toml");
    let mail = &text[text.find("[mail]").unwrap()..text.find("[[connections]]").unwrap()];
    stage.configure(mail, "");
    stage.run(&["send"]).await.ends_with(1).complains_of(&["no [mail] section", "`smtp_url` and `from`"]);
}

#[tokio::test]
async fn two_sends_at_the_same_time_send_everything_once() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    let (one, other) = tokio::join!(stage.run(&["send"]), stage.run(&["send"]));
    one.ends_with(0);
    other.ends_with(0);
    assert_eq!(stage.mails().await.len(), 4);
}

#[tokio::test]
async fn what_the_mail_server_does_not_take_at_once_is_waited_for() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.soon().await;
    // Three at once, and then one in more than two seconds.
    stage.configure("max_per_minute = 100000", "max_per_minute = 30");
    stage.run(&["sync"]).await.went_well();
    let begun = std::time::Instant::now();
    stage.run(&["send"]).await.went_well().says(&["4 sent, 0 withdrawn, 0 not sent"]);
    assert!(begun.elapsed().as_secs() >= 2, "{:?}", begun.elapsed());
    assert_eq!(recipients(&stage.mails().await), BTreeSet::from([ADA, BEN, CHEN, DARA]));
}
