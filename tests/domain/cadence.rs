//! Whether a pairing meets as often as it means to.

use chrono::{DateTime, TimeDelta, Utc};

use mentord::domain::cadence::{Pace, Standing, in_words, standing};
use mentord::domain::detect::Decision;
use mentord::domain::event::Moment;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::session::Session;

use crate::build::*;

/// The pair began on 1 September 2026 and means to meet every two weeks.
fn begun() -> Pairing {
    Pairing { starts_on: Some(day("2026-09-01")), ..pair() }
}

fn stands(sessions: &[Session], now: &str) -> Standing {
    standing(&program(), &begun(), sessions, at(now))
}

fn held(start: &str) -> Session {
    session(start, start, Status::Held, Grade::Observed)
}

fn planned(start: &str) -> Session {
    session(start, start, Status::Scheduled, Grade::None)
}

fn unknown(start: &str) -> Session {
    session(start, start, Status::Unknown, Grade::None)
}

#[test]
fn a_pairing_is_as_far_behind_as_its_last_session_is_ago() {
    let last = || held("2026-10-05 09:00");
    let cases: Vec<(&str, Vec<Session>, &str, Pace)> = vec![
        ("just begun", vec![], "2026-09-02 09:00", Pace::NotStarted),
        ("not begun", vec![], "2026-08-01 09:00", Pace::NotStarted),
        ("within the time for the first", vec![], "2026-09-14 21:59", Pace::NotStarted),
        ("past it", vec![], "2026-09-15 09:00", Pace::Due),
        ("long past it", vec![], "2026-09-30 09:00", Pace::Overdue),
        ("long past it, and planned", vec![planned("2026-10-05 09:00")], "2026-09-30 09:00", Pace::Due),
        ("met lately", vec![last()], "2026-10-19 09:00", Pace::OnTrack),
        ("a cadence ago", vec![last()], "2026-10-19 09:01", Pace::Due),
        ("half another", vec![last()], "2026-10-26 09:00", Pace::Overdue),
        ("and may have met since", vec![last(), unknown("2026-10-14 09:00")], "2026-10-26 09:00", Pace::Due),
        ("and means to meet soon", vec![last(), planned("2026-11-02 09:00")], "2026-10-26 09:00", Pace::Due),
        ("in months", vec![last(), planned("2026-12-01 09:00")], "2026-10-26 09:00", Pace::Overdue),
    ];
    for (what, sessions, now, expected) in cases {
        assert_eq!(stands(&sessions, now).pace, expected, "{what}");
    }
}

#[test]
fn paused_and_ended_pairings_are_neither_due_nor_overdue() {
    let pace = |pairing: Pairing, now: &str| standing(&program(), &pairing, &[], at(now)).pace;
    let paused = Pairing { paused: true, ..begun() };
    assert_eq!(pace(paused.clone(), "2026-12-01 09:00"), Pace::Paused);
    let ended = Pairing { ends_on: Some(day("2026-09-30")), ..paused };
    // The last day is 30 September in Berlin, which ends at 22:00 UTC.
    assert_eq!(pace(ended.clone(), "2026-09-30 21:59"), Pace::Paused);
    assert_eq!(pace(ended, "2026-09-30 22:00"), Pace::Ended);
}

#[test]
fn what_is_held_and_what_is_next_is_counted() {
    let sessions = [
        held("2026-09-07 09:00"),
        held("2026-09-21 09:00"),
        session("missed", "2026-09-28 09:00", Status::Missed, Grade::Observed),
        planned("2026-10-19 09:00"),
        planned("2026-10-12 09:00"),
    ];
    let standing = stands(&sessions, "2026-10-05 09:00");
    assert_eq!(standing.sessions_held, 2);
    assert_eq!(standing.last_held, Some(at("2026-09-21 09:00")));
    assert_eq!(standing.next_session, Some(at("2026-10-12 09:00")));
    assert_eq!(standing.due_by, at("2026-10-05 09:00"));
    // It is next until it is over.
    assert_eq!(stands(&sessions, "2026-10-12 09:44").next_session, Some(at("2026-10-12 09:00")));
    assert_eq!(stands(&sessions, "2026-10-12 09:45").next_session, Some(at("2026-10-19 09:00")));
}

#[test]
fn sessions_of_others_and_such_as_are_none_do_not_count() {
    let other = Session { pairing: PairingId(2), ..held("2026-10-05 09:00") };
    let proposed = Session { decision: Decision::Proposed, ..held("2026-10-05 09:00") };
    let standing = stands(&[other, proposed], "2026-10-06 09:00");
    assert_eq!((standing.sessions_held, standing.last_held, standing.may_have_met), (0, None, false));
}

#[test]
fn nobody_is_behind_for_a_session_that_was_not_judged_yet() {
    let sessions = [held("2026-09-07 09:00"), planned("2026-10-05 09:00")];
    for now in ["2026-10-05 09:00", "2026-10-05 09:30", "2026-10-05 09:50", "2026-10-06 09:00"] {
        let standing = stands(&sessions, now);
        assert!(standing.may_have_met);
        assert_eq!(standing.nudge_from, at("2026-10-19 09:00"), "{now}");
        assert_eq!(standing.due_by, at("2026-09-21 09:00"), "{now}");
        assert_eq!(standing.pace, Pace::Due, "{now}");
    }
}

#[test]
fn the_roster_may_give_a_pairing_its_own_cadence() {
    let weekly = Pairing { cadence: Some(days(7)), ..begun() };
    let standing = standing(&program(), &weekly, &[held("2026-10-05 09:00")], at("2026-10-12 09:01"));
    assert_eq!((standing.cadence, standing.pace), (days(7), Pace::Due));
}

#[test]
fn a_pairing_without_a_start_is_counted_from_its_entry_into_the_roster() {
    let entered = Pairing { starts_on: None, entered_on: day("2026-10-01"), ..pair() };
    let standing = standing(&program(), &entered, &[], at("2026-10-02 09:00"));
    assert_eq!(standing.due_by, at("2026-10-14 22:00"));
}

#[test]
fn days_begin_where_the_clock_of_the_zone_shows_them_first() {
    let begins = |zone, day_text: &str| -> DateTime<Utc> { Moment::Day(day(day_text)).instant(zone) };
    let berlin = chrono_tz::Europe::Berlin;
    assert_eq!(begins(berlin, "2026-03-29"), at("2026-03-28 23:00"));
    assert_eq!(begins(berlin, "2026-03-30"), at("2026-03-29 22:00"));
    assert_eq!(begins(berlin, "2026-10-25"), at("2026-10-24 22:00"));
    assert_eq!(begins(berlin, "2026-10-26"), at("2026-10-25 23:00"));
    // Chile's clocks go from 24:00 to 01:00.
    assert_eq!(begins(chrono_tz::America::Santiago, "2026-09-06"), at("2026-09-06 04:00"));
}

#[test]
fn a_cadence_is_told_as_it_is_written() {
    let cases: [(TimeDelta, &str); 6] = [
        (days(14), "2 weeks"),
        (days(7), "1 week"),
        (days(10), "10 days"),
        (days(1), "1 day"),
        (hours(36), "36 hours"),
        (hours(1), "1 hour"),
    ];
    for (cadence, words) in cases {
        assert_eq!(in_words(cadence), words);
    }
}
