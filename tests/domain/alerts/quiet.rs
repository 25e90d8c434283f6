//! Quiet hours.

use std::collections::BTreeMap;

use chrono_tz::{America, Europe, Tz};
use mentord::domain::alert::Kind;

use super::*;

#[test]
fn quiet_hours_end_when_the_clock_on_the_wall_says_so() {
    let night = quiet("20:00", "08:00");
    let cases: Vec<(&str, Tz, &str, &str)> = vec![
        ("by day", Europe::Berlin, "2026-10-05 10:00", "2026-10-05 10:00"),
        ("as they begin", Europe::Berlin, "2026-10-05 18:00", "2026-10-06 06:00"),
        ("before midnight", Europe::Berlin, "2026-10-05 21:00", "2026-10-06 06:00"),
        ("after midnight", Europe::Berlin, "2026-10-06 02:00", "2026-10-06 06:00"),
        ("as they end", Europe::Berlin, "2026-10-06 06:00", "2026-10-06 06:00"),
        ("the night the clocks go forward", Europe::Berlin, "2026-03-28 22:00", "2026-03-29 06:00"),
        ("later that night", Europe::Berlin, "2026-03-29 05:59", "2026-03-29 06:00"),
        ("the night the clocks go back", Europe::Berlin, "2026-10-24 22:00", "2026-10-25 07:00"),
        ("later that night", Europe::Berlin, "2026-10-25 06:59", "2026-10-25 07:00"),
        ("where midnight is skipped", America::Santiago, "2026-09-06 04:00", "2026-09-06 11:00"),
    ];
    for (what, zone, moment, expected) in cases {
        assert_eq!(night.after(at(moment), zone), at(expected), "{what}");
    }
    let noon = quiet("12:00", "13:00");
    assert_eq!(noon.after(at("2026-10-05 10:30"), Europe::Berlin), at("2026-10-05 11:00"));
    assert_eq!(noon.after(at("2026-10-05 11:00"), Europe::Berlin), at("2026-10-05 11:00"));
}

#[test]
fn quiet_hours_may_begin_or_end_at_a_time_that_the_clock_skips_or_shows_twice() {
    // From 02:00 to 03:00 there is no time in Berlin that night; 03:00 is 01:00 UTC.
    for to in ["02:00", "02:10", "02:30", "02:59", "03:00"] {
        let quiet = quiet("22:00", to);
        assert_eq!(quiet.after(at("2026-03-28 23:30"), Europe::Berlin), at("2026-03-29 01:00"), "{to}");
    }
    let from_the_gap = quiet("02:10", "06:00");
    assert_eq!(from_the_gap.after(at("2026-03-29 01:00"), Europe::Berlin), at("2026-03-29 04:00"));
    assert_eq!(from_the_gap.after(at("2026-03-29 00:59"), Europe::Berlin), at("2026-03-29 00:59"));
    // 02:30 comes twice; it is over at the first.
    let twice = quiet("22:00", "02:30");
    assert_eq!(twice.after(at("2026-10-24 23:30"), Europe::Berlin), at("2026-10-25 00:30"));
    assert_eq!(twice.after(at("2026-10-25 01:00"), Europe::Berlin), at("2026-10-25 01:00"));
    // Midnight is skipped: the day begins at 01:00, which is 04:00 UTC.
    let midnight = quiet("00:00", "06:00");
    assert_eq!(midnight.after(at("2026-09-06 04:00"), America::Santiago), at("2026-09-06 09:00"));
    assert_eq!(midnight.after(at("2026-09-06 03:59"), America::Santiago), at("2026-09-06 03:59"));
}

#[test]
fn a_reminder_comes_before_its_session_whatever_the_quiet_hours() {
    let mut program = program();
    program.alerts.quiet_hours = Some(quiet("20:00", "08:00"));
    program.alerts.remind_before = vec![hours(1)];
    let due = |start: &str| {
        let alerts = planned_for(&program, &begun(), &[coming(start)], at("2026-10-01 09:00"));
        assert!(alerts.iter().all(|alert| alert.due_at < alert.expires_at && alert.expires_at <= at(start)));
        alerts[0].due_at
    };
    // 12:00 in Berlin, and 08:30, 08:05 and 07:00.
    assert_eq!(due("2026-10-05 10:00"), at("2026-10-05 09:00"));
    assert_eq!(due("2026-10-05 06:30"), at("2026-10-05 06:00"));
    assert_eq!(due("2026-10-05 06:05"), at("2026-10-04 17:50"));
    assert_eq!(due("2026-10-05 05:00"), at("2026-10-04 17:50"));
}

#[test]
fn what_is_not_urgent_waits_for_the_end_of_the_quiet_hours() {
    let mut program = program();
    program.alerts.quiet_hours = Some(quiet("20:00", "08:00"));
    let late = session("m", "2026-10-05 18:00", Status::Missed, Grade::Observed);
    let alerts = planned_for(&program, &begun(), &[late, held("2026-09-28 19:00")], at("2026-10-05 19:30"));
    let due: BTreeMap<_, _> = alerts.iter().map(|alert| ((alert.kind, alert.step), alert.due_at)).collect();
    assert_eq!(due[&(Kind::Missed, 1)], at("2026-10-06 06:00"));
    assert_eq!(due[&(Kind::Nudge, 1)], at("2026-10-13 06:00"));
}
