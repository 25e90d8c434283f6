//! Who runs, and how things stand.

use mentord::store::{AlertCensus, CalendarCensus, Instance, InstanceState, QueueCensus, ScheduleCensus};
use rstest::rstest;

use crate::fresh::*;

fn instance(id: &str) -> Instance {
    Instance { id: id.to_owned(), host: "mentoring-1".to_owned(), pid: 4711, version: "1.2.3".to_owned() }
}

#[rstest]
#[tokio::test]
async fn instances_are_seen_fall_silent_and_are_forgotten(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let store = &fresh.store;
    assert_eq!(store.instances().await.unwrap(), []);
    store.instance_seen(&instance("a"), None).await.unwrap();
    fresh.raw("UPDATE instance SET started_at = started_at - 100, seen_at = seen_at - 25").await;
    let found = store.instances().await.unwrap().remove(0);
    assert_eq!(
        (found.id.as_str(), found.host.as_str(), found.pid, found.version.as_str(), found.state),
        ("a", "mentoring-1", 4711, "1.2.3", InstanceState::Running)
    );
    assert_eq!((found.seen_at - found.started_at).num_seconds(), 75);

    fresh.raw("UPDATE instance SET seen_at = seen_at - 10").await;
    assert_eq!(store.instances().await.unwrap()[0].state, InstanceState::Silent);
    // Back again, it is the one that it was.
    let since = store.instance_seen(&instance("a"), None).await.unwrap();
    assert_eq!(since, found.started_at.timestamp());
    let again = store.instances().await.unwrap().remove(0);
    assert_eq!((again.started_at, again.state), (found.started_at, InstanceState::Running));
    // Even after somebody forgot it.
    store.instance_left("a").await.unwrap();
    assert_eq!(store.instance_seen(&instance("a"), Some(since)).await.unwrap(), since);
    assert_eq!(store.instances().await.unwrap()[0].started_at, found.started_at);

    // A day without a word.
    store.instance_seen(&instance("b"), None).await.unwrap();
    fresh.raw("UPDATE instance SET seen_at = seen_at - 86300 WHERE id = 'a'").await;
    store.instance_seen(&instance("b"), None).await.unwrap();
    assert_eq!(store.instances().await.unwrap().len(), 2);
    fresh.raw("UPDATE instance SET seen_at = seen_at - 200 WHERE id = 'a'").await;
    store.instance_seen(&instance("b"), None).await.unwrap();
    let left: Vec<_> = store.instances().await.unwrap().into_iter().map(|found| found.id).collect();
    assert_eq!(left, ["b"]);
    store.instance_left("b").await.unwrap();
    assert_eq!(store.instances().await.unwrap(), []);
}

/// What is due in a queue, as (waiting, in hand, since when).
fn due(queues: &[QueueCensus], name: &str) -> (u32, u32, Option<DateTime<Utc>>) {
    let found = queues.iter().find(|queue| queue.queue == name).unwrap();
    assert_eq!(found.oldest_due_at.is_some(), found.oldest_due_s.is_some());
    (found.waiting, found.in_hand, found.oldest_due_at)
}

#[rstest]
#[tokio::test]
async fn a_snapshot_counts_what_is_due_and_what_there_is(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let empty = Fresh::new(on).await.store.snapshot(at(0)).await.unwrap();
    assert_eq!(
        empty.queues.iter().map(|queue| queue.queue).collect::<Vec<_>>(),
        ["sync", "watch", "detect", "fetch", "judge", "plan", "send"]
    );
    assert!(empty.queues.iter().all(|queue| due(&empty.queues, queue.queue) == (0, 0, None)));
    assert_eq!((&empty.calendars, &empty.alerts), (&CalendarCensus::default(), &AlertCensus::default()));
    assert_eq!((empty.schedules, empty.instances, empty.restored_at), (vec![], vec![], None));
    assert!(empty.schema_version.is_some() && empty.schema_current);

    // One calendar was read at hour 1 and is in trouble since, the other never.
    store.sync_all_now(at(30)).await.unwrap();
    store.ensure_calendars(&[], at(3)).await.unwrap();
    let wanted: Vec<_> =
        pairing.members().map(|(_, person)| ("acme", person.id, person.main().clone())).collect();
    store.ensure_calendars(&wanted, at(3)).await.unwrap();
    let (_, lease) = fresh.claim_calendar(at(3)).await;
    let failed = store.fail_sync(&lease, CalendarState::BackingOff, "503", at(31), false).await.unwrap();
    assert_eq!(failed, Finished::Done(()));
    // Alerts in every state.
    let alerts: Vec<_> = (4..10).map(|hour| alert(&pairing, &format!("due at {hour}"), at(hour))).collect();
    fresh.plan(&alerts, &[], at(1)).await;
    fresh.plan(&[], &[(key("due at 9"), "called off".to_owned())], at(2)).await;
    let mut claimed = store.claim_alerts(at(5), 2).await.unwrap();
    let _ = store.alert_sent(&claimed.remove(0).1, "<k@example.org>", "250 ok", at(5)).await.unwrap();
    let _ = store.alert_failed(&claimed.remove(0).1, "550", None, at(5)).await.unwrap();
    store.claim_alerts(at(6), 1).await.unwrap();
    assert!(store.take_slot("digest:eng:0", at(1), &[], at(1)).await.unwrap());
    assert!(store.take_slot("digest:eng:0", at(5), &[], at(5)).await.unwrap());
    store.instance_seen(&instance("a"), None).await.unwrap();

    let now = at(7) + TimeDelta::minutes(1);
    let seen = store.snapshot(now).await.unwrap();
    assert_eq!(seen.as_of, now);
    assert_eq!(seen.database, store.place());
    assert_eq!(due(&seen.queues, "sync"), (1, 0, Some(at(3))));
    assert_eq!(due(&seen.queues, "detect"), (0, 0, None));
    // The session is at hour 10.
    assert_eq!(due(&seen.queues, "fetch"), (0, 0, None));
    assert_eq!(due(&seen.queues, "judge"), (1, 0, Some(at(1))));
    // Due at 6 is in hand, due at 7 waits, due at 8 has time.
    assert_eq!(due(&seen.queues, "send"), (1, 1, Some(at(7))));
    let send = seen.queues.last().unwrap();
    assert_eq!(send.oldest_due_s, Some(60));
    assert_eq!(
        seen.calendars,
        CalendarCensus {
            active: 1,
            backing_off: 1,
            stale: 1,
            never_synced: 1,
            oldest_synced_at: Some(at(1)),
            ..CalendarCensus::default()
        }
    );
    assert_eq!(seen.alerts, AlertCensus { planned: 3, sent: 1, withdrawn: 1, failed: 1 });
    let slot = ScheduleCensus { schedule: "digest:eng:0".to_owned(), last_slot: at(5) };
    assert_eq!(seen.schedules, [slot]);
    assert_eq!(seen.instances.len(), 1);

    // A day later the other one is stale as well.
    let later = at(1) + TimeDelta::days(1);
    assert_eq!(store.calendar_census(later).await.unwrap().stale, 1);
    assert_eq!(store.calendar_census(later + TimeDelta::seconds(1)).await.unwrap().stale, 2);
    // A lease that ran out is nobody's.
    fresh.leases_run_out().await;
    assert_eq!(due(&store.snapshot(now).await.unwrap().queues, "send"), (2, 0, Some(at(6))));
}
