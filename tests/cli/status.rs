//! `mentord status`: who runs and how things stand, on both databases.

use serde_json::{Value, json};

use crate::lists::{fields, sorted};
use crate::postgres::Server;
use crate::service::{Service, quick};
use crate::stage::{Stage, eventually, now};

async fn status(stage: &Stage) -> Value {
    let mut objects = stage.list("status").await;
    assert_eq!(objects.len(), 1);
    objects.remove(0)
}

/// Does something to the stage's database.
async fn raw(stage: &Stage, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(stage.file("mentord.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn the_status_has_its_fields_and_is_shown_while_nobody_runs() {
    let stage = Stage::set().await;
    stage.missed().await;
    stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    let status = status(&stage).await;
    let expected = [
        "as_of",
        "database",
        "schema_version",
        "schema_current",
        "restored_at",
        "instances",
        "queues",
        "calendars",
        "alerts",
        "schedules",
        "held",
    ];
    assert_eq!(fields(&status), sorted(&expected));
    assert!(status["database"].as_str().unwrap().ends_with("mentord.db"));
    assert_eq!((&status["schema_current"], &status["restored_at"]), (&true.into(), &Value::Null));
    let as_of: chrono::DateTime<chrono::Utc> = status["as_of"].as_str().unwrap().parse().unwrap();
    assert!((now() - as_of).num_minutes() < 5 && status["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(status["instances"], json!([]));
    for queue in status["queues"].as_array().unwrap() {
        let expected = ["queue", "waiting", "in_hand", "oldest_due_at", "oldest_due_s"];
        assert_eq!(fields(queue), sorted(&expected));
    }
    let send = status["queues"].as_array().unwrap().last().unwrap();
    assert_eq!((&send["queue"], &send["waiting"], &send["in_hand"]), (&"send".into(), &4.into(), &0.into()));
    assert!(send["oldest_due_s"].as_i64().unwrap() > 0);
    let calendars = &status["calendars"];
    assert!(calendars["oldest_synced_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&calendars["active"], &calendars["stale"]), (&7.into(), &0.into()));
    assert_eq!(status["alerts"], json!({"planned": 4, "sent": 0, "withdrawn": 0, "failed": 0}));
    assert_eq!((&status["schedules"], &status["held"]), (&json!([]), &json!([])));

    stage.run(&["status"]).await.went_well().says(&[", up to date", "No service is running", "IN HAND"]);
}

#[tokio::test]
async fn a_service_is_seen_from_its_start_to_its_end_and_stays_itself_over_a_reload() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    let first = status(&stage).await["instances"].clone();
    assert_eq!(first.as_array().unwrap().len(), 1, "{first}");
    assert_eq!(
        fields(&first[0]),
        sorted(&["id", "host", "pid", "version", "started_at", "seen_at", "state"])
    );
    assert_eq!((&first[0]["pid"], &first[0]["state"]), (&service.pid().into(), &"running".into()));
    assert_eq!(first[0]["version"], env!("CARGO_PKG_VERSION"));
    stage.run(&["status"]).await.went_well().says(&["INSTANCE", &service.pid().to_string(), "running"]);

    service.signal("HUP");
    service.logged("reloading").await;
    let again = eventually("it runs again", async || {
        let instances = status(&stage).await["instances"].clone();
        (service.log().matches("ready").count() == 2 && instances != json!([])).then_some(instances)
    })
    .await;
    assert_eq!((&again[0]["id"], &again[0]["started_at"]), (&first[0]["id"], &first[0]["started_at"]));
    service.stop().await;
    assert_eq!(status(&stage).await["instances"], json!([]));

    // One that did not end well is known by its silence.
    let mut killed = Service::start_with(&stage, &[], &[], "killed.log");
    killed.ready().await;
    killed.signal("KILL");
    assert_eq!(killed.end().await, None);
    assert_eq!(status(&stage).await["instances"][0]["state"], "running", "it was seen just now");
    raw(&stage, "UPDATE instance SET seen_at = seen_at - 60").await;
    assert_eq!(status(&stage).await["instances"][0]["state"], "silent");
}

#[tokio::test]
async fn on_postgresql_there_is_a_status_and_no_backup_and_a_restore_is_told_while_nobody_runs() {
    let server = Server::shared();
    let url = server.database().await;
    let stage = Stage::set().await;
    quick(&stage);
    stage.configure("sqlite:mentord.db", &url);
    stage.missed().await;
    let mut service = Service::start(&stage);
    service.ready().await;
    let seen = status(&stage).await;
    assert!(seen["database"].as_str().unwrap().starts_with("postgres://"), "{seen:#}");
    assert_eq!(seen["instances"][0]["pid"], service.pid());
    let sent = async || {
        let alerts = &status(&stage).await["alerts"];
        (alerts["sent"] == 2 && alerts["planned"] == 0).then_some(())
    };
    eventually("the alerts", sent).await;

    let copy = stage.path("copy.db");
    let refused = stage.run(&["backup", &copy]).await.ends_with(1);
    refused.complains_of(&["make the backup with `pg_dump`", "mentord restored --config"]);
    assert!(!stage.file("copy.db").exists());
    let pid = format!("process {}", service.pid());
    stage.run(&["restored"]).await.ends_with(1).complains_of(&["a service is running", &pid, "stop it"]);
    service.stop().await;

    // The alerts were sent after the dump was made, which knew nothing of them.
    for table in ["delivery", "alert"] {
        crate::postgres::run(&url, &format!("DELETE FROM {table}")).await;
    }
    crate::postgres::run(&url, "UPDATE pairing SET next_plan_at = now()").await;
    stage.run(&["restored"]).await.went_well().says(&["counts as restored at", "0 alerts were"]);
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    let status = status(&stage).await;
    assert_eq!(status["alerts"], json!({"planned": 0, "sent": 0, "withdrawn": 0, "failed": 2}));
    assert!(status["restored_at"].is_string());
    assert_eq!(stage.mails().await.len(), 2);
}
