//! Notices to the addresses that clients gave: delivered from a task of their own, in their order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::sandbox::bell::Bell;
use crate::sandbox::control::wire::{NoticeRules, Notified, Provider};

/// How long a receiver may take, as with Graph.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses before a notice that met a 5xx is tried again; real ones last hours.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// The most notices that are remembered as sent.
const MOST_REMEMBERED: usize = 10_000;

/// One request to a receiver.
#[derive(Debug, Clone)]
pub struct Notice {
    pub vendor: Provider,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<serde_json::Value>,
}

/// Where notices wait for their delivery, and what became of them.
pub struct Outbox {
    http: reqwest::Client,
    queue: mpsc::UnboundedSender<Notice>,
    seen: Mutex<Seen>,
    /// Rung after each notice that was delivered, given up, or lost.
    pub bell: Bell,
}

#[derive(Default)]
struct Seen {
    rules: NoticeRules,
    done: VecDeque<Notified>,
}

impl Outbox {
    /// An outbox and what its task takes from.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Notice>) {
        // Receivers are on loopback: a proxy of the environment must not come between, and a redirect
        // is a failure with both vendors.
        #[expect(clippy::disallowed_methods, reason = "the sandbox shares nothing with the service")]
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap_or_default();
        let (queue, waiting) = mpsc::unbounded_channel();
        (Arc::new(Self { http, queue, seen: Mutex::default(), bell: Bell::default() }), waiting)
    }

    pub fn rule(&self, rules: NoticeRules) {
        self.lock().rules = rules;
    }

    pub fn done(&self) -> Vec<Notified> {
        self.lock().done.iter().cloned().collect()
    }

    /// How many there are of those.
    pub fn count(&self) -> usize {
        self.lock().done.len()
    }

    pub fn forget(&self) {
        self.lock().done.clear();
    }

    /// Puts a notice on its way, or loses or repeats it as the rules say.
    pub fn send(&self, notice: Notice) {
        let rules = self.lock().rules;
        if rules.lose {
            self.remember(&notice, None, true);
            return;
        }
        for _ in 0..if rules.duplicate { 2 } else { 1 } {
            // It fails when the sandbox ends, and then nobody waits for it.
            drop(self.queue.send(notice.clone()));
        }
    }

    /// Asks a receiver and returns status, media type and text, or what went wrong.
    pub async fn ask(&self, notice: &Notice) -> Result<(u16, String, String), String> {
        let response = self.request(notice)?.send().await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().to_string();
        let text = response.text().await.map_err(|error| error.to_string())?;
        Ok((status, media, text))
    }

    fn request(&self, notice: &Notice) -> Result<reqwest::RequestBuilder, String> {
        // The sandbox talks to this machine alone, whatever address it is given.
        if !on_loopback(&notice.url) {
            return Err(format!("{} is not on loopback", notice.url));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &notice.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let request = self.http.post(notice.url.clone()).headers(headers);
        Ok(match &notice.body {
            Some(body) => request.json(body),
            None => request.header("content-length", "0"),
        })
    }

    /// Delivers one notice, and writes down how it went.
    pub async fn deliver(&self, notice: &Notice) {
        let mut status = None;
        for pause in [Duration::ZERO].iter().chain(&PAUSES) {
            tokio::time::sleep(*pause).await;
            status = match self.ask(notice).await {
                Ok((status, ..)) => Some(status),
                Err(error) => {
                    tracing::debug!(%error, "a notice was not delivered");
                    None
                }
            };
            if !matches!(status, Some(500 | 502..=504)) {
                break;
            }
        }
        self.remember(notice, status, false);
    }

    fn remember(&self, notice: &Notice, status: Option<u16>, lost: bool) {
        let mut seen = self.lock();
        if seen.done.len() >= MOST_REMEMBERED {
            seen.done.pop_front();
        }
        seen.done.push_back(Notified {
            provider: notice.vendor,
            url: notice.url.to_string(),
            headers: notice.headers.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            body: notice.body.clone(),
            lost,
            status,
        });
        drop(seen);
        self.bell.ring();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers until told to stop.
pub async fn deliver(
    outbox: Arc<Outbox>,
    mut waiting: mpsc::UnboundedReceiver<Notice>,
    stop: CancellationToken,
) {
    loop {
        let notice = tokio::select! {
            () = stop.cancelled() => return,
            notice = waiting.recv() => match notice {
                Some(notice) => notice,
                None => return,
            },
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = outbox.deliver(&notice) => {}
        }
    }
}

/// Reads an address that notices are to go to: `https`, or plain `http` on loopback where the sandbox
/// was started so.
pub fn callback(text: &str, plain: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    match url.scheme() {
        "https" => Some(url),
        "http" if plain && on_loopback(&url) => Some(url),
        _ => None,
    }
}

fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
