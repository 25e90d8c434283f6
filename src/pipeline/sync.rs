//! Calendars in: reads what changed on each calendar that is due and keeps what concerns a pairing.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Happening, backoff, keeping};
use crate::domain::calendar::pace::{self, Situation};
use crate::domain::calendar::{Calendar, CalendarId, CalendarState, STALE_AFTER};
use crate::domain::copies::{Changes, compare};
use crate::domain::detect::{Decision, SeriesMemory};
use crate::domain::event::Window;
use crate::domain::pairing::{Pairing, PairingId};
use crate::domain::program::Program;
use crate::providers::{Change, Listing, MOST_OCCURRENCES, Provider, ProviderError};
use crate::store::{Finished, Lease, StoreError, SyncUpdate};

mod lane;
mod sort;

pub use lane::{lane, step};
use sort::Known;

/// No calendar is left alone for longer than about this, whatever its provider asks for.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);

/// How long after a notice a calendar is read: changes come in bursts, and one reading is to see all
/// of one.
pub const SETTLES: TimeDelta = TimeDelta::seconds(3);

/// The longest that one calendar may take, however many pages it has.
const LONGEST_READ: Duration = Duration::from_secs(10 * 60);

fn too_long() -> ProviderError {
    ProviderError::Temporary(format!(
        "it took longer than {} minutes to read it",
        LONGEST_READ.as_secs() / 60
    ))
}

async fn read(
    context: &Context,
    provider: &dyn Provider,
    calendar: Calendar,
    lease: Lease<CalendarId>,
) -> Result<(), StoreError> {
    let work = async {
        let in_full = is_to_be_listed(context, &calendar).await?;
        let fetched = tokio::time::timeout(LONGEST_READ, fetch(context, provider, &calendar, in_full));
        match fetched.await.unwrap_or_else(|_| Err(too_long())) {
            Ok(fetched) => keep(context, provider, &calendar, &lease, fetched).await,
            Err(error) => fail(context, &calendar, &lease, &error).await,
        }
    };
    keeping(context, std::slice::from_ref(&lease), work).await
}

struct Fetched {
    listing: Listing,
    window: Window,
    /// The listing holds everything inside the window; what it lacks is gone, if it ended as it should.
    full: bool,
}

/// How often in a row a calendar is not read before a listing is believed to be whole that ends
/// without a cursor. Whatever broke off by chance is whole by then, and a provider that gives none
/// must not keep the calendar from being read.
const BELIEVED_AFTER: u32 = 3;

/// How long before a session its calendars are listed in full: people are reminded of it then.
const NEAR: TimeDelta = TimeDelta::hours(2);

/// Whether a calendar is to be listed in full, whatever its cursor is good for: after a while, and as a
/// session on it comes near, begins and ends. What becomes of one must not rest on a change that the
/// provider forgot to tell of.
async fn is_to_be_listed(context: &Context, calendar: &Calendar) -> Result<bool, StoreError> {
    let (now, future) = (context.clock.now(), context.sync.future);
    let Some((_, window)) = calendar.cursor else { return Ok(true) };
    let listed_at = window.to - future;
    if !pace::serves(listed_at, future, calendar.id, now) {
        return Ok(true);
    }
    context.store.turns_between(calendar.owner, listed_at, now, NEAR).await
}

/// Lists what changed, or everything when there is no usable cursor.
async fn fetch(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    in_full: bool,
) -> Result<Fetched, ProviderError> {
    let now = context.clock.now();
    if let Some((cursor, window)) = calendar.cursor.as_ref().filter(|_| !in_full) {
        let why = match provider.list(&calendar.address, *window, Some(cursor)).await {
            Ok(listing) if listing.cursor.is_none() => "what changed in it broke off",
            Ok(listing) if speaks_of(&listing.changes, &calendar.withheld) => {
                "a series that was left out of it has changed"
            }
            Ok(listing) => return Ok(Fetched { listing, window: *window, full: false }),
            Err(ProviderError::CursorRejected) => "its cursor was lost",
            Err(error) => return Err(error),
        };
        tracing::info!(calendar.id = calendar.id.0, "calendar {} is listed anew: {why}", calendar.id);
    }
    let window = Window { from: now - context.sync.past, to: now + context.sync.future };
    let listing = provider.list(&calendar.address, window, None).await?;
    if listing.cursor.is_none() && !calendar.open_ended && calendar.failures < BELIEVED_AFTER {
        let text = "the listing broke off: its last page does not say where to go on";
        return Err(ProviderError::Temporary(text.into()));
    }
    Ok(Fetched { listing, window, full: true })
}

/// Whether single occurrences of such series are among what changed: how many there are by now, only a
/// full listing shows.
fn speaks_of(changes: &[Change], withheld: &BTreeSet<String>) -> bool {
    let told = |change: &Change| match change {
        Change::Event(event) => event.series.as_ref().is_some_and(|series| withheld.contains(series)),
        _ => false,
    };
    changes.iter().any(told)
}

async fn keep(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
    mut fetched: Fetched,
) -> Result<(), StoreError> {
    let listed = !fetched.listing.changes.is_empty();
    let (changes, withheld) = if !listed && !fetched.full {
        (Changes::default(), calendar.withheld.clone())
    } else {
        match understand(context, provider, calendar, &mut fetched).await? {
            Ok(understood) => understood,
            Err(error) => return fail(context, calendar, lease, &error).await,
        }
    };
    if !withheld.is_subset(&calendar.withheld) {
        tracing::warn!(
            calendar.id = calendar.id.0,
            withheld = withheld.len(),
            "calendar {} has series with more than {MOST_OCCURRENCES} occurrences in its window, which are left out",
            calendar.id
        );
    }
    let now = context.clock.now();
    // It may be believed too soon that a listing without an end is whole.
    let newly_open = fetched.listing.cursor.is_none() && !calendar.open_ended;
    let changed = newly_open || !changes.upserts.is_empty() || !changes.gone.is_empty();
    let update = SyncUpdate {
        upserts: changes.upserts,
        gone: changes.gone,
        withheld,
        cursor: fetched.listing.cursor,
        window: fetched.window,
        next_sync_at: next_reading(context, calendar, listed && !fetched.full, changed, now).await?,
        told: calendar.told,
        again_at: now + SETTLES,
        was_stale: calendar.last_synced_at.is_none_or(|read_at| now - read_at > STALE_AFTER),
    };
    match context.store.finish_sync(lease, update, now).await? {
        Finished::Done(counts) => {
            tracing::debug!(
                calendar.id = calendar.id.0,
                added = counts.added,
                changed = counts.changed,
                gone = counts.gone,
                "read calendar {}",
                calendar.id
            );
            context.tell(Happening::CalendarRead {
                calendar: calendar.id,
                added: counts.added,
                changed: counts.changed,
                gone: counts.gone,
            });
        }
        Finished::NotMine => {
            tracing::warn!(calendar.id = calendar.id.0, "calendar {} was taken over meanwhile", calendar.id);
        }
    }
    Ok(())
}

/// When the calendar is read again, after a reading that brought changes of a pairing or not.
/// `listed` says whether an increment held anything at all: of that the provider was to tell.
async fn next_reading(
    context: &Context,
    calendar: &Calendar,
    listed: bool,
    changed: bool,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let patience = context.sync.interval;
    let moments =
        context.store.moments(calendar.owner, pace::past(now), now + pace::horizon(patience)).await?;
    let mut watched = context.notices.is_some() && context.store.is_watched(calendar.id, now).await?;
    if watched && listed && calendar.told == calendar.told_before {
        // It kept quiet. Who says that it will speak the next time?
        context.store.doubt_channels(calendar.id).await?;
        watched = false;
    }
    let situation = Situation { patience, changed, watched, moments };
    Ok(pace::next_reading(&situation, now, calendar.id))
}

/// What a listing means for the pairings of the calendar's owner, and which series are left out of it
/// from now on. Other people's pairings are none of this calendar's business, even where they are on its
/// events.
async fn understand(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    fetched: &mut Fetched,
) -> Result<Result<(Changes, BTreeSet<String>), ProviderError>, StoreError> {
    let pairings = context.store.pairings_of(calendar.owner).await?;
    let of = |program: &Program| pairings.iter().filter(|own| own.program == program.name).cloned().collect();
    let programs: Vec<(&Program, Vec<Pairing>)> =
        context.programs.iter().map(|program| (program, of(program))).collect();
    let programs: Vec<(&Program, &[Pairing])> =
        programs.iter().map(|(program, pairings)| (*program, pairings.as_slice())).collect();
    let copies = context.store.copies_on(calendar.id).await?;
    let ids: Vec<PairingId> = pairings.iter().map(|pairing| pairing.id).collect();
    let taken = context.store.series_taken(&ids).await?;
    let memory: SeriesMemory = taken.into_iter().map(|series| (series, Decision::Taken)).collect();
    let known = Known { copies: &copies, programs: &programs, memory: &memory };
    let seen = match sort::sort_out(context, provider, calendar, &known, fetched).await {
        Ok(seen) => seen,
        Err(error) => return Ok(Err(error)),
    };
    if !seen.unread.is_empty() {
        tracing::warn!(
            calendar.id = calendar.id.0,
            unread = seen.unread.len(),
            "calendar {} has {} events or series that cannot be read, or are drafts: nothing is concluded about them",
            calendar.id,
            seen.unread.len()
        );
    }
    let withheld = seen.still_withheld(&calendar.withheld);
    Ok(Ok((compare(&copies, &seen, fetched.window, &programs, &memory), withheld)))
}

/// How long to leave a calendar alone after its first failure; it doubles up to the longest.
const FIRST_BACKOFF: TimeDelta = TimeDelta::seconds(30);
const LONGEST_BACKOFF: TimeDelta = TimeDelta::hours(6);

/// The one place that says what a provider's error means for a calendar.
async fn fail(
    context: &Context,
    calendar: &Calendar,
    lease: &Lease<CalendarId>,
    error: &ProviderError,
) -> Result<(), StoreError> {
    context.slow_down(&calendar.connection, error).await?;
    let wait = backoff::doubling(FIRST_BACKOFF, calendar.failures, LONGEST_BACKOFF);
    let (state, wait, forget) = match error {
        ProviderError::CursorRejected => (CalendarState::BackingOff, wait, true),
        ProviderError::Throttled { retry_after, .. } => {
            let asked = retry_after.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or_default();
            (CalendarState::BackingOff, wait.max(asked.min(LONGEST_WAIT)), false)
        }
        ProviderError::Temporary(_) | ProviderError::Garbled(_) => (CalendarState::BackingOff, wait, false),
        ProviderError::NeedsConsent(_) => (CalendarState::NeedsConsent, wait.max(TimeDelta::hours(1)), false),
        ProviderError::Refused(_) | ProviderError::Unreachable(_) => {
            (CalendarState::Unreachable, wait.max(TimeDelta::minutes(15)), false)
        }
    };
    let message = error.to_string();
    tracing::warn!(
        calendar.id = calendar.id.0,
        failures = calendar.failures + 1,
        "calendar {} could not be read: {message}",
        calendar.id
    );
    let next = context.clock.now() + backoff::spread(wait, calendar.id, calendar.failures);
    if context.store.fail_sync(lease, state, &message, next, forget).await? == Finished::NotMine {
        return Ok(());
    }
    context.tell(Happening::CalendarFailed { calendar: calendar.id, error: message });
    Ok(())
}
