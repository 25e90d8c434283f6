//! Stored data that make no sense.

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn unreadable_data_are_told_by_place(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    fresh.plan(&[alert(&pairing, "k", at(9))], &[], at(1)).await;
    let place = |error: StoreError| match error {
        StoreError::Corrupt { table, column, id } => format!("{table}.{column} {id}"),
        other => panic!("{other}"),
    };

    fresh.raw("UPDATE session SET status = 'splendid'").await;
    let error = store.session(&session.id).await.unwrap_err();
    assert_eq!(place(error), "session.status s1");
    fresh.raw("UPDATE copy SET responses = '{\"1\":'").await;
    let error = store.copies_of(pairing.id).await.unwrap_err();
    assert_eq!(place(error), "copy.responses 1");
    fresh.raw("UPDATE alert SET step = -1").await;
    let error = store.alert(&key("k")).await.unwrap_err();
    assert_eq!(place(error), "alert.step k");
    fresh.raw("UPDATE calendar SET window_to = NULL, failures = -1").await;
    let error = store.calendars().await.unwrap_err();
    assert_eq!(place(error), "calendar.window_to 1");
    fresh.raw("UPDATE address SET address = 'ada' WHERE participant = 1").await;
    let error = store.pairings(None).await.unwrap_err();
    assert_eq!(place(error), "pairing.address 1");
}

#[rstest]
#[tokio::test]
async fn one_unreadable_row_does_not_hold_up_the_others(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let second = session(&pairing, "s2", 20);
    fresh.detect(std::slice::from_ref(&second), &[], &[], at(2)).await;
    fresh.raw("UPDATE session SET people = 'nobody' WHERE id = 's1'").await;
    let claimed = store.claim_sessions_to_judge(at(3), 9).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|(session, _)| &session.id).collect();
    assert_eq!(ids, [&second.id]);
}
