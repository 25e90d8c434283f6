//! Lanes: each connection has one of its own for every step that asks its provider, so that one that is
//! sick slows no other. Within a lane several things are done side by side, and whatever takes long
//! holds up nothing else.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Batch, Outcome};
use crate::store::StoreError;

/// While some things take long, how often to look whether there are others to begin with. What has
/// taken longer than this is not waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// A shift at a lane, for whoever keeps it: when it is to end, and that it goes on.
#[derive(Clone)]
pub struct Shift<'a> {
    /// Nothing is begun any more once this is cancelled.
    pub stop: CancellationToken,
    /// Told whenever there was a look at what is due.
    pub alive: &'a (dyn Fn() + Send + Sync),
}

impl Shift<'static> {
    /// One that ends when there is nothing left to do.
    pub fn whole() -> Self {
        Self { stop: CancellationToken::new(), alive: &|| {} }
    }
}

/// Does what `claim` gives, `places` at a time, until it gives nothing more; says whether there was
/// anything.
pub(super) async fn side_by_side<T, Claim, Claimed, Work, Done>(
    shift: &Shift<'_>,
    places: usize,
    claim: Claim,
    work: Work,
) -> Result<bool, StoreError>
where
    Claim: Fn(u32) -> Claimed,
    Claimed: Future<Output = Result<Vec<T>, StoreError>>,
    Work: Fn(T) -> Done,
    Done: Future<Output = Result<(), StoreError>>,
{
    let mut under_way = FuturesUnordered::new();
    // When each of them began.
    let mut begun: Vec<Instant> = Vec::with_capacity(places);
    let mut batch = Batch::default();
    let mut any = false;
    loop {
        let free = places - under_way.len();
        let slow = begun.iter().filter(|began| began.elapsed() >= LOOK_AGAIN).count();
        // A quarter of them at once: a claim for each would cost as much as a reading that finds
        // nothing. What hangs does not count.
        let room = free > 0 && free * 4 >= places - slow;
        if !shift.stop.is_cancelled() && (under_way.is_empty() || room) {
            (shift.alive)();
            let claiming = claim(u32::try_from(free).unwrap_or(u32::MAX));
            tokio::pin!(claiming);
            // The work goes on meanwhile: some of it may have the connection that the claim waits for.
            let due = loop {
                tokio::select! {
                    due = &mut claiming => break due,
                    Some(ended) = under_way.next() => note(&mut batch, &mut begun, ended),
                }
            };
            match due {
                Ok(due) => {
                    let began = Instant::now();
                    for thing in due {
                        let work = work(thing);
                        begun.push(began);
                        under_way.push(async move { (began, work.await) });
                    }
                }
                // What was begun is ended first.
                Err(error) if !under_way.is_empty() => batch.note(Err(error)),
                Err(error) => return Err(error),
            }
        }
        if under_way.is_empty() {
            break;
        }
        any = true;
        if let Ok(Some(ended)) = timeout(LOOK_AGAIN, under_way.next()).await {
            note(&mut batch, &mut begun, ended);
        }
    }
    batch.end()?;
    Ok(any)
}

fn note(batch: &mut Batch, begun: &mut Vec<Instant>, (began, result): (Instant, Result<(), StoreError>)) {
    if let Some(at) = begun.iter().position(|other| *other == began) {
        begun.swap_remove(at);
    }
    batch.note(result);
}

/// All lanes at once.
pub(super) async fn all<L>(lanes: impl Iterator<Item = L>) -> Result<Outcome, StoreError>
where
    L: Future<Output = Result<Outcome, StoreError>>,
{
    let mut outcome = Outcome::Idle;
    let mut batch = Batch::default();
    for result in join_all(lanes).await {
        match result {
            Ok(one) => outcome = outcome.sooner(one),
            Err(error) => batch.note(Err(error)),
        }
    }
    batch.end()?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Thirteen of sixteen places hang until all else is done: three are enough for it.
    #[tokio::test]
    async fn what_hangs_holds_up_nothing_else() {
        let (given, quick, gate) = (AtomicU32::new(0), AtomicU32::new(0), CancellationToken::new());
        let claim = |limit: u32| {
            let first = given.fetch_add(limit, Ordering::Relaxed);
            std::future::ready(Ok((first..(first + limit).min(213)).collect()))
        };
        let work = async |number: u32| {
            if number < 13 {
                gate.cancelled().await;
            } else if quick.fetch_add(1, Ordering::Relaxed) == 199 {
                gate.cancel();
            }
            Ok(())
        };
        let shift = Shift::whole();
        let all = side_by_side(&shift, 16, claim, work);
        assert!(timeout(Duration::from_secs(60), all).await.expect("it goes on").unwrap());
        assert_eq!(quick.load(Ordering::Relaxed), 200);
    }

    #[tokio::test]
    async fn nothing_is_begun_after_the_end() {
        let (given, looked, shift) = (AtomicU32::new(0), AtomicU32::new(0), Shift::whole());
        let alive = || {
            looked.fetch_add(1, Ordering::Relaxed);
        };
        let shift = Shift { alive: &alive, ..shift };
        let claim = |limit: u32| {
            given.fetch_add(limit, Ordering::Relaxed);
            std::future::ready(Ok(vec![(); 4]))
        };
        let work = async |()| {
            shift.stop.cancel();
            Ok(())
        };
        assert!(side_by_side(&shift, 4, claim, work).await.unwrap());
        assert_eq!((given.into_inner(), looked.into_inner()), (4, 1));
    }
}
