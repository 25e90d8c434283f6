//! One listener for all: takes a request apart, writes it down, and hands it to the vendor it is for.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::sandbox::GoogleClient;
use crate::sandbox::MicrosoftApp;
use crate::sandbox::Options;
use crate::sandbox::auth::{Accounts, ServiceAccountKey};
use crate::sandbox::consents::Consents;
use crate::sandbox::control;
use crate::sandbox::control::faults::{Dealt, Faults, Told};
use crate::sandbox::cursors::{Chains, Cursors, GoogleScope, GraphScope};
use crate::sandbox::google;
use crate::sandbox::google::watch::Channels;
use crate::sandbox::graph;
use crate::sandbox::graph::certificate::Certificate;
use crate::sandbox::graph::subscriptions::{Shake, Subscriptions};
use crate::sandbox::line::Cut;
use crate::sandbox::notices::{Notice, Outbox};
use crate::sandbox::smtp::Post;
use crate::sandbox::world::World;
use crate::sandbox::world::ids::{hash, lower_hex};

/// The most requests that Graph answers at once for one application and mailbox.
const MOST_AT_ONCE: usize = 4;

/// What every handler can reach.
pub struct State {
    pub base: String,
    pub page_size: usize,
    pub key: &'static ServiceAccountKey,
    pub microsoft: MicrosoftApp,
    pub google_client: GoogleClient,
    pub post: Arc<Post>,
    pub outbox: Arc<Outbox>,
    /// Whether notices may go to `http` on loopback.
    pub plain_callbacks: bool,
    /// How many requests each mailbox has in hand, where they take time.
    mailboxes: Mutex<HashMap<String, usize>>,
    all: Mutex<All>,
}

/// What changes, behind one lock that is never held across an await.
pub struct All {
    pub world: World,
    pub accounts: Accounts,
    /// What people have consented to.
    pub consents: Consents,
    /// What was uploaded for the Microsoft application, and which statements it has signed.
    pub certificates: Vec<Certificate>,
    pub statements: HashSet<String>,
    pub google: Cursors<GoogleScope>,
    pub graph: Cursors<GraphScope>,
    pub chains: Chains,
    pub faults: Faults,
    /// The page that is told now is told again afterwards.
    pub again: bool,
    pub channels: Channels,
    pub subscriptions: Subscriptions,
    pub requests: Vec<String>,
    /// Where clients are to look for more, when something stands between them and this listener.
    pub known_as: Option<String>,
}

impl All {
    fn new(world: World) -> Self {
        Self {
            world,
            accounts: Accounts::default(),
            consents: Consents::default(),
            certificates: Vec::new(),
            statements: HashSet::new(),
            google: Cursors::default(),
            graph: Cursors::default(),
            chains: Chains::default(),
            faults: Faults::default(),
            again: false,
            channels: Channels::default(),
            subscriptions: Subscriptions::default(),
            requests: Vec::new(),
            known_as: None,
        }
    }

    /// Writes a request down, and does what is due before it is answered.
    fn deal(&mut self, request: &Request) -> Dealt {
        self.requests.push(format!("{} {}", request.method, request.path));
        let dealt = self.faults.deal(&request.path);
        for whose in &dealt.tokens {
            match whose {
                Some(address) => self.accounts.revoke_readers_of(address, self.world.provider(address)),
                None => self.accounts.revoke(),
            }
        }
        for whose in &dealt.cursors {
            self.lose_cursors(whose.as_deref());
        }
        dealt
    }

    /// Kills the cursors of one calendar, or all of them.
    pub fn lose_cursors(&mut self, address: Option<&str>) {
        let meant = |owner: &str| address.is_none_or(|address| address == owner);
        self.google.expire(|scope| meant(&scope.owner));
        self.graph.expire(|scope| meant(&scope.owner));
    }
}

impl State {
    pub fn new(
        options: &Options,
        key: &'static ServiceAccountKey,
        address: SocketAddr,
        outbox: Arc<Outbox>,
    ) -> Self {
        let mut world = World::new(options.now, options.seed);
        let microsoft = MicrosoftApp {
            tenant_id: world.tenant.clone(),
            client_id: world.mint.guid(),
            client_secret: format!("sandbox~{}", world.mint.token()),
        };
        // Not from the mint: whatever else it makes is to stay as it was.
        let word = |part: &str| lower_hex(&hash(&[&options.seed.to_le_bytes(), part.as_bytes()])[..14]);
        let google_client = GoogleClient {
            client_id: format!("104211111111-{}.apps.googleusercontent.com", word("id")),
            client_secret: format!("GOCSPX-{}", word("secret")),
        };
        Self {
            google_client,
            base: format!("http://{address}"),
            page_size: options.page_size.max(1),
            key,
            microsoft,
            post: Arc::new(Post::new(options.mail_dir.clone())),
            outbox,
            plain_callbacks: options.plain_callbacks,
            mailboxes: Mutex::default(),
            all: Mutex::new(All::new(world)),
        }
    }

    /// An empty world; who was let in stays in.
    pub fn begin(&self, now: DateTime<Utc>, seed: u64) {
        let mut all = self.lock();
        let accounts = std::mem::take(&mut all.accounts);
        let mut world = World::new(now, seed);
        world.tenant.clone_from(&self.microsoft.tenant_id);
        *all = All::new(world);
        all.accounts = accounts;
    }

    pub fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts on their way the notices about whatever changed since this was last called.
    pub fn tell(&self, all: &mut All) {
        let due = all.channels.due(&all.world).into_iter().chain(all.subscriptions.due(&all.world));
        due.for_each(|notice| self.outbox.send(notice));
    }
}

/// A request, taken apart.
pub struct Request {
    pub method: Method,
    pub path: String,
    /// The parts of the path, decoded.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    known_as: Option<String>,
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

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The last page of a listing, with no way to go on.
    fn without_cursor(mut self) -> Self {
        if let Value::Object(fields) = &mut self.body {
            fields.remove("nextSyncToken");
            fields.remove("@odata.deltaLink");
        }
        self
    }

    /// Whatever page of a listing it is: it looks like the end, and is none.
    fn torn(mut self) -> Self {
        if let Value::Object(fields) = &mut self.body {
            fields.remove("nextPageToken");
            fields.remove("@odata.nextLink");
        }
        self.without_cursor()
    }

    /// The connection breaks in the middle of the answer.
    fn into_half_a_response(self) -> Response {
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

/// Google packs its answers for those who ask for it twice: in `Accept-Encoding` and in `User-Agent`.
fn wants_gzip(request: &Request) -> bool {
    let says = |name: &str| request.header(name).is_some_and(|value| value.to_lowercase().contains("gzip"));
    says("accept-encoding") && says("user-agent")
}

fn pack(text: &str) -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}

pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .nest("/_sandbox", control::router())
        .fallback(vendor)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), told))
        .with_state(state)
}

/// Whoever changed the world: those who watch are told before the change is answered for.
async fn told(
    extract::State(state): extract::State<Arc<State>>,
    request: extract::Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    state.tell(&mut state.lock());
    response
}

/// A request that is being answered, of those that count for one mailbox.
struct Place {
    state: Arc<State>,
    mailbox: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut mailboxes = self.state.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = mailboxes.get_mut(&self.mailbox) {
            *held -= 1;
        }
    }
}

/// Where Graph's requests take their time: waits for that long, or refuses when the mailbox has four in
/// hand already.
async fn busy(state: &Arc<State>, request: &Request) -> Result<Option<Place>, Reply> {
    let (takes, mailbox) = match request.parts().as_slice() {
        ["v1.0", "users", key, ..] => (state.lock().world.quirks.graph_takes_ms, key.to_lowercase()),
        _ => return Ok(None),
    };
    if takes == 0 {
        return Ok(None);
    }
    {
        let mut mailboxes = state.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let held = mailboxes.entry(mailbox.clone()).or_default();
        if *held >= MOST_AT_ONCE {
            state.lock().requests.push(format!("{} {}", request.method, request.path));
            return Err(graph::usual_error(429));
        }
        *held += 1;
    }
    let place = Place { state: Arc::clone(state), mailbox };
    tokio::time::sleep(std::time::Duration::from_millis(takes)).await;
    Ok(Some(place))
}

async fn vendor(
    extract::State(state): extract::State<Arc<State>>,
    extract::ConnectInfo(cut): extract::ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = Request::new(method, &uri, headers, body);
    let _place = match busy(&state, &request).await {
        Ok(place) => place,
        Err(refusal) => return refusal.into_response(),
    };
    let dealt = {
        let mut all = state.lock();
        request.known_as.clone_from(&all.known_as);
        all.deal(&request)
    };
    if !dealt.delay.is_zero() {
        tokio::time::sleep(dealt.delay).await;
    }
    let again = matches!(dealt.answer, Told::DuplicatePage);
    match dealt.answer {
        Told::Error(reply) => reply.into_response(),
        Told::Garbage => "<html>\n<title>Please wait</title>\n</html>\n".into_response(),
        Told::OddJson => {
            Reply::ok(serde_json::json!(["surprise", {"items": 7, "value": {}}])).into_response()
        }
        Told::Reset => {
            cut.now();
            // Nobody gets it.
            StatusCode::NO_CONTENT.into_response()
        }
        Told::Truncated => truth(&state, &request, false).await.into_half_a_response(),
        Told::PageWithoutToken => truth(&state, &request, false).await.without_cursor().into_response(),
        Told::TornListing => truth(&state, &request, false).await.torn().into_response(),
        Told::Truth | Told::DuplicatePage => truth(&state, &request, again).await.into_response(),
    }
}

/// What the vendor answers; a page that comes `again` leads to itself.
async fn truth(state: &State, request: &Request, again: bool) -> Reply {
    let (mut reply, token) = {
        let mut all = state.lock();
        all.again = again;
        let reply = answer(state, &mut all, request);
        all.again = false;
        let token = reply.errand.as_ref().map(|_| all.world.mint.guid()).unwrap_or_default();
        (reply, token)
    };
    match reply.errand.take().map(|errand| *errand) {
        None => reply,
        Some(Errand::Tell(notice)) => {
            state.outbox.deliver(&notice).await;
            reply
        }
        Some(Errand::Shake(shake)) => {
            let went = shake.ask(&state.outbox, &token).await;
            shake.finish(&mut state.lock(), reply, went)
        }
    }
}

fn answer(state: &State, all: &mut All, request: &Request) -> Reply {
    match request.parts().as_slice() {
        ["google", "auth"] => google::consent::screen(state, all, request),
        ["google", "revoke"] => google::consent::revoke(all, request),
        ["login", tenant, "oauth2", "v2.0", "authorize"] => {
            graph::consent::screen(state, all, request, tenant)
        }
        ["google", "token"] => google::token::answer(state, all, request),
        ["calendar", "v3", rest @ ..] => {
            Reply { gzip: wants_gzip(request), ..google::answer(state, all, request, rest) }
        }
        ["meet", "v2", rest @ ..] => google::meet::answer(state, all, request, rest),
        ["admin", "directory", "v1", rest @ ..] => google::directory::answer(all, request, rest),
        ["login", tenant, "oauth2", "v2.0", "token"] => graph::login::answer(state, all, request, tenant),
        ["v1.0", rest @ ..] => graph::answer(state, all, request, rest),
        _ => Reply::new(
            404,
            serde_json::json!({"error": format!("the sandbox has nothing at {}", request.path)}),
        ),
    }
}
