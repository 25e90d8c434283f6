//! What the hub's answers amount to.

use google_calendar3::api;
use google_calendar3::common::{self, Delegate, Retry};
use serde::Deserialize;
use serde_json::Value;

use super::auth::Scope;
use super::errors::{Failure, Refusal, presentable};
use crate::providers::ProviderError;

/// What is needed of one page of a listing.
pub(super) struct Page {
    pub items: Vec<Item>,
    pub next_page_token: Option<String>,
    pub next_sync_token: Option<String>,
}

/// One item of a listing.
#[derive(Debug)]
pub(super) enum Item {
    Read(Box<api::Event>),
    /// Nothing of it is certain but its id.
    Undecodable(String),
}

impl Item {
    /// Of an event that cannot be decoded at least what became of it: that it is gone needs no more
    /// than its id.
    fn read(value: Value) -> Option<Self> {
        let id = value["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
        let gone = value["status"] == "cancelled";
        match (serde_json::from_value(value), id) {
            (Ok(event), _) => Some(Self::Read(Box::new(event))),
            (Err(_), Some(id)) if gone => Some(Self::Read(Box::new(api::Event {
                id: Some(id),
                status: Some("cancelled".into()),
                ..api::Event::default()
            }))),
            (Err(_), Some(id)) => Some(Self::Undecodable(id)),
            (Err(_), None) => {
                tracing::debug!("event passed over: undecodable, and without an id");
                None
            }
        }
    }
}

impl From<api::Events> for Page {
    fn from(events: api::Events) -> Self {
        Self {
            items: events.items.into_iter().flatten().map(|event| Item::Read(Box::new(event))).collect(),
            next_page_token: events.next_page_token,
            next_sync_token: events.next_sync_token,
        }
    }
}

impl Page {
    /// Reads a page event by event, after it could not be read as a whole: one event that makes no
    /// sense must not take the calendar with it.
    pub fn piecemeal(text: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            #[serde(default)]
            items: Vec<Value>,
            next_page_token: Option<String>,
            next_sync_token: Option<String>,
        }
        let raw: Raw = serde_json::from_str(text).map_err(|_| undecodable(text))?;
        Ok(Self {
            items: raw.items.into_iter().filter_map(Item::read).collect(),
            next_page_token: raw.next_page_token,
            next_sync_token: raw.next_sync_token,
        })
    }
}

/// The hub's delegate: takes down what the hub would drop of a refusal (it hands on the body alone),
/// and lets it retry nothing.
#[derive(Default)]
pub(super) struct Watch {
    refusal: Option<Refusal>,
}

impl Delegate for Watch {
    fn http_failure(&mut self, response: &common::Response, body: Option<&Value>) -> Retry {
        let status = response.status().as_u16();
        self.refusal = Some(Refusal::new(status, Scope::Events, response.headers(), body));
        Retry::Abort
    }
}

/// A successful answer.
pub(super) enum Answer<T> {
    Read(T),
    Undecodable(String),
}

impl<T> Answer<T> {
    pub fn read(self) -> Result<T, Failure> {
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
    pub fn settle<T>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_event_does_not_take_the_page_with_it() {
        let page = Page::piecemeal(
            r#"{"items": [{"id": "a", "start": {"date": "yesterday"}}, {"id": "b"}, 7, {"id": 7},
                {"id": "c", "status": "cancelled", "start": 7}], "nextSyncToken": "s"}"#,
        )
        .expect("a page");
        let items = page.items.iter().map(|item| match item {
            Item::Read(event) => format!("{:?} {:?}", event.id, event.status),
            Item::Undecodable(id) => id.clone(),
        });
        let items: Vec<_> = items.collect();
        assert_eq!(items, ["a", r#"Some("b") None"#, r#"Some("c") Some("cancelled")"#]);
        assert_eq!(page.next_sync_token.as_deref(), Some("s"));
        assert!(matches!(Page::piecemeal("<html>"), Err(Failure::Other(ProviderError::Garbled(_)))));
        assert!(matches!(Page::piecemeal(""), Err(Failure::Other(ProviderError::Temporary(_)))));
    }
}
