//! What clients ask, taken apart.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};

use super::State;

/// A request, taken apart.
pub struct Request {
    pub method: Method,
    pub path: String,
    /// The parts of the path, decoded.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub(super) known_as: Option<String>,
}

impl Request {
    pub fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let decode = |part: &str| percent_decode(part);
        Self {
            method,
            path: uri.path_and_query().map_or_else(|| uri.path().to_string(), ToString::to_string),
            segments: uri.path().split('/').filter(|part| !part.is_empty()).map(decode).collect(),
            query: url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            headers,
            body,
            known_as: None,
        }
    }

    /// A query parameter; names are compared without case when `$`-less OData allows it.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Every value of a query parameter, sorted.
    pub fn values(&self, name: &str) -> Vec<String> {
        let mut values: Vec<String> =
            self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
        values.sort();
        values
    }

    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (kind, token) = value.split_once(' ')?;
        kind.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
    }

    /// The fields of a form body.
    pub fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Where the client believes this host is.
    pub fn origin(&self, state: &State) -> String {
        match (&self.known_as, self.header("host")) {
            (Some(known), _) => known.clone(),
            (None, Some(host)) => format!("http://{host}"),
            (None, None) => state.base.clone(),
        }
    }

    pub fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        if let Some(byte) = digits {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
