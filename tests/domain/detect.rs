//! Which events are sessions.

use mentord::domain::detect::Decision::{self, Left, Proposed, Taken};
use mentord::domain::detect::{SeriesMemory, Sighting, detect, sight};
use mentord::domain::event::{Event, EventKind, Moment, Response};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::program::Program;
use proptest::prelude::*;

use crate::build::*;

fn with(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = event("e");
    change(&mut event);
    event
}

fn titled(title: &str) -> Event {
    with(|event| event.title = Some(title.to_owned()))
}

fn invite(event: &mut Event, others: usize) {
    let others = (0..others).map(|n| guest(&format!("other{n}@acme.example"), Response::Accepted));
    event.guests.extend(others);
}

/// The only sighting of the pair on the event, if there is one.
fn seen<'a>(event: &'a Event, pairing: &Pairing, memory: &SeriesMemory) -> Option<Sighting<'a>> {
    let (program, pairings) = (program(), [pairing.clone()]);
    let mut sightings = sight(event, &[(&program, &pairings)], memory);
    assert!(sightings.len() <= 1);
    sightings.pop()
}

fn decided(event: &Event) -> Option<Decision> {
    seen(event, &pair(), &SeriesMemory::new()).map(|sighting| sighting.decision)
}

fn remembered(decision: Decision) -> SeriesMemory {
    SeriesMemory::from([((PAIR, "weekly@uid".to_owned()), decision)])
}

#[test]
fn what_speaks_for_and_against_is_weighed() {
    let others = |n, title: &str| {
        let mut event = titled(title);
        invite(&mut event, n);
        event
    };
    let cases: Vec<(&str, Event, Decision)> = vec![
        ("only the pair", event("e"), Taken),
        ("only the pair, with a room", with(|e| e.has_place = true), Taken),
        ("one other", others(1, "Catching up"), Left),
        ("one other, and the program's word", others(1, "Mentoring"), Proposed),
        ("two others, and the program's word", others(2, "Mentoring"), Proposed),
        ("many others, and the program's word", others(5, "Mentoring"), Left),
        ("a word against", titled("Interview with a candidate"), Left),
        ("words for and against", titled("Mentor stand-up"), Left),
        (
            "all day",
            with(|e| (e.start, e.end) = (Moment::Day(day("2026-10-05")), Moment::Day(day("2026-10-06")))),
            Left,
        ),
        ("out of office", with(|e| e.kind = EventKind::OutOfOffice), Left),
        ("focus time", with(|e| e.kind = EventKind::FocusTime), Left),
        ("the calendar's own entry", with(|e| e.kind = EventKind::Other), Left),
        ("shown as free", with(|e| e.free = true), Left),
        (
            "shown as free, and the program's word",
            with(|e| (e.free, e.title) = (true, Some("Mentoring".into()))),
            Taken,
        ),
        ("very long", with(|e| e.end = Moment::At(at("2026-10-05 17:00"))), Left),
        ("very short", with(|e| e.end = Moment::At(at("2026-10-05 09:05"))), Proposed),
        ("other guests may be hidden", with(|e| e.guests_hidden = true), Left),
        (
            "hidden guests, and the program's word",
            with(|e| (e.guests_hidden, e.title) = (true, Some("1:1 Ada/Grace".into()))),
            Taken,
        ),
        // Whoever writes it on a calendar of several is there, if they are of the pairing, and else nobody.
        (
            "written by the mentor on a shared calendar",
            with(|e| (e.organizer, e.written_by) = (None, Some(address("ada@acme.example")))),
            Taken,
        ),
        (
            "called by a shared calendar, as a guest's vendor tells it",
            with(|e| {
                e.organizer = Some(address("c_188a7f@group.calendar.google.com"));
                e.guests.push(guest("ada@acme.example", Response::NeedsAction));
            }),
            Taken,
        ),
        (
            "written by somebody else on a shared calendar",
            with(|e| {
                (e.organizer, e.written_by) = (None, Some(address("assistant@acme.example")));
                e.guests.push(guest("ada@acme.example", Response::NeedsAction));
            }),
            Taken,
        ),
        ("made by mentord, however odd", with(|e| (e.marker, e.free) = (Some("m".into()), true)), Taken),
    ];
    for (what, event, expected) in cases {
        let sighting = seen(&event, &pair(), &SeriesMemory::new()).expect(what);
        assert_eq!(sighting.decision, expected, "{what}: {:#?}", sighting.reasons);
        assert_eq!(
            sighting.score,
            sighting.reasons.iter().map(|reason| reason.weight).sum::<i32>(),
            "{what}"
        );
    }
}

#[test]
fn words_are_whole_words_in_title_or_category() {
    let worded = |event: &Event| {
        let sighting = seen(event, &pair(), &SeriesMemory::new()).expect("a sighting");
        sighting.reasons.iter().any(|reason| reason.text.contains("program's word"))
    };
    for (title, expected) in [
        ("Mentoring", true),
        ("MENTOR meets mentee", true),
        ("Ada/Grace (mentoring)", true),
        ("1:1", true),
        ("Weekly 1:1: Ada & Grace", true),
        ("mentorship", false),
        ("Commentor", false),
        ("11:15 sharp", false),
        ("1:10", false),
        ("", false),
    ] {
        assert_eq!(worded(&titled(title)), expected, "{title}");
    }
    assert!(worded(&with(|event| event.categories = vec!["Mentoring".into()])));
}

#[test]
fn reasons_say_nothing_of_the_events_own_text() {
    let mut event = titled("Mentoring: the secret reorganisation");
    invite(&mut event, 1);
    let sighting = seen(&event, &pair(), &SeriesMemory::new()).expect("a sighting");
    let text = format!("{:?}", sighting.reasons);
    assert!(!text.contains("secret") && !text.contains("other0"), "{text}");
}

#[test]
fn a_session_needs_the_mentor_and_a_mentee() {
    let pair_with = |organizer: Option<&str>, guests: &[&str]| {
        with(|event| {
            event.organizer = organizer.map(address);
            event.guests = guests.iter().map(|text| guest(text, Response::Accepted)).collect();
        })
    };
    let (ada, grace) = ("ada@acme.example", "grace@contoso.example");
    assert_eq!(decided(&pair_with(Some(ada), &[])), None, "the mentor alone");
    assert_eq!(decided(&pair_with(None, &[grace])), None, "the mentee alone");
    assert_eq!(decided(&pair_with(None, &[ada, grace])), Some(Taken), "both as guests");
    assert_eq!(decided(&pair_with(Some(grace), &[ada])), Some(Taken), "the mentee invites");
    assert_eq!(decided(&pair_with(Some(ada), &["linus@acme.example"])), None, "somebody else");
    // Whose address happens to be a room's is no person.
    let room = with(|event| event.guests = vec![room(grace)]);
    assert_eq!(decided(&room), None);
}

#[test]
fn a_room_is_no_other_person() {
    let event = with(|event| event.guests.push(room("room-7@resource.calendar.example")));
    let sighting = seen(&event, &pair(), &SeriesMemory::new()).expect("a sighting");
    assert_eq!(sighting.decision, Taken);
    assert!(sighting.reasons.iter().any(|reason| reason.text == "only the pairing is on it"));
    assert!(sighting.reasons.iter().any(|reason| reason.text == "it has a room or a call"));
}

#[test]
fn people_are_known_by_any_of_their_addresses() {
    let pairing = Pairing {
        mentor: Some(participant(ADA, "Ada", &["ada@acme.example", "ada.lovelace@gmail.com"])),
        ..pair()
    };
    for (organizer, known) in [
        ("ADA@Acme.Example", true),
        ("adalovelace@gmail.com", true),
        ("A.da.Lovelace+calendar@googlemail.com", true),
        ("ada+calendar@acme.example", false),
        ("a.da@acme.example", false),
    ] {
        let event = with(|event| event.organizer = Some(address(organizer)));
        assert_eq!(seen(&event, &pairing, &SeriesMemory::new()).is_some(), known, "{organizer}");
    }
    // Two addresses of one person are not a second person.
    let twice = with(|event| event.guests.push(guest("adalovelace@gmail.com", Response::Accepted)));
    assert_eq!(seen(&twice, &pairing, &SeriesMemory::new()).map(|s| s.decision), Some(Taken));
}

#[test]
fn some_of_a_group_are_enough_and_two_of_a_circle() {
    let none = SeriesMemory::new();
    let sighting = seen(&event("e"), &group(), &none).map(|s| (s.decision, s.reasons));
    let (decision, reasons) = sighting.expect("a sighting");
    assert_eq!(decision, Taken);
    assert!(reasons.iter().any(|reason| reason.text == "2 of 3 members are on it"), "{reasons:?}");
    assert_eq!(seen(&event("e"), &circle(), &none).map(|s| s.decision), Some(Taken));
    let alone = with(|event| event.guests.clear());
    assert!(seen(&alone, &circle(), &none).is_none());
}

#[test]
fn of_a_private_event_nothing_is_known() {
    let private = with(|event| (event.private, event.organizer, event.guests) = (true, None, Vec::new()));
    assert_eq!(decided(&private), None);
}

#[test]
fn only_days_of_the_pairing_count() {
    let between = |starts_on: Option<&str>, ends_on: Option<&str>| {
        let pairing = Pairing { starts_on: starts_on.map(day), ends_on: ends_on.map(day), ..pair() };
        // 00:30 on 6 October in Berlin.
        let event = with(|event| {
            event.start = Moment::At(at("2026-10-05 22:30"));
            event.end = Moment::At(at("2026-10-05 23:15"));
        });
        seen(&event, &pairing, &SeriesMemory::new()).is_some()
    };
    assert!(between(None, None));
    assert!(between(Some("2026-10-06"), Some("2026-10-06")));
    assert!(!between(Some("2026-10-07"), None));
    assert!(!between(None, Some("2026-10-05")));
}

#[test]
fn a_series_is_remembered() {
    let odd = Event { title: Some("Catching up".into()), free: true, ..occurrence("weekly", 3) };
    let decided = |memory: &SeriesMemory| seen(&odd, &pair(), memory).map(|sighting| sighting.decision);
    assert_eq!(decided(&SeriesMemory::new()), Some(Left));
    assert_eq!(decided(&remembered(Taken)), Some(Taken));
    let plain = occurrence("weekly", 3);
    assert_eq!(seen(&plain, &pair(), &remembered(Left)).map(|s| s.decision), Some(Left));
    // It is remembered for the pairing and the series, and for nothing else.
    let other = occurrence("other", 3);
    assert_eq!(seen(&other, &pair(), &remembered(Left)).map(|s| s.decision), Some(Taken));
    let single = Event { uid: Some("weekly@uid".into()), ..event("e") };
    assert_eq!(seen(&single, &pair(), &remembered(Left)).map(|s| s.decision), Some(Taken));
}

#[test]
fn an_occurrence_speaks_for_the_others_even_when_the_series_was_only_proposed_before() {
    let plain = occurrence("weekly", 0);
    let mut joined = occurrence("weekly", 1);
    joined.title = Some("Ada/Grace".into());
    invite(&mut joined, 1);
    let (program, pairings) = (program(), [pair()]);
    for memory in [SeriesMemory::new(), remembered(Proposed)] {
        let events = [&joined, &plain];
        let sightings = detect(&events, &[(&program, &pairings)], &memory);
        let decisions: Vec<_> = sightings.iter().map(|sighting| sighting.decision).collect();
        assert_eq!(decisions, [Proposed, Taken], "{memory:?}");
    }
}

/// Programs with the same pair in them, each with its word, start and order of entry.
fn rivals(of: &[(&str, &str, Option<&str>, i64)]) -> Vec<(Program, Vec<Pairing>)> {
    of.iter()
        .map(|(name, word, starts_on, id)| {
            let mut program = program();
            program.name = (*name).to_owned();
            program.detect.words = vec![(*word).to_owned()];
            let pairing = Pairing {
                id: PairingId(*id),
                program: (*name).to_owned(),
                starts_on: starts_on.map(day),
                ..pair()
            };
            (program, vec![pairing])
        })
        .collect()
}

fn decide_between(event: &Event, programs: &[(Program, Vec<Pairing>)]) -> Vec<(String, Decision, String)> {
    let view: Vec<(&Program, &[Pairing])> =
        programs.iter().map(|(program, pairings)| (program, pairings.as_slice())).collect();
    sight(event, &view, &SeriesMemory::new())
        .into_iter()
        .map(|sighting| {
            let program = programs.iter().find(|(_, pairings)| pairings[0].id == sighting.pairing);
            let name = program.map(|(program, _)| program.name.clone()).expect("a program");
            let last = sighting.reasons.last().map(|reason| reason.text.clone()).unwrap_or_default();
            (name, sighting.decision, last)
        })
        .collect()
}

fn taken_by(event: &Event, programs: &[(Program, Vec<Pairing>)]) -> Vec<String> {
    let all = decide_between(event, programs).into_iter();
    all.filter(|(_, decision, _)| *decision != Left).map(|(name, ..)| name).collect()
}

#[test]
fn a_pair_in_two_programs_meets_in_the_one_whose_words_stand_there() {
    let programs = rivals(&[("eng", "mentoring", None, 1), ("lead", "leadership", None, 2)]);
    assert_eq!(taken_by(&titled("Leadership"), &programs), ["lead"]);
    assert_eq!(taken_by(&titled("Mentoring"), &programs), ["eng"]);
    assert_eq!(taken_by(&titled("Leadership mentoring"), &programs), ["eng"]);
    assert_eq!(taken_by(&titled("Coffee"), &programs), ["eng"]);
    let why = &decide_between(&titled("Leadership"), &programs)[0];
    assert!(why.2.contains("“lead”") && why.2.contains("words"), "{why:?}");
    let why = &decide_between(&titled("Coffee"), &programs)[1];
    assert!(why.2.contains("“eng”") && why.2.contains("older"), "{why:?}");
}

#[test]
fn where_no_words_decide_the_older_pairing_has_it() {
    let programs =
        rivals(&[("eng", "mentoring", Some("2026-03-01"), 1), ("lead", "leadership", Some("2025-03-01"), 2)]);
    assert_eq!(taken_by(&event("e"), &programs), ["lead"]);
    // Without a start, a pairing is as old as its entry into the roster (1 January 2026).
    let programs = rivals(&[("eng", "mentoring", None, 1), ("lead", "leadership", Some("2025-03-01"), 2)]);
    assert_eq!(taken_by(&event("e"), &programs), ["lead"]);
}

#[test]
fn two_people_who_mentor_each_other_meet_in_one_of_their_programs() {
    let mut programs = rivals(&[("eng", "mentoring", None, 1), ("reverse", "reverse", None, 2)]);
    programs[1].1[0].mentor = Some(grace());
    programs[1].1[0].mentees = vec![ada()];
    assert_eq!(taken_by(&event("e"), &programs), ["eng"]);
    assert_eq!(taken_by(&titled("Reverse mentoring"), &programs), ["eng"]);
    assert_eq!(taken_by(&titled("Reverse"), &programs), ["reverse"]);
}

#[test]
fn the_program_that_an_event_suits_better_has_it_and_the_reason_says_that() {
    let mut programs = rivals(&[("eng", "mentoring", None, 1), ("lead", "leadership", None, 2)]);
    programs[0].0.detect.words_against = vec!["review".into()];
    programs[1].0.detect.words_against = Vec::new();
    let decided = decide_between(&titled("Review"), &programs);
    assert_eq!(decided[1].1, Taken);
    assert_eq!(decided[0].1, Left);
    assert!(!decided[0].2.contains("older"), "{decided:?}");
}

#[test]
fn an_event_that_suits_no_program_is_not_said_to_belong_to_one() {
    let programs = rivals(&[("eng", "mentoring", None, 1), ("lead", "leadership", None, 2)]);
    for (_, decision, last) in decide_between(&titled("Interview"), &programs) {
        assert_eq!(decision, Left);
        assert!(!last.contains("too"), "{last}");
    }
}

#[test]
fn one_meeting_may_be_a_session_of_two_pairings_with_different_mentees() {
    let (program, event) = (
        program(),
        with(|event| {
            event.title = Some("Mentoring".into());
            event.guests.push(guest("linus@acme.example", Response::Accepted));
        }),
    );
    let pairings = [pair(), Pairing { id: PairingId(2), mentees: vec![linus()], ..pair() }];
    let decisions: Vec<_> = sight(&event, &[(&program, &pairings)], &SeriesMemory::new())
        .into_iter()
        .map(|sighting| sighting.decision)
        .collect();
    assert_eq!(decisions, [Proposed, Proposed]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let titles = prop::sample::select(vec!["Mentoring", "Leadership", "Coffee", "Interview"]);
    ((0..2usize, 0..4i64), titles, any::<(bool, bool)>(), 0..3usize).prop_map(
        |((series, week), title, (free, single), others)| {
            let series = ["weekly", "monthly"][series];
            let mut event = if single { event(&format!("{series}{week}")) } else { occurrence(series, week) };
            event.title = Some(title.to_owned());
            event.free = free;
            invite(&mut event, others);
            event
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_the_events_does_not_matter(
        (events, shuffled) in prop::collection::vec(any_event(), 1..8)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        let programs = rivals(&[("eng", "mentoring", None, 1), ("lead", "leadership", None, 2)]);
        let view: Vec<(&Program, &[Pairing])> =
            programs.iter().map(|(program, pairings)| (program, pairings.as_slice())).collect();
        let decide = |events: &[Event]| {
            let events: Vec<&Event> = events.iter().collect();
            let sightings = detect(&events, &view, &SeriesMemory::new());
            let mut all: Vec<_> = sightings
                .into_iter()
                .map(|s| format!("{:?} {} {:?} {:?}", s.event, s.pairing, s.decision, s.reasons))
                .collect();
            all.sort();
            all
        };
        prop_assert_eq!(decide(&events), decide(&shuffled));
    }
}
