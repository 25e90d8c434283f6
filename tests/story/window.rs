//! The window that calendars are read in stands still inside a cursor, and moves on all the same.

use crate::journeys::about;
use crate::programme::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_too_far_ahead_comes_near() {
    let mut programme = Programme::new().await;
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

    // Two weeks and a half later there are still more than seven tenths of the sixty days ahead.
    programme.stop().await;
    programme.skip("2026-10-22T06:00").await;
    programme.start().await;
    programme.until("2026-10-22T18:00").await;
    let asked = programme.asked().await;
    for who in ["ada", "chen"] {
        let about = about(&asked, who);
        assert!(
            about.len() > 10 && about[about.len() - 10..].iter().all(|kind| *kind == "since"),
            "{about:?}"
        );
    }
    assert_eq!(programme.sessions().await.len(), 2);

    // Within the six days after that each calendar is listed anew, once.
    programme.until("2026-10-30T06:00").await;
    let asked = programme.asked().await;
    for who in ["ada", "chen"] {
        let about = about(&asked, who);
        assert_eq!(about.iter().filter(|kind| **kind == "all").count(), 1, "{about:?}");
    }
    let sessions = programme.sessions().await;
    let starts: Vec<_> = sessions.iter().map(|session| session.start).collect();
    assert_eq!(starts[2..], [berlin("2026-12-14T10:00"); 2]);
}
