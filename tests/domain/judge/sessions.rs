//! What becomes of a session, by the strongest evidence.

use mentord::domain::detect::Decision;
use mentord::domain::judge::Attendance::Attended;

use super::*;

#[test]
fn a_verdict_follows_from_the_strongest_evidence() {
    let cases: Vec<(&str, Trial, (Status, Grade))> = vec![
        ("nothing speaks", trial(), OPEN),
        ("both were in the call", trial().call(BOTH), HELD),
        ("the mentor alone", trial().call(ADA_ALONE), MISSED),
        ("the mentee alone", trial().call(&[(Some(GRACE), 0, 20)]), MISSED),
        ("nobody came into the call", trial().call(&[]), OPEN),
        ("nobody who could be identified", trial().call(&[(None, 0, 45), (None, 0, 45)]), OPEN),
        ("one of them and somebody", trial().call(&[(Some(ADA), 0, 45), (None, 5, 45)]), OPEN),
        ("both and somebody", trial().call(&[BOTH, &[(None, 5, 45)]].concat()), HELD),
        (
            "both say that they met",
            trial().answers(ADA, true).answers(GRACE, true),
            (Status::Held, Grade::Confirmed),
        ),
        ("one says that they met", trial().answers(GRACE, true), (Status::Held, Grade::Reported)),
        (
            "both say that they did not",
            trial().answers(ADA, false).answers(GRACE, false),
            (Status::Missed, Grade::Confirmed),
        ),
        ("one says that they did not", trial().answers(ADA, false), (Status::Missed, Grade::Reported)),
        ("they contradict each other", trial().answers(ADA, false).answers(GRACE, true), OPEN),
        (
            "an answer that was corrected",
            trial().answers(ADA, false).answers(ADA, true),
            (Status::Held, Grade::Reported),
        ),
        (
            "a record against the answers",
            trial().call(ADA_ALONE).answers(ADA, true).answers(GRACE, true),
            MISSED,
        ),
        (
            "answers to a record that leaves it open",
            trial().call(&[(Some(ADA), 0, 45), (None, 5, 45)]).answers(ADA, true).answers(GRACE, true),
            (Status::Held, Grade::Confirmed),
        ),
        (
            "a manager against a record",
            trial().call(BOTH).settled(Outcome::Missed),
            (Status::Missed, Grade::Reported),
        ),
        (
            "a manager who thought again",
            trial().settled(Outcome::Missed).settled(Outcome::Held),
            (Status::Held, Grade::Reported),
        ),
        ("a manager who cancels", trial().settled(Outcome::Cancelled), (Status::Cancelled, Grade::Reported)),
        ("called off days before", trial().called_off("2026-10-03 09:00"), OFF),
        ("called off a day before", trial().called_off("2026-10-04 09:00"), OFF),
        ("called off later than that", trial().called_off("2026-10-04 09:01"), OFF_LATE),
        ("called off while it ran", trial().called_off("2026-10-05 09:30"), OFF_LATE),
        ("tidied away at its end", trial().called_off("2026-10-05 09:45"), OPEN),
        ("called off, and held after all", trial().called_off("2026-10-03 09:00").call(BOTH), HELD),
        ("called off, and one looked in", trial().called_off("2026-10-03 09:00").call(ADA_ALONE), OFF),
        (
            "called off late, and one looked in",
            trial().called_off("2026-10-05 08:30").call(ADA_ALONE),
            OFF_LATE,
        ),
        ("called off by who waited in vain", trial().called_off("2026-10-05 09:20").call(ADA_ALONE), MISSED),
        (
            "called off, and somebody looked in",
            trial().called_off("2026-10-03 09:00").call(&[(Some(ADA), 0, 5), (None, 0, 5)]),
            OFF,
        ),
        ("declined by the mentee", trial().declines(GRACE, "2026-10-02 09:00"), DECLINED),
        ("declined by the mentor", trial().declines(ADA, "2026-10-02 09:00"), DECLINED),
        ("declined late", trial().declines(GRACE, "2026-10-05 07:00"), DECLINED_LATE),
        (
            "declined, and the other waited",
            trial().declines(GRACE, "2026-10-05 07:00").call(ADA_ALONE),
            DECLINED_LATE,
        ),
        ("declined once it was over", trial().declines(GRACE, "2026-10-05 12:00"), OPEN),
        ("declined, and held after all", trial().declines(GRACE, "2026-10-02 09:00").call(BOTH), HELD),
        (
            "declined in time, called off late",
            trial().declines(GRACE, "2026-10-02 09:00").called_off("2026-10-05 08:00"),
            DECLINED,
        ),
        (
            "declined in time, tidied away later",
            trial().declines(GRACE, "2026-10-02 09:00").called_off("2026-10-05 12:00"),
            DECLINED,
        ),
        (
            "declined in time, then by the other as well",
            trial().declines(GRACE, "2026-10-02 09:00").declines(ADA, "2026-10-05 08:00"),
            DECLINED,
        ),
        ("declined by one of two mentees", trial().of(group()).declines(LINUS, "2026-10-02 09:00"), OPEN),
        (
            "declined by both mentees, one of them late",
            trial().of(group()).declines(GRACE, "2026-10-02 09:00").declines(LINUS, "2026-10-05 08:00"),
            DECLINED_LATE,
        ),
        ("declined by one of a circle", trial().of(circle()).declines(GRACE, "2026-10-02 09:00"), OPEN),
        (
            "declined by all of a circle but one",
            trial().of(circle()).declines(GRACE, "2026-10-02 09:00").declines(ADA, "2026-10-02 10:00"),
            DECLINED,
        ),
        ("two of a circle", trial().of(circle()).call(BOTH), HELD),
        ("one of a circle", trial().of(circle()).call(ADA_ALONE), MISSED),
        (
            "the mentees of a group without the mentor",
            trial().of(group()).call(&[(Some(GRACE), 0, 45), (Some(LINUS), 0, 45)]),
            MISSED,
        ),
        ("the mentor and one of the mentees", trial().of(group()).call(BOTH), HELD),
        (
            "the mentor and one of the mentees say so",
            trial().of(group()).answers(ADA, true).answers(GRACE, true).answers(LINUS, false),
            (Status::Held, Grade::Confirmed),
        ),
        (
            "the mentees contradict the mentor",
            trial().of(group()).answers(ADA, true).answers(GRACE, false).answers(LINUS, false),
            OPEN,
        ),
        (
            "two of a circle say so",
            trial().of(circle()).answers(ADA, true).answers(GRACE, true).answers(LINUS, false),
            (Status::Held, Grade::Confirmed),
        ),
    ];
    for (what, trial, expected) in cases {
        assert_eq!(trial.is(), expected, "{what}: {}", trial.judge().verdict.reason);
    }
}

#[test]
fn a_session_without_a_call_is_never_missed_for_want_of_a_record() {
    let mut trial = trial();
    trial.session.conference = None;
    for now in ["2026-10-05 11:00", "2026-10-12 11:00", "2027-10-12 11:00"] {
        trial.now = at(now);
        assert_eq!(trial.is(), OPEN);
    }
}

#[test]
fn both_sides_have_to_be_there_at_the_same_time_for_long_enough() {
    let length = |minutes_long: i64, stays: &[(Option<ParticipantId>, i64, i64)]| {
        let mut trial = trial().call(stays);
        trial.session.end = trial.session.start + minutes(minutes_long);
        trial.now = trial.session.end + hours(2);
        trial.read_at = Some(trial.now);
        trial.is()
    };
    let both = |minutes: i64| [(Some(ADA), 0, 60), (Some(GRACE), 10, 10 + minutes)];
    for (long, together, expected) in [
        (60, 10, HELD),
        (60, 9, MISSED),
        (240, 10, HELD),
        (240, 9, MISSED),
        (30, 10, HELD),
        (30, 9, MISSED),
        (15, 5, HELD),
        (15, 4, MISSED),
        (0, 1, HELD),
    ] {
        assert_eq!(length(long, &both(together)), expected, "{together} of {long} minutes");
    }
    // One after the other is not together, however short the session.
    for long in [0, 1, 45] {
        assert_eq!(length(long, &[(Some(ADA), -5, 5), (Some(GRACE), 5, 20)]), MISSED, "{long}");
    }
}

#[test]
fn a_session_is_presumed_held_only_where_the_program_wants_it_and_nothing_speaks_against() {
    let presume = |change: &dyn Fn(&mut Trial)| {
        let mut trial = trial();
        trial.rules.presume_held = true;
        change(&mut trial);
        (trial.is(), trial.judge().again_at.is_some())
    };
    let held = (Status::Held, Grade::Presumed);
    assert_eq!(presume(&|_| {}), (held, false));
    assert_eq!(presume(&|trial| trial.rules.presume_held = false), (OPEN, false));
    for response in [Response::Tentative, Response::NeedsAction, Response::Declined, Response::Unknown] {
        let otherwise = |trial: &mut Trial| {
            trial.session.responses.insert(GRACE, response);
        };
        assert_eq!(presume(&otherwise), (OPEN, false), "{response:?}");
    }
    assert_eq!(presume(&|trial| trial.session.responses.clear()), (OPEN, false));
    // A calendar that was not read may have called it off.
    assert_eq!(presume(&|trial| trial.read_at = None), (OPEN, true));
    let waits = |trial: &mut Trial| trial.evidence = trial_with_answers(false).evidence;
    assert_eq!(presume(&waits).0, OPEN);
    let mut everybody = trial();
    everybody.rules.presume_held = true;
    assert_eq!(everybody.people(), [(Attended, Grade::Presumed), (Attended, Grade::Presumed)]);
}

fn trial_with_answers(met: bool) -> Trial {
    trial().answers(ADA, met).answers(GRACE, !met)
}

#[test]
fn what_nobody_has_settled_yet_is_proposed() {
    let mut proposed = trial().call(BOTH);
    proposed.session.decision = Decision::Proposed;
    assert_eq!(proposed.is(), (Status::Proposed, Grade::None));
    let mut left = trial().call(BOTH);
    left.session.decision = Decision::Left;
    let verdict = left.judge().verdict;
    assert_eq!(verdict.status, Status::Proposed);
    assert!(!verdict.reason.contains("not settled"), "{}", verdict.reason);
    proposed.evidence = trial().settled(Outcome::Held).evidence;
    assert_eq!(proposed.is(), (Status::Held, Grade::Reported));
}

#[test]
fn reasons_are_for_managers() {
    let reason = |trial: Trial| trial.judge().verdict.reason;
    let reasons = [
        reason(trial().call(BOTH)),
        reason(trial().call(ADA_ALONE)),
        reason(trial().call(&[(Some(ADA), 0, 45), (Some(GRACE), 40, 41)])),
        reason(trial().call(&[(Some(ADA), 0, 45), (None, 0, 45)])),
        reason(trial().call(&[(None, 0, 45)])),
        reason(trial().called_off("2026-10-05 07:00")),
        reason(trial().called_off("2026-10-05 09:10")),
        reason(trial().declines(GRACE, "2026-10-01 09:00")),
        reason(trial().settled(Outcome::Held)),
        reason(Trial { read_at: None, ..trial().call(ADA_ALONE) }),
    ];
    let expected = [
        "the call's record shows both sides together for 43 minutes",
        "the call's record shows the mentor alone",
        "the call's record shows both sides together for 1 minute only; 10 minutes are needed",
        "the call's record shows one side and somebody who cannot be identified",
        "the call's record shows only people who cannot be identified",
        "called off on the calendar, 2 h before the start",
        "called off on the calendar, after the start",
        "the mentee declined",
        "settled by Marie: asked them",
        "it looks missed, but not every calendar of the pairing was read after its end yet",
    ];
    assert_eq!(reasons, expected);
}
