//! The service dies between two pages of a listing: nothing is lost, nothing is there twice.

use std::sync::Arc;

use mentord::clock::Clock as _;
use mentord::daemon::service::prepare;
use mentord::pipeline::{Context, sync};
use rstest::rstest;

use crate::journeys::about;
use crate::programme::*;

impl Programme {
    /// A service that has done nothing yet.
    async fn fresh(&self) -> Context {
        prepare(self.config(), Arc::new(self.clock.clone())).await.expect("everything is there")
    }
}

/// Reads what is due, and dies as soon as the third page of a listing is asked for.
async fn dies_at_the_third_page(programme: &Programme, context: &Context, who: &str) {
    let script = format!("after 2 requests to \"{who}\" answer slow 60s once");
    programme.world.script(&script).await.expect("a right script");
    let third = async {
        // There are tokens, and the other calendars.
        for count in 3.. {
            let requests = programme.world.wait_for_requests(count).await.expect("requests");
            if requests.iter().filter(|line| line.contains(who)).count() == 3 {
                return;
            }
        }
    };
    tokio::select! {
        read = sync::step(context) => panic!("it was read to the end: {read:?}"),
        () = third => {}
    }
    programme.world.clear_faults().await.expect("no more faults");
    // What the next one does first.
    let hold = context.store.hold().expect("nobody else has it");
    context.store.free_what_was_in_hand(&hold).await.expect("it is free");
}

async fn cursor(context: &Context, who: &str) -> Option<String> {
    let calendars = context.store.calendars().await.expect("calendars");
    let own = calendars.into_iter().find(|calendar| calendar.address.as_str() == who);
    own.expect("a calendar").cursor.map(|(cursor, _)| cursor)
}

async fn copies(context: &Context, who: &str) -> Vec<String> {
    let calendars = context.store.calendars().await.expect("calendars");
    let own = calendars.iter().find(|calendar| calendar.address.as_str() == who).expect("a calendar");
    let copies = context.store.copies_on(own.id).await.expect("copies");
    copies.iter().map(|copy| copy.facts.start.to_rfc3339()).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_dies_between_two_pages_is_begun_anew(
    #[values((ADA, BEN, "ada"), (CHEN, DARA, "chen"))] (who, guest, name): (&str, &str, &str),
) {
    let programme = Programme::asleep().await;
    let mut meetings = Vec::new();
    for day in 12..19 {
        let start = format!("2026-10-{day}T10:00");
        meetings.push(programme.meeting(who, guest, &start, None).await);
    }
    // Three pages of three, three and one; nobody else reads before the owner did.
    let context = programme.fresh().await;
    dies_at_the_third_page(&programme, &context, who).await;
    assert_eq!((cursor(&context, who).await, copies(&context, who).await), (None, vec![]));
    programme.asked().await;

    // The next one begins at the first page.
    let context = programme.fresh().await;
    sync::step(&context).await.expect("read");
    assert_eq!(about(&programme.asked().await, name), ["all", "page", "page"]);
    let first = cursor(&context, who).await;
    assert!(first.is_some());
    assert_eq!(copies(&context, who).await.len(), 7);

    // The same of what has changed since: it begins where the last whole reading ended.
    let old = copies(&context, who).await;
    for (meeting, day) in meetings.iter().zip(12..) {
        programme
            .world
            .reschedule(meeting, None, &format!("2026-10-{day}T15:00"), None)
            .await
            .expect("moved");
    }
    let now = programme.clock.now();
    context.store.sync_all_now(now).await.expect("all are due");
    dies_at_the_third_page(&programme, &context, who).await;
    assert_eq!((cursor(&context, who).await, copies(&context, who).await), (first.clone(), old));
    programme.asked().await;

    let context = programme.fresh().await;
    context.store.sync_all_now(now).await.expect("all are due");
    sync::step(&context).await.expect("read");
    assert_eq!(about(&programme.asked().await, name), ["since", "page", "page"]);
    assert_ne!(cursor(&context, who).await, first);
    let expected = (12..19).map(|day| format!("2026-10-{day}T13:00:00+00:00")).collect::<Vec<_>>();
    assert_eq!(copies(&context, who).await, expected);
}
