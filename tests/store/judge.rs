//! Verdicts out of evidence.

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn verdicts_are_kept_when_they_change(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _, session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let judge = |verdict: Verdict, now: i64| async move {
        let (_, lease) = store.claim_sessions_to_judge(at(now), 9).await.unwrap().remove(0);
        store.save_verdict(&lease, &verdict, "time", Some(at(now + 1)), at(now)).await.unwrap()
    };
    let same = verdict(Status::Scheduled, at(1));
    assert_eq!(judge(same.clone(), 2).await, Finished::Done(false));
    let held = verdict(Status::Held, at(3));
    assert_eq!(judge(held.clone(), 3).await, Finished::Done(true));
    let later = Verdict { at: at(4), people: held.people.clone(), ..verdict(Status::Held, at(4)) };
    assert_eq!(judge(later, 4).await, Finished::Done(false));
    let missed = verdict(Status::Missed, at(5));
    assert_eq!(judge(missed.clone(), 5).await, Finished::Done(true));

    let time = "time".to_owned();
    assert_eq!(
        store.verdicts_of(&session.id).await.unwrap(),
        [(same, "detect".to_owned()), (held, time.clone()), (missed.clone(), time)]
    );
    let found = store.session(&session.id).await.unwrap().unwrap();
    assert_eq!(found.verdict, missed);
    assert_eq!(store.next_due(Queue::Judge).await.unwrap(), Some(at(6)));
}

#[rstest]
#[tokio::test]
async fn a_verdict_on_old_evidence_is_not_written(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _, session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    let (_, lease) = store.claim_sessions_to_judge(at(2), 9).await.unwrap().remove(0);
    let evidence = settled("manager", at(2));
    store.add_evidence(&session.id, &evidence, at(2)).await.unwrap();
    let missed = verdict(Status::Missed, at(2));
    let judged = store.save_verdict(&lease, &missed, "time", None, at(2)).await.unwrap();
    assert_eq!(judged, Finished::NotMine);
    assert_eq!(store.evidence_of(&session.id).await.unwrap(), [evidence]);
    assert_eq!(store.next_due(Queue::Judge).await.unwrap(), Some(at(2)));
    assert_eq!(store.claim_sessions_to_judge(at(2), 9).await.unwrap().len(), 1);

    let nowhere = SessionId("nowhere".to_owned());
    let missing = store.add_evidence(&nowhere, &settled("manager", at(2)), at(2)).await;
    assert!(matches!(missing, Err(StoreError::NoSuch { .. })));
}

#[rstest]
#[tokio::test]
async fn a_conference_record_counts_once_for_each_thing_it_says(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, _, session) = Fresh::with_session(on).await;
    let store = &fresh.store;
    assert_eq!(store.claim_sessions_to_fetch("acme", false, at(10), 9).await.unwrap().len(), 0);
    let record = |left: i64| Evidence {
        statement: Statement::Conference(ConferenceRecord {
            service: ConferenceService::GoogleMeet,
            record: "conferenceRecords/1".to_owned(),
            started: at(10),
            ended: at(11),
            presences: vec![Presence {
                person: None,
                joined: at(10),
                left: at(10) + TimeDelta::minutes(left),
            }],
        }),
        at: at(11),
    };
    for (said, added) in [(20, 1), (20, 0), (30, 1), (30, 0), (20, 1)] {
        let (found, lease) = store.claim_sessions_to_fetch("acme", false, at(11), 9).await.unwrap().remove(0);
        assert_eq!(found.id, session.id);
        let saved = store
            // Told twice in one go, it is still one.
            .save_calls(&lease, &[record(said), record(said)], Some(at(11)), at(11))
            .await
            .unwrap();
        assert_eq!(saved, Finished::Done(added), "{said} minutes");
    }
    assert_eq!(store.evidence_of(&session.id).await.unwrap(), [record(20), record(30), record(20)]);

    let (_, lease) = store.claim_sessions_to_fetch("acme", false, at(11), 9).await.unwrap().remove(0);
    let done = store.save_calls(&lease, &[], None, at(12)).await.unwrap();
    assert_eq!(done, Finished::Done(0));
    assert_eq!(store.next_due(Queue::Fetch).await.unwrap(), None);
}
