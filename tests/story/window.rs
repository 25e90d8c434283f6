//! The window that calendars are read in stands still inside a cursor, and moves on all the same.

use mentord::domain::judge::Status;
use mentord::sandbox::Quirks;

use crate::journeys::about;
use crate::programme::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_too_far_ahead_comes_near() {
    let programme = Programme::new().await;
    let mut far = Vec::new();
    for pair in [[ADA, BEN], [CHEN, DARA]] {
        let [organizer, guest] = pair;
        programme.meeting(organizer, guest, "2026-10-06T10:00", None).await;
        far.push(programme.meeting(organizer, guest, "2026-12-14T10:00", None).await);
    }
    programme.until("2026-10-05T08:10").await;
    // Google tells of changes to it, and what is told does not lie in the window.
    for meeting in &far {
        programme.world.retitle(meeting, "Mentoring again", None).await.expect("retitled");
    }
    programme.until("2026-10-05T10:10").await;
    assert_eq!(programme.sessions().await.len(), 2);

    // It is listed in full after the session, and about once a day.
    programme.until("2026-10-07T06:00").await;
    programme.asked().await;
    programme.until("2026-10-14T06:00").await;
    let asked = programme.asked().await;
    for who in ["ada", "chen"] {
        let about = about(&asked, who);
        let in_full = about.iter().filter(|kind| **kind == "all").count();
        assert!((7..=14).contains(&in_full), "{about:?}");
        assert!(about.iter().filter(|kind| **kind == "since").count() > in_full * 10, "{about:?}");
    }
    assert_eq!(programme.sessions().await.len(), 2);

    // Sixty days ahead of which it comes into sight.
    programme.until("2026-10-16T12:00").await;
    let sessions = programme.sessions().await;
    let starts: Vec<_> = sessions.iter().map(|session| session.start).collect();
    assert_eq!(starts[2..], [berlin("2026-12-14T10:00"); 2]);
}

/// Nobody tells of what happened before a cursor was lost: what the full listing lacks may be far ahead.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_out_of_sight_is_moved_and_not_called_off() {
    let programme = Programme::new().await;
    let mut moved = Vec::new();
    for pair in [[ADA, BEN], [CHEN, DARA]] {
        moved.push(programme.meeting(pair[0], pair[1], "2026-10-20T10:00", None).await);
        let series = Some("FREQ=WEEKLY;COUNT=3");
        moved.push(programme.meeting(pair[0], pair[1], "2026-10-21T10:00", series).await);
    }
    programme.until("2026-10-05T08:10").await;
    let before = programme.sessions().await;
    assert_eq!(before.len(), 8);

    programme.world.expire_cursors(None).await.expect("cursors");
    for (number, meeting) in moved.iter().enumerate() {
        // Of the series the second occurrence alone.
        let original = (number % 2 == 1).then(|| berlin("2026-10-28T10:00"));
        programme.world.reschedule(meeting, original, "2027-01-12T15:00", None).await.expect("moved");
    }
    programme.until("2026-10-05T10:10").await;
    let after = programme.sessions().await;
    assert_eq!(after.len(), 8);
    let far = after.iter().filter(|session| session.start == berlin("2027-01-12T15:00"));
    assert_eq!(far.filter(|session| (session.moves, session.stands) == (1, true)).count(), 4, "{after:#?}");
    assert!(after.iter().all(|session| session.stands && before.iter().any(|one| one.id == session.id)));

    // One that was called off meanwhile is.
    programme.world.expire_cursors(None).await.expect("cursors");
    for meeting in [&moved[1], &moved[3]] {
        programme.world.cancel(meeting, Some(berlin("2026-10-21T10:00"))).await.expect("called off");
    }
    programme.until("2026-10-05T12:10").await;
    let off: Vec<_> = programme.sessions().await.into_iter().filter(|session| !session.stands).collect();
    assert_eq!(off.iter().map(|session| session.start).collect::<Vec<_>>(), [berlin("2026-10-21T10:00"); 2]);
}

/// Microsoft forgets to tell of some changes. A session that was called off is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_forgot_to_tell_is_known_before_it_counts() {
    let programme = Programme::new().await;
    let mut meetings = Vec::new();
    for hour in 12..18 {
        meetings.push(programme.meeting(CHEN, DARA, &format!("2026-10-06T{hour}:00"), None).await);
    }
    // Both calendars are listed in full, which is enough for the day.
    programme.until("2026-10-06T07:30").await;
    programme.world.expire_cursors(None).await.expect("cursors");
    programme.until("2026-10-06T08:40").await;
    let forgets = Quirks { graph_forgets: true, ..Quirks::default() };
    programme.world.quirks(forgets).await.expect("habits");
    for meeting in &meetings {
        programme.world.cancel(meeting, None).await.expect("called off");
    }
    programme.until("2026-10-06T09:50").await;
    let stand = programme.sessions().await.iter().filter(|session| session.stands).count();
    assert!((1..6).contains(&stand), "{stand} of six were not told of");
    // One of them comes near, and the calendars are listed in full.
    programme.until("2026-10-06T13:20").await;
    let verdicts = programme.verdicts("2026-10-07T00:00").await;
    assert_eq!(verdicts.len(), 6);
    let off = |status: &Status| matches!(status, Status::Cancelled | Status::LateCancelled);
    assert!(verdicts.iter().all(|(_, status, _)| off(status)), "{verdicts:#?}");
    assert!(programme.sessions().await.iter().all(|session| !session.stands));
}
