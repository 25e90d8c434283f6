//! The requests to Calendar v3.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use google_calendar3::CalendarHub;
use google_calendar3::api;
use google_calendar3::common;
use url::Url;

use super::answer::{Answer, Item, Page, Watch};
use super::auth::{Auth, Scope};
use super::errors::Failure;
use super::http::{Connector, USER_AGENT};
use super::map;
use crate::domain::event::{Event, Window};
use crate::domain::people::Address;
use crate::providers::{Change, Listing, MOST_OCCURRENCES, ProviderError};

/// Google allows 2500; a page of that size takes it long enough to run into time-outs.
const PAGE_SIZE: i32 = 1000;
/// More than a calendar can need.
const MOST_PAGES: usize = 500;
/// An increment knows no window: of an endless series it may bring the occurrences of decades. From
/// so many pages on a full listing, which has a window, is the shorter way.
const MOST_PAGES_SINCE: usize = 40;

/// What is asked for of an event, and nothing else of it.
macro_rules! event_fields {
    () => {
        "id,status,summary,start,end,originalStartTime,recurringEventId,iCalUID,eventType,\
         transparency,visibility,location,creator(email),organizer(email,self),\
         attendees(email,organizer,resource,responseStatus,self),attendeesOmitted,\
         conferenceData(conferenceId,conferenceSolution(key(type)),\
         entryPoints(entryPointType,uri)),hangoutLink,\
         extendedProperties(private/mentord,shared/mentord)"
    };
}
/// Listings expand series, and hold none.
const EVENT_FIELDS: &str = concat!(event_fields!(), ",recurrence");
/// Without the two tokens in the mask, syncing would stop silently.
const LIST_FIELDS: &str = concat!("items(", event_fields!(), "),nextPageToken,nextSyncToken");

pub(super) struct Calendar {
    client: common::Client<Connector>,
    pub auth: Arc<Auth>,
    api_url: String,
    root_url: String,
    pub timeout: Duration,
}

impl Calendar {
    pub fn new(client: common::Client<Connector>, auth: Arc<Auth>, api_url: &Url, timeout: Duration) -> Self {
        let api_url = format!("{}/", api_url.as_str().trim_end_matches('/'));
        let mut root = Url::parse(&api_url).ok();
        if let Some(root) = &mut root {
            root.set_path("/");
        }
        Self { client, auth, root_url: root.map_or_else(|| api_url.clone(), String::from), api_url, timeout }
    }

    pub async fn list(
        &self,
        mailbox: &Address,
        window: Window,
        cursor: Option<&str>,
    ) -> Result<Listing, ProviderError> {
        let range = cursor.map_or(Range::Within(window), Range::Since);
        let mut changes = Changes::default();
        let mut page_token: Option<String> = None;
        let mut seen = HashSet::new();
        loop {
            let request = |token| self.page(token, mailbox, range, page_token.as_deref());
            let page = self.auth.send(mailbox, Scope::Events, request).await.map_err(|failure| {
                // Nothing else in such a request can be at fault, whether or not Google says so.
                if failure.status() == Some(400) && cursor.is_some() && page_token.is_none() {
                    return ProviderError::CursorRejected;
                }
                match failure.into() {
                    // There is no cursor to reject: saying so would have us list in full for ever.
                    ProviderError::CursorRejected if cursor.is_none() => {
                        ProviderError::Temporary("410 to a listing without a cursor".into())
                    }
                    other => other,
                }
            })?;
            for item in page.items {
                let change = match item {
                    Item::Read(event) => map::change(*event, mailbox),
                    Item::Undecodable(key) => Some(Change::Unread { key }),
                };
                // Increments are not bounded by the window of the first listing.
                let clip = |change| if cursor.is_some() { map::clip(change, window) } else { change };
                if let Some(change) = change {
                    changes.add(clip(change));
                }
            }
            let Some(next) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(Listing {
                    changes: changes.finish(),
                    cursor: page.next_sync_token.filter(|token| !token.is_empty()),
                });
            };
            if cursor.is_some() && seen.len() >= MOST_PAGES_SINCE {
                return Err(ProviderError::CursorRejected);
            }
            if !seen.insert(next.clone()) || seen.len() >= MOST_PAGES {
                return Err(ProviderError::Garbled(format!(
                    "the listing goes in circles: no end after {} pages",
                    seen.len()
                )));
            }
            page_token = Some(next);
        }
    }

    /// One event, as long as it is on the calendar and not called off.
    pub async fn look(&self, mailbox: &Address, key: &str) -> Result<Option<Event>, ProviderError> {
        let request = |token| self.get(token, mailbox, key);
        let event = match self.auth.send(mailbox, Scope::Events, request).await {
            Ok(event) => event,
            Err(failure) if matches!(failure.status(), Some(404 | 410)) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        match map::change(event, mailbox) {
            Some(Change::Event(event)) => Ok(Some(*event)),
            Some(Change::Deleted { .. }) => Ok(None),
            _ => Err(ProviderError::Garbled("an event without an id or a start".into())),
        }
    }

    /// Whether the calendar lets itself be listed.
    pub async fn probe(&self, mailbox: &Address) -> Result<(), ProviderError> {
        let request = async |token| {
            let hub = self.hub(token);
            let mut watch = Watch::default();
            let call = hub
                .events()
                .list(&segment(mailbox.as_str()))
                .delegate(&mut watch)
                .add_scope(Scope::Events.as_str())
                .max_results(1)
                .param("fields", "nextPageToken");
            let answer = tokio::time::timeout(self.timeout, call.doit()).await;
            watch.settle(answer)?.read()
        };
        self.auth.send(mailbox, Scope::Events, request).await?;
        Ok(())
    }

    async fn get(&self, token: String, mailbox: &Address, key: &str) -> Result<api::Event, Failure> {
        let hub = self.hub(token);
        let mut watch = Watch::default();
        let call = hub
            .events()
            .get(&segment(mailbox.as_str()), &segment(key))
            .delegate(&mut watch)
            .add_scope(Scope::Events.as_str())
            .param("fields", EVENT_FIELDS);
        let answer = tokio::time::timeout(self.timeout, call.doit()).await;
        watch.settle(answer)?.read()
    }

    async fn page(
        &self,
        token: String,
        mailbox: &Address,
        range: Range<'_>,
        page_token: Option<&str>,
    ) -> Result<Page, Failure> {
        let hub = self.hub(token);
        let mut watch = Watch::default();
        // `showDeleted` stays away: a cursor does not bear it, and everything but the range has to
        // be the same with a cursor as it was without.
        let mut call = hub
            .events()
            .list(&segment(mailbox.as_str()))
            .delegate(&mut watch)
            .add_scope(Scope::Events.as_str())
            .single_events(true)
            .max_results(PAGE_SIZE)
            .param("fields", LIST_FIELDS);
        call = match range {
            Range::Since(cursor) => call.sync_token(cursor),
            Range::Within(window) => call.time_min(window.from).time_max(window.to),
        };
        if let Some(page_token) = page_token {
            call = call.page_token(page_token);
        }
        let answer = tokio::time::timeout(self.timeout, call.doit()).await;
        match watch.settle(answer)? {
            Answer::Read(events) => Ok(Page::from(events)),
            Answer::Undecodable(text) => Page::piecemeal(&text),
        }
    }

    /// A hub is cheap: it only borrows the shared client.
    pub fn hub(&self, token: String) -> CalendarHub<Connector> {
        let mut hub = CalendarHub::new(self.client.clone(), token);
        hub.base_url(self.api_url.clone());
        hub.root_url(self.root_url.clone());
        hub.user_agent(USER_AGENT.to_owned());
        hub
    }
}

/// What a listing brought, the last word on each event, but for series that have too many occurrences.
#[derive(Default)]
struct Changes {
    /// In the order in which they came, with nothing where something else was said later: what is
    /// changed while the pages are fetched is on two of them.
    changes: Vec<Option<Change>>,
    /// Where in `changes` the word on each key is.
    last: HashMap<String, usize>,
    /// The occurrences of each series that were told.
    told: HashMap<String, HashSet<String>>,
}

impl Changes {
    fn add(&mut self, change: Change) {
        let key = match &change {
            Change::Event(event) | Change::Outside(event) => event.key.clone(),
            Change::Deleted { key } | Change::Unlisted { key } | Change::Unread { key } => key.clone(),
            Change::Series { series, .. } | Change::Withheld { series, .. } => series.clone(),
        };
        if let Change::Event(event) = &change
            && let Some(series) = &event.series
        {
            let told = self.told.entry(series.clone()).or_default();
            if told.len() > MOST_OCCURRENCES {
                return;
            }
            told.insert(event.key.clone());
        }
        if let Some(earlier) = self.last.insert(key.clone(), self.changes.len()) {
            let before = self.changes[earlier].take();
            if let (Some(Change::Event(before)), false) = (&before, matches!(change, Change::Event(_)))
                && let Some(told) = before.series.as_ref().and_then(|series| self.told.get_mut(series))
            {
                told.remove(&key);
            }
        }
        self.changes.push(Some(change));
    }

    fn finish(self) -> Vec<Change> {
        let Self { changes, told, .. } = self;
        let is_too_many = |event: &Event| {
            let told = event.series.as_ref().and_then(|series| told.get(series));
            told.is_some_and(|told| told.len() > MOST_OCCURRENCES)
        };
        let mut kept = Vec::with_capacity(changes.len());
        let mut withheld: HashMap<String, Vec<Event>> = HashMap::new();
        for change in changes.into_iter().flatten() {
            match change {
                Change::Event(event) if is_too_many(&event) => {
                    let series = event.series.clone().unwrap_or_default();
                    withheld.entry(series).or_default().push(*event);
                }
                other => kept.push(other),
            }
        }
        kept.extend(withheld.into_iter().map(|(series, some)| Change::Withheld { series, some }));
        kept
    }
}

/// What a listing covers.
#[derive(Clone, Copy)]
enum Range<'a> {
    Since(&'a str),
    Within(Window),
}

/// A text as one segment of a path: the hub puts ids into it as they are.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                path.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_segment() {
        for (id, path) in [
            ("anna@example.com", "anna@example.com"),
            ("c_1#holiday@group.v.calendar.google.com", "c_1%23holiday@group.v.calendar.google.com"),
            ("a/../b?c{d}%é", "a%2F..%2Fb%3Fc%7Bd%7D%25%C3%A9"),
        ] {
            assert_eq!(segment(id), path);
        }
    }
}
