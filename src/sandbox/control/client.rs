//! A typed client for the control endpoints. It speaks HTTP, so it also works from another process.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::sandbox::control::wire::{
    Alteration, ApplicationOrder, Fault, Join, Lifecycle, LifecycleOrder, Mail, Mailbox, MailboxOrder,
    NewMeeting, NewPerson, NoticeRules, Notified, Person, Planned, Provider, Quirks, Removal, RemovalOrder,
    Response, TrueMeeting, Watch, Will,
};

/// Why a control call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The sandbox did not answer, or not in JSON.
    #[error("the sandbox cannot be reached at {url}: {source}")]
    Unreachable {
        /// What was called.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The sandbox found the call wrong.
    #[error("the sandbox refused {url}: {told}")]
    Refused {
        /// What was called.
        url: String,
        /// What it said.
        told: String,
    },
}

type Done<T> = Result<T, ControlError>;
type Original = Option<DateTime<Utc>>;

/// Controls one sandbox.
#[derive(Debug, Clone)]
pub struct Control {
    base: String,
    http: reqwest::Client,
}

impl Control {
    /// A control for the sandbox at `url`, as [`crate::sandbox::Sandbox::url`] gives it.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        // Loopback only: a proxy of the environment must not come between.
        #[expect(clippy::disallowed_methods, reason = "the sandbox shares nothing with the service")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
        Self { base: url.into().trim_end_matches('/').to_string(), http }
    }

    /// Empties the world, as if the sandbox had begun with this time and seed. Whoever was let in by
    /// the vendors stays in.
    pub async fn begin(&self, now: DateTime<Utc>, seed: u64) -> Done<()> {
        self.order("begin", &json!({"now": now, "seed": seed})).await
    }

    /// Sets the world's time.
    pub async fn clock(&self, now: DateTime<Utc>) -> Done<()> {
        self.order("clock", &json!({"now": now})).await
    }

    /// Says where clients reach the sandbox, when that is through something else: the links in its
    /// answers lead there. `None` is the address that each request was sent to.
    pub async fn known_as(&self, url: Option<&str>) -> Done<()> {
        self.order("origin", &json!({"url": url})).await
    }

    /// Adds people; those who are known already are updated.
    pub async fn people(&self, people: &[NewPerson]) -> Done<Vec<Person>> {
        self.post("people", &people).await
    }

    /// Adds one person.
    pub async fn person(&self, address: &str, name: &str, provider: Provider) -> Done<()> {
        let new = NewPerson { address: address.into(), name: name.into(), provider, ..NewPerson::default() };
        self.people(&[new]).await.map(drop)
    }

    /// Everyone the world knows.
    pub async fn everyone(&self) -> Done<Vec<Person>> {
        self.get("people").await
    }

    /// Plans a meeting.
    pub async fn plan(&self, meeting: &NewMeeting) -> Done<Planned> {
        self.post("meetings", meeting).await
    }

    /// Plans many meetings at once, in their order; those before one that makes no sense are planned.
    pub async fn plan_all(&self, meetings: &[NewMeeting]) -> Done<Vec<Planned>> {
        self.post("meetings/all", &meetings).await
    }

    /// Every meeting with its occurrences between two times, as they truly are.
    pub async fn meetings(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Done<Vec<TrueMeeting>> {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        self.get(&format!("meetings?from={}&to={}", time(from), time(to))).await
    }

    /// Moves a meeting, or the occurrence with this original start, to a wall-clock time in its zone.
    pub async fn reschedule(
        &self,
        id: &str,
        occurrence: Original,
        start: &str,
        minutes: Option<i64>,
    ) -> Done<()> {
        let body = json!({"occurrence": occurrence, "start": start, "minutes": minutes});
        self.order(&format!("meetings/{id}/move"), &body).await
    }

    /// The organizer calls off a meeting or one occurrence.
    pub async fn cancel(&self, id: &str, occurrence: Original) -> Done<()> {
        self.order(&format!("meetings/{id}/cancel"), &json!({"occurrence": occurrence})).await
    }

    /// A guest answers.
    pub async fn respond(&self, id: &str, who: &str, response: Response, occurrence: Original) -> Done<()> {
        let body = json!({"who": who, "response": response, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/respond"), &body).await
    }

    /// A guest takes it off their calendar, which counts as declining.
    pub async fn remove(&self, id: &str, who: &str, occurrence: Original) -> Done<()> {
        let body = json!({"who": who, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/remove"), &body).await
    }

    /// Gives a meeting or one occurrence another title.
    pub async fn retitle(&self, id: &str, title: &str, occurrence: Original) -> Done<()> {
        let body = json!({"title": title, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/retitle"), &body).await
    }

    /// Changes what an alteration names, of all of a meeting.
    pub async fn alter(&self, id: &str, alteration: &Alteration) -> Done<()> {
        self.order(&format!("meetings/{id}/alter"), alteration).await
    }

    /// Makes a meeting `private` or `confidential`, or `default` again; all of a series.
    pub async fn disclose(&self, id: &str, visibility: &str) -> Done<()> {
        self.order(&format!("meetings/{id}/disclose"), &json!({"visibility": visibility})).await
    }

    /// Ends a series before the occurrence with this original start.
    pub async fn shorten(&self, id: &str, from: DateTime<Utc>) -> Done<()> {
        self.order(&format!("meetings/{id}/shorten"), &json!({"from": from})).await
    }

    /// "This and following": the series ends before the occurrence with this original start, and a
    /// new one begins there, or at `start` on the wall clock.
    pub async fn split(
        &self,
        id: &str,
        from: DateTime<Utc>,
        start: Option<&str>,
        minutes: Option<i64>,
    ) -> Done<Planned> {
        let body = json!({"from": from, "start": start, "minutes": minutes});
        self.post(&format!("meetings/{id}/split"), &body).await
    }

    /// Makes a meeting or one occurrence as long as this.
    pub async fn resize(&self, id: &str, minutes: i64, occurrence: Original) -> Done<()> {
        let body = json!({"minutes": minutes, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/resize"), &body).await
    }

    /// Invites somebody to a meeting or to one occurrence.
    pub async fn invite(&self, id: &str, who: &str, occurrence: Original) -> Done<()> {
        let body = json!({"who": who, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/invite"), &body).await
    }

    /// Takes a guest off a meeting or off one occurrence.
    pub async fn uninvite(&self, id: &str, who: &str, occurrence: Original) -> Done<()> {
        let body = json!({"who": who, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/uninvite"), &body).await
    }

    /// Brings back what its organizer called off, or (with `who`) what a guest took off their
    /// calendar.
    pub async fn restore(&self, id: &str, who: Option<&str>, occurrence: Original) -> Done<()> {
        let body = json!({"who": who, "occurrence": occurrence});
        self.order(&format!("meetings/{id}/restore"), &body).await
    }

    /// Somebody comes into the call; `None` is somebody without a name.
    pub async fn join(
        &self,
        id: &str,
        who: Option<&str>,
        at: DateTime<Utc>,
        occurrence: Original,
    ) -> Done<()> {
        let body = Join { who: who.map(str::to_string), at, occurrence };
        self.order(&format!("meetings/{id}/join"), &body).await
    }

    /// Somebody leaves the call.
    pub async fn leave(
        &self,
        id: &str,
        who: Option<&str>,
        at: DateTime<Utc>,
        occurrence: Original,
    ) -> Done<()> {
        let body = Join { who: who.map(str::to_string), at, occurrence };
        self.order(&format!("meetings/{id}/leave"), &body).await
    }

    /// Kills the cursors of one calendar, or all of them.
    pub async fn expire_cursors(&self, address: Option<&str>) -> Done<()> {
        self.order("cursors/expire", &json!({"address": address})).await
    }

    /// Graph: puts everything in a mailbox into another folder, where it has other ids, save for
    /// clients that asked for lasting ones.
    pub async fn refile(&self, address: &str) -> Done<()> {
        self.order(&format!("mailboxes/{address}/refile"), &json!({})).await
    }

    /// Graph: says whether an application is let at somebody's mailbox from now on.
    pub async fn mailbox(&self, address: &str, is: Mailbox) -> Done<()> {
        self.order(&format!("mailboxes/{address}"), &MailboxOrder { is }).await
    }

    /// Says whether a vendor gives tokens to the service's own credentials: Google's delegation is there
    /// or withdrawn, the secrets of Microsoft's application are there or deleted. Tokens that were given
    /// live on.
    pub async fn admit(&self, provider: Provider, admitted: bool) -> Done<()> {
        self.order("applications", &ApplicationOrder { provider, admitted }).await
    }

    /// Kills every access token handed out so far.
    pub async fn expire_tokens(&self) -> Done<()> {
        self.order("tokens/expire", &json!({})).await
    }

    /// Says how people answer from now on when they are asked for their consent.
    pub async fn will(&self, will: &Will) -> Done<()> {
        self.order("consents", will).await
    }

    /// Somebody takes back on the vendor's own pages whatever they consented to.
    pub async fn revoke_consent(&self, address: &str) -> Done<()> {
        self.order("consents/revoke", &json!({"address": address})).await
    }

    /// Uploads a certificate in PEM for the Microsoft application; nobody is asked for a private key.
    pub async fn certificate(&self, pem: &str) -> Done<()> {
        self.order("certificates", &json!({"pem": pem})).await
    }

    /// Serves a fault to the next requests that match.
    pub async fn fault(&self, fault: &Fault) -> Done<()> {
        self.order("faults", fault).await
    }

    /// Adds faults in their own language, a line each: `after 3 requests to "/calendar/" answer 429
    /// retry-after 2 twice`, `to "/v1.0/" answer garbage`, `lose cursor of ben@acme.example`. Answers
    /// are a status (with `code "…"`, `retry-after …`, `location "…"`, `body {…}`), `garbage`, `odd json`,
    /// `truncate`, `reset`, `slow 50ms`, `duplicate page`, `page without token`, `torn listing`; actions
    /// `revoke token of …`, `revoke tokens`, `revoke consent of …`, `revoke consents`, `lose cursor of …`,
    /// `lose cursors`.
    pub async fn script(&self, lines: &str) -> Done<()> {
        let url = format!("{}/_sandbox/faults/script", self.base);
        self.send::<Value>(self.http.post(&url).body(lines.to_owned()), url).await.map(drop)
    }

    /// Takes back all faults that were not served yet.
    pub async fn clear_faults(&self) -> Done<()> {
        self.delete("faults").await
    }

    /// Switches habits of the vendors on and off.
    pub async fn quirks(&self, quirks: Quirks) -> Done<()> {
        self.order("quirks", &quirks).await
    }

    /// Who is told of changes: Google's channels and Graph's subscriptions.
    pub async fn watches(&self) -> Done<Vec<Watch>> {
        self.get("watches").await
    }

    /// Ends the channels and subscriptions of one calendar, or all of them, without a word.
    pub async fn expire_watches(&self, address: Option<&str>) -> Done<()> {
        self.order("watches/expire", &json!({"address": address})).await
    }

    /// Graph removes a subscription.
    pub async fn remove_subscription(&self, id: &str, when: Removal) -> Done<()> {
        self.order(&format!("subscriptions/{id}/remove"), &RemovalOrder { when }).await
    }

    /// Graph tells something about a subscription itself.
    pub async fn lifecycle(&self, id: &str, event: Lifecycle) -> Done<()> {
        self.order(&format!("subscriptions/{id}/lifecycle"), &LifecycleOrder { event }).await
    }

    /// Loses or repeats notices from now on.
    pub async fn notice_rules(&self, rules: NoticeRules) -> Done<()> {
        self.order("notices", &rules).await
    }

    /// The notices that were delivered, given up, or lost, in their order.
    pub async fn notices(&self) -> Done<Vec<Notified>> {
        self.get("notices").await
    }

    /// The same once there are `count` of them, or after ten seconds with what there is then.
    pub async fn wait_for_notices(&self, count: usize) -> Done<Vec<Notified>> {
        self.get(&format!("notices/wait?count={count}")).await
    }

    /// Begins the list of notices anew.
    pub async fn clear_notices(&self) -> Done<()> {
        self.delete("notices").await
    }

    /// The requests that came so far, `GET /path?query` each, control calls left out.
    pub async fn requests(&self) -> Done<Vec<String>> {
        self.get("requests").await
    }

    /// The same once there are `count` of them, or after ten seconds with what there is then.
    pub async fn wait_for_requests(&self, count: usize) -> Done<Vec<String>> {
        self.get(&format!("requests/wait?count={count}")).await
    }

    /// Begins the list of requests anew.
    pub async fn clear_requests(&self) -> Done<()> {
        self.delete("requests").await
    }

    /// The mails that were received.
    pub async fn mails(&self) -> Done<Vec<Mail>> {
        self.get("mails").await
    }

    /// The same once there are `count` of them, or after ten seconds with what there is then.
    pub async fn wait_for_mails(&self, count: usize) -> Done<Vec<Mail>> {
        self.get(&format!("mails/wait?count={count}")).await
    }

    /// Lets the mail server take mail, or put everyone off with a 451.
    pub async fn smtp(&self, accept: bool) -> Done<()> {
        self.order("smtp", &json!({"accept": accept})).await
    }

    async fn order(&self, path: &str, body: &impl Serialize) -> Done<()> {
        self.post::<Value>(path, body).await.map(drop)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Done<T> {
        let url = format!("{}/_sandbox/{path}", self.base);
        self.send(self.http.post(&url).json(body), url).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Done<T> {
        let url = format!("{}/_sandbox/{path}", self.base);
        self.send(self.http.get(&url), url).await
    }

    async fn delete(&self, path: &str) -> Done<()> {
        let url = format!("{}/_sandbox/{path}", self.base);
        self.send::<Value>(self.http.delete(&url), url).await.map(drop)
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder, url: String) -> Done<T> {
        let response = match request.send().await {
            Ok(response) => response,
            Err(source) => return Err(ControlError::Unreachable { url, source }),
        };
        if response.status().is_success() {
            return response.json().await.map_err(|source| ControlError::Unreachable { url, source });
        }
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        let told = body["error"].as_str().map_or_else(|| status.to_string(), str::to_string);
        Err(ControlError::Refused { url, told })
    }
}
