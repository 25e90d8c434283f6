//! When a meeting takes place: wall-clock time in a zone, and a rule for series.
//!
//! A rule is expanded on the wall clock and only then brought to instants, so ten o'clock stays ten
//! o'clock on both sides of a clock change.

use chrono::{
    DateTime, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc,
};
use chrono_tz::Tz;
use rrule::{RRuleSet, Unvalidated};

/// The most occurrences a series is expanded to in one go.
const MOST: usize = 10_000;
/// The longest meeting.
const MOST_MINUTES: i64 = 366 * 1440;

/// The plan of a single meeting or of a whole series.
#[derive(Debug, Clone)]
pub struct Rule {
    pub start: NaiveDateTime,
    pub zone: Tz,
    pub minutes: i64,
    pub all_day: bool,
    pub rrule: Option<String>,
    series: Option<RRuleSet>,
}

/// One planned time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub wall: NaiveDateTime,
    pub end_wall: NaiveDateTime,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl Rule {
    pub fn new(
        start: NaiveDateTime,
        zone: Tz,
        minutes: i64,
        all_day: bool,
        rrule: Option<String>,
    ) -> Result<Self, String> {
        check_minutes(minutes)?;
        let start = if all_day { start.date().and_time(NaiveTime::MIN) } else { start };
        let minutes = if all_day { (minutes.max(1) + 1439) / 1440 * 1440 } else { minutes };
        let rrule = rrule.map(|text| text.trim().trim_start_matches("RRULE:").to_uppercase());
        let series = match &rrule {
            None => None,
            Some(text) => Some(parse(text, start, zone)?),
        };
        Ok(Self { start, zone, minutes, all_day, rrule, series })
    }

    pub fn is_series(&self) -> bool {
        self.series.is_some()
    }

    /// The same plan at another time of day, or on another day: the rule follows the start, as it
    /// does in both vendors' interfaces.
    pub fn moved(&self, start: NaiveDateTime, minutes: Option<i64>) -> Result<Self, String> {
        let rrule = match &self.rrule {
            Some(text) if start.date() != self.start.date() => Some(follow(text, self.start, start)?),
            same => same.clone(),
        };
        let minutes = minutes.unwrap_or(self.minutes);
        Self::new(start, self.zone, minutes, self.all_day, rrule)
    }

    /// Whether both plan the same times.
    pub fn same(&self, other: &Self) -> bool {
        let plan = |rule: &Self| (rule.start, rule.zone, rule.minutes, rule.all_day, rule.rrule.clone());
        plan(self) == plan(other)
    }

    /// The time that begins at `wall`.
    pub fn slot(&self, wall: NaiveDateTime, minutes: i64) -> Slot {
        let start = instant(self.zone, wall);
        if self.all_day {
            let days = u64::try_from(minutes / 1440).unwrap_or(1).max(1);
            let end_wall = wall.checked_add_days(Days::new(days)).unwrap_or(wall);
            return Slot { wall, end_wall, start, end: instant(self.zone, end_wall) };
        }
        let end = start + Duration::minutes(minutes);
        Slot { wall, end_wall: end.with_timezone(&self.zone).naive_local(), start, end }
    }

    /// The first time of the series, which is its `start` unless the rule skips that day.
    pub fn first(&self) -> Slot {
        let wall = self.walls().next().unwrap_or(self.start);
        self.slot(wall, self.minutes)
    }

    /// All times that overlap the window.
    pub fn slots(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Slot> {
        self.walls()
            .map(|wall| self.slot(wall, self.minutes))
            .take_while(|slot| slot.start < to)
            .filter(|slot| slot.end > from || (slot.end == slot.start && slot.start >= from))
            .collect()
    }

    /// The planned time whose start is `original`, if the plan has it.
    pub fn at(&self, original: DateTime<Utc>) -> Option<Slot> {
        self.walls()
            .map(|wall| self.slot(wall, self.minutes))
            .take_while(|slot| slot.start <= original)
            .find(|slot| slot.start == original)
    }

    fn walls(&self) -> Box<dyn Iterator<Item = NaiveDateTime> + '_> {
        match &self.series {
            None => Box::new(std::iter::once(self.start)),
            Some(series) => Box::new(series.into_iter().take(MOST).map(|wall| wall.naive_utc())),
        }
    }

    /// The last date of a series that ends on a date.
    pub fn until(&self) -> Option<NaiveDate> {
        let text = self.rrule.as_deref()?.split(';').find_map(|part| part.strip_prefix("UNTIL="))?;
        wall_until(text, self.zone).map(|wall| wall.date())
    }
}

/// Refuses lengths that no calendar has.
pub fn check_minutes(minutes: i64) -> Result<(), String> {
    if (0..=MOST_MINUTES).contains(&minutes) {
        Ok(())
    } else {
        Err("minutes: write a number of minutes, from 0 to a year's worth".into())
    }
}

/// The instant of a wall-clock time; in a gap it is as much later as the clock jumps, and of two it
/// is the first.
pub fn instant(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&wall).earliest() {
        Some(time) => time.with_timezone(&Utc),
        None => {
            let before = zone.offset_from_utc_datetime(&(wall - Duration::days(1))).fix();
            DateTime::from_naive_utc_and_offset(
                wall - Duration::seconds(i64::from(before.local_minus_utc())),
                Utc,
            )
        }
    }
}

/// The rule on a clock without zones: the library sees UTC, and `UNTIL` is brought to the wall.
fn parse(text: &str, start: NaiveDateTime, zone: Tz) -> Result<RRuleSet, String> {
    let parts: Vec<String> = text
        .split(';')
        .map(|part| match part.strip_prefix("UNTIL=") {
            None => Ok(part.to_string()),
            Some(until) => wall_until(until, zone)
                .map(|wall| format!("UNTIL={}", wall.format("%Y%m%dT%H%M%SZ")))
                .ok_or_else(|| {
                    format!("rrule: UNTIL={until} is no time; write 20261231T225959Z or 20261231")
                }),
        })
        .collect::<Result<_, _>>()?;
    let rule: rrule::RRule<Unvalidated> = parts.join(";").parse().map_err(|error| {
        format!("rrule: {text:?} cannot be read ({error}); write e.g. FREQ=WEEKLY;BYDAY=MO")
    })?;
    let start = rrule::Tz::UTC.from_utc_datetime(&start);
    rule.build(start)
        // A rule that never matches must not be looked for forever.
        .map(RRuleSet::limit)
        .map_err(|error| format!("rrule: {text:?} makes no sense: {error}"))
}

/// The rule after its start went to another day.
fn follow(text: &str, old: NaiveDateTime, new: NaiveDateTime) -> Result<String, String> {
    let day = |wall: NaiveDateTime| {
        let name = wall.format("%a").to_string().to_uppercase();
        name.get(..2).map(str::to_string).unwrap_or_default()
    };
    let (from, to) = (day(old), day(new));
    let unclear = |part: &str| {
        Err(format!("start: {part} does not follow to another day; cancel the series and plan a new one"))
    };
    let parts = text.split(';').map(|part| match part.split_once('=') {
        Some(("BYDAY", days)) if days == from => Ok(format!("BYDAY={to}")),
        Some(("BYDAY", _)) if from != to => unclear(part),
        Some(("BYMONTHDAY", date)) if date == old.format("%-d").to_string() => {
            Ok(format!("BYMONTHDAY={}", new.format("%-d")))
        }
        Some(("BYMONTHDAY" | "BYMONTH" | "BYYEARDAY", _)) => unclear(part),
        _ => Ok(part.to_string()),
    });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join(";"))
}

fn wall_until(text: &str, zone: Tz) -> Option<NaiveDateTime> {
    if let Ok(utc) = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ") {
        return Some(zone.from_utc_datetime(&utc).naive_local());
    }
    if let Ok(wall) = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S") {
        return Some(wall);
    }
    NaiveDate::parse_from_str(text, "%Y%m%d").ok()?.and_hms_opt(23, 59, 59)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(start: &str, minutes: i64, rrule: &str) -> Rule {
        let start = start.parse().expect("a wall time");
        Rule::new(start, chrono_tz::Europe::Berlin, minutes, false, Some(rrule.into())).expect("a rule")
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn ten_stays_ten_when_the_clocks_go_back() {
        let starts: Vec<String> = rule("2026-10-19T10:00:00", 45, "FREQ=WEEKLY")
            .slots(utc("2026-10-01T00:00:00Z"), utc("2026-11-01T00:00:00Z"))
            .iter()
            .map(|slot| slot.start.to_rfc3339())
            .collect();
        assert_eq!(starts, ["2026-10-19T08:00:00+00:00", "2026-10-26T09:00:00+00:00"]);
    }

    #[test]
    fn a_time_in_the_gap_is_an_hour_later() {
        let gap = "2026-03-29T02:30:00".parse().expect("a wall time");
        assert_eq!(instant(chrono_tz::Europe::Berlin, gap), utc("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn the_rule_follows_its_start_to_another_day() {
        let monday = rule("2026-10-05T10:00:00", 45, "FREQ=WEEKLY;BYDAY=MO;COUNT=2");
        let tuesday = monday.moved("2026-10-06T11:00:00".parse().expect("a time"), None).expect("moved");
        assert_eq!(tuesday.rrule.as_deref(), Some("FREQ=WEEKLY;BYDAY=TU;COUNT=2"));
        let both = rule("2026-10-05T10:00:00", 45, "FREQ=WEEKLY;BYDAY=MO,TH");
        assert!(both.moved("2026-10-05T11:00:00".parse().expect("a time"), None).is_ok());
        assert!(both.moved("2026-10-06T11:00:00".parse().expect("a time"), None).is_err());
    }

    #[test]
    fn a_rule_that_never_matches_comes_to_an_end() {
        let never = rule("2026-10-05T10:00:00", 45, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31");
        assert!(never.slots(utc("2026-10-01T00:00:00Z"), utc("2027-01-01T00:00:00Z")).is_empty());
    }

    #[test]
    fn until_counts_on_the_wall() {
        let slots = rule("2026-10-05T10:00:00", 45, "FREQ=WEEKLY;UNTIL=20261019T080000Z")
            .slots(utc("2026-10-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
        assert_eq!(slots.len(), 3);
    }
}
