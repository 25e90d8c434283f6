//! Microsoft 365 through Microsoft Graph.
//!
//! [`Microsoft`] reads the calendars of a tenant as an application. Nothing outside this folder
//! names a type of graph-rs-sdk.
//!
//! | file | what |
//! |---|---|
//! | `assertion` | by what the application shows who it is |
//! | `auth` | the application's token, shared and renewed in time |
//! | `client` | requests, headers, pages |
//! | `error` | what Graph's refusals mean |
//! | `wire` | Graph's JSON |
//! | `round` | one round of a listing, sorted into events and series |
//! | `calendar` | listing and looking, and fetching what a round leaves open |
//! | `map` `times` `people` | an event in the words of the domain |
//! | `zones` | Windows' names for time zones |
//! | `teams` | who was in a call |
//! | `watch` | being told of changes |

mod assertion;
mod auth;
mod calendar;
mod client;
pub mod consent;
mod error;
mod map;
mod people;
mod round;
mod teams;
mod times;
mod watch;
mod wire;
mod zones;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::calendar::Calendar;
use self::client::Graph;
use self::teams::Directory;
use super::{Budget, Channel, Listing, Provider, ProviderError, Tokens, Wish};
use crate::config;
use crate::domain::event::{Conference, ConferenceService, Event, Window};
use crate::domain::evidence::Call;
use crate::domain::people::Address;

/// One tenant's calendars, read with an application's own permissions.
pub struct Microsoft {
    name: String,
    graph: Graph,
    directory: Directory,
}

impl fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microsoft").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Microsoft {
    /// The connection called `name`; no request takes longer than `timeout`, once `budget` let it
    /// pass.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Refused`] when an address in `config` cannot be one of a server.
    pub fn new(
        name: &str,
        config: &config::Microsoft,
        timeout: Duration,
        budget: Arc<dyn Budget>,
    ) -> Result<Self, ProviderError> {
        let graph = Graph::new(config, timeout, budget, None)?;
        Ok(Self { name: name.to_owned(), graph, directory: Directory::default() })
    }

    /// As [`Self::new`], with the tokens of the people who consented, which are used where the
    /// connection rests on that.
    pub fn with_tokens(
        name: &str,
        config: &config::Microsoft,
        timeout: Duration,
        budget: Arc<dyn Budget>,
        tokens: Arc<dyn Tokens>,
    ) -> Result<Self, ProviderError> {
        let graph = Graph::new(config, timeout, budget, Some(tokens))?;
        Ok(Self { name: name.to_owned(), graph, directory: Directory::default() })
    }

    fn calendar<'a>(&'a self, mailbox: &'a Address) -> Calendar<'a> {
        Calendar { client: self.graph.of(mailbox), mailbox }
    }
}

#[async_trait]
impl Provider for Microsoft {
    async fn list(
        &self,
        mailbox: &Address,
        window: Window,
        cursor: Option<&str>,
    ) -> Result<Listing, ProviderError> {
        let listing = self.calendar(mailbox).list(window, cursor).await?;
        tracing::debug!(
            connection = self.name,
            changes = listing.changes.len(),
            full = cursor.is_none(),
            "a calendar was listed"
        );
        Ok(listing)
    }

    async fn look(&self, mailbox: &Address, key: &str) -> Result<Option<Event>, ProviderError> {
        self.calendar(mailbox).look(key).await
    }

    fn keeps_records_of(&self, service: ConferenceService) -> bool {
        service == ConferenceService::MicrosoftTeams
    }

    /// `mailbox` must be the organiser's: Teams tells nobody else.
    async fn calls(
        &self,
        mailbox: &Address,
        conference: &Conference,
        window: Window,
    ) -> Result<Vec<Call>, ProviderError> {
        teams::calls(&self.graph.calls_of(mailbox), &self.directory, mailbox, conference, window).await
    }

    async fn watch(&self, mailbox: &Address, wish: &Wish) -> Result<Channel, ProviderError> {
        self.calendar(mailbox).watch(wish).await
    }

    async fn renew(
        &self,
        mailbox: &Address,
        channel: &Channel,
        until: DateTime<Utc>,
    ) -> Result<Option<Channel>, ProviderError> {
        watch::renew(&self.graph.of(mailbox), channel, until).await
    }

    async fn unwatch(&self, mailbox: &Address, channel: &Channel) -> Result<(), ProviderError> {
        watch::unwatch(&self.graph.of(mailbox), channel).await
    }

    async fn probe(&self, mailbox: &Address) -> Result<(), ProviderError> {
        self.calendar(mailbox).probe().await
    }

    async fn probe_calls(&self, mailbox: &Address) -> Vec<ProviderError> {
        teams::probe(&self.graph.calls_of(mailbox), &self.directory, mailbox)
            .await
            .err()
            .into_iter()
            .collect()
    }
}
