//! Links that were given to people, and sign-ins under way. Of every secret only its hash is kept.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::people::Address;

use super::Store;
use super::db::{Fields, values};
use super::error::Result;
use super::roster::address;

/// How long what has expired is remembered, so that it can be told from what never was.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// A link to the page where consent is asked for.
    Connect,
    /// A link to the page where it is withdrawn.
    Withdraw,
    /// A sign-in under way.
    State,
}

impl ConsentKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Withdraw => "withdraw",
            Self::State => "state",
        }
    }
}

/// One secret that somebody has, by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub hash: String,
    pub kind: ConsentKind,
    pub connection: String,
    pub address: Address,
    /// Of a sign-in: the hash of what the browser keeps that began it.
    pub browser: Option<String>,
    /// Of a sign-in: the link that it began with.
    pub link: Option<String>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "hash, kind, connection, address, browser, link, expires_at, used_at";

impl Store {
    /// Notes a secret. What expired long ago is forgotten, and a new link takes the place of the
    /// earlier ones of its kind that nobody has used.
    pub async fn add_consent(&self, consent: &Consent, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM consent WHERE expires_at < $1", values![now - REMEMBERED]).await?;
        if consent.kind == ConsentKind::Connect {
            tx.execute(
                "UPDATE consent SET expires_at = $4
                 WHERE connection = $1 AND address = $2 AND kind = $3 AND used_at IS NULL AND expires_at > $4",
                values![
                    &*consent.connection,
                    consent.address.as_str(),
                    consent.kind.as_str(),
                    now
                ],
            )
            .await?;
        }
        let Consent { hash, kind, connection, address, browser, link, expires_at, used_at } = consent;
        tx.execute(
            "INSERT INTO consent (hash, kind, connection, address, browser, link, expires_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            values![
                &**hash,
                kind.as_str(),
                &**connection,
                address.as_str(),
                browser.as_deref(),
                link.as_deref(),
                *expires_at,
                *used_at
            ],
        )
        .await?;
        tx.commit().await
    }

    /// What is known of a secret, used and expired ones too.
    pub async fn consent(&self, hash: &str) -> Result<Option<Consent>> {
        let sql = format!("SELECT {COLUMNS} FROM consent WHERE hash = $1");
        let row = self.db.one(&sql, values![hash]).await?;
        row.map(|row| consent(&row.of("consent", "a link"))).transpose()
    }

    /// Uses a sign-in up, if `browser` began it, it has not expired, and nobody has used it before.
    pub async fn use_state(&self, hash: &str, browser: &str, now: DateTime<Utc>) -> Result<Option<Consent>> {
        let sql = format!(
            "UPDATE consent SET used_at = $3
             WHERE hash = $1 AND kind = 'state' AND browser = $2 AND used_at IS NULL AND expires_at > $3
             RETURNING {COLUMNS}"
        );
        let rows = self.db.write(&sql, values![hash, browser, now]).await?;
        rows.first().map(|row| consent(&row.of("consent", "a sign-in"))).transpose()
    }
}

fn consent(row: &Fields<'_>) -> Result<Consent> {
    Ok(Consent {
        hash: row.get("hash")?,
        kind: row.word("kind")?,
        connection: row.get("connection")?,
        address: address(row)?,
        browser: row.get("browser")?,
        link: row.get("link")?,
        expires_at: row.get("expires_at")?,
        used_at: row.get("used_at")?,
    })
}
