//! One Graph client for all mailboxes of a connection: each client builds a TLS stack of its own.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use graph_rs_sdk::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use graph_rs_sdk::http::{BodyRead, Method};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::auth::Auth;
use super::consent;
use super::error::{ApiError, Failure, transport};
use crate::config::{self, MicrosoftAuth};
use crate::domain::people::Address;
use crate::providers::{Budget, ProviderError, Tokens};

/// Said with every request: links do not carry it on.
const PREFER: &str = r#"outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize=50"#;

/// More pages, of fifty each, than any calendar has. A mailbox answers 10,000 requests in ten minutes.
const PAGES_MAX: usize = 500;

/// Graph over HTTP, for all mailboxes of a connection.
#[derive(Clone)]
pub struct Graph {
    graph: GraphClient,
    source: Source,
    root: Url,
    budget: Arc<dyn Budget>,
}

/// Graph over HTTP, on behalf of one mailbox: tokens, headers, links and errors.
pub struct Client {
    shared: Graph,
    mailbox: Address,
    /// What has to be consented to.
    scope: &'static str,
}

/// Where tokens come from.
#[derive(Clone)]
enum Source {
    /// The application has permissions of its own.
    Application(Arc<Auth>),
    /// The people consented, each for themselves.
    Consent(Arc<dyn Tokens>),
}

/// The items of a listing and the link with which the next one begins.
#[derive(Debug)]
pub struct Pages<T> {
    pub items: Vec<Listed<T>>,
    pub delta_link: Option<String>,
}

/// One item of a listing.
#[derive(Debug)]
pub enum Listed<T> {
    Read(T),
    /// It cannot be read as what it should be, and is left as it came.
    Odd(Value),
}

#[derive(Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

impl Graph {
    pub fn new(
        config: &config::Microsoft,
        timeout: Duration,
        budget: Arc<dyn Budget>,
        tokens: Option<Arc<dyn Tokens>>,
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
        let source = match (config.auth, tokens) {
            (MicrosoftAuth::ClientCredentials, _) => {
                Source::Application(Arc::new(Auth::new(config, timeout)?))
            }
            (MicrosoftAuth::UserConsent, Some(tokens)) => Source::Consent(tokens),
            (MicrosoftAuth::UserConsent, None) => {
                let text = "nobody's consent is kept: write [accounts] with `key_file`";
                return Err(ProviderError::Refused(text.into()));
            }
        };
        Ok(Self { graph, source, root, budget })
    }

    /// What is asked of the calendar of `mailbox`.
    pub fn of(&self, mailbox: &Address) -> Client {
        Client { shared: self.clone(), mailbox: mailbox.clone(), scope: consent::CALENDARS }
    }

    /// What is asked of the calls that `mailbox` organised.
    pub fn calls_of(&self, mailbox: &Address) -> Client {
        Client { scope: consent::ATTENDANCE, ..self.of(mailbox) }
    }
}

impl Client {
    /// Those who consented, where it rests on that; else the application has permissions of its own.
    pub fn consented(&self) -> Option<&dyn Tokens> {
        match &self.shared.source {
            Source::Application(_) => None,
            Source::Consent(tokens) => Some(tokens.as_ref()),
        }
    }

    async fn token(&self) -> Result<SecretString, ProviderError> {
        match &self.shared.source {
            Source::Application(auth) => auth.token().await,
            Source::Consent(tokens) => tokens.token(&self.mailbox, self.scope).await,
        }
    }

    async fn reject(&self, token: &SecretString) -> Result<(), ProviderError> {
        match &self.shared.source {
            Source::Application(auth) => {
                auth.reject(token).await;
                Ok(())
            }
            Source::Consent(tokens) => tokens.reject(&self.mailbox, token).await,
        }
    }

    /// An address below the root, its segments and values escaped whatever they hold.
    pub fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.shared.root.clone();
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
        (url.origin() == self.shared.root.origin()).then_some(url)
    }

    /// The one thing at `url`.
    pub async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, Failure> {
        self.thing(Method::GET, url, None).await
    }

    /// Makes a thing below `url`, and returns it as it was made.
    pub async fn post<T: DeserializeOwned>(&self, url: Url, thing: &Value) -> Result<T, Failure> {
        self.thing(Method::POST, url, Some(thing)).await
    }

    /// Changes the thing at `url`, and returns it as it is now.
    pub async fn patch<T: DeserializeOwned>(&self, url: Url, change: &Value) -> Result<T, Failure> {
        self.thing(Method::PATCH, url, Some(change)).await
    }

    /// Removes the thing at `url`.
    pub async fn delete(&self, url: Url) -> Result<(), Failure> {
        self.answer(Method::DELETE, url, None).await.map(drop)
    }

    async fn thing<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let answer = self.answer(method, url, body).await?;
        serde_json::from_slice(&answer).map_err(|error| unreadable(&error))
    }

    /// What a request is answered with. Every request to Graph comes through here.
    async fn answer(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Vec<u8>, Failure> {
        // Before the token: it is not to grow old while it waits.
        let turn = self.shared.budget.request(&self.mailbox).await?;
        let token = self.token().await?;
        match self.send(method.clone(), url.clone(), body, &token).await {
            // The token may have been withdrawn before its time: once with a new one.
            Err(Failure::Api(error)) if error.status == StatusCode::UNAUTHORIZED => {
                self.reject(&token).await?;
                drop(turn);
                let _turn = self.shared.budget.request(&self.mailbox).await?;
                let token = self.token().await?;
                self.send(method, url, body, &token).await
            }
            answer => answer,
        }
    }

    /// All pages of the listing that begins at `url`.
    pub async fn pages<T: DeserializeOwned>(&self, url: Url) -> Result<Pages<T>, Failure> {
        let garbled = |text: &str| Failure::Other(ProviderError::Garbled(text.into()));
        let mut seen = HashSet::from([url.clone()]);
        let mut items = Vec::new();
        let mut next = url;
        loop {
            let page = Page::read(&self.answer(Method::GET, next, None).await?)
                .map_err(|error| unreadable(&error))?;
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

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        token: &SecretString,
    ) -> Result<Vec<u8>, Failure> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| ProviderError::Garbled("the token cannot stand in a header".into()))?;
        bearer.set_sensitive(true);
        let mut request = self.shared.graph.custom(method, body.map(|body| BodyRead::from(body.to_string())));
        *request.as_mut() = url;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(HeaderName::from_static("prefer"), HeaderValue::from_static(PREFER));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let response = request.send().await.map_err(|error| below_http(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| transport(&error))?;
        if status.is_success() {
            return Ok(body.into());
        }
        let consented = self.consented().is_some();
        Err(Failure::Api(ApiError { consented, ..ApiError::read(status, &headers, &body) }))
    }
}

impl<T: DeserializeOwned> Page<Listed<T>> {
    /// As a rule every item can be read, and what nobody needs of it is passed over at once: most of
    /// an event is that. One that cannot be read must not take the page with it.
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        if let Ok(page) = serde_json::from_slice::<Page<T>>(body) {
            return Ok(page.each(Listed::Read));
        }
        let page: Page<Value> = serde_json::from_slice(body)?;
        Ok(page.each(Listed::new))
    }
}

impl<T: DeserializeOwned> Listed<T> {
    pub fn new(value: Value) -> Self {
        match T::deserialize(&value) {
            Ok(item) => Self::Read(item),
            // What serde says of it would quote the event.
            Err(_) => {
                tracing::debug!("an item of a listing cannot be read");
                Self::Odd(value)
            }
        }
    }
}

impl<T> Page<T> {
    fn each<U>(self, to: impl FnMut(T) -> U) -> Page<U> {
        Page {
            value: self.value.into_iter().map(to).collect(),
            next_link: self.next_link,
            delta_link: self.delta_link,
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    let place = (error.line(), error.column());
    ProviderError::Garbled(format!("the answer is not what it should be, at {place:?}")).into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_cannot_be_read_does_not_take_the_page_with_it() {
        let read = |text: &str| {
            let page: Page<Listed<u8>> = Page::read(text.as_bytes()).expect("a page");
            let items = page.value.into_iter().map(|item| match item {
                Listed::Read(number) => number.to_string(),
                Listed::Odd(value) => format!("odd {value}"),
            });
            (items.collect::<Vec<_>>().join(", "), page.next_link, page.delta_link)
        };
        let next = r#"{"@odata.context": "c", "value": [1, 2], "@odata.nextLink": "n"}"#;
        assert_eq!(read(next), ("1, 2".into(), Some("n".into()), None));
        let last = r#"{"value": [1, {"a": 1}, 300, 2], "@odata.deltaLink": "d"}"#;
        assert_eq!(read(last), (r#"1, odd {"a":1}, odd 300, 2"#.into(), None, Some("d".into())));
        assert!(Page::<Listed<u8>>::read(br#"{"value": 1}"#).is_err());
    }
}
