//! Verdicts: what the evidence amounts to.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use mentord::domain::detect::Decision;
use mentord::domain::event::{ConferenceService, Response};
use mentord::domain::evidence::{ConferenceRecord, Evidence, Outcome, Presence, Statement};
use mentord::domain::judge::Attendance::{self, Absent, Attended, Declined, Late};
use mentord::domain::judge::{Case, Grade, Judgement, PersonVerdict, Status, judge};
use mentord::domain::pairing::Pairing;
use mentord::domain::people::ParticipantId;
use mentord::domain::program::JudgeRules;
use mentord::domain::session::Session;

use crate::build::*;

const START: &str = "2026-10-05 09:00";

/// A session of 45 minutes, judged two hours after its end, every calendar read meanwhile.
struct Trial {
    session: Session,
    pairing: Pairing,
    rules: JudgeRules,
    evidence: Vec<Evidence>,
    read_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

fn trial() -> Trial {
    let session = session("s", START, Status::Scheduled, Grade::None);
    let now = session.end + hours(2);
    Trial { pairing: pair(), rules: judge_rules(), evidence: Vec::new(), read_at: Some(now), now, session }
}

impl Trial {
    fn judge(&self) -> Judgement {
        judge(Case {
            session: &self.session,
            pairing: &self.pairing,
            rules: &self.rules,
            evidence: &self.evidence,
            read_at: self.read_at,
            now: self.now,
        })
    }

    fn is(&self) -> (Status, Grade) {
        let verdict = self.judge().verdict;
        (verdict.status, verdict.grade)
    }

    fn person(&self, person: ParticipantId) -> PersonVerdict {
        let verdict = self.judge().verdict;
        verdict.people.into_iter().find(|own| own.person == person).expect("a verdict on everybody")
    }

    fn people(&self) -> Vec<Personal> {
        self.judge().verdict.people.iter().map(|person| (person.verdict, person.grade)).collect()
    }

    fn of(mut self, pairing: Pairing) -> Self {
        self.pairing = pairing;
        for (_, person) in self.pairing.members() {
            self.session.responses.entry(person.id).or_insert(Response::Accepted);
        }
        self
    }

    fn at(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    fn says(mut self, statement: Statement, at: DateTime<Utc>) -> Self {
        self.evidence.push(Evidence { statement, at });
        self
    }

    /// A record of the call: who, from which minute after the start to which.
    fn call(self, stays: &[(Option<ParticipantId>, i64, i64)]) -> Self {
        self.named_call("record", stays)
    }

    fn named_call(self, record: &str, stays: &[(Option<ParticipantId>, i64, i64)]) -> Self {
        let start = at(START);
        let record = ConferenceRecord {
            service: ConferenceService::GoogleMeet,
            record: record.to_owned(),
            started: start,
            ended: start + minutes(45),
            presences: stays
                .iter()
                .map(|&(person, from, to)| Presence {
                    person,
                    joined: start + minutes(from),
                    left: start + minutes(to),
                })
                .collect(),
        };
        self.says(Statement::Conference(record), start + minutes(45))
    }

    fn answers(self, person: ParticipantId, met: bool) -> Self {
        self.says(Statement::Answer { person, met }, at("2026-10-05 12:00"))
    }

    fn settled(self, outcome: Outcome) -> Self {
        let settled = Statement::Settled { outcome, by: "Marie".into(), why: "asked them".into() };
        self.says(settled, at("2026-10-06 12:00"))
    }

    fn declines(mut self, person: ParticipantId, when: &str) -> Self {
        self.session.responses.insert(person, Response::Declined);
        self.says(Statement::Invitation { person, response: Response::Declined }, at(when))
    }

    fn called_off(mut self, when: &str) -> Self {
        self.session.stands = false;
        self.says(Statement::Cancelled, at(when))
    }
}

const BOTH: &[(Option<ParticipantId>, i64, i64)] = &[(Some(ADA), 0, 45), (Some(GRACE), 1, 44)];
const ADA_ALONE: &[(Option<ParticipantId>, i64, i64)] = &[(Some(ADA), 0, 20)];

const HELD: (Status, Grade) = (Status::Held, Grade::Observed);
const MISSED: (Status, Grade) = (Status::Missed, Grade::Observed);
const OPEN: (Status, Grade) = (Status::Unknown, Grade::None);
const PLANNED: (Status, Grade) = (Status::Scheduled, Grade::None);
const OFF: (Status, Grade) = (Status::Cancelled, Grade::Confirmed);
const OFF_LATE: (Status, Grade) = (Status::LateCancelled, Grade::Confirmed);
const DECLINED: (Status, Grade) = (Status::Cancelled, Grade::Reported);
const DECLINED_LATE: (Status, Grade) = (Status::LateCancelled, Grade::Reported);
type Personal = (Attendance, Grade);
const UNKNOWN: Personal = (Attendance::Unknown, Grade::None);

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
fn nothing_is_said_before_the_end_and_the_grace_are_over() {
    let over = trial().call(BOTH);
    let before = trial().call(BOTH).at("2026-10-05 10:14");
    assert_eq!(before.is(), PLANNED);
    assert_eq!(before.people(), [UNKNOWN, UNKNOWN]);
    assert_eq!(before.judge().again_at, Some(at("2026-10-05 10:15")));
    assert_eq!(over.at("2026-10-05 10:15").is(), HELD);
    assert_eq!(trial().at("2026-10-01 09:00").is(), PLANNED);
}

#[test]
fn what_is_called_off_is_looked_at_again_when_it_would_be_over() {
    let early = trial().called_off("2026-10-03 09:00").at("2026-10-03 09:00");
    assert_eq!(early.is(), OFF);
    assert_eq!(early.judge().again_at, Some(at("2026-10-05 10:15")));
    // The record of the call came before the grace was over: they had met after all.
    let soon = trial().called_off("2026-10-03 09:00").call(BOTH).at("2026-10-05 09:55");
    assert_eq!((soon.is(), soon.judge().again_at), (OFF, Some(at("2026-10-05 10:15"))));
    assert_eq!(trial().called_off("2026-10-03 09:00").at("2026-10-07 09:00").judge().again_at, None);
}

#[test]
fn missed_waits_until_every_calendar_was_read_after_the_end() {
    for missed in [trial().call(ADA_ALONE), trial().answers(ADA, false)] {
        let expected = missed.is().0;
        assert_eq!(expected, Status::Missed);
        for read_at in [None, Some(at("2026-10-05 09:44"))] {
            let trial = Trial { read_at, evidence: missed.evidence.clone(), ..trial() };
            assert_eq!(trial.is(), PLANNED);
            let again = trial.judge().again_at.expect("to look again");
            assert!(again > trial.now && again <= trial.now + hours(1));
            // Nor is anybody said to have been absent.
            assert!(trial.people().iter().all(|(verdict, _)| *verdict != Absent));
            let late = trial.at("2026-10-06 09:45");
            assert_eq!(late.is(), OPEN);
            assert!(late.judge().again_at.is_some_and(|again| again > late.now));
            assert!(late.people().iter().all(|(verdict, _)| *verdict != Absent));
        }
        let fresh = Trial { read_at: Some(at("2026-10-05 09:45")), evidence: missed.evidence, ..trial() };
        assert_eq!(fresh.is().0, Status::Missed);
    }
}

#[test]
fn held_needs_no_other_calendar_to_be_read() {
    assert_eq!(Trial { read_at: None, ..trial().call(BOTH) }.is(), HELD);
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

#[derive(Clone, Debug)]
enum Piece {
    Call(u8, Vec<(Option<u8>, i64, i64)>),
    Answer(u8, bool),
    Decline(u8, i64),
    Off(i64),
    Settled(bool),
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let stay = (prop::option::weighted(0.8, 1..=2u8), -20..60i64, 1..40i64);
    let stay = stay.prop_map(|(person, from, long)| (person, from, from + long));
    prop_oneof![
        4 => (0..2u8, prop::collection::vec(stay, 0..4)).prop_map(|(name, stays)| Piece::Call(name, stays)),
        2 => (1..=2u8, any::<bool>()).prop_map(|(person, met)| Piece::Answer(person, met)),
        2 => (1..=2u8, -60..60i64).prop_map(|(person, hours)| Piece::Decline(person, hours)),
        1 => (-60..60i64).prop_map(Piece::Off),
        1 => any::<bool>().prop_map(Piece::Settled),
    ]
}

/// At most one piece of each kind about each thing, so that none replaces another.
fn any_pieces() -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec(any_piece(), 0..6).prop_map(|mut pieces| {
        let mut seen = std::collections::BTreeSet::new();
        pieces.retain(|piece| {
            seen.insert(match piece {
                Piece::Call(name, _) => ("call", *name),
                Piece::Answer(person, _) => ("answer", *person),
                Piece::Decline(person, _) => ("decline", *person),
                Piece::Off(_) => ("off", 0),
                Piece::Settled(_) => ("settled", 0),
            })
        });
        pieces
    })
}

fn with_pieces(mut trial: Trial, pieces: &[Piece]) -> Trial {
    let person = |id: u8| ParticipantId(i64::from(id));
    let moment = |hours: i64| (at(START) + TimeDelta::hours(hours)).format("%Y-%m-%d %H:%M").to_string();
    for piece in pieces {
        trial = match piece {
            Piece::Call(name, stays) => {
                let stays: Vec<_> =
                    stays.iter().map(|(who, from, to)| (who.map(person), *from, *to)).collect();
                trial.named_call(&name.to_string(), &stays)
            }
            Piece::Answer(who, met) => trial.answers(person(*who), *met),
            Piece::Decline(who, hours) => trial.declines(person(*who), &moment(*hours)),
            Piece::Off(hours) => trial.called_off(&moment(*hours)),
            Piece::Settled(held) => trial.settled(if *held { Outcome::Held } else { Outcome::Missed }),
        };
    }
    trial
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_independent_statements_does_not_matter(
        (pieces, shuffled) in any_pieces()
            .prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
    ) {
        prop_assert_eq!(with_pieces(trial(), &pieces).judge(), with_pieces(trial(), &shuffled).judge());
    }

    #[test]
    fn time_alone_takes_no_verdict_back(
        pieces in any_pieces(),
        (presume, read) in any::<(bool, Option<i8>)>(),
        steps in prop::collection::vec(1..40i64, 1..6),
    ) {
        let mut case = with_pieces(trial(), &pieces);
        case.rules.presume_held = presume;
        case.read_at = read.map(|after| case.session.end + hours(i64::from(after)));
        case.now = case.session.start - hours(24);
        let mut judged = None;
        for step in steps {
            case.now += hours(step);
            let (status, grade) = case.is();
            prop_assert_eq!(case.is(), (status, grade));
            if let Some(before) = judged {
                prop_assert_eq!(before, (status, grade));
            }
            if matches!(status, Status::Held | Status::Missed) {
                judged = Some((status, grade));
            }
        }
    }

    #[test]
    fn a_verdict_is_there_for_everybody(pieces in any_pieces()) {
        let verdict = with_pieces(trial().of(group()), &pieces).judge().verdict;
        let people: BTreeMap<_, _> = verdict.people.iter().map(|own| (own.person, own.verdict)).collect();
        prop_assert_eq!(people.len(), 3);
        prop_assert!(!verdict.reason.is_empty());
    }
}
