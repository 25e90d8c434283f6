//! What a listing showed, once every doubt about what it does not show is cleared up.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Fetched;
use crate::domain::calendar::Calendar;
use crate::domain::copies::Seen;
use crate::domain::event::Window;
use crate::domain::session::{Copy, CopyState};
use crate::pipeline::Context;
use crate::providers::{Change, Provider, ProviderError};

/// How many events that a listing without an end lacks are looked at in one reading.
const MOST_LOOKS: usize = 50;

/// Turns a provider's changes into what was seen. Whatever a listing merely no longer shows is looked
/// at once more when it is known: it may have moved out of the window.
pub(super) async fn sort_out(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    known: &[Copy],
    Fetched { listing, window, full }: &mut Fetched,
) -> Result<Seen, ProviderError> {
    let ended = listing.cursor.is_some();
    let mut seen = Seen { full: *full && ended, ..Seen::default() };
    let mut doubtful = BTreeSet::new();
    for change in std::mem::take(&mut listing.changes) {
        match change {
            Change::Event(event) => seen.events.push(*event),
            Change::Series { series, occurrences } => {
                let keys = occurrences.iter().map(|event| event.key.clone()).collect();
                seen.series.push((series, keys));
                seen.events.extend(occurrences);
            }
            Change::Deleted { key } => {
                seen.deleted.insert(key);
            }
            Change::Unread { key } => {
                seen.unread.insert(key);
            }
            Change::Withheld { series } => {
                seen.withheld.insert(series);
            }
            Change::Unlisted { key } => {
                doubtful.insert(key);
            }
        }
    }
    for key in doubtful {
        let concerned: Vec<&Copy> = known
            .iter()
            .filter(|copy| copy.facts.state != CopyState::Gone)
            .filter(|copy| copy.facts.event == key || copy.facts.series.as_ref() == Some(&key))
            .collect();
        if concerned.is_empty() || !look(provider, calendar, &key, &mut seen).await? {
            continue;
        }
        // The series is still there, and has nothing left where the listing looks: its occurrences
        // were moved away or taken off one by one.
        for copy in concerned.into_iter().filter(|copy| copy.facts.event != key) {
            if window.touches(copy.facts.start, copy.facts.end) {
                look(provider, calendar, &copy.facts.event, &mut seen).await?;
            }
        }
    }
    if *full && !ended {
        for key in lacking(&seen, known, *window, context.clock.now()) {
            look(provider, calendar, &key, &mut seen).await?;
        }
    }
    Ok(seen)
}

/// Of the known events that a full listing lacks which has no end: those to be looked at now, the
/// nearest first. The others get their turn as they come nearer.
fn lacking(seen: &Seen, known: &[Copy], window: Window, now: DateTime<Utc>) -> Vec<String> {
    let told: BTreeSet<&str> = seen.events.iter().map(|event| event.key.as_str()).collect();
    let lacks = |copy: &&Copy| {
        let facts = &copy.facts;
        let answered = [Some(&facts.event), facts.series.as_ref()].into_iter().flatten().any(|key| {
            told.contains(key.as_str())
                || seen.deleted.contains(key)
                || seen.unread.contains(key)
                || seen.withheld.contains(key)
                || seen.series.iter().any(|(series, _)| series == key)
        });
        facts.state != CopyState::Gone && window.touches(facts.start, facts.end) && !answered
    };
    let mut lacking: Vec<&Copy> = known.iter().filter(lacks).collect();
    lacking.sort_by_key(|copy| (copy.facts.start - now).abs());
    let mut keys: Vec<String> = Vec::new();
    for copy in lacking {
        if !keys.contains(&copy.facts.event) {
            keys.push(copy.facts.event.clone());
        }
    }
    keys.truncate(MOST_LOOKS);
    keys
}

/// Looks what became of an event or a series; whether it is a series that is still there.
async fn look(
    provider: &dyn Provider,
    calendar: &Calendar,
    key: &str,
    seen: &mut Seen,
) -> Result<bool, ProviderError> {
    match provider.look(&calendar.address, key).await {
        Ok(Some(event)) if event.series.as_deref() == Some(key) => return Ok(true),
        Ok(Some(event)) => seen.events.push(event),
        Ok(None) => {
            seen.deleted.insert(key.to_owned());
        }
        // It is there; what it says is nobody's loss but its own.
        Err(ProviderError::Garbled(_)) => {
            seen.unread.insert(key.to_owned());
        }
        Err(error) => return Err(error),
    }
    Ok(false)
}
