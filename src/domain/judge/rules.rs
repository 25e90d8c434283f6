//! The rules, strongest evidence first (design section 5.3).

use chrono::{DateTime, TimeDelta, Utc};

use super::presence::Presences;
use super::{Case, Grade, Status, Verdict};
use crate::domain::detect::Decision;
use crate::domain::event::Response;
use crate::domain::evidence::{Outcome, Statement};
use crate::domain::pairing::Role;
use crate::domain::people::ParticipantId;

/// A session called off, or declined, with less notice than this is `late_cancelled`.
const LATE_NOTICE: TimeDelta = TimeDelta::hours(24);

/// How long a verdict waits for calendars to be read.
const UNREAD_PATIENCE: TimeDelta = TimeDelta::hours(24);

/// How long to wait for a calendar to be read before asking again whether it was.
const READ_PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// What one kind of evidence leads to.
pub struct Ruling {
    pub status: Status,
    pub grade: Grade,
    pub reason: String,
    pub again_at: Option<DateTime<Utc>>,
}

impl Ruling {
    fn new(status: Status, grade: Grade, reason: impl Into<String>) -> Self {
        Self { status, grade, reason: reason.into(), again_at: None }
    }

    fn again_at(self, at: DateTime<Utc>) -> Self {
        Self { again_at: Some(at), ..self }
    }
}

/// Strongest evidence first; the first that says anything decides.
pub fn rule(case: Case<'_>, presences: &Presences) -> Ruling {
    if let Some(ruling) = settled(case) {
        return ruling;
    }
    if case.session.decision != Decision::Taken {
        let open = Verdict::open(case.session.decision, case.now);
        return Ruling::new(open.status, open.grade, open.reason);
    }
    let judged_from = case.session.end + case.rules.grace;
    let observed = if case.now < judged_from { None } else { observed(case, presences) };
    if let Some(ruling) = observed {
        return ruling;
    }
    if let Some(ruling) = called_off(case) {
        return ruling;
    }
    if case.now < judged_from {
        return Ruling::new(Status::Scheduled, Grade::None, "planned, and not over yet")
            .again_at(judged_from);
    }
    answered(case).unwrap_or_else(|| silent(case, presences))
}

/// A manager's word.
fn settled(case: Case<'_>) -> Option<Ruling> {
    case.evidence.iter().rev().find_map(|evidence| match &evidence.statement {
        Statement::Settled { outcome, by, why } => {
            let status = match outcome {
                Outcome::Held => Status::Held,
                Outcome::Missed => Status::Missed,
                Outcome::Cancelled | Outcome::NotASession => Status::Cancelled,
            };
            Some(Ruling::new(status, Grade::Reported, format!("settled by {by}: {why}")))
        }
        Statement::Invitation { .. }
        | Statement::Cancelled
        | Statement::Stands
        | Statement::Moved { .. }
        | Statement::Conference(_)
        | Statement::Answer { .. } => None,
    })
}

/// What the records of the call show. `None` where they show nothing about the pairing.
fn observed(case: Case<'_>, presences: &Presences) -> Option<Ruling> {
    let session = case.session;
    let side = |role| -> Vec<ParticipantId> {
        let members = case.pairing.members().filter(|(own, _)| *own == role);
        members.map(|(_, person)| person.id).filter(|person| presences.was_there(*person)).collect()
    };
    let mentees = side(Role::Mentee);
    // In a circle any two make a session.
    let others = if case.pairing.mentor.is_some() { side(Role::Mentor) } else { mentees.clone() };
    let needed = case.rules.overlap.min(session.length() / 3);
    let together = others
        .iter()
        .flat_map(|one| mentees.iter().map(move |other| (*one, *other)))
        .filter(|(one, other)| one != other)
        .map(|(one, other)| presences.together(one, other))
        .max();
    match together {
        Some(overlap) if overlap >= needed => Some(Ruling::new(
            Status::Held,
            Grade::Observed,
            format!("the call's record shows both sides together for {}", minutes(overlap)),
        )),
        _ if others.is_empty() && mentees.is_empty() => None,
        _ if presences.unidentified() => Some(Ruling::new(
            Status::Unknown,
            Grade::None,
            "the call's record shows one side and somebody who cannot be identified",
        )),
        together => Some(missed(case, together, mentees.is_empty(), needed)),
    }
}

/// A record that shows too little of one side. Not said before every calendar was read after the
/// end: the session may have been moved meanwhile.
fn missed(case: Case<'_>, together: Option<TimeDelta>, no_mentee: bool, needed: TimeDelta) -> Ruling {
    if case.read_at.is_none_or(|read_at| read_at < case.session.end) {
        return unread(case);
    }
    let reason = match together {
        Some(overlap) => {
            format!(
                "the call's record shows both sides together for {} only; {} are needed",
                minutes(overlap),
                minutes(needed)
            )
        }
        None if case.pairing.mentor.is_none() => "the call's record shows one person alone".to_owned(),
        None if no_mentee => "the call's record shows the mentor alone".to_owned(),
        None => "the call's record shows no mentor".to_owned(),
    };
    Ruling::new(Status::Missed, Grade::Observed, reason)
}

/// Looks missed, but a calendar was last read before the end. For a day the verdict waits; then it is
/// unknown for as long as the calendar stays unread.
fn unread(case: Case<'_>) -> Ruling {
    let status =
        if case.now < case.session.end + UNREAD_PATIENCE { Status::Scheduled } else { Status::Unknown };
    let reason = "it looks missed, but not every calendar of the pairing was read after its end yet";
    Ruling::new(status, Grade::None, reason).again_at(case.now + READ_PATIENCE)
}

/// Called off on the calendar, or declined by one side as a whole. Taking an event off the calendar
/// once it is over says nothing about it.
fn called_off(case: Case<'_>) -> Option<Ruling> {
    let session = case.session;
    let since = |wanted: &dyn Fn(&Statement) -> bool| {
        let last = case.evidence.iter().rev().find(|evidence| wanted(&evidence.statement));
        last.map(|evidence| evidence.at)
    };
    let (at, what, grade) = if !session.stands {
        let at = since(&|statement| *statement == Statement::Cancelled)?;
        (at, "called off on the calendar".to_owned(), Grade::Confirmed)
    } else {
        let mentor = case.pairing.mentor.iter().find(|mentor| session.declined(mentor.id));
        let mentees = &case.pairing.mentees;
        let all_mentees = mentees.iter().all(|mentee| session.declined(mentee.id));
        let who = mentor.or(if all_mentees { mentees.first() } else { None })?;
        let declined = |statement: &Statement| matches!(statement, Statement::Invitation { person, response: Response::Declined } if *person == who.id);
        let side = if mentor.is_some() { "the mentor" } else { "the mentee" };
        (since(&declined)?, format!("{side} declined"), Grade::Reported)
    };
    let notice = session.start - at;
    if at >= session.end {
        None
    } else if notice < LATE_NOTICE {
        let hours = notice.num_hours().max(0);
        let reason = format!("{what}, {hours} h before the start");
        Some(Ruling::new(Status::LateCancelled, grade, reason))
    } else {
        Some(Ruling::new(Status::Cancelled, grade, what))
    }
}

/// What the participants answered when they were asked.
fn answered(case: Case<'_>) -> Option<Ruling> {
    let last_of = |person: ParticipantId| {
        case.evidence.iter().rev().find_map(|evidence| match evidence.statement {
            Statement::Answer { person: who, met } if who == person => Some(met),
            _ => None,
        })
    };
    let side = |role| {
        let members = case.pairing.members().filter(move |(own, _)| *own == role);
        members.filter_map(|(_, person)| last_of(person.id)).collect::<Vec<_>>()
    };
    let (mentor, mentees) = (side(Role::Mentor), side(Role::Mentee));
    let all: Vec<_> = mentor.iter().chain(&mentees).copied().collect();
    let yes = all.contains(&true);
    let no = all.contains(&false);
    let both_sides = if case.pairing.mentor.is_some() {
        !mentor.is_empty() && !mentees.is_empty()
    } else {
        mentees.len() >= 2
    };
    let grade = if both_sides { Grade::Confirmed } else { Grade::Reported };
    match (yes, no) {
        (false, false) => None,
        (true, true) => {
            Some(Ruling::new(Status::Unknown, Grade::None, "the participants' answers contradict each other"))
        }
        (true, false) => Some(Ruling::new(Status::Held, grade, "the participants say that they met")),
        (false, true) if case.read_at.is_none_or(|read_at| read_at < case.session.end) => Some(unread(case)),
        (false, true) => {
            Some(Ruling::new(Status::Missed, grade, "the participants say that they did not meet"))
        }
    }
}

/// Nothing but the invitation speaks.
fn silent(case: Case<'_>, presences: &Presences) -> Ruling {
    let accepted = case.pairing.members().all(|(_, person)| {
        matches!(case.session.responses.get(&person.id), Some(Response::Accepted | Response::Organizer))
    });
    let fresh = case.read_at.is_some_and(|read_at| read_at >= case.session.end);
    if case.rules.presume_held && accepted && fresh {
        return Ruling::new(
            Status::Held,
            Grade::Presumed,
            "everybody accepted, and nothing speaks against it",
        );
    }
    let reason = if presences.unidentified() {
        "the call's record shows only people who cannot be identified"
    } else if case.session.conference.is_some() {
        "no record of the call was found"
    } else {
        "there is no call whose record could show it, and nobody was asked"
    };
    let ruling = Ruling::new(Status::Unknown, Grade::None, reason);
    if case.rules.presume_held && accepted { ruling.again_at(case.now + READ_PATIENCE) } else { ruling }
}

fn minutes(delta: TimeDelta) -> String {
    match delta.num_minutes() {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
