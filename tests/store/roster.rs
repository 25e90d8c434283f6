//! The roster comes in.

use rstest::rstest;

use crate::fresh::*;

#[rstest]
#[tokio::test]
async fn importing_twice_changes_nothing(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let mut group = entry("ops", "ada", "lin");
    group.group = Some("g1".to_owned());
    group.mentees.push(person("joan"));
    // The same person under two names: the first mention counts.
    let mut other_name = entry("ops", "ada", "grace");
    other_name.mentees[0].name = "Admiral Grace".to_owned();
    other_name.mentees[0].addresses.push(address("grace@navy.example"));
    let roster = [entry("eng", "ada", "grace"), group, other_name];

    let first = fresh.import(&roster).await;
    assert_eq!(
        first.added,
        ["eng: ada with grace", "ops: ada with lin, joan (group g1)", "ops: ada with Admiral Grace"]
    );
    let pairings = fresh.store.pairings(None).await.unwrap();
    let second = fresh.import(&roster).await;
    assert_eq!((second.added.len(), second.changed.len()), (0, 0));
    assert_eq!(second.unchanged, 3);
    assert_eq!(fresh.store.pairings(None).await.unwrap(), pairings);

    assert_eq!(fresh.store.participants().await.unwrap().len(), 4);
    assert_eq!(pairings[0].entered_on, day(1));
    assert_eq!(pairings[0].mentor.as_ref().unwrap().name, "ada");
    assert_eq!(pairings[0].mentees[0].addresses.len(), 2);
    let group: Vec<_> = pairings[1].mentees.iter().map(|p| &*p.name).collect();
    assert_eq!(group, ["lin", "joan"]);
    assert_eq!(fresh.store.pairings(Some("ops")).await.unwrap().len(), 2);
    let ada = pairings[0].mentor.as_ref().unwrap().id;
    assert_eq!(fresh.store.pairings_of(ada).await.unwrap(), pairings);
}

#[rstest]
#[tokio::test]
async fn an_import_tells_what_changed(#[values(Sqlite, Postgres)] on: On) {
    let (fresh, pairing) = Fresh::with_pair(on).await;
    let (_, lease) = fresh.claim_calendar(at(1)).await;

    let mut changed = entry("eng", "ada", "grace");
    changed.mentor.name = "Ada Lovelace".to_owned();
    changed.mentor.addresses.insert(0, address("ada@new.example"));
    changed.starts_on = None;
    changed.ends_on = Some(day(31));
    changed.cadence = Some(TimeDelta::weeks(3));

    let roster = [changed];
    let dry = fresh.store.import_roster(&roster, day(2), "test", at(2), true).await.unwrap();
    let unchanged = fresh.store.pairing(pairing.id).await.unwrap();
    assert_eq!(unchanged.as_ref(), Some(&pairing));

    let real = fresh.store.import_roster(&roster, day(2), "test", at(2), false).await.unwrap();
    assert_eq!(dry, real);
    assert_eq!(
        real.changed,
        [
            "name of ada@new.example, ada@acme.example: ada → Ada Lovelace",
            "addresses of Ada Lovelace: ada@acme.example → ada@new.example, ada@acme.example",
            "eng: Ada Lovelace with grace: starts on: 2026-03-01 → none",
            "eng: Ada Lovelace with grace: ends on: none → 2026-03-31",
            "eng: Ada Lovelace with grace: cadence: none → 3 weeks",
        ]
    );
    let now = fresh.store.pairing(pairing.id).await.unwrap().unwrap();
    assert_eq!(now.mentor.as_ref().unwrap().main(), &address("ada@new.example"));
    assert_eq!(now.cadence, Some(TimeDelta::weeks(3)));
    assert_eq!(now.entered_on, pairing.entered_on);

    // A reading that was under way with the old roster does not count: it may have passed over
    // what matters now.
    let late = fresh.store.finish_sync(&lease, update(vec![], at(2)), at(2)).await.unwrap();
    assert_eq!(late, Finished::NotMine);
    assert_eq!(fresh.store.claim_calendars("acme", at(2), 9).await.unwrap().len(), 2);
}

#[rstest]
#[tokio::test]
async fn members_are_added_to_a_group(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let mut group = entry("eng", "ada", "grace");
    group.group = Some("g1".to_owned());
    fresh.import(&[group.clone()]).await;
    group.mentees = vec![person("joan")];
    let change = fresh.import(&[group]).await;
    assert_eq!(change.changed, ["eng: ada with joan (group g1): mentees: joan came in"]);
    let pairing = fresh.store.pairings(None).await.unwrap().remove(0);
    assert_eq!(pairing.mentees.len(), 2);
}

#[rstest]
#[tokio::test]
async fn an_import_that_cannot_be_true_does_nothing(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    fresh.import(&[entry("eng", "ada", "grace")]).await;
    let before = fresh.store.pairings(None).await.unwrap();

    let mut both = entry("ops", "ada", "lin");
    both.mentees[0].addresses = vec![address("ada@acme.example"), address("grace@acme.example")];
    let mut twice = entry("ops", "ada", "joan");
    twice.ends_on = Some(day(9));
    let unknown = entry("chess", "ada", "joan");
    let herself = entry("ops", "ada", "ada");
    for (roster, told) in [
        (
            vec![entry("ops", "new", "newer"), both],
            "ada@acme.example is ada's and grace@acme.example is grace's",
        ),
        (vec![entry("ops", "ada", "joan"), twice], "twice"),
        (vec![unknown], "no program `chess`"),
        (vec![herself], "mentor and mentee"),
    ] {
        let error = fresh.store.import_roster(&roster, day(2), "test", at(2), false).await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    assert_eq!(fresh.store.pairings(None).await.unwrap(), before);
    assert_eq!(fresh.store.participants().await.unwrap().len(), 2);
}
