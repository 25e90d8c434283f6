//! Dates, stretches of time and lists as people write them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// `Tuesday 6 October 2026`
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%A %-d %B %Y").to_string()
}

/// `Tuesday 6 October 2026, 14:00–14:45 (Europe/Berlin)`
///
/// The zone's short name stands behind the times where the clocks change in between, or where the
/// hour comes twice that night. Whole days are written without times.
pub(super) fn stretch(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> String {
    let (from, to) = (start.with_timezone(&zone), end.with_timezone(&zone));
    if from.time() == NaiveTime::MIN && to.time() == NaiveTime::MIN && start < end {
        let first = day(from.date_naive());
        return match to.date_naive().pred_opt() {
            Some(last) if last != from.date_naive() => format!("{first} – {}", day(last)),
            _ => first,
        };
    }
    let twice = |at: &DateTime<Tz>| zone.from_local_datetime(&at.naive_local()).single().is_none();
    let changes = from.format("%z").to_string() != to.format("%z").to_string();
    let clock = if changes || twice(&from) || twice(&to) { "%H:%M %Z" } else { "%H:%M" };
    let (began, ends) = (from.format(clock), to.format(clock));
    let date = day(from.date_naive());
    if from.date_naive() == to.date_naive() {
        format!("{date}, {began}–{ends} ({zone})")
    } else {
        format!("{date}, {began} – {}, {ends} ({zone})", day(to.date_naive()))
    }
}

/// `Tuesday 6 October 2026, 14:00 (Europe/Berlin)`
pub(super) fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    format!("{} ({zone})", local.format("%A %-d %B %Y, %H:%M"))
}

/// `20 minutes`, `1 hour`, `24 hours`, `10 days`, `2 weeks`: rounded to what matters at that size.
pub(super) fn span(delta: TimeDelta) -> String {
    let minutes = (delta.num_seconds().max(0) + 30) / 60;
    let hours = (minutes + 30) / 60;
    let days = (hours + 12) / 24;
    match (minutes, hours, days) {
        (0..10, ..) => counted(minutes.max(1), "minute"),
        (10..58 | 63..100, ..) => counted((minutes + 2) / 5 * 5, "minute"),
        (_, ..48, _) => counted(hours, "hour"),
        (.., days) if days % 7 == 0 => counted(days / 7, "week"),
        (.., days) => counted(days, "day"),
    }
}

/// `every week`, `every 2 weeks`, `every day`
pub(super) fn every(cadence: TimeDelta) -> String {
    if cadence == TimeDelta::days(1) {
        return "every day".to_owned();
    }
    let span = span(cadence);
    format!("every {}", span.strip_prefix("1 ").unwrap_or(&span))
}

/// `1 pair`, `2 pairs`
pub(super) fn counted(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `Anna`, `Anna and Ben`, `Anna, Ben and Cem`
pub(super) fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
    match names.as_slice() {
        [] => "your partner".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The text without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let plain = text.replace(|c: char| c.is_control(), " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `83%`
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share.clamp(0.0, 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_written_in_the_zone() {
        let cases = [
            (
                "2026-10-06T12:00:00Z",
                "2026-10-06T12:45:00Z",
                Tz::Europe__Berlin,
                "Tuesday 6 October 2026, 14:00–14:45 (Europe/Berlin)",
            ),
            // The same hours after the clocks went back.
            (
                "2026-10-27T13:00:00Z",
                "2026-10-27T13:45:00Z",
                Tz::Europe__Berlin,
                "Tuesday 27 October 2026, 14:00–14:45 (Europe/Berlin)",
            ),
            (
                "2026-10-06T12:00:00Z",
                "2026-10-06T12:45:00Z",
                Tz::America__New_York,
                "Tuesday 6 October 2026, 08:00–08:45 (America/New_York)",
            ),
            // Over the night in which the clocks go back, and inside the hour that comes twice.
            (
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:15:00Z",
                Tz::Europe__Berlin,
                "Sunday 25 October 2026, 02:30 CEST–02:15 CET (Europe/Berlin)",
            ),
            (
                "2026-10-25T01:10:00Z",
                "2026-10-25T01:40:00Z",
                Tz::Europe__Berlin,
                "Sunday 25 October 2026, 02:10 CET–02:40 CET (Europe/Berlin)",
            ),
            // Over the hour that is left out.
            (
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:30:00Z",
                Tz::Europe__Berlin,
                "Sunday 29 March 2026, 01:30 CET–03:30 CEST (Europe/Berlin)",
            ),
            (
                "2026-10-06T21:30:00Z",
                "2026-10-06T22:15:00Z",
                Tz::Europe__Berlin,
                "Tuesday 6 October 2026, 23:30 – Wednesday 7 October 2026, 00:15 (Europe/Berlin)",
            ),
            ("2026-10-05T22:00:00Z", "2026-10-06T22:00:00Z", Tz::Europe__Berlin, "Tuesday 6 October 2026"),
            (
                "2026-10-24T22:00:00Z",
                "2026-10-26T23:00:00Z",
                Tz::Europe__Berlin,
                "Sunday 25 October 2026 – Monday 26 October 2026",
            ),
        ];
        for (start, end, zone, expected) in cases {
            assert_eq!(stretch(at(start), at(end), zone), expected);
        }
    }

    #[test]
    fn spans_are_rounded_to_what_matters() {
        let cases = [
            (TimeDelta::seconds(-5), "1 minute"),
            (TimeDelta::minutes(14), "15 minutes"),
            (TimeDelta::minutes(59), "1 hour"),
            (TimeDelta::minutes(61), "1 hour"),
            (TimeDelta::minutes(90), "90 minutes"),
            (TimeDelta::minutes(119), "2 hours"),
            (TimeDelta::minutes(24 * 60 - 3), "24 hours"),
            (TimeDelta::days(3), "3 days"),
            (TimeDelta::days(7), "1 week"),
            (TimeDelta::days(14), "2 weeks"),
            (TimeDelta::days(30), "30 days"),
        ];
        for (delta, expected) in cases {
            assert_eq!(span(delta), expected);
        }
        assert_eq!(every(TimeDelta::days(1)), "every day");
        assert_eq!(every(TimeDelta::days(7)), "every week");
        assert_eq!(every(TimeDelta::days(14)), "every 2 weeks");
    }

    #[test]
    fn lists_read_like_a_sentence() {
        let names = |count: usize| ["Anna", "Ben\r\nBcc: x", "Cem"][..count].iter().map(ToString::to_string);
        assert_eq!(list(&[]), "your partner");
        assert_eq!(list(&names(1).collect::<Vec<_>>()), "Anna");
        assert_eq!(list(&names(3).collect::<Vec<_>>()), "Anna, Ben Bcc: x and Cem");
    }
}
