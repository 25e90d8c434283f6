//! Channels through which Calendar v3 tells of changes (the guide "Get push notifications").

use chrono::{DateTime, Utc};
use google_calendar3::api;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Watch};
use super::auth::Scope;
use super::client::{Calendar, segment};
use super::errors::Failure;
use crate::domain::people::Address;
use crate::providers::{Channel, ProviderError, Wish};

/// What is needed of an answer. Google's definition has the time as a text, its guide as a number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    resource_id: Option<String>,
    expiration: Option<Value>,
}

impl Calendar {
    /// Opens a channel. Google decides how long it lasts.
    pub async fn watch(&self, mailbox: &Address, wish: &Wish) -> Result<Channel, ProviderError> {
        let request = |token| self.open(token, mailbox, wish);
        let opened = self.auth.send(mailbox, Scope::Events, request).await?;
        let ends = match &opened.expiration {
            Some(Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_i64(),
            None => None,
        };
        let expires_at = ends.and_then(DateTime::<Utc>::from_timestamp_millis);
        match (opened.resource_id, expires_at) {
            (Some(resource), Some(expires_at)) => {
                // Whether anything gets through shows the first notice, which Google sends by itself.
                Ok(Channel { id: wish.id.clone(), resource, expires_at, heard: false })
            }
            _ => Err(ProviderError::Garbled("a channel without a resource or an end".into())),
        }
    }

    /// Ends a channel that this service account opened.
    pub async fn unwatch(&self, mailbox: &Address, channel: &Channel) -> Result<(), ProviderError> {
        let request = |token| self.stop(token, channel);
        match self.auth.send(mailbox, Scope::Events, request).await {
            Err(failure) if failure.status() == Some(404) => Ok(()),
            answer => Ok(answer?),
        }
    }

    async fn open(&self, token: String, mailbox: &Address, wish: &Wish) -> Result<Opened, Failure> {
        let hub = self.hub(token);
        let mut watch = Watch::default();
        let channel = api::Channel {
            id: Some(wish.id.clone()),
            type_: Some("web_hook".into()),
            address: Some(wish.address.to_string()),
            token: Some(wish.secret.expose_secret().into()),
            expiration: Some(wish.until.timestamp_millis()),
            ..api::Channel::default()
        };
        let call = hub
            .events()
            .watch(channel, &segment(mailbox.as_str()))
            .delegate(&mut watch)
            .add_scope(Scope::Events.as_str())
            .single_events(true);
        let answer = tokio::time::timeout(self.timeout, call.doit()).await;
        Ok(match watch.settle(answer)? {
            Answer::Read(channel) => {
                Opened { resource_id: channel.resource_id, expiration: channel.expiration.map(Value::from) }
            }
            Answer::Undecodable(text) => serde_json::from_str(&text)
                .map_err(|_| ProviderError::Garbled("the channel cannot be decoded".into()))?,
        })
    }

    async fn stop(&self, token: String, channel: &Channel) -> Result<(), Failure> {
        let hub = self.hub(token);
        let mut watch = Watch::default();
        let named = api::Channel {
            id: Some(channel.id.clone()),
            resource_id: Some(channel.resource.clone()),
            ..api::Channel::default()
        };
        let call = hub.channels().stop(named).delegate(&mut watch).add_scope(Scope::Events.as_str());
        let answered = async { Ok((call.doit().await?, ())) };
        let answer = tokio::time::timeout(self.timeout, answered).await;
        watch.settle(answer)?.read()
    }
}
