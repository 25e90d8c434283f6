//! The calendars of the two vendors behind one face.
//!
//! A provider reads one organisation's calendars through one connection. It turns the vendor's JSON
//! into [`Event`]s and the vendor's errors into [`ProviderError`]s, and decides nothing: what an
//! event means is the business of the domain, what is kept that of the store.

mod budget;
pub mod consent;
pub mod google;
pub mod microsoft;
mod retry_after;
mod tokens;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

use crate::domain::event::{Conference, ConferenceService, Event, Window};
use crate::domain::evidence::Call;
use crate::domain::people::Address;

pub use budget::{Budget, Turn};
pub use tokens::Tokens;

/// One organisation's calendars, through one connection.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What the calendar of `mailbox` holds, or what changed on it: everything inside `window`
    /// without a cursor, the changes since with one. All pages are fetched before anything is
    /// returned.
    ///
    /// `window` must be the same for as long as a cursor is used: cursors are bound to theirs.
    async fn list(
        &self,
        mailbox: &Address,
        window: Window,
        cursor: Option<&str>,
    ) -> Result<Listing, ProviderError>;

    /// One event by its key, to learn what became of it; `None` when it is not on the calendar any
    /// more. The key of a series gives an event that has the key as its own series: the series is
    /// there, and the event is no occurrence of it.
    async fn look(&self, mailbox: &Address, key: &str) -> Result<Option<Event>, ProviderError>;

    /// Whether the provider keeps records of the calls of a service; of others it has none to show.
    fn keeps_records_of(&self, service: ConferenceService) -> bool;

    /// The runs of a call that overlap `window`, as far as `mailbox` may see them. No run is no
    /// error. Teams shows them to the organiser alone, Meet to everybody who took part.
    async fn calls(
        &self,
        mailbox: &Address,
        conference: &Conference,
        window: Window,
    ) -> Result<Vec<Call>, ProviderError>;

    /// Lets the provider tell of changes to the calendar of `mailbox`. What changed before is told by
    /// nobody; notices may come before this returns.
    async fn watch(&self, mailbox: &Address, wish: &Wish) -> Result<Channel, ProviderError>;

    /// Lets a channel last until about `until`; `None` when it is no more, or cannot be made to last:
    /// another has to be opened.
    async fn renew(
        &self,
        mailbox: &Address,
        channel: &Channel,
        until: DateTime<Utc>,
    ) -> Result<Option<Channel>, ProviderError>;

    /// Ends a channel; one that is no more is no error.
    async fn unwatch(&self, mailbox: &Address, channel: &Channel) -> Result<(), ProviderError>;

    /// Whether the calendar of `mailbox` can be read, at the least cost: for `check --online`.
    async fn probe(&self, mailbox: &Address) -> Result<(), ProviderError>;

    /// Tries what it needs to know who was in the calls of `mailbox`, at the least cost. Everything that
    /// is missing is told: for `check --online`.
    async fn probe_calls(&self, mailbox: &Address) -> Vec<ProviderError>;
}

/// How a provider is to tell of changes.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The name of the channel, unless the provider chooses one: up to 64 letters, digits and dashes.
    pub id: String,
    /// Where notices go, over HTTPS.
    pub address: Url,
    /// What every notice is to bring, so that it is known to be one: up to 128 characters.
    pub secret: SecretString,
    /// Until when, less than seven days ahead: Graph refuses more. Google may choose another time.
    pub until: DateTime<Utc>,
}

/// An open channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: String,
    /// The provider's own name of what is watched.
    pub resource: String,
    pub expires_at: DateTime<Utc>,
    /// The provider has reached the address through which it is to tell, and heard an answer.
    pub heard: bool,
}

/// What one listing brought, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub changes: Vec<Change>,
    /// Where the next listing goes on. A listing that ends without one may have broken off: what it
    /// lacks is not gone for that.
    pub cursor: Option<String>,
}

/// One change to a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The event is now like this. A cancelled one that the provider still describes comes so, too.
    Event(Box<Event>),
    /// The event is now like this, which is outside the window.
    Outside(Box<Event>),
    /// Inside the window the series now has these occurrences, those that are told as unread, and no
    /// others.
    Series { series: String, occurrences: Vec<Event> },
    /// The event with this key, or the whole series with this key, was deleted.
    Deleted { key: String },
    /// The event or series with this key is no longer listed: deleted, or moved out of the window.
    Unlisted { key: String },
    /// The event with this key is there, and cannot be understood. It is not gone. With the key of a
    /// series: it has occurrences that are not known, so that none of it is gone for not being told.
    Unread { key: String },
    /// Inside the window the series has more than [`MOST_OCCURRENCES`]; so many of them are shown, so
    /// that it can be seen whom it concerns. It is not gone.
    Withheld { series: String, some: Vec<Event> },
}

/// More occurrences inside one window than any series of meetings has: a rule that is absurd would
/// otherwise fill the memory and the database.
pub const MOST_OCCURRENCES: usize = 1000;

/// Why a provider did not answer, told apart by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The cursor is dead (Google 410, Graph 410): list in full.
    #[error("the provider no longer knows the cursor")]
    CursorRejected,
    /// The calendar's owner has to consent (again).
    #[error("consent is missing or was withdrawn: {0}")]
    NeedsConsent(String),
    /// The connection itself is set up wrongly: for the operator to mend.
    #[error("the connection is refused: {0}")]
    Refused(String),
    /// There is no such calendar, or it may not be read.
    #[error("the calendar cannot be reached: {0}")]
    Unreachable(String),
    /// Too many requests; wait at least `retry_after`, where the provider said how long.
    #[error("the provider asks to slow down: {by}")]
    Throttled { by: Throttler, retry_after: Option<Duration> },
    /// A fault that passes: network, time-out, 5xx.
    #[error("the provider has trouble: {0}")]
    Temporary(String),
    /// The provider answered something that cannot be understood.
    #[error("the provider's answer makes no sense: {0}")]
    Garbled(String),
}

impl ProviderError {
    /// Whether it goes away by itself.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Temporary(_))
    }
}

/// Of what there was too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Throttler {
    /// Of requests about one mailbox, or so it is to be taken: the others may go on.
    #[error("{0}")]
    Mailbox(String),
    /// Of requests through the connection; what to do about it if that goes on.
    #[error("{0}")]
    Connection(String),
}
