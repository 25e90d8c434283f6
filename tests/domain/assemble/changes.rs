//! What becomes of a session: moved, called off, declined, taken for something else.

use mentord::domain::detect::Decision;
use mentord::domain::event::{Conference, ConferenceService};
use mentord::domain::judge::{Grade, Status};

use super::*;

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

/// It was planned for a time that is over, and moved; who takes it off then is not going to come.
#[test]
fn taking_off_what_was_moved_ahead_declines_it() {
    let mut stored = both();
    stored.moved(1, "2026-10-06 08:00", "2026-10-08 09:00");
    stored.change(2, "2026-10-06 08:00", gone);
    assert!(stored.only().stands && stored.only().declined(GRACE));
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
