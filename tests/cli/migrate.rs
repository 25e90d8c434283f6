//! `mentord migrate`, and a whole installation on PostgreSQL.

use crate::postgres::Server;
use crate::service::{Service, quick};
use crate::stage::{ADA, BEN, Stage, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_carried_over_and_lives_on() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.soon().await;
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well();
    let before = [stage.list("sessions").await, stage.list("pairings").await, stage.list("alerts").await];
    let mails = stage.mails().await.len();
    assert!(mails > 0);

    let server = Server::shared();
    let url = server.database().await;
    for words in ["now holds the same as", "holds the same as"] {
        stage.run(&["migrate", "--to", &url]).await.went_well().says(&[words, " session\n"]);
    }
    stage.configure("sqlite:mentord.db", &url);
    let after = [stage.list("sessions").await, stage.list("pairings").await, stage.list("alerts").await];
    assert_eq!(after, before);

    // Nothing goes out a second time, and what is new goes out.
    stage.run(&["send"]).await.went_well().says(&["0 sent"]);
    let meeting = stage.book(BEN, &[ADA], "Mentoring", (50, 30), mentord::sandbox::Conference::Meet).await;
    stage.run(&["sync"]).await.went_well();
    quick(&stage);
    let mut service = Service::start_with(&stage, &[], &[], "postgres.log");
    service.ready().await;
    eventually("a reminder", async || (stage.mails().await.len() > mails).then_some(())).await;
    service.stop().await;
    let sessions = stage.sessions_of(ADA).await;
    assert_eq!(sessions.len(), 3, "{meeting:?}");
}

#[tokio::test]
async fn a_target_that_is_none_is_refused() {
    let stage = Stage::set().await;
    stage.run(&["migrate", "--to", "mentord.db"]).await.ends_with(2).complains_of(&["postgres://user@host"]);
    let nobody = "postgres://mentord:s3cret@127.0.0.1:1/mentord";
    let refused = stage.run(&["migrate", "--to", nobody]).await.ends_with(1);
    let refused = refused.complains_of(&["postgres://127.0.0.1:1/mentord"]);
    assert!(!refused.err.contains("s3cret"), "{}", refused.err);
}
