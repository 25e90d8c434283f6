//! Who is told what, and when.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{America, Europe, Tz};
use proptest::prelude::*;

use mentord::domain::alert::{
    Alert, AlertKey, AlertState, Check, Facts, Kind, Plan, Planned, digest, plan, recheck, reconcile,
};
use mentord::domain::cadence::standing;
use mentord::domain::calendar::Reading;
use mentord::domain::detect::Decision;
use mentord::domain::event::Response;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::program::Program;
use mentord::domain::session::Session;

use crate::build::*;

fn begun() -> Pairing {
    Pairing { starts_on: Some(day("2026-09-01")), ..pair() }
}

fn planned_for(program: &Program, pairing: &Pairing, sessions: &[Session], now: DateTime<Utc>) -> Vec<Alert> {
    plan(program, pairing, sessions, &standing(program, pairing, sessions, &watched(now), now), now)
}

fn planned(sessions: &[Session], now: &str) -> Vec<Alert> {
    planned_for(&program(), &begun(), sessions, at(now))
}

fn keys(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.key.0.as_str()).collect()
}

fn coming(start: &str) -> Session {
    session("s", start, Status::Scheduled, Grade::None)
}

fn held(start: &str) -> Session {
    session(start, start, Status::Held, Grade::Observed)
}

fn missed(start: &str) -> Session {
    session("m", start, Status::Missed, Grade::Observed)
}

#[test]
fn nobody_is_told_that_they_do_not_meet_where_nobody_can_see_it() {
    let (program, pairing, now) = (program(), begun(), at("2026-09-15 12:00"));
    let kinds = |reading: &Reading| {
        let standing = standing(&program, &pairing, &[], reading, now);
        plan(&program, &pairing, &[], &standing, now).len()
    };
    let read_at = |oldest, newest| Reading { connected: 2, oldest, newest };
    assert_eq!(kinds(&Reading::default()), 0, "nobody is connected");
    assert_eq!(kinds(&read_at(None, None)), 0, "never read");
    let stale = at("2026-09-14 11:00");
    assert_eq!(kinds(&read_at(Some(stale), Some(stale))), 0, "read too long ago");
    assert!(kinds(&read_at(None, Some(now))) > 0, "one side is enough");

    let alert = planned(&[], "2026-09-15 12:00").remove(0);
    let unseen = standing(&program, &pairing, &[], &Reading::default(), now);
    let facts = Facts { program: Some(&program), pairing: Some((&pairing, &unseen)), session: None, now };
    assert_eq!(recheck(&alert, facts), Check::Withdraw("no calendar of the pairing was read lately"));
}

#[test]
fn participants_are_reminded_at_the_programs_offsets() {
    let alerts = planned(&[coming("2026-10-05 09:00")], "2026-10-01 09:00");
    assert_eq!(
        keys(&alerts),
        [
            "reminder:s:20261005T0900Z-1440m:ada@acme.example",
            "reminder:s:20261005T0900Z-1440m:grace@contoso.example",
            "reminder:s:20261005T0900Z-60m:ada@acme.example",
            "reminder:s:20261005T0900Z-60m:grace@contoso.example",
        ]
    );
    let times: Vec<_> = alerts.iter().map(|alert| (alert.due_at, alert.expires_at)).collect();
    assert_eq!(times[0], (at("2026-10-04 09:00"), at("2026-10-04 13:00")));
    assert_eq!(times[2], (at("2026-10-05 08:00"), at("2026-10-05 08:30")));
    for alert in &alerts {
        assert_eq!((alert.kind, alert.pairing), (Kind::Reminder, Some(PAIR)));
        assert_eq!(alert.about, at("2026-10-05 09:00"));
    }
}

#[test]
fn a_reminder_whose_moment_has_passed_is_not_planned() {
    let session = [coming("2026-10-05 09:00")];
    assert_eq!(planned(&session, "2026-10-04 12:59").len(), 4);
    assert_eq!(planned(&session, "2026-10-04 13:00").len(), 2);
    assert_eq!(planned(&session, "2026-10-05 08:30").len(), 0);
}

#[test]
fn who_declined_is_not_reminded() {
    let mut session = coming("2026-10-05 09:00");
    session.responses.insert(LINUS, Response::Declined);
    let group = Pairing { mentees: group().mentees, ..begun() };
    let alerts = planned_for(&program(), &group, &[session], at("2026-10-01 09:00"));
    assert_eq!(alerts.len(), 4);
    assert!(alerts.iter().all(|alert| alert.person != Some(LINUS)));
}

#[test]
fn nobody_is_reminded_of_what_does_not_take_place() {
    let now = "2026-10-01 09:00";
    let reminders = |change: &dyn Fn(&mut Session)| {
        let mut session = coming("2026-10-05 09:00");
        change(&mut session);
        let alerts = planned(&[session], now);
        alerts.iter().filter(|alert| alert.kind == Kind::Reminder).count()
    };
    assert_eq!(reminders(&|_| {}), 4);
    for status in [Status::Proposed, Status::Cancelled, Status::LateCancelled, Status::Held, Status::Unknown]
    {
        assert_eq!(reminders(&|session| session.verdict.status = status), 0, "{status:?}");
    }
    // The calendar said so, and nobody has judged it yet.
    assert_eq!(reminders(&|session| session.stands = false), 0);
    assert_eq!(reminders(&|session| session.decision = Decision::Left), 0);
    assert_eq!(reminders(&|session| session.pairing = PairingId(2)), 0);
}

#[test]
fn a_moved_session_is_reminded_of_anew_and_the_old_reminders_are_withdrawn() {
    let now = "2026-10-01 09:00";
    let before = planned(&[coming("2026-10-05 09:00")], now);
    let after = planned(&[coming("2026-10-06 09:00")], now);
    let plan = reconcile(&stored(&before, AlertState::Planned), &after, at(now));
    assert_eq!(plan.add, after);
    let withdrawn: Vec<_> = plan.withdraw.iter().map(|(key, _)| key).collect();
    assert_eq!(withdrawn, before.iter().map(|alert| &alert.key).collect::<Vec<_>>());
    assert!(plan.withdraw.iter().all(|(_, reason)| reason == "no longer called for as things stand"));
}

fn stored(alerts: &[Alert], state: AlertState) -> Vec<Planned> {
    alerts.iter().map(|alert| Planned { alert: alert.clone(), state }).collect()
}

#[test]
fn what_was_sent_stays_sent() {
    let now = "2026-10-01 09:00";
    let alerts = planned(&[coming("2026-10-05 09:00")], now);
    for state in [AlertState::Sent, AlertState::Failed] {
        let stored = stored(&alerts, state);
        assert_eq!(reconcile(&stored, &alerts, at(now)), Plan::default());
        assert_eq!(reconcile(&stored, &[], at(now)), Plan::default());
    }
    // What was withdrawn comes back when it is called for again.
    let again = reconcile(&stored(&alerts, AlertState::Withdrawn), &alerts, at(now));
    assert_eq!((again.add, again.withdraw.len()), (alerts, 0));
}

#[test]
fn what_is_withdrawn_says_why() {
    let alerts = planned(&[coming("2026-10-05 09:00")], "2026-10-01 09:00");
    let reasons = |now: &str| -> Vec<String> {
        let plan = reconcile(&stored(&alerts[..1], AlertState::Planned), &[], at(now));
        plan.withdraw.into_iter().map(|(_, reason)| reason).collect()
    };
    assert_eq!(reasons("2026-10-01 09:00"), ["no longer called for as things stand"]);
    assert_eq!(reasons("2026-10-04 13:00"), ["its moment has passed"]);
}

#[test]
fn a_digest_is_not_withdrawn_for_want_of_a_pairing_that_asks_for_it() {
    let to = [address("people@acme.example")];
    let digests = digest(&program(), &to, at("2026-10-05 07:00"));
    assert_eq!(keys(&digests), ["digest:eng:20261005T0700Z:people@acme.example"]);
    let plan = reconcile(&stored(&digests, AlertState::Planned), &[], at("2026-10-05 08:00"));
    assert_eq!(plan, Plan::default());
}

#[test]
fn a_missed_session_is_told_to_both_while_it_is_news() {
    let alerts = planned(&[missed("2026-10-05 09:00")], "2026-10-05 11:00");
    assert_eq!(
        keys(&alerts)[..2],
        ["missed:m:20261005T0900Z:ada@acme.example", "missed:m:20261005T0900Z:grace@contoso.example"]
    );
    assert_eq!(alerts[0].due_at, at("2026-10-05 10:15"));
    assert_eq!(alerts[0].expires_at, at("2026-10-08 09:45"));
}

#[test]
fn who_had_declined_is_not_told_of_a_missed_session() {
    let mut session = missed("2026-10-05 09:00");
    session.responses.insert(LINUS, Response::Declined);
    let group = Pairing { mentees: group().mentees, ..begun() };
    let alerts = planned_for(&program(), &group, &[session], at("2026-10-05 11:00"));
    let told: Vec<_> = alerts.iter().filter(|alert| alert.kind == Kind::Missed).map(|a| a.person).collect();
    assert_eq!(told, [Some(ADA), Some(GRACE)]);
}

#[test]
fn the_first_look_at_the_past_sends_nothing() {
    let mut past: Vec<Session> = (1..=9)
        .map(|n| session(&format!("m{n}"), &format!("2026-09-0{n} 09:00"), Status::Missed, Grade::Observed))
        .collect();
    for session in &mut past {
        session.verdict.at = at("2026-10-05 08:00");
    }
    past.push(held("2026-09-28 09:00"));
    assert_eq!(keys(&planned(&past, "2026-10-05 08:00")), keys(&planned(&past[9..], "2026-10-05 08:00")));
    let about_sessions = planned(&past, "2026-10-05 08:00");
    assert!(about_sessions.iter().all(|alert| alert.session.is_none()));
}

#[test]
fn who_does_not_meet_is_nudged_step_by_step() {
    let alerts = planned(&[held("2026-10-05 09:00")], "2026-10-06 09:00");
    assert_eq!(
        keys(&alerts),
        [
            "nudge:p1:20261019T0900Z-1:grace@contoso.example",
            "nudge:p1:20261019T0900Z-2:ada@acme.example",
            "nudge:p1:20261019T0900Z-2:grace@contoso.example",
            "nudge:p1:20261019T0900Z-3:people@acme.example",
        ]
    );
    let due: Vec<_> = alerts.iter().map(|alert| (alert.step, alert.due_at)).collect();
    let (first, second, third) = (at("2026-10-19 09:00"), at("2026-10-26 09:00"), at("2026-11-02 09:00"));
    assert_eq!(due, [(1, first), (2, second), (2, second), (3, third)]);
    assert_eq!(alerts[3].person, None);
    // Three days late is too late.
    assert_eq!(planned(&[held("2026-10-05 09:00")], "2026-10-22 09:00").len(), 3);
}

#[test]
fn who_has_not_met_yet_is_told_at_once_and_then_the_manager() {
    let alerts = planned(&[], "2026-09-02 09:00");
    assert_eq!(
        keys(&alerts),
        [
            "first_meeting:p1:20260914T2200Z-1:ada@acme.example",
            "first_meeting:p1:20260914T2200Z-1:grace@contoso.example",
            "first_meeting:p1:20260914T2200Z-2:people@acme.example",
        ]
    );
}

#[test]
fn nobody_is_nudged_while_a_session_is_planned() {
    let kinds = |sessions: &[Session], now: &str| -> Vec<Kind> {
        let mut kinds: Vec<_> = planned(sessions, now).iter().map(|alert| alert.kind).collect();
        kinds.dedup();
        kinds
    };
    let last = held("2026-09-07 09:00");
    assert_eq!(kinds(&[last.clone(), coming("2026-10-20 09:00")], "2026-09-25 09:00"), [Kind::Reminder]);
    // While it runs, and until it is judged, it may yet turn out to be held.
    for now in ["2026-09-21 09:10", "2026-09-21 09:50", "2026-09-21 10:10"] {
        let alerts = planned(&[last.clone(), coming("2026-09-21 09:00")], now);
        assert!(alerts.iter().all(|alert| alert.due_at > at("2026-10-01 09:00")), "{now}: {alerts:#?}");
    }
}

#[test]
fn a_session_of_which_nobody_knows_suspends_the_nudges() {
    let last = held("2026-09-21 09:00");
    let unknown = session("u", "2026-10-02 09:00", Status::Unknown, Grade::None);
    let first = |sessions: &[Session]| planned(sessions, "2026-10-05 08:00")[0].due_at;
    assert_eq!(first(std::slice::from_ref(&last)), at("2026-10-05 09:00"));
    assert_eq!(first(&[last, unknown]), at("2026-10-16 09:00"));
}

#[test]
fn paused_and_ended_pairings_hear_nothing() {
    let sessions = [coming("2026-10-05 09:00"), missed("2026-09-30 09:00")];
    for pairing in
        [Pairing { paused: true, ..begun() }, Pairing { ends_on: Some(day("2026-09-30")), ..begun() }]
    {
        assert_eq!(planned_for(&program(), &pairing, &sessions, at("2026-10-01 09:00")), []);
    }
}

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

/// What came to be otherwise before an alert goes out.
type Change = fn(&mut Look);

/// What is looked at before an alert goes out.
struct Look {
    program: Option<Program>,
    pairing: Option<Pairing>,
    sessions: Vec<Session>,
    now: DateTime<Utc>,
}

impl Look {
    fn at(alert: &Alert) -> Check {
        Self {
            program: Some(program()),
            pairing: Some(begun()),
            sessions: vec![coming("2026-10-05 09:00")],
            now: alert.due_at,
        }
        .check(alert)
    }

    fn check(&self, alert: &Alert) -> Check {
        let standing = self.program.as_ref().zip(self.pairing.as_ref()).map(|(program, pairing)| {
            standing(program, pairing, &self.sessions, &watched(self.now), self.now)
        });
        recheck(
            alert,
            Facts {
                program: self.program.as_ref(),
                pairing: self.pairing.as_ref().zip(standing.as_ref()),
                session: self.sessions.iter().find(|session| Some(&session.id) == alert.session.as_ref()),
                now: self.now,
            },
        )
    }
}

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

fn any_sessions() -> impl Strategy<Value = Vec<Session>> {
    let statuses = prop::sample::select(vec![
        Status::Scheduled,
        Status::Scheduled,
        Status::Held,
        Status::Missed,
        Status::Unknown,
        Status::Cancelled,
    ]);
    let one = (0..900i64, statuses, any::<bool>());
    prop::collection::vec(one, 0..5).prop_map(|sessions| {
        let make = |(n, (offset, status, declined)): (usize, (i64, Status, bool))| {
            let mut made = session(&format!("s{n}"), "2026-09-10 09:00", status, Grade::None);
            made.start += hours(offset);
            made.end += hours(offset);
            made.verdict.at += hours(offset);
            if declined {
                made.responses.insert(GRACE, Response::Declined);
            }
            made
        };
        sessions.into_iter().enumerate().map(make).collect()
    })
}

fn save(stored: &mut BTreeMap<AlertKey, Planned>, plan: &Plan) {
    for alert in &plan.add {
        let planned = Planned { alert: alert.clone(), state: AlertState::Planned };
        stored.insert(alert.key.clone(), planned);
    }
    for (key, _) in &plan.withdraw {
        stored.get_mut(key).expect("stored").state = AlertState::Withdrawn;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn planning_twice_changes_nothing_and_time_never_unsends(
        sessions in any_sessions(),
        steps in prop::collection::vec(1..100i64, 1..12),
        night in any::<bool>(),
    ) {
        let mut program = program();
        program.alerts.quiet_hours = night.then(|| quiet("20:00", "08:00"));
        let mut stored: BTreeMap<AlertKey, Planned> = BTreeMap::new();
        let mut sent: Vec<AlertKey> = Vec::new();
        let mut now = at("2026-09-01 00:00");
        for step in steps {
            now += hours(step);
            let wanted = planned_for(&program, &begun(), &sessions, now);
            let list = |stored: &BTreeMap<AlertKey, Planned>| stored.values().cloned().collect::<Vec<_>>();
            let plan = reconcile(&list(&stored), &wanted, now);
            prop_assert!(plan.add.iter().all(|alert| !sent.contains(&alert.key)));
            prop_assert!(plan.withdraw.iter().all(|(key, _)| !sent.contains(key)));
            save(&mut stored, &plan);
            prop_assert_eq!(reconcile(&list(&stored), &wanted, now), Plan::default());
            for alert in &wanted {
                prop_assert!(alert.expires_at > now && alert.due_at <= alert.expires_at);
            }
            let due = stored.values_mut().filter(|p| p.state == AlertState::Planned && p.alert.due_at <= now);
            for planned in due {
                let look = Look {
                    program: Some(program.clone()),
                    pairing: Some(begun()),
                    sessions: sessions.clone(),
                    now,
                };
                // What was planned this moment is called for this moment.
                prop_assert_eq!(look.check(&planned.alert), Check::Send);
                planned.state = AlertState::Sent;
                sent.push(planned.alert.key.clone());
            }
        }
    }
}
