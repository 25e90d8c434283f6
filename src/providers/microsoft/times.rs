//! Graph's times: clocks without an offset, whole days that may be shifted, Windows' zones.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::map::Unreadable;
use super::wire::{self, LocalTime};
use super::zones;
use crate::domain::event::Moment;

/// The start that the rule gave to an exception, as far as it or its series tells.
pub fn original_start(own: &wire::Event, master: Option<&wire::Event>) -> Option<Moment> {
    let zone_name =
        own.original_start_time_zone.as_deref().or_else(|| master?.original_start_time_zone.as_deref());
    let all_day = |event: &wire::Event| event.is_all_day == Some(true);
    if let Some(instant) = own.original_start {
        // Whether it was a whole day before it was moved only the series knows.
        return Some(if all_day(master.unwrap_or(own)) {
            Moment::Day(nearest_day(instant.naive_utc(), zone(zone_name), instant))
        } else {
            Moment::At(instant)
        });
    }
    let master = master?;
    let date = own.occurrence_id.as_deref()?.rsplit('.').next()?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    if all_day(master) {
        return Some(Moment::Day(date));
    }
    let zone = zone(master.original_start_time_zone.as_deref())?;
    let first = instant(master.start.as_ref()?).ok()?;
    let wall = first.with_timezone(&zone).time();
    Some(Moment::At(on_clock(zone, date.and_time(wall))?))
}

/// Start and end of an event, its days told from its instants by `details`.
pub fn span(own: &wire::Event, details: &wire::Event) -> Result<(Moment, Moment), Unreadable> {
    let start = own.start.as_ref().ok_or(Unreadable("it has no start"))?;
    let end = own.end.as_ref().ok_or(Unreadable("it has no end"))?;
    if details.is_all_day != Some(true) {
        let (start, end) = (instant(start)?, instant(end)?);
        if end < start {
            return Err(Unreadable("it ends before it starts"));
        }
        return Ok((Moment::At(start), Moment::At(end)));
    }
    let start_zone = zone(details.original_start_time_zone.as_deref());
    let end_zone = zone(details.original_end_time_zone.as_deref()).or(start_zone);
    let first = day(start, start_zone)?;
    let last = day(end, end_zone)?;
    let next = first.checked_add_days(Days::new(1)).unwrap_or(first);
    Ok((Moment::Day(first), Moment::Day(last.max(next))))
}

/// The date of a midnight. Asked for in UTC, midnight may come as such or shifted by the offset of
/// the zone in which the day was entered.
fn day(time: &LocalTime, zone: Option<Tz>) -> Result<NaiveDate, Unreadable> {
    let told = naive(time)?;
    if told.time() == NaiveTime::MIN {
        return Ok(told.date());
    }
    Ok(nearest_day(told, zone, instant(time)?))
}

fn nearest_day(told: NaiveDateTime, zone: Option<Tz>, instant: DateTime<Utc>) -> NaiveDate {
    let local = zone.map(|zone| instant.with_timezone(&zone).naive_local());
    match local {
        Some(local) if local.time() == NaiveTime::MIN => local.date(),
        // The zone is not known, or not the one: the nearest midnight.
        _ => (told + Duration::hours(12)).date(),
    }
}

fn naive(time: &LocalTime) -> Result<NaiveDateTime, Unreadable> {
    let text = time.date_time.trim();
    text.parse()
        .or_else(|_| DateTime::parse_from_rfc3339(text).map(|time| time.naive_utc()))
        .map_err(|_| Unreadable("a time cannot be read"))
}

fn instant(time: &LocalTime) -> Result<DateTime<Utc>, Unreadable> {
    let text = time.date_time.trim();
    let Ok(clock) = text.parse() else {
        // With an offset of its own, against the rule, the zone beside it does not matter.
        let instant = DateTime::parse_from_rfc3339(text);
        return instant.map(|time| time.to_utc()).map_err(|_| Unreadable("a time cannot be read"));
    };
    let zone = match time.time_zone.as_deref() {
        None | Some("") => Tz::UTC,
        Some(name) => zones::zone(name).ok_or(Unreadable("a time zone is not known"))?,
    };
    on_clock(zone, clock).ok_or(Unreadable("a time does not exist"))
}

/// The instant at which the clocks of `zone` show this, or would, had they not been put forward.
fn on_clock(zone: Tz, clock: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = zone.from_local_datetime(&clock).earliest().or_else(|| {
        let before = zone.from_local_datetime(&(clock - Duration::hours(3))).earliest()?;
        Some(before + Duration::hours(3))
    });
    found.map(|time| time.to_utc())
}

/// The zone of that name, if it is one.
pub fn zone(name: Option<&str>) -> Option<Tz> {
    name.and_then(zones::zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(value: Value) -> wire::Event {
        serde_json::from_value(value).expect("event")
    }

    fn moment(text: &str) -> Moment {
        text.parse().map_or_else(|_| Moment::At(text.parse().expect("instant")), Moment::Day)
    }

    #[test]
    fn instants_are_found_on_the_clocks_of_their_zone() {
        for (clock, zone, instant) in [
            ("2026-03-02T09:00:00.0000000", "UTC", "2026-03-02T09:00:00Z"),
            ("2026-03-02T09:00:00", "W. Europe Standard Time", "2026-03-02T08:00:00Z"),
            ("2026-03-30T09:00:00.0000000", "Europe/Berlin", "2026-03-30T07:00:00Z"),
            // The hour that the clocks leave out, and the one that they show twice.
            ("2026-03-29T02:30:00.0000000", "Europe/Berlin", "2026-03-29T01:30:00Z"),
            ("2026-10-25T02:30:00.0000000", "Europe/Berlin", "2026-10-25T00:30:00Z"),
            ("2026-03-02T09:00:00Z", "tzone://Microsoft/Custom", "2026-03-02T09:00:00Z"),
            ("2026-03-02T09:00:00.0000000", "", "2026-03-02T09:00:00Z"),
        ] {
            let at = json!({"dateTime": clock, "timeZone": zone});
            let own = event(json!({"start": at, "end": at}));
            assert_eq!(span(&own, &own), Ok((moment(instant), moment(instant))), "{clock} {zone}");
        }
    }

    #[test]
    fn whole_days_are_dates_however_they_come() {
        for (start, end, zone, first, next) in [
            (
                "2026-03-02T00:00:00.0000000",
                "2026-03-03T00:00:00.0000000",
                "Pacific Standard Time",
                "2026-03-02",
                "2026-03-03",
            ),
            (
                "2026-03-01T23:00:00.0000000",
                "2026-03-03T23:00:00.0000000",
                "W. Europe Standard Time",
                "2026-03-02",
                "2026-03-04",
            ),
            // Over the change of clocks the shift changes as well.
            (
                "2026-03-28T23:00:00.0000000",
                "2026-03-29T22:00:00.0000000",
                "Europe/Berlin",
                "2026-03-29",
                "2026-03-30",
            ),
            (
                "2026-03-02T08:00:00.0000000",
                "2026-03-03T08:00:00.0000000",
                "Pacific Standard Time",
                "2026-03-02",
                "2026-03-03",
            ),
            (
                "2026-03-01T10:00:00.0000000",
                "2026-03-02T10:00:00.0000000",
                "Line Islands Standard Time",
                "2026-03-02",
                "2026-03-03",
            ),
            (
                "2026-03-01T23:00:00.0000000",
                "2026-03-02T23:00:00.0000000",
                "tzone://Microsoft/Custom",
                "2026-03-02",
                "2026-03-03",
            ),
            ("2026-03-02T00:00:00.0000000", "2026-03-02T00:00:00.0000000", "UTC", "2026-03-02", "2026-03-03"),
        ] {
            let own = event(json!({
                "isAllDay": true, "originalStartTimeZone": zone, "originalEndTimeZone": zone,
                "start": {"dateTime": start, "timeZone": "UTC"},
                "end": {"dateTime": end, "timeZone": "UTC"},
            }));
            assert_eq!(span(&own, &own), Ok((moment(first), moment(next))), "{start} {zone}");
        }
    }

    #[test]
    fn times_that_make_no_sense_are_not_guessed() {
        let at = |clock: &str, zone: &str| json!({"dateTime": clock, "timeZone": zone});
        let nine = at("2026-03-02T09:00:00", "UTC");
        for own in [
            json!({"end": nine}),
            json!({"start": nine}),
            json!({"start": at("soon", "UTC"), "end": nine}),
            json!({"start": at("2026-03-02T09:00:00", "Middle-earth"), "end": nine}),
            json!({"start": at("2026-03-02T09:00:01", "UTC"), "end": nine}),
        ] {
            let own = event(own);
            assert!(span(&own, &own).is_err(), "{own:?}");
        }
    }

    #[test]
    fn an_exception_knows_where_it_came_from() {
        let master = |day: bool, start: &str| {
            event(json!({
                "isAllDay": day, "originalStartTimeZone": "W. Europe Standard Time",
                "start": {"dateTime": start, "timeZone": "UTC"},
            }))
        };
        let weekly = master(false, "2026-03-02T08:00:00.0000000");
        let days = master(true, "2026-03-01T23:00:00.0000000");
        let told = json!({"originalStart": "2026-03-09T08:00:00Z"});
        let named = json!({"occurrenceId": "OID.AAMkAD.x=.2026-03-30"});
        let day = json!({"originalStart": "2026-03-08T23:00:00Z"});
        for (own, master, start) in [
            (&told, Some(&weekly), Some("2026-03-09T08:00:00Z")),
            (&told, None, Some("2026-03-09T08:00:00Z")),
            // Nine o'clock in Berlin, also after the clocks were put forward.
            (&named, Some(&weekly), Some("2026-03-30T07:00:00Z")),
            (&named, Some(&days), Some("2026-03-30")),
            (&named, None, None),
            (&day, Some(&days), Some("2026-03-09")),
            (&json!({"occurrenceId": "?"}), Some(&weekly), None),
            (&json!({}), Some(&weekly), None),
        ] {
            let own = event(own.clone());
            assert_eq!(original_start(&own, master), start.map(moment), "{own:?}");
        }
    }
}
