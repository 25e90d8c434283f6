//! The least that reading calendars can cost: a client that gets the same tokens, downloads the same
//! pages, as many at a time and over connections that it keeps as well, and parses their JSON. It
//! shares nothing with mentord but the libraries for HTTP, TLS and JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mentord::clock::{Clock as _, SystemClock};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::Signer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::Failed;

/// What the bare client is to do, in a file.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub wanted: Wanted,
    /// The first request of a full listing of each calendar, as mentord makes it.
    pub listings: Vec<Url>,
    pub at_once: usize,
    pub google_key: PathBuf,
    pub login_url: Url,
    /// The form that Microsoft's login takes.
    pub login: BTreeMap<String, String>,
    /// Where the cursors are kept: written by a full reading, read by a poll.
    pub cursors: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// No calendar at all, only the tokens to read them with.
    Tokens,
    Everything,
    Changes,
}

/// What it did.
#[derive(Default, Serialize, Deserialize)]
pub struct Told {
    pub requests: usize,
    pub bytes: usize,
    pub items: usize,
}

struct Client {
    order: Order,
    google: Google,
    http: reqwest::Client,
    /// Google's library asks for no compression.
    plain: reqwest::Client,
    graph_token: OnceCell<String>,
    known: BTreeMap<String, String>,
    requests: AtomicUsize,
    bytes: AtomicUsize,
    items: AtomicUsize,
}

struct Google {
    account: Value,
    signer: Box<dyn Signer>,
}

/// Does what the file says and tells about it on standard output.
pub async fn run(file: &Path) -> Result<(), Failed> {
    let order: Order = serde_json::from_slice(&fs::read(file)?)?;
    let known = match order.wanted {
        Wanted::Changes => serde_json::from_slice(&fs::read(&order.cursors)?)?,
        Wanted::Tokens | Wanted::Everything => BTreeMap::new(),
    };
    #[expect(clippy::disallowed_methods, reason = "a client of its own is what it is")]
    let builder = || reqwest::Client::builder().no_proxy().user_agent("bare");
    let client = Client {
        google: Google::new(&order.google_key)?,
        http: builder().build()?,
        plain: builder().no_gzip().build()?,
        graph_token: OnceCell::new(),
        known,
        order,
        requests: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        items: AtomicUsize::new(0),
    };
    let readings = stream::iter(&client.order.listings).map(|first| client.read(first));
    let cursors: BTreeMap<String, String> =
        readings.buffer_unordered(client.order.at_once).try_collect().await?;
    if client.order.wanted != Wanted::Tokens {
        fs::write(&client.order.cursors, serde_json::to_vec(&cursors)?)?;
    }
    let told = Told {
        requests: client.requests.into_inner(),
        bytes: client.bytes.into_inner(),
        items: client.items.into_inner(),
    };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

impl Client {
    /// Reads the calendar of which a full listing begins with `first`; its name and new cursor.
    async fn read(&self, first: &Url) -> Result<(String, String), Failed> {
        let path: Vec<&str> = first.path().split('/').collect();
        let (google, name) = match path[..] {
            ["", "calendar", "v3", "calendars", name, "events"] => (true, name),
            ["", "v1.0", "users", name, "calendarView", "delta"] => (false, name),
            _ => return Err(format!("{first} lists no calendar").into()),
        };
        let token = match google {
            true => self.google_token(name).await?,
            false => self.graph_token.get_or_try_init(|| self.graph_token()).await?.clone(),
        };
        if self.order.wanted == Wanted::Tokens {
            return Ok((name.to_owned(), String::new()));
        }
        let mut begin = first.clone();
        if let Some(cursor) = self.known.get(name) {
            match google {
                true => {
                    let kept = first.query_pairs().filter(|(key, _)| key != "timeMin" && key != "timeMax");
                    begin.query_pairs_mut().clear().extend_pairs(kept).append_pair("syncToken", cursor);
                }
                false => begin = cursor.parse()?,
            }
        }
        let mut next = begin.clone();
        loop {
            let request = match google {
                true => self.plain.get(next),
                false => self.http.get(next).header(
                    "prefer",
                    r#"outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize=50"#,
                ),
            };
            let page = self.answer(request.bearer_auth(&token)).await?;
            let (items, more, cursor) = match google {
                true => ("items", "nextPageToken", "nextSyncToken"),
                false => ("value", "@odata.nextLink", "@odata.deltaLink"),
            };
            self.items.fetch_add(page[items].as_array().map_or(0, Vec::len), Ordering::Relaxed);
            match page[more].as_str() {
                Some(token) if google => {
                    next = begin.clone();
                    next.query_pairs_mut().append_pair("pageToken", token);
                }
                Some(link) => next = link.parse()?,
                None => {
                    let cursor = page[cursor].as_str().ok_or("a listing without an end")?;
                    return Ok((name.to_owned(), cursor.to_owned()));
                }
            }
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failed> {
        let response = request.send().await?.error_for_status()?;
        let body = response.bytes().await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(body.len(), Ordering::Relaxed);
        Ok(serde_json::from_slice(&body)?)
    }

    async fn graph_token(&self) -> Result<String, Failed> {
        token(&self.answer(self.http.post(self.order.login_url.clone()).form(&self.order.login)).await?)
    }

    async fn google_token(&self, subject: &str) -> Result<String, Failed> {
        let url = self.google.account["token_uri"].as_str().ok_or("no token_uri")?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &self.google.assertion(subject, url)?),
        ];
        token(&self.answer(self.plain.post(url).form(&form)).await?)
    }
}

fn token(answer: &Value) -> Result<String, Failed> {
    Ok(answer["access_token"].as_str().ok_or("an answer without a token")?.to_owned())
}

impl Google {
    fn new(key_file: &Path) -> Result<Self, Failed> {
        let account: Value = serde_json::from_slice(&fs::read(key_file)?)?;
        let pem = account["private_key"].as_str().ok_or("no private_key")?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key)?;
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or("no RSA key")?;
        Ok(Self { account, signer })
    }

    fn assertion(&self, subject: &str, audience: &str) -> Result<String, Failed> {
        let now = SystemClock.now().timestamp();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "RS256", "typ": "JWT"}));
        let claims = part(json!({
            "iss": self.account["client_email"],
            "sub": subject,
            "scope": "https://www.googleapis.com/auth/calendar.events.readonly",
            "aud": audience,
            "iat": now,
            "exp": now + 3600 - 5,
        }));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.signer.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }
}
