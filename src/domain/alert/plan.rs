//! What should be sent, from where things stand.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Alert, AlertKey, AlertState, Kind};
use crate::domain::cadence::{Pace, Standing};
use crate::domain::detect::Decision;
use crate::domain::judge::Status;
use crate::domain::pairing::{Pairing, Role};
use crate::domain::people::{Address, Participant};
use crate::domain::program::Program;
use crate::domain::session::Session;

/// How long after a session a missed-meeting alert is worth sending.
pub(super) const MISSED_PATIENCE: TimeDelta = TimeDelta::days(3);
/// How long a nudge is worth sending.
const NUDGE_PATIENCE: TimeDelta = TimeDelta::days(3);
/// How long a digest is worth sending.
const DIGEST_PATIENCE: TimeDelta = TimeDelta::hours(36);

/// How late a reminder may go out: half of its lead, and never more than four hours.
fn reminder_patience(lead: TimeDelta) -> TimeDelta {
    (lead / 2).min(TimeDelta::hours(4))
}

/// Everything that should be sent about one pairing, as things stand at `now`.
///
/// What was due so long ago that it is no longer worth sending is not planned. Moving `now` on never
/// takes back what was planned, unless its moment has passed.
pub fn plan(
    program: &Program,
    pairing: &Pairing,
    sessions: &[Session],
    standing: &Standing,
    now: DateTime<Utc>,
) -> Vec<Alert> {
    if matches!(standing.pace, Pace::Paused | Pace::Ended) {
        return Vec::new();
    }
    let own = sessions.iter().filter(|session| session.pairing == pairing.id);
    let mut alerts: Vec<Alert> = own.flat_map(|session| about_session(program, pairing, session)).collect();
    alerts.extend(about_cadence(program, pairing, standing));
    alerts.retain(|alert| alert.expires_at > now);
    alerts.sort_by(|a, b| a.key.cmp(&b.key));
    alerts.dedup_by(|a, b| a.key == b.key);
    alerts
}

fn about_session(program: &Program, pairing: &Pairing, session: &Session) -> Vec<Alert> {
    if session.decision != Decision::Taken {
        return Vec::new();
    }
    match session.verdict.status {
        // What the calendar has called off may not be judged yet.
        Status::Scheduled if !session.stands => Vec::new(),
        Status::Scheduled => reminders(program, pairing, session),
        Status::Missed => missed(program, pairing, session),
        Status::Proposed | Status::Held | Status::Cancelled | Status::LateCancelled | Status::Unknown => {
            Vec::new()
        }
    }
}

fn reminders(program: &Program, pairing: &Pairing, session: &Session) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for &lead in &program.alerts.remind_before {
        let moment = session.start - lead;
        let due_at = program
            .alerts
            .quiet_hours
            .map_or(moment, |quiet| quiet.before(moment, session.start, program.timezone));
        for (_, person) in pairing.members().filter(|(_, person)| !session.declined(person.id)) {
            let slot = format!("{}-{}m", stamp(session.start), lead.num_minutes());
            alerts.push(Alert {
                session: Some(session.id.clone()),
                about: session.start,
                expires_at: (due_at + reminder_patience(lead)).min(session.start),
                ..alert(Kind::Reminder, program, pairing, To::Person(person), &session.id.0, &slot, due_at)
            });
        }
    }
    alerts
}

fn missed(program: &Program, pairing: &Pairing, session: &Session) -> Vec<Alert> {
    let moment = session.verdict.at;
    let due_at = after_quiet(program, moment);
    pairing
        .members()
        .filter(|(_, person)| !session.declined(person.id))
        .map(|(_, person)| Alert {
            session: Some(session.id.clone()),
            about: session.start,
            // Counted from the session, so that a first look at the past sends nothing about it.
            expires_at: session.end + MISSED_PATIENCE,
            ..alert(
                Kind::Missed,
                program,
                pairing,
                To::Person(person),
                &session.id.0,
                &stamp(session.start),
                due_at,
            )
        })
        .collect()
}

/// The ladder for a pairing that does not meet: a word to the mentee, then to both, then to the
/// managers; half a cadence lies between the rungs. Before the first session both are told at once.
fn about_cadence(program: &Program, pairing: &Pairing, standing: &Standing) -> Vec<Alert> {
    if standing.next_session.is_some() || !standing.watched {
        return Vec::new();
    }
    let first = !standing.may_have_met;
    let kind = if first { Kind::FirstMeeting } else { Kind::Nudge };
    let (mentees, everybody): (Vec<_>, Vec<_>) = (
        pairing.members().filter(|(role, _)| *role == Role::Mentee).map(|(_, p)| To::Person(p)).collect(),
        pairing.members().map(|(_, person)| To::Person(person)).collect(),
    );
    let managers: Vec<_> = program.managers.iter().map(To::Manager).collect();
    let rungs = if first { vec![everybody, managers] } else { vec![mentees, everybody, managers] };
    let mut alerts = Vec::new();
    for (step, recipients) in (1u32..).zip(rungs) {
        let step_from_zero = i32::try_from(step - 1).unwrap_or(0);
        let moment = standing.nudge_from + standing.cadence / 2 * step_from_zero;
        let due_at = after_quiet(program, moment);
        for to in recipients {
            let subject = pairing.id.to_string();
            let slot = format!("{}-{step}", stamp(standing.nudge_from));
            alerts.push(Alert {
                about: standing.nudge_from,
                step,
                expires_at: due_at + NUDGE_PATIENCE,
                ..alert(kind, program, pairing, to, &subject, &slot, due_at)
            });
        }
    }
    alerts
}

/// One program's summary for one slot of its schedule.
pub fn digest(program: &Program, to: &[Address], slot: DateTime<Utc>) -> Vec<Alert> {
    to.iter()
        .map(|manager| Alert {
            key: key(Kind::Digest, &program.name, &stamp(slot), manager),
            kind: Kind::Digest,
            program: program.name.clone(),
            pairing: None,
            session: None,
            person: None,
            recipient: manager.clone(),
            about: slot,
            step: 1,
            due_at: slot,
            expires_at: slot + DIGEST_PATIENCE,
        })
        .collect()
}

#[derive(Clone, Copy)]
enum To<'a> {
    Person(&'a Participant),
    Manager(&'a Address),
}

fn alert(
    kind: Kind,
    program: &Program,
    pairing: &Pairing,
    to: To<'_>,
    subject: &str,
    slot: &str,
    due_at: DateTime<Utc>,
) -> Alert {
    let (person, recipient) = match to {
        To::Person(person) => (Some(person.id), person.main()),
        To::Manager(address) => (None, address),
    };
    Alert {
        key: key(kind, subject, slot, recipient),
        kind,
        program: program.name.clone(),
        pairing: Some(pairing.id),
        session: None,
        person,
        recipient: recipient.clone(),
        about: due_at,
        step: 1,
        due_at,
        expires_at: due_at,
    }
}

/// What makes an alert single (design section 5.4).
fn key(kind: Kind, subject: &str, slot: &str, recipient: &Address) -> AlertKey {
    AlertKey(format!("{}:{subject}:{slot}:{recipient}", kind.as_str()))
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%MZ").to_string()
}

fn after_quiet(program: &Program, at: DateTime<Utc>) -> DateTime<Utc> {
    program.alerts.quiet_hours.map_or(at, |quiet| quiet.after(at, program.timezone))
}

/// An alert as it is stored, as far as planning asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub alert: Alert,
    pub state: AlertState,
}

/// What to change in the store so that it holds what should be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be added, or brought back, or given other times.
    pub add: Vec<Alert>,
    /// To be withdrawn, each with the reason.
    pub withdraw: Vec<(AlertKey, String)>,
}

/// Compares what should be sent with what is stored. What was sent stays sent.
pub fn reconcile(stored: &[Planned], wanted: &[Alert], now: DateTime<Utc>) -> Plan {
    let stored: BTreeMap<&AlertKey, &Planned> =
        stored.iter().map(|planned| (&planned.alert.key, planned)).collect();
    let mut plan = Plan::default();
    for alert in wanted {
        match stored.get(&alert.key).map(|planned| (planned.state, planned)) {
            None | Some((AlertState::Withdrawn, _)) => plan.add.push(alert.clone()),
            Some((AlertState::Planned, planned))
                // A failed attempt puts off when it is due, and never when it expires.
                if planned.alert.expires_at != alert.expires_at =>
            {
                plan.add.push(alert.clone());
            }
            Some((AlertState::Planned | AlertState::Sent | AlertState::Failed, _)) => {}
        }
    }
    for (key, planned) in stored {
        let wanted = wanted.iter().any(|alert| alert.key == *key);
        if planned.state == AlertState::Planned && planned.alert.kind != Kind::Digest && !wanted {
            let reason = if planned.alert.expires_at <= now {
                "its moment has passed"
            } else {
                "no longer called for as things stand"
            };
            plan.withdraw.push((key.clone(), reason.to_owned()));
        }
    }
    plan
}
