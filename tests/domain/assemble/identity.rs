//! Which copies are one session.

use mentord::domain::detect::Decision;
use mentord::domain::judge::Status;
use mentord::domain::pairing::{Pairing, PairingId};

use super::*;

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

/// Whoever plans a meeting anew at the time that it had means the same meeting.
#[test]
fn a_meeting_that_was_deleted_and_made_anew_at_its_time_is_the_session_that_it_was() {
    for first in [0, 1] {
        let mut stored = both();
        let id = stored.only().id.clone();
        let order = [(1, 3, ADAS), (2, 4, GRACES)];
        for (old, new, calendar) in [order[first], order[1 - first]] {
            let mut anew = copy(new, calendar, "w");
            anew.changed_at = at("2026-10-02 08:00");
            stored.copies.push(anew);
            stored.change(old, "2026-10-02 08:00", gone);
            let session = stored.only();
            assert_eq!((&session.id, session.stands, session.moves), (&id, true, 0));
        }
        assert_eq!(stored.says(&Statement::Cancelled), 0);
        assert_eq!(stored.only().responses[&GRACE], Response::Accepted);
    }
}

#[test]
fn a_meeting_that_was_called_off_and_planned_again_later_goes_on() {
    let mut stored = both();
    let id = stored.only().id.clone();
    for copy in [1, 2] {
        stored.change(copy, "2026-10-02 08:00", gone);
    }
    assert!(!stored.only().stands);
    let mut anew = copy(3, ADAS, "w");
    anew.changed_at = at("2026-10-03 08:00");
    stored.found(anew);
    assert_eq!((&stored.only().id, stored.only().stands), (&id, true));
    assert_eq!(stored.says(&Statement::Stands), 1);
}

/// Two at one time on one calendar are two, whatever other calendars show of them.
#[test]
fn of_two_meetings_at_one_time_the_one_that_is_called_off_is_called_off() {
    let mut stored = Stored::of([copy(1, ADAS, "u"), copy(2, ADAS, "v")]);
    assert_eq!(stored.sessions.len(), 2);
    stored.change(1, "2026-10-02 08:00", gone);
    assert_eq!(stored.sessions.iter().filter(|session| session.stands).count(), 1);
    assert_eq!(stored.sessions.len(), 2);
}
