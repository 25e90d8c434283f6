//! Who is told what, and when.

mod planned;
mod properties;
mod quiet;
mod recheck;

use chrono::{DateTime, Utc};
use mentord::domain::alert::{Alert, AlertState, Check, Facts, Planned, plan, recheck};
use mentord::domain::cadence::standing;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::pairing::Pairing;
use mentord::domain::program::Program;
use mentord::domain::session::Session;
use proptest::prelude::*;

use crate::build::*;

fn begun() -> Pairing {
    Pairing { starts_on: Some(day("2026-09-01")), ..pair() }
}

fn planned_for(program: &Program, pairing: &Pairing, sessions: &[Session], now: DateTime<Utc>) -> Vec<Alert> {
    plan(program, pairing, sessions, &standing(program, pairing, sessions, &watched(now), now), now)
}

fn planned(sessions: &[Session], now: &str) -> Vec<Alert> {
    planned_for(&program(), &begun(), sessions, at(now))
}

fn keys(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.key.0.as_str()).collect()
}

fn coming(start: &str) -> Session {
    session("s", start, Status::Scheduled, Grade::None)
}

fn held(start: &str) -> Session {
    session(start, start, Status::Held, Grade::Observed)
}

fn missed(start: &str) -> Session {
    session("m", start, Status::Missed, Grade::Observed)
}

fn stored(alerts: &[Alert], state: AlertState) -> Vec<Planned> {
    alerts.iter().map(|alert| Planned { alert: alert.clone(), state }).collect()
}

/// What is looked at before an alert goes out.
struct Look {
    program: Option<Program>,
    pairing: Option<Pairing>,
    sessions: Vec<Session>,
    now: DateTime<Utc>,
}

impl Look {
    fn at(alert: &Alert) -> Check {
        Self {
            program: Some(program()),
            pairing: Some(begun()),
            sessions: vec![coming("2026-10-05 09:00")],
            now: alert.due_at,
        }
        .check(alert)
    }

    fn check(&self, alert: &Alert) -> Check {
        let standing = self.program.as_ref().zip(self.pairing.as_ref()).map(|(program, pairing)| {
            standing(program, pairing, &self.sessions, &watched(self.now), self.now)
        });
        recheck(
            alert,
            Facts {
                program: self.program.as_ref(),
                pairing: self.pairing.as_ref().zip(standing.as_ref()),
                session: self.sessions.iter().find(|session| Some(&session.id) == alert.session.as_ref()),
                now: self.now,
            },
        )
    }
}
