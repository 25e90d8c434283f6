//! Series in which single occurrences lead lives of their own.

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

#[tokio::test(flavor = "multi_thread")]
async fn probe() {
    let programme = Programme::new().await;
    for (organizer, guest, start) in [(CHEN, DARA, "2026-10-06T14:00"), (ADA, BEN, "2026-10-06T14:00")] {
        programme.meeting(organizer, guest, start, Some("FREQ=WEEKLY;COUNT=3")).await;
    }
    programme.until("2026-10-05T08:00").await;
    for s in programme.sessions().await {
        println!("{} {:?} {} {} {:?} {}", s.id, s.pairing, s.start, s.stands, s.verdict.status, s.moves);
    }
    for id in ["m1", "m2"] {
        programme.world.reschedule(id, None, "2026-10-06T15:00", None).await.expect("moved");
    }
    programme.until("2026-10-05T12:00").await;
    for s in programme.sessions().await {
        println!("{} {:?} {} {} {:?} {}", s.id, s.pairing, s.start, s.stands, s.verdict.status, s.moves);
    }
    programme.until("2026-10-30T12:00").await;
    for s in programme.sessions().await {
        println!("{} {:?} {} {} {:?} {}", s.id, s.pairing, s.start, s.stands, s.verdict.status, s.moves);
    }
    panic!();
}
