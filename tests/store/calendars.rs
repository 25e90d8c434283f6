//! Calendars and what they say.

use std::collections::BTreeSet;

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn calendars_come_and_go_with_the_roster(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let all = store.calendars().await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].next_sync_at, at(0));
    assert_eq!(read(store, pairing.id).await, (2, None));

    let ada = ("acme", all[0].owner, all[0].address.clone());
    store.ensure_calendars(std::slice::from_ref(&ada), at(1)).await.unwrap();
    assert_eq!(store.calendars().await.unwrap(), all[..1]);
    fresh.read(pairing.id, facts("e1", 10), at(2)).await;
    assert_eq!(read(store, pairing.id).await, (1, Some(at(2))));

    let grace = ("acme", all[1].owner, all[1].address.clone());
    store.ensure_calendars(&[grace, ada], at(3)).await.unwrap();
    let back = store.calendars().await.unwrap();
    assert_eq!(back.len(), 2);
    assert_eq!((back[1].id, back[1].next_sync_at), (all[1].id, at(3)));
    assert_eq!(read(store, pairing.id).await, (2, None), "one was never read");

    store.ensure_calendars(&[], at(4)).await.unwrap();
    assert_eq!(read(store, pairing.id).await, (0, None));
    assert_eq!(store.next_due(Queue::Calendars).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn reading_a_calendar_is_all_or_nothing(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let (calendar, lease) = fresh.claim_calendar(at(1)).await;

    // A copy for a pairing that there is not: the good one is not written either.
    let bad = update(vec![(pairing.id, facts("e1", 10)), (PairingId(99), facts("e2", 11))], at(1));
    store.finish_sync(&lease, bad, at(1)).await.unwrap_err();
    assert_eq!(store.copies_on(calendar.id).await.unwrap(), []);
    let after = store.calendars().await.unwrap().remove(0);
    assert_eq!(after, calendar);

    // The lease still holds.
    let upserts = vec![(pairing.id, facts("e1", 10)), (pairing.id, facts("e2", 20))];
    let done = store.finish_sync(&lease, update(upserts, at(1)), at(1)).await.unwrap();
    let expected = SyncCounts { added: 2, changed: 0, gone: 0 };
    assert_eq!(done, Finished::Done(expected));
    let copies = store.copies_on(calendar.id).await.unwrap();
    assert_eq!(copies[0].facts, facts("e1", 10));
    assert_eq!(copies[0].owner, calendar.owner);
    assert_eq!(store.copies_by_event("e2").await.unwrap(), copies[1..]);
    let after = store.calendars().await.unwrap().remove(0);
    assert_eq!(after.cursor.as_ref().unwrap().0, format!("cursor of {}", at(1)));
    assert_eq!(after.last_synced_at, Some(at(1)));
    assert_eq!(after.next_sync_at, at(1) + TimeDelta::minutes(5));
}

#[rstest]
#[tokio::test]
async fn only_a_difference_is_a_change(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    fresh.read(pairing.id, facts("e1", 10), at(1)).await;
    let wanted = [("acme", pairing.mentor.as_ref().unwrap().id, address("ada@acme.example"))];
    store.ensure_calendars(&wanted, at(1)).await.unwrap();

    let same = fresh.read(pairing.id, facts("e1", 10), at(2)).await;
    assert_eq!(same[0].changed_at, at(1));

    let mut moved = facts("e1", 12);
    // Finer than databases keep: no reason to take it for a change every time.
    moved.start += TimeDelta::nanoseconds(123);
    let changed = fresh.read(pairing.id, moved.clone(), at(3)).await;
    assert_eq!(changed[0].changed_at, at(3));
    let again = fresh.read(pairing.id, moved, at(4)).await;
    assert_eq!(again, changed);

    for (now, gone) in [(5, 1), (6, 0)] {
        store.sync_all_now(at(now)).await.unwrap();
        let (_, lease) = fresh.claim_calendar(at(now)).await;
        let mut update = update(vec![], at(now));
        update.gone = vec![changed[0].id];
        let done = store.finish_sync(&lease, update, at(now)).await.unwrap();
        assert!(matches!(done, Finished::Done(counts) if counts.gone == gone));
    }
    let gone = store.copies_of(pairing.id).await.unwrap().remove(0);
    assert_eq!(gone.facts.state, CopyState::Gone);
    assert_eq!(gone.changed_at, at(5));
}

#[rstest]
#[tokio::test]
async fn whoever_lost_the_lease_writes_nothing(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let (calendar, slow) = fresh.claim_calendar(at(1)).await;
    fresh.raw("UPDATE calendar SET lease_until = 0").await;
    let (same, quick) = fresh.claim_calendar(at(1)).await;
    assert_eq!(calendar.id, same.id);

    let late = update(vec![(pairing.id, facts("e1", 10))], at(1));
    let finished = store.finish_sync(&slow, late.clone(), at(1)).await.unwrap();
    assert_eq!(finished, Finished::NotMine);
    let failed = store.fail_sync(&slow, CalendarState::Unreachable, "404", at(9), true).await.unwrap();
    assert_eq!(failed, Finished::NotMine);
    assert_eq!(store.copies_of(pairing.id).await.unwrap(), []);

    let failed = store.fail_sync(&quick, CalendarState::BackingOff, "503", at(2), false).await.unwrap();
    assert_eq!(failed, Finished::Done(()));
    let again = store.finish_sync(&quick, late, at(1)).await.unwrap();
    assert_eq!(again, Finished::NotMine, "a lease is good for once");
    let calendar = store.calendars().await.unwrap().remove(0);
    assert_eq!(calendar.state, CalendarState::BackingOff);
    assert_eq!(calendar.error.as_deref(), Some("503"));
    assert_eq!((calendar.failures, calendar.next_sync_at), (1, at(2)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_are_exclusive(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let roster: Vec<Entry> = (0..20).map(|n| entry("eng", "ada", &format!("mentee{n}"))).collect();
    fresh.import(&roster).await;
    let people = fresh.store.participants().await.unwrap();
    let wanted: Vec<_> = people.iter().map(|person| ("acme", person.id, person.main().clone())).collect();
    fresh.store.ensure_calendars(&wanted, at(0)).await.unwrap();

    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = fresh.store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..20 {
                    let claimed = store.claim_calendars("acme", at(0), 2).await.unwrap();
                    mine.extend(claimed.into_iter().map(|(calendar, _)| calendar.id));
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.len(), 21);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 21);
    let due = fresh.store.next_due(Queue::Calendars).await.unwrap();
    assert_eq!(due, None, "all are being worked on");

    fresh.leases_run_out().await;
    let claimed = fresh.store.claim_calendars("acme", at(0), 50).await.unwrap();
    assert_eq!(claimed.len(), 21);
}

#[rstest]
#[tokio::test]
async fn times_compare_with_and_without_fractions(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _) = Fresh::with_pair(on).await;
    let base = at(5);
    let times = [
        base - TimeDelta::microseconds(1),
        base,
        base + TimeDelta::microseconds(1),
        base + TimeDelta::milliseconds(500),
        base + TimeDelta::microseconds(500_001),
        base + TimeDelta::seconds(1),
        at(24 * 365 * 5),
    ];
    for due in times {
        for now in times {
            fresh.leases_run_out().await;
            fresh.store.ensure_calendars(&[], base).await.unwrap();
            let ada = ("acme", ParticipantId(1), address("ada@acme.example"));
            fresh.store.ensure_calendars(&[ada], due).await.unwrap();
            let found = fresh.store.next_due(Queue::Calendars).await.unwrap();
            assert_eq!(found, Some(due));
            let claimed = fresh.store.claim_calendars("acme", now, 1).await.unwrap();
            assert_eq!(!claimed.is_empty(), due <= now, "due {due}, now {now}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_lease_that_is_renewed_holds(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let (_, first) = fresh.claim_calendar(at(1)).await;
    fresh.raw("UPDATE calendar SET lease_until = lease_until - 59").await;
    assert!(store.renew(&first).await.unwrap());
    fresh.raw("UPDATE calendar SET lease_until = lease_until - 50 WHERE lease_until > 0").await;
    let other = store.claim_calendars("acme", at(1), 9).await.unwrap();
    assert!(other.iter().all(|(calendar, _)| calendar.id != *first.on()), "it is in hand");

    fresh.leases_run_out().await;
    let (_, second) = fresh.claim_calendar(at(1)).await;
    assert_eq!(first.on(), second.on());
    assert!(!store.renew(&first).await.unwrap(), "it is lost");
    let late = update(vec![(pairing.id, facts("e1", 10))], at(1));
    assert_eq!(store.finish_sync(&first, late, at(1)).await.unwrap(), Finished::NotMine);
    assert!(store.renew(&second).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_lease_from_before_the_clock_was_set_back_is_none(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _) = Fresh::with_pair(on).await;
    let (calendar, _) = fresh.claim_calendar(at(1)).await;
    fresh.raw("UPDATE calendar SET lease_until = lease_until + 3600 WHERE lease_until > 0").await;
    assert_eq!(fresh.store.next_due(Queue::Calendars).await.unwrap(), Some(at(0)));
    let (again, _) = fresh.claim_calendar(at(1)).await;
    assert_eq!(again.id, calendar.id);
}

/// What a dead service had in hand is free as the next one starts, where there is only one. A mail
/// may just be on its way from a command.
#[tokio::test]
async fn whoever_has_the_database_to_itself_frees_what_was_in_hand() {
    let (fresh, pairing) = Fresh::with_pair(Sqlite).await;
    let store = &fresh.store;
    let (calendar, lost) = fresh.claim_calendar(at(1)).await;
    fresh.plan(&[alert(&pairing, "a", at(1))], &[], at(1)).await;
    assert_eq!(store.claim_alerts(at(1), 1).await.unwrap().len(), 1);
    let hold = store.hold().unwrap();
    store.free_what_was_in_hand(&hold).await.unwrap();
    let (again, _) = fresh.claim_calendar(at(1)).await;
    assert_eq!(again.id, calendar.id);
    assert_eq!(store.finish_sync(&lost, update(vec![], at(1)), at(1)).await.unwrap(), Finished::NotMine);
    assert_eq!(store.claim_alerts(at(1), 1).await.unwrap(), []);
}

/// Before, nobody could tell whether they had met.
#[rstest]
#[tokio::test]
async fn a_pairing_is_planned_once_all_its_calendars_were_read(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let read = async |now, facts: Option<CopyFacts>| {
        let (calendar, lease) = fresh.claim_calendar(now).await;
        let upserts = facts.map(|facts| (pairing.id, facts)).into_iter().collect();
        let was_stale = calendar.last_synced_at.is_none_or(|at| now - at > TimeDelta::days(1));
        let done = store.finish_sync(&lease, SyncUpdate { was_stale, ..update(upserts, now) }, now).await;
        assert!(matches!(done.unwrap(), Finished::Done(_)));
    };
    fresh.plan(&[], &[], at(0)).await;
    let later = Some(at(24));
    let lease = fresh.claim_plan(at(0)).await;
    let _ = store.save_plan(&lease, &[], &[], later, at(0)).await.unwrap();

    read(at(1), None).await;
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), later, "one of two was read");
    read(at(2), None).await;
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), Some(at(2)));

    let lease = fresh.claim_plan(at(2)).await;
    let _ = store.save_plan(&lease, &[], &[], later, at(2)).await.unwrap();
    read(at(3), None).await;
    read(at(4), None).await;
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), later, "nothing is new");

    // What is to be put together first is planned when that is done.
    read(at(40), None).await;
    read(at(41), Some(facts("e1", 60))).await;
    assert_eq!(store.next_due(Queue::Detect).await.unwrap(), Some(at(41)));
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), later);
}

/// How many calendars of a pairing are connected, and when the one was read that was read longest ago.
async fn read(store: &Store, pairing: PairingId) -> (u32, Option<DateTime<Utc>>) {
    let reading = store.reading(pairing).await.unwrap();
    (reading.connected, reading.oldest)
}
