//! The addresses behind the user ids of Meet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::auth::Scope;
use super::errors::Failure;
use super::rest::{Rest, under};
use crate::domain::people::Address;
use crate::providers::{ProviderError, Tokens};

/// Where they are looked up.
pub(super) enum Directory {
    /// In the organisation's directory, which the service account may read.
    Organisation(Box<Organisation>),
    /// Among the people who consented: nobody else can be named.
    Consented(Arc<dyn Tokens>),
}

pub(super) struct Organisation {
    connection: String,
    rest: Rest,
    url: Url,
    /// What the directory said about user ids, strangers (`None`) too.
    addresses: Mutex<HashMap<String, Option<Address>>>,
    warned: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    primary_email: Option<String>,
}

impl Directory {
    pub fn organisation(connection: String, rest: Rest, url: Url) -> Self {
        let (addresses, warned) = (Mutex::default(), AtomicBool::new(false));
        Self::Organisation(Box::new(Organisation { connection, rest, url, addresses, warned }))
    }

    /// Whether anybody could be named.
    pub async fn probe(&self, mailbox: &Address) -> Result<(), ProviderError> {
        match self {
            Self::Organisation(directory) => Ok(directory.user(mailbox, mailbox.as_str()).await.map(drop)?),
            Self::Consented(_) => Ok(()),
        }
    }

    /// The names that `mailbox` may learn.
    pub fn names<'a>(&'a self, mailbox: &'a Address) -> Names<'a> {
        Names { directory: self, mailbox, refused: false }
    }
}

impl Organisation {
    async fn user(&self, mailbox: &Address, id: &str) -> Result<Option<Address>, Failure> {
        let mut url = under(&self.url, &format!("users/{id}"))?;
        // What colleagues may see is enough, and all that somebody who is no administrator may ask.
        url.query_pairs_mut().append_pair("viewType", "domain_public").append_pair("fields", "primaryEmail");
        let user: User = match self.rest.get(mailbox, Scope::Directory, &url).await {
            Err(failure) if failure.status() == Some(404) => return Ok(None),
            answer => answer?,
        };
        Ok(user.primary_email.and_then(|email| Address::parse(&email).ok()))
    }
}

/// The names behind user ids, for the length of one fetch: once the directory refused, it is not
/// asked again until the next.
pub(super) struct Names<'a> {
    directory: &'a Directory,
    mailbox: &'a Address,
    refused: bool,
}

impl Names<'_> {
    /// `user` as Meet writes it: `users/{id}`. A directory that may not be read leaves people
    /// unidentified; one that has trouble is an error, since the answer would be taken for final.
    pub async fn address(&mut self, user: &str) -> Result<Option<Address>, ProviderError> {
        let id = user.strip_prefix("users/").unwrap_or(user);
        let directory = match self.directory {
            Directory::Organisation(directory) => directory,
            Directory::Consented(tokens) => return tokens.whose(id).await,
        };
        if let Some(known) = directory.addresses.lock().await.get(id) {
            return Ok(known.clone());
        }
        if self.refused {
            return Ok(None);
        }
        match directory.user(self.mailbox, id).await.map_err(Into::into) {
            Ok(address) => {
                let mut addresses = directory.addresses.lock().await;
                addresses.insert(id.to_owned(), address.clone());
                Ok(address)
            }
            Err(
                reason @ (ProviderError::Refused(_)
                | ProviderError::Unreachable(_)
                | ProviderError::NeedsConsent(_)),
            ) => {
                self.refused = true;
                if !directory.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        connection = directory.connection,
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
