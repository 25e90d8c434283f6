//! Tokens of people who consented.

use async_trait::async_trait;
use secrecy::SecretString;

use super::ProviderError;
use crate::domain::people::Address;

/// What people consented to, as tokens, and who they are. Who keeps and renews them is no business of the providers.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token of `mailbox` that is good for a while yet, and opens `scope`.
    ///
    /// # Errors
    ///
    /// [`ProviderError::NeedsConsent`] when there is no consent, or none any more;
    /// [`ProviderError::Refused`] when there is one that does not cover `scope`.
    async fn token(&self, mailbox: &Address, scope: &str) -> Result<SecretString, ProviderError>;

    /// The provider did not accept `token`: the next one is to be new.
    async fn reject(&self, mailbox: &Address, token: &SecretString) -> Result<(), ProviderError>;

    /// Who of those who consented has this id at the provider.
    async fn whose(&self, id: &str) -> Result<Option<Address>, ProviderError>;
}
