//! What the evidence amounts to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::detect::Decision;
use super::evidence::Evidence;
use super::pairing::{Pairing, Role};
use super::people::ParticipantId;
use super::program::JudgeRules;
use super::session::Session;

mod presence;
mod rules;
use presence::Presences;
use rules::Ruling;

/// The version of the rules in this module, kept with every verdict. Raise it when they change.
pub const RULE_VERSION: u32 = 1;

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not settled yet whether it is a session.
    Proposed,
    Scheduled,
    Held,
    Missed,
    Cancelled,
    LateCancelled,
    /// Over, and nothing says what became of it.
    Unknown,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
            Self::LateCancelled => "late_cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// How well a verdict is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// A conference record shows it.
    Observed,
    /// Both sides say so.
    Confirmed,
    /// One side says so, or a manager.
    Reported,
    /// Everybody accepted and nothing speaks against it.
    Presumed,
    None,
}

impl Grade {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Confirmed => "confirmed",
            Self::Reported => "reported",
            Self::Presumed => "presumed",
            Self::None => "none",
        }
    }
}

/// What became of one person in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    Attended,
    Late,
    Absent,
    Declined,
    Unknown,
}

impl Attendance {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attended => "attended",
            Self::Late => "late",
            Self::Absent => "absent",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
        }
    }
}

/// The verdict on a session and on everybody in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    pub grade: Grade,
    /// In plain words, for programme managers.
    pub reason: String,
    /// One for each member of the pairing, the mentor first.
    pub people: Vec<PersonVerdict>,
    pub rule_version: u32,
    /// When it was reached.
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonVerdict {
    pub person: ParticipantId,
    pub verdict: Attendance,
    pub grade: Grade,
    /// When they came into the call, where a record shows it.
    pub joined_at: Option<DateTime<Utc>>,
    /// How long they were in the call, in whole minutes: the union of their stays.
    pub minutes: Option<i64>,
}

impl Verdict {
    /// What is said of a session before anything can be judged.
    pub fn open(decision: Decision, at: DateTime<Utc>) -> Self {
        let (status, reason) = match decision {
            Decision::Taken => (Status::Scheduled, "planned, and not over yet"),
            Decision::Proposed => {
                (Status::Proposed, "not settled yet whether this is one of the pairing's sessions")
            }
            Decision::Left => (Status::Proposed, "it turned out to be none of the pairing's sessions"),
        };
        Self {
            status,
            grade: Grade::None,
            reason: reason.to_owned(),
            people: Vec::new(),
            rule_version: RULE_VERSION,
            at,
        }
    }

    /// Whether `other` says the same, whenever it was reached.
    pub fn agrees(&self, other: &Self) -> bool {
        let but_time = |verdict: &Self| Self { at: DateTime::UNIX_EPOCH, ..verdict.clone() };
        but_time(self) == but_time(other)
    }
}

/// Everything that a judgement is made from.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub session: &'a Session,
    pub pairing: &'a Pairing,
    pub rules: &'a JudgeRules,
    /// In the order in which it came.
    pub evidence: &'a [Evidence],
    /// When the pairing's connected calendars were read, the one that was read longest ago;
    /// `None` while one was never read, or none is connected.
    pub read_at: Option<DateTime<Utc>>,
    pub now: DateTime<Utc>,
}

/// A verdict, and when time alone may change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// When to judge again even if no new evidence comes; `None`: not before there is some.
    pub again_at: Option<DateTime<Utc>>,
}

/// What the evidence amounts to at `case.now` (design section 5.3).
pub fn judge(case: Case<'_>) -> Judgement {
    let presences = Presences::of(case.session, case.evidence);
    let ruling = rules::rule(case, &presences);
    let people = people(case, &presences, &ruling);
    Judgement {
        verdict: Verdict {
            status: ruling.status,
            grade: ruling.grade,
            reason: ruling.reason,
            people,
            rule_version: RULE_VERSION,
            at: case.now,
        },
        again_at: ruling.again_at,
    }
}

/// What became of everybody in the pairing.
fn people(case: Case<'_>, presences: &Presences, ruling: &Ruling) -> Vec<PersonVerdict> {
    let over = case.now >= case.session.end + case.rules.grace;
    // Of a session that did not take place, or of which nobody knows, nobody was absent.
    let judged = matches!(ruling.status, Status::Held | Status::Missed);
    let all_seen = presences.anybody() && !presences.unidentified();
    case.pairing
        .members()
        .map(|(role, person)| {
            let joined_at = presences.joined_at(person.id).filter(|_| over);
            let stay = presences.stay(person.id);
            let (verdict, grade) = if let Some(joined) = joined_at {
                let late = joined > case.session.start + case.rules.late_after;
                (if late { Attendance::Late } else { Attendance::Attended }, Grade::Observed)
            } else if let Some(told) = told(case, ruling, role, person.id) {
                told
            } else if case.session.declined(person.id) {
                (Attendance::Declined, Grade::Reported)
            } else if over && judged && all_seen {
                (Attendance::Absent, Grade::Observed)
            } else {
                (Attendance::Unknown, Grade::None)
            };
            PersonVerdict {
                person: person.id,
                verdict,
                grade,
                joined_at,
                minutes: joined_at.map(|_| stay.num_minutes()),
            }
        })
        .collect()
}

/// What follows for a person when the session is held, and not because a record shows it.
fn told(case: Case<'_>, ruling: &Ruling, role: Role, person: ParticipantId) -> Option<(Attendance, Grade)> {
    if ruling.status != Status::Held || ruling.grade == Grade::Observed {
        return None;
    }
    // It takes a mentor and a mentee; which of several, nobody has said.
    let needed = match (&case.pairing.mentor, role) {
        (Some(_), Role::Mentor) => true,
        (Some(_), Role::Mentee) => case.pairing.mentees.len() == 1,
        (None, _) => case.pairing.mentees.len() == 2,
    };
    match rules::answer_of(case, person) {
        _ if needed || ruling.grade == Grade::Presumed => Some((Attendance::Attended, ruling.grade)),
        Some(true) => Some((Attendance::Attended, ruling.grade)),
        Some(false) => Some((Attendance::Absent, Grade::Reported)),
        None => None,
    }
}
