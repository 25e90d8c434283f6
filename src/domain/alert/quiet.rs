//! Quiet hours: when nobody is written to.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::domain::program::QuietHours;

impl QuietHours {
    /// The quiet stretch that `at` falls into, if it does.
    fn around(self, at: DateTime<Utc>, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let local = at.with_timezone(&zone).naive_local();
        let day = TimeDelta::days(1);
        [local.date() - day, local.date()].into_iter().find_map(|date| {
            let end_date = if self.to <= self.from { date + day } else { date };
            let from = instant(date.and_time(self.from), zone);
            let to = instant(end_date.and_time(self.to), zone);
            (from <= at && at < to).then_some((from, to))
        })
    }

    /// When to send what would be due at `at`: right then, or when the quiet hours are over.
    pub fn after(self, at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        self.around(at, zone).map_or(at, |(_, to)| to)
    }

    /// The same for what must arrive before `deadline`: when waiting would be too late, shortly
    /// before the quiet hours begin.
    pub fn before(self, at: DateTime<Utc>, deadline: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        match self.around(at, zone) {
            None => at,
            Some((_, to)) if to + TimeDelta::minutes(10) <= deadline => to,
            Some((from, _)) => from - TimeDelta::minutes(10),
        }
    }
}

/// The instant that a wall clock in `zone` shows as `local`: the first of two, or the end of the gap
/// when the clock skips it.
fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    // Quiet hours are told in minutes, and so are gaps; zones have skipped whole days.
    (0..=24 * 60)
        .find_map(|minutes| zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest())
        .map_or_else(|| local.and_utc(), |found| found.to_utc())
}
