//! How fast a provider may be asked.

use async_trait::async_trait;

/// What may be asked of a provider, shared by whoever asks with the same credentials. Every request
/// passes it before it goes out, but for those to sign-in services: they are metered by themselves,
/// and none is made but for a request that has passed.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Waits until one more request may be made.
    async fn request(&self);
}
