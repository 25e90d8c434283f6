//! Series that are moved as a whole: to the vendors one with other occurrences.

use mentord::domain::calendar::CalendarId;
use rstest::rstest;

use super::*;

const WEEKS: [&str; 4] = ["2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26"];

/// One occurrence of the series, as a calendar shows it at a time.
fn occurrence(id: i64, calendar: CalendarId, when: &str, seen: &str) -> Copy {
    let mut copy = occurrence_of(copy(id, calendar, "u"), when);
    copy.facts.event = format!("series-{when}");
    copy.facts.start = at(when);
    copy.facts.end = at(when) + minutes(45);
    copy.changed_at = at(seen);
    copy
}

/// A weekly series at nine on both calendars.
fn weekly() -> Stored {
    let copies = WEEKS.iter().zip(1..).flat_map(|(day, id)| {
        [(ADAS, id), (GRACES, id + 10)]
            .map(|(on, id)| occurrence(id, on, &format!("{day} 09:00"), "2026-10-01 08:00"))
    });
    Stored::of(copies)
}

/// A calendar is read: what it showed before is gone, and these are there.
fn becomes(stored: &mut Stored, calendar: CalendarId, seen: &str, starts: &[&str]) {
    for copy in stored.copies.iter_mut().filter(|copy| copy.calendar == calendar) {
        if copy.facts.state == CopyState::Stands {
            copy.facts.state = CopyState::Gone;
            copy.changed_at = at(seen);
        }
    }
    let next = stored.copies.iter().map(|copy| copy.id.0).max().unwrap_or(0) + 1;
    for (start, id) in starts.iter().zip(next..) {
        stored.copies.push(occurrence(id, calendar, start, seen));
    }
    stored.assemble();
    let again = stored.assemble();
    assert_eq!((again.sessions.len(), again.evidence.len()), (0, 0), "doing it again changes nothing");
}

/// Start, moves and whether it stands, of the sessions in the order in which they were found.
fn all(stored: &Stored, ids: &[SessionId]) -> Vec<(String, u32, bool)> {
    let one = |id: &SessionId| stored.sessions.iter().find(|session| session.id == *id).expect("a session");
    let shown =
        |session: &Session| (session.start.format("%d. %H:%M").to_string(), session.moves, session.stands);
    ids.iter().map(|id| shown(one(id))).collect()
}

fn ids(stored: &Stored) -> Vec<SessionId> {
    let mut sessions: Vec<&Session> = stored.sessions.iter().collect();
    sessions.sort_by_key(|session| session.start);
    sessions.iter().map(|session| session.id.clone()).collect()
}

fn was_called_off(stored: &Stored) -> bool {
    stored.says(&Statement::Cancelled) > 0
}

#[rstest]
#[case::an_hour_later(["05. 10:00", "12. 10:00", "19. 10:00", "26. 10:00"])]
#[case::from_monday_to_friday(["09. 09:00", "16. 09:00", "23. 09:00", "30. 09:00"])]
#[case::to_the_friday_before(["02. 09:00", "09. 09:00", "16. 09:00", "23. 09:00"])]
#[case::to_a_zone_with_other_days_of_change(["05. 14:00", "12. 14:00", "19. 14:00", "26. 15:00"])]
fn the_sessions_move_along(
    #[case] to: [&str; 4],
    #[values([ADAS, GRACES], [GRACES, ADAS])] readings: [CalendarId; 2],
) {
    let mut stored = weekly();
    let before = ids(&stored);
    assert_eq!(before.len(), 4);
    let starts = to.map(|start| format!("2026-10-{}", start.replace('.', "")));
    let starts = starts.each_ref().map(String::as_str);
    for (calendar, seen) in readings.into_iter().zip(["2026-10-01 10:00", "2026-10-01 11:00"]) {
        becomes(&mut stored, calendar, seen, &starts);
        assert_eq!(stored.sessions.len(), 4, "none is there twice");
    }
    assert_eq!(all(&stored, &before), to.map(|start| (start.to_owned(), 1, true)));
    assert!(!was_called_off(&stored));

    // And back again, and a single one after that.
    for (calendar, seen) in readings.into_iter().zip(["2026-10-01 12:00", "2026-10-01 13:00"]) {
        becomes(
            &mut stored,
            calendar,
            seen,
            &WEEKS.map(|day| format!("{day} 09:00")).each_ref().map(|s| &**s),
        );
    }
    assert_eq!(all(&stored, &before)[0], ("05. 09:00".to_owned(), 2, true));
    assert!(!was_called_off(&stored));
}

#[test]
fn it_is_seen_on_a_guest_s_calendar_alone() {
    let mut stored = guests_only();
    stored.copies.clear();
    stored.sessions.clear();
    stored.stated.clear();
    for (day, id) in WEEKS.iter().zip(1..) {
        let mut copy = occurrence(id, ADAS, &format!("{day} 09:00"), "2026-10-01 08:00");
        copy.facts.organizer = None;
        stored.copies.push(copy);
    }
    stored.assemble();
    let before = ids(&stored);
    // Google tells of what is gone as called off.
    for copy in &mut stored.copies {
        off(copy);
        copy.changed_at = at("2026-10-01 10:00");
    }
    for (day, id) in WEEKS.iter().zip(20..) {
        let mut copy = occurrence(id, ADAS, &format!("{day} 11:00"), "2026-10-01 10:00");
        copy.facts.organizer = None;
        stored.copies.push(copy);
    }
    stored.assemble();
    let expected = ["05.", "12.", "19.", "26."].map(|day| (format!("{day} 11:00"), 1, true));
    assert_eq!(all(&stored, &before), expected);
    assert!(!was_called_off(&stored));
}

#[test]
fn one_that_is_called_off_is_not_the_one_that_comes_into_sight() {
    let mut stored = weekly();
    let last = ids(&stored)[3].clone();
    for id in [4, 14] {
        stored.change(id, "2026-10-02 08:00", off);
    }
    // With the window the series goes on, an hour less or more apart where the clocks are set.
    for (id, calendar) in [(30, ADAS), (31, GRACES)] {
        stored.found(occurrence(id, calendar, "2026-11-02 08:00", "2026-10-03 08:00"));
    }
    assert_eq!(stored.sessions.len(), 5);
    assert_eq!(all(&stored, &[last]), [("26. 09:00".to_owned(), 0, false)]);
    assert!(was_called_off(&stored));
}

#[test]
fn what_is_over_stays_where_it_was() {
    let mut stored = weekly();
    let before = ids(&stored);
    // On Wednesday the 14th the series goes to Fridays: two were over, and none of these is to come.
    let starts = ["2026-10-09 09:00", "2026-10-16 09:00", "2026-10-23 09:00", "2026-10-30 09:00"];
    for calendar in [ADAS, GRACES] {
        becomes(&mut stored, calendar, "2026-10-14 12:00", &starts);
    }
    let known = all(&stored, &before);
    assert_eq!(known[0], ("05. 09:00".to_owned(), 0, true), "it was over, and so would be the new one");
    assert_eq!(known[1].0, "12. 09:00", "it was over, and the new one is to come");
    assert_eq!(known[2..], [("23. 09:00".to_owned(), 1, true), ("30. 09:00".to_owned(), 1, true)]);
    let new: Vec<&Session> = stored.sessions.iter().filter(|one| !before.contains(&one.id)).collect();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].start, at("2026-10-16 09:00"));
}

/// What follows the second one goes on as another series, under a UID of its own at one vendor at least.
#[rstest]
#[case::at_the_same_times(["19. 09:00", "26. 09:00"], 0)]
#[case::an_hour_later(["19. 10:00", "26. 10:00"], 1)]
#[case::from_monday_to_thursday(["22. 09:00", "29. 09:00"], 1)]
fn what_follows_goes_on(
    #[case] to: [&str; 2],
    #[case] moves: u32,
    #[values(("w", "w"), ("u", "w"), ("w", "x"))] uids: (&str, &str),
    #[values([ADAS, GRACES], [GRACES, ADAS])] readings: [CalendarId; 2],
) {
    let mut stored = weekly();
    let before = ids(&stored);
    for (calendar, seen) in readings.into_iter().zip(["2026-10-01 10:00", "2026-10-01 11:00"]) {
        for copy in stored.copies.iter_mut().filter(|copy| copy.calendar == calendar) {
            if copy.facts.start >= at("2026-10-19 00:00") {
                copy.facts.state = CopyState::Gone;
                copy.changed_at = at(seen);
            }
        }
        let uid = if calendar == ADAS { uids.0 } else { uids.1 };
        for (start, id) in to.iter().zip(calendar.0 * 100..) {
            let start = format!("2026-10-{}", start.replace('.', ""));
            let mut copy = occurrence(id, calendar, &start, seen);
            copy.facts.event = format!("what-follows-{start}");
            copy.facts.uid = Some(uid.to_owned());
            stored.copies.push(copy);
        }
        stored.assemble();
        let again = stored.assemble();
        assert_eq!((again.sessions.len(), again.evidence.len()), (0, 0), "doing it again changes nothing");
    }
    assert_eq!(stored.sessions.len(), 4, "{:#?}", stored.sessions);
    let expected = to.map(|start| (start.to_owned(), moves, true));
    assert_eq!(all(&stored, &before)[2..], expected);
    assert!(!was_called_off(&stored));
    assert_eq!(stored.says(&Statement::Invitation { person: GRACE, response: Response::Declined }), 0);
}

#[test]
fn another_series_that_is_planned_later_is_another() {
    let mut stored = weekly();
    let before = ids(&stored);
    for calendar in [ADAS, GRACES] {
        becomes(&mut stored, calendar, "2026-10-01 10:00", &[]);
    }
    for (id, calendar) in [(50, ADAS), (51, GRACES)] {
        let mut copy = occurrence(id, calendar, "2026-10-06 15:00", "2026-10-02 10:00");
        copy.facts.uid = Some("w".into());
        stored.found(copy);
    }
    assert_eq!(stored.sessions.len(), 5);
    assert!(all(&stored, &before).iter().all(|(_, moves, stands)| (*moves, *stands) == (0, false)));
}
