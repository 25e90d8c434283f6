//! Single events that become series, and the way back.

use mentord::domain::calendar::CalendarId;

use super::*;

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
