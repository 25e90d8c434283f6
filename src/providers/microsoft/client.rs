//! One Graph client for all mailboxes of a connection: each client builds a TLS stack of its own.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use graph_rs_sdk::header::{AUTHORIZATION, HeaderName, HeaderValue};
use graph_rs_sdk::http::Method;
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::auth::Auth;
use super::error::{ApiError, Failure, transport};
use crate::config;
use crate::providers::{Budget, ProviderError};

/// Said with every request: links do not carry it on.
const PREFER: &str = r#"outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize=50"#;

/// More pages than any calendar has.
const PAGES_MAX: usize = 2000;

/// Graph over HTTP: tokens, headers, links and errors.
pub struct Client {
    graph: GraphClient,
    auth: Auth,
    root: Url,
    budget: Arc<dyn Budget>,
}

/// The items of a listing and the link with which the next one begins.
#[derive(Debug)]
pub struct Pages {
    pub items: Vec<Value>,
    pub delta_link: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

impl Client {
    pub fn new(
        config: &config::Microsoft,
        timeout: Duration,
        budget: Arc<dyn Budget>,
    ) -> Result<Self, ProviderError> {
        let mut root = config.graph_url.clone();
        root.path_segments_mut()
            .map_err(|()| ProviderError::Refused("`graph_url` is not an address".into()))?
            .pop_if_empty();
        let settings = GraphClientConfiguration::new()
            .timeout(timeout)
            .referer(false)
            .https_only(root.scheme() == "https");
        let mut graph = GraphClient::from(settings);
        // `use_endpoint` panics unless the host is one of Microsoft's.
        graph.use_test_endpoint(&root);
        Ok(Self { graph, auth: Auth::new(config, timeout)?, root, budget })
    }

    /// An address below the root, its segments and values escaped whatever they hold.
    pub fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.root.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // OData reads `%20` everywhere, and `+` not everywhere, as a space.
            let spaced = url.query().map(|query| query.replace('+', "%20"));
            url.set_query(spaced.as_deref());
        }
        url
    }

    /// An address that Graph gave, if the token may be sent there.
    pub fn link(&self, link: &str) -> Option<Url> {
        let url = Url::parse(link).ok()?;
        (url.origin() == self.root.origin()).then_some(url)
    }

    /// The one thing at `url`. Every request to Graph comes through here.
    pub async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, Failure> {
        // Before the token: it is not to grow old while it waits.
        self.budget.request().await;
        let token = self.auth.token().await?;
        let body = match self.send(url.clone(), &token).await {
            // The token may have been withdrawn before its time: once with a new one.
            Err(Failure::Api(error)) if error.status == StatusCode::UNAUTHORIZED => {
                self.auth.reject(&token).await;
                self.budget.request().await;
                let token = self.auth.token().await?;
                self.send(url, &token).await
            }
            answer => answer,
        }?;
        serde_json::from_slice(&body).map_err(|error| {
            let place = (error.line(), error.column());
            ProviderError::Garbled(format!("the answer is not what it should be, at {place:?}")).into()
        })
    }

    /// All pages of the listing that begins at `url`.
    pub async fn pages(&self, url: Url) -> Result<Pages, Failure> {
        let garbled = |text: &str| Failure::Other(ProviderError::Garbled(text.into()));
        let mut seen = HashSet::from([url.clone()]);
        let mut items = Vec::new();
        let mut next = url;
        loop {
            let page: Page = self.get(next).await?;
            items.extend(page.value);
            let Some(link) = page.next_link else {
                return Ok(Pages { items, delta_link: page.delta_link });
            };
            next = self.link(&link).ok_or_else(|| garbled("a page's link leads to another host"))?;
            if seen.len() >= PAGES_MAX || !seen.insert(next.clone()) {
                return Err(garbled("the listing does not end"));
            }
        }
    }

    async fn send(&self, url: Url, token: &SecretString) -> Result<Vec<u8>, Failure> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| ProviderError::Garbled("the token cannot stand in a header".into()))?;
        bearer.set_sensitive(true);
        let mut request = self.graph.custom(Method::GET, None);
        *request.as_mut() = url;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(HeaderName::from_static("prefer"), HeaderValue::from_static(PREFER));
        let response = request.send().await.map_err(|error| below_http(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| transport(&error))?;
        if status.is_success() {
            return Ok(body.into());
        }
        Err(Failure::Api(ApiError::read(status, &headers, &body)))
    }
}

/// What graph-rs-sdk says when there was no answer, by the cause that it wraps.
fn below_http(failure: &GraphFailure) -> ProviderError {
    let mut cause: Option<&(dyn Error + 'static)> = match failure {
        GraphFailure::ReqwestError(error) => return transport(error),
        GraphFailure::Other(error) => Some(error.as_ref()),
        other => other.source(),
    };
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return transport(error);
        }
        cause = error.source();
    }
    ProviderError::Temporary("the request could not be sent".into())
}
