//! Keeping tokens: sealed, renewed by one at a time, saved before they are used.

use chrono::TimeDelta;
use mentord::config;
use mentord::domain::calendar::CalendarState;
use mentord::pipeline::accounts::{Keyring, Owner};
use mentord::providers::Tokens as _;
use mentord::sandbox::Fault;
use mentord::store::{ConsentKind, Finished, Sealed};
use rstest::rstest;
use secrecy::ExposeSecret as _;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::browser::connect;
use crate::stage::*;

const NEEDED: &str = "Calendars.Read";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_who_need_a_new_token_at_once_make_one_request(#[values(Sqlite, Postgres)] on: On) {
    let stage = Stage::on(on).await;
    connect(&stage, CHEN).await;
    let another = stage.another().await;
    let accounts = |context: &mentord::pipeline::Context| context.accounts["contoso"].clone();
    let (here, there) = (accounts(&stage.context), accounts(&another));
    let chen = address(CHEN);
    let mut old = here.token(&chen, NEEDED).await.expect("a token");
    // Each round rotates the refresh token: one that was lost would end it.
    for _ in 0..3 {
        stage.world.expire_tokens().await.expect("to expire");
        here.reject(&chen, &old).await.expect("to reject");
        // The same again, by somebody who was slower, is about the old token only.
        stage.requests("").await;
        let (here, there, who) = (here.clone(), there.clone(), chen.clone());
        let ask = |accounts: mentord::pipeline::accounts::Accounts| {
            let who = who.clone();
            tokio::spawn(async move { accounts.token(&who, NEEDED).await.expect("a token") })
        };
        let asked: Vec<_> =
            (0..8).map(|n| ask(if n % 2 == 0 { here.clone() } else { there.clone() })).collect();
        let mut tokens = Vec::new();
        for token in asked {
            tokens.push(token.await.expect("an end").expose_secret().to_owned());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
        assert_ne!(tokens[0], old.expose_secret());
        assert_eq!(stage.requests("/token").await, 1);
        here.reject(&chen, &old).await.expect("to reject");
        assert_eq!(here.token(&chen, NEEDED).await.expect("a token").expose_secret(), tokens[0]);
        old = tokens.remove(0).into();
    }
    assert_eq!(stage.requests("/token").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_sign_in_service_passes() {
    let stage = Stage::new().await;
    connect(&stage, CHEN).await;
    stage.sync().await;
    stage.world.expire_tokens().await.expect("to expire");
    let fault = Fault { path_contains: "/token".into(), status: 503, times: 1, ..Fault::default() };
    stage.world.fault(&fault).await.expect("a fault");
    stage.pass(TimeDelta::hours(1));
    stage.sync().await;
    assert_eq!(stage.calendar(CHEN).await.state, CalendarState::BackingOff);
    stage.pass(TimeDelta::hours(1));
    stage.sync().await;
    let calendar = stage.calendar(CHEN).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
}

/// Microsoft gives a new refresh token with each renewal: one that is not written down is lost.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_cannot_be_written_down_at_first_are_written_down_again() {
    let stage = Stage::new().await;
    connect(&stage, CHEN).await;
    let accounts = stage.context.accounts["contoso"].clone();
    let old = accounts.token(&address(CHEN), NEEDED).await.expect("a token");
    accounts.reject(&address(CHEN), &old).await.expect("to reject");
    let before = stage.account(CHEN).await.expect("an account").tokens;
    let file = stage.dir.path().join("mentord.db");
    let mut database = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file))
        .await
        .expect("the database");
    sqlx::raw_sql(
        "CREATE TRIGGER full BEFORE UPDATE OF tokens ON account
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    )
    .execute(&mut database)
    .await
    .expect("a trigger");
    stage.requests("").await;
    let asking = tokio::spawn({
        let accounts = accounts.clone();
        async move { accounts.token(&address(CHEN), NEEDED).await }
    });
    while !stage.world.requests().await.expect("requests").iter().any(|it| it.ends_with("/token")) {
        tokio::task::yield_now().await;
    }
    // What was renewed is not used before it is written down.
    assert_eq!(stage.account(CHEN).await.expect("an account").tokens, before);
    assert!(!asking.is_finished());
    sqlx::raw_sql("DROP TRIGGER full").execute(&mut database).await.expect("room");
    let token = asking.await.expect("an end").expect("a token");
    assert_ne!(token.expose_secret(), old.expose_secret());
    assert_ne!(stage.account(CHEN).await.expect("an account").tokens, before);
    assert_eq!(stage.requests("/token").await, 1);
    // The rotated refresh token is the one that is good.
    accounts.reject(&address(CHEN), &token).await.expect("to reject");
    accounts.token(&address(CHEN), NEEDED).await.expect("a token");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_without_anybody_consenting_again(#[values(Sqlite, Postgres)] on: On) {
    let stage = Stage::on(on).await;
    for who in [ADA, CHEN] {
        connect(&stage, who).await;
    }
    let key_file = stage.dir.path().join("accounts-key");
    let write = |text: &str| std::fs::write(&key_file, text).expect("a file");
    let before = stage.account(ADA).await.expect("an account").tokens;
    // Known first, and used once everybody knows it: what one instance seals, the others open.
    write(&format!("{KEY}\n{NEXT_KEY}\n"));
    let other = stage.restart().await;
    write(&format!("# the newest first\n{NEXT_KEY}\n\n{KEY}\n"));
    // A command seals nothing anew: the service may not know the key yet.
    stage.another().await;
    assert_eq!(stage.account(ADA).await.expect("an account").tokens, before);
    let rotated = stage.restart().await;
    let after = stage.account(ADA).await.expect("an account").tokens;
    assert_ne!(before, after);
    // The old key may go now.
    write(NEXT_KEY);
    let later = stage.restart().await;
    for context in [&rotated, &later, &other] {
        context.accounts["contoso"].token(&address(CHEN), NEEDED).await.expect("a token");
    }
    // With a key that never sealed anything, nothing opens, and it is said why.
    write(KEY);
    let lost = stage.restart().await;
    let error = lost.accounts["contoso"].token(&address(CHEN), NEEDED).await.expect_err("no key");
    let error = error.to_string();
    assert!(error.contains("key_file") && error.contains("mentord connect"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_link_stands_in_the_database() {
    let stage = Stage::new().await;
    for who in [ADA, CHEN] {
        connect(&stage, who).await;
    }
    let link = stage.link(BEN, ConsentKind::Connect).await;
    stage.sync().await;
    let mut planted = vec![link.rsplit('/').next().expect("a secret").to_owned()];
    for who in [ADA, CHEN] {
        let sealed = stage.account(who).await.and_then(|account| account.tokens).expect("tokens");
        let keys = Keyring::new(stage.config().accounts.as_ref().expect("keys"));
        let (connection, address) = (connection(who), address(who));
        let open = keys.open(&sealed, Owner { connection, address: &address }).expect("ours");
        let pair: serde_json::Value = serde_json::from_str(open.expose_secret()).expect("JSON");
        for name in ["access", "refresh"] {
            let token = pair[name].as_str().expect("a token");
            // What a token of this vendor begins with might be anywhere.
            planted.push(token[token.len() - 20..].to_owned());
        }
    }
    assert_eq!(planted.len(), 5);
    stage.context.store.close().await;
    let mut read = 0;
    for file in std::fs::read_dir(stage.dir.path()).expect("a folder") {
        let file = file.expect("a file").path();
        if !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mentord.db")) {
            continue;
        }
        let bytes = std::fs::read(&file).expect("bytes");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!planted.iter().any(|secret| text.contains(secret)), "{}", file.display());
        read += usize::from(text.contains(ADA));
    }
    assert!(read > 0, "the database was looked at");
    // A configuration that is printed shows no key, either.
    let shown = format!("{:?}", stage.config());
    assert!(!shown.contains(KEY) && !shown.contains(&stage.sandbox.google_client().client_secret));
    let config::Accounts { keys } = stage.config().accounts.expect("keys");
    assert_eq!(keys.len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_renew_is_one_at_a_time_and_ends_with_the_consent(#[values(Sqlite, Postgres)] on: On) {
    let stage = Stage::on(on).await;
    connect(&stage, CHEN).await;
    let (store, chen) = (&stage.context.store, address(CHEN));
    let take = async || store.take_refresh("contoso", &chen, 10_000).await.expect("the database");
    assert!(store.take_refresh("contoso", &chen, 60).await.expect("the database").is_none(), "still good");
    let first = take().await.expect("the right");
    assert!(take().await.is_none(), "somebody has it");
    assert!(matches!(store.release_refresh(&first).await, Ok(Finished::Done(()))));
    let second = take().await.expect("the right");
    // Who was slow writes nothing over what others have written.
    let scopes = [NEEDED.to_owned()];
    let sealed = Sealed { tokens: "late", scopes: &scopes, lasts_s: 3600, provider_id: None };
    assert!(matches!(store.save_refreshed(&first, sealed).await, Ok(Finished::NotMine)));
    // Nor does who has the right, once the person withdrew.
    store.withdraw_consent("contoso", &chen, "withdrawn", stage.context.clock.now()).await.expect("to");
    assert!(matches!(store.save_refreshed(&second, sealed).await, Ok(Finished::NotMine)));
    let account = stage.account(CHEN).await.expect("an account");
    assert_eq!(account.tokens, None);
    assert!(take().await.is_none());
}
