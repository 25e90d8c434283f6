//! What the program itself says about consents: `mentord check --online` and `mentord serve`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use mentord::sandbox::Will;
use mentord::store::AccountState;

use crate::browser::connect;
use crate::stage::*;

fn mentord(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mentord"));
    command.env_clear().args(arguments).arg("--config").arg(stage.dir.path().join("mentord.toml"));
    command
}

async fn check(stage: &Stage) -> (Option<i32>, String) {
    let mut command = mentord(stage, &["check", "--online"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("an end").expect("a run");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_each_consent_that_does_not_hold_and_why() {
    let stage = Stage::new().await;
    for who in [ADA, BEN, CHEN] {
        connect(&stage, who).await;
    }
    // Ada's has ended at Google, Chen withdrew, Dara never consented, and Ben's token is too old.
    stage.world.revoke_consent(ADA).await.expect("to revoke");
    stage.world.expire_tokens().await.expect("to expire");
    let reason = "the person withdrew their consent on 2026-10-05";
    stage.context.accounts["contoso"].withdraw(&address(CHEN), reason).await.expect("the database");
    stage.requests("").await;
    let (code, told) = check(&stage).await;
    assert_eq!(code, Some(1), "{told}");
    for text in [
        "FAILED  connection acme: 1 of 2 calendars cannot be read",
        "ada@acme.example: consent is missing or was withdrawn: Google does not accept it any more",
        "FAILED  connection contoso: 2 of 2 calendars cannot be read",
        "chen@contoso.example: consent is missing or was withdrawn: the person withdrew",
        "dara@contoso.example: consent is missing or was withdrawn: nobody has consented yet",
        "mentord connect ADDRESS",
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
    assert!(!told.contains(BEN), "a token that is too old is renewed: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_whose_calls_were_left_out() {
    let stage = Stage::new().await;
    let left_out = Will { without: vec!["meetings.space".into(), "OnlineMeeting".into()], ..Will::default() };
    for (will, people) in [(Will::default(), [ADA, CHEN]), (left_out, [BEN, DARA])] {
        stage.world.will(&will).await.expect("a will");
        for who in people {
            connect(&stage, who).await;
        }
    }
    let (code, told) = check(&stage).await;
    assert_eq!(code, Some(0), "{told}");
    for (connection, scope, who) in
        [("acme", "meetings.space.readonly", BEN), ("contoso", "OnlineMeetingArtifact.Read.All", DARA)]
    {
        assert!(
            told.contains(&format!("ok      connection {connection}: 2 calendars can be read")),
            "{told}"
        );
        let warning = format!("warning connection {connection}: who was in the calls of these people");
        let warning = &told[told.find(&warning).unwrap_or_else(|| panic!("{told}"))..];
        assert!(warning.contains(scope) && warning.contains(who), "{told}");
    }
    assert!(!told.contains(ADA) && !told.contains(CHEN), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_tells_of_tokens_that_none_of_its_keys_opens_and_seals_the_others_anew() {
    let stage = Stage::new().await;
    connect(&stage, ADA).await;
    let write = |text: &str| std::fs::write(stage.dir.path().join("accounts-key"), text).expect("a file");
    let before = stage.account(ADA).await.expect("an account").tokens;
    write(NEXT_KEY);
    assert!(starts(&stage).await.contains("tokens of 1 accounts open with none of the keys"));
    assert_eq!(stage.account(ADA).await.expect("an account").tokens, before);
    write(&format!("{NEXT_KEY}\n{KEY}\n"));
    assert!(starts(&stage).await.contains("tokens of 1 accounts were sealed with the newest key"));
    assert_ne!(stage.account(ADA).await.expect("an account").tokens, before);
}

/// What the service says until it is ready.
async fn starts(stage: &Stage) -> String {
    let mut command = mentord(stage, &["serve"]);
    let run = move || {
        let mut service = command.stderr(Stdio::piped()).spawn().expect("a service");
        let mut told = String::new();
        for line in BufReader::new(service.stderr.take().expect("a pipe")).lines() {
            told += &(line.expect("text") + "\n");
            if told.ends_with("ready\n") {
                break;
            }
        }
        service.kill().and_then(|()| service.wait()).expect("an end");
        told
    };
    tokio::task::spawn_blocking(run).await.expect("an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_that_nobody_withdrew() {
    let stage = Stage::new().await;
    connect(&stage, CHEN).await;
    stage.context.store.declare_restored("test", stage.now()).await.expect("the database");
    stage.pass(TimeDelta::hours(1));
    let mut command = mentord(&stage, &["restored", "--nobody-withdrew"]);
    let mut run = || {
        let output = command.output().expect("a run");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (first, second) = (run(), run());
    assert_eq!(first, (Some(0), "1 consent that was held stands again\n".to_owned()));
    assert_eq!(second, (Some(0), "no consent was held\n".to_owned()));
    assert_eq!(stage.account(CHEN).await.expect("an account").state, AccountState::Consented);
}
