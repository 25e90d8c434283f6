//! What a listing showed, once every doubt about what it does not show is cleared up.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Fetched;
use crate::domain::calendar::Calendar;
use crate::domain::copies::Seen;
use crate::domain::detect::{SeriesMemory, sight};
use crate::domain::event::{Event, Window};
use crate::domain::pairing::Pairing;
use crate::domain::program::Program;
use crate::domain::session::{Copy, CopyState};
use crate::pipeline::Context;
use crate::providers::{Change, Provider, ProviderError};

/// How many events that a listing lacks are looked at in one reading.
const MOST_LOOKS: usize = 50;

/// What is known of the calendar, and whom it concerns.
pub(super) struct Known<'a> {
    pub copies: &'a [Copy],
    pub programs: &'a [(&'a Program, &'a [Pairing])],
    pub memory: &'a SeriesMemory,
}

impl Known<'_> {
    /// Whether a pairing meets, or met, in a series.
    fn concerned_by(&self, series: &str, some: &[Event]) -> bool {
        self.copies.iter().any(|copy| copy.facts.series.as_deref() == Some(series))
            || some.iter().any(|event| !sight(event, self.programs, self.memory).is_empty())
    }
}

/// Turns a provider's changes into what was seen. Whatever a listing merely no longer shows is looked
/// at once more when it is known: it may have moved out of the window.
pub(super) async fn sort_out(
    context: &Context,
    provider: &dyn Provider,
    calendar: &Calendar,
    known: &Known<'_>,
    Fetched { listing, window, full }: &mut Fetched,
) -> Result<Seen, ProviderError> {
    let ended = listing.cursor.is_some();
    let mut seen = Seen { full: *full && ended, ..Seen::default() };
    let mut doubtful = BTreeSet::new();
    for change in std::mem::take(&mut listing.changes) {
        match change {
            Change::Event(event) => seen.events.push(*event),
            // Elsewhere than in the window only what is known matters.
            Change::Outside(event) => {
                if known.copies.iter().any(|copy| copy.facts.event == event.key) {
                    seen.events.push(*event);
                }
            }
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
            // Of those that concern nobody nothing is kept, not even the key.
            Change::Withheld { series, some } => {
                if known.concerned_by(&series, &some) {
                    seen.withheld.insert(series);
                }
            }
            Change::Unlisted { key } => {
                doubtful.insert(key);
            }
        }
    }
    for key in doubtful {
        let concerned: Vec<&Copy> = known
            .copies
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
    if *full {
        look_at_what_lacks(provider, calendar, known.copies, *window, context.clock.now(), &mut seen).await?;
    }
    Ok(seen)
}

/// What a full listing lacks may have been moved out of its window, and a listing without an end shows
/// part of what there is. As many as may be are looked at now, the nearest first. Of a listing that had an
/// end the others are gone; of one that had none, they get their turn as they come nearer.
async fn look_at_what_lacks(
    provider: &dyn Provider,
    calendar: &Calendar,
    known: &[Copy],
    window: Window,
    now: DateTime<Utc>,
    seen: &mut Seen,
) -> Result<(), ProviderError> {
    let mut looks = 0;
    let lacking = lacking(seen, known, window, now);
    let mut series_there: BTreeSet<String> = seen.series.iter().map(|(series, _)| series.clone()).collect();
    for copy in lacking {
        // One that is deleted as a whole is so with one look.
        if let Some(series) = &copy.facts.series
            && !series_there.contains(series)
            && !seen.deleted.contains(series)
            && looks < MOST_LOOKS
        {
            looks += 1;
            look(provider, calendar, series, seen).await?;
            series_there.insert(series.clone());
        }
        let answered = |key: &String| seen.deleted.contains(key) || seen.unread.contains(key);
        let key = &copy.facts.event;
        if looks < MOST_LOOKS && !answered(key) && !copy.facts.series.as_ref().is_some_and(answered) {
            looks += 1;
            look(provider, calendar, key, seen).await?;
        }
    }
    Ok(())
}

/// The known events that a full listing lacks and that matter, the nearest first, each once.
fn lacking<'k>(seen: &Seen, known: &'k [Copy], window: Window, now: DateTime<Utc>) -> Vec<&'k Copy> {
    let told: BTreeSet<&str> = seen.events.iter().map(|event| event.key.as_str()).collect();
    let lacks = |copy: &&Copy| {
        let facts = &copy.facts;
        let answered = [Some(&facts.event), facts.series.as_ref()].into_iter().flatten().any(|key| {
            told.contains(key.as_str())
                || seen.deleted.contains(key)
                || seen.unread.contains(key)
                || seen.withheld.contains(key)
                // What a series has elsewhere, a full listing of the window does not say.
                || !seen.full && seen.series.iter().any(|(series, _)| series == key)
        });
        // Where what is over went in the end, nobody asks.
        let matters = facts.end > now || !seen.full;
        facts.state != CopyState::Gone && window.touches(facts.start, facts.end) && matters && !answered
    };
    let mut lacking: Vec<&Copy> = known.iter().filter(lacks).collect();
    lacking.sort_by_key(|copy| ((copy.facts.start - now).abs(), copy.id));
    let mut keys = BTreeSet::new();
    lacking.retain(|copy| keys.insert(&copy.facts.event));
    lacking
}

/// Looks what became of an event or a series; whether it is a series that is still there.
async fn look(
    provider: &dyn Provider,
    calendar: &Calendar,
    key: &str,
    seen: &mut Seen,
) -> Result<bool, ProviderError> {
    match provider.look(&calendar.address, key).await {
        Ok(Some(event)) if event.series.as_deref() == Some(key) => {
            seen.masters.insert(key.to_owned());
            return Ok(true);
        }
        Ok(Some(event)) => seen.events.push(event),
        Ok(None) => {
            seen.deleted.insert(key.to_owned());
        }
        // It is there, on a calendar that lets itself be read; what it says is nobody's loss but its own.
        Err(ProviderError::Garbled(_) | ProviderError::Unreachable(_)) => {
            seen.unread.insert(key.to_owned());
        }
        Err(error) => return Err(error),
    }
    Ok(false)
}
