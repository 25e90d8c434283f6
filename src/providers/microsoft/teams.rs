//! Who was in a Teams call, from its attendance reports.
//!
//! A report exists once a run of the call is over, and only its organiser has it. A series is one
//! online meeting with a report for each run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::client::{Client, Listed};
use super::error::Failure;
use crate::domain::event::{Conference, ConferenceService, Window};
use crate::domain::evidence::{Attendance, Call};
use crate::domain::people::Address;
use crate::providers::ProviderError;

/// Directory entries kept; far more than a programme has people.
const KNOWN_MAX: usize = 10_000;

const POLICY: &str = "the application may not read the organiser's Teams meetings; grant it the \
    application permissions OnlineMeetings.Read.All and OnlineMeetingArtifact.Read.All, and have a \
    Teams administrator run New-CsApplicationAccessPolicy and Grant-CsApplicationAccessPolicy for \
    it (effective after up to 30 minutes)";
const CONSENT: &str = "what the organiser consented to does not open the attendance reports of Teams; have \
    the delegated permissions OnlineMeetings.Read and OnlineMeetingArtifact.Read.All approved, and send \
    them the link of `mentord connect ADDRESS`";
const DIRECTORY: &str = "the application may not look people up, which Teams attendance needs; \
    grant it the application permission User.ReadBasic.All";

/// What the directory said, so that it is asked once.
#[derive(Default)]
pub struct Directory {
    /// Object ids of mailboxes.
    ids: Mutex<HashMap<Address, String>>,
    /// Addresses of object ids; `None` for identities without one.
    addresses: Mutex<HashMap<String, Option<Address>>>,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    mail: Option<String>,
    user_principal_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    id: String,
    meeting_start_date_time: DateTime<Utc>,
    meeting_end_date_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    email_address: Option<String>,
    identity: Option<Identity>,
    #[serde(default)]
    attendance_intervals: Vec<Interval>,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interval {
    join_date_time: DateTime<Utc>,
    leave_date_time: Option<DateTime<Utc>>,
}

/// See [`crate::providers::Provider::calls`]. `organizer` is whose meeting it is.
pub async fn calls(
    client: &Client,
    directory: &Directory,
    organizer: &Address,
    conference: &Conference,
    window: Window,
) -> Result<Vec<Call>, ProviderError> {
    if conference.service != ConferenceService::MicrosoftTeams {
        return Ok(Vec::new());
    }
    let Some(meetings) = meetings_of(client, directory, organizer).await? else { return Ok(Vec::new()) };
    let meetings: Vec<&str> = meetings.iter().map(String::as_str).collect();
    let filter = format!("JoinWebUrl eq '{}'", conference.key.replace('\'', "''"));
    let mut calls = Vec::new();
    for meeting in listed::<WithId>(client, &meetings, &[("$filter", &filter)]).await? {
        let reports = [&meetings[..], &[&meeting.id, "attendanceReports"]].concat();
        for report in listed::<Report>(client, &reports, &[]).await? {
            let (started, ended) = (report.meeting_start_date_time, report.meeting_end_date_time);
            if !window.touches(started, ended.unwrap_or(window.to)) {
                continue;
            }
            let records = [&reports[..], &[&report.id, "attendanceRecords"]].concat();
            let records = listed::<Record>(client, &records, &[]).await?;
            // A call that nobody was in did not run: the records are withheld or gone.
            if records.is_empty() {
                continue;
            }
            let mut attendances = Vec::new();
            for record in records {
                attendances.extend(stays(client, directory, record).await?);
            }
            calls.push(Call {
                service: ConferenceService::MicrosoftTeams,
                record: report.id,
                started,
                ended,
                attendances,
            });
        }
    }
    Ok(calls)
}

/// The path to what somebody organised: their own, where they consented; `None` if they are nobody in the
/// tenant.
async fn meetings_of(
    client: &Client,
    directory: &Directory,
    organizer: &Address,
) -> Result<Option<Vec<String>>, ProviderError> {
    let whose = match client.consented() {
        Some(_) => vec!["me".to_owned()],
        None => match directory.id(client, organizer).await? {
            Some(id) => vec!["users".to_owned(), id],
            None => return Ok(None),
        },
    };
    Ok(Some([whose, vec!["onlineMeetings".to_owned()]].concat()))
}

/// A join address as Teams makes them, of no meeting.
const NO_MEETING: &str = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_none%40thread.v2/0";

/// See [`crate::providers::Provider::probe_calls`].
pub async fn probe(client: &Client, directory: &Directory, organizer: &Address) -> Result<(), ProviderError> {
    let Some(meetings) = meetings_of(client, directory, organizer).await? else { return Ok(()) };
    let meetings: Vec<&str> = meetings.iter().map(String::as_str).collect();
    let filter = format!("JoinWebUrl eq '{NO_MEETING}'");
    let url = client.url(&meetings, &[("$filter", &filter)]);
    match client.get::<IgnoredAny>(url).await {
        Ok(_) => Ok(()),
        // It was let in so far as to look at the address.
        Err(Failure::Api(error)) if error.is_missing() || error.status == 400 => Ok(()),
        Err(failure) => Err(refused(client, failure)),
    }
}

/// What a refusal of Teams means.
fn refused(client: &Client, failure: Failure) -> ProviderError {
    match failure {
        Failure::Api(error) if error.is_denied() => {
            ProviderError::Refused(if client.consented().is_some() { CONSENT } else { POLICY }.into())
        }
        failure => failure.into(),
    }
}

/// The stays of one participant; bots are none.
async fn stays(
    client: &Client,
    directory: &Directory,
    record: Record,
) -> Result<Vec<Attendance>, ProviderError> {
    let identity = record.identity.as_ref();
    let kind = identity.and_then(|identity| identity.kind.as_deref()).unwrap_or_default();
    if kind.to_ascii_lowercase().contains("applicationidentity") {
        return Ok(Vec::new());
    }
    let told = record.email_address.as_deref();
    let address = match told.and_then(|text| Address::parse(text).ok()) {
        Some(address) => Some(address),
        None => match identity.and_then(|identity| identity.id.as_deref()) {
            Some(id) if !id.is_empty() => directory.address(client, id).await?,
            _ => None,
        },
    };
    let intervals = record.attendance_intervals.into_iter();
    Ok(intervals
        .map(|interval| Attendance {
            address: address.clone(),
            joined: interval.join_date_time,
            left: interval.leave_date_time,
        })
        .collect())
}

/// Everything in a listing; nothing where there is no such listing. One entry that cannot be read
/// spoils it: to leave somebody out would be evidence of their absence.
async fn listed<T: DeserializeOwned>(
    client: &Client,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<Vec<T>, ProviderError> {
    let pages = match client.pages(client.url(path, query)).await {
        Ok(pages) => pages,
        Err(Failure::Api(error)) if error.is_missing() => return Ok(Vec::new()),
        Err(failure) => return Err(refused(client, failure)),
    };
    let read = |item| match item {
        Listed::Read(item) => Ok(item),
        Listed::Odd(_) => Err(ProviderError::Garbled("an entry of Teams cannot be read".into())),
    };
    pages.items.into_iter().map(read).collect()
}

impl Directory {
    /// The object id of `mailbox`, which Teams asks for in place of its name.
    async fn id(&self, client: &Client, mailbox: &Address) -> Result<Option<String>, ProviderError> {
        if let Some(id) = known(&self.ids, mailbox) {
            return Ok(Some(id));
        }
        let url = client.url(&["users", mailbox.as_str()], &[("$select", "id")]);
        match client.get::<WithId>(url).await {
            Ok(user) => {
                keep(&self.ids, mailbox.clone(), user.id.clone());
                Ok(Some(user.id))
            }
            Err(Failure::Api(error)) if error.is_missing() => Ok(None),
            Err(Failure::Api(error)) if error.is_denied() => Err(ProviderError::Refused(DIRECTORY.into())),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The address of whoever has the object id; guests of other tenants have none here.
    /// Where people consented one by one, they are the only ones who can be named.
    async fn address(&self, client: &Client, id: &str) -> Result<Option<Address>, ProviderError> {
        if let Some(tokens) = client.consented() {
            return tokens.whose(id).await;
        }
        let id = id.to_owned();
        if let Some(address) = known(&self.addresses, &id) {
            return Ok(address);
        }
        let url = client.url(&["users", &id], &[("$select", "mail,userPrincipalName")]);
        let address = match client.get::<User>(url).await {
            Ok(user) => [user.mail, user.user_principal_name]
                .into_iter()
                .flatten()
                // A guest's principal name looks like an address and is none.
                .filter(|name| !name.contains("#EXT#"))
                .find_map(|name| Address::parse(&name).ok()),
            // Of another tenant, or malformed: somebody without an address.
            Err(Failure::Api(error)) if error.is_missing() || error.status == 400 => None,
            // The permission may come later.
            Err(Failure::Api(error)) if error.is_denied() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        keep(&self.addresses, id, address.clone());
        Ok(address)
    }
}

fn known<K: std::hash::Hash + Eq, V: Clone>(map: &Mutex<HashMap<K, V>>, key: &K) -> Option<V> {
    let map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.get(key).cloned()
}

fn keep<K: std::hash::Hash + Eq, V>(map: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= KNOWN_MAX {
        map.clear();
    }
    map.insert(key, value);
}
