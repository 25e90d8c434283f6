//! The channels through which providers tell that a calendar changed, and what they told.

use chrono::{DateTime, Utc};

use crate::domain::calendar::{Calendar, CalendarId};

use super::Store;
use super::calendars::{COLUMNS, calendar};
use super::db::{Row, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue};

/// A channel as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChannel {
    /// The name by which its notices call it.
    pub id: String,
    pub calendar: CalendarId,
    /// The provider's own name of what is watched; `None` until the provider has opened it.
    pub resource: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A channel that the provider has opened or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedChannel {
    /// The name under which it was expected.
    pub expected: String,
    /// The name that the provider gave it.
    pub id: String,
    pub resource: String,
    pub expires_at: DateTime<Utc>,
    /// It is not one that was there before.
    pub fresh: bool,
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Something changed, or may have.
    Changed,
    /// The channel is to be renewed now.
    Renew,
    /// The channel is no more.
    Removed,
}

impl Store {
    /// Lets every active calendar be watched, or none. Those that are watched already stay so.
    pub async fn watch_calendars(&self, on: bool, now: DateTime<Utc>) -> Result<()> {
        let release = Queue::Watch.release_sql();
        let idle = if on { "NOT active" } else { "TRUE" };
        let sql = format!(
            "UPDATE calendar SET next_watch_at = NULL, {release} WHERE next_watch_at IS NOT NULL AND {idle}"
        );
        self.db.write(&sql, vec![]).await?;
        if on {
            let sql = "UPDATE calendar SET next_watch_at = $1 WHERE active AND next_watch_at IS NULL";
            self.db.write(sql, values![now]).await?;
        }
        Ok(())
    }

    /// Takes the calendars about which being told is to be arranged.
    pub async fn claim_watches(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(Calendar, Lease<CalendarId>)>> {
        self.claim(Queue::Watch, COLUMNS, now, limit, |row| {
            let calendar = calendar(row)?;
            let id = calendar.id;
            Ok((calendar, id))
        })
        .await
    }

    /// The channels of a calendar, the newest first.
    pub async fn channels_of(&self, calendar: CalendarId) -> Result<Vec<StoredChannel>> {
        let sql = "SELECT id, calendar, resource, opened_at, expires_at FROM channel
             WHERE calendar = $1 ORDER BY opened_at DESC, id";
        self.db.all(sql, values![calendar.0]).await?.iter().map(channel).collect()
    }

    /// Whether the provider tells of the calendar's changes.
    pub async fn is_watched(&self, calendar: CalendarId, now: DateTime<Utc>) -> Result<bool> {
        let sql = "SELECT id FROM channel
             WHERE calendar = $1 AND resource IS NOT NULL AND expires_at > $2 LIMIT 1";
        Ok(self.db.one(sql, values![calendar.0, now]).await?.is_some())
    }

    /// Of how many active calendars the providers tell what changes.
    pub async fn watched(&self, now: DateTime<Utc>) -> Result<u32> {
        let sql = "SELECT COUNT(DISTINCT c.id) AS number FROM channel n JOIN calendar c ON c.id = n.calendar
             WHERE c.active AND n.resource IS NOT NULL AND n.expires_at > $1";
        let row = self.db.one(sql, values![now]).await?;
        row.map_or(Ok(0), |row| row.of("channel", "census").count("number"))
    }

    /// Notes a channel that is about to be opened: its first notice may come before the answer does.
    /// It is forgotten at `expires_at` unless it is confirmed.
    pub async fn expect_channel(
        &self,
        id: &str,
        calendar: CalendarId,
        secret: &str,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let sql = "INSERT INTO channel (id, calendar, secret, opened_at, expires_at)
             VALUES ($1, $2, $3, $4, $5) RETURNING id";
        self.db.write(sql, values![id, calendar.0, secret, now, expires_at]).await.map(drop)
    }

    /// The provider has opened or renewed a channel of the calendar. When it is a fresh one, the
    /// calendar is due as well: what changed before it was opened is told by nobody.
    pub async fn finish_watch(
        &self,
        lease: &Lease<CalendarId>,
        opened: &OpenedChannel,
        next_watch_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let mut tx = self.db.begin().await?;
        let release = Queue::Watch.release_sql();
        let sql = format!(
            "UPDATE calendar SET next_watch_at = $3, watch_failures = 0, watch_error = NULL,
                told = told + CASE WHEN $4 THEN 1 ELSE 0 END,
                next_sync_at = CASE WHEN $4 AND failures = 0 AND next_sync_at > $5 THEN $5
                    ELSE next_sync_at END, {release}
             WHERE id = $1 AND watch_lease = $2 RETURNING id"
        );
        let values = values![lease.on.0, lease.number, next_watch_at, opened.fresh, now];
        if tx.one(&sql, values).await?.is_none() {
            return Ok(Finished::NotMine);
        }
        tx.execute(
            "UPDATE channel SET id = $2, resource = $3, expires_at = $4 WHERE id = $1",
            values![&*opened.expected, &*opened.id, &*opened.resource, opened.expires_at],
        )
        .await?;
        tx.commit().await?;
        Ok(Finished::Done(()))
    }

    /// Being told of a calendar's changes could not be arranged; it is tried again at `next`.
    pub async fn fail_watch(
        &self,
        lease: &Lease<CalendarId>,
        error: Option<&str>,
        next: DateTime<Utc>,
    ) -> Result<Finished> {
        let release = Queue::Watch.release_sql();
        let sql = format!(
            "UPDATE calendar SET next_watch_at = $3, watch_error = $4,
                watch_failures = watch_failures + CASE WHEN $4 IS NULL THEN 0 ELSE 1 END, {release}
             WHERE id = $1 AND watch_lease = $2 RETURNING id"
        );
        let rows = self.db.write(&sql, values![lease.on.0, lease.number, next, error]).await?;
        Ok(if rows.is_empty() { Finished::NotMine } else { Finished::Done(()) })
    }

    /// How many times in a row being told of a calendar's changes could not be arranged.
    pub async fn watch_failures(&self, calendar: CalendarId) -> Result<u32> {
        let sql = "SELECT watch_failures FROM calendar WHERE id = $1";
        let row = self.db.one(sql, values![calendar.0]).await?;
        row.map_or(Ok(0), |row| row.of("calendar", calendar.0).count("watch_failures"))
    }

    /// Forgets a channel.
    pub async fn forget_channel(&self, id: &str) -> Result<()> {
        self.db.write("DELETE FROM channel WHERE id = $1 RETURNING id", values![id]).await.map(drop)
    }

    /// Notes what a provider told; `false` when there is no such channel, or the secret is another.
    ///
    /// The calendar is due at `soon` at the latest, unless it is being left alone for its failures.
    /// While it is being read, what was told is counted, and it is read once more.
    pub async fn note_notice(
        &self,
        notice: &Notice<'_>,
        soon: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let known = "SELECT calendar FROM channel WHERE id = $1 AND secret = $2";
        let Some(row) = self.db.one(known, values![notice.channel, notice.secret]).await? else {
            return Ok(false);
        };
        let calendar: i64 = row.of("channel", notice.channel).get("calendar")?;
        let mut tx = self.db.begin().await?;
        let told = "UPDATE calendar SET told = told + 1, next_sync_at = CASE
                WHEN failures = 0 AND next_sync_at > $2 THEN $2 ELSE next_sync_at END
             WHERE id = $1";
        tx.execute(told, values![calendar, soon]).await?;
        if notice.says == Says::Removed {
            tx.execute("DELETE FROM channel WHERE id = $1", values![notice.channel]).await?;
        }
        if notice.says != Says::Changed {
            let release = Queue::Watch.release_sql();
            let sql = format!(
                "UPDATE calendar SET next_watch_at = $2, {release}
                 WHERE id = $1 AND next_watch_at IS NOT NULL"
            );
            tx.execute(&sql, values![calendar, now]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn channel(row: &Row) -> Result<StoredChannel> {
    let id: String = row.of("channel", "").get("id")?;
    let row = row.of("channel", &id);
    Ok(StoredChannel {
        calendar: CalendarId(row.get("calendar")?),
        resource: row.get("resource")?,
        opened_at: row.get("opened_at")?,
        expires_at: row.get("expires_at")?,
        id,
    })
}
