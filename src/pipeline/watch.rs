//! Being told instead of asking: lets providers tell of changes to each calendar, for as long as the
//! service can be reached, and takes in what they tell.
//!
//! A notice says that something changed, and makes the calendar due. Nothing rests on its coming:
//! every calendar is read from time to time all the same ([`crate::domain::calendar::pace`]).

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Batch, Context, Outcome, keeping, secrets};
use crate::domain::calendar::{Calendar, CalendarId, CalendarState, pace};
use crate::providers::{Channel, Provider, ProviderError, Wish};
use crate::store::{Lease, OpenedChannel, Queue, StoreError, StoredChannel};

/// How many calendars are arranged for at a time; there is no hurry.
const BATCH: u32 = 8;

/// For how long channels are asked for: Graph refuses more than 10,080 minutes.
const LIFE: TimeDelta = TimeDelta::hours(7 * 24 - 3);

/// How long a channel that was asked for is expected before it counts as never opened.
const EXPECTED: TimeDelta = TimeDelta::minutes(10);

/// How long to leave a calendar alone that cannot be read: a channel to it would not help.
const NOT_READ: TimeDelta = TimeDelta::minutes(30);

/// Arranges for what is due: opens, renews, replaces.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let Some(address) = &context.notices else { return Ok(Outcome::Idle) };
    let due = context.store.claim_watches(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Watch).await?));
    }
    let mut batch = Batch::default();
    let each = due.into_iter().map(|(calendar, lease)| async move {
        keeping(context, std::slice::from_ref(&lease), arrange(context, address, &calendar, &lease)).await
    });
    for result in join_all(each).await {
        batch.note(result);
    }
    batch.end()?;
    Ok(Outcome::Done)
}

async fn arrange(
    context: &Context,
    address: &Url,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let readable = calendar.state == CalendarState::Active && calendar.last_synced_at.is_some();
    let Some(provider) = context.providers.get(&calendar.connection).filter(|_| readable) else {
        let wait = if calendar.state == CalendarState::Active { TimeDelta::minutes(1) } else { NOT_READ };
        let _ = context.store.fail_watch(lease, None, now + wait).await?;
        return Ok(());
    };
    let known = context.store.channels_of(calendar.id).await?;
    match open(context, provider.as_ref(), address, calendar, &known).await? {
        Ok(opened) => {
            let next = renewal(now, opened.expires_at, calendar.id);
            let fresh = opened.fresh;
            let id = opened.id.clone();
            let _ = context.store.finish_watch(lease, &opened, next, now).await?;
            tracing::debug!(calendar.id = calendar.id.0, fresh, "calendar {} is watched", calendar.id);
            // The new one first, then the old: nothing is to happen in between.
            end(context, provider.as_ref(), calendar, known.iter().filter(|old| old.id != id)).await
        }
        Err(error) => {
            let failures = context.store.watch_failures(calendar.id).await?;
            let wait = patience(failures, &error);
            tracing::warn!(
                calendar.id = calendar.id.0,
                "changes of calendar {} are not told of, and it is only read from time to time: {error}",
                calendar.id
            );
            let _ = context.store.fail_watch(lease, Some(&error.to_string()), now + wait).await?;
            Ok(())
        }
    }
}

/// Renews the channel that there is, or opens another.
async fn open(
    context: &Context,
    provider: &dyn Provider,
    address: &Url,
    calendar: &Calendar,
    known: &[StoredChannel],
) -> Result<Result<OpenedChannel, ProviderError>, StoreError> {
    let now = context.clock.now();
    let until = now + LIFE;
    if let Some(channel) = known.iter().find_map(|stored| living(stored, now)) {
        match provider.renew(&calendar.address, &channel, until).await {
            Ok(Some(renewed)) => {
                let Channel { id, resource, expires_at } = renewed;
                let expected = channel.id;
                return Ok(Ok(OpenedChannel { expected, id, resource, expires_at, fresh: false }));
            }
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    let (id, secret) = (secrets::secret(), SecretString::from(secrets::secret()));
    let digest = secrets::digest(secret.expose_secret());
    context.store.expect_channel(&id, calendar.id, &digest, now, now + EXPECTED).await?;
    let wish = Wish { id: id.clone(), address: address.clone(), secret, until };
    Ok(match provider.watch(&calendar.address, &wish).await {
        Ok(Channel { id: given, resource, expires_at }) => {
            Ok(OpenedChannel { expected: id, id: given, resource, expires_at, fresh: true })
        }
        Err(error) => {
            context.store.forget_channel(&id).await?;
            Err(error)
        }
    })
}

/// Ends channels that others have taken the place of. One that cannot be ended ends by itself: its
/// notices are not known any more.
async fn end(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    old: impl Iterator<Item = &StoredChannel>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    for stored in old {
        if let Some(channel) = living(stored, now)
            && let Err(error) = provider.unwatch(&calendar.address, &channel).await
        {
            tracing::debug!(calendar.id = calendar.id.0, "an old channel is left to end by itself: {error}");
        }
        // One that is expected may be in somebody else's hands whose lease was lost.
        if stored.resource.is_some() || stored.expires_at <= now {
            context.store.forget_channel(&stored.id).await?;
        }
    }
    Ok(())
}

/// The channel, if it was opened and has not ended.
fn living(stored: &StoredChannel, now: DateTime<Utc>) -> Option<Channel> {
    let StoredChannel { id, resource, expires_at, .. } = stored.clone();
    resource.filter(|_| expires_at > now).map(|resource| Channel { id, resource, expires_at })
}

/// Well before the end: half of the time is left for trying. Calendars whose channels were opened
/// together come back one after the other.
fn renewal(now: DateTime<Utc>, expires_at: DateTime<Utc>, id: CalendarId) -> DateTime<Utc> {
    let life = (expires_at - now).max(TimeDelta::zero());
    (now + life / 2 - pace::share(life / 8, id)).max(now + TimeDelta::minutes(1))
}

/// How long to wait before it is tried again: what will not change by itself is tried once a day.
fn patience(failures: u32, error: &ProviderError) -> TimeDelta {
    let passing = TimeDelta::minutes(1i64 << failures.min(9)).min(TimeDelta::hours(6));
    match error {
        ProviderError::Throttled { retry_after } => {
            let asked = retry_after.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or_default();
            passing.max(asked.min(TimeDelta::days(1)))
        }
        ProviderError::Temporary(_) | ProviderError::Garbled(_) | ProviderError::CursorRejected => passing,
        ProviderError::NeedsConsent(_) | ProviderError::Unreachable(_) => passing.max(NOT_READ),
        ProviderError::Refused(_) => TimeDelta::days(1),
    }
}
