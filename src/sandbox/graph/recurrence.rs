//! A recurrence rule in Graph's words.

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::sandbox::world::rule::Rule;

/// `recurrence` of a series master.
pub fn recurrence(rule: &Rule) -> Value {
    let Some(text) = rule.rrule.as_deref() else {
        return Value::Null;
    };
    let field = |name: &str| {
        text.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_string)
    };
    let days: Vec<(i32, &'static str)> =
        field("BYDAY").unwrap_or_default().split(',').filter_map(weekday).collect();
    let names: Vec<&str> = match days.as_slice() {
        [] => vec![own_day(rule)],
        some => some.iter().map(|(_, name)| *name).collect(),
    };
    let position = field("BYSETPOS")
        .and_then(|text| text.parse::<i32>().ok())
        .or_else(|| days.first().map(|(position, _)| *position).filter(|position| *position != 0));
    let index = match position {
        Some(-1) => "last",
        Some(2) => "second",
        Some(3) => "third",
        Some(4) => "fourth",
        _ => "first",
    };
    let month = rule.start.date().format("%-m").to_string().parse::<u32>().unwrap_or(1);
    let day = field("BYMONTHDAY")
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or_else(|| rule.start.date().format("%-d").to_string().parse().unwrap_or(1));
    let kind = match (field("FREQ").as_deref(), days.is_empty()) {
        (Some("DAILY"), true) => "daily",
        (Some("MONTHLY"), true) => "absoluteMonthly",
        (Some("MONTHLY"), false) => "relativeMonthly",
        (Some("YEARLY"), true) => "absoluteYearly",
        (Some("YEARLY"), false) => "relativeYearly",
        _ => "weekly",
    };
    let relative = kind.starts_with("relative");
    let absolute = kind.starts_with("absolute");
    let yearly = kind.ends_with("Yearly");
    json!({
        "pattern": {
            "type": kind,
            "interval": field("INTERVAL").and_then(|text| text.parse::<u32>().ok()).unwrap_or(1),
            "month": if yearly { month } else { 0 },
            "dayOfMonth": if absolute { day } else { 0 },
            "daysOfWeek": if kind == "weekly" || relative { json!(names) } else { json!([]) },
            "firstDayOfWeek": if field("WKST").as_deref() == Some("MO") { "monday" } else { "sunday" },
            "index": index,
        },
        "range": range(rule, field("COUNT").and_then(|text| text.parse::<u32>().ok())),
    })
}

fn range(rule: &Rule, count: Option<u32>) -> Value {
    let (kind, until) = match (count, rule.until()) {
        (Some(_), _) => ("numbered", None),
        (None, Some(until)) => ("endDate", Some(until)),
        (None, None) => ("noEnd", None),
    };
    json!({
        "type": kind,
        "startDate": rule.first().wall.format("%Y-%m-%d").to_string(),
        "endDate": until.map_or_else(|| "0001-01-01".to_string(), |date| date.to_string()),
        "recurrenceTimeZone": windows_zone(rule.zone.name()),
        "numberOfOccurrences": count.unwrap_or(0),
    })
}

fn weekday(text: &str) -> Option<(i32, &'static str)> {
    let split = text.len().checked_sub(2)?;
    let (number, day) = (text.get(..split)?, text.get(split..)?);
    let name = match day {
        "MO" => "monday",
        "TU" => "tuesday",
        "WE" => "wednesday",
        "TH" => "thursday",
        "FR" => "friday",
        "SA" => "saturday",
        "SU" => "sunday",
        _ => return None,
    };
    Some((number.parse().unwrap_or(0), name))
}

fn own_day(rule: &Rule) -> &'static str {
    weekday(&rule.start.format("%a").to_string()[..2].to_uppercase()).map_or("monday", |(_, name)| name)
}

/// A zone by its IANA or its Windows name.
pub fn iana_zone(name: &str) -> Option<Tz> {
    let known = [
        "Europe/Berlin",
        "Europe/Paris",
        "Europe/Warsaw",
        "Europe/Budapest",
        "Europe/London",
        "Europe/Kyiv",
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Asia/Tokyo",
        "Australia/Sydney",
        "UTC",
    ];
    let found = known.iter().find(|zone| windows_zone(zone).eq_ignore_ascii_case(name));
    found.copied().unwrap_or(name).parse().ok()
}

/// The Windows name of a zone, as Exchange keeps it; zones that are not in this small table keep
/// their IANA name, which Graph does too when an event was made with one.
pub fn windows_zone(name: &str) -> &str {
    match name {
        "Europe/Berlin" | "Europe/Vienna" | "Europe/Zurich" | "Europe/Amsterdam" | "Europe/Rome" => {
            "W. Europe Standard Time"
        }
        "Europe/Paris" | "Europe/Madrid" | "Europe/Brussels" => "Romance Standard Time",
        "Europe/Warsaw" => "Central European Standard Time",
        "Europe/Prague" | "Europe/Budapest" => "Central Europe Standard Time",
        "Europe/London" | "Europe/Lisbon" | "Europe/Dublin" => "GMT Standard Time",
        "Europe/Helsinki" | "Europe/Kyiv" => "FLE Standard Time",
        "America/New_York" => "Eastern Standard Time",
        "America/Chicago" => "Central Standard Time",
        "America/Denver" => "Mountain Standard Time",
        "America/Los_Angeles" => "Pacific Standard Time",
        "America/Sao_Paulo" => "E. South America Standard Time",
        "Asia/Kolkata" => "India Standard Time",
        "Asia/Tokyo" => "Tokyo Standard Time",
        "Australia/Sydney" => "AUS Eastern Standard Time",
        "UTC" | "Etc/UTC" => "UTC",
        other => other,
    }
}
