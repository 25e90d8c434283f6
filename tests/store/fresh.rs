//! Fresh databases of either kind, and things to put into them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

pub use On::{Postgres, Sqlite};
pub use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
pub use mentord::config::Database;
pub use mentord::domain::alert::{Alert, AlertKey, AlertState, Kind};
pub use mentord::domain::calendar::{Calendar, CalendarId, CalendarState};
pub use mentord::domain::detect::{Decision, Reason};
pub use mentord::domain::event::{Conference, ConferenceService, Response, Window};
pub use mentord::domain::evidence::{ConferenceRecord, Evidence, Outcome, Presence, Statement};
pub use mentord::domain::judge::{Attendance, Grade, PersonVerdict, Status, Verdict};
pub use mentord::domain::pairing::{Pairing, PairingId};
pub use mentord::domain::people::{Address, ParticipantId};
pub use mentord::domain::roster::{Entry, Person};
pub use mentord::domain::session::{Copy, CopyFacts, CopyId, CopyState, Session, SessionId};
pub use mentord::store::{Finished, Lease, Queue, SessionFilter, Store, StoreError, SyncCounts, SyncUpdate};

use crate::postgres::{self, Server};

/// Which database a promise is tried on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A fresh database; dropping it removes it.
pub struct Fresh {
    pub store: Store,
    pub place: Place,
}

/// Where a database lives.
pub enum Place {
    Sqlite { path: PathBuf, _folder: tempfile::TempDir },
    Postgres { url: String, _server: Arc<Server> },
}

impl Place {
    pub async fn new(on: On) -> Self {
        match on {
            Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                Self::Sqlite { path: folder.path().join("mentord.db"), _folder: folder }
            }
            Postgres => {
                let server = Server::shared();
                Self::Postgres { url: server.database().await, _server: server }
            }
        }
    }

    pub fn database(&self) -> Database {
        match self {
            Self::Sqlite { path, .. } => Database::Sqlite(path.clone()),
            Self::Postgres { url, .. } => Database::Postgres(mentord::config::postgres(url).unwrap()),
        }
    }
}

impl Fresh {
    pub async fn new(on: On) -> Self {
        let place = Place::new(on).await;
        let store = Store::open(&place.database()).await.unwrap();
        store.migrate().await.unwrap();
        let programs = [("eng", "Engineering mentoring"), ("ops", "Operations")];
        store.ensure_programs(&programs).await.unwrap();
        Self { store, place }
    }

    /// Does something to the database behind the store's back.
    pub async fn raw(&self, sql: &'static str) {
        match &self.place {
            Place::Sqlite { path, .. } => {
                let options = SqliteConnectOptions::new().filename(path);
                let pool = SqlitePool::connect_with(options).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Place::Postgres { url, .. } => postgres::run(url, sql).await,
        }
    }

    /// Lets every lease run out.
    pub async fn leases_run_out(&self) {
        for sql in [
            "UPDATE calendar SET lease_until = 0, watch_lease_until = 0",
            "UPDATE pairing SET detect_lease_until = 0, plan_lease_until = 0",
            "UPDATE session SET judge_lease_until = 0, fetch_lease_until = 0",
            "UPDATE alert SET lease_until = 0",
        ] {
            self.raw(sql).await;
        }
    }

    /// One pairing, Ada with Grace, whose calendars are known and not read yet.
    pub async fn with_pair(on: On) -> (Self, Pairing) {
        let fresh = Self::new(on).await;
        fresh.import(&[entry("eng", "ada", "grace")]).await;
        let pairing = fresh.store.pairings(None).await.unwrap().remove(0);
        let wanted: Vec<_> =
            pairing.members().map(|(_, person)| ("acme", person.id, person.main().clone())).collect();
        fresh.store.ensure_calendars(&wanted, at(0)).await.unwrap();
        (fresh, pairing)
    }

    pub async fn import(&self, entries: &[Entry]) -> mentord::store::RosterChange {
        self.store.import_roster(entries, day(1), "test", at(0), false).await.unwrap()
    }

    pub async fn claim_calendar(&self, now: DateTime<Utc>) -> (Calendar, Lease<CalendarId>) {
        self.store.claim_calendars("acme", now, 1).await.unwrap().remove(0)
    }

    /// Reads the first calendar so that it says `facts`, and returns the copies.
    pub async fn read(&self, pairing: PairingId, facts: CopyFacts, now: DateTime<Utc>) -> Vec<Copy> {
        self.store.sync_all_now(now).await.unwrap();
        let (calendar, lease) = self.claim_calendar(now).await;
        let done = self.store.finish_sync(&lease, update(vec![(pairing, facts)], now), now).await.unwrap();
        assert!(matches!(done, Finished::Done(_)));
        self.store.copies_on(calendar.id).await.unwrap()
    }

    /// A pair with one session that starts at hour 10.
    pub async fn with_session(on: On) -> (Self, Pairing, Session) {
        let (fresh, pairing) = Self::with_pair(on).await;
        let copies = fresh.read(pairing.id, facts("e1", 10), at(1)).await;
        let session = session(&pairing, "s1", 10);
        let link = (copies[0].id, Some(session.id.clone()));
        fresh.detect(std::slice::from_ref(&session), &[link], &[], at(1)).await;
        (fresh, pairing, session)
    }

    pub async fn plan(&self, add: &[Alert], withdraw: &[(AlertKey, String)], now: DateTime<Utc>) {
        let lease = self.claim_plan(now).await;
        let planned = self.store.save_plan(&lease, add, withdraw, Some(now), now).await.unwrap();
        assert_eq!(planned, Finished::Done(()));
    }

    /// Detection finds these sessions, and `evidence` in their copies.
    pub async fn detect(
        &self,
        sessions: &[Session],
        links: &[(CopyId, Option<SessionId>)],
        evidence: &[(SessionId, Evidence)],
        now: DateTime<Utc>,
    ) {
        let lease = self.claim_detect(now).await;
        let saved = self.store.save_sessions(&lease, sessions, links, evidence, now).await.unwrap();
        assert_eq!(saved, Finished::Done(()));
    }

    /// Claims the pairing to put its sessions together, whether or not a copy has changed.
    pub async fn claim_detect(&self, now: DateTime<Utc>) -> Lease<PairingId> {
        self.raw("UPDATE pairing SET next_detect_at = '2000-01-01T00:00:00+00:00'").await;
        self.store.claim_pairings_to_detect(now, 1).await.unwrap().remove(0)
    }

    pub async fn claim_plan(&self, now: DateTime<Utc>) -> Lease<PairingId> {
        let mut claimed = self.store.claim_pairings_to_plan(now, 1).await.unwrap();
        claimed.remove(0)
    }
}

pub fn at(hours: i64) -> DateTime<Utc> {
    let start = day(1).and_hms_opt(0, 0, 0).unwrap().and_utc();
    start + TimeDelta::hours(hours)
}

pub fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub fn person(name: &str) -> Person {
    Person { name: name.to_owned(), addresses: vec![address(&format!("{name}@acme.example"))] }
}

pub fn entry(program: &str, mentor: &str, mentee: &str) -> Entry {
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

pub fn update(upserts: Vec<(PairingId, CopyFacts)>, now: DateTime<Utc>) -> SyncUpdate {
    let window = Window { from: at(-100), to: at(1000) };
    SyncUpdate {
        upserts,
        withheld: [].into(),
        gone: vec![],
        cursor: Some(format!("cursor of {now}")),
        window,
        next_sync_at: now + TimeDelta::minutes(5),
        told: 0,
        again_at: now,
        was_stale: false,
    }
}

pub fn facts(event: &str, hour: i64) -> CopyFacts {
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
        guests_hidden: false,
    }
}

pub fn meet() -> Conference {
    Conference { service: ConferenceService::GoogleMeet, key: "abc-defg-hij".to_owned() }
}

pub fn session(pairing: &Pairing, id: &str, hour: i64) -> Session {
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

pub fn verdict(status: Status, at: DateTime<Utc>) -> Verdict {
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

pub fn settled(by: &str, at: DateTime<Utc>) -> Evidence {
    Evidence {
        statement: Statement::Settled {
            outcome: Outcome::Held,
            by: by.to_owned(),
            why: "was there".to_owned(),
        },
        at,
    }
}

pub fn alert(pairing: &Pairing, key: &str, due: DateTime<Utc>) -> Alert {
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

pub fn key(text: &str) -> AlertKey {
    AlertKey(text.to_owned())
}
