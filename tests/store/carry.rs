//! From SQLite to PostgreSQL.

use std::time::Duration;

use mentord::store::{Consent, ConsentKind, Sealed};

use crate::fresh::*;

/// A database with something in every table that is carried over.
async fn full() -> Fresh {
    let (fresh, pairing, session) = Fresh::with_session(Sqlite).await;
    let store = &fresh.store;
    store.add_evidence(&session.id, &settled("manager", at(12)), at(12)).await.unwrap();
    fresh.plan(&[alert(&pairing, "a", at(9)), alert(&pairing, "b", at(9))], &[], at(5)).await;
    let (_, lease) = store.claim_alerts(at(9), 1).await.unwrap().remove(0);
    let _ = store.alert_sent(&lease, "<a@acme.example>", "250 ok", at(9)).await.unwrap();
    assert!(store.take_slot("digest eng", at(9), &[], at(9)).await.unwrap());
    let calendar = store.calendars().await.unwrap().remove(0).id;
    store
        .expect_channel("channel", calendar, "digest", "https://m.example/notices", at(9), at(10))
        .await
        .unwrap();
    let ada = address("ada@acme.example");
    let scopes = ["events".to_owned()];
    let sealed = Sealed { tokens: "1.key.data", scopes: &scopes, lasts_s: 3600, provider_id: None };
    store.save_consent("acme", &ada, sealed, None, at(9)).await.unwrap();
    let link = Consent {
        hash: "hash".to_owned(),
        kind: ConsentKind::Withdraw,
        connection: "acme".to_owned(),
        address: ada,
        browser: None,
        link: None,
        expires_at: at(10),
        used_at: None,
    };
    store.add_consent(&link, at(9)).await.unwrap();
    // More than one page, with text of every kind.
    fresh
        .raw(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
             INSERT INTO audit (at, actor, action, details)
             SELECT '2026-03-01T08:00:00.123456+00:00', 'Zoë ' || i, 'tries', '\"%''\\' || i FROM n",
        )
        .await;
    fresh.raw("INSERT INTO restoration (restored_at) VALUES ('2026-03-01T00:00:00+00:00')").await;
    fresh
}

async fn target() -> (Place, Store) {
    let place = Place::new(Postgres).await;
    let store = Store::open(&place.database()).await.unwrap();
    store.migrate().await.unwrap();
    (place, store)
}

#[tokio::test]
async fn everything_arrives_and_goes_on() {
    let (from, (_place, to)) = (full().await, target().await);
    let done = from.store.carry_over(&to, "test", at(20)).await.unwrap();
    assert!(!done.before);
    assert!(done.rows.iter().all(|(_, rows)| *rows > 0), "{:?}", done.rows);

    let pairing = from.store.pairings(None).await.unwrap().remove(0);
    assert_eq!(to.pairings(None).await.unwrap(), std::slice::from_ref(&pairing));
    let sessions = from.store.sessions_of(pairing.id).await.unwrap();
    assert_eq!(to.sessions_of(pairing.id).await.unwrap(), sessions);
    assert_eq!(to.alerts(None).await.unwrap(), from.store.alerts(None).await.unwrap());
    assert_eq!(to.calendars().await.unwrap(), from.store.calendars().await.unwrap());
    let copies = from.store.copies_of(pairing.id).await.unwrap();
    assert_eq!(to.copies_of(pairing.id).await.unwrap(), copies);
    for session in &sessions {
        let evidence = from.store.evidence_of(&session.id).await.unwrap();
        assert_eq!(to.evidence_of(&session.id).await.unwrap(), evidence);
    }

    // New rows get new numbers.
    let new = [entry("eng", "ada", "grace"), entry("eng", "joan", "lin")];
    let change = to.import_roster(&new, day(2), "test", at(21), false).await.unwrap();
    assert_eq!(change.added.len(), 1);
}

#[tokio::test]
async fn doing_it_again_compares_and_changes_nothing() {
    let (from, (place, to)) = (full().await, target().await);
    let first = from.store.carry_over(&to, "test", at(20)).await.unwrap();
    let again = from.store.carry_over(&to, "test", at(21)).await.unwrap();
    assert!(again.before);
    assert_eq!(again.rows, first.rows);

    let Place::Postgres { url, .. } = &place else { unreachable!("a server") };
    crate::postgres::run(url, "UPDATE session SET reason = reason || '!'").await;
    let error = from.store.carry_over(&to, "test", at(22)).await.unwrap_err().to_string();
    assert!(error.contains("other data already (table session: row 1 is different)"), "{error}");
    crate::postgres::run(url, "DELETE FROM delivery; DELETE FROM alert WHERE alert_key = 'a'").await;
    crate::postgres::run(url, "UPDATE session SET reason = rtrim(reason, '!')").await;
    let error = from.store.carry_over(&to, "test", at(22)).await.unwrap_err().to_string();
    assert!(error.contains("table alert"), "{error}");
}

#[tokio::test]
async fn an_interruption_leaves_nothing_half_done() {
    let (from, (_place, to)) = (full().await, target().await);
    let mut interrupted = 0;
    for milliseconds in [1, 5, 10, 20, 40, 80] {
        let limit = Duration::from_millis(milliseconds);
        match tokio::time::timeout(limit, from.store.carry_over(&to, "test", at(20))).await {
            Ok(done) => assert!(!done.unwrap().before || interrupted < 6),
            Err(_) => {
                interrupted += 1;
                assert_eq!(to.participants().await.unwrap(), []);
            }
        }
    }
    assert!(interrupted > 0);
    let done = from.store.carry_over(&to, "test", at(20)).await.unwrap();
    assert!(done.rows.iter().all(|(_, rows)| *rows > 0), "{:?}", done.rows);
    assert_eq!(to.alerts(None).await.unwrap(), from.store.alerts(None).await.unwrap());
}

#[tokio::test]
async fn only_from_a_file_to_a_server() {
    let (from, (_place, to)) = (full().await, target().await);
    let error = to.carry_over(&from.store, "test", at(20)).await.unwrap_err().to_string();
    assert!(error.contains("only a SQLite database"), "{error}");
}
