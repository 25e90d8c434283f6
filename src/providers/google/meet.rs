//! The requests to Meet v2.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use url::Url;

use super::auth::Scope;
use super::directory::{Directory, Names};
use super::errors::Failure;
use super::rest::{Rest, under};
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
    rest: Rest,
    url: Url,
    directory: Directory,
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

impl Meet {
    pub fn new(connection: String, rest: Rest, url: Url, directory: Directory) -> Self {
        Self { connection, rest, url, directory }
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
            ("fields", "conferenceRecords(name,startTime,endTime),nextPageToken"),
        ];
        let records: Vec<Record> = match self.pages(mailbox, "conferenceRecords", &query).await {
            Err(failure) if failure.status() == Some(404) => Vec::new(),
            answer => answer?,
        };
        let mut names = self.directory.names(mailbox);
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

    /// See [`crate::providers::Provider::probe_calls`].
    pub async fn probe(&self, mailbox: &Address) -> Vec<ProviderError> {
        let records = async {
            let mut url = under(&self.url, "v2/conferenceRecords")?;
            url.query_pairs_mut().append_pair("pageSize", "1").append_pair("fields", "nextPageToken");
            self.rest.get::<IgnoredAny>(mailbox, Scope::Meet, &url).await
        };
        let mut missing = Vec::new();
        missing.extend(records.await.err().map(ProviderError::from));
        missing.extend(self.directory.probe(mailbox).await.err());
        missing
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
                stays.extend(
                    participant
                        .earliest_start_time
                        .map(|start_time| Stay { start_time, end_time: participant.latest_end_time }),
                );
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
        let mut url = under(&self.url, &format!("v2/{path}"))?;
        url.query_pairs_mut().extend_pairs(query);
        let mut items = Vec::new();
        let mut next = url.clone();
        for _ in 0..MOST_PAGES {
            let page: Page<T> = self.rest.get(mailbox, Scope::Meet, &next).await?;
            items.extend(page.items);
            let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(items);
            };
            next = url.clone();
            next.query_pairs_mut().append_pair("pageToken", &token);
        }
        Err(ProviderError::Garbled("a listing of Meet has no end".into()).into())
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
