//! What each alert says, from how things stand.

use chrono::{DateTime, Utc};

use super::{Alert, Background, Kind};
use crate::domain::cadence::{Pace, Standing};
use crate::domain::judge::Attendance;
use crate::domain::pairing::{Pairing, Role};
use crate::domain::program::Program;
use crate::domain::report::Report;
use crate::domain::session::Session;
use crate::notify::letter::{self, Letter, Matter};
use crate::pipeline::{Context, report};
use crate::store::StoreError;

/// How many days a digest looks back.
const DIGEST_DAYS: u64 = 28;

/// The letter for an alert; `None` where what it was about is gone.
pub async fn write(
    context: &Context,
    program: &Program,
    alert: &Alert,
    background: &Background<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Letter>, StoreError> {
    let pairing = background.pairing.as_ref();
    let session = background.session(alert);
    let matter = match alert.kind {
        Kind::Reminder => {
            pairing.zip(session).map(|((pairing, _), session)| reminder(alert, pairing, session, now))
        }
        Kind::Missed => pairing
            .zip(session)
            .map(|((pairing, standing), session)| missed(alert, pairing, standing, session)),
        Kind::Nudge => pairing.map(|(pairing, standing)| nudge(alert, pairing, standing)),
        Kind::FirstMeeting => {
            pairing.map(|(pairing, standing)| first_meeting(program, alert, pairing, standing))
        }
        Kind::Digest => Some(digest(context, program, now).await?),
    };
    let greeting = pairing
        .and_then(|(pairing, _)| pairing.participant(alert.person?))
        .map(|person| person.first_name().to_owned());
    Ok(matter.map(|matter| Letter {
        program: program.title.clone(),
        zone: program.timezone,
        greeting,
        matter,
    }))
}

/// The names of the pairing's members but the recipient.
fn others(alert: &Alert, pairing: &Pairing) -> Vec<String> {
    pairing
        .members()
        .filter(|(_, person)| Some(person.id) != alert.person)
        .map(|(_, person)| person.name.clone())
        .collect()
}

fn role(alert: &Alert, pairing: &Pairing) -> Role {
    let own = pairing.members().find(|(_, person)| Some(person.id) == alert.person);
    own.map_or(Role::Mentee, |(role, _)| role)
}

fn reminder(alert: &Alert, pairing: &Pairing, session: &Session, now: DateTime<Utc>) -> Matter {
    Matter::Reminder(letter::Reminder {
        role: role(alert, pairing),
        others: others(alert, pairing),
        start: session.start,
        end: session.end,
        lead: session.start - now,
        conference: session.conference.clone(),
    })
}

fn missed(alert: &Alert, pairing: &Pairing, standing: &Standing, session: &Session) -> Matter {
    let own = session.verdict.people.iter().find(|person| Some(person.person) == alert.person);
    Matter::Missed(letter::Missed {
        others: others(alert, pairing),
        start: session.start,
        end: session.end,
        seen_alone: own.is_some_and(|own| matches!(own.verdict, Attendance::Attended | Attendance::Late)),
        next: standing.next_session,
    })
}

fn nudge(alert: &Alert, pairing: &Pairing, standing: &Standing) -> Matter {
    let audience = match (alert.person, alert.step) {
        (None, _) => letter::Audience::Manager,
        (Some(_), 1) => letter::Audience::Mentee,
        (Some(_), _) => letter::Audience::Both,
    };
    Matter::Nudge(letter::Nudge {
        audience,
        others: others(alert, pairing),
        last_held: standing.last_held,
        cadence: standing.cadence,
    })
}

/// Managers are told of a pairing that never met as of any that does not meet.
fn first_meeting(program: &Program, alert: &Alert, pairing: &Pairing, standing: &Standing) -> Matter {
    if alert.person.is_none() {
        return nudge(alert, pairing, standing);
    }
    Matter::FirstMeeting(letter::FirstMeeting {
        role: role(alert, pairing),
        others: others(alert, pairing),
        since: pairing.since(),
        within: program.first_within,
    })
}

async fn digest(context: &Context, program: &Program, now: DateTime<Utc>) -> Result<Matter, StoreError> {
    let to = program.day(now);
    let report = report::make(context, program, Some(to - chrono::Days::new(DIGEST_DAYS)), Some(to)).await?;
    let overview = report::overview(context, program).await?;
    Ok(Matter::Digest(letter::Digest {
        from: report.from,
        to: report.to,
        as_of: report.as_of,
        sessions: counts(&report),
        attendance: attendance(&report),
        to_look_after: overview.pairings.iter().filter_map(look_after).collect(),
        coverage: letter::Coverage {
            connected: report.coverage.calendars_connected,
            total: report.coverage.calendars_total,
            stale: report.coverage.stale,
        },
    }))
}

fn counts(report: &Report) -> letter::Counts {
    letter::Counts {
        scheduled: report.sessions.scheduled,
        held: report.sessions.held,
        missed: report.sessions.missed,
        cancelled: report.sessions.cancelled + report.sessions.late_cancelled,
        unknown: report.sessions.unknown,
    }
}

fn attendance(report: &Report) -> Option<letter::Attendance> {
    Some(letter::Attendance {
        rate: report.attendance_rate?,
        low: report.attendance_rate_low?,
        high: report.attendance_rate_high?,
    })
}

/// A pairing for the manager to look after, and why.
fn look_after((pairing, standing): &(Pairing, Standing)) -> Option<letter::LookAfter> {
    let overdue = standing.pace == Pace::Overdue;
    if overdue && !standing.watched {
        let why = "no calendar of theirs was read lately, so nothing is known of them".to_owned();
        return Some(letter::LookAfter { pair: names(pairing), why });
    }
    let why = match (standing.pace, standing.last_held) {
        (Pace::Overdue, None) => "has not met yet, and nothing is planned".to_owned(),
        (Pace::Overdue, Some(last)) => {
            format!("last met on {}, and nothing is planned", last.format("%-d %B"))
        }
        (Pace::OnTrack | Pace::Due | Pace::NotStarted | Pace::Paused | Pace::Ended, _) => return None,
    };
    Some(letter::LookAfter { pair: names(pairing), why })
}

fn names(pairing: &Pairing) -> String {
    pairing.members().map(|(_, person)| person.name.as_str()).collect::<Vec<_>>().join(" and ")
}
