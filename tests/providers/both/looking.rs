//! Looking at one event.

use mentord::domain::event::EventState;

use super::*;

#[tokio::test]
async fn looking_at_an_event_tells_what_became_of_it() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let control = &stage.control;
        let one = stage.plan(single(people, "2026-10-06T10:00")).await.id;
        let [organizer, guest, _] = people;
        for who in [organizer, guest] {
            let listed = stage.only(who).await;
            assert_eq!(stage.look(who, &listed.key).await, Some(listed), "{who}");
        }
        let keys = [stage.only(organizer).await.key, stage.only(guest).await.key];
        control.reschedule(&one, None, "2026-12-01T10:00", None).await.expect("moved");
        for (who, key) in [organizer, guest].iter().zip(&keys) {
            let moved = stage.look(who, key).await.expect("an event");
            assert_eq!((&moved.key, short(&moved)), (key, "Mentoring 01.12. 10:00".to_owned()));
        }
        control.remove(&one, guest, None).await.expect("removed");
        assert_eq!(stage.look(guest, &keys[1]).await, None);
        assert!(stage.look(organizer, &keys[0]).await.is_some());
        control.cancel(&one, None).await.expect("cancelled");
        assert_eq!(stage.look(organizer, &keys[0]).await, None);
        assert_eq!(stage.look(organizer, "neverheardof").await, None);
    }
}

#[tokio::test]
async fn looking_at_a_series_and_its_occurrences() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let control = &stage.control;
        let series = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let organizer = people[0];
        let all = stage.all(organizer).await;
        for (key, event) in &all {
            assert_eq!(stage.look(organizer, key).await.as_ref(), Some(event));
        }
        let on = |day: &str| {
            let start = Moment::At(at(&format!("2026-10-{day}T08:00:00Z")));
            all.values().find(|event| event.start == start).expect("an occurrence")
        };
        let guests = stage.all(people[1]).await.pop_first().expect("an occurrence").1;
        let key = on("05").series.clone().expect("a series");
        let found = stage.look(organizer, &key).await.expect("the series");
        // Whatever it looks like, it cannot be taken for an occurrence.
        assert!(!all.contains_key(&found.key));
        assert_eq!(found.series.as_ref(), Some(&key), "{organizer}");

        let original = |day: &str| Some(at(&format!("2026-10-{day}T08:00:00Z")));
        control.reschedule(&series, original("19"), "2026-12-01T10:00", None).await.expect("moved");
        control.cancel(&series, original("12")).await.expect("cancelled");
        let moved = stage.look(organizer, &on("19").key).await.expect("an occurrence");
        assert_eq!(short(&moved), "Mentoring 01.12. 10:00");
        assert_eq!(moved.original_start, original("19").map(Moment::At));
        assert_eq!(stage.look(organizer, &on("12").key).await, None);
        control.cancel(&series, None).await.expect("cancelled");
        assert_eq!(stage.look(organizer, &key).await, None);
        assert_eq!(stage.look(organizer, &on("05").key).await, None);
        // Microsoft's guests keep what was called off, crossed out.
        let left = stage.look(people[1], &guests.key).await.map(|event| event.state);
        let expected = (people[1] == DAN).then_some(EventState::Cancelled);
        assert_eq!(left, expected);
    }
}
