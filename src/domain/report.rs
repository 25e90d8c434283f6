//! What a program's sessions prove about it.
//!
//! The fields are the report's outside contract (design section 6).

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::Serialize;

use super::cadence::{Pace, Standing};
use super::calendar::{Calendar, CalendarState};
use super::detect::Decision;
use super::judge::{Grade, Status};
use super::pairing::Pairing;
use super::people::ParticipantId;
use super::program::Program;
use super::session::Session;

/// One program over one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub program: String,
    /// First day of the period, in the program's time zone.
    pub from: NaiveDate,
    /// Last day of the period.
    pub to: NaiveDate,
    pub as_of: DateTime<Utc>,
    pub coverage: Coverage,
    pub sessions: Counts,
    /// Held ÷ (held + missed); `None` while there is neither.
    pub attendance_rate: Option<f64>,
    /// The same with every unknown session counted as missed.
    pub attendance_rate_low: Option<f64>,
    /// The same with every unknown session counted as held.
    pub attendance_rate_high: Option<f64>,
    pub by_grade: BTreeMap<Grade, GradeCounts>,
    pub cadence: PaceCounts,
    /// Planned length of the sessions held, in hours.
    pub hours: f64,
    pub first_meeting_days: FirstMeeting,
    pub by_month: Vec<Month>,
}

/// How many of the people in the program's pairings have a calendar that can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub calendars_connected: u32,
    pub calendars_total: u32,
    /// Connected, and not read for a day.
    pub stale: u32,
}

/// Sessions of the period by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Over, and not cancelled.
    pub scheduled: u32,
    pub held: u32,
    pub missed: u32,
    pub cancelled: u32,
    pub late_cancelled: u32,
    /// Moved at least once, whatever became of them.
    pub moved: u32,
    pub unknown: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GradeCounts {
    pub held: u32,
    pub missed: u32,
    pub unknown: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaceCounts {
    pub on_track: u32,
    pub due: u32,
    pub overdue: u32,
    pub not_started: u32,
}

/// Days from the start of a pairing to its first session held, over the pairings that have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FirstMeeting {
    pub median: Option<f64>,
    pub p90: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Month {
    /// `2026-10`
    pub month: String,
    pub scheduled: u32,
    pub held: u32,
    pub missed: u32,
    pub unknown: u32,
    pub attendance_rate: Option<f64>,
}

/// Everything that a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    pub program: &'a Program,
    /// The program's pairings and where each stands.
    pub pairings: &'a [(Pairing, Standing)],
    /// The program's sessions, of any time.
    pub sessions: &'a [Session],
    /// All calendars that are connected.
    pub calendars: &'a [Calendar],
}

/// How long a calendar may go unread before it counts as stale.
const STALE_AFTER: TimeDelta = TimeDelta::days(1);

/// A program's report from `from` to `to`, both included.
pub fn report(material: Material<'_>, from: NaiveDate, to: NaiveDate, now: DateTime<Utc>) -> Report {
    let program = material.program;
    let day = |session: &Session| program.day(session.start);
    let period: Vec<&Session> = material
        .sessions
        .iter()
        .filter(|session| session.decision == Decision::Taken)
        .filter(|session| (from..=to).contains(&day(session)))
        .collect();
    let over: Vec<&Session> = period.iter().copied().filter(|session| session.end <= now).collect();
    let mut sessions = count(&over);
    let with = |status| number(period.iter().filter(|session| session.verdict.status == status).count());
    sessions.cancelled = with(Status::Cancelled);
    sessions.late_cancelled = with(Status::LateCancelled);
    sessions.moved = number(period.iter().filter(|session| session.moves > 0).count());
    let all = sessions.held + sessions.missed + sessions.unknown;
    Report {
        program: program.name.clone(),
        from,
        to,
        as_of: now.trunc_subsecs(0),
        coverage: coverage(material, now),
        sessions,
        attendance_rate: rate(sessions.held, sessions.held + sessions.missed),
        attendance_rate_low: rate(sessions.held, all),
        attendance_rate_high: rate(sessions.held + sessions.unknown, all),
        by_grade: by_grade(&over),
        cadence: paces(material.pairings),
        hours: hours(&over),
        first_meeting_days: first_meetings(material),
        by_month: by_month(&over, day),
    }
}

/// What became of sessions that are over. One that is over and not judged yet is unknown so far.
fn outcome(session: &Session) -> Option<Status> {
    match session.verdict.status {
        Status::Held => Some(Status::Held),
        Status::Missed => Some(Status::Missed),
        Status::Unknown | Status::Scheduled => Some(Status::Unknown),
        Status::Proposed | Status::Cancelled | Status::LateCancelled => None,
    }
}

fn count(over: &[&Session]) -> Counts {
    let with = |status| number(over.iter().filter(|session| outcome(session) == Some(status)).count());
    let (held, missed, unknown) = (with(Status::Held), with(Status::Missed), with(Status::Unknown));
    Counts { scheduled: held + missed + unknown, held, missed, unknown, ..Counts::default() }
}

fn by_grade(over: &[&Session]) -> BTreeMap<Grade, GradeCounts> {
    let all = [Grade::Observed, Grade::Confirmed, Grade::Reported, Grade::Presumed, Grade::None];
    let mut grades: BTreeMap<Grade, GradeCounts> =
        all.into_iter().map(|grade| (grade, GradeCounts::default())).collect();
    for session in over {
        let counts = grades.entry(session.verdict.grade).or_default();
        match outcome(session) {
            Some(Status::Held) => counts.held += 1,
            Some(Status::Missed) => counts.missed += 1,
            Some(_) => counts.unknown += 1,
            None => {}
        }
    }
    grades
}

fn paces(pairings: &[(Pairing, Standing)]) -> PaceCounts {
    let mut counts = PaceCounts::default();
    for (_, standing) in pairings {
        match standing.pace {
            Pace::OnTrack => counts.on_track += 1,
            Pace::Due => counts.due += 1,
            Pace::Overdue => counts.overdue += 1,
            Pace::NotStarted => counts.not_started += 1,
            Pace::Paused | Pace::Ended => {}
        }
    }
    counts
}

fn coverage(material: Material<'_>, now: DateTime<Utc>) -> Coverage {
    let mut people: Vec<ParticipantId> = material
        .pairings
        .iter()
        .filter(|(_, standing)| !matches!(standing.pace, Pace::Ended))
        .flat_map(|(pairing, _)| pairing.members().map(|(_, person)| person.id))
        .collect();
    people.sort();
    people.dedup();
    let own = || material.calendars.iter().filter(|calendar| people.contains(&calendar.owner));
    let readable = |calendar: &&Calendar| {
        calendar.last_synced_at.is_some()
            && !matches!(calendar.state, CalendarState::NeedsConsent | CalendarState::Unreachable)
    };
    let mut owners: Vec<_> = own().filter(readable).map(|calendar| calendar.owner).collect();
    owners.sort();
    owners.dedup();
    let stale = |calendar: &&Calendar| calendar.last_synced_at.is_none_or(|at| now - at > STALE_AFTER);
    Coverage {
        calendars_connected: number(owners.len()),
        calendars_total: number(people.len()),
        stale: number(own().filter(stale).count()),
    }
}

fn hours(over: &[&Session]) -> f64 {
    let held = over.iter().filter(|session| outcome(session) == Some(Status::Held));
    let minutes: i64 = held.map(|session| session.length().num_minutes()).sum();
    round(minutes as f64 / 60.0, 100.0)
}

fn first_meetings(material: Material<'_>) -> FirstMeeting {
    let mut days: Vec<i64> = material
        .pairings
        .iter()
        .filter_map(|(pairing, _)| {
            let first = material
                .sessions
                .iter()
                .filter(|session| session.pairing == pairing.id && session.decision == Decision::Taken)
                .filter(|session| session.verdict.status == Status::Held)
                .map(|session| material.program.day(session.start))
                .min()?;
            Some((first - pairing.since()).num_days().max(0))
        })
        .collect();
    days.sort_unstable();
    FirstMeeting { median: percentile(&days, 0.5), p90: percentile(&days, 0.9) }
}

/// The percentile by linear interpolation between the closest ranks.
fn percentile(sorted: &[i64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = last as f64 * share;
    let (low, high) = (sorted[at.floor() as usize] as f64, sorted[at.ceil() as usize] as f64);
    Some(round(low + (high - low) * at.fract(), 10.0))
}

fn by_month(over: &[&Session], day: impl Fn(&Session) -> NaiveDate) -> Vec<Month> {
    let mut months: BTreeMap<String, Vec<&Session>> = BTreeMap::new();
    for session in over {
        let day = day(session);
        months.entry(format!("{:04}-{:02}", day.year(), day.month())).or_default().push(session);
    }
    months
        .into_iter()
        .map(|(month, sessions)| {
            let counts = count(&sessions);
            Month {
                month,
                scheduled: counts.scheduled,
                held: counts.held,
                missed: counts.missed,
                unknown: counts.unknown,
                attendance_rate: rate(counts.held, counts.held + counts.missed),
            }
        })
        .collect()
}

fn rate(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| round(f64::from(part) / f64::from(whole), 1000.0))
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
