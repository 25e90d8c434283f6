//! The requests to Calendar v3.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use google_calendar3::CalendarHub;
use google_calendar3::api;
use google_calendar3::common::{self, Delegate, Retry};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::auth::{Auth, Scope};
use super::errors::{Failure, Refusal, presentable};
use super::http::{Connector, USER_AGENT};
use super::map;
use crate::domain::event::{Event, Window};
use crate::domain::people::Address;
use crate::providers::{Change, Listing, ProviderError};

/// Google allows 2500; a page of that size takes it long enough to run into time-outs.
const PAGE_SIZE: i32 = 1000;
/// More than a calendar can need: increments of endless series have brought thousands of events.
const MOST_PAGES: usize = 500;

/// What is asked for of an event, and nothing else of it.
macro_rules! event_fields {
    () => {
        "id,status,summary,start,end,originalStartTime,recurringEventId,iCalUID,eventType,\
         transparency,visibility,location,organizer(email),\
         attendees(email,organizer,resource,responseStatus),attendeesOmitted,\
         conferenceData(conferenceId,conferenceSolution(key(type)),\
         entryPoints(entryPointType,uri)),hangoutLink,extendedProperties"
    };
}
const EVENT_FIELDS: &str = event_fields!();
/// Without the two tokens in the mask, syncing would stop silently.
const LIST_FIELDS: &str = concat!("items(", event_fields!(), "),nextPageToken,nextSyncToken");

pub(super) struct Calendar {
    client: common::Client<Connector>,
    auth: Arc<Auth>,
    api_url: String,
    root_url: String,
    timeout: Duration,
}

impl Calendar {
    pub fn new(
        client: common::Client<Connector>,
        auth: Arc<Auth>,
        api_url: &Url,
        timeout: Duration,
    ) -> Self {
        let api_url = format!("{}/", api_url.as_str().trim_end_matches('/'));
        let mut root = Url::parse(&api_url).ok();
        if let Some(root) = &mut root {
            root.set_path("/");
        }
        Self {
            client,
            auth,
            root_url: root.map_or_else(|| api_url.clone(), String::from),
            api_url,
            timeout,
        }
    }

    pub async fn list(
        &self,
        mailbox: &Address,
        window: Window,
        cursor: Option<&str>,
    ) -> Result<Listing, ProviderError> {
        let range = cursor.map_or(Range::Within(window), Range::Since);
        let mut changes = Vec::new();
        let mut page_token: Option<String> = None;
        let mut seen = HashSet::new();
        loop {
            let request = |token| self.page(token, mailbox, range, page_token.as_deref());
            let page = self
                .auth
                .send(mailbox, Scope::Events, request)
                .await
                .map_err(|failure| match failure.into() {
                    // There is no cursor to reject: saying so would have us list in full for ever.
                    ProviderError::CursorRejected if cursor.is_none() => {
                        ProviderError::Temporary("410 to a listing without a cursor".into())
                    }
                    other => other,
                })?;
            for item in page.items {
                match map::change(item) {
                    // Increments are not bounded by the window of the first listing.
                    Ok(change) if cursor.is_some() => changes.push(map::clip(change, window)),
                    Ok(change) => changes.push(change),
                    Err(reason) => tracing::debug!(%reason, "event passed over"),
                }
            }
            let Some(next) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(Listing {
                    changes,
                    cursor: page.next_sync_token.filter(|token| !token.is_empty()),
                });
            };
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
        match map::change(event) {
            Ok(Change::Event(event)) => Ok(Some(*event)),
            Ok(_) => Ok(None),
            Err(reason) => Err(ProviderError::Garbled(format!("an event with {reason}"))),
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

    async fn get(
        &self,
        token: String,
        mailbox: &Address,
        key: &str,
    ) -> Result<api::Event, Failure> {
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
    fn hub(&self, token: String) -> CalendarHub<Connector> {
        let mut hub = CalendarHub::new(self.client.clone(), token);
        hub.base_url(self.api_url.clone());
        hub.root_url(self.root_url.clone());
        hub.user_agent(USER_AGENT.to_owned());
        hub
    }
}

/// What a listing covers.
#[derive(Clone, Copy)]
enum Range<'a> {
    Since(&'a str),
    Within(Window),
}

/// What is needed of one page of a listing.
struct Page {
    items: Vec<api::Event>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
}

impl From<api::Events> for Page {
    fn from(events: api::Events) -> Self {
        Self {
            items: events.items.unwrap_or_default(),
            next_page_token: events.next_page_token,
            next_sync_token: events.next_sync_token,
        }
    }
}

impl Page {
    /// Reads a page event by event, after it could not be read as a whole: one event that makes no
    /// sense must not take the calendar with it.
    fn piecemeal(text: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            #[serde(default)]
            items: Vec<Value>,
            next_page_token: Option<String>,
            next_sync_token: Option<String>,
        }
        let raw: Raw = serde_json::from_str(text).map_err(|_| undecodable(text))?;
        let items = raw.items.into_iter().filter_map(|item| {
            serde_json::from_value(item)
                .inspect_err(|_| tracing::debug!("event passed over: undecodable"))
                .ok()
        });
        Ok(Self {
            items: items.collect(),
            next_page_token: raw.next_page_token,
            next_sync_token: raw.next_sync_token,
        })
    }
}

/// The hub's delegate: takes down what the hub would drop of a refusal (it hands on the body alone),
/// and lets it retry nothing.
#[derive(Default)]
struct Watch {
    refusal: Option<Refusal>,
}

impl Delegate for Watch {
    fn http_failure(&mut self, response: &common::Response, body: Option<&Value>) -> Retry {
        let status = response.status().as_u16();
        self.refusal = Some(Refusal::new(
            status,
            Scope::Events,
            response.headers(),
            body,
        ));
        Retry::Abort
    }
}

/// A successful answer.
enum Answer<T> {
    Read(T),
    Undecodable(String),
}

impl<T> Answer<T> {
    fn read(self) -> Result<T, Failure> {
        match self {
            Self::Read(answer) => Ok(answer),
            Self::Undecodable(text) => Err(undecodable(&text)),
        }
    }
}

/// The hub makes an empty text of a body that was cut off on the way.
fn undecodable(text: &str) -> Failure {
    Failure::Other(if text.is_empty() {
        ProviderError::Temporary("the answer was cut off".into())
    } else {
        ProviderError::Garbled("the answer cannot be decoded".into())
    })
}

impl Watch {
    fn settle<T>(
        self,
        answer: Result<common::Result<(common::Response, T)>, tokio::time::error::Elapsed>,
    ) -> Result<Answer<T>, Failure> {
        use common::Error as E;
        let temporary = |text: &str| Failure::Other(ProviderError::Temporary(text.into()));
        let error = match answer {
            Ok(Ok((_, answer))) => return Ok(Answer::Read(answer)),
            Ok(Err(E::JsonDecodeError(text, _))) => return Ok(Answer::Undecodable(text)),
            Ok(Err(error)) => error,
            Err(_) => return Err(temporary("no answer in time")),
        };
        if let Some(refusal) = self.refusal {
            return Err(Failure::Refusal(refusal));
        }
        Err(match error {
            E::HttpError(_) | E::Io(_) => temporary("the Calendar API cannot be reached"),
            other => Failure::Other(ProviderError::Garbled(format!(
                "the request was not sent: {}",
                presentable(&other.to_string())
            ))),
        })
    }
}

/// A text as one segment of a path: the hub puts ids into it as they are.
fn segment(text: &str) -> String {
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
            (
                "c_1#holiday@group.v.calendar.google.com",
                "c_1%23holiday@group.v.calendar.google.com",
            ),
            ("a/../b?c{d}%é", "a%2F..%2Fb%3Fc%7Bd%7D%25%C3%A9"),
        ] {
            assert_eq!(segment(id), path);
        }
    }

    #[test]
    fn an_unreadable_event_does_not_take_the_page_with_it() {
        let page = Page::piecemeal(
            r#"{"items": [{"id": "a", "start": {"date": "yesterday"}}, {"id": "b"}, 7],
                "nextSyncToken": "s"}"#,
        )
        .expect("a page");
        let ids: Vec<_> = page.items.into_iter().filter_map(|item| item.id).collect();
        assert_eq!(ids, ["b"]);
        assert_eq!(page.next_sync_token.as_deref(), Some("s"));
        assert!(matches!(
            Page::piecemeal("<html>"),
            Err(Failure::Other(ProviderError::Garbled(_)))
        ));
        assert!(matches!(
            Page::piecemeal(""),
            Err(Failure::Other(ProviderError::Temporary(_)))
        ));
    }
}
