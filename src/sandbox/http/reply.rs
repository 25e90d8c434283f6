//! What clients get, whole or in half.

use std::io::{self, Write as _};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::sandbox::graph::subscriptions::Shake;
use crate::sandbox::notices::Notice;

/// A success that is no JSON.
pub const GARBAGE: &str = "<html>\n<title>Please wait</title>\n</html>\n";

/// An answer on its way out.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// `null` is no body at all.
    pub body: Value,
    /// What has to happen before this may be answered.
    pub errand: Option<Box<Errand>>,
    /// It goes out packed.
    pub gzip: bool,
}

/// What an answer waits for, outside the lock.
#[derive(Debug, Clone)]
pub enum Errand {
    /// A notice that comes first.
    Tell(Notice),
    /// The handshake with the receiver of a subscription.
    Shake(Shake),
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body, errand: None, gzip: false }
    }

    /// A success of another shape.
    pub fn odd() -> Self {
        Self::ok(json!(["surprise", {"items": 7, "value": {}}]))
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The last page of a listing, with no way to go on.
    pub fn without_cursor(mut self) -> Self {
        if let Value::Object(fields) = &mut self.body {
            fields.remove("nextSyncToken");
            fields.remove("@odata.deltaLink");
        }
        self
    }

    /// Whatever page of a listing it is: it looks like the end, and is none.
    pub fn torn(mut self) -> Self {
        if let Value::Object(fields) = &mut self.body {
            fields.remove("nextPageToken");
            fields.remove("@odata.nextLink");
        }
        self.without_cursor()
    }

    /// The connection breaks in the middle of the answer.
    pub(super) fn into_half_a_response(self) -> Response {
        let mut text = self.body.to_string().into_bytes();
        let (parts, _) = self.into_response().into_parts();
        let length = HeaderValue::from(text.len());
        text.truncate(text.len() / 2);
        let half = stream::iter([Ok(Bytes::from(text))]);
        let rest = stream::once(async {
            // What is there goes out while this waits.
            tokio::task::yield_now().await;
            Err(io::Error::from(io::ErrorKind::ConnectionAborted))
        });
        let body = Body::from_stream(half.chain(rest));
        let mut response = Response::from_parts(parts, body);
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
        response
    }

    pub fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match self.body {
            Value::Null => status.into_response(),
            body => match self.gzip.then(|| pack(&body.to_string())) {
                Some(Ok(packed)) => {
                    let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                    (status, encoding, packed).into_response()
                }
                _ => (status, body.to_string()).into_response(),
            },
        };
        let headers = response.headers_mut();
        if headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
        response
    }
}

fn pack(text: &str) -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}
