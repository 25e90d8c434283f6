//! Two instances on one database, and what they may do together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use mentord::clock::{Clock as _, ManualClock};
use mentord::config::{self, Database};
use mentord::daemon::service::prepare;
use mentord::domain::alert::{AlertState, Kind};
use mentord::domain::calendar::Calendar;
use mentord::pipeline::{self, Context, Happening, Outcome};
use mentord::sandbox::{Fault, NewMeeting, NewPerson, Options, Provider, Sandbox};
use rstest::rstest;
use tokio::sync::mpsc;

use crate::postgres::Server;
use crate::programme::{begin, berlin};

const PAIRS: usize = 9;

#[derive(Clone, Copy, Debug)]
enum On {
    Sqlite,
    Postgres,
}
use On::{Postgres, Sqlite};

/// Nine pairs whose calendars are all at Google, and two instances that read them.
struct Two {
    sandbox: Sandbox,
    clock: ManualClock,
    instances: [Context; 2],
    _server: Option<Arc<Server>>,
    _dir: tempfile::TempDir,
}

impl Two {
    /// With another limit in place of the sandbox's own.
    async fn new(on: On, (limit, instead): (&str, &str)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(Options::at(begin())).await.unwrap();
        let mut people = Vec::new();
        let mut roster = "program,mentor_name,mentor_email,mentee_name,mentee_email\n".to_owned();
        for pair in 0..PAIRS {
            roster += &format!("guild,Mentor {pair},{},Mentee {pair},{}\n", mentor(pair), mentee(pair));
            for address in [mentor(pair), mentee(pair)] {
                let name = address.clone();
                people.push(NewPerson { address, name, provider: Provider::Google, ..NewPerson::default() });
            }
        }
        sandbox.control().people(&people).await.unwrap();
        let access = sandbox.grant_access(dir.path()).unwrap();
        assert!(access.contains(limit), "{access}");
        let text = format!(
            "[sync]\ninterval = \"1h\"\nconcurrency = 4\n{}\n[[programs]]\nname = \"guild\"\n\
             timezone = \"Europe/Berlin\"\nroster = \"roster.csv\"\n[programs.alerts]\nremind_before = [\"24h\"]\n",
            access.replace(limit, instead)
        );
        std::fs::write(dir.path().join("roster.csv"), roster).unwrap();
        std::fs::write(dir.path().join("mentord.toml"), text).unwrap();
        let mut config = config::load_with(&dir.path().join("mentord.toml"), []).unwrap();
        let server = match on {
            Sqlite => None,
            Postgres => {
                let server = Server::shared();
                let url = server.database().await;
                config.database = Database::Postgres(config::postgres(&url).unwrap());
                Some(server)
            }
        };
        let clock = ManualClock::new(begin());
        let instance = async || prepare(&config, Arc::new(clock.clone())).await.unwrap();
        let instances = [instance().await, instance().await];
        Self { sandbox, clock, instances, _server: server, _dir: dir }
    }
}

fn mentor(pair: usize) -> String {
    format!("mentor{pair}@acme.example")
}

fn mentee(pair: usize) -> String {
    format!("mentee{pair}@acme.example")
}

/// Reads calendars until there are no more to read, and says how many it read.
async fn read_all(mut instance: Context) -> usize {
    let (sender, mut happenings) = mpsc::unbounded_channel();
    instance.listener = Some(sender);
    while pipeline::sync::step(&instance).await.unwrap() == Outcome::Done {}
    let mut read = 0;
    while happenings.try_recv().is_ok() {
        read += 1;
    }
    read
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_ask_google_for_no_more_than_one_may(#[values(Sqlite, Postgres)] on: On) {
    // Twelve at once, then 109 a minute: each alone could ask for all but six of the calendars at once.
    let two = Two::new(on, ("requests_per_minute = 1000000", "requests_per_minute = 120")).await;
    let [one, other] = two.instances.clone();
    let begun = Instant::now();
    let (one, other) = tokio::join!(tokio::spawn(read_all(one)), tokio::spawn(read_all(other)));
    let took = begun.elapsed();

    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one > 0 && other > 0 && one + other == 2 * PAIRS, "{one} and {other} calendars were read");
    let requests = two.sandbox.control().requests().await.unwrap();
    let requests = requests.iter().filter(|request| request.contains("/calendars/")).count();
    assert_eq!(requests, 2 * PAIRS);
    // Half a second for the difference between two clocks.
    let earned = (took + Duration::from_millis(500)).as_secs_f64() * 109.0 / 60.0;
    assert!(requests as f64 <= 12.0 + earned, "{requests} requests within {took:?}");
}

/// Nine of ten places are taken by calendars that do not answer; the others are read all the same.
#[tokio::test(flavor = "multi_thread")]
async fn calendars_that_hang_hold_up_no_others() {
    let two = Two::new(Sqlite, ("requests_per_minute = 1000000", "requests_per_minute = 1000000")).await;
    two.sandbox.control().script("to \"/calendars/mentor\" answer slow 60s always").await.unwrap();
    let mut one = two.instances[0].clone();
    let (sender, mut happenings) = mpsc::unbounded_channel();
    (one.listener, one.sync.concurrency) = (Some(sender), PAIRS + 1);
    let reading = tokio::spawn(async move { pipeline::sync::step(&one).await });
    let read_all_others = async {
        for _ in 0..PAIRS {
            let happening = happenings.recv().await.expect("a reading");
            assert!(matches!(happening, Happening::CalendarRead { .. }), "{happening:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(25), read_all_others).await.expect("they are read meanwhile");
    reading.abort();
}

/// How often a calendar was asked for.
async fn asked(two: &Two) -> usize {
    let requests = two.sandbox.control().requests().await.unwrap();
    requests.iter().filter(|request| request.contains("/calendars/")).count()
}

async fn refuse(two: &Two, path: &str, reason: &str, message: &str) {
    let body = serde_json::json!({"error": {"code": 403, "message": message,
        "errors": [{"domain": "usageLimits", "reason": reason, "message": message}]}});
    let fault = Fault {
        path_contains: path.to_owned(),
        status: 403,
        times: 1_000,
        retry_after: None,
        body: Some(body),
    };
    two.sandbox.control().fault(&fault).await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_the_project_is_said_to_everybody(#[values(Sqlite, Postgres)] on: On) {
    let two = Two::new(on, ("requests_per_minute = 1000000", "requests_per_minute = 1000000")).await;
    refuse(&two, "/calendars/", "dailyLimitExceeded", "Daily Limit Exceeded").await;
    let [one, other] = two.instances.clone();
    let store = one.store.clone();
    assert_eq!(read_all(one).await, 2 * PAIRS, "each has failed once");
    // Four are under way at once; the others learn of it unasked.
    assert!(asked(&two).await <= 8, "{} were asked", asked(&two).await);
    let calendars = store.calendars().await.unwrap();
    let told = |calendar: &Calendar| calendar.trouble().unwrap_or_default();
    assert!(calendars.iter().all(|own| told(own).contains("APIs & Services > Quotas")), "{calendars:#?}");
    let so_far = asked(&two).await;
    two.clock.set(begin() + TimeDelta::hours(2));
    assert_eq!(read_all(other).await, 2 * PAIRS);
    assert_eq!(asked(&two).await, so_far, "for an hour of real time, nobody asks");
    let snapshot = store.snapshot(begin()).await.unwrap();
    assert_eq!(snapshot.held.len(), 1);
    assert!(snapshot.held[0].reason.contains("Daily Limit Exceeded"), "{:?}", snapshot.held);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_one_mailbox_is_its_own_business() {
    let two = Two::new(Sqlite, ("requests_per_minute = 1000000", "requests_per_minute = 1000000")).await;
    for reason in ["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"] {
        refuse(&two, "/calendars/mentor0", reason, "Rate Limit Exceeded").await;
        two.clock.set(two.clock.now() + TimeDelta::hours(3));
        assert_eq!(read_all(two.instances[0].clone()).await, 2 * PAIRS);
        let calendars = two.instances[0].store.calendars().await.unwrap();
        let failing: Vec<_> = calendars.iter().filter(|calendar| calendar.trouble().is_some()).collect();
        assert!(failing.len() == 1 && failing[0].address.as_str() == mentor(0), "{failing:#?}");
        assert_eq!(two.instances[0].store.held_budgets(begin()).await.unwrap(), []);
        two.sandbox.control().clear_faults().await.unwrap();
    }
}

/// The database's clock is real: a minute passes when the budget says so.
async fn a_minute_later(two: &Two) {
    let sql = "UPDATE budget SET taken_until = taken_until - 60000 WHERE name LIKE 'mail/%'";
    let url = format!("sqlite:{}", two._dir.path().join("mentord.db").display());
    use sqlx::Connection as _;
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let done = sqlx::query(sql).execute(&mut database).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_are_too_many_at_once_wait_and_none_is_lost() {
    let two = Two::new(Sqlite, ("max_per_minute = 100000", "max_per_minute = 1")).await;
    let control = two.sandbox.control();
    for pair in 0..3 {
        let meeting = NewMeeting {
            organizer: mentor(pair),
            attendees: vec![mentee(pair)],
            title: "Mentoring".to_owned(),
            start: "2026-10-08T10:00".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            minutes: 60,
            ..NewMeeting::default()
        };
        control.plan(&meeting).await.unwrap();
    }
    let [one, other] = &two.instances;
    while pipeline::sync::step(one).await.unwrap() == Outcome::Done {}
    while pipeline::detect::step(one).await.unwrap() == Outcome::Done {}
    while pipeline::plan::step(one).await.unwrap() == Outcome::Done {}
    let now = berlin("2026-10-07T10:00");
    two.clock.set(now);
    let reminders = async || {
        let mut alerts = one.store.alerts(None).await.unwrap();
        alerts.retain(|stored| stored.alert.kind == Kind::Reminder);
        alerts
    };
    let before = reminders().await;
    assert!(before.len() == 6 && before.iter().all(|stored| stored.alert.due_at == now), "{before:#?}");

    assert_eq!(pipeline::send::step(one).await.unwrap(), Outcome::Done);
    for sent in 1..=6 {
        assert_eq!(control.mails().await.unwrap().len(), sent);
        let mut waiting = reminders().await;
        waiting.retain(|stored| stored.state == AlertState::Planned);
        assert_eq!(waiting.len(), 6 - sent);
        // As if nobody had touched them.
        assert!(waiting.iter().all(|stored| before.contains(stored)), "{waiting:#?}");
        if waiting.is_empty() {
            break;
        }
        for instance in [one, other] {
            match pipeline::send::step(instance).await.unwrap() {
                Outcome::NextAt(at) => assert!(at > now && at <= now + TimeDelta::minutes(1), "{at}"),
                outcome => panic!("{outcome:?}"),
            }
        }
        a_minute_later(&two).await;
        assert_eq!(pipeline::send::step(other).await.unwrap(), Outcome::Done);
    }
    let mails = control.mails().await.unwrap();
    let recipients: BTreeSet<_> = mails.into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(recipients.len(), 6);
    let all = reminders().await;
    assert!(all.iter().all(|stored| stored.state == AlertState::Sent && stored.attempts == 1), "{all:#?}");
}
