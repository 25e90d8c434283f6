//! Backups, and what a database does after one was restored.

use std::collections::BTreeSet;
use std::path::Path;

use mentord::store::Instance;
use rstest::rstest;

use crate::fresh::*;

/// Alerts by the end of their key, with their state.
async fn states(store: &Store) -> Vec<(String, AlertState)> {
    let mut states: Vec<_> =
        store.alerts(None).await.unwrap().into_iter().map(|found| (found.alert.key.0, found.state)).collect();
    states.sort();
    states
}

fn of(states: &[(&str, AlertState)]) -> Vec<(String, AlertState)> {
    states.iter().map(|(key, state)| ((*key).to_owned(), *state)).collect()
}

/// A session that began at hour `about` and is known to be missed from hour `due` on.
fn missed(pairing: &Pairing, key: &str, about: i64, due: i64) -> Alert {
    Alert {
        kind: Kind::Missed,
        about: at(about),
        expires_at: at(about + 1) + TimeDelta::days(3),
        ..alert(pairing, key, at(due))
    }
}

#[rstest]
#[tokio::test]
async fn what_may_have_been_sent_before_a_restore_is_not_sent(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let early = [
        alert(&pairing, "due before", at(11)),
        alert(&pairing, "due then", at(12)),
        alert(&pairing, "due later", at(13)),
        alert(&pairing, "in hand", at(10)),
        alert(&pairing, "called off", at(9)),
        missed(&pairing, "missed before", 10, 15),
        missed(&pairing, "missed later", 12, 15),
        Alert { kind: Kind::Nudge, about: at(2), step: 2, ..alert(&pairing, "nudge due later", at(14)) },
    ];
    fresh.plan(&early, &[], at(1)).await;
    fresh.plan(&[], &[(key("called off"), "called off".to_owned())], at(2)).await;
    let (in_hand, lease) = store.claim_alerts(at(10), 1).await.unwrap().remove(0);
    assert_eq!(in_hand.alert.key, key("in hand"));

    let restored = store.declare_restored("test", at(12)).await.unwrap();
    assert_eq!((restored.settled, restored.backup_made_at), (4, None));
    assert_eq!(store.restored_at().await.unwrap(), Some(at(12)));
    use AlertState::{Failed, Planned, Withdrawn};
    let after = of(&[
        ("called off", Withdrawn),
        ("due before", Failed),
        ("due later", Planned),
        ("due then", Failed),
        ("in hand", Failed),
        ("missed before", Failed),
        ("missed later", Planned),
        ("nudge due later", Planned),
    ]);
    assert_eq!(states(store).await, after);
    let found = store.alert(&key("due before")).await.unwrap().unwrap();
    let reason = found.reason.unwrap();
    assert!(reason.contains("restored at 2026-03-01 12:00 UTC; this may have been sent before"), "{reason}");
    // Whoever had it in hand had it in another database.
    assert_eq!(store.alert_failed(&lease, "451", Some(at(13)), at(12)).await.unwrap(), Finished::NotMine);

    // Planning asks for all of it again, and for what the backup did not know.
    let mut again = early.to_vec();
    again[4].due_at = at(12);
    again.push(alert(&pairing, "unknown and due before", at(8)));
    again.push(missed(&pairing, "unknown and missed before", 11, 14));
    again.push(alert(&pairing, "new", at(14)));
    for now in [12, 13] {
        fresh.plan(&again, &[], at(now)).await;
    }
    let sent = store.claim_alerts(at(100), 99).await.unwrap();
    let sent: BTreeSet<_> = sent.iter().map(|(found, _)| found.alert.key.0.as_str()).collect();
    assert_eq!(sent, BTreeSet::from(["due later", "missed later", "new", "nudge due later"]));
    for settled in ["called off", "unknown and due before", "unknown and missed before"] {
        let found = store.alert(&key(settled)).await.unwrap().unwrap();
        assert_eq!((found.state, found.sent_at), (Failed, None), "{settled}");
        assert!(found.reason.unwrap().contains("restored"), "{settled}");
    }
    // Not with another time either, as after other quiet hours.
    again[0].due_at = at(20);
    again[4].due_at = at(20);
    fresh.plan(&again, &[], at(14)).await;
    assert_eq!(store.next_due(Queue::Alerts).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_digest_from_before_a_restore_is_not_sent(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    store.declare_restored("test", at(12)).await.unwrap();
    let digest = |key: &str, slot| Alert {
        pairing: None,
        person: None,
        kind: Kind::Digest,
        about: slot,
        ..alert(&pairing, key, slot)
    };
    assert!(store.take_slot("digest", at(9), &[digest("old", at(9))], at(13)).await.unwrap());
    assert!(store.take_slot("digest", at(13), &[digest("new", at(13))], at(13)).await.unwrap());
    assert_eq!(
        states(store).await,
        of(&[("new", AlertState::Planned), ("old", AlertState::Failed)]),
        "the slot is taken, and nothing is sent for it"
    );
}

#[rstest]
#[tokio::test]
async fn a_backup_is_noticed_once_and_the_newest_restore_counts(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, _) = Fresh::with_session(on).await;
    let store = &fresh.store;
    fresh.plan(&[alert(&pairing, "k", at(9)), alert(&pairing, "l", at(19))], &[], at(1)).await;
    assert_eq!(store.note_restoration("test", at(10)).await.unwrap(), None);
    assert_eq!(store.restored_at().await.unwrap(), None);

    fresh.raw("INSERT INTO restoration (backup_made_at) VALUES ('2026-03-01T02:00:00+00:00')").await;
    let noted = store.note_restoration("test", at(10)).await.unwrap().unwrap();
    assert_eq!((noted.backup_made_at, noted.restored_at, noted.settled), (Some(at(2)), at(10), 1));
    assert_eq!(store.note_restoration("test", at(11)).await.unwrap(), None);
    assert_eq!(store.restored_at().await.unwrap(), Some(at(10)));

    assert_eq!(store.declare_restored("test", at(20)).await.unwrap().settled, 1);
    assert_eq!(store.restored_at().await.unwrap(), Some(at(20)));
    fresh.plan(&[alert(&pairing, "m", at(15)), alert(&pairing, "n", at(21))], &[], at(20)).await;
    let (failed, planned) = (AlertState::Failed, AlertState::Planned);
    assert_eq!(states(store).await, of(&[("k", failed), ("l", failed), ("m", failed), ("n", planned)]));
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(fresh: &Fresh) -> &Path {
    match &fresh.place {
        Place::Sqlite { path, .. } => path,
        Place::Postgres { .. } => panic!("it is no file"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_of_one_moment_though_somebody_writes() {
    let (fresh, pairing, _) = Fresh::with_session(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let me = Instance { id: "me".to_owned(), host: "here".to_owned(), pid: 1, version: "1".to_owned() };
    fresh.store.instance_seen(&me, None).await.unwrap();

    // Whoever writes puts in two at a time, so that a copy from the middle of it is odd.
    let store = fresh.store.clone();
    let (stop, stopped) =
        (tokio_util::sync::CancellationToken::new(), tokio_util::sync::CancellationToken::new());
    let writer = {
        let (stop, wrote, pairing) = (stop.clone(), stopped.clone(), pairing.clone());
        tokio::spawn(async move {
            let mut pairs = 0;
            while !stop.is_cancelled() {
                let mut claimed = store.claim_pairings_to_plan(at(1), 1).await.unwrap();
                let two = [1, 2].map(|half| alert(&pairing, &format!("{pairs}-{half}"), at(9)));
                let saved = store.save_plan(&claimed.remove(0), &two, &[], Some(at(1)), at(1)).await.unwrap();
                assert_eq!(saved, Finished::Done(()));
                pairs += 1;
                wrote.cancel();
            }
            pairs
        })
    };
    stopped.cancelled().await;
    let mut counts = Vec::new();
    for n in 0..5 {
        let path = folder.path().join(format!("{n}.db"));
        fresh.store.back_up(&path, at(2)).await.unwrap();
        let copy = Store::open(&Database::Sqlite(path)).await.unwrap();
        assert!(copy.schema_current().await.unwrap());
        counts.push(copy.alerts(None).await.unwrap().len());
        assert_eq!(copy.instances().await.unwrap(), []);
        let noted = copy.note_restoration("test", at(3)).await.unwrap().unwrap();
        assert_eq!(noted.backup_made_at, Some(at(2)));
        copy.close().await;
    }
    stop.cancel();
    let pairs = writer.await.unwrap();
    assert!(counts.iter().all(|count| count % 2 == 0), "{counts:?}");
    assert!(
        counts.is_sorted() && counts[0] > 0 && counts[4] > counts[0],
        "{counts:?}: nobody was kept waiting"
    );
    assert_eq!(fresh.store.alerts(None).await.unwrap().len(), 2 * pairs);
    assert_eq!(fresh.store.note_restoration("test", at(3)).await.unwrap(), None, "this is the original");
    assert_eq!(fresh.store.instances().await.unwrap().len(), 1);
    assert_eq!(names(folder.path()), ["0.db", "1.db", "2.db", "3.db", "4.db"]);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder.path().join("0.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing() {
    let (fresh, pairing, _) = Fresh::with_session(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let told = async |store: &Store, path: &Path| store.back_up(path, at(2)).await.unwrap_err().to_string();

    let there = folder.path().join("there.db");
    std::fs::write(&there, "something dear to somebody").unwrap();
    let error = told(&fresh.store, &there).await;
    assert!(error.contains("there.db was not made: there is such a file already"), "{error}");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "something dear to somebody");
    let error = told(&fresh.store, &folder.path().join("no/such/copy.db")).await;
    assert!(error.contains("no/such/copy.db was not made"), "{error}");

    // Enough to reach beyond the first pages, and then some pages in the middle are lost.
    let many: Vec<_> = (0..500).map(|n| alert(&pairing, &format!("{n}"), at(9))).collect();
    fresh.plan(&many, &[], at(1)).await;
    fresh.store.close().await;
    let mut bytes = std::fs::read(file(&fresh)).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8 * 4096].fill(0xa5);
    std::fs::write(file(&fresh), bytes).unwrap();
    let damaged = Store::open(&fresh.place.database()).await.unwrap();
    let error = told(&damaged, &folder.path().join("copy.db")).await;
    assert!(error.contains("copy.db was not made"), "{error}");
    assert_eq!(names(folder.path()), ["there.db"]);
}

#[tokio::test]
async fn postgresql_has_its_own_tools_for_backups() {
    let fresh = Fresh::new(Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let error = fresh.store.back_up(&folder.path().join("copy.db"), at(2)).await.unwrap_err().to_string();
    assert!(error.contains("pg_dump"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}
