//! What a program's sessions prove about it.

use serde_json::{Value, json};

use mentord::domain::cadence::{Standing, standing};
use mentord::domain::calendar::{Calendar, CalendarId, CalendarState};
use mentord::domain::detect::Decision;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::people::ParticipantId;
use mentord::domain::report::{Material, Month, Report, report};
use mentord::domain::session::Session;

use crate::build::*;

const NOW: &str = "2026-11-30 12:00";

fn begun() -> Pairing {
    Pairing { starts_on: Some(day("2026-09-01")), ..pair() }
}

fn material<'a>(
    program: &'a mentord::domain::program::Program,
    pairings: &'a [(Pairing, Standing)],
    sessions: &'a [Session],
    calendars: &'a [Calendar],
) -> Material<'a> {
    Material { program, pairings, sessions, calendars }
}

fn reported(pairings: &[Pairing], sessions: &[Session], calendars: &[Calendar]) -> Report {
    let program = program();
    let pairings: Vec<_> = pairings
        .iter()
        .map(|pairing| (pairing.clone(), standing(&program, pairing, sessions, &watched(at(NOW)), at(NOW))))
        .collect();
    let material = material(&program, &pairings, sessions, calendars);
    report(material, day("2026-10-01"), day("2026-11-30"), at(NOW))
}

fn of(sessions: &[Session]) -> Report {
    reported(&[begun()], sessions, &[])
}

fn one(start: &str, status: Status) -> Session {
    session(start, start, status, Grade::None)
}

/// `statuses` in October, a day after the other.
fn each(statuses: &[Status]) -> Vec<Session> {
    (1..).zip(statuses).map(|(n, status)| one(&format!("2026-10-{n:02} 09:00"), *status)).collect()
}

#[test]
fn sessions_are_counted_by_what_became_of_them() {
    use Status::{Cancelled, Held, LateCancelled, Missed, Proposed, Scheduled, Unknown};
    let mut sessions =
        each(&[Held, Held, Held, Missed, Unknown, Scheduled, Cancelled, LateCancelled, Proposed]);
    sessions.last_mut().expect("some").decision = Decision::Proposed;
    let mut left = one("2026-10-12 09:00", Held);
    left.decision = Decision::Left;
    let ahead = one("2026-11-30 15:00", Scheduled);
    let running = one("2026-11-30 11:30", Scheduled);
    let (early, late) = (one("2026-09-30 09:00", Held), one("2026-12-01 09:00", Cancelled));
    sessions.extend([left, ahead, running, early, late]);
    let counts = of(&sessions).sessions;
    // One that is over and not judged yet is unknown so far.
    assert_eq!((counts.scheduled, counts.held, counts.missed, counts.unknown), (6, 3, 1, 2));
    assert_eq!((counts.cancelled, counts.late_cancelled), (1, 1));
}

#[test]
fn attendance_is_told_with_what_the_unknown_may_make_of_it() {
    use Status::{Cancelled, Held, Missed, Unknown};
    let rates = |statuses: &[Status]| {
        let report = of(&each(statuses));
        (report.attendance_rate, report.attendance_rate_low, report.attendance_rate_high)
    };
    assert_eq!(rates(&[]), (None, None, None));
    assert_eq!(rates(&[Cancelled]), (None, None, None));
    assert_eq!(rates(&[Held, Held, Held, Missed]), (Some(0.75), Some(0.75), Some(0.75)));
    assert_eq!(rates(&[Held, Held, Held, Missed, Unknown]), (Some(0.75), Some(0.6), Some(0.8)));
    assert_eq!(rates(&[Unknown, Unknown]), (None, Some(0.0), Some(1.0)));
    assert_eq!(rates(&[Held, Held, Missed]).0, Some(0.667));
}

#[test]
fn what_was_moved_counts_whatever_became_of_it() {
    let mut sessions = each(&[Status::Held, Status::Cancelled, Status::Missed, Status::Held]);
    for session in &mut sessions[..3] {
        session.moves = 2;
    }
    assert_eq!(of(&sessions).sessions.moved, 3);
}

#[test]
fn evidence_is_counted_by_its_grade() {
    let graded = |n: u32, status, grade| session("s", &format!("2026-10-{n:02} 09:00"), status, grade);
    let report = of(&[
        graded(1, Status::Held, Grade::Observed),
        graded(2, Status::Held, Grade::Observed),
        graded(3, Status::Missed, Grade::Observed),
        graded(4, Status::Held, Grade::Presumed),
        graded(5, Status::Unknown, Grade::None),
        graded(6, Status::Cancelled, Grade::Confirmed),
    ]);
    let grades: Vec<_> = report.by_grade.iter().map(|(g, c)| (*g, c.held, c.missed, c.unknown)).collect();
    assert_eq!(
        grades,
        [
            (Grade::Observed, 2, 1, 0),
            (Grade::Confirmed, 0, 0, 0),
            (Grade::Reported, 0, 0, 0),
            (Grade::Presumed, 1, 0, 0),
            (Grade::None, 0, 0, 1),
        ]
    );
}

#[test]
fn hours_are_the_planned_lengths_of_what_was_held() {
    assert_eq!(of(&each(&[Status::Held])).hours, 0.75);
    assert_eq!(of(&each(&[Status::Held, Status::Held, Status::Held, Status::Missed])).hours, 2.25);
    assert_eq!(of(&[]).hours, 0.0);
}

#[test]
fn months_and_the_period_are_those_of_the_programs_zone() {
    // In Berlin it is 1 October, 1 November (after the clocks went back) and 1 December.
    let sessions = [
        one("2026-09-30 21:59", Status::Held),
        one("2026-09-30 22:00", Status::Held),
        one("2026-10-31 22:59", Status::Missed),
        one("2026-10-31 23:00", Status::Held),
        one("2026-11-29 22:30", Status::Unknown),
    ];
    let month = |month: &str, counts: [u32; 4], attendance_rate| Month {
        month: month.to_owned(),
        scheduled: counts[0],
        held: counts[1],
        missed: counts[2],
        unknown: counts[3],
        attendance_rate,
    };
    assert_eq!(
        of(&sessions).by_month,
        [month("2026-10", [2, 1, 1, 0], Some(0.5)), month("2026-11", [2, 1, 0, 1], Some(1.0))]
    );
}

/// Pairings that began on 1 September and first met that many days later.
fn first_after(days_later: &[i64]) -> Report {
    let mut pairings = vec![Pairing { id: PairingId(99), ..begun() }];
    let mut sessions = Vec::new();
    for (n, later) in (1..).zip(days_later) {
        pairings.push(Pairing { id: PairingId(n), ..begun() });
        for again in [0, 20] {
            let mut held = one("2026-09-01 09:00", Status::Held);
            held.pairing = PairingId(n);
            held.start += days(later + again);
            held.end += days(later + again);
            sessions.push(held);
        }
        let mut missed = one("2026-09-01 07:00", Status::Missed);
        missed.pairing = PairingId(n);
        sessions.push(missed);
    }
    reported(&pairings, &sessions, &[])
}

#[test]
fn the_time_to_the_first_session_is_told_as_percentiles() {
    let percentiles = |days: &[i64]| {
        let first = first_after(days).first_meeting_days;
        (first.median, first.p90)
    };
    assert_eq!(percentiles(&[]), (None, None));
    assert_eq!(percentiles(&[3]), (Some(3.0), Some(3.0)));
    assert_eq!(percentiles(&[9, 3]), (Some(6.0), Some(8.4)));
    assert_eq!(percentiles(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), (Some(6.0), Some(10.0)));
    // Who met before the pairing began met at once.
    assert_eq!(percentiles(&[-3]), (Some(0.0), Some(0.0)));
}

#[test]
fn pairings_are_counted_by_their_pace() {
    let with = |id, change: fn(&mut Pairing)| {
        let mut pairing = Pairing { id: PairingId(id), ..begun() };
        change(&mut pairing);
        pairing
    };
    let pairings = [
        with(1, |_| {}),
        with(2, |_| {}),
        with(3, |_| {}),
        with(4, |pairing| pairing.starts_on = Some(day("2026-11-29"))),
        with(5, |pairing| pairing.paused = true),
        with(6, |pairing| pairing.ends_on = Some(day("2026-10-01"))),
    ];
    let held = |id, start| Session { pairing: PairingId(id), ..one(start, Status::Held) };
    let report = reported(&pairings, &[held(1, "2026-11-20 09:00"), held(2, "2026-11-12 09:00")], &[]);
    let paces = report.cadence;
    assert_eq!((paces.on_track, paces.due, paces.overdue, paces.not_started), (1, 1, 1, 1));
}

fn calendar(id: i64, owner: ParticipantId, state: CalendarState, read: Option<&str>) -> Calendar {
    Calendar {
        active: true,
        calls_error: None,
        id: CalendarId(id),
        connection: "acme".to_owned(),
        owner,
        address: address("ada@acme.example"),
        cursor: None,
        open_ended: false,
        state,
        error: None,
        last_synced_at: read.map(at),
        next_sync_at: at(NOW),
        withheld: [].into(),
        failures: 0,
        told: 0,
        told_before: 0,
        watch_error: None,
    }
}

#[test]
fn coverage_counts_people_whose_calendars_can_be_read() {
    let covered = |calendars: &[Calendar]| {
        let pairings = [
            Pairing { mentees: group().mentees, ..begun() },
            Pairing { id: PairingId(2), ends_on: Some(day("2026-10-01")), mentees: vec![], ..begun() },
        ];
        let coverage = reported(&pairings, &[], calendars).coverage;
        (coverage.calendars_connected, coverage.calendars_total, coverage.stale)
    };
    let fresh = Some("2026-11-30 11:55");
    assert_eq!(covered(&[]), (0, 3, 0));
    assert_eq!(covered(&[calendar(1, ADA, CalendarState::Active, fresh)]), (1, 3, 0));
    let twice =
        [calendar(1, ADA, CalendarState::Active, fresh), calendar(2, ADA, CalendarState::Active, fresh)];
    assert_eq!(covered(&twice), (1, 3, 0));
    assert_eq!(covered(&[calendar(1, ADA, CalendarState::BackingOff, Some("2026-11-29 11:00"))]), (1, 3, 1));
    assert_eq!(
        covered(&[calendar(1, ADA, CalendarState::NeedsConsent, Some("2026-11-01 11:00"))]),
        (0, 3, 1)
    );
    assert_eq!(covered(&[calendar(1, ADA, CalendarState::Active, None)]), (0, 3, 1));
    let stranger = ParticipantId(77);
    assert_eq!(covered(&[calendar(1, stranger, CalendarState::Active, fresh)]), (0, 3, 0));
}

#[test]
fn the_json_has_exactly_the_promised_names() {
    let report = of(&[one("2026-10-05 09:00", Status::Held)]);
    let json = serde_json::to_value(&report).expect("JSON");
    let counts = json!({"held": 0, "missed": 0, "unknown": 0});
    assert_eq!(
        json,
        json!({
            "program": "eng",
            "from": "2026-10-01",
            "to": "2026-11-30",
            "as_of": "2026-11-30T12:00:00Z",
            "coverage": {"calendars_connected": 0, "calendars_total": 2, "stale": 0},
            "sessions": {
                "scheduled": 1, "held": 1, "missed": 0, "cancelled": 0, "late_cancelled": 0,
                "moved": 0, "unknown": 0,
            },
            "attendance_rate": 1.0,
            "attendance_rate_low": 1.0,
            "attendance_rate_high": 1.0,
            "by_grade": {
                "observed": counts, "confirmed": counts, "reported": counts, "presumed": counts,
                "none": {"held": 1, "missed": 0, "unknown": 0},
            },
            "cadence": {"on_track": 0, "due": 0, "overdue": 1, "not_started": 0},
            "hours": 0.75,
            "first_meeting_days": {"median": 34.0, "p90": 34.0},
            "by_month": [{
                "month": "2026-10", "scheduled": 1, "held": 1, "missed": 0, "unknown": 0,
                "attendance_rate": 1.0,
            }],
        })
    );
    let empty = serde_json::to_value(of(&[])).expect("JSON");
    for name in ["attendance_rate", "attendance_rate_low", "attendance_rate_high"] {
        assert_eq!(empty[name], Value::Null);
    }
    assert_eq!(empty["first_meeting_days"], json!({"median": null, "p90": null}));
}
