//! A browser, as far as signing in needs one: it keeps cookies and follows where it is sent.

use std::collections::BTreeMap;

use mentord::store::ConsentKind;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use url::Url;

use super::stage::Stage;

/// A page as somebody sees it.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

#[derive(Default)]
pub struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    /// Where it was sent on the way to the last page, that one included.
    pub way: Vec<Url>,
}

impl Browser {
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a browser of its own, not the service's client")]
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self { http, ..Self::default() }
    }

    pub async fn open(&mut self, url: &str) -> Page {
        self.way.clear();
        let mut next: Url = url.parse().expect("a URL");
        for _ in 0..10 {
            self.way.push(next.clone());
            let answer = self.one(self.http.get(next.clone())).await;
            match answer.headers.get(LOCATION) {
                Some(location) => {
                    let location = location.to_str().expect("text");
                    next = answer.url.join(location).expect("a place to go");
                }
                None => return answer,
            }
        }
        panic!("sent in circles: {:?}", self.way)
    }

    /// Sends the one form of the page.
    pub async fn submit(&mut self, page: &Page) -> Page {
        assert!(page.html.contains("<form method=\"post\">"), "{}", page.html);
        self.one(self.http.post(page.url.clone())).await
    }

    /// Follows the link with this text.
    pub async fn follow(&mut self, page: &Page, text: &str) -> Page {
        let url = page.link(text);
        self.open(&url).await
    }

    /// Follows the link only as far as the first answer, as if the person closed the tab there.
    pub async fn step(&mut self, url: &str) -> Page {
        self.one(self.http.get(url)).await
    }

    async fn one(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match cookies.is_empty() {
            true => request,
            false => request.header("cookie", cookies.join("; ")),
        };
        let answer = request.send().await.expect("an answer");
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
            let (name, rest) = cookie.split_once('=').expect("a name");
            let value = rest.split(';').next().unwrap_or_default();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let (url, status) = (answer.url().clone(), answer.status().as_u16());
        let headers = answer.headers().clone();
        Page { url, status, headers, html: answer.text().await.expect("text") }
    }
}

impl Page {
    /// Where the link with this text leads.
    pub fn link(&self, text: &str) -> String {
        let end = self.html.find(&format!(">{text}")).unwrap_or_else(|| panic!("no {text} in {}", self.html));
        let before = &self.html[..end];
        let start = before.rfind("href=\"").expect("a link") + 6;
        let href = &before[start..start + before[start..].find('"').expect("an end")];
        self.url.join(&href.replace("&#x2f;", "/").replace("&amp;", "&")).expect("a URL").into()
    }

    pub fn says(&self, text: &str) -> bool {
        self.html.split_whitespace().collect::<Vec<_>>().join(" ").contains(text)
    }
}

/// Somebody consents.
pub async fn connect(stage: &Stage, who: &str) {
    let mut browser = Browser::new();
    let page = browser.open(&stage.link(who, ConsentKind::Connect).await).await;
    let done = browser.follow(&page, "Continue to").await;
    assert!(done.says("is connected"), "{}", done.html);
}
