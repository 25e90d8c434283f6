//! One mentoring programme and the rules that its manager set.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::people::Address;

/// One mentoring programme, as configured.
#[derive(Clone, Debug)]
pub struct Program {
    /// Short, unique, used in the roster and on the command line.
    pub name: String,
    /// What people read.
    pub title: String,
    pub timezone: Tz,
    pub managers: Vec<Address>,
    /// How often a pairing means to meet, unless the roster says otherwise for one.
    pub cadence: TimeDelta,
    /// How soon after its start a pairing should have met for the first time.
    pub first_within: TimeDelta,
    pub detect: DetectRules,
    pub judge: JudgeRules,
    pub alerts: AlertRules,
    pub digests: Vec<Digest>,
}

impl Program {
    /// The date in the program's time zone.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.timezone).date_naive()
    }
}

/// What makes an event a session (design section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectRules {
    /// Words that speak for a session when they stand in the title or a category; matched as whole
    /// words, letter case aside.
    pub words: Vec<String>,
    /// Words that name another purpose.
    pub words_against: Vec<String>,
}

/// What counts as having met (design section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeRules {
    /// How long after the end nothing is judged yet.
    pub grace: TimeDelta,
    /// Whether a session that everybody accepted, and nothing speaks against, counts as held.
    pub presume_held: bool,
    /// The longest overlap that is asked for; a third of the planned length is enough if shorter.
    pub overlap: TimeDelta,
    /// Who joins later than this after the start is late.
    pub late_after: TimeDelta,
}

/// When people are written to (design section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRules {
    /// How long before a session its participants are reminded.
    pub remind_before: Vec<TimeDelta>,
    pub quiet_hours: Option<QuietHours>,
}

/// Hours in which nobody is written to, in the program's time zone; `20:00-08:00` runs over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    pub from: NaiveTime,
    pub to: NaiveTime,
}

/// A summary for managers at the slots of a cron expression, in the program's time zone.
#[derive(Clone, Debug)]
pub struct Digest {
    pub cron: cron::Schedule,
    pub to: Vec<Address>,
}
