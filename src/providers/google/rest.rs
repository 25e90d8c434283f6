//! GETs to the APIs that have no crate.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use url::Url;

use super::auth::{Auth, Scope};
use super::errors::{Failure, Refusal};
use crate::domain::people::Address;
use crate::providers::ProviderError;

#[derive(Clone)]
pub(super) struct Rest {
    client: reqwest::Client,
    auth: Arc<Auth>,
}

impl Rest {
    pub fn new(client: reqwest::Client, auth: Arc<Auth>) -> Self {
        Self { client, auth }
    }

    /// What stands at `url`, read as `mailbox`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        mailbox: &Address,
        scope: Scope,
        url: &Url,
    ) -> Result<T, Failure> {
        let request = |token| self.get_once(token, scope, url.clone());
        self.auth.send(mailbox, scope, request).await
    }

    async fn get_once<T: DeserializeOwned>(
        &self,
        token: String,
        scope: Scope,
        url: Url,
    ) -> Result<T, Failure> {
        let temporary = |error: reqwest::Error| {
            let what = if error.is_timeout() { "no answer in time" } else { "the API cannot be reached" };
            ProviderError::Temporary(what.into())
        };
        let request = self.client.get(url).bearer_auth(token);
        let response = request.send().await.map_err(temporary)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(temporary)?;
        if !status.is_success() {
            let body = serde_json::from_slice(&body).ok();
            let refusal = Refusal::new(status.as_u16(), scope, &headers, body.as_ref());
            return Err(Failure::Refusal(refusal));
        }
        serde_json::from_slice(&body)
            .map_err(|_| ProviderError::Garbled("the answer cannot be decoded".into()).into())
    }
}

/// `path` below `base`, each segment staying one.
pub(super) fn under(base: &Url, path: &str) -> Result<Url, ProviderError> {
    let wrong = || ProviderError::Garbled("a name that is no path".into());
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(wrong());
    }
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(path.split('/'));
    Ok(url)
}
