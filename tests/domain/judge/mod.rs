//! Verdicts: what the evidence amounts to.

mod people;
mod properties;
mod sessions;
mod waiting;

use chrono::{DateTime, Utc};
use mentord::domain::event::{ConferenceService, Response};
use mentord::domain::evidence::{ConferenceRecord, Evidence, Outcome, Presence, Statement};
use mentord::domain::judge::Attendance::{self, Declined};
use mentord::domain::judge::{Case, Grade, Judgement, PersonVerdict, Status, judge};
use mentord::domain::pairing::Pairing;
use mentord::domain::people::ParticipantId;
use mentord::domain::program::JudgeRules;
use mentord::domain::session::Session;
use proptest::prelude::*;

use crate::build::*;

const START: &str = "2026-10-05 09:00";

/// A session of 45 minutes, judged two hours after its end, every calendar read meanwhile.
struct Trial {
    session: Session,
    pairing: Pairing,
    rules: JudgeRules,
    evidence: Vec<Evidence>,
    read_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

fn trial() -> Trial {
    let session = session("s", START, Status::Scheduled, Grade::None);
    let now = session.end + hours(2);
    Trial { pairing: pair(), rules: judge_rules(), evidence: Vec::new(), read_at: Some(now), now, session }
}

impl Trial {
    fn judge(&self) -> Judgement {
        judge(Case {
            session: &self.session,
            pairing: &self.pairing,
            rules: &self.rules,
            evidence: &self.evidence,
            read_at: self.read_at,
            now: self.now,
        })
    }

    fn is(&self) -> (Status, Grade) {
        let verdict = self.judge().verdict;
        (verdict.status, verdict.grade)
    }

    fn person(&self, person: ParticipantId) -> PersonVerdict {
        let verdict = self.judge().verdict;
        verdict.people.into_iter().find(|own| own.person == person).expect("a verdict on everybody")
    }

    fn people(&self) -> Vec<Personal> {
        self.judge().verdict.people.iter().map(|person| (person.verdict, person.grade)).collect()
    }

    fn of(mut self, pairing: Pairing) -> Self {
        self.pairing = pairing;
        for (_, person) in self.pairing.members() {
            self.session.responses.entry(person.id).or_insert(Response::Accepted);
        }
        self
    }

    fn at(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    fn says(mut self, statement: Statement, at: DateTime<Utc>) -> Self {
        self.evidence.push(Evidence { statement, at });
        self
    }

    /// A record of the call: who, from which minute after the start to which.
    fn call(self, stays: &[(Option<ParticipantId>, i64, i64)]) -> Self {
        self.named_call("record", stays)
    }

    fn named_call(self, record: &str, stays: &[(Option<ParticipantId>, i64, i64)]) -> Self {
        let start = at(START);
        let record = ConferenceRecord {
            service: ConferenceService::GoogleMeet,
            record: record.to_owned(),
            started: start,
            ended: start + minutes(45),
            presences: stays
                .iter()
                .map(|&(person, from, to)| Presence {
                    person,
                    joined: start + minutes(from),
                    left: start + minutes(to),
                })
                .collect(),
        };
        self.says(Statement::Conference(record), start + minutes(45))
    }

    fn answers(self, person: ParticipantId, met: bool) -> Self {
        self.says(Statement::Answer { person, met }, at("2026-10-05 12:00"))
    }

    fn settled(self, outcome: Outcome) -> Self {
        let settled = Statement::Settled { outcome, by: "Marie".into(), why: "asked them".into() };
        self.says(settled, at("2026-10-06 12:00"))
    }

    fn declines(mut self, person: ParticipantId, when: &str) -> Self {
        self.session.responses.insert(person, Response::Declined);
        self.says(Statement::Invitation { person, response: Response::Declined }, at(when))
    }

    fn called_off(mut self, when: &str) -> Self {
        self.session.stands = false;
        self.says(Statement::Cancelled, at(when))
    }
}

const BOTH: &[(Option<ParticipantId>, i64, i64)] = &[(Some(ADA), 0, 45), (Some(GRACE), 1, 44)];
const ADA_ALONE: &[(Option<ParticipantId>, i64, i64)] = &[(Some(ADA), 0, 20)];

const HELD: (Status, Grade) = (Status::Held, Grade::Observed);
const MISSED: (Status, Grade) = (Status::Missed, Grade::Observed);
const OPEN: (Status, Grade) = (Status::Unknown, Grade::None);
const PLANNED: (Status, Grade) = (Status::Scheduled, Grade::None);
const OFF: (Status, Grade) = (Status::Cancelled, Grade::Confirmed);
const OFF_LATE: (Status, Grade) = (Status::LateCancelled, Grade::Confirmed);
const DECLINED: (Status, Grade) = (Status::Cancelled, Grade::Reported);
const DECLINED_LATE: (Status, Grade) = (Status::LateCancelled, Grade::Reported);
type Personal = (Attendance, Grade);
const UNKNOWN: Personal = (Attendance::Unknown, Grade::None);
