//! Series in which single occurrences lead lives of their own.

use chrono_tz::Europe::Berlin;
use mentord::domain::alert::{AlertState, Kind};
use mentord::domain::session::Session;

use crate::programme::{ADA, BEN, CHEN, DARA, Programme, berlin};

/// The provider says no more of it than that nothing of the series is where the listing looks.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_occurrence_of_a_far_series_that_came_near_is_called_off() {
    let programme = Programme::new().await;
    for (organizer, guest, start) in
        [(CHEN, DARA, "2027-01-11T14:00"), (ADA, BEN, "2027-01-12T14:00"), (DARA, ADA, "2027-01-13T14:00")]
    {
        let series = programme.meeting(organizer, guest, start, Some("FREQ=WEEKLY")).await;
        let near = start.replace("2027-01", "2026-10");
        programme.world.reschedule(&series, Some(berlin(start)), &near, None).await.expect("moved");
    }
    programme.until("2026-10-06T12:00").await;
    let standing = async || {
        let sessions = programme.sessions().await;
        sessions.into_iter().filter(|session| session.stands).map(|session| session.start).collect::<Vec<_>>()
    };
    let near = ["2026-10-11T14:00", "2026-10-12T14:00", "2026-10-13T14:00"].map(berlin);
    assert_eq!(standing().await, near);

    for (id, start) in [("m1", "2027-01-11T14:00"), ("m2", "2027-01-12T14:00")] {
        programme.world.cancel(id, Some(berlin(start))).await.expect("called off");
    }
    // The third goes back to where it was.
    let third = berlin("2027-01-13T14:00");
    programme.world.reschedule("m3", Some(third), "2027-01-13T15:00", None).await.expect("moved");
    programme.until("2026-10-07T12:00").await;
    let far = standing().await;
    assert_eq!(far, [berlin("2027-01-13T15:00")]);
}

/// To both vendors it is another series then, with other occurrences.
#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_series_that_is_moved_as_a_whole_move_along() {
    let programme = Programme::new().await;
    for (organizer, guest) in [(CHEN, DARA), (ADA, BEN)] {
        programme.meeting(organizer, guest, "2026-10-06T14:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    }
    programme.until("2026-10-14T08:00").await;
    let shown = async || {
        let sessions = programme.sessions().await;
        let one = |session: &Session| {
            let start = session.start.with_timezone(&Berlin).format("%d.%m. %H:%M").to_string();
            (session.id.clone(), start, session.moves, session.stands)
        };
        let mut shown: Vec<_> = sessions.iter().map(one).collect();
        shown.sort();
        shown
    };
    let before = shown().await;
    assert_eq!(before.len(), 8);
    for id in ["m1", "m2"] {
        programme.world.reschedule(id, None, "2026-10-08T15:00", None).await.expect("moved");
    }
    programme.until("2026-10-14T12:00").await;

    // From Tuesdays to Thursdays, an hour later: what was over by then is where it was, the rest was
    // moved once. On Thursday the 15th there is one more, in the place of one that was over.
    let after = shown().await;
    assert_eq!(after.len(), 10, "{after:#?}");
    for (id, start, _, _) in &before {
        let now = after.iter().find(|one| one.0 == *id).expect("the same session");
        let (expected, moves) = match start.as_str() {
            "20.10. 14:00" => ("22.10. 15:00", 1),
            "27.10. 14:00" => ("29.10. 15:00", 1),
            over => (over, 0),
        };
        assert_eq!((now.1.as_str(), now.2), (expected, moves));
    }
    let new = after.iter().filter(|one| before.iter().all(|other| other.0 != one.0));
    assert!(new.clone().all(|one| (one.1.as_str(), one.3) == ("15.10. 15:00", true)), "{after:#?}");
    assert_eq!(new.count(), 2);
    // Nobody is told of a session that was called off, and reminders follow.
    let reminders = programme.listed(Kind::Reminder, AlertState::Planned).await;
    assert!(reminders.iter().any(|line| line.contains("at 21.10. 15:00")), "{reminders:#?}");
    assert!(!reminders.iter().any(|line| line.contains("at 19.10. 14:00")), "{reminders:#?}");
}
