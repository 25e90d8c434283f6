//! Who was there, person by person and record by record.

use mentord::domain::judge::Attendance::{Absent, Attended, Late};

use super::*;

#[test]
fn presence_is_the_union_of_the_stays() {
    let rejoined = trial().call(&[(Some(ADA), 0, 45), (Some(GRACE), 0, 5), (Some(GRACE), 8, 13)]);
    assert_eq!(rejoined.is(), HELD);
    assert_eq!(rejoined.person(GRACE).minutes, Some(10));
    let two_devices = trial().call(&[(Some(ADA), 0, 45), (Some(GRACE), 0, 6), (Some(GRACE), 1, 7)]);
    assert_eq!(two_devices.is(), MISSED);
    assert_eq!(two_devices.person(GRACE).minutes, Some(7));
    let two_runs = trial().named_call("a", &[(Some(ADA), 0, 5), (Some(GRACE), 0, 5)]).named_call("b", BOTH);
    assert_eq!((two_runs.is(), two_runs.person(ADA).minutes), (HELD, Some(45)));
}

#[test]
fn a_record_that_is_fetched_again_replaces_the_one_before() {
    assert_eq!(trial().call(ADA_ALONE).call(BOTH).is(), HELD);
    assert_eq!(trial().call(BOTH).call(ADA_ALONE).is(), MISSED);
    assert_eq!(trial().named_call("a", ADA_ALONE).named_call("b", BOTH).is(), HELD);
}

#[test]
fn a_call_at_another_time_is_none_of_the_session() {
    let yesterday = [(Some(ADA), -1440, -1400), (Some(GRACE), -1440, -1400)];
    assert_eq!(trial().call(&yesterday).is(), OPEN);
    // It was recorded for the time before the session was moved.
    let mut moved = trial().call(BOTH);
    moved.session.start += hours(24);
    moved.session.end += hours(24);
    moved.now += hours(24);
    assert_eq!(moved.is(), OPEN);
}

#[test]
fn everybody_is_judged_for_themselves() {
    let seen = |from, to| trial().call(&[(Some(ADA), 0, 45), (Some(GRACE), from, to)]);
    assert_eq!(seen(5, 45).people(), [(Attended, Grade::Observed), (Attended, Grade::Observed)]);
    assert_eq!(seen(6, 45).people(), [(Attended, Grade::Observed), (Late, Grade::Observed)]);
    assert_eq!(seen(6, 45).person(GRACE).joined_at, Some(at("2026-10-05 09:06")));
    assert_eq!(seen(6, 45).person(GRACE).minutes, Some(39));

    let cases: Vec<(&str, Trial, Vec<Personal>)> = vec![
        ("nothing speaks", trial(), vec![UNKNOWN, UNKNOWN]),
        (
            "one did not come",
            trial().call(ADA_ALONE),
            vec![(Attended, Grade::Observed), (Absent, Grade::Observed)],
        ),
        (
            "one of a group did not come",
            trial().of(group()).call(BOTH),
            vec![(Attended, Grade::Observed), (Attended, Grade::Observed), (Absent, Grade::Observed)],
        ),
        (
            "it may be the one who cannot be identified",
            trial().of(group()).call(&[BOTH, &[(None, 0, 45)]].concat()),
            vec![(Attended, Grade::Observed), (Attended, Grade::Observed), UNKNOWN],
        ),
        (
            "one of a group declined",
            trial().of(group()).declines(LINUS, "2026-10-02 09:00").call(BOTH),
            vec![(Attended, Grade::Observed), (Attended, Grade::Observed), (Declined, Grade::Reported)],
        ),
        (
            "called off, and one looked in",
            trial().called_off("2026-10-03 09:00").call(ADA_ALONE),
            vec![(Attended, Grade::Observed), UNKNOWN],
        ),
        (
            "declined before it began",
            trial().declines(GRACE, "2026-10-02 09:00").at("2026-10-02 10:00"),
            vec![UNKNOWN, (Declined, Grade::Reported)],
        ),
        (
            "both say that they met",
            trial().answers(ADA, true).answers(GRACE, true),
            vec![(Attended, Grade::Confirmed), (Attended, Grade::Confirmed)],
        ),
        (
            "one says that they met, which takes two",
            trial().answers(GRACE, true),
            vec![(Attended, Grade::Reported), (Attended, Grade::Reported)],
        ),
        (
            "the mentor says so, and does not say who came",
            trial().of(group()).answers(ADA, true),
            vec![(Attended, Grade::Reported), UNKNOWN, UNKNOWN],
        ),
        (
            "one of a group says that they did not",
            trial().of(group()).answers(ADA, true).answers(GRACE, true).answers(LINUS, false),
            vec![(Attended, Grade::Confirmed), (Attended, Grade::Confirmed), (Absent, Grade::Reported)],
        ),
        (
            "nobody says who it was that did not come",
            trial().answers(ADA, false).answers(GRACE, false),
            vec![UNKNOWN, UNKNOWN],
        ),
        (
            "the manager knows that they met",
            trial().call(ADA_ALONE).settled(Outcome::Held),
            vec![(Attended, Grade::Observed), (Attended, Grade::Reported)],
        ),
    ];
    for (what, trial, expected) in cases {
        assert_eq!(trial.people(), expected, "{what}");
    }
}
