//! Graph's `recurrence` as a recurrence rule.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde_json::Value;

use crate::sandbox::graph::recurrence::iana_zone;
use crate::sandbox::world::rule::instant;

/// The rule of a `patternedRecurrence`; `zone` is that of the event's start.
pub fn rule_text(recurrence: &Value, zone: Option<Tz>) -> Result<String, String> {
    let pattern = &recurrence["pattern"];
    let kind = lower(&pattern["type"]);
    let number = |value: &Value| value.as_i64().filter(|number| *number > 0);
    let days = days(pattern)?;
    let index = match lower(&pattern["index"]).as_str() {
        "" | "first" => "1",
        "second" => "2",
        "third" => "3",
        "fourth" => "4",
        "last" => "-1",
        other => return Err(format!("recurrence: the index '{other}' is not known")),
    };
    let named = |what: &str| format!("recurrence: a pattern of type {kind} needs {what}");
    let day = || number(&pattern["dayOfMonth"]).ok_or_else(|| named("dayOfMonth"));
    let month = || number(&pattern["month"]).ok_or_else(|| named("month"));
    let list = || if days.is_empty() { Err(named("daysOfWeek")) } else { Ok(days.join(",")) };
    let body = match kind.as_str() {
        "daily" => "FREQ=DAILY".to_string(),
        "weekly" => format!("FREQ=WEEKLY;BYDAY={}", list()?),
        "absolutemonthly" => format!("FREQ=MONTHLY;BYMONTHDAY={}", day()?),
        "relativemonthly" => format!("FREQ=MONTHLY;BYDAY={};BYSETPOS={index}", list()?),
        "absoluteyearly" => format!("FREQ=YEARLY;BYMONTH={};BYMONTHDAY={}", month()?, day()?),
        "relativeyearly" => {
            format!("FREQ=YEARLY;BYMONTH={};BYDAY={};BYSETPOS={index}", month()?, list()?)
        }
        other => return Err(format!("recurrence: the type '{other}' is not known")),
    };
    let mut rule = body;
    if let Some(interval) = number(&pattern["interval"]).filter(|interval| *interval > 1) {
        rule.push_str(&format!(";INTERVAL={interval}"));
    }
    if lower(&pattern["firstDayOfWeek"]) == "monday" {
        rule.push_str(";WKST=MO");
    }
    let range = &recurrence["range"];
    match lower(&range["type"]).as_str() {
        "noend" => {}
        "numbered" => {
            let count = number(&range["numberOfOccurrences"])
                .ok_or("recurrence: a numbered range needs numberOfOccurrences")?;
            rule.push_str(&format!(";COUNT={count}"));
        }
        "enddate" => {
            let date: NaiveDate = range["endDate"]
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or("recurrence: a range to an endDate needs one, as in 2026-12-31")?;
            let zone = range["recurrenceTimeZone"].as_str().and_then(iana_zone).or(zone).unwrap_or(Tz::UTC);
            let last = date.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default());
            rule.push_str(&format!(";UNTIL={}", instant(zone, last).format("%Y%m%dT%H%M%SZ")));
        }
        other => return Err(format!("recurrence: the range type '{other}' is not known")),
    }
    Ok(rule)
}

fn days(pattern: &Value) -> Result<Vec<String>, String> {
    pattern["daysOfWeek"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|day| {
            let name = lower(day);
            let known = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
            match known.contains(&name.as_str()) {
                true => Ok(name[..2].to_uppercase()),
                false => Err(format!("recurrence: the day '{name}' is not known")),
            }
        })
        .collect()
}

/// Graph takes its words in any case.
fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}
