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
    let off = called_off(case);
    if case.now < judged_from {
        let planned = || Ruling::new(Status::Scheduled, Grade::None, "planned, and not over yet");
        // Records come early, and may show that they met after all.
        return off.map_or_else(planned, |(_, ruling)| ruling).again_at(judged_from);
    }
    match (shown(case, presences), off) {
        (Shown::Together(overlap), _) => Ruling::new(
            Status::Held,
            Grade::Observed,
            format!("the call's record shows both sides together for {}", minutes(overlap)),
        ),
        // Who waited in vain may well have called it off then.
        (Shown::Apart(reason), off) if off.as_ref().is_none_or(|(at, _)| *at >= case.session.start) => {
            missed(case, Grade::Observed, reason)
        }
        (_, Some((_, off))) => off,
        (_, None) => answered(case).unwrap_or_else(|| silent(case, presences)),
    }
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

/// What the records of the call show about the pairing.
enum Shown {
    /// The mentor and a mentee were there together, for that long.
    Together(TimeDelta),
    /// They were not, or too short; why.
    Apart(String),
    /// Nobody of the pairing was there, or somebody was who may be the other side.
    Open,
}

fn shown(case: Case<'_>, presences: &Presences) -> Shown {
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
        Some(overlap) if overlap >= needed && overlap > TimeDelta::zero() => Shown::Together(overlap),
        _ if presences.unidentified() || !presences.anybody() => Shown::Open,
        Some(overlap) if overlap.is_zero() => {
            Shown::Apart("the call's record shows both sides, and never together".to_owned())
        }
        Some(overlap) => Shown::Apart(format!(
            "the call's record shows both sides together for {} only; {} are needed",
            minutes(overlap),
            minutes(needed)
        )),
        None if case.pairing.mentor.is_none() => {
            Shown::Apart("the call's record shows one person alone".to_owned())
        }
        None if mentees.is_empty() => Shown::Apart("the call's record shows the mentor alone".to_owned()),
        None => Shown::Apart("the call's record shows no mentor".to_owned()),
    }
}

/// Missed is not said before every calendar was read after the end: the session may have been moved
/// meanwhile. For a day the verdict waits; then it is unknown for as long as a calendar stays unread.
fn missed(case: Case<'_>, grade: Grade, reason: impl Into<String>) -> Ruling {
    if read_since(case) {
        return Ruling::new(Status::Missed, grade, reason);
    }
    let patience = case.session.end + UNREAD_PATIENCE;
    let waits = case.now < patience;
    let status = if waits { Status::Scheduled } else { Status::Unknown };
    let reason = "it looks missed, but not every calendar of the pairing was read after its end yet";
    let again = look_again(case);
    Ruling::new(status, Grade::None, reason).again_at(if waits { again.min(patience) } else { again })
}

/// Whether every connected calendar was read after the end.
fn read_since(case: Case<'_>) -> bool {
    case.read_at.is_some_and(|read_at| read_at >= case.session.end)
}

/// When to ask again whether the calendars were read: less and less often.
fn look_again(case: Case<'_>) -> DateTime<Utc> {
    case.now + READ_PATIENCE.max((case.now - case.session.end) / 24)
}

/// Called off on the calendar, or declined by one side as a whole, whichever came first, and when.
/// Taking an event off the calendar once it is over says nothing about it.
fn called_off(case: Case<'_>) -> Option<(DateTime<Utc>, Ruling)> {
    let session = case.session;
    let since = |wanted: &dyn Fn(&Statement) -> bool| {
        let last = case.evidence.iter().rev().find(|evidence| wanted(&evidence.statement));
        last.map(|evidence| evidence.at)
    };
    let declined = |person: ParticipantId| {
        let says = |statement: &Statement| matches!(statement, Statement::Invitation { person: who, response: Response::Declined } if *who == person);
        if session.declined(person) { since(&says) } else { None }
    };
    let mut mentees: Vec<_> = case.pairing.mentees.iter().map(|mentee| declined(mentee.id)).collect();
    mentees.sort_by_key(|at| at.unwrap_or(DateTime::<Utc>::MAX_UTC));
    // A side is out with the last of its people; a circle once only one is left.
    let circle = case.pairing.mentor.is_none();
    let last = if circle { mentees.len().checked_sub(2) } else { mentees.len().checked_sub(1) };
    let by_mentees = last.and_then(|last| mentees[last]);
    let by_mentor = case.pairing.mentor.as_ref().and_then(|mentor| declined(mentor.id));
    let on_calendar = if session.stands { None } else { since(&|says| *says == Statement::Cancelled) };
    let mentees_text = match mentees.len() {
        _ if circle => "all but one declined",
        0 | 1 => "the mentee declined",
        _ => "the mentees declined",
    };
    let (at, what, grade) = [
        (on_calendar, "called off on the calendar", Grade::Confirmed),
        (by_mentor, "the mentor declined", Grade::Reported),
        (by_mentees, mentees_text, Grade::Reported),
    ]
    .into_iter()
    .filter_map(|(at, what, grade)| Some((at?, what, grade)))
    .filter(|(at, ..)| *at < session.end)
    .min_by_key(|(at, ..)| *at)?;
    let notice = session.start - at;
    let (status, reason) = if notice >= LATE_NOTICE {
        (Status::Cancelled, what.to_owned())
    } else if notice > TimeDelta::zero() {
        (Status::LateCancelled, format!("{what}, {} h before the start", notice.num_hours()))
    } else {
        (Status::LateCancelled, format!("{what}, after the start"))
    };
    Some((at, Ruling::new(status, grade, reason)))
}

/// What somebody answered when asked, last.
pub fn answer_of(case: Case<'_>, person: ParticipantId) -> Option<bool> {
    case.evidence.iter().rev().find_map(|evidence| match evidence.statement {
        Statement::Answer { person: who, met } if who == person => Some(met),
        _ => None,
    })
}

/// What the participants answered when they were asked.
fn answered(case: Case<'_>) -> Option<Ruling> {
    let side = |role| {
        let members = case.pairing.members().filter(move |(own, _)| *own == role);
        members.filter_map(|(_, person)| answer_of(case, person.id)).collect::<Vec<_>>()
    };
    let (mentor, mentees) = (side(Role::Mentor), side(Role::Mentee));
    // Whether both sides are among those who answered so.
    let both = |met: &dyn Fn(bool) -> bool| {
        let said = |side: &[bool]| side.iter().filter(|answer| met(**answer)).count();
        if case.pairing.mentor.is_some() {
            said(&mentor) > 0 && said(&mentees) > 0
        } else {
            said(&mentees) >= 2
        }
    };
    let all = || mentor.iter().chain(&mentees);
    let grade = if both(&|_| true) { Grade::Confirmed } else { Grade::Reported };
    match (all().any(|met| *met), all().any(|met| !*met)) {
        (false, false) => None,
        // Who was not there takes nothing from those who were.
        (true, true) if !both(&|met| met) => {
            Some(Ruling::new(Status::Unknown, Grade::None, "the participants' answers contradict each other"))
        }
        (true, _) => Some(Ruling::new(Status::Held, grade, "the participants say that they met")),
        (false, true) => Some(missed(case, grade, "the participants say that they did not meet")),
    }
}

/// Nothing but the invitation speaks.
fn silent(case: Case<'_>, presences: &Presences) -> Ruling {
    let accepted = case.pairing.members().all(|(_, person)| {
        matches!(case.session.responses.get(&person.id), Some(Response::Accepted | Response::Organizer))
    });
    if case.rules.presume_held && accepted && read_since(case) {
        return Ruling::new(
            Status::Held,
            Grade::Presumed,
            "everybody accepted, and nothing speaks against it",
        );
    }
    let reason = if presences.unidentified() && presences.anybody() {
        "the call's record shows one side and somebody who cannot be identified"
    } else if presences.unidentified() {
        "the call's record shows only people who cannot be identified"
    } else if case.session.conference.is_some() {
        "no record of the call was found"
    } else {
        "there is no call whose record could show it, and nobody was asked"
    };
    let ruling = Ruling::new(Status::Unknown, Grade::None, reason);
    if case.rules.presume_held && accepted { ruling.again_at(look_again(case)) } else { ruling }
}

fn minutes(delta: TimeDelta) -> String {
    match delta.num_minutes() {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
