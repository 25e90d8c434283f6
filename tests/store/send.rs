//! The outbox.

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn an_alert_is_single_and_what_was_sent_stays_sent(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let mut reminder = alert(&pairing, "k", at(9));
    fresh.plan(&[reminder.clone()], &[], at(1)).await;
    fresh.plan(&[reminder.clone()], &[], at(1)).await;
    assert_eq!(store.alerts_of(pairing.id).await.unwrap().len(), 1);

    // Withdrawn, and planned again with another time.
    let gone = [(key("k"), "called off".to_owned())];
    fresh.plan(&[], &gone, at(2)).await;
    let found = store.alert(&key("k")).await.unwrap().unwrap();
    assert_eq!(found.state, AlertState::Withdrawn);
    assert_eq!(found.reason.as_deref(), Some("called off"));
    assert_eq!(store.next_due(Queue::Alerts).await.unwrap(), None);
    reminder.due_at = at(8);
    fresh.plan(&[reminder.clone()], &[], at(3)).await;
    let found = store.alert(&key("k")).await.unwrap().unwrap();
    assert_eq!((found.state, found.reason), (AlertState::Planned, None));
    assert_eq!(found.alert, reminder);
    // Planned, and given another time.
    reminder.due_at = at(7);
    fresh.plan(&[reminder.clone()], &[], at(3)).await;
    assert_eq!(store.next_due(Queue::Alerts).await.unwrap(), Some(at(7)));

    assert_eq!(store.claim_alerts(at(6), 9).await.unwrap(), []);
    let (claimed, lease) = store.claim_alerts(at(7), 9).await.unwrap().remove(0);
    assert_eq!(claimed.alert, reminder);
    // What is just being sent is nobody else's.
    reminder.due_at = at(20);
    fresh.plan(&[reminder.clone()], &gone, at(7)).await;
    assert_eq!(store.claim_alerts(at(30), 9).await.unwrap(), []);
    let sent = store.alert_sent(&lease, "<k@example.org>", "250 ok", at(7)).await.unwrap();
    assert_eq!(sent, Finished::Done(()));

    fresh.plan(&[reminder], &gone, at(8)).await;
    let found = store.alert(&key("k")).await.unwrap().unwrap();
    assert_eq!(found.state, AlertState::Sent);
    assert_eq!((found.sent_at, found.attempts), (Some(at(7)), 1));
    assert_eq!(found.message_id.as_deref(), Some("<k@example.org>"));
    assert_eq!(store.claim_alerts(at(30), 9).await.unwrap(), []);
    assert_eq!(store.alerts(Some("eng")).await.unwrap(), [found]);
    assert_eq!(store.alerts(Some("ops")).await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn what_was_sent_without_a_lease_is_sent_all_the_same(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    fresh.plan(&[alert(&pairing, "k", at(9))], &[], at(1)).await;
    let (_, slow) = store.claim_alerts(at(9), 1).await.unwrap().remove(0);
    fresh.raw("UPDATE alert SET lease_until = 0").await;
    fresh.plan(&[], &[(key("k"), "called off".to_owned())], at(9)).await;
    let sent = store.alert_sent(&slow, "<k@example.org>", "250 ok", at(9)).await.unwrap();
    assert_eq!(sent, Finished::NotMine);
    let found = store.alert(&key("k")).await.unwrap().unwrap();
    assert_eq!((found.state, found.sent_at), (AlertState::Sent, Some(at(9))));
    fresh.plan(&[alert(&pairing, "k", at(20))], &[], at(9)).await;
    assert_eq!(store.claim_alerts(at(30), 1).await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn a_failed_alert_is_tried_again_until_it_is_final(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let planned = [alert(&pairing, "a", at(4)), alert(&pairing, "b", at(2)), alert(&pairing, "c", at(3))];
    fresh.plan(&planned, &[], at(1)).await;
    let claim = |now: i64| async move {
        let mut claimed = store.claim_alerts(at(now), 1).await.unwrap();
        claimed.remove(0)
    };

    for due_first in ["b", "c"] {
        let (first, lease) = claim(5).await;
        assert_eq!(first.alert.key, key(due_first), "the longest due first");
        let withdrawn = store.alert_withdrawn(&lease, "paused").await.unwrap();
        assert_eq!(withdrawn, Finished::Done(()));
        let again = store.alert_withdrawn(&lease, "paused").await.unwrap();
        assert_eq!(again, Finished::NotMine);
    }

    let (_, lease) = claim(4).await;
    let retry = store.alert_failed(&lease, "451 later", Some(at(5)), at(4)).await.unwrap();
    assert_eq!(retry, Finished::Done(()));
    let (found, lease) = claim(5).await;
    assert_eq!((found.attempts, found.error.as_deref()), (1, Some("451 later")));
    let last = store.alert_failed(&lease, "550 no such user", None, at(5)).await.unwrap();
    assert_eq!(last, Finished::Done(()));
    let found = store.alert(&key("a")).await.unwrap().unwrap();
    assert_eq!((found.state, found.attempts), (AlertState::Failed, 2));
    assert_eq!(found.reason.as_deref(), Some("550 no such user"));
    fresh.plan(&planned[..1], &[], at(6)).await;
    assert_eq!(store.next_due(Queue::Alerts).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_plan_on_old_facts_is_not_written(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let lease = fresh.claim_plan(at(1)).await;
    assert_eq!(lease.on(), &pairing.id);
    assert_eq!(store.claim_pairings_to_plan(at(1), 9).await.unwrap(), []);
    // Even when it is still the same moment.
    fresh.detect(&[session], &[], &[], at(1)).await;
    let planned = store.save_plan(&lease, &[alert(&pairing, "k", at(9))], &[], None, at(1)).await.unwrap();
    assert_eq!(planned, Finished::NotMine);
    assert_eq!(store.alerts(None).await.unwrap(), []);

    let lease = fresh.claim_plan(at(1)).await;
    let planned = store.save_plan(&lease, &[], &[], None, at(1)).await.unwrap();
    assert_eq!(planned, Finished::Done(()));
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_slot_is_taken_once(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    assert_eq!(store.last_slot("digest eng").await.unwrap(), None);
    let digest =
        Alert { pairing: None, person: None, kind: Kind::Digest, ..alert(&pairing, "digest", at(9)) };
    let mut taken = 0;
    for _ in 0..3 {
        let alerts = [digest.clone()];
        let mine = store.take_slot("digest eng", at(9), &alerts, at(9)).await;
        taken += i32::from(mine.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(store.alerts(None).await.unwrap().len(), 1);
    assert!(store.take_slot("digest eng", at(33), &[], at(33)).await.unwrap());
    assert_eq!(store.last_slot("digest eng").await.unwrap(), Some(at(33)));
    assert_eq!(store.last_slot("digest ops").await.unwrap(), None);
}
