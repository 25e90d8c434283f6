//! One mailbox's calendar: what it holds, what changed on it, and what became of one event.

use std::collections::BTreeSet;

use chrono::{SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use serde::de::IgnoredAny;
use url::Url;

use super::client::{Client, Pages};
use super::error::Failure;
use super::map;
use super::round::{self, Entry, Series};
use super::wire::{self, EVENT_FIELDS, Part};
use crate::domain::event::{Event, Moment, Window};
use crate::domain::people::Address;
use crate::providers::{Change, Listing, MOST_OCCURRENCES, ProviderError};

pub struct Calendar<'a> {
    pub client: Client,
    pub mailbox: &'a Address,
}

impl Calendar<'_> {
    /// See [`crate::providers::Provider::list`].
    pub async fn list(&self, window: Window, cursor: Option<&str>) -> Result<Listing, ProviderError> {
        let url = match cursor {
            // A cursor of another host is from before `graph_url` was changed.
            Some(cursor) => self.client.link(cursor).ok_or(ProviderError::CursorRejected)?,
            None => self.url(&["calendarView", "delta"], &bounds(window)),
        };
        let full = cursor.is_none();
        let pages = self.client.pages(url).await.map_err(|failure| match failure {
            Failure::Api(error) if !full && error.rejects_cursor() => ProviderError::CursorRejected,
            failure => match failure.into() {
                // There is nothing to fall back to: only later.
                ProviderError::CursorRejected => ProviderError::Temporary("a full listing broke off".into()),
                error => error,
            },
        })?;
        if let Some(link) = &pages.delta_link
            && self.client.link(link).is_none()
        {
            return Err(ProviderError::Garbled(
                "the delta link leads to another host than `graph_url`".into(),
            ));
        }
        // Without its end nothing that came is known to be all there is.
        let full = full && pages.delta_link.is_some();
        let mut changes = Vec::new();
        for entry in round::entries(pages.items) {
            match entry {
                Entry::Removed(key) => changes.push(Change::Unlisted { key }),
                Entry::Unread(key) => changes.push(Change::Unread { key }),
                Entry::Single(event) => changes.push(match self.read(&event, None) {
                    Some(event) => Change::Event(Box::new(event)),
                    None => Change::Unread { key: event.id },
                }),
                Entry::Series(series) => {
                    changes.extend(self.series(series, window, full).await?);
                }
            }
        }
        Ok(Listing { changes, cursor: pages.delta_link })
    }

    /// See [`crate::providers::Provider::look`].
    pub async fn look(&self, key: &str) -> Result<Option<Event>, ProviderError> {
        let Some(own) = self.event(key).await? else {
            return Ok(None);
        };
        let master = match (own.part(), &own.series_master_id) {
            (Part::Occurrence | Part::Exception, Some(series)) => self.event(series).await?,
            _ => None,
        };
        let event = map::event(&own, master.as_ref(), self.mailbox)
            .map_err(|why| ProviderError::Garbled(format!("an event cannot be read: {why}")))?;
        // Ids go with what is filed in another calendar of the mailbox, or among what was deleted.
        if own.part() == Part::Master || self.shows(&event).await? { Ok(Some(event)) } else { Ok(None) }
    }

    /// Whether the calendar shows the event at its time.
    async fn shows(&self, event: &Event) -> Result<bool, ProviderError> {
        let doubt = match event.start {
            Moment::At(_) => TimeDelta::seconds(1),
            Moment::Day(_) => TimeDelta::hours(14),
        };
        let [from, to] = [event.start, event.end].map(|moment| moment.instant(Tz::UTC));
        let [from, to] = bounds(Window { from: from - doubt, to: to + doubt });
        let url = self.url(&["calendarView"], &[from, to, ("$select", "id".to_owned())]);
        let there: Pages<wire::Event> = self.client.pages(url).await?;
        Ok(there.items.iter().any(|item| round::key(item) == Some(&event.key)))
    }

    /// See [`crate::providers::Provider::probe`].
    pub async fn probe(&self) -> Result<(), ProviderError> {
        let url = self.url(&["calendar"], &[("$select", "id")]);
        self.client.get::<IgnoredAny>(url).await?;
        Ok(())
    }

    /// What a series has inside the window, as far as that is certain.
    ///
    /// A deleted occurrence leaves no tombstone: the whole series comes again without it. So what
    /// came is the series only if that is what came, and is fetched otherwise.
    async fn series(&self, series: Series, window: Window, full: bool) -> Result<Vec<Change>, ProviderError> {
        let deleted = |key| vec![Change::Deleted { key }];
        let Series { id, master, mut members, mut unread, nameless, retold } = series;
        let came_whole = master.is_some() && members.iter().any(|member| member.part() == Part::Occurrence);
        // Whether all that there is is known by its key.
        let mut whole = !nameless && !retold && (full || came_whole);
        let master = match master {
            Some(master) => Some(master),
            None => match self.event(&id).await {
                Ok(Some(master)) => Some(Box::new(master)),
                Ok(None) => return Ok(deleted(id)),
                Err(ProviderError::Garbled(_)) => None,
                Err(error) => return Err(error),
            },
        };
        if !whole || master.is_none() || !unread.is_empty() {
            match self.instances(&id, window).await {
                Ok(Some(fetched)) => {
                    whole = !fetched.nameless;
                    (members, unread) = (fetched.members, fetched.unread);
                }
                Ok(None) => return Ok(deleted(id)),
                Err(ProviderError::Garbled(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if members.len() + unread.len() > MOST_OCCURRENCES {
            members.truncate(MOST_OCCURRENCES);
            let some = members.iter().filter_map(|member| self.read(member, master.as_deref())).collect();
            return Ok(vec![Change::Withheld { series: id, some }]);
        }
        let mut occurrences = Vec::with_capacity(members.len());
        for mut member in members {
            self.complete(&mut member).await?;
            match self.read(&member, master.as_deref()) {
                Some(event) => occurrences.push(event),
                None => unread.push(member.id),
            }
        }
        let mut changes: Vec<Change> = Vec::new();
        if whole {
            changes.push(Change::Series { series: id, occurrences });
        } else {
            tracing::debug!("a series cannot be read whole: what it lacks is not taken as deleted");
            changes.extend(occurrences.into_iter().map(|event| Change::Event(Box::new(event))));
            unread.push(id);
        }
        changes.extend(unread.into_iter().map(|key| Change::Unread { key }));
        Ok(changes)
    }

    /// Fetches the original start of an exception that came without.
    async fn complete(&self, member: &mut wire::Event) -> Result<(), ProviderError> {
        if member.part() != Part::Exception || member.original_start.is_some() {
            return Ok(());
        }
        match self.event(&member.id).await {
            Ok(Some(whole)) => member.original_start = whole.original_start,
            Ok(None) | Err(ProviderError::Garbled(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The event in the words of the domain, if it can be read.
    fn read(&self, own: &wire::Event, master: Option<&wire::Event>) -> Option<Event> {
        map::event(own, master, self.mailbox)
            .inspect_err(|why| tracing::debug!(%why, "an event is not read"))
            .ok()
    }

    /// An event by its id; `None` when there is none.
    async fn event(&self, id: &str) -> Result<Option<wire::Event>, ProviderError> {
        let url = self.url(&["events", id], &[("$select", EVENT_FIELDS)]);
        present(self.client.get(url).await)
    }

    /// What a series has inside the window; `None` when there is no such series.
    async fn instances(&self, id: &str, window: Window) -> Result<Option<Series>, ProviderError> {
        let [from, to] = bounds(window);
        let query = [from, to, ("$select", EVENT_FIELDS.to_owned())];
        let url = self.url(&["events", id, "instances"], &query);
        let Some(pages) = present(self.client.pages(url).await)? else {
            return Ok(None);
        };
        let keys: Vec<_> = pages.items.iter().map(|item| round::key(item).map(str::to_owned)).collect();
        let mut series = round::entries(pages.items)
            .into_iter()
            .find_map(|entry| match entry {
                Entry::Series(series) if series.id == id => Some(series),
                _ => None,
            })
            .unwrap_or_default();
        // Whatever is there more than the members found was not understood.
        series.nameless = keys.iter().any(Option::is_none);
        let members: BTreeSet<&str> = series.members.iter().map(|member| member.id.as_str()).collect();
        let unread: BTreeSet<String> =
            keys.into_iter().flatten().filter(|key| !members.contains(key.as_str())).collect();
        series.unread = unread.into_iter().collect();
        Ok(Some(series))
    }

    fn url<V: AsRef<str>>(&self, path: &[&str], query: &[(&str, V)]) -> Url {
        let path = [&["users", self.mailbox.as_str()], path].concat();
        let query: Vec<_> = query.iter().map(|(key, value)| (*key, value.as_ref())).collect();
        self.client.url(&path, &query)
    }
}

/// An answer about one event, or that there is none.
fn present<T>(answer: Result<T, Failure>) -> Result<Option<T>, ProviderError> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(Failure::Api(error)) if error.is_missing_item() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

fn bounds(window: Window) -> [(&'static str, String); 2] {
    let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    [("startDateTime", text(window.from)), ("endDateTime", text(window.to))]
}
