//! How soon a calendar is read again: what something rests on often, what is quiet rarely.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::event::Window;
use super::CalendarId;

/// How long before a session and after it its calendars count as busy: people move and call off what
/// is about to begin, and what became of it is judged soon after.
const AROUND: TimeDelta = TimeDelta::hours(3);

/// A quiet calendar is read this many times less often than one that is busy, and at least every
/// [`QUIET_MOST`].
const QUIET: i32 = 6;
const QUIET_MOST: TimeDelta = TimeDelta::minutes(30);

/// The same for a calendar whose provider tells of changes. Notices get lost, without anybody knowing.
const WATCHED: i32 = 24;
const WATCHED_MOST: TimeDelta = TimeDelta::hours(2);

/// What is known of a calendar that was just read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// `sync.interval`: for how long a change to what is near may go unseen.
    pub patience: TimeDelta,
    /// The reading brought something: more often follows, and new sessions may be near.
    pub changed: bool,
    /// Its provider tells of changes, and was not caught keeping one to itself.
    pub watched: bool,
    /// What rests on it soon.
    pub moments: Vec<Moment>,
}

/// Something that rests on a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Session(Window),
    /// An alert is due.
    Alert(DateTime<Utc>),
}

impl Moment {
    /// While it makes the calendar a busy one.
    fn busy(self, patience: TimeDelta) -> Window {
        match self {
            Self::Session(Window { from, to }) => Window { from: from - AROUND, to: to + AROUND },
            // What it says was seen to hold right before.
            Self::Alert(due) => Window { from: due - patience * 2, to: due },
        }
    }
}

/// The longest that a calendar with which nothing is wrong is left alone.
pub fn longest(patience: TimeDelta) -> TimeDelta {
    quiet(patience, true)
}

/// How far ahead of `now` moments matter to the next reading.
pub fn horizon(patience: TimeDelta) -> TimeDelta {
    longest(patience) + AROUND.max(patience * 2)
}

/// When moments that are over do not matter any more.
pub fn past(now: DateTime<Utc>) -> DateTime<Utc> {
    now - AROUND
}

fn quiet(patience: TimeDelta, watched: bool) -> TimeDelta {
    let (times, most) = if watched { (WATCHED, WATCHED_MOST) } else { (QUIET, QUIET_MOST) };
    (patience * times).min(most).max(patience)
}

/// A part of `whole` of its own for each calendar: multiples of the golden ratio, of which any that
/// follow each other lie well apart, however many there are.
pub fn share(whole: TimeDelta, id: CalendarId) -> TimeDelta {
    let turns = id.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let share = (i128::from(whole.num_milliseconds()) * i128::from(turns)) >> 32;
    TimeDelta::milliseconds(i64::try_from(share).unwrap_or(0))
}

/// For how long at most it is enough to ask what has changed: providers forget to say so at times, and the
/// window that a cursor is bound to does not move along.
const ENOUGH: TimeDelta = TimeDelta::days(1);

/// Whether what a calendar held when it was listed in full, for a window that reached `future` ahead, is
/// recent enough to go on from. Calendars differ by up to a half: what was listed together is not listed
/// anew together.
pub fn serves(listed_at: DateTime<Utc>, future: TimeDelta, id: CalendarId, now: DateTime<Utc>) -> bool {
    let enough = ENOUGH.min(future * 3 / 10);
    // One that lies ahead is from before the clock was set back, or `future` was longer then.
    listed_at <= now && now - listed_at < enough - share(enough / 2, id)
}

/// When a calendar that was read at `now` is read again. Quiet ones that were read together are not
/// read together for ever.
pub fn next_reading(situation: &Situation, now: DateTime<Utc>, id: CalendarId) -> DateTime<Utc> {
    let Situation { patience, changed, watched, ref moments } = *situation;
    let soon = now + patience;
    if changed {
        return soon;
    }
    let wait = quiet(patience, watched);
    let rarely = now + (wait - share(wait / 8, id)).max(patience);
    let busy = moments.iter().map(|moment| moment.busy(patience)).filter(|busy| busy.to >= now);
    busy.map(|busy| busy.from).min().map_or(rarely, |from| rarely.min(from)).max(soon)
}
