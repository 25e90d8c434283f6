//! Subscriptions through which Graph tells of changes ("Set up notifications for changes in resource
//! data", and its page on lifecycle notifications).

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calendar::Calendar;
use super::client::Client;
use crate::providers::{Channel, ProviderError, Wish};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: String,
    #[serde(default)]
    resource: Option<String>,
    expiration_date_time: DateTime<Utc>,
}

impl Calendar<'_> {
    /// Subscribes to all events of the mailbox. Graph calls the address before it answers.
    pub async fn watch(&self, wish: &Wish) -> Result<Channel, ProviderError> {
        let resource = format!("/users/{}/events", self.mailbox.as_str());
        let wanted = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": wish.address.as_str(),
            "lifecycleNotificationUrl": wish.address.as_str(),
            "resource": resource,
            "expirationDateTime": text(wish.until),
            "clientState": wish.secret.expose_secret(),
        });
        let url = self.client.url(&["subscriptions"], &[]);
        let made: Subscription = self.client.post(url, &wanted).await?;
        Ok(Channel {
            id: made.id,
            resource: made.resource.unwrap_or(resource),
            expires_at: made.expiration_date_time,
            heard: true,
        })
    }
}

/// Lets a subscription last; this authorises it anew as well. `None` when there is none any more.
pub async fn renew(
    client: &Client,
    channel: &Channel,
    until: DateTime<Utc>,
) -> Result<Option<Channel>, ProviderError> {
    let url = client.url(&["subscriptions", &channel.id], &[]);
    let wanted = json!({"expirationDateTime": text(until)});
    match client.patch::<Subscription>(url, &wanted).await {
        Ok(renewed) => Ok(Some(Channel { expires_at: renewed.expiration_date_time, ..channel.clone() })),
        Err(failure) if failure.is_missing() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Ends a subscription.
pub async fn unwatch(client: &Client, channel: &Channel) -> Result<(), ProviderError> {
    match client.delete(client.url(&["subscriptions", &channel.id], &[])).await {
        Err(failure) if !failure.is_missing() => Err(failure.into()),
        _ => Ok(()),
    }
}

fn text(at: DateTime<Utc>) -> Value {
    Value::from(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
