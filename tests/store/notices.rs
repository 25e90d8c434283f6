//! What providers tell: never lost, and never more than it is worth.

use mentord::store::{Notice, OpenedChannel, Says};
use rstest::rstest;

use crate::fresh::*;

/// Where notices arrive.
const HERE: &str = "https://mentoring.example.org/notices";

async fn tell(store: &Store, says: Says, soon: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    store.note_notices(&[notice(says)], soon, now).await.unwrap() == [true]
}

/// A calendar that was read at hour 1 and is watched through the channel `sub`.
async fn watched(on: On) -> (Fresh, CalendarId) {
    let (fresh, _) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let (calendar, lease) = fresh.claim_calendar(at(1)).await;
    assert!(matches!(
        store.finish_sync(&lease, update(vec![], at(1)), at(1)).await.unwrap(),
        Finished::Done(_)
    ));
    store.watch_calendars(Some(HERE), &["acme"], at(1)).await.unwrap();
    let claimed = store.claim_watches("acme", at(1), 9).await.unwrap();
    let (_, lease) = claimed.into_iter().find(|(claimed, _)| claimed.id == calendar.id).unwrap();
    store.expect_channel("ours", calendar.id, "digest", HERE, at(1), at(2)).await.unwrap();
    assert!(!store.is_watched(calendar.id, at(1)).await.unwrap(), "it was only asked for");
    let opened = OpenedChannel {
        expected: "ours".to_owned(),
        id: "sub".to_owned(),
        resource: "users/ada/events".to_owned(),
        expires_at: at(100),
        fresh: true,
        heard: true,
    };
    assert_eq!(store.finish_watch(&lease, &opened, at(50), at(1)).await.unwrap(), Finished::Done(()));
    (fresh, calendar.id)
}

fn notice(says: Says) -> Notice<'static> {
    Notice { channel: "sub", secret: "digest", says }
}

/// Begins to read the calendar, as everybody else's.
async fn claim(fresh: &Fresh, id: CalendarId, now: DateTime<Utc>) -> (Calendar, Lease<CalendarId>) {
    fresh.store.sync_all_now(now).await.unwrap();
    let claimed = fresh.store.claim_calendars("acme", now, 9).await.unwrap();
    claimed.into_iter().find(|(calendar, _)| calendar.id == id).unwrap()
}

async fn one(fresh: &Fresh, id: CalendarId) -> Calendar {
    fresh.store.calendars().await.unwrap().into_iter().find(|calendar| calendar.id == id).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_new_channel_makes_its_calendar_due(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let calendar = one(&fresh, id).await;
    // What changed between the reading and the channel is told by nobody.
    assert_eq!((calendar.next_sync_at, calendar.told, calendar.told_before), (at(1), 1, 0));
    assert!(fresh.store.is_watched(id, at(99)).await.unwrap());
    assert!(!fresh.store.is_watched(id, at(100)).await.unwrap());
    assert_eq!(fresh.store.watched(at(99)).await.unwrap(), 1);
    let channels = fresh.store.channels_of(id).await.unwrap();
    assert_eq!(channels.iter().map(|channel| channel.id.as_str()).collect::<Vec<_>>(), ["sub"]);
}

#[rstest]
#[tokio::test]
async fn what_is_told_during_a_reading_is_read_after_it(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    let read = async |told: bool, now| {
        let (calendar, lease) = claim(&fresh, id, now).await;
        if told {
            // Perhaps its page was read already.
            assert!(tell(store, Says::Changed, now, now).await);
        }
        let update =
            SyncUpdate { told: calendar.told, again_at: now + TimeDelta::seconds(3), ..update(vec![], now) };
        assert!(matches!(store.finish_sync(&lease, update, now).await.unwrap(), Finished::Done(_)));
        fresh.leases_run_out().await;
        one(&fresh, id).await
    };
    let quiet = read(false, at(2)).await;
    assert_eq!(quiet.next_sync_at, at(2) + TimeDelta::minutes(5));
    assert_eq!(quiet.told_before, quiet.told);
    let told = read(true, at(3)).await;
    assert_eq!(told.next_sync_at, at(3) + TimeDelta::seconds(3));
    assert_eq!(told.told_before + 1, told.told);
}

#[rstest]
#[tokio::test]
async fn a_storm_of_notices_is_one_reading(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let (store, soon) = (&fresh.store, at(2) + TimeDelta::seconds(3));
    let (_, lease) = claim(&fresh, id, at(2)).await;
    let update = SyncUpdate { next_sync_at: at(9), told: 1, ..update(vec![], at(2)) };
    assert!(matches!(store.finish_sync(&lease, update, at(2)).await.unwrap(), Finished::Done(_)));
    let mut due = Vec::new();
    for second in 0..5 {
        let wait = TimeDelta::seconds(second);
        assert!(tell(store, Says::Changed, soon + wait, at(2) + wait).await);
        due.push(one(&fresh, id).await.next_sync_at);
    }
    // The first one sets the time; later ones neither put it off nor bring another.
    assert_eq!(due, [soon; 5]);
}

#[rstest]
#[tokio::test]
async fn a_calendar_that_is_left_alone_stays_so(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    let (_, lease) = claim(&fresh, id, at(2)).await;
    let failed = store.fail_sync(&lease, CalendarState::BackingOff, "429", at(4), false).await.unwrap();
    assert_eq!(failed, Finished::Done(()));
    assert!(tell(store, Says::Changed, at(3), at(3)).await);
    assert_eq!(one(&fresh, id).await.next_sync_at, at(4));
}

#[rstest]
#[tokio::test]
async fn only_who_knows_the_secret_is_believed(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let before = one(&fresh, id).await;
    for (channel, secret) in [("sub", "guess"), ("sub", ""), ("ours", "digest"), ("", "digest")] {
        let forged = Notice { channel, secret, says: Says::Removed };
        assert_eq!(fresh.store.note_notices(&[forged], at(0), at(0)).await.unwrap(), [false]);
    }
    assert_eq!(one(&fresh, id).await, before);
    assert!(fresh.store.is_watched(id, at(2)).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_channel_that_is_removed_is_arranged_for_anew(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    let due = async |now| {
        let claimed = store.claim_watches("acme", now, 9).await.unwrap();
        fresh.leases_run_out().await;
        claimed.iter().any(|(calendar, _)| calendar.id == id)
    };
    assert!(!due(at(49)).await && due(at(50)).await);
    assert!(tell(store, Says::Renew, at(3), at(3)).await);
    assert!(due(at(3)).await);
    assert!(store.is_watched(id, at(3)).await.unwrap());
    assert!(tell(store, Says::Removed, at(3), at(3)).await);
    assert!(!store.is_watched(id, at(3)).await.unwrap());
    // Nobody can reach the service any more.
    store.watch_calendars(None, &["acme"], at(4)).await.unwrap();
    assert!(!due(at(60)).await);
    store.watch_calendars(Some(HERE), &["acme"], at(5)).await.unwrap();
    assert!(due(at(60)).await);
}

#[rstest]
#[tokio::test]
async fn a_bundle_is_noted_at_once_and_each_calendar_counted_once(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    let other = store.calendars().await.unwrap().into_iter().find(|calendar| calendar.id != id).unwrap();
    store.expect_channel("second", id, "digest", HERE, at(1), at(9)).await.unwrap();
    store.expect_channel("other", other.id, "theirs", HERE, at(1), at(9)).await.unwrap();
    let all = |channel, secret| Notice { channel, secret, says: Says::Changed };
    let bundle = [
        all("sub", "digest"),
        all("sub", "guess"),
        all("second", "digest"),
        all("other", "theirs"),
        all("nobody's", "digest"),
    ];
    let before = one(&fresh, id).await.told;
    let believed = store.note_notices(&bundle, at(2), at(2)).await.unwrap();
    assert_eq!(believed, [true, false, true, true, false]);
    assert_eq!(one(&fresh, id).await.told, before + 1);
    assert_eq!(one(&fresh, other.id).await.told, other.told + 1);
    assert_eq!(store.note_notices(&[], at(2), at(2)).await.unwrap(), Vec::<bool>::new());
}

/// That a channel is open shows nothing: what was heard through it does.
#[rstest]
#[tokio::test]
async fn a_channel_counts_once_it_was_heard_and_until_it_kept_quiet(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    store.doubt_channels(id).await.unwrap();
    assert!(!store.is_watched(id, at(2)).await.unwrap());
    assert_eq!(store.watched(at(2)).await.unwrap(), 0);
    // Renewing it is no sign that anything arrives.
    store.watch_calendars(Some("https://elsewhere.example/notices"), &["acme"], at(2)).await.unwrap();
    let claimed = store.claim_watches("acme", at(2), 9).await.unwrap();
    let (_, lease) = claimed.into_iter().find(|(calendar, _)| calendar.id == id).unwrap();
    let renewed = OpenedChannel {
        expected: "sub".to_owned(),
        id: "sub".to_owned(),
        resource: "users/ada/events".to_owned(),
        expires_at: at(100),
        fresh: false,
        heard: false,
    };
    assert_eq!(store.finish_watch(&lease, &renewed, at(50), at(2)).await.unwrap(), Finished::Done(()));
    assert!(!store.is_watched(id, at(2)).await.unwrap());
    assert!(tell(store, Says::Changed, at(3), at(3)).await);
    assert!(store.is_watched(id, at(3)).await.unwrap());
    fresh.raw("UPDATE calendar SET state = 'needs_consent'").await;
    assert_eq!(store.watched(at(3)).await.unwrap(), 0, "nobody reads it");
}

#[rstest]
#[tokio::test]
async fn channels_that_lead_nowhere_are_ended_or_forgotten(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, id) = watched(on).await;
    let store = &fresh.store;
    let due = async |now| {
        let claimed = store.claim_watches("acme", now, 9).await.unwrap();
        fresh.leases_run_out().await;
        claimed.into_iter().find(|(calendar, _)| calendar.id == id)
    };
    assert!(due(at(2)).await.is_none());
    // The service moved; whoever was just renewing the channel has lost it.
    let (_, lost) = due(at(60)).await.expect("due");
    store.watch_calendars(Some("https://elsewhere.example/notices"), &["acme"], at(2)).await.unwrap();
    assert_eq!(store.fail_watch(&lost, None, at(70)).await.unwrap(), Finished::NotMine);
    assert!(due(at(2)).await.is_some());
    // Nobody wants the calendar any more: its channel has to be ended, and then there is nothing to do.
    store.ensure_calendars(&[], at(3)).await.unwrap();
    store.watch_calendars(Some(HERE), &["acme"], at(3)).await.unwrap();
    let (calendar, lease) = due(at(3)).await.expect("due");
    assert!(!calendar.active && store.channels_of(id).await.unwrap().len() == 1);
    store.forget_channel("sub").await.unwrap();
    assert_eq!(store.finish_unwatch(&lease).await.unwrap(), Finished::Done(()));
    assert!(due(at(99)).await.is_none());
    // Of a connection that is no more, and what has ended.
    for (connections, now) in [(&["contoso"][..], at(4)), (&["acme"][..], at(9)), (&[], at(4))] {
        store.expect_channel("late", id, "digest", HERE, at(3), at(8)).await.unwrap();
        store.watch_calendars(Some(HERE), connections, now).await.unwrap();
        assert_eq!(store.channels_of(id).await.unwrap(), []);
    }
}
