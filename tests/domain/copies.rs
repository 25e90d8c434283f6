//! What a listing of a calendar means for what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use mentord::domain::copies::{Changes, Seen, compare};
use mentord::domain::detect::{Decision, SeriesMemory};
use mentord::domain::event::{Event, EventState, Moment, Response, Window};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::session::{Copy, CopyFacts, CopyId, CopyState};

use crate::build::*;

fn window() -> Window {
    Window { from: at("2026-09-10 00:00"), to: at("2026-12-10 00:00") }
}

fn compared(known: &[Copy], seen: &Seen) -> Changes {
    compared_for(&[pair()], known, seen)
}

fn compared_for(pairings: &[Pairing], known: &[Copy], seen: &Seen) -> Changes {
    let program = program();
    compare(known, seen, window(), &[(&program, pairings)], &SeriesMemory::new())
}

/// The copies of Ada's calendar after its first listing, which held `events`.
fn known(events: &[Event]) -> Vec<Copy> {
    let seen = Seen { events: events.to_vec(), full: true, ..Seen::default() };
    let upserts = compared(&[], &seen).upserts.into_iter();
    (1..)
        .zip(upserts)
        .map(|(id, (pairing, facts))| Copy { id: CopyId(id), pairing, facts, ..copy(id, ADAS, "") })
        .collect()
}

fn at_time(event: Event, start: &str) -> Event {
    let start = at(start);
    Event { start: Moment::At(start), end: Moment::At(start + minutes(45)), ..event }
}

fn changed(changes: &Changes) -> Vec<&str> {
    changes.upserts.iter().map(|(_, facts)| facts.event.as_str()).collect()
}

#[test]
fn what_a_change_does_not_speak_of_stays() {
    let known = known(&[event("a"), event("b"), event("c")]);
    let seen = Seen { events: vec![at_time(event("b"), "2026-10-06 09:00")], ..Seen::default() };
    let changes = compared(&known, &seen);
    assert_eq!(changed(&changes), ["b"]);
    assert_eq!(changes.upserts[0].1.start, at("2026-10-06 09:00"));
    assert!(changes.gone.is_empty());
    assert_eq!(compared(&known, &Seen::default()), Changes::default());
}

#[test]
fn of_two_states_of_an_event_the_later_counts() {
    let twice = vec![event("a"), at_time(event("a"), "2026-10-06 09:00")];
    let changes = compared(&[], &Seen { events: twice, ..Seen::default() });
    assert_eq!(changes.upserts.len(), 1);
    assert_eq!(changes.upserts[0].1.start, at("2026-10-06 09:00"));
}

#[test]
fn what_a_full_listing_lacks_is_gone_inside_its_window_only() {
    let mut known = known(&[event("long ago"), event("inside"), event("still")]);
    let id =
        |known: &[Copy], key: &str| known.iter().find(|copy| copy.facts.event == key).map(|copy| copy.id);
    for copy in known.iter_mut().filter(|copy| copy.facts.event == "long ago") {
        (copy.facts.start, copy.facts.end) = (at("2026-09-01 09:00"), at("2026-09-01 09:45"));
    }
    let seen = Seen { events: vec![event("still")], full: true, ..Seen::default() };
    assert_eq!(compared(&known, &seen).gone, Vec::from_iter(id(&known, "inside")));
    // An increment lacks nearly everything.
    let seen = Seen { full: false, ..seen };
    assert!(compared(&known, &seen).gone.is_empty());
}

#[test]
fn what_is_gone_already_is_not_gone_again() {
    let mut known = known(&[event("a")]);
    known[0].facts.state = CopyState::Gone;
    assert_eq!(compared(&known, &Seen { full: true, ..Seen::default() }), Changes::default());
    // And it comes back when the calendar has it again.
    let back = compared(&known, &Seen { events: vec![event("a")], ..Seen::default() });
    assert_eq!(back.upserts[0].1.state, CopyState::Stands);
}

#[test]
fn a_series_that_came_whole_loses_the_occurrences_it_lacks() {
    let mut known = known(&[occurrence("s", 0), occurrence("s", 1), occurrence("other", 1)]);
    let mut long_ago = copy(9, ADAS, "s@uid");
    long_ago.facts.event = "s_-9".into();
    long_ago.facts.series = Some("s".into());
    long_ago.facts.start = at("2026-08-03 09:00");
    long_ago.facts.end = at("2026-08-03 09:45");
    known.push(long_ago);
    let keys: BTreeSet<String> = ["s_0".to_owned()].into();
    let seen = Seen { events: vec![occurrence("s", 0)], series: vec![("s".into(), keys)], ..Seen::default() };
    let gone: Vec<_> = compared(&known, &seen).gone;
    let lacking = known.iter().find(|copy| copy.facts.event == "s_1").expect("known").id;
    assert_eq!(gone, [lacking]);
}

#[test]
fn a_single_event_that_became_a_series_is_gone_as_a_single_event() {
    let known = known(&[event("s")]);
    let keys: BTreeSet<String> = ["s_0".to_owned(), "s_1".to_owned()].into();
    let events = vec![occurrence("s", 0), occurrence("s", 1)];
    let changes = compared(&known, &Seen { events, series: vec![("s".into(), keys)], ..Seen::default() });
    assert_eq!(changes.gone, [known[0].id]);
    assert_eq!(changed(&changes), ["s_0", "s_1"]);
}

/// Google tells occurrences without their series, and may say nothing of what they were before.
#[test]
fn what_became_a_series_or_a_single_event_takes_the_place_of_what_it_was() {
    let single = known(&[event("s"), event("t")]);
    let changes = compared(&single, &Seen { events: vec![occurrence("s", 0)], ..Seen::default() });
    assert_eq!((&changes.gone[..], changed(&changes)), (&[single[0].id][..], vec!["s_0"]));
    // All that is known is that it is a series now.
    let seen = Seen { masters: ["s".to_owned()].into(), ..Seen::default() };
    assert_eq!(compared(&single, &seen).gone, [single[0].id]);

    let series = known(&[occurrence("s", 0), occurrence("s", 1), occurrence("t", 0)]);
    let changes = compared(&series, &Seen { events: vec![event("s")], ..Seen::default() });
    assert_eq!((&changes.gone[..], changed(&changes)), (&[series[0].id, series[1].id][..], vec!["s"]));
}

#[test]
fn a_deletion_takes_the_event_or_all_of_its_series() {
    let known = known(&[event("a"), occurrence("s", 0), occurrence("s", 1), occurrence("t", 0)]);
    let gone = |key: &str| -> Vec<String> {
        let seen = Seen { deleted: [key.to_owned()].into(), ..Seen::default() };
        let gone = compared(&known, &seen).gone;
        let copies = known.iter().filter(|copy| gone.contains(&copy.id));
        copies.map(|copy| copy.facts.event.clone()).collect()
    };
    assert_eq!(gone("a"), ["a"]);
    assert_eq!(gone("s"), ["s_0", "s_1"]);
    assert_eq!(gone("s_1"), ["s_1"]);
    assert_eq!(gone("nobody"), [""; 0]);
}

#[test]
fn what_could_not_be_read_is_never_gone() {
    let known = known(&[event("a"), occurrence("s", 0), occurrence("s", 1)]);
    let unread = |keys: &[&str]| Seen {
        unread: keys.iter().map(|key| (*key).to_owned()).collect(),
        full: true,
        ..Seen::default()
    };
    assert_eq!(compared(&known, &unread(&["a", "s_0", "s_1"])).gone, []);
    // Nor are the occurrences of a series that could not be read.
    assert_eq!(compared(&known, &unread(&["a", "s"])).gone, []);
}

fn private(event: Event) -> Event {
    Event { private: true, title: None, organizer: None, guests: Vec::new(), ..event }
}

#[test]
fn what_turned_private_is_not_gone() {
    let known = known(&[event("a")]);
    for full in [false, true] {
        let seen = Seen { events: vec![private(event("a"))], full, ..Seen::default() };
        assert_eq!(compared(&known, &seen), Changes::default());
    }
}

#[test]
fn what_turned_private_and_was_moved_is_where_it_is_now() {
    let known = known(&[event("a"), event("b")]);
    let moved = private(at_time(event("a"), "2026-10-09 15:00"));
    let changes = compared(&known, &Seen { events: vec![moved], ..Seen::default() });
    assert_eq!(changes.gone, []);
    let [(_, facts)] = &changes.upserts[..] else { panic!("{changes:?}") };
    let CopyFacts { start, end, .. } = facts.clone();
    assert_eq!(start, at("2026-10-09 15:00"));
    // Nothing else of it is known any more, and what was known stays.
    assert_eq!(*facts, CopyFacts { start, end, ..known[0].facts.clone() });
    // One that nobody knew is nobody's business, wherever it goes.
    let other = private(at_time(event("c"), "2026-10-09 15:00"));
    assert_eq!(compared(&known, &Seen { events: vec![other], ..Seen::default() }), Changes::default());
}

#[test]
fn what_turned_private_and_was_called_off_is_gone() {
    let known = known(&[event("a")]);
    let off = Event { state: EventState::Cancelled, ..private(event("a")) };
    let changes = compared(&known, &Seen { events: vec![off], ..Seen::default() });
    assert_eq!(changes.gone, [known[0].id]);
}

#[test]
fn an_event_that_the_pairing_left_is_gone() {
    let known = known(&[event("a")]);
    let without = Event { guests: vec![guest("linus@acme.example", Response::Accepted)], ..event("a") };
    let changes = compared(&known, &Seen { events: vec![without], ..Seen::default() });
    assert_eq!((changes.gone, changes.upserts.len()), (vec![known[0].id], 0));
}

#[test]
fn events_outside_the_window_are_kept_when_they_are_known_only() {
    let far = at_time(event("a"), "2027-03-01 09:00");
    let seen = Seen { events: vec![far], ..Seen::default() };
    assert_eq!(compared(&[], &seen), Changes::default());
    let known = known(&[event("a")]);
    let changes = compared(&known, &seen);
    assert_eq!(changes.gone, []);
    assert_eq!(changes.upserts[0].1.start, at("2027-03-01 09:00"));
}

#[test]
fn what_was_called_off_matters_only_when_it_is_known() {
    let off = Event { state: EventState::Cancelled, ..event("a") };
    let seen = Seen { events: vec![off], ..Seen::default() };
    assert_eq!(compared(&[], &seen), Changes::default());
    let changes = compared(&known(&[event("a")]), &seen);
    assert_eq!(changes.upserts[0].1.state, CopyState::Cancelled);
    assert_eq!(changes.gone, []);
}

#[test]
fn tentative_events_stand() {
    let tentative = Event { state: EventState::Tentative, ..event("a") };
    assert_eq!(known(&[tentative])[0].facts.state, CopyState::Stands);
}

#[test]
fn of_an_event_that_is_left_only_the_reasons_are_kept() {
    let left = Event { title: Some("Interview".into()), conference: Some(meet()), ..event("a") };
    let copies = known(&[left]);
    let facts = &copies[0].facts;
    assert_eq!(facts.decision, Decision::Left);
    assert_eq!((&facts.organizer, &facts.conference), (&None, &None));
    assert!(facts.responses.is_empty() && !facts.reasons.is_empty());
}

#[test]
fn events_in_which_no_pairing_meets_are_not_kept() {
    let seen = Seen {
        events: vec![
            Event { guests: vec![guest("linus@acme.example", Response::Accepted)], ..event("a") },
            private(event("b")),
        ],
        full: true,
        ..Seen::default()
    };
    assert_eq!(compared(&[], &seen), Changes::default());
}

#[test]
fn answers_are_kept_of_the_members_only() {
    let mut event = Event { title: Some("Mentoring".into()), ..event("a") };
    event.guests.push(guest("linus@acme.example", Response::Declined));
    let facts = |event: &Event| known(std::slice::from_ref(event))[0].facts.clone();
    let both = BTreeMap::from([(ADA, Response::Organizer), (GRACE, Response::Accepted)]);
    assert_eq!(facts(&event).responses, both);
    assert_eq!(facts(&event).organizer, Some(ADA));
    // Who calls a meeting means to come, unless they say otherwise.
    event.guests.push(guest("ada@acme.example", Response::NeedsAction));
    assert_eq!(facts(&event).responses, both);
    event.guests.push(guest("ada@acme.example", Response::Declined));
    assert_eq!(facts(&event).responses[&ADA], Response::Declined);
}

#[test]
fn whole_days_begin_at_midnight_of_the_program() {
    let days = Event {
        start: Moment::Day(day("2026-10-05")),
        end: Moment::Day(day("2026-10-06")),
        marker: Some("m".into()),
        ..event("a")
    };
    let copies = known(&[days]);
    let facts = &copies[0].facts;
    assert_eq!((facts.start, facts.end), (at("2026-10-04 22:00"), at("2026-10-05 22:00")));
}

#[test]
fn one_event_may_concern_several_pairings() {
    let mut both = Event { title: Some("Mentoring".into()), ..event("a") };
    both.guests.push(guest("linus@acme.example", Response::Accepted));
    let pairings = [pair(), Pairing { id: PairingId(2), mentees: vec![linus()], ..pair() }];
    let changes = compared_for(&pairings, &[], &Seen { events: vec![both], ..Seen::default() });
    let of: Vec<_> = changes.upserts.iter().map(|(pairing, _)| pairing.0).collect();
    assert_eq!(of, [1, 2]);
    // Grace is taken off it: her pairing's copy is gone, the other's stays.
    let copies: Vec<Copy> = (1..)
        .zip(changes.upserts)
        .map(|(id, (pairing, facts))| Copy { id: CopyId(id), pairing, facts, ..copy(id, ADAS, "") })
        .collect();
    let one = Event { guests: vec![guest("linus@acme.example", Response::Accepted)], ..event("a") };
    let changes = compared_for(&pairings, &copies, &Seen { events: vec![one], ..Seen::default() });
    assert_eq!(changes.gone, [CopyId(1)]);
    assert_eq!(changes.upserts.len(), 1);
}

#[test]
fn what_is_left_out_of_a_listing_is_not_gone_and_stays_left_out_until_it_is_told() {
    let one = Event { series: Some("absurd".to_owned()), ..event("a") };
    let known = known(&[one.clone(), event("b")]);
    let absurd = BTreeSet::from(["absurd".to_owned()]);
    let seen = Seen { withheld: absurd.clone(), full: true, ..Seen::default() };
    assert_eq!(compared(&known, &seen).gone, [CopyId(2)]);

    assert_eq!(seen.still_withheld(&BTreeSet::new()), absurd);
    let still = |seen: Seen| seen.still_withheld(&absurd).len();
    for events in [vec![event("b")], vec![one]] {
        assert_eq!(still(Seen { events, ..Seen::default() }), 1);
    }
    for told in [
        Seen { full: true, ..Seen::default() },
        Seen { series: vec![("absurd".to_owned(), BTreeSet::new())], ..Seen::default() },
        Seen { deleted: absurd.clone(), ..Seen::default() },
    ] {
        assert_eq!(still(told), 0);
    }
}
