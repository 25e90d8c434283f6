//! The books: what was sent, held against what arrived, and what is known, against what is true.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::relay::message_id;
use crate::stage::{Pair, Stage, now, within};
use crate::world::{Known, World};

/// How one life of the service ended.
pub struct Ending {
    /// It was not asked to end, and so could not finish what it was doing.
    pub killed: bool,
    /// How many mails had arrived by then.
    mails: usize,
    /// The messages that the database knew to be sent.
    sent: HashSet<String>,
}

/// The Message-IDs of what arrived, in the order in which it came.
pub async fn arrived(stage: &Stage) -> Vec<String> {
    let mails = stage.control.mails().await.unwrap();
    mails.iter().map(|mail| message_id(&mail.data)).collect()
}

/// The messages that the database knows to be sent.
pub async fn booked(stage: &Stage) -> HashSet<String> {
    stage.database.rows(SENT).await.into_iter().flatten().collect()
}

const SENT: &str = "SELECT message_id FROM alert WHERE state = 'sent'";

impl Ending {
    /// To be called between two lives.
    pub async fn note(stage: &Stage, killed: bool) -> Self {
        stage.relay.drained().await;
        let mails = stage.control.mails().await.unwrap().len();
        let sent = stage.database.rows_left_behind(SENT).await.into_iter().flatten().collect();
        Self { killed, mails, sent }
    }
}

/// Every alert that is booked as sent arrived, and was booked once; every mail is booked, and came
/// once; but of each life that was killed one message may have been in flight: it came again, or what
/// it was about changed before that. Returns how many came again. To be called after the last life.
pub async fn assert_messages(stage: &Stage, endings: &[Ending]) -> usize {
    let mails = arrived(stage).await;
    let booked = booked(stage).await;
    let lost: Vec<_> = booked.iter().filter(|id| !mails.contains(id)).collect();
    assert!(lost.is_empty(), "booked as sent, and never arrived: {lost:?}");

    let twice = "SELECT alert.alert_key, CAST(COUNT(delivery.id) AS TEXT) FROM alert
         LEFT JOIN delivery ON delivery.alert_key = alert.alert_key AND delivery.outcome = 'sent'
         GROUP BY alert.alert_key, alert.state
         HAVING COUNT(delivery.id) <> CASE WHEN alert.state = 'sent' THEN 1 ELSE 0 END";
    assert_eq!(stage.database.rows(twice).await, [[""; 0]; 0], "not booked exactly once");

    let mut copies: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, id) in mails.iter().enumerate() {
        copies.entry(id).or_default().push(at);
    }
    let life = |at: usize| endings.iter().position(|ending| at < ending.mails).unwrap_or(endings.len());
    let mut in_flight: BTreeMap<usize, &str> = BTreeMap::new();
    let mut repeated = 0;
    for (id, copies) in &copies {
        let lives: Vec<usize> = copies.iter().map(|at| life(*at)).collect();
        let unfinished = if booked.contains(*id) { &lives[..lives.len() - 1] } else { &lives[..] };
        repeated += lives.len() - 1;
        for life in unfinished {
            let killed = endings.get(*life).is_some_and(|end| end.killed && !end.sent.contains(*id));
            assert!(killed, "{id} came in the lives {lives:?}; life {life} should have booked it");
            let other = in_flight.insert(*life, id);
            assert!(other.is_none(), "more than one message was in flight at the end of life {life}");
        }
        // Nobody sends what was booked before they came.
        for pair in lives.windows(2) {
            assert!(pair[0] < pair[1], "{id} came twice in life {}", pair[0]);
            assert!(!endings[pair[1] - 1].sent.contains(*id), "{id} came in the lives {lives:?}");
        }
    }
    repeated
}

fn known(session: &Value) -> Known {
    let text = |field: &str| session[field].as_str().unwrap().to_owned();
    Known {
        mentor: text("mentor"),
        start: text("start").parse().unwrap(),
        end: text("end").parse().unwrap(),
        status: text("status"),
        grade: text("grade"),
        moves: session["moves"].as_u64().unwrap(),
    }
}

/// Waits until the service knows of every session what is true, and nothing else.
pub async fn settle(stage: &Stage, world: &World<'_>, seconds: u64) {
    let settled = within(seconds, async || {
        let sessions = stage.list("sessions").await;
        let mut sessions: Vec<Known> = sessions.iter().map(known).collect();
        sessions.sort();
        let truth = world.truth().await;
        (sessions == truth).then_some(())
    })
    .await;
    if settled.is_none() {
        let sessions = stage.list("sessions").await;
        let known: Vec<Known> = sessions.iter().map(known).collect();
        let truth = world.truth().await;
        let wrong: Vec<_> =
            sessions.iter().filter(|session| !truth.contains(&self::known(session))).collect();
        let lacking: Vec<_> = truth.iter().filter(|session| !known.contains(session)).collect();
        let calendars = stage.list("calendars").await;
        panic!(
            "not settled within {seconds} seconds\ntrue, and not known: {lacking:#?}\n\
             known, and not true: {wrong:#?}\ncalendars: {calendars:#?}"
        );
    }
}

/// Waits until everything that was due was sent; then every reminder whose moment has come is there,
/// and everybody is told of every session that was missed lately.
pub async fn assert_alerts(stage: &Stage, world: &World<'_>, seconds: u64) {
    let since = now();
    let mut lacking = Vec::new();
    let complete = within(seconds, async || {
        let alerts = stage.list("alerts").await;
        let sessions = stage.list("sessions").await;
        lacking = overdue(&alerts);
        lacking.extend(
            wanted(&sessions, since)
                .into_iter()
                .filter(|key| !alerts.iter().any(|alert| alert["key"] == **key && alert["state"] == "sent")),
        );
        lacking.is_empty().then_some(())
    })
    .await;
    assert!(complete.is_some(), "due, and not sent within {seconds} seconds: {lacking:#?}");
    let alerts = stage.list("alerts").await;
    let failed: Vec<_> = alerts.iter().filter(|alert| alert["state"] == "failed").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let nudged = |pair: &Pair| {
        let nudge = |alert: &&Value| alert["kind"] == "nudge" && alert["state"] == "sent";
        alerts.iter().filter(nudge).any(|alert| alert["recipient"] == *pair.mentee)
    };
    for pair in stage.pairs.iter().filter(|pair| pair.idle) {
        assert!(nudged(pair), "{pair:?} has not met for long, and nobody was told: {alerts:#?}");
    }
    assert_no_false_alarm(stage, world, &alerts).await;
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// Digests come due all the time: only what has waited for some seconds is overdue.
fn overdue(alerts: &[Value]) -> Vec<String> {
    let limit = now() - TimeDelta::seconds(10);
    let overdue = alerts.iter().filter(|alert| alert["state"] == "planned" && time(&alert["due_at"]) < limit);
    overdue.map(|alert| alert["key"].as_str().unwrap().to_owned()).collect()
}

/// The keys of the alerts that have to be sent, as far as that is beyond doubt.
fn wanted(sessions: &[Value], since: DateTime<Utc>) -> Vec<String> {
    let mut keys = Vec::new();
    for session in sessions {
        let (id, start, end) =
            (session["id"].as_str().unwrap(), time(&session["start"]), time(&session["end"]));
        let stamp = start.format("%Y%m%dT%H%MZ");
        for person in session["people"].as_array().unwrap() {
            let email = person["email"].as_str().unwrap();
            match session["status"].as_str().unwrap() {
                "missed" if end > now() - TimeDelta::days(2) => {
                    keys.push(format!("missed:{id}:{stamp}:{email}"))
                }
                "scheduled" if person["rsvp"] != "declined" => {
                    for lead in [60, 24 * 60] {
                        let due = start - TimeDelta::minutes(lead);
                        let patience = TimeDelta::minutes((lead / 2).min(240));
                        if due <= since && now() + TimeDelta::minutes(2) < due + patience {
                            keys.push(format!("reminder:{id}:{stamp}-{lead}m:{email}"));
                        }
                    }
                }
                _ => {}
            }
        }
    }
    keys
}

/// At no time was anything called missed or held that was not.
async fn assert_no_false_alarm(stage: &Stage, world: &World<'_>, alerts: &[Value]) {
    let sessions = stage.list("sessions").await;
    let truth: HashMap<&str, &str> =
        sessions.iter().map(|s| (s["id"].as_str().unwrap(), s["status"].as_str().unwrap())).collect();
    let settled: Vec<Known> = sessions.iter().map(known).collect();
    let mut settled_sorted = settled.clone();
    settled_sorted.sort();
    assert_eq!(settled_sorted, world.truth().await, "it was settled, and is not any more");
    for row in stage.database.rows("SELECT DISTINCT session, status FROM verdict").await {
        let was = truth.get(&*row[0]).copied();
        if ["missed", "held"].contains(&&*row[1]) {
            assert_eq!(was, Some(&*row[1]), "session {} was called {}", row[0], row[1]);
        }
    }
    for alert in alerts.iter().filter(|alert| alert["kind"] == "missed" && alert["state"] == "sent") {
        assert_eq!(truth.get(alert["session"].as_str().unwrap()), Some(&"missed"), "{alert}");
    }
}
