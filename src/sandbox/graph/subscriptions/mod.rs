//! Graph's subscriptions: the handshake, change notices, and lifecycle notices.

mod answers;
mod shake;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::Url;

pub use answers::answer;
pub use shake::Shake;

use crate::sandbox::control::wire::{Lifecycle, Provider, Removal, Watch};
use crate::sandbox::graph::event::{GraphView, etag};
use crate::sandbox::notices::Notice;
use crate::sandbox::world::{Change, World};

/// How long a subscription for events may live, and the least that a shorter wish is raised to.
const LONGEST: Duration = Duration::minutes(10_080);
const SHORTEST: Duration = Duration::minutes(45);
/// The most subscriptions of one mailbox.
const MOST: usize = 1000;
const CHANGES: [&str; 3] = ["created", "updated", "deleted"];

/// The subscriptions there are.
#[derive(Default)]
pub struct Subscriptions {
    live: Vec<Subscription>,
    /// Removed by Microsoft; their client is told when it next tries to renew.
    doomed: Vec<Subscription>,
}

#[derive(Clone)]
struct Subscription {
    id: String,
    owner: String,
    user_id: String,
    resource: String,
    changes: Vec<String>,
    url: Url,
    lifecycle: Option<Url>,
    client_state: Option<String>,
    until: DateTime<Utc>,
    immutable: bool,
    told: u64,
    /// Its receiver answered the handshake.
    valid: bool,
}

impl Subscription {
    fn shown(&self, app: &str) -> Value {
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": app,
            "changeType": self.changes.join(","),
            "clientState": self.client_state,
            "notificationUrl": self.url.as_str(),
            "notificationQueryOptions": null,
            "lifecycleNotificationUrl": self.lifecycle.as_ref().map(Url::as_str),
            "expirationDateTime": time(self.until),
            "creatorId": app,
            "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": null,
            "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }

    /// What both kinds of notice begin with.
    fn head(&self, tenant: &str) -> Value {
        json!({
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": time(self.until),
            "clientState": self.client_state,
            "tenantId": tenant,
        })
    }

    fn lifecycle_notice(&self, tenant: &str, event: Lifecycle) -> Option<Notice> {
        let mut item = self.head(tenant);
        item["lifecycleEvent"] = json!(event);
        Some(post(self.lifecycle.clone()?, vec![item]))
    }

    fn change_notice(&self, world: &World, change: &Change) -> Option<Value> {
        let meeting = world.meetings.get(change.meeting)?;
        let view = GraphView { immutable: self.immutable, ..GraphView::plain(world, &self.owner) };
        let kind = if !view.holds(meeting, meeting.standing(&self.owner)) {
            "deleted"
        } else if change.seq == meeting.born {
            "created"
        } else {
            "updated"
        };
        if !self.changes.iter().any(|wanted| wanted == kind) {
            return None;
        }
        // Occurrences are no items of the mailbox: their series is what changed.
        let id = view.id(meeting, None);
        let path = format!("Users/{}/Events/{id}", self.user_id);
        let mut item = self.head(&world.tenant);
        item["changeType"] = json!(kind);
        item["resource"] = json!(path);
        item["resourceData"] = json!({
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": path,
            "@odata.etag": etag(meeting, meeting.stamp),
            "id": id,
        });
        Some(item)
    }
}

impl Subscriptions {
    /// What has to be told after the world changed: everything for one address goes in one request.
    pub fn due(&mut self, world: &World) -> Vec<Notice> {
        self.live.retain(|one| one.until > world.now);
        let mut items: BTreeMap<String, (Url, Vec<Value>)> = BTreeMap::new();
        for one in self.live.iter_mut().filter(|one| one.valid) {
            for change in world.changes_since(&one.owner, one.told) {
                if let Some(item) = one.change_notice(world, change) {
                    let slot = items.entry(one.url.to_string());
                    slot.or_insert_with(|| (one.url.clone(), Vec::new())).1.push(item);
                }
            }
            one.told = world.seq;
        }
        items.into_values().map(|(url, value)| post(url, value)).collect()
    }

    /// Ends the subscriptions of one mailbox, or all, without a word.
    pub fn expire(&mut self, owner: Option<&str>) {
        self.live.retain(|one| owner.is_some_and(|owner| owner != one.owner));
    }

    /// Microsoft removes a subscription and says so, at once or when it is to be renewed.
    pub fn remove(&mut self, tenant: &str, id: &str, when: Removal) -> Result<Option<Notice>, String> {
        let place = self.place(id)?;
        let one = self.live.remove(place);
        match when {
            Removal::Silent => Ok(None),
            Removal::Told => Ok(one.lifecycle_notice(tenant, Lifecycle::SubscriptionRemoved)),
            Removal::AtRenewal => {
                self.doomed.push(one);
                Ok(None)
            }
        }
    }

    /// A lifecycle notice for a subscription that goes on.
    pub fn lifecycle(&self, tenant: &str, id: &str, event: Lifecycle) -> Result<Notice, String> {
        let one = self.live.get(self.place(id)?);
        one.and_then(|one| one.lifecycle_notice(tenant, event))
            .ok_or_else(|| format!("{id}: it was made without a lifecycleNotificationUrl"))
    }

    fn place(&self, id: &str) -> Result<usize, String> {
        let told = || format!("{id}: there is no such subscription; GET /_sandbox/watches lists them");
        self.live.iter().position(|one| one.valid && one.id == id).ok_or_else(told)
    }

    pub fn list(&self) -> impl Iterator<Item = Watch> {
        self.live.iter().filter(|one| one.valid).map(|one| Watch {
            provider: Provider::Microsoft,
            id: one.id.clone(),
            address: one.owner.clone(),
            resource: one.resource.clone(),
            url: one.url.to_string(),
            secret: one.client_state.clone(),
            expires_at: one.until,
        })
    }
}

fn post(url: Url, value: Vec<Value>) -> Notice {
    Notice { vendor: Provider::Microsoft, url, headers: Vec::new(), body: Some(json!({"value": value})) }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
