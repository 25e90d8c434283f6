//! Whose turn it is: each connection's calendars come one after the other, several at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::{Batch, Context, Outcome};
use super::{LONGEST_WAIT, read};
use crate::domain::calendar::pace;
use crate::store::StoreError;

/// While some readings take long, how often to look whether there are others to begin with.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// For how long a lane goes on to take calendars before it comes back, however many are due.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// By how much the clocks of those who share the work may differ.
const CLOCKS_DIFFER: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// Reads every calendar that is due, those of all connections side by side.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let never = CancellationToken::new();
    let lanes = context.providers.keys().map(|connection| lane(context, connection, &never));
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

/// Reads every calendar of a connection that is due, until `stop`. Whoever takes long holds up no
/// other: as soon as there is room, the next ones are taken.
pub async fn lane(
    context: &Context,
    connection: &str,
    stop: &CancellationToken,
) -> Result<Outcome, StoreError> {
    let Some(provider) = context.providers.get(connection) else { return Ok(Outcome::Idle) };
    let places = context.sync.concurrency;
    let began = Instant::now();
    let mut readings = FuturesUnordered::new();
    let mut batch = Batch::default();
    let mut read_any = false;
    loop {
        let free = places - readings.len();
        let goes_on = !stop.is_cancelled() && began.elapsed() < LONGEST;
        // A quarter of them at once: a claim for each would cost as much as a reading that finds nothing.
        if goes_on && (readings.is_empty() || free * 4 >= places) {
            let limit = u32::try_from(free).unwrap_or(u32::MAX);
            let claim = context.store.claim_calendars(connection, context.clock.now(), limit);
            tokio::pin!(claim);
            // The readings go on meanwhile: one of them may have the connection that the claim waits for.
            let due = loop {
                tokio::select! {
                    due = &mut claim => break due,
                    Some(result) = readings.next() => batch.note(result),
                }
            };
            match due {
                Ok(due) => {
                    let read = |(calendar, lease)| read(context, provider.as_ref(), calendar, lease);
                    readings.extend(due.into_iter().map(read));
                }
                // What was begun is ended first.
                Err(error) if !readings.is_empty() => batch.note(Err(error)),
                Err(error) => return Err(error),
            }
        }
        if readings.is_empty() {
            break;
        }
        read_any = true;
        if let Ok(Some(result)) = timeout(LOOK_AGAIN, readings.next()).await {
            batch.note(result);
        }
    }
    batch.end()?;
    if read_any {
        return Ok(Outcome::Done);
    }
    rest(context, connection).await
}

/// Nothing is due. That may be the fault of a clock that was ahead only while the service was down,
/// or that nobody saw being set; or `interval` was made shorter.
async fn rest(context: &Context, connection: &str) -> Result<Outcome, StoreError> {
    let next = context.store.next_calendar_due(connection).await?;
    let now: DateTime<Utc> = context.clock.now();
    let longest = pace::longest(context.sync.interval);
    let far_off = next.is_some_and(|next| next > now + LONGEST_WAIT.max(longest) * 2);
    if far_off || context.store.is_put_off(now + longest + CLOCKS_DIFFER).await? {
        tracing::warn!(
            "calendars are put off for longer than `interval` allows, as by a clock that was ahead; everything is looked at now"
        );
        context.store.look_at_everything(now).await?;
        return Ok(Outcome::Done);
    }
    Ok(Outcome::waiting_for(next))
}
