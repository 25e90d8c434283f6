//! Whether a pairing meets as often as it means to.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::detect::Decision;
use super::event::Moment;
use super::judge::Status;
use super::pairing::Pairing;
use super::program::Program;
use super::session::Session;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Met within the cadence.
    OnTrack,
    /// The cadence has passed: by less than half of it, or with a session coming up, or with one
    /// behind it of which nobody knows whether it was held.
    Due,
    /// The cadence has passed by half of it or more, and nothing is planned within another.
    Overdue,
    /// Not begun yet, or still within the time allowed for the first session.
    NotStarted,
    Paused,
    Ended,
}

impl Pace {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnTrack => "on_track",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::NotStarted => "not_started",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// Where a pairing stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub pace: Pace,
    /// The start of the last session that was held.
    pub last_held: Option<DateTime<Utc>>,
    /// The start of the next session that is planned.
    pub next_session: Option<DateTime<Utc>>,
    pub sessions_held: u32,
    /// How often the pairing means to meet.
    pub cadence: TimeDelta,
    /// When the next session should have been held; for a pairing that has not met yet, the first.
    pub due_by: DateTime<Utc>,
    /// The same, counted from the last session that may have been held: nobody is nudged for a
    /// session of which only mentord does not know.
    pub nudge_from: DateTime<Utc>,
    /// Whether the pairing has met, as far as anybody can tell, or may have.
    pub may_have_met: bool,
}

/// Where a pairing stands at `now`, from all of its sessions.
pub fn standing(program: &Program, pairing: &Pairing, sessions: &[Session], now: DateTime<Utc>) -> Standing {
    let cadence = pairing.cadence.unwrap_or(program.cadence);
    let own = || {
        sessions.iter().filter(|session| session.pairing == pairing.id && session.decision == Decision::Taken)
    };
    let held = || own().filter(|session| session.verdict.status == Status::Held && session.start <= now);
    let last_held = held().map(|session| session.start).max();
    let next_session = own()
        .filter(|session| session.verdict.status == Status::Scheduled && session.end > now)
        .map(|session| session.start)
        .min();
    // One that has begun and is not judged yet may turn out to be held.
    let may_have = own()
        .filter(|session| {
            matches!(session.verdict.status, Status::Held | Status::Unknown | Status::Scheduled)
                && session.start <= now
        })
        .map(|session| session.start)
        .max();
    let begins = Moment::Day(pairing.since()).instant(program.timezone);
    let first_by = begins + program.first_within;
    let due_by = last_held.map_or(first_by, |last| last + cadence);
    let nudge_from = may_have.map_or(first_by, |last| last + cadence);
    let today = program.day(now);
    let pace = if pairing.ended_on(today) {
        Pace::Ended
    } else if pairing.paused {
        Pace::Paused
    } else if now <= due_by {
        if last_held.is_some() { Pace::OnTrack } else { Pace::NotStarted }
    } else if next_session.is_some_and(|next| next <= now + cadence) || now < nudge_from + cadence / 2 {
        Pace::Due
    } else {
        Pace::Overdue
    };
    Standing {
        pace,
        last_held,
        next_session,
        sessions_held: u32::try_from(held().count()).unwrap_or(u32::MAX),
        cadence,
        due_by,
        nudge_from,
        may_have_met: may_have.is_some(),
    }
}

/// A cadence as it is written in the roster: `2 weeks`, `10 days`.
pub fn in_words(cadence: TimeDelta) -> String {
    let counted = |number: i64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
    match (cadence.num_days(), cadence.num_hours()) {
        (days, hours) if hours != days * 24 => counted(hours, "hour"),
        (days, _) if days % 7 == 0 && days > 0 => counted(days / 7, "week"),
        (days, _) => counted(days, "day"),
    }
}
