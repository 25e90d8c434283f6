//! The channels through which providers tell that a calendar changed.

use chrono::{DateTime, Utc};

use crate::domain::calendar::{Calendar, CalendarId};

use super::Store;
use super::calendars::{COLUMNS, calendar};
use super::db::{Row, Value, numbered, values};
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
    /// Where its notices go; `None` for one from before that was noted.
    pub address: Option<String>,
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
    /// Something came through it already.
    pub heard: bool,
}

impl Store {
    /// Lets every active calendar be watched from `address`, or none, and forgets channels that have
    /// ended. Those that are watched from there stay so; those that are watched from elsewhere, or are
    /// not to be any more, are due: their channels have to be ended.
    pub async fn watch_calendars(
        &self,
        address: Option<&str>,
        connections: &[&str],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM channel WHERE expires_at <= $1", values![now]).await?;
        // Nobody is left who could end these.
        let known = if connections.is_empty() {
            "FALSE".to_owned()
        } else {
            format!("connection IN ({})", numbered(1, connections.len()))
        };
        let gone =
            format!("DELETE FROM channel WHERE calendar IN (SELECT id FROM calendar WHERE NOT ({known}))");
        tx.execute(&gone, connections.iter().map(|name| Value::from(*name)).collect()).await?;
        let release = Queue::Watch.release_sql();
        let idle = if address.is_some() { "NOT active" } else { "TRUE" };
        let open = "EXISTS (SELECT 1 FROM channel WHERE channel.calendar = calendar.id)";
        let unwatch = format!(
            "UPDATE calendar SET next_watch_at = CASE WHEN {open} THEN $1 END, {release}
             WHERE {idle} AND (next_watch_at IS NOT NULL OR {open})"
        );
        tx.execute(&unwatch, values![now]).await?;
        if let Some(address) = address {
            let watch = format!(
                "UPDATE calendar SET next_watch_at = $1, {release}
                 WHERE active AND (next_watch_at IS NULL OR next_watch_at > $1 AND EXISTS (
                    SELECT 1 FROM channel n WHERE n.calendar = calendar.id AND (
                        calendar.state = 'needs_consent'
                        OR n.resource IS NOT NULL AND (n.address IS NULL OR n.address <> $2))))"
            );
            tx.execute(&watch, values![now, address]).await?;
        }
        tx.commit().await
    }

    /// Takes the calendars of a connection about which being told is to be arranged.
    pub async fn claim_watches(
        &self,
        connection: &str,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(Calendar, Lease<CalendarId>)>> {
        let among = ("connection = $3", Some(connection.into()));
        self.claim_among(Queue::Watch, among, COLUMNS, now, limit, |row| {
            let calendar = calendar(row)?;
            let id = calendar.id;
            Ok((calendar, id))
        })
        .await
    }

    /// When being told of the next calendar of a connection is to be arranged.
    pub async fn next_watch_due(&self, connection: &str) -> Result<Option<DateTime<Utc>>> {
        self.next_due_among(Queue::Watch, ("connection = $1", Some(connection.into()))).await
    }

    /// The channels of a calendar, the newest first.
    pub async fn channels_of(&self, calendar: CalendarId) -> Result<Vec<StoredChannel>> {
        let sql = "SELECT id, calendar, resource, address, opened_at, expires_at FROM channel
             WHERE calendar = $1 ORDER BY opened_at DESC, id";
        self.db.all(sql, values![calendar.0]).await?.iter().map(channel).collect()
    }

    /// Whether the provider tells of the calendar's changes: a channel that is open does not show that
    /// anything gets through.
    pub async fn is_watched(&self, calendar: CalendarId, now: DateTime<Utc>) -> Result<bool> {
        let sql = format!("SELECT id FROM channel n WHERE calendar = $1 AND {HEARD} > $2 LIMIT 1");
        Ok(self.db.one(&sql, values![calendar.0, now]).await?.is_some())
    }

    /// A change was found of which the provider had not told: nothing rests on its channels until it
    /// does tell of one.
    pub async fn doubt_channels(&self, calendar: CalendarId) -> Result<()> {
        let sql = "UPDATE channel SET heard_at = NULL WHERE calendar = $1";
        self.db.write(sql, values![calendar.0]).await.map(drop)
    }

    /// Of how many active calendars the providers tell what changes.
    pub async fn watched(&self, now: DateTime<Utc>) -> Result<u32> {
        let sql = format!(
            "SELECT COUNT(DISTINCT c.id) AS number FROM channel n JOIN calendar c ON c.id = n.calendar
             WHERE c.active AND c.state IN ('active', 'backing_off') AND {HEARD} > $1"
        );
        let row = self.db.one(&sql, values![now]).await?;
        row.map_or(Ok(0), |row| row.of("channel", "census").count("number"))
    }

    /// Notes a channel that is about to be opened: its first notice may come before the answer does.
    /// It is forgotten at `expires_at` unless it is confirmed.
    pub async fn expect_channel(
        &self,
        id: &str,
        calendar: CalendarId,
        secret: &str,
        address: &str,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let sql = "INSERT INTO channel (id, calendar, secret, address, opened_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
        self.db.write(sql, values![id, calendar.0, secret, address, now, expires_at]).await.map(drop)
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
            "UPDATE channel SET id = $2, resource = $3, expires_at = $4,
                heard_at = CASE WHEN $5 THEN $6 ELSE heard_at END WHERE id = $1",
            values![&*opened.expected, &*opened.id, &*opened.resource, opened.expires_at, opened.heard, now],
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

    /// A calendar that is not to be watched has no channel any more.
    pub async fn finish_unwatch(&self, lease: &Lease<CalendarId>) -> Result<Finished> {
        let release = Queue::Watch.release_sql();
        let sql = format!(
            "UPDATE calendar SET next_watch_at = NULL, watch_failures = 0, watch_error = NULL, {release}
             WHERE id = $1 AND watch_lease = $2 RETURNING id"
        );
        let rows = self.db.write(&sql, values![lease.on.0, lease.number]).await?;
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
}

/// A channel `n` that is open, through which notices come, and that ends…
const HEARD: &str = "n.resource IS NOT NULL AND n.heard_at IS NOT NULL AND n.expires_at";

fn channel(row: &Row) -> Result<StoredChannel> {
    let id: String = row.of("channel", "").get("id")?;
    let row = row.of("channel", &id);
    Ok(StoredChannel {
        calendar: CalendarId(row.get("calendar")?),
        resource: row.get("resource")?,
        address: row.get("address")?,
        opened_at: row.get("opened_at")?,
        expires_at: row.get("expires_at")?,
        id,
    })
}
