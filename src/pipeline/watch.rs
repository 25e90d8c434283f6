//! Being told instead of asking: lets providers tell of changes to each calendar, for as long as the
//! service can be reached, and takes in what they tell.
//!
//! A notice says that something changed, and makes the calendar due. Nothing rests on its coming:
//! every calendar is read from time to time all the same ([`crate::domain::calendar::pace`]).

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::lane::{Shift, all, side_by_side};
use super::{Context, Outcome, backoff, keeping, secrets};
use crate::domain::calendar::{Calendar, CalendarId, CalendarState, pace};
use crate::providers::{Channel, Provider, ProviderError, Wish};
use crate::store::{Finished, Lease, OpenedChannel, StoreError, StoredChannel};

/// How many calendars of a connection are arranged for at a time; there is no hurry.
const PLACES: usize = 8;

/// For how long channels are asked for: Graph refuses more than 10,080 minutes.
const LIFE: TimeDelta = TimeDelta::hours(7 * 24 - 3);

/// How long a channel that was asked for is expected before it counts as never opened.
const EXPECTED: TimeDelta = TimeDelta::minutes(10);

/// How long to leave a calendar alone that cannot be read: a channel to it would not help.
const NOT_READ: TimeDelta = TimeDelta::minutes(30);

/// How long to wait after a first failure, and how long at the most before it is tried again what may
/// pass, and what will not change by itself.
const FIRST_PATIENCE: TimeDelta = TimeDelta::minutes(1);
const PATIENCE: TimeDelta = TimeDelta::hours(6);
const LONGEST_PATIENCE: TimeDelta = TimeDelta::days(1);

/// Arranges for what is due: opens, renews, replaces, ends.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let shift = Shift::whole();
    all(context.providers.keys().map(|connection| lane(context, connection, &shift))).await
}

/// The same through one connection.
pub async fn lane(context: &Context, connection: &str, shift: &Shift<'_>) -> Result<Outcome, StoreError> {
    let Some(provider) = context.providers.get(connection) else { return Ok(Outcome::Idle) };
    let claim = |limit| context.store.claim_watches(connection, context.clock.now(), limit);
    let work = |(calendar, lease): (Calendar, Lease<CalendarId>)| async move {
        let work = arrange(context, provider.as_ref(), &calendar, &lease);
        keeping(context, std::slice::from_ref(&lease), work).await
    };
    if side_by_side(shift, PLACES, claim, work).await? {
        return Ok(Outcome::Done);
    }
    Ok(Outcome::waiting_for(context.store.next_watch_due(connection).await?))
}

async fn arrange(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let known = context.store.channels_of(calendar.id).await?;
    let Some(address) = context.notices.as_ref().filter(|_| calendar.active) else {
        return give_up(context, provider, calendar, lease, &known).await;
    };
    if calendar.state == CalendarState::NeedsConsent {
        // What its owner takes back includes this. Without tokens there is no way to end it; what is
        // still told is nobody's.
        end(context, provider, calendar, known.iter()).await?;
    }
    if calendar.state != CalendarState::Active || calendar.last_synced_at.is_none() {
        let wait = if calendar.state == CalendarState::Active { TimeDelta::minutes(1) } else { NOT_READ };
        let _ = context.store.fail_watch(lease, None, now + wait).await?;
        return Ok(());
    }
    match open(context, provider, address, calendar, &known).await? {
        Ok(opened) => {
            let next = renewal(now, opened.expires_at, calendar.id);
            if context.store.finish_watch(lease, &opened, next, now).await? == Finished::NotMine {
                return take_back(context, provider, calendar, &opened).await;
            }
            let fresh = opened.fresh;
            tracing::debug!(calendar.id = calendar.id.0, fresh, "calendar {} is watched", calendar.id);
            // The new one first, then the old: nothing is to happen in between.
            end(context, provider, calendar, known.iter().filter(|old| old.id != opened.id)).await
        }
        Err(error) => fail(context, calendar, lease, &error).await,
    }
}

/// The calendar is not to be watched any more: its channels are ended, or end by themselves.
async fn give_up(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
    known: &[StoredChannel],
) -> Result<(), StoreError> {
    let now = context.clock.now();
    for channel in known.iter().filter_map(|stored| living(stored, now)) {
        match provider.unwatch(&calendar.address, &channel).await {
            Err(error) if error.passes() => return fail(context, calendar, lease, &error).await,
            Err(error) => left(calendar, &error),
            Ok(()) => {}
        }
    }
    for stored in known {
        context.store.forget_channel(&stored.id).await?;
    }
    let _ = context.store.finish_unwatch(lease).await?;
    tracing::debug!(calendar.id = calendar.id.0, "calendar {} is not watched any more", calendar.id);
    Ok(())
}

async fn fail(
    context: &Context,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
    error: &ProviderError,
) -> Result<(), StoreError> {
    context.slow_down(&calendar.connection, error).await?;
    let failures = context.store.watch_failures(calendar.id).await?;
    let wait = backoff::spread(patience(failures, error), calendar.id, failures);
    tracing::warn!(
        calendar.id = calendar.id.0,
        "what is told of calendar {} cannot be arranged, and it is only read from time to time: {error}",
        calendar.id
    );
    let _ = context.store.fail_watch(lease, Some(&error.to_string()), context.clock.now() + wait).await?;
    Ok(())
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
    // One that leads elsewhere cannot be led here: neither vendor lets an address be changed for good.
    let here = known.iter().filter(|stored| stored.address.as_deref() == Some(address.as_str()));
    if let Some(channel) = here.filter_map(|stored| living(stored, now)).next() {
        match provider.renew(&calendar.address, &channel, until).await {
            Ok(Some(renewed)) => {
                let Channel { id, resource, expires_at, .. } = renewed;
                let (expected, fresh, heard) = (channel.id, false, false);
                return Ok(Ok(OpenedChannel { expected, id, resource, expires_at, fresh, heard }));
            }
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    let (id, secret) = (secrets::secret(), SecretString::from(secrets::secret()));
    let digest = secrets::digest(secret.expose_secret());
    let until_then = now + EXPECTED;
    context.store.expect_channel(&id, calendar.id, &digest, address.as_str(), now, until_then).await?;
    let wish = Wish { id: id.clone(), address: address.clone(), secret, until };
    Ok(match provider.watch(&calendar.address, &wish).await {
        Ok(Channel { id: given, resource, expires_at, heard }) => {
            Ok(OpenedChannel { expected: id, id: given, resource, expires_at, fresh: true, heard })
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
            left(calendar, &error);
        }
        // One that is expected may be in somebody else's hands whose lease was lost.
        if stored.resource.is_some() || stored.expires_at <= now {
            context.store.forget_channel(&stored.id).await?;
        }
    }
    Ok(())
}

fn left(calendar: &Calendar, error: &ProviderError) {
    tracing::debug!(calendar.id = calendar.id.0, "an old channel is left to end by itself: {error}");
}

/// Somebody else arranges by now: what was just opened would be nobody's.
async fn take_back(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    opened: &OpenedChannel,
) -> Result<(), StoreError> {
    if !opened.fresh {
        return Ok(());
    }
    let OpenedChannel { id, resource, expires_at, .. } = opened.clone();
    let channel = Channel { id, resource, expires_at, heard: false };
    if let Err(error) = provider.unwatch(&calendar.address, &channel).await {
        left(calendar, &error);
    }
    context.store.forget_channel(&opened.expected).await
}

/// The channel, if it was opened and has not ended.
fn living(stored: &StoredChannel, now: DateTime<Utc>) -> Option<Channel> {
    let StoredChannel { id, resource, expires_at, .. } = stored.clone();
    resource.filter(|_| expires_at > now).map(|resource| Channel { id, resource, expires_at, heard: false })
}

/// Well before the end: half of the time is left for trying. Calendars whose channels were opened
/// together come back one after the other.
fn renewal(now: DateTime<Utc>, expires_at: DateTime<Utc>, id: CalendarId) -> DateTime<Utc> {
    let life = (expires_at - now).max(TimeDelta::zero());
    (now + life / 2 - pace::share(life / 8, id)).max(now + TimeDelta::minutes(1))
}

/// How long to wait before it is tried again: what will not change by itself is tried once a day.
fn patience(failures: u32, error: &ProviderError) -> TimeDelta {
    let passing = backoff::doubling(FIRST_PATIENCE, failures, PATIENCE);
    match error {
        ProviderError::Throttled { retry_after, .. } => {
            let asked = retry_after.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or_default();
            passing.max(asked.min(LONGEST_PATIENCE))
        }
        ProviderError::Temporary(_) | ProviderError::Garbled(_) | ProviderError::CursorRejected => passing,
        ProviderError::NeedsConsent(_) | ProviderError::Unreachable(_) => passing.max(NOT_READ),
        ProviderError::Refused(_) => LONGEST_PATIENCE,
    }
}
