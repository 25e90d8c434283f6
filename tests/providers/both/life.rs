//! What becomes of meetings and series, as increments tell it.

use std::collections::BTreeSet;

use mentord::providers::Change;
use mentord::sandbox::Response;

use super::*;

/// The life of a single meeting and of a series, as three calendars tell it.
async fn life(quirks: Quirks, people: [&str; 3]) {
    // Decades of occurrences are many pages.
    let page_size = if quirks.google_unbounded { 500 } else { 2 };
    let stage = Stage::new(page_size, quirks).await;
    let control = &stage.control;
    let [organizer, guest, other] = people;
    let mut calendars = people.map(Calendar::new);
    polled(&stage, &mut calendars).await;
    let everyone = |lines: &[&str]| vec![lines.iter().map(ToString::to_string).collect::<Vec<_>>(); 3];
    // What an organiser calls off is gone from their own calendar and from all of Google's; with
    // Microsoft, guests keep it, crossed out.
    let called_off = |starts: &[&str]| -> Vec<Vec<String>> {
        let keeps = |who: &str| who != organizer && who.ends_with("@contoso.example");
        let line = |who: &str, what: &str| match keeps(who) {
            true => format!("{what} > Canceled: {what} x"),
            false => format!("- {what}"),
        };
        people.iter().map(|who| starts.iter().map(|start| line(who, start)).collect()).collect()
    };

    let one = stage.plan(single(people, "2026-10-06T10:00")).await.id;
    assert_eq!(polled(&stage, &mut calendars).await, everyone(&["+ Mentoring 06.10. 10:00"]));
    let series = stage.plan(weekly(people, "2026-10-05T09:00")).await.id;
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&[
            "+ Mentoring 05.10. 09:00",
            "+ Mentoring 12.10. 09:00",
            "+ Mentoring 19.10. 09:00",
            "+ Mentoring 26.10. 09:00",
        ])
    );
    let (twelfth, nineteenth) = (Some(at("2026-10-12T07:00:00Z")), Some(at("2026-10-19T07:00:00Z")));

    control.reschedule(&series, nineteenth, "2026-10-20T14:00", None).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 19.10. 09:00 > Mentoring 20.10. 14:00"])
    );
    for calendar in &calendars {
        let moved = |event: &&Event| event.start == Moment::At(at("2026-10-20T12:00:00Z"));
        let moved = calendar.held.values().find(moved).expect("the moved one");
        assert_eq!(moved.original_start, nineteenth.map(Moment::At));
        assert!(moved.series.is_some());
    }

    control.cancel(&series, twelfth).await.expect("cancelled");
    assert_eq!(polled(&stage, &mut calendars).await, called_off(&["Mentoring 12.10. 09:00"]));

    control.reschedule(&one, None, "2026-10-08T16:30", Some(30)).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 06.10. 10:00 > Mentoring 08.10. 16:30"])
    );
    control.retitle(&one, "Lunch", None).await.expect("retitled");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 08.10. 16:30 > Lunch 08.10. 16:30"])
    );

    control.respond(&one, guest, Response::Declined, None).await.expect("declined");
    polled(&stage, &mut calendars).await;
    for calendar in &calendars[..2] {
        let lunch = calendar.held.values().find(|event| event.title.as_deref() == Some("Lunch"));
        assert_eq!(answer(lunch.expect("lunch"), guest), Answer::Declined, "{}", calendar.who);
    }
    control.respond(&one, other, Response::Accepted, None).await.expect("accepted");
    polled(&stage, &mut calendars).await;
    let lunch = calendars[0].held.values().find(|event| event.title.as_deref() == Some("Lunch"));
    assert_eq!(answer(lunch.expect("lunch"), other), Answer::Accepted);

    control.remove(&one, other, None).await.expect("removed");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[2], ["- Lunch 08.10. 16:30"]);
    let lunch = calendars[0].held.values().find(|event| event.title.as_deref() == Some("Lunch"));
    assert_eq!(answer(lunch.expect("lunch"), other), Answer::Declined);
    control.remove(&series, guest, nineteenth).await.expect("removed");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[1], ["- Mentoring 20.10. 14:00"]);

    // Out of the window and in again: known all along.
    control.reschedule(&one, None, "2026-12-01T10:00", None).await.expect("moved");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[..2], everyone(&["Lunch 08.10. 16:30 > Lunch 01.12. 10:00"])[..2]);
    control.reschedule(&one, None, "2026-10-09T10:00", None).await.expect("moved");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[..2], everyone(&["Lunch 01.12. 10:00 > Lunch 09.10. 10:00"])[..2]);
    let twentysixth = Some(at("2026-10-26T08:00:00Z"));
    control.reschedule(&series, twentysixth, "2026-11-20T09:00", None).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 26.10. 09:00 > Mentoring 20.11. 09:00"])
    );

    control.retitle(&series, "Coaching", None).await.expect("retitled");
    polled(&stage, &mut calendars).await;
    assert!(calendars[0].held.values().any(|event| short(event) == "Coaching 05.10. 09:00"));
    control.cancel(&series, None).await.expect("cancelled");
    polled(&stage, &mut calendars).await;
    for calendar in &calendars {
        let stands = |event: &&Event| event.title.as_deref() == Some("Coaching") && inside(event);
        assert_eq!(calendar.held.values().find(stands), None, "{}", calendar.who);
    }
    control.cancel(&one, None).await.expect("cancelled");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[0], ["- Lunch 09.10. 10:00"]);
}

#[tokio::test]
async fn google_meetings_are_followed_through_their_life() {
    for quirks in quirks() {
        life(quirks, SIDES[0]).await;
    }
}

#[tokio::test]
async fn microsoft_meetings_are_followed_through_their_life() {
    for quirks in quirks() {
        life(quirks, SIDES[1]).await;
    }
}

#[tokio::test]
async fn a_cancelled_occurrence_of_microsoft_is_missing_from_its_series() {
    let stage = Stage::plain().await;
    let id = stage.plan(weekly(SIDES[1], "2026-10-05T10:00")).await.id;
    let listing = stage.list(CLARA, None).await.expect("a listing");
    let twelfth = at("2026-10-12T08:00:00Z");
    stage.control.cancel(&id, Some(twelfth)).await.expect("cancelled");
    let listing = stage.list(CLARA, listing.cursor.as_deref()).await.expect("a listing");
    let [Change::Series { occurrences, .. }] = &listing.changes[..] else {
        panic!("{:#?}", listing.changes);
    };
    let starts: Vec<_> = occurrences.iter().map(short).collect();
    assert_eq!(starts, ["Mentoring 05.10. 10:00", "Mentoring 19.10. 10:00", "Mentoring 26.10. 10:00"]);
}

#[tokio::test]
async fn occurrences_to_which_somebody_is_invited_alone_are_told_apart() {
    let stage = Stage::plain().await;
    let id = stage.plan(weekly([EVE, ANNA, BEN], "2026-10-05T10:00")).await.id;
    let [second, third] = ["2026-10-12T08:00:00Z", "2026-10-19T08:00:00Z"].map(at);
    for original in [second, third] {
        stage.control.invite(&id, CLARA, Some(original)).await.expect("invited");
    }
    stage.control.reschedule(&id, Some(third), "2026-10-21T11:00", None).await.expect("moved");
    let anna = stage.all(ANNA).await;
    let clara: Vec<Event> = stage.all(CLARA).await.into_values().collect();
    let originals: BTreeSet<Option<Moment>> = clara.iter().map(|event| event.original_start).collect();
    assert_eq!(originals.len(), 2, "{clara:#?}");
    assert!(originals.contains(&Some(Moment::At(second))));
    let uid = anna.values().next().expect("an occurrence").uid.clone();
    assert!(uid.is_some() && clara.iter().all(|event| event.uid == uid && event.series.is_none()));
}

#[tokio::test]
async fn a_series_of_thousands_is_left_out_by_itself() {
    for people in SIDES {
        let stage = Stage::new(1000, Quirks::default()).await;
        let absurd = Some("FREQ=MINUTELY;INTERVAL=40".to_owned());
        stage.plan(NewMeeting { rrule: absurd, minutes: 5, ..single(people, "2026-10-02T10:00") }).await;
        stage.plan(weekly(people, "2026-10-05T10:00")).await;
        for who in &people[..2] {
            let listing = stage.list(who, None).await.expect("a listing");
            let withheld = listing.changes.iter().filter_map(|change| match change {
                Change::Withheld { some, .. } => Some(some),
                _ => None,
            });
            let withheld: Vec<_> = withheld.collect();
            assert_eq!(withheld.len(), 1, "{who}");
            // Enough of it to see who is on it.
            assert!((1..=1001).contains(&withheld[0].len()) && !withheld[0][0].guests.is_empty(), "{who}");
            let told = listing.changes.iter().map(|change| match change {
                Change::Event(_) => 1,
                Change::Series { occurrences, .. } => occurrences.len(),
                _ => 0,
            });
            assert_eq!(told.sum::<usize>(), 4, "{who}");
            assert!(listing.cursor.is_some());
        }
    }
}

#[tokio::test]
async fn a_moved_series_leaves_its_old_times() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let id = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let mut calendars = people.map(Calendar::new);
        polled(&stage, &mut calendars).await;
        stage.control.reschedule(&id, None, "2026-10-06T11:00", Some(30)).await.expect("moved");
        polled(&stage, &mut calendars).await;
        for calendar in &calendars {
            let expected = ["06.10. 11:00", "13.10. 11:00", "20.10. 11:00", "27.10. 11:00"];
            let expected = expected.map(|start| format!("Mentoring {start}"));
            assert_eq!(starts(&calendar.held), expected, "{}", calendar.who);
        }
    }
}

#[tokio::test]
async fn a_declined_occurrence_leaves_the_others_open() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let [organizer, guest, _] = people;
        let id = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let mut calendars = [Calendar::new(organizer), Calendar::new(guest)];
        polled(&stage, &mut calendars).await;
        let twelfth = at("2026-10-12T08:00:00Z");
        stage.control.respond(&id, guest, Response::Declined, Some(twelfth)).await.expect("declined");
        polled(&stage, &mut calendars).await;
        for calendar in &calendars {
            assert_eq!(calendar.held.len(), 4);
            for event in calendar.held.values() {
                let declined = answer(event, guest) == Answer::Declined;
                assert_eq!(declined, event.start == Moment::At(twelfth), "{}", calendar.who);
            }
        }
    }
}
