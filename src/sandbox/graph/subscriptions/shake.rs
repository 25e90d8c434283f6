//! The handshake by which Graph finds out whether a receiver wants what it will be sent.

use chrono::{DateTime, Utc};
use url::Url;

use crate::sandbox::control::wire::Provider;
use crate::sandbox::graph::error;
use crate::sandbox::http::{All, Reply};
use crate::sandbox::notices::{Notice, Outbox};

/// A handshake that stands before the answer.
#[derive(Debug, Clone)]
pub struct Shake {
    pub(super) id: String,
    pub(super) urls: Vec<Url>,
    /// The new end, when an address of a subscription is changed.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Shake {
    /// Asks each address; what is wrong with the first that does not answer as it must.
    pub async fn ask(&self, outbox: &Outbox, token: &str) -> Result<(), String> {
        let token = format!(
            "Validation: Testing client application reachability for subscription Request-Id: {token}"
        );
        for url in &self.urls {
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("validationToken", &token);
            let headers = vec![("content-type", "text/plain; charset=utf-8".to_string())];
            let notice = Notice { vendor: Provider::Microsoft, url, headers, body: None };
            let (status, media, text) = outbox.ask(&notice).await?;
            if status != 200 {
                return Err(format!("it answered {status} instead of 200"));
            }
            if !media.to_lowercase().starts_with("text/plain") {
                return Err(format!("its answer is of type '{media}' instead of text/plain"));
            }
            if text != token {
                return Err("its answer is not the decoded validation token".into());
            }
        }
        Ok(())
    }

    /// Writes down how it went.
    pub fn finish(&self, all: &mut All, reply: Reply, went: Result<(), String>) -> Reply {
        let place = all.subscriptions.live.iter().position(|one| one.id == self.id);
        let Some(place) = place else {
            return error(404, "ResourceNotFound", "The object was not found.");
        };
        if let Err(why) = went {
            if self.until.is_none() {
                all.subscriptions.live.remove(place);
            }
            let told = format!(
                "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request: {why}."
            );
            return error(400, "ValidationError", &told);
        }
        let one = &mut all.subscriptions.live[place];
        one.valid = true;
        if let (Some(until), Some(url)) = (self.until, self.urls.first()) {
            one.until = until;
            one.url = url.clone();
        }
        reply
    }
}
