//! Sessions, put together from what several calendars say.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use mentord::domain::calendar::CalendarId;
use mentord::domain::detect::Decision;
use mentord::domain::event::{Conference, ConferenceService, Response};
use mentord::domain::evidence::Statement;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::people::ParticipantId;
use mentord::domain::session::{Assembly, Copy, CopyId, CopyState, Session, SessionId, assemble};

use crate::build::*;

/// What is stored: copies and the sessions made of them.
#[derive(Clone, Default)]
struct Stored {
    copies: Vec<Copy>,
    sessions: Vec<Session>,
    stated: Vec<(SessionId, Statement)>,
}

impl Stored {
    fn of(copies: impl IntoIterator<Item = Copy>) -> Self {
        let mut stored = Self { copies: copies.into_iter().collect(), ..Self::default() };
        stored.assemble();
        stored
    }

    /// Assembles and stores what came of it.
    fn assemble(&mut self) -> Assembly {
        let now =
            self.copies.iter().map(|copy| copy.changed_at).max().unwrap_or_else(|| at("2026-10-01 08:00"));
        let assembly = assemble(&pair(), &self.copies, &self.sessions, now);
        for session in &assembly.sessions {
            self.sessions.retain(|known| known.id != session.id);
            self.sessions.push(session.clone());
        }
        for (id, session) in &assembly.links {
            let copy = self.copies.iter_mut().find(|copy| copy.id == *id).expect("a copy");
            copy.session = session.clone();
        }
        self.stated.extend(assembly.evidence.iter().map(|(id, news)| (id.clone(), news.statement.clone())));
        assembly
    }

    /// A calendar is read and shows a copy to be different.
    fn change(&mut self, id: i64, when: &str, change: impl FnOnce(&mut Copy)) -> Assembly {
        let copy = self.copies.iter_mut().find(|copy| copy.id == CopyId(id)).expect("a copy");
        change(copy);
        copy.changed_at = at(when);
        self.assemble()
    }

    fn moved(&mut self, id: i64, when: &str, to: &str) {
        self.change(id, when, |copy| {
            copy.facts.start = at(to);
            copy.facts.end = at(to) + minutes(45);
        });
    }

    fn found(&mut self, copy: Copy) -> Assembly {
        self.copies.push(copy);
        self.assemble()
    }

    fn only(&self) -> &Session {
        assert_eq!(self.sessions.len(), 1, "{:#?}", self.sessions);
        &self.sessions[0]
    }

    fn says(&self, wanted: &Statement) -> usize {
        self.stated.iter().filter(|(_, statement)| statement == wanted).count()
    }
}

fn gone(copy: &mut Copy) {
    copy.facts.state = CopyState::Gone;
}

fn off(copy: &mut Copy) {
    copy.facts.state = CopyState::Cancelled;
}

fn occurrence_of(copy: Copy, original: &str) -> Copy {
    let mut copy = copy;
    copy.facts.series = Some("series".into());
    copy.facts.original_start = Some(at(original));
    copy
}

/// On both calendars, under one UID.
fn both() -> Stored {
    Stored::of([copy(1, ADAS, "u"), copy(2, GRACES, "u")])
}

/// On Ada's calendar alone, and Grace called it: nobody can read the organiser's calendar.
fn guests_only() -> Stored {
    let mut copies = [copy(1, ADAS, "u"), copy(2, GRACES, "u")];
    for copy in &mut copies {
        copy.facts.organizer = None;
        copy.facts.responses = [(ADA, Response::Accepted), (GRACE, Response::Accepted)].into();
    }
    Stored::of(copies)
}

#[test]
fn two_copies_of_one_meeting_are_one_session() {
    let stored = both();
    let session = stored.only();
    assert_eq!((session.start, session.end), (at("2026-10-05 09:00"), at("2026-10-05 09:45")));
    assert_eq!((session.moves, session.stands, session.decision), (0, true, Decision::Taken));
    assert_eq!(session.organizer, Some(ADA));
    assert_eq!(session.responses, [(ADA, Response::Organizer), (GRACE, Response::Accepted)].into());
    assert_eq!(session.verdict.status, Status::Scheduled);
    assert!(stored.copies.iter().all(|copy| copy.session.as_ref() == Some(&session.id)));
}

#[test]
fn a_session_has_the_same_name_whoever_finds_it() {
    let ids = |stored: &Stored| stored.only().id.clone();
    let id = ids(&both());
    assert_eq!(ids(&Stored::of([copy(7, GRACES, "u")])), id);
    assert_eq!(ids(&Stored::of([copy(7, ADAS, "u")])), id);
    assert_ne!(ids(&Stored::of([copy(1, ADAS, "v")])), id);
    let other = Pairing { id: PairingId(2), ..pair() };
    let assembly = assemble(&other, &[copy(1, ADAS, "u")], &[], at("2026-10-01 08:00"));
    assert_ne!(assembly.sessions[0].id, id);
}

#[test]
fn different_uids_at_one_time_on_two_calendars_are_one_session() {
    for (first, second) in [("u", "v"), ("v", "u")] {
        let together = Stored::of([copy(1, ADAS, first), copy(2, GRACES, second)]);
        together.only();
        for (ada_first, other) in [(true, GRACES), (false, ADAS)] {
            let mut stored = Stored::of([copy(1, if ada_first { ADAS } else { GRACES }, first)]);
            stored.found(copy(2, other, second));
            stored.only();
            assert!(stored.copies.iter().all(|copy| copy.session.is_some()));
        }
    }
}

#[test]
fn two_meetings_at_one_time_on_one_calendar_are_two_sessions() {
    assert_eq!(Stored::of([copy(1, ADAS, "u"), copy(2, ADAS, "v")]).sessions.len(), 2);
    // So they are when the other calendar has one of them, or both.
    let three = [copy(1, ADAS, "u"), copy(2, GRACES, "u"), copy(3, GRACES, "v")];
    assert_eq!(Stored::of(three).sessions.len(), 2);
    let mut four = Stored::of([copy(1, ADAS, "u"), copy(2, ADAS, "v")]);
    four.found(copy(3, GRACES, "x"));
    four.found(copy(4, GRACES, "y"));
    assert_eq!(four.sessions.len(), 2);
    for session in &four.sessions {
        assert_eq!(four.copies.iter().filter(|copy| copy.session.as_ref() == Some(&session.id)).count(), 2);
    }
}

#[test]
fn a_second_meeting_that_both_calendars_have_is_a_second_session() {
    let copies = [copy(1, GRACES, "u"), copy(2, ADAS, "v"), copy(3, GRACES, "v")];
    assert_eq!(Stored::of(copies.clone()).sessions.len(), 2);
    let mut stored = Stored::of([copies[0].clone()]);
    stored.copies.extend(copies[1..].to_vec());
    stored.assemble();
    assert_eq!(stored.sessions.len(), 2);
}

#[test]
fn meetings_at_different_times_are_different_sessions() {
    let mut later = copy(2, GRACES, "v");
    later.facts.start = at("2026-10-05 09:15");
    assert_eq!(Stored::of([copy(1, ADAS, "u"), later]).sessions.len(), 2);
}

#[test]
fn occurrences_of_a_series_are_sessions_of_their_own() {
    let weekly = |id, calendar, start: &str| {
        let mut copy = occurrence_of(copy(id, calendar, "u"), start);
        copy.facts.start = at(start);
        copy.facts.end = at(start) + minutes(45);
        copy
    };
    let stored = Stored::of([
        weekly(1, ADAS, "2026-10-05 09:00"),
        weekly(2, ADAS, "2026-10-12 09:00"),
        weekly(3, GRACES, "2026-10-12 09:00"),
        weekly(4, GRACES, "2026-10-05 09:00"),
    ]);
    assert_eq!(stored.sessions.len(), 2);
}

#[test]
fn a_moved_session_keeps_its_identity_and_counts_its_moves() {
    let mut stored = Stored::of([copy(1, ADAS, "u")]);
    let id = stored.only().id.clone();
    stored.moved(1, "2026-10-02 08:00", "2026-10-06 09:00");
    stored.moved(1, "2026-10-02 09:00", "2026-10-07 09:00");
    let session = stored.only();
    assert_eq!((&session.id, session.moves, session.start), (&id, 2, at("2026-10-07 09:00")));
    let (from, to) = (at("2026-10-05 09:00"), at("2026-10-06 09:00"));
    assert_eq!(stored.says(&Statement::Moved { from, to }), 1);
}

#[test]
fn a_move_counts_once_whichever_calendar_shows_it_first() {
    for order in [[1, 2], [2, 1]] {
        for mut stored in [both(), guests_only()] {
            stored.moved(order[0], "2026-10-02 08:00", "2026-10-06 09:00");
            stored.moved(order[1], "2026-10-02 09:00", "2026-10-06 09:00");
            let session = stored.only();
            assert_eq!((session.moves, session.start), (1, at("2026-10-06 09:00")), "{order:?}");
        }
    }
}

#[test]
fn a_longer_session_is_not_moved() {
    let mut stored = both();
    stored.change(1, "2026-10-02 08:00", |copy| copy.facts.end = at("2026-10-05 10:30"));
    let session = stored.only();
    assert_eq!((session.moves, session.end), (0, at("2026-10-05 10:30")));
}

#[test]
fn an_occurrence_that_was_moved_before_it_was_seen_was_moved() {
    let stored = Stored::of([occurrence_of(copy(1, ADAS, "u"), "2026-10-04 09:00")]);
    assert_eq!(stored.only().moves, 1);
}

#[test]
fn the_organisers_deletion_calls_the_session_off() {
    for away in [gone, off] {
        let mut stored = both();
        let news = stored.change(1, "2026-10-03 08:00", away);
        assert!(!stored.only().stands);
        assert_eq!(stored.says(&Statement::Cancelled), 1);
        assert_eq!(news.evidence[0].1.at, at("2026-10-03 08:00"));
        // Nobody declined.
        assert_eq!(stored.only().responses[&GRACE], Response::Accepted);
        // The guest's calendar follows, and that is no news.
        stored.change(2, "2026-10-03 08:05", away);
        assert_eq!(stored.says(&Statement::Cancelled), 1);
    }
}

#[test]
fn a_deletion_does_not_move_the_session_back() {
    let mut stored = both();
    stored.moved(1, "2026-10-02 08:00", "2026-10-08 09:00");
    stored.change(1, "2026-10-02 09:00", gone);
    let session = stored.only();
    assert_eq!((session.start, session.moves, session.stands), (at("2026-10-08 09:00"), 1, false));
}

#[test]
fn what_is_called_off_on_a_guests_calendar_is_called_off() {
    let mut stored = guests_only();
    stored.change(2, "2026-10-03 08:00", off);
    assert!(!stored.only().stands);
    // But one calendar that merely lacks it does not say so.
    let mut stored = guests_only();
    stored.change(2, "2026-10-03 08:00", gone);
    assert!(stored.only().stands);
    assert_eq!(stored.only().responses[&GRACE], Response::Declined);
    stored.change(1, "2026-10-03 08:00", gone);
    assert!(!stored.only().stands);
}

#[test]
fn a_guest_who_takes_it_off_the_calendar_declines() {
    let mut stored = both();
    stored.change(2, "2026-10-03 08:00", gone);
    let session = stored.only();
    assert!(session.stands && session.declined(GRACE));
    assert_eq!(stored.says(&Statement::Invitation { person: GRACE, response: Response::Declined }), 1);
}

#[test]
fn tidying_up_the_past_declines_nothing() {
    let mut stored = both();
    stored.change(2, "2026-10-05 12:00", gone);
    assert_eq!(stored.only().responses[&GRACE], Response::Accepted);
}

#[test]
fn a_session_that_was_called_off_may_be_reinstated() {
    let mut stored = both();
    let id = stored.only().id.clone();
    stored.change(1, "2026-10-03 08:00", gone);
    stored.change(1, "2026-10-03 09:00", |copy| copy.facts.state = CopyState::Stands);
    assert!(stored.only().stands);
    assert_eq!(stored.only().id, id);
    assert_eq!(stored.says(&Statement::Stands), 1);
}

#[test]
fn what_was_called_off_before_it_was_ever_seen_is_no_session() {
    for away in [gone, off] {
        let mut copy = copy(1, ADAS, "u");
        away(&mut copy);
        let mut stored = Stored::default();
        let assembly = stored.found(copy);
        assert_eq!((assembly.sessions.len(), assembly.evidence.len()), (0, 0));
        assert_eq!(assembly.links, [(CopyId(1), None)]);
    }
}

#[test]
fn what_is_left_is_no_session_until_it_is_taken() {
    let mut left = copy(1, ADAS, "u");
    left.facts.decision = Decision::Left;
    let mut stored = Stored::of([left]);
    assert!(stored.sessions.is_empty());
    stored.change(1, "2026-10-02 08:00", |copy| copy.facts.decision = Decision::Proposed);
    assert_eq!(stored.only().verdict.status, Status::Proposed);
    stored.change(1, "2026-10-02 09:00", |copy| copy.facts.decision = Decision::Taken);
    assert_eq!(stored.only().decision, Decision::Taken);
}

#[test]
fn one_calendar_that_takes_it_is_enough() {
    let mut left = copy(2, GRACES, "u");
    left.facts.decision = Decision::Left;
    left.facts.organizer = None;
    left.facts.responses.clear();
    let stored = Stored::of([copy(1, ADAS, "u"), left]);
    assert_eq!(stored.only().decision, Decision::Taken);
    assert!(stored.only().stands);
}

#[test]
fn a_copy_that_is_gone_does_not_speak_for_a_meeting_that_became_another() {
    let mut stored = both();
    stored.change(2, "2026-10-02 08:00", gone);
    // Ada's event is an all-hands now.
    stored.change(1, "2026-10-02 09:00", |copy| {
        copy.facts.decision = Decision::Left;
        copy.facts.organizer = None;
        copy.facts.responses.clear();
        copy.facts.start = at("2026-10-09 09:00");
        copy.facts.end = at("2026-10-09 10:00");
    });
    assert_eq!(stored.only().decision, Decision::Left);
}

/// On `calendar`, the single event `old` became a series, of which `new` is the first occurrence.
fn becomes_a_series(stored: &mut Stored, old: i64, new: i64, calendar: CalendarId, uid: &str, when: &str) {
    let mut first = occurrence_of(copy(new, calendar, uid), "2026-10-05 09:00");
    first.facts.event = format!("{uid}-first-on-{calendar}");
    first.changed_at = at(when);
    stored.copies.push(first);
    stored.change(old, when, gone);
}

#[test]
fn a_single_event_that_becomes_a_series_goes_on_as_its_first_occurrence() {
    let mut stored = both();
    let id = stored.only().id.clone();
    for (old, new, calendar) in [(1, 3, ADAS), (2, 4, GRACES)] {
        becomes_a_series(&mut stored, old, new, calendar, "u", "2026-10-02 08:00");
        let session = stored.only();
        assert_eq!((&session.id, session.moves, session.stands), (&id, 0, true));
        assert_eq!(session.responses, [(ADA, Response::Organizer), (GRACE, Response::Accepted)].into());
    }
    assert!(stored.stated.iter().all(|(_, statement)| !matches!(statement, Statement::Cancelled)));
}

#[test]
fn a_single_event_and_what_became_of_it_may_be_seen_at_once() {
    let mut first = occurrence_of(copy(2, ADAS, "u"), "2026-10-05 09:00");
    first.facts.state = CopyState::Cancelled;
    first.facts.event = "u-first".into();
    let mut stored = Stored::of([copy(1, ADAS, "u"), first]);
    stored.only();
    let again = stored.assemble();
    assert_eq!((again.sessions.len(), again.evidence.len()), (0, 0));
    assert!(stored.copies.iter().all(|copy| copy.session.is_some()));
}

#[test]
fn a_single_event_becomes_a_series_also_where_another_calendar_knows_it_by_another_uid() {
    let mut stored = Stored::of([copy(1, ADAS, "u"), copy(2, GRACES, "v")]);
    let id = stored.only().id.clone();
    for (old, new, calendar, uid) in [(2, 4, GRACES, "v"), (1, 3, ADAS, "u")] {
        becomes_a_series(&mut stored, old, new, calendar, uid, "2026-10-02 08:00");
        assert_eq!(stored.only().id, id);
        assert!(stored.only().stands);
        assert_eq!(stored.only().responses[&GRACE], Response::Accepted);
    }
}

#[test]
fn a_series_that_becomes_a_single_event_goes_on_as_that() {
    let mut stored = Stored::of([occurrence_of(copy(1, ADAS, "u"), "2026-10-05 09:00")]);
    let id = stored.only().id.clone();
    let mut single = copy(2, ADAS, "u");
    single.changed_at = at("2026-10-02 08:00");
    stored.copies.push(single);
    stored.change(1, "2026-10-02 08:00", gone);
    assert_eq!((&stored.only().id, stored.only().stands), (&id, true));
}

#[test]
fn a_meeting_that_was_deleted_and_made_anew_is_a_new_session() {
    for first in [0, 1] {
        let mut stored = both();
        let order = [(1, 3, ADAS), (2, 4, GRACES)];
        for (old, new, calendar) in [order[first], order[1 - first]] {
            let mut anew = copy(new, calendar, "w");
            anew.changed_at = at("2026-10-02 08:00");
            stored.copies.push(anew);
            stored.change(old, "2026-10-02 08:00", gone);
        }
        assert_eq!(stored.sessions.iter().filter(|session| session.stands).count(), 1);
        assert_eq!(stored.sessions.len(), 2);
    }
}

#[test]
fn everybodys_own_calendar_knows_their_answer_best() {
    let answers = |on_adas: Response, on_graces: Option<Response>| {
        let (mut adas, mut graces) = (copy(1, ADAS, "u"), copy(2, GRACES, "u"));
        adas.facts.responses.insert(GRACE, on_adas);
        match on_graces {
            Some(response) => graces.facts.responses.insert(GRACE, response),
            None => graces.facts.responses.remove(&GRACE),
        };
        // Ada's calendar changed last.
        adas.changed_at = at("2026-10-02 08:00");
        Stored::of([adas, graces]).only().responses.get(&GRACE).copied()
    };
    assert_eq!(answers(Response::NeedsAction, Some(Response::Accepted)), Some(Response::Accepted));
    assert_eq!(answers(Response::Tentative, Some(Response::Unknown)), Some(Response::Tentative));
    assert_eq!(answers(Response::Tentative, None), Some(Response::Tentative));
    assert_eq!(answers(Response::Unknown, None), None);
}

#[test]
fn every_answer_is_told_once() {
    let mut stored = both();
    stored.change(2, "2026-10-02 08:00", |copy| {
        copy.facts.responses.insert(GRACE, Response::Tentative);
    });
    stored.change(1, "2026-10-02 08:05", |copy| {
        copy.facts.responses.insert(GRACE, Response::Tentative);
    });
    let told = |response| stored.says(&Statement::Invitation { person: GRACE, response });
    assert_eq!((told(Response::Accepted), told(Response::Tentative)), (1, 1));
}

#[test]
fn a_call_whose_records_can_be_read_is_preferred_and_one_that_was_removed_is_none() {
    let other = Conference { service: ConferenceService::Other, key: "https://call.example".into() };
    let (mut adas, mut graces) = (copy(1, ADAS, "u"), copy(2, GRACES, "u"));
    adas.facts.conference = Some(other);
    graces.facts.conference = Some(meet());
    let mut stored = Stored::of([adas, graces]);
    assert_eq!(stored.only().conference, Some(meet()));
    // They will meet in person.
    for id in [1, 2] {
        stored.change(id, "2026-10-02 08:00", |copy| copy.facts.conference = None);
    }
    assert_eq!(stored.only().conference, None);
    // Tidying up after the session does not take the call away from it.
    let mut call = copy(1, ADAS, "u");
    call.facts.conference = Some(meet());
    let mut stored = Stored::of([call]);
    stored.change(1, "2026-10-06 08:00", |copy| copy.facts.conference = None);
    assert_eq!(stored.only().conference, Some(meet()));
}

#[test]
fn assembling_leaves_the_verdict_alone() {
    let mut stored = both();
    stored.sessions[0].verdict = verdict(Status::Held, Grade::Observed);
    stored.change(2, "2026-10-06 08:00", |copy| {
        copy.facts.responses.insert(GRACE, Response::Declined);
    });
    assert_eq!(stored.only().verdict, verdict(Status::Held, Grade::Observed));
}

fn any_copy() -> impl Strategy<Value = Copy> {
    let uids = prop::sample::select(vec![Some("u"), Some("v"), None]);
    let states = prop::sample::select(vec![
        CopyState::Stands,
        CopyState::Stands,
        CopyState::Stands,
        CopyState::Cancelled,
        CopyState::Gone,
    ]);
    let decisions =
        prop::sample::select(vec![Decision::Taken, Decision::Taken, Decision::Proposed, Decision::Left]);
    let answers = prop::sample::select(vec![Response::Accepted, Response::Declined, Response::Unknown]);
    let organizers = prop::sample::select(vec![Some(ADA), Some(GRACE), None]);
    (
        (1..=2i64, uids, states),
        (decisions, answers, organizers),
        (0..3i64, 0..3i64, 0..4i64),
        any::<(bool, bool)>(),
    )
        .prop_map(
            |((calendar, uid, state), (decision, answer, organizer), (start, hour, key), (series, call))| {
                let mut copy = copy(0, CalendarId(calendar), uid.unwrap_or("none"));
                let facts = &mut copy.facts;
                facts.event = format!("{key}-{uid:?}-{series}");
                facts.uid = uid.map(str::to_owned);
                facts.start = at("2026-10-05 09:00") + hours(start);
                facts.end = facts.start + minutes(45);
                facts.original_start = series.then(|| at("2026-10-05 09:00") + hours(key % 2));
                facts.state = state;
                facts.decision = decision;
                facts.organizer = organizer;
                facts.responses.insert(ParticipantId(calendar), answer);
                facts.conference = call.then(meet);
                copy.changed_at = at("2026-10-01 08:00") + hours(hour);
                copy
            },
        )
}

/// Copies as a store holds them: one for each key of a calendar.
fn any_copies() -> impl Strategy<Value = Vec<Copy>> {
    prop::collection::vec(any_copy(), 1..7).prop_map(|mut copies| {
        let mut seen = std::collections::BTreeSet::new();
        copies.retain(|copy| seen.insert((copy.calendar, copy.facts.event.clone())));
        (1..).zip(&mut copies).for_each(|(id, copy)| copy.id = CopyId(id));
        copies
    })
}

fn later() -> DateTime<Utc> {
    at("2026-10-20 08:00")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn assembling_again_changes_nothing(first in any_copies(), more in any_copies()) {
        let mut stored = Stored::of(first);
        for copy in more {
            let key = |other: &Copy| (other.calendar, other.facts.event.clone());
            match stored.copies.iter_mut().find(|known| key(known) == key(&copy)) {
                Some(known) => {
                    (known.facts, known.changed_at) = (copy.facts, copy.changed_at + hours(3));
                }
                None => {
                    let id = CopyId(i64::try_from(stored.copies.len()).expect("few") + 1);
                    stored.copies.push(Copy { id, changed_at: copy.changed_at + hours(3), ..copy });
                }
            }
        }
        stored.assemble();
        let again = assemble(&pair(), &stored.copies, &stored.sessions, later());
        prop_assert_eq!(&again.sessions, &[]);
        prop_assert_eq!(&again.evidence, &[]);
        for (id, session) in &again.links {
            let copy = stored.copies.iter().find(|copy| copy.id == *id).expect("a copy");
            prop_assert_eq!(&copy.session, session);
        }
    }

    #[test]
    fn the_order_of_the_copies_does_not_matter(
        (copies, shuffled) in any_copies()
            .prop_flat_map(|copies| (Just(copies.clone()), Just(copies).prop_shuffle())),
    ) {
        prop_assert_eq!(
            assemble(&pair(), &copies, &[], later()),
            assemble(&pair(), &shuffled, &[], later())
        );
        let mut stored = Stored::of(copies);
        for copy in &mut stored.copies {
            copy.facts.start += hours(24);
            copy.facts.end += hours(24);
        }
        let mut other = stored.clone();
        other.copies.sort_by_key(|copy| shuffled.iter().position(|known| known.id == copy.id));
        prop_assert_eq!(
            assemble(&pair(), &stored.copies, &stored.sessions, later()),
            assemble(&pair(), &other.copies, &other.sessions, later())
        );
    }
}
