//! What providers tell through their channels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Store;
use super::db::{Value, numbered, values};
use super::error::Result;
use super::queue::Queue;

/// A notice as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// The channel that it names.
    pub channel: &'a str,
    /// Of the secret that it brought, the SHA-256 in hex.
    pub secret: &'a str,
    pub says: Says,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// Something changed, or may have.
    Changed,
    /// The channel is to be renewed now.
    Renew,
    /// The channel is no more.
    Removed,
}

impl Store {
    /// Notes what a provider told, all at once; for each whether there is such a channel, with that
    /// secret.
    ///
    /// A calendar that was told of is due at `soon` at the latest, unless it is being left alone for its
    /// failures. While it is being read, what was told is counted, and it is read once more.
    pub async fn note_notices(
        &self,
        notices: &[Notice<'_>],
        soon: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>> {
        let channels: BTreeSet<&str> = notices.iter().map(|notice| notice.channel).collect();
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id, secret, calendar, heard_at FROM channel WHERE id IN ({})",
            numbered(1, channels.len())
        );
        let rows = self.db.all(&sql, channels.into_iter().map(Value::from).collect()).await?;
        let mut known: BTreeMap<String, (String, i64, Option<DateTime<Utc>>)> = BTreeMap::new();
        for row in &rows {
            let id: String = row.of("channel", "").get("id")?;
            let row = row.of("channel", &id);
            let channel = (row.get("secret")?, row.get("calendar")?, row.get("heard_at")?);
            known.insert(id, channel);
        }
        let of = |notice: &Notice<'_>| known.get(notice.channel).filter(|known| known.0 == notice.secret);
        let believed: Vec<bool> = notices.iter().map(|notice| of(notice).is_some()).collect();
        // In order, so that two bundles never wait for each other in a circle.
        let mut told: BTreeMap<i64, bool> = BTreeMap::new();
        let (mut removed, mut heard) = (BTreeSet::new(), BTreeSet::new());
        for notice in notices {
            let Some((_, calendar, heard_at)) = of(notice) else { continue };
            *told.entry(*calendar).or_default() |= notice.says != Says::Changed;
            if notice.says == Says::Removed {
                removed.insert(notice.channel);
            } else if heard_at.is_none() {
                heard.insert(notice.channel);
            }
        }
        if told.is_empty() {
            return Ok(believed);
        }
        let release = Queue::Watch.release_sql();
        let mut tx = self.db.begin().await?;
        for (calendar, arrange) in told {
            let told = "UPDATE calendar SET told = told + 1, next_sync_at = CASE
                    WHEN failures = 0 AND next_sync_at > $2 THEN $2 ELSE next_sync_at END
                 WHERE id = $1";
            tx.execute(told, values![calendar, soon]).await?;
            if arrange {
                let sql = format!(
                    "UPDATE calendar SET next_watch_at = $2, {release}
                     WHERE id = $1 AND next_watch_at IS NOT NULL"
                );
                tx.execute(&sql, values![calendar, now]).await?;
            }
        }
        for channel in heard {
            tx.execute("UPDATE channel SET heard_at = $2 WHERE id = $1", values![channel, now]).await?;
        }
        for channel in removed {
            tx.execute("DELETE FROM channel WHERE id = $1", values![channel]).await?;
        }
        tx.commit().await?;
        Ok(believed)
    }
}
