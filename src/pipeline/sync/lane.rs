//! Whose turn it is: each connection's calendars come one after the other, several at a time.

use chrono::{DateTime, Utc};

use super::super::lane::{Shift, all, side_by_side};
use super::super::{Context, Outcome};
use super::{LONGEST_WAIT, read};
use crate::domain::calendar::pace;
use crate::store::StoreError;

/// By how much the clocks of those who share the work may differ.
const CLOCKS_DIFFER: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// Reads every calendar that is due, those of all connections side by side.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let shift = Shift::whole();
    all(context.providers.keys().map(|connection| lane(context, connection, &shift))).await
}

/// Reads every calendar of a connection that is due.
pub async fn lane(context: &Context, connection: &str, shift: &Shift<'_>) -> Result<Outcome, StoreError> {
    let Some(provider) = context.providers.get(connection) else { return Ok(Outcome::Idle) };
    let claim = |limit| context.store.claim_calendars(connection, context.clock.now(), limit);
    let read = |(calendar, lease)| read(context, provider.as_ref(), calendar, lease);
    if side_by_side(shift, context.sync.concurrency, claim, read).await? {
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
