//! The store's suite: what every database has to do alike.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use mentord::config::Database;
use mentord::domain::alert::{Alert, AlertKey, AlertState, Kind};
use mentord::domain::calendar::{Calendar, CalendarId, CalendarState};
use mentord::domain::detect::{Decision, Reason};
use mentord::domain::event::{Conference, ConferenceService, Response, Window};
use mentord::domain::evidence::{ConferenceRecord, Evidence, Outcome, Presence, Statement};
use mentord::domain::judge::{Attendance, Grade, PersonVerdict, Status, Verdict};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::people::{Address, ParticipantId};
use mentord::domain::roster::{Entry, Person};
use mentord::domain::session::{Copy, CopyFacts, CopyState, Session, SessionId};
use mentord::store::{Finished, Lease, Queue, SessionFilter, Store, StoreError, SyncCounts, SyncUpdate};

/// A fresh database; dropping it removes it.
struct Fresh {
    store: Store,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fresh {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mentord.db");
        let store = Store::open(&Database::Sqlite(path.clone())).await.unwrap();
        store.migrate().await.unwrap();
        let programs = [("eng", "Engineering mentoring"), ("ops", "Operations")];
        store.ensure_programs(&programs).await.unwrap();
        Self { store, path, _folder: folder }
    }

    /// Does something to the database behind the store's back.
    async fn raw(&self, sql: &'static str) {
        let options = SqliteConnectOptions::new().filename(&self.path);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// One pairing, Ada with Grace, whose calendars are known and not read yet.
    async fn with_pair() -> (Self, Pairing) {
        let fresh = Self::new().await;
        fresh.import(&[entry("eng", "ada", "grace")]).await;
        let pairing = fresh.store.pairings(None).await.unwrap().remove(0);
        let wanted: Vec<_> =
            pairing.members().map(|(_, person)| ("acme", person.id, person.main().clone())).collect();
        fresh.store.ensure_calendars(&wanted, at(0)).await.unwrap();
        (fresh, pairing)
    }

    async fn import(&self, entries: &[Entry]) -> mentord::store::RosterChange {
        self.store.import_roster(entries, day(1), "test", at(0), false).await.unwrap()
    }

    async fn claim_calendar(&self, now: DateTime<Utc>) -> (Calendar, Lease<CalendarId>) {
        self.store.claim_calendars(now, 1).await.unwrap().remove(0)
    }

    /// Reads the first calendar so that it says `facts`, and returns the copies.
    async fn read(&self, pairing: PairingId, facts: CopyFacts, now: DateTime<Utc>) -> Vec<Copy> {
        self.store.sync_all_now(now).await.unwrap();
        let (calendar, lease) = self.claim_calendar(now).await;
        let done = self.store.finish_sync(&lease, update(vec![(pairing, facts)], now), now).await.unwrap();
        assert!(matches!(done, Finished::Done(_)));
        self.store.copies_on(calendar.id).await.unwrap()
    }

    /// A pair with one session that starts at hour 10.
    async fn with_session() -> (Self, Pairing, Session) {
        let (fresh, pairing) = Self::with_pair().await;
        let copies = fresh.read(pairing.id, facts("e1", 10), at(1)).await;
        let session = session(&pairing, "s1", 10);
        let link = (copies[0].id, copies[0].revision, Some(session.id.clone()));
        let saved = fresh
            .store
            .save_sessions(pairing.id, std::slice::from_ref(&session), &[link], &[], at(1))
            .await
            .unwrap();
        assert_eq!(saved, Finished::Done(()));
        (fresh, pairing, session)
    }

    async fn plan(&self, add: &[Alert], withdraw: &[(AlertKey, String)], now: DateTime<Utc>) {
        let lease = self.claim_plan(now).await;
        let planned = self.store.save_plan(&lease, add, withdraw, Some(now), now).await.unwrap();
        assert_eq!(planned, Finished::Done(()));
    }

    async fn claim_plan(&self, now: DateTime<Utc>) -> Lease<PairingId> {
        let mut claimed = self.store.claim_pairings_to_plan(now, 1).await.unwrap();
        claimed.remove(0)
    }
}

fn at(hours: i64) -> DateTime<Utc> {
    let start = day(1).and_hms_opt(0, 0, 0).unwrap().and_utc();
    start + TimeDelta::hours(hours)
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), addresses: vec![address(&format!("{name}@acme.example"))] }
}

fn entry(program: &str, mentor: &str, mentee: &str) -> Entry {
    Entry {
        program: program.to_owned(),
        mentor: person(mentor),
        mentees: vec![person(mentee)],
        group: None,
        starts_on: Some(day(1)),
        ends_on: None,
        cadence: None,
    }
}

fn update(upserts: Vec<(PairingId, CopyFacts)>, now: DateTime<Utc>) -> SyncUpdate {
    let window = Window { from: at(-100), to: at(1000) };
    SyncUpdate {
        upserts,
        gone: vec![],
        cursor: Some((format!("cursor of {now}"), window)),
        next_sync_at: now + TimeDelta::minutes(5),
    }
}

fn facts(event: &str, hour: i64) -> CopyFacts {
    CopyFacts {
        event: event.to_owned(),
        series: Some("series".to_owned()),
        uid: Some("uid@acme.example".to_owned()),
        original_start: Some(at(hour)),
        start: at(hour),
        end: at(hour + 1),
        state: CopyState::Stands,
        organizer: Some(ParticipantId(1)),
        responses: BTreeMap::from([
            (ParticipantId(1), Response::Organizer),
            (ParticipantId(2), Response::NeedsAction),
        ]),
        conference: Some(meet()),
        decision: Decision::Taken,
        score: 7,
        reasons: vec![Reason { weight: 7, text: "only the two are on it".to_owned() }],
    }
}

fn meet() -> Conference {
    Conference { service: ConferenceService::GoogleMeet, key: "abc-defg-hij".to_owned() }
}

fn session(pairing: &Pairing, id: &str, hour: i64) -> Session {
    let facts = facts("e1", hour);
    Session {
        id: SessionId(id.to_owned()),
        pairing: pairing.id,
        uid: facts.uid,
        original_start: facts.original_start,
        start: facts.start,
        end: facts.end,
        moves: 0,
        stands: true,
        decision: Decision::Taken,
        organizer: facts.organizer,
        responses: facts.responses,
        conference: facts.conference,
        verdict: verdict(Status::Scheduled, at(1)),
    }
}

fn verdict(status: Status, at: DateTime<Utc>) -> Verdict {
    Verdict {
        status,
        grade: Grade::None,
        reason: format!("it is {}", status.as_str()),
        people: vec![PersonVerdict {
            person: ParticipantId(1),
            verdict: Attendance::Late,
            grade: Grade::Observed,
            joined_at: Some(at),
            minutes: Some(42),
        }],
        rule_version: 1,
        at,
    }
}

fn settled(by: &str, at: DateTime<Utc>) -> Evidence {
    Evidence {
        statement: Statement::Settled {
            outcome: Outcome::Held,
            by: by.to_owned(),
            why: "was there".to_owned(),
        },
        at,
    }
}

fn alert(pairing: &Pairing, key: &str, due: DateTime<Utc>) -> Alert {
    Alert {
        key: AlertKey(key.to_owned()),
        kind: Kind::Reminder,
        program: pairing.program.clone(),
        pairing: Some(pairing.id),
        session: None,
        person: Some(ParticipantId(1)),
        recipient: address("ada@acme.example"),
        about: at(10),
        step: 1,
        due_at: due,
        expires_at: due + TimeDelta::hours(1),
    }
}

fn key(text: &str) -> AlertKey {
    AlertKey(text.to_owned())
}

// ---- opening

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: PathBuf| async move {
        let opened = Store::open(&Database::Sqlite(path)).await;
        opened.err().expect("it cannot be opened").to_string()
    };

    let missing = open(folder.path().join("no/such/mentord.db")).await;
    assert!(missing.contains("no/such` does not exist"), "{missing}");

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "these are my notes, ".repeat(100)).unwrap();
    let text = open(text).await;
    assert!(text.contains("is not an SQLite database"), "{text}");

    let directory = open(folder.path().to_owned()).await;
    assert!(directory.contains("cannot be opened"), "{directory}");
}

#[tokio::test]
async fn a_newer_schema_is_not_touched() {
    let fresh = Fresh::new().await;
    assert!(fresh.store.schema_current().await.unwrap());
    fresh.store.migrate().await.unwrap();
    fresh
        .raw(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, X'00', 0)",
        )
        .await;
    let opened = Store::open(&Database::Sqlite(fresh.path.clone())).await;
    assert!(matches!(opened.err(), Some(StoreError::Newer { found: 9999, .. })));
}

#[tokio::test]
async fn a_new_database_has_no_schema_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let store = Store::open(&Database::Sqlite(path.clone())).await.unwrap();
    store.ping().await.unwrap();
    assert!(!store.schema_current().await.unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not read it");
    }
}

// ---- roster

#[tokio::test]
async fn importing_twice_changes_nothing() {
    let fresh = Fresh::new().await;
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

#[tokio::test]
async fn an_import_tells_what_changed() {
    let (fresh, pairing) = Fresh::with_pair().await;
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
    assert_eq!(fresh.store.claim_calendars(at(2), 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn members_are_added_to_a_group() {
    let fresh = Fresh::new().await;
    let mut group = entry("eng", "ada", "grace");
    group.group = Some("g1".to_owned());
    fresh.import(&[group.clone()]).await;
    group.mentees = vec![person("joan")];
    let change = fresh.import(&[group]).await;
    assert_eq!(change.changed, ["eng: ada with joan (group g1): mentees: joan came in"]);
    let pairing = fresh.store.pairings(None).await.unwrap().remove(0);
    assert_eq!(pairing.mentees.len(), 2);
}

#[tokio::test]
async fn an_import_that_cannot_be_true_does_nothing() {
    let fresh = Fresh::new().await;
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

// ---- calendars and copies

#[tokio::test]
async fn calendars_come_and_go_with_the_roster() {
    let (fresh, pairing) = Fresh::with_pair().await;
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

#[tokio::test]
async fn reading_a_calendar_is_all_or_nothing() {
    let (fresh, pairing) = Fresh::with_pair().await;
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
    assert_eq!((copies[0].owner, copies[0].revision), (calendar.owner, 1));
    assert_eq!(store.copies_by_event("e2").await.unwrap(), copies[1..]);
    let after = store.calendars().await.unwrap().remove(0);
    assert_eq!(after.cursor.as_ref().unwrap().0, format!("cursor of {}", at(1)));
    assert_eq!(after.last_synced_at, Some(at(1)));
    assert_eq!(after.next_sync_at, at(1) + TimeDelta::minutes(5));
}

#[tokio::test]
async fn only_a_difference_is_a_change() {
    let (fresh, pairing) = Fresh::with_pair().await;
    let store = &fresh.store;
    fresh.read(pairing.id, facts("e1", 10), at(1)).await;
    let wanted = [("acme", pairing.mentor.as_ref().unwrap().id, address("ada@acme.example"))];
    store.ensure_calendars(&wanted, at(1)).await.unwrap();

    let same = fresh.read(pairing.id, facts("e1", 10), at(2)).await;
    assert_eq!((same[0].revision, same[0].changed_at), (1, at(1)));

    let mut moved = facts("e1", 12);
    // Finer than databases keep: no reason to take it for a change every time.
    moved.start += TimeDelta::nanoseconds(123);
    let changed = fresh.read(pairing.id, moved.clone(), at(3)).await;
    assert_eq!((changed[0].revision, changed[0].changed_at), (2, at(3)));
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
    assert_eq!((gone.revision, gone.changed_at), (3, at(5)));
}

#[tokio::test]
async fn whoever_lost_the_lease_writes_nothing() {
    let (fresh, pairing) = Fresh::with_pair().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_are_exclusive() {
    let fresh = Fresh::new().await;
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
                    let claimed = store.claim_calendars(at(0), 2).await.unwrap();
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

    // A new process takes up at once what its dead predecessor held.
    fresh.store.end_all_leases().await.unwrap();
    let claimed = fresh.store.claim_calendars(at(0), 50).await.unwrap();
    assert_eq!(claimed.len(), 21);
}

#[tokio::test]
async fn times_compare_with_and_without_fractions() {
    let (fresh, _) = Fresh::with_pair().await;
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
            fresh.store.end_all_leases().await.unwrap();
            fresh.store.ensure_calendars(&[], base).await.unwrap();
            let ada = ("acme", ParticipantId(1), address("ada@acme.example"));
            fresh.store.ensure_calendars(&[ada], due).await.unwrap();
            let found = fresh.store.next_due(Queue::Calendars).await.unwrap();
            assert_eq!(found, Some(due));
            let claimed = fresh.store.claim_calendars(now, 1).await.unwrap();
            assert_eq!(!claimed.is_empty(), due <= now, "due {due}, now {now}");
        }
    }
}

// ---- detect

#[tokio::test]
async fn a_change_during_detection_is_not_lost() {
    let (fresh, pairing) = Fresh::with_pair().await;
    let store = &fresh.store;
    let only = [("acme", pairing.mentor.as_ref().unwrap().id, address("ada@acme.example"))];
    store.ensure_calendars(&only, at(0)).await.unwrap();
    let read = fresh.read(pairing.id, facts("e1", 10), at(1)).await;
    assert_eq!(store.pairings_to_detect(9).await.unwrap(), [pairing.id]);

    // While somebody works on what was read, the calendar changes.
    let newer = fresh.read(pairing.id, facts("e1", 12), at(2)).await;
    let link = |copy: &Copy| {
        let id = SessionId("s1".to_owned());
        vec![(copy.id, copy.revision, Some(id))]
    };
    let old = session(&pairing, "s1", 10);
    let saved = store
        .save_sessions(pairing.id, std::slice::from_ref(&old), &link(&read[0]), &[], at(3))
        .await
        .unwrap();
    assert_eq!(saved, Finished::Done(()));
    assert_eq!(store.pairings_to_detect(9).await.unwrap(), [pairing.id]);

    let mut new = session(&pairing, "s1", 12);
    new.moves = 1;
    let saved = store.save_sessions(pairing.id, &[new.clone()], &link(&newer[0]), &[], at(4)).await.unwrap();
    assert_eq!(saved, Finished::Done(()));
    assert_eq!(store.pairings_to_detect(9).await.unwrap(), []);

    // Somebody slower, with what was read first, does not set it back.
    let saved = store.save_sessions(pairing.id, &[old], &link(&read[0]), &[], at(5)).await.unwrap();
    assert_eq!(saved, Finished::NotMine);
    assert_eq!(store.session(&new.id).await.unwrap(), Some(new.clone()));
    let copies = store.copies_of_session(&new.id).await.unwrap();
    assert_eq!(copies[0].facts, facts("e1", 12));
}

#[tokio::test]
async fn detection_keeps_the_verdict_and_the_same_evidence_once() {
    let (fresh, pairing, mut session) = Fresh::with_session().await;
    let store = &fresh.store;
    assert_eq!(store.session(&session.id).await.unwrap(), Some(session.clone()));
    let moved = Evidence { statement: Statement::Moved { from: at(10), to: at(12) }, at: at(2) };
    let first_verdict = session.verdict.clone();
    session.start = at(12);
    session.end = at(13);
    session.verdict = verdict(Status::Missed, at(2));
    for _ in 0..2 {
        let evidence = [(session.id.clone(), moved.clone())];
        let saved = store
            .save_sessions(pairing.id, std::slice::from_ref(&session), &[], &evidence, at(2))
            .await
            .unwrap();
        assert_eq!(saved, Finished::Done(()));
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

#[tokio::test]
async fn sessions_are_found_by_program_and_time() {
    let (fresh, pairing, first) = Fresh::with_session().await;
    let store = &fresh.store;
    let second = session(&pairing, "s2", 20);
    let _ = store.save_sessions(pairing.id, std::slice::from_ref(&second), &[], &[], at(2)).await.unwrap();
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

#[tokio::test]
async fn a_series_of_which_a_session_was_taken_is_remembered() {
    let (fresh, pairing, first) = Fresh::with_session().await;
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
    let _ = store.save_sessions(pairing.id, &[second, open, single], &[], &[], at(2)).await.unwrap();
    assert_eq!(store.series_taken(&[pairing.id]).await.unwrap(), taken);
}

// ---- judge

#[tokio::test]
async fn verdicts_are_kept_when_they_change() {
    let (fresh, _, session) = Fresh::with_session().await;
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

#[tokio::test]
async fn a_verdict_on_old_evidence_is_not_written() {
    let (fresh, _, session) = Fresh::with_session().await;
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

#[tokio::test]
async fn a_conference_record_counts_once_for_each_thing_it_says() {
    let (fresh, _, session) = Fresh::with_session().await;
    let store = &fresh.store;
    assert_eq!(store.claim_sessions_to_fetch(at(10), 9).await.unwrap().len(), 0);
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
        let (found, lease) = store.claim_sessions_to_fetch(at(11), 9).await.unwrap().remove(0);
        assert_eq!(found.id, session.id);
        let saved = store
            // Told twice in one go, it is still one.
            .save_calls(&lease, &[record(said), record(said)], Some(at(11)), at(11))
            .await
            .unwrap();
        assert_eq!(saved, Finished::Done(added), "{said} minutes");
    }
    assert_eq!(store.evidence_of(&session.id).await.unwrap(), [record(20), record(30), record(20)]);

    let (_, lease) = store.claim_sessions_to_fetch(at(11), 9).await.unwrap().remove(0);
    let done = store.save_calls(&lease, &[], None, at(12)).await.unwrap();
    assert_eq!(done, Finished::Done(0));
    assert_eq!(store.next_due(Queue::Fetch).await.unwrap(), None);
}

// ---- plan and send

#[tokio::test]
async fn an_alert_is_single_and_what_was_sent_stays_sent() {
    let (fresh, pairing, _) = Fresh::with_session().await;
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

#[tokio::test]
async fn what_was_sent_without_a_lease_is_sent_all_the_same() {
    let (fresh, pairing, _) = Fresh::with_session().await;
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

#[tokio::test]
async fn a_failed_alert_is_tried_again_until_it_is_final() {
    let (fresh, pairing, _) = Fresh::with_session().await;
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

#[tokio::test]
async fn a_plan_on_old_facts_is_not_written() {
    let (fresh, pairing, session) = Fresh::with_session().await;
    let store = &fresh.store;
    let lease = fresh.claim_plan(at(1)).await;
    assert_eq!(lease.on(), &pairing.id);
    assert_eq!(store.claim_pairings_to_plan(at(1), 9).await.unwrap(), []);
    // Even when it is still the same moment.
    let _ = store.save_sessions(pairing.id, &[session], &[], &[], at(1)).await.unwrap();
    let planned = store.save_plan(&lease, &[alert(&pairing, "k", at(9))], &[], None, at(1)).await.unwrap();
    assert_eq!(planned, Finished::NotMine);
    assert_eq!(store.alerts(None).await.unwrap(), []);

    let lease = fresh.claim_plan(at(1)).await;
    let planned = store.save_plan(&lease, &[], &[], None, at(1)).await.unwrap();
    assert_eq!(planned, Finished::Done(()));
    assert_eq!(store.next_due(Queue::Plan).await.unwrap(), None);
}

#[tokio::test]
async fn a_slot_is_taken_once() {
    let (fresh, pairing) = Fresh::with_pair().await;
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

// ---- what makes no sense

#[tokio::test]
async fn unreadable_data_are_told_by_place() {
    let (fresh, pairing, session) = Fresh::with_session().await;
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
    fresh.raw("UPDATE alert SET due_at = 'soon'").await;
    let error = store.alert(&key("k")).await.unwrap_err();
    assert_eq!(place(error), "alert.due_at k");
    fresh.raw("UPDATE calendar SET window_to = NULL, failures = -1").await;
    let error = store.calendars().await.unwrap_err();
    assert_eq!(place(error), "calendar.window_to 1");
    fresh.raw("UPDATE address SET address = 'ada' WHERE participant = 1").await;
    let error = store.pairings(None).await.unwrap_err();
    assert_eq!(place(error), "pairing.address 1");
}

#[tokio::test]
async fn one_unreadable_row_does_not_hold_up_the_others() {
    let (fresh, pairing, _) = Fresh::with_session().await;
    let store = &fresh.store;
    let second = session(&pairing, "s2", 20);
    let _ = store.save_sessions(pairing.id, std::slice::from_ref(&second), &[], &[], at(2)).await.unwrap();
    fresh.raw("UPDATE session SET people = 'nobody' WHERE id = 's1'").await;
    let claimed = store.claim_sessions_to_judge(at(3), 9).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|(session, _)| &session.id).collect();
    assert_eq!(ids, [&second.id]);
}

/// How many calendars of a pairing are connected, and when the one was read that was read longest ago.
async fn read(store: &Store, pairing: PairingId) -> (u32, Option<DateTime<Utc>>) {
    let reading = store.reading(pairing).await.unwrap();
    (reading.connected, reading.oldest)
}
