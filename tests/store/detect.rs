//! Sessions out of copies.

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn a_change_during_detection_is_not_lost(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let store = &fresh.store;
    let only = [("acme", pairing.mentor.as_ref().unwrap().id, address("ada@acme.example"))];
    store.ensure_calendars(&only, at(0)).await.unwrap();
    let read = fresh.read(pairing.id, facts("e1", 10), at(1)).await;
    let slow = store.claim_pairings_to_detect(at(1), 9).await.unwrap().remove(0);
    assert_eq!(slow.on(), &pairing.id);
    assert_eq!(store.claim_pairings_to_detect(at(1), 9).await.unwrap(), [], "it is in hand");

    // While somebody works on what was read, the calendar changes, even within the same moment.
    fresh.read(pairing.id, facts("e1", 12), at(1)).await;
    let link = [(read[0].id, Some(SessionId("s1".to_owned())))];
    let old = session(&pairing, "s1", 10);
    let saved = store.save_sessions(&slow, &[old], &link, &[], at(3)).await.unwrap();
    assert_eq!(saved, Finished::NotMine);
    assert_eq!(store.sessions_of(pairing.id).await.unwrap(), []);

    let quick = store.claim_pairings_to_detect(at(3), 9).await.unwrap().remove(0);
    let mut new = session(&pairing, "s1", 12);
    new.moves = 1;
    let saved = store.save_sessions(&quick, &[new.clone()], &link, &[], at(4)).await.unwrap();
    assert_eq!(saved, Finished::Done(()));
    assert_eq!(store.claim_pairings_to_detect(at(4), 9).await.unwrap(), []);
    assert_eq!(store.session(&new.id).await.unwrap(), Some(new.clone()));
    let copies = store.copies_of_session(&new.id).await.unwrap();
    assert_eq!(copies[0].facts, facts("e1", 12));
}

#[rstest]
#[tokio::test]
async fn detection_keeps_the_verdict_and_the_same_evidence_once(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _, mut session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    assert_eq!(store.session(&session.id).await.unwrap(), Some(session.clone()));
    let moved = Evidence { statement: Statement::Moved { from: at(10), to: at(12) }, at: at(2) };
    let first_verdict = session.verdict.clone();
    session.start = at(12);
    session.end = at(13);
    session.verdict = verdict(Status::Missed, at(2));
    for _ in 0..2 {
        let evidence = [(session.id.clone(), moved.clone())];
        fresh.detect(std::slice::from_ref(&session), &[], &evidence, at(2)).await;
    }
    assert_eq!(store.evidence_of(&session.id).await.unwrap(), [moved]);
    let found = store.session(&session.id).await.unwrap().unwrap();
    assert_eq!((found.start, found.verdict), (at(12), first_verdict.clone()));
    let verdicts = store.verdicts_of(&session.id).await.unwrap();
    assert_eq!(verdicts, [(first_verdict, "detect".to_owned())]);
    assert_eq!(store.next_due(Queue::Judge).await.unwrap(), Some(at(2)));
    assert_eq!(store.next_due(Queue::Fetch).await.unwrap(), Some(at(13)));
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), Some(at(2)));
}

#[rstest]
#[tokio::test]
async fn sessions_are_found_by_program_and_time(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, first) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let second = session(&pairing, "s2", 20);
    fresh.detect(std::slice::from_ref(&second), &[], &[], at(2)).await;
    let filter =
        |program: Option<&str>, from, to| SessionFilter { program: program.map(str::to_owned), from, to };
    for (filter, found) in [
        (SessionFilter::default(), vec![&first, &second]),
        (filter(Some("eng"), Some(at(10)), None), vec![&first, &second]),
        (filter(Some("eng"), None, Some(at(20))), vec![&first]),
        (filter(None, Some(at(11)), Some(at(21))), vec![&second]),
        (filter(Some("ops"), None, None), vec![]),
    ] {
        let sessions = store.sessions(&filter).await.unwrap();
        assert_eq!(sessions.iter().collect::<Vec<_>>(), found, "{filter:?}");
    }
    assert_eq!(store.sessions_of(pairing.id).await.unwrap().len(), 2);
}

#[rstest]
#[tokio::test]
async fn a_series_of_which_a_session_was_taken_is_remembered(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing, first) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let uid = first.uid.clone().unwrap();
    let taken = vec![(pairing.id, uid.clone())];
    assert_eq!(store.series_taken(&[pairing.id]).await.unwrap(), taken);

    // One that was left since, because that day it was something else, does not speak for the series.
    let mut second = session(&pairing, "s2", 20);
    second.decision = Decision::Left;
    let mut open = session(&pairing, "s3", 30);
    open.decision = Decision::Proposed;
    open.uid = Some("perhaps".to_owned());
    let mut single = session(&pairing, "s4", 40);
    single.uid = Some("other".to_owned());
    single.original_start = None;
    fresh.detect(&[second, open, single], &[], &[], at(2)).await;
    assert_eq!(store.series_taken(&[pairing.id]).await.unwrap(), taken);
}
