//! The requests to Meet v2, and to the directory for the addresses behind its user ids.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use super::auth::{Auth, Scope};
use super::errors::{Failure, Refusal};
use crate::domain::event::{ConferenceService, Window};
use crate::domain::evidence::{Attendance, Call};
use crate::domain::people::Address;
use crate::providers::ProviderError;

/// More than a call can need, at 100 to 250 a page.
const MOST_PAGES: usize = 50;
/// How long before the window a call may have begun that reaches into it.
const LONGEST_CALL: TimeDelta = TimeDelta::days(1);

pub(super) struct Meet {
    connection: String,
    client: reqwest::Client,
    auth: Arc<Auth>,
    meet_url: Url,
    directory_url: Url,
    /// What the directory said about user ids, strangers (`None`) too.
    addresses: Mutex<HashMap<String, Option<Address>>>,
    warned: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    name: String,
    start_time: DateTime<Utc>,
    end_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    name: String,
    earliest_start_time: Option<DateTime<Utc>>,
    latest_end_time: Option<DateTime<Utc>>,
    signedin_user: Option<SignedinUser>,
}

#[derive(Deserialize)]
struct SignedinUser {
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stay {
    start_time: DateTime<Utc>,
    end_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(
        rename = "conferenceRecords",
        alias = "participants",
        alias = "participantSessions",
        default = "Vec::new"
    )]
    items: Vec<T>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    primary_email: Option<String>,
}

impl Meet {
    pub fn new(
        connection: String,
        client: reqwest::Client,
        auth: Arc<Auth>,
        meet_url: Url,
        directory_url: Url,
    ) -> Self {
        Self {
            connection,
            client,
            auth,
            meet_url,
            directory_url,
            addresses: Mutex::default(),
            warned: AtomicBool::new(false),
        }
    }

    /// The runs of the call with this meeting code that overlap the window.
    pub async fn calls(
        &self,
        mailbox: &Address,
        code: &str,
        window: Window,
    ) -> Result<Vec<Call>, ProviderError> {
        let Some(filter) = filter(code, window) else {
            return Ok(Vec::new());
        };
        let query = [
            ("filter", filter.as_str()),
            ("pageSize", "100"),
            (
                "fields",
                "conferenceRecords(name,startTime,endTime),nextPageToken",
            ),
        ];
        let records: Vec<Record> = match self.pages(mailbox, "conferenceRecords", &query).await {
            Err(failure) if failure.status() == Some(404) => Vec::new(),
            answer => answer?,
        };
        let mut names = Names::new(self, mailbox);
        let mut calls = Vec::new();
        for record in records {
            let until = record.end_time.unwrap_or(DateTime::<Utc>::MAX_UTC);
            if window.touches(record.start_time, until) {
                calls.extend(self.call(mailbox, record, &mut names).await?);
            }
        }
        tracing::debug!(
            connection = self.connection,
            mailbox = mailbox.masked(),
            calls = calls.len(),
            "conference records read"
        );
        Ok(calls)
    }

    /// One run with its people, or `None` when Google deleted it in the meantime.
    async fn call(
        &self,
        mailbox: &Address,
        record: Record,
        names: &mut Names<'_>,
    ) -> Result<Option<Call>, ProviderError> {
        let fields = "participants(name,earliestStartTime,latestEndTime,signedinUser(user)),\
                      nextPageToken";
        let query = [("pageSize", "250"), ("fields", fields)];
        let path = format!("{}/participants", record.name);
        let participants: Vec<Participant> = match self.pages(mailbox, &path, &query).await {
            Err(failure) if failure.status() == Some(404) => return Ok(None),
            answer => answer?,
        };
        let mut attendances = Vec::new();
        for participant in participants {
            let user = participant.signedin_user.and_then(|signed| signed.user);
            let address = match user {
                Some(user) => names.address(&user).await?,
                None => None,
            };
            let fields = "participantSessions(startTime,endTime),nextPageToken";
            let query = [("pageSize", "250"), ("fields", fields)];
            let path = format!("{}/participantSessions", participant.name);
            let mut stays: Vec<Stay> = self.pages(mailbox, &path, &query).await?;
            if stays.is_empty() {
                stays.extend(participant.earliest_start_time.map(|start_time| Stay {
                    start_time,
                    end_time: participant.latest_end_time,
                }));
            }
            attendances.extend(stays.into_iter().map(|stay| Attendance {
                address: address.clone(),
                joined: stay.start_time,
                left: stay.end_time,
            }));
        }
        Ok(Some(Call {
            service: ConferenceService::GoogleMeet,
            record: record.name,
            started: record.start_time,
            ended: record.end_time,
            attendances,
        }))
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        mailbox: &Address,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Failure> {
        let mut url = under(&self.meet_url, &format!("v2/{path}"))?;
        url.query_pairs_mut().extend_pairs(query);
        let mut items = Vec::new();
        let mut next = url.clone();
        for _ in 0..MOST_PAGES {
            let request = |token| self.get(token, Scope::Meet, next.clone());
            let page: Page<T> = self.auth.send(mailbox, Scope::Meet, request).await?;
            items.extend(page.items);
            let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(items);
            };
            next = url.clone();
            next.query_pairs_mut().append_pair("pageToken", &token);
        }
        Err(ProviderError::Garbled("a listing of Meet has no end".into()).into())
    }

    async fn get<T: DeserializeOwned>(
        &self,
        token: String,
        scope: Scope,
        url: Url,
    ) -> Result<T, Failure> {
        let temporary = |error: reqwest::Error| {
            let what = if error.is_timeout() {
                "no answer in time"
            } else {
                "the API cannot be reached"
            };
            ProviderError::Temporary(what.into())
        };
        let request = self.client.get(url).bearer_auth(token);
        let response = request.send().await.map_err(temporary)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(temporary)?;
        if !status.is_success() {
            let body = serde_json::from_slice(&body).ok();
            let refusal = Refusal::new(status.as_u16(), scope, &headers, body.as_ref());
            return Err(Failure::Refusal(refusal));
        }
        serde_json::from_slice(&body)
            .map_err(|_| ProviderError::Garbled("the answer cannot be decoded".into()).into())
    }

    async fn user(&self, mailbox: &Address, id: &str) -> Result<Option<Address>, Failure> {
        let mut url = under(&self.directory_url, &format!("users/{id}"))?;
        // What colleagues may see is enough, and all that somebody who is no administrator may ask.
        url.query_pairs_mut()
            .append_pair("viewType", "domain_public")
            .append_pair("fields", "primaryEmail");
        let request = |token| self.get(token, Scope::Directory, url.clone());
        let user: User = match self.auth.send(mailbox, Scope::Directory, request).await {
            Err(failure) if failure.status() == Some(404) => return Ok(None),
            answer => answer?,
        };
        Ok(user
            .primary_email
            .and_then(|email| Address::parse(&email).ok()))
    }
}

/// The names behind user ids, for the length of one fetch: once the directory refused, it is not
/// asked again until the next.
struct Names<'a> {
    meet: &'a Meet,
    mailbox: &'a Address,
    refused: bool,
}

impl<'a> Names<'a> {
    fn new(meet: &'a Meet, mailbox: &'a Address) -> Self {
        Self {
            meet,
            mailbox,
            refused: false,
        }
    }

    /// `user` as Meet writes it: `users/{id}`. A directory that may not be read leaves people
    /// unidentified; one that has trouble is an error, since the answer would be taken for final.
    async fn address(&mut self, user: &str) -> Result<Option<Address>, ProviderError> {
        let id = user.strip_prefix("users/").unwrap_or(user);
        if let Some(known) = self.meet.addresses.lock().await.get(id) {
            return Ok(known.clone());
        }
        if self.refused {
            return Ok(None);
        }
        match self.meet.user(self.mailbox, id).await.map_err(Into::into) {
            Ok(address) => {
                let mut addresses = self.meet.addresses.lock().await;
                addresses.insert(id.to_owned(), address.clone());
                Ok(address)
            }
            Err(
                reason @ (ProviderError::Refused(_)
                | ProviderError::Unreachable(_)
                | ProviderError::NeedsConsent(_)),
            ) => {
                self.refused = true;
                if !self.meet.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        connection = self.meet.connection,
                        %reason,
                        "the directory may not be read: nobody in a Meet call can be named"
                    );
                }
                Ok(None)
            }
            Err(passing) => Err(passing),
        }
    }
}

/// `None` for a code that can be none, and would break out of its quotes.
fn filter(code: &str, window: Window) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if code.is_empty() || !code.bytes().all(plain) {
        return None;
    }
    let time = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Secs, true);
    Some(format!(
        r#"space.meeting_code = "{code}" AND start_time >= "{}" AND start_time < "{}""#,
        time(window.from - LONGEST_CALL),
        time(window.to)
    ))
}

/// `path` below `base`, each segment staying one.
fn under(base: &Url, path: &str) -> Result<Url, ProviderError> {
    let wrong = || ProviderError::Garbled("a name that is no path".into());
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(wrong());
    }
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .pop_if_empty()
        .extend(path.split('/'));
    Ok(url)
}
