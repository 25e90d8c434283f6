//! What is planned, for whom, and what is withdrawn.

use mentord::domain::alert::{Kind, Plan, digest, reconcile};
use mentord::domain::calendar::Reading;
use mentord::domain::detect::Decision;
use mentord::domain::event::Response;
use mentord::domain::pairing::PairingId;

use super::*;

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
