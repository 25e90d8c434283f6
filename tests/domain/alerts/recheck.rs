//! What is looked at once more before an alert goes out.

use chrono::TimeDelta;
use mentord::domain::alert::digest;
use mentord::domain::detect::Decision;
use mentord::domain::event::Response;

use super::*;

/// What came to be otherwise before an alert goes out.
type Change = fn(&mut Look);

fn withdrawn(alert: &Alert, sessions: &[Session], change: impl FnOnce(&mut Look)) -> Option<&'static str> {
    let mut look = Look {
        program: Some(program()),
        pairing: Some(begun()),
        sessions: sessions.to_vec(),
        now: alert.due_at,
    };
    change(&mut look);
    match look.check(alert) {
        Check::Send => None,
        Check::Withdraw(reason) => Some(reason),
    }
}

#[test]
fn a_reminder_is_sent_only_if_it_is_still_called_for() {
    let sessions = [coming("2026-10-05 09:00")];
    let reminder = planned(&sessions, "2026-10-01 09:00").remove(3);
    assert_eq!(reminder.person, Some(GRACE));
    assert_eq!(Look::at(&reminder), Check::Send);
    let cases: Vec<(&str, Change)> = vec![
        ("the program is no longer configured", |look| look.program = None),
        ("its moment has passed", |look| look.now = at("2026-10-05 08:31")),
        ("the pairing is no longer in the roster", |look| look.pairing = None),
        ("the pairing is paused", |look| look.pairing = Some(Pairing { paused: true, ..begun() })),
        ("the pairing has ended", |look| {
            look.pairing = Some(Pairing { ends_on: Some(day("2026-10-01")), ..begun() });
        }),
        ("the recipient has left the pairing", |look| {
            look.pairing = Some(Pairing { mentees: vec![linus()], ..begun() });
        }),
        ("the session is gone", |look| look.sessions.clear()),
        ("it turned out to be no session", |look| look.sessions[0].decision = Decision::Left),
        ("the session was cancelled", |look| look.sessions[0].stands = false),
        ("the session was moved", |look| look.sessions[0].start += hours(1)),
        ("the recipient has declined", |look| {
            look.sessions[0].responses.insert(GRACE, Response::Declined);
        }),
        ("the session is not going to take place", |look| {
            look.sessions[0].verdict.status = Status::Cancelled;
        }),
    ];
    for (reason, change) in cases {
        assert_eq!(withdrawn(&reminder, &sessions, change), Some(reason));
    }
    let last_minute = Alert { expires_at: at("2026-10-05 10:00"), ..reminder };
    let begun = withdrawn(&last_minute, &sessions, |look| look.now = at("2026-10-05 09:00"));
    assert_eq!(begun, Some("the session has begun"));
}

#[test]
fn the_others_are_reminded_though_one_declined() {
    let sessions = [coming("2026-10-05 09:00")];
    let reminder = planned(&sessions, "2026-10-01 09:00").remove(2);
    assert_eq!(reminder.person, Some(ADA));
    let without_grace = |look: &mut Look| {
        look.sessions[0].responses.insert(GRACE, Response::Declined);
    };
    assert_eq!(withdrawn(&reminder, &sessions, without_grace), None);
}

#[test]
fn a_missed_session_is_told_only_if_it_still_is_one() {
    let sessions = [missed("2026-10-05 09:00")];
    let alert = planned(&sessions, "2026-10-05 11:00").remove(0);
    assert_eq!(withdrawn(&alert, &sessions, |_| {}), None);
    let cases: Vec<(&str, Change)> = vec![
        ("the session is gone", |look| look.sessions.clear()),
        ("the session was moved", |look| look.sessions[0].start += hours(1)),
        ("it turned out to be no session", |look| look.sessions[0].decision = Decision::Left),
        ("the session does not count as missed any more", |look| {
            look.sessions[0].verdict.status = Status::Held;
        }),
    ];
    for (reason, change) in cases {
        assert_eq!(withdrawn(&alert, &sessions, change), Some(reason));
    }
}

#[test]
fn a_nudge_is_sent_only_if_they_still_do_not_meet() {
    let sessions = [held("2026-10-05 09:00")];
    let nudges = planned(&sessions, "2026-10-06 09:00");
    for nudge in &nudges {
        assert_eq!(withdrawn(nudge, &sessions, |_| {}), None);
        let planned = withdrawn(nudge, &sessions, |look| look.sessions.push(coming("2026-11-20 09:00")));
        assert_eq!(planned, Some("a session is planned meanwhile"));
        let met = withdrawn(nudge, &sessions, |look| look.sessions.push(held("2026-10-12 09:00")));
        assert_eq!(met, Some("a session was held meanwhile, or may have been"));
    }
    let manager = &nudges[3];
    let left = withdrawn(manager, &sessions, |look| {
        look.program = Some(Program { managers: vec![address("other@acme.example")], ..program() });
    });
    assert_eq!(left, Some("the recipient manages the program no longer"));
}

#[test]
fn what_was_due_may_have_been_sent_and_a_missed_session_may_have_been_told_since_it_ended() {
    let moment = |alert: &Alert, first: &str| {
        let first = at(first);
        assert!(alert.may_have_been_sent_by(first), "{alert:?}");
        assert!(!alert.may_have_been_sent_by(first - TimeDelta::microseconds(1)), "{alert:?}");
    };
    for reminder in planned(&[coming("2026-10-05 09:00")], "2026-10-01 09:00") {
        let due = if reminder.key.0.contains("-60m") { "2026-10-05 08:00" } else { "2026-10-04 09:00" };
        moment(&reminder, due);
    }
    // Judged so late that it is due two days after its end.
    let mut session = missed("2026-10-05 09:00");
    session.verdict.at = at("2026-10-07 12:00");
    let told = planned(&[session.clone()], "2026-10-07 12:00");
    assert_eq!(told.len(), 2);
    for alert in told {
        assert_eq!(alert.due_at, at("2026-10-07 12:00"));
        assert!(alert.may_have_been_sent_by(session.end));
        assert!(!alert.may_have_been_sent_by(session.end - TimeDelta::microseconds(1)));
    }
    // What a nudge is about has passed before its later rungs are due.
    for nudge in planned(&[held("2026-09-14 09:00")], "2026-10-01 12:00") {
        assert!(nudge.about <= nudge.due_at);
        assert!(nudge.may_have_been_sent_by(nudge.due_at));
        assert!(!nudge.may_have_been_sent_by(nudge.due_at - TimeDelta::microseconds(1)));
    }
    let slot = "2026-10-05 07:00";
    for digest in digest(&program(), &program().managers, at(slot)) {
        moment(&digest, slot);
    }
}

#[test]
fn a_digest_is_sent_unless_it_is_old() {
    let alert = digest(&program(), &[address("people@acme.example")], at("2026-10-05 07:00")).remove(0);
    assert_eq!(withdrawn(&alert, &[], |look| look.pairing = None), None);
    let late = withdrawn(&alert, &[], |look| look.now = at("2026-10-06 19:01"));
    assert_eq!(late, Some("its moment has passed"));
}
