//! What all instances together may take.

use std::time::{Duration, Instant};

use mentord::store::{Rate, Take};
use rstest::rstest;

use crate::fresh::*;

/// One in a minute: a test that takes less sees no more than the burst.
const SLOW: Rate = Rate { per_minute: 1, burst: 3 };

async fn takes(store: &Store, n: u32) -> Take {
    store.take("google/project", SLOW, n).await.unwrap()
}

#[track_caller]
fn wait(take: Take) -> Duration {
    match take {
        Take::Wait(wait) => wait,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn a_burst_goes_at_once_and_the_rest_as_it_is_earned(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(takes(&fresh.store, 1).await, Take::Taken);
    }
    // A second for the difference between two clocks.
    let minute = Duration::from_secs(60);
    let one = wait(takes(&fresh.store, 1).await);
    assert!(one <= minute && one + begun.elapsed() + Duration::from_secs(1) > minute, "{one:?}");
    let two = wait(takes(&fresh.store, 2).await);
    assert!(two > minute && two <= minute * 2, "{two:?}");
    // Another budget is another matter.
    assert_eq!(fresh.store.take("google/other", SLOW, 3).await.unwrap(), Take::Taken);

    // A minute later there is one, and no second.
    fresh.raw("UPDATE budget SET taken_until = taken_until - 60000 WHERE name = 'google/project'").await;
    assert_eq!(takes(&fresh.store, 1).await, Take::Taken);
    wait(takes(&fresh.store, 1).await);
}

#[rstest]
#[tokio::test]
async fn no_more_than_the_burst_is_saved_up(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    assert_eq!(takes(&fresh.store, 1).await, Take::Taken);
    fresh.raw("UPDATE budget SET taken_until = 0").await;
    assert_eq!(takes(&fresh.store, 2).await, Take::Taken);
    wait(takes(&fresh.store, 2).await);
    assert_eq!(takes(&fresh.store, 1).await, Take::Taken);
    wait(takes(&fresh.store, 1).await);
}

#[rstest]
#[tokio::test]
async fn a_clock_that_was_set_back_does_not_close_a_budget(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    assert_eq!(takes(&fresh.store, 3).await, Take::Taken);
    fresh.raw("UPDATE budget SET taken_until = taken_until + 3600000").await;
    assert_eq!(takes(&fresh.store, 1).await, Take::Taken);
    assert_eq!(takes(&fresh.store, 2).await, Take::Taken);
    wait(takes(&fresh.store, 1).await);
}

/// What is asked for at once is to be had, though the burst is smaller.
#[rstest]
#[tokio::test]
async fn more_than_the_burst_is_to_be_had_from_a_budget_that_rested(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    assert_eq!(takes(&fresh.store, 5).await, Take::Taken);
    let wait = wait(takes(&fresh.store, 5).await);
    assert!(wait <= Duration::from_secs(5 * 60), "{wait:?}");
    fresh.raw("UPDATE budget SET taken_until = taken_until - 300000").await;
    assert_eq!(takes(&fresh.store, 5).await, Take::Taken);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_who_take_at_once_get_no_more_together(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let rate = Rate { per_minute: 1, burst: 20 };
    let begun = Instant::now();
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        // Each as an instance of its own.
        let store = Store::open(&fresh.place.database()).await.unwrap();
        takers.spawn(async move {
            let mut taken = 0;
            for _ in 0..10 {
                taken += u64::from(store.take("google/project", rate, 1).await.unwrap() == Take::Taken);
            }
            store.close().await;
            taken
        });
    }
    let taken: u64 = takers.join_all().await.into_iter().sum();
    let earned = begun.elapsed().as_secs() / 60 + 1;
    assert!((20..=20 + earned).contains(&taken), "{taken} were taken");
}

/// What a provider says of the whole connection, all instances heed, and for no longer than it said.
#[rstest]
#[tokio::test]
async fn a_budget_that_is_held_gives_nothing_to_anybody(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    let store = &fresh.store;
    let hour = Duration::from_secs(60 * 60);
    assert!(store.hold_budget("google/project", hour, "the quota is used up").await.unwrap());
    let other = Store::open(&fresh.place.database()).await.unwrap();
    let Take::Held(wait, why) = other.take("google/project", SLOW, 1).await.unwrap() else {
        panic!("it is to be had");
    };
    assert!(wait <= hour && wait > hour - Duration::from_secs(60), "{wait:?}");
    assert_eq!(why, "the quota is used up");
    // The others find out, too; one who was told of less does not open it.
    assert!(!other.hold_budget("google/project", hour, "used up").await.unwrap());
    assert!(!other.hold_budget("google/project", Duration::from_secs(1), "slow down").await.unwrap());
    assert!(other.hold_budget("google/project", hour * 2, "for the day").await.unwrap());
    other.close().await;
    let held = store.held_budgets(at(10)).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].budget.as_str(), held[0].reason.as_str()), ("google/project", "for the day"));
    assert!(held[0].until <= at(12) && held[0].until > at(11), "{held:?}");
    assert_eq!(store.take("google/other", SLOW, 1).await.unwrap(), Take::Taken);

    fresh.raw("UPDATE budget SET held_until = held_until - 2 * 3600000").await;
    assert_eq!(takes(store, 1).await, Take::Taken);
    assert_eq!(store.held_budgets(at(10)).await.unwrap(), []);
    // Nobody is asked to wait for longer than a day: the clock was set back.
    fresh.raw("UPDATE budget SET held_until = held_until + 48 * 3600000").await;
    assert_eq!(takes(store, 1).await, Take::Taken);
    assert!(store.hold_budget("google/project", hour * 99, "for ever").await.unwrap());
    assert!(matches!(takes(store, 1).await, Take::Held(wait, _) if wait <= hour * 24));
}
