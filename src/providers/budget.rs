//! How fast a provider may be asked.

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;

use super::ProviderError;
use crate::domain::people::Address;

/// What may be asked of a provider, shared by whoever asks with the same credentials. Every request
/// passes it before it goes out, but for those to sign-in services: they are metered by themselves,
/// and none is made but for a request that has passed.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Waits until one more request about `mailbox` may be made. It is under way for as long as what
    /// is returned is held.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Throttled`] while the provider wants nobody to ask, for longer than is worth
    /// waiting.
    async fn request(&self, mailbox: &Address) -> Result<Turn, ProviderError>;
}

/// A request that is under way.
#[must_use = "dropping it ends the request"]
pub struct Turn(#[expect(dead_code, reason = "it is held for its end")] Option<OwnedSemaphorePermit>);

impl Turn {
    /// One that nobody counts.
    pub fn free() -> Self {
        Self(None)
    }

    /// One that gives its place back at its end.
    pub fn of(place: OwnedSemaphorePermit) -> Self {
        Self(Some(place))
    }
}
