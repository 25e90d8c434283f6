//! Calendars: which there are, whose turn it is, and how well they can be read.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::calendar::pace::Moment;
use crate::domain::calendar::{Calendar, CalendarId, CalendarState, Reading};
use crate::domain::event::Window;
use crate::domain::pairing::PairingId;
use crate::domain::people::{Address, ParticipantId};

use super::Store;
use super::db::{Row, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue};
use super::roster::address;

pub(super) const COLUMNS: &str = "id, connection, owner, address, active, cursor, window_from, window_to, \
                                  state, error, withheld, last_synced_at, next_sync_at, failures, told, \
                                  told_before, watch_error, calls_error";

impl Store {
    /// Makes these the active calendars: adds what is missing, takes up again what had been given
    /// up, gives up what is not among them (its history stays). A calendar whose owner has changed
    /// or that was taken up again is listed from the start.
    pub async fn ensure_calendars(
        &self,
        wanted: &[(&str, ParticipantId, Address)],
        now: DateTime<Utc>,
    ) -> Result<()> {
        if self.are_active(wanted).await? {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        tx.have_to_itself("calendar").await?;
        for (connection, owner, address) in wanted {
            tx.execute(
                "INSERT INTO calendar (connection, owner, address, state, next_sync_at)
                 VALUES ($1, $2, $3, 'active', $4)
                 ON CONFLICT (connection, address) DO UPDATE SET
                    owner = excluded.owner, active = TRUE, next_sync_at = excluded.next_sync_at,
                    cursor = NULL, window_from = NULL, window_to = NULL, failures = 0,
                    lease = calendar.lease + 1, lease_until = 0,
                    next_watch_at = NULL, watch_failures = 0, watch_error = NULL, calls_error = NULL,
                    watch_lease = calendar.watch_lease + 1, watch_lease_until = 0
                 WHERE NOT calendar.active OR calendar.owner <> excluded.owner",
                values![*connection, owner.0, address.as_str(), now],
            )
            .await?;
        }
        let rows =
            tx.all("SELECT id, connection, address FROM calendar WHERE active ORDER BY id", vec![]).await?;
        let release = Queue::Calendars.release_sql();
        let wanted: HashSet<(&str, &Address)> =
            wanted.iter().map(|(connection, _, address)| (*connection, address)).collect();
        for row in &rows {
            let id: i64 = row.of("calendar", "").get("id")?;
            let row = row.of("calendar", id);
            let (connection, address) = (row.get::<String>("connection")?, address(&row)?);
            if wanted.contains(&(connection.as_str(), &address)) {
                continue;
            }
            let sql = format!("UPDATE calendar SET active = FALSE, {release} WHERE id = $1");
            tx.execute(&sql, values![id]).await?;
        }
        tx.commit().await
    }

    /// Whether these are the active calendars already, as on most days: then nothing has to be locked.
    async fn are_active(&self, wanted: &[(&str, ParticipantId, Address)]) -> Result<bool> {
        let wanted: HashSet<(&str, i64, &str)> =
            wanted.iter().map(|(name, owner, address)| (*name, owner.0, address.as_str())).collect();
        let sql = "SELECT id, connection, owner, address FROM calendar WHERE active";
        let rows = self.db.all(sql, vec![]).await?;
        for row in &rows {
            let id: i64 = row.of("calendar", "").get("id")?;
            let row = row.of("calendar", id);
            let (connection, address): (String, String) = (row.get("connection")?, row.get("address")?);
            if !wanted.contains(&(connection.as_str(), row.get("owner")?, address.as_str())) {
                return Ok(false);
            }
        }
        Ok(rows.len() == wanted.len())
    }

    /// The active calendars, the oldest first.
    pub async fn calendars(&self) -> Result<Vec<Calendar>> {
        let sql = format!("SELECT {COLUMNS} FROM calendar WHERE active ORDER BY id");
        let rows = self.db.all(&sql, vec![]).await?;
        rows.iter().map(calendar).collect()
    }

    /// The active calendars of a pairing's members, the oldest first.
    pub async fn calendars_of(&self, pairing: PairingId) -> Result<Vec<Calendar>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM calendar
             WHERE active AND owner IN (SELECT participant FROM pairing_member WHERE pairing = $1)
             ORDER BY id"
        );
        let rows = self.db.all(&sql, values![pairing.0]).await?;
        rows.iter().map(calendar).collect()
    }

    /// Takes the calendars of a connection whose turn it is.
    pub async fn claim_calendars(
        &self,
        connection: &str,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(Calendar, Lease<CalendarId>)>> {
        let among = ("connection = $3", Some(connection.into()));
        self.claim_among(Queue::Calendars, among, COLUMNS, now, limit, |row| {
            let calendar = calendar(row)?;
            let id = calendar.id;
            Ok((calendar, id))
        })
        .await
    }

    /// When the next calendar of a connection is due that nobody is reading.
    pub async fn next_calendar_due(&self, connection: &str) -> Result<Option<DateTime<Utc>>> {
        self.next_due_among(Queue::Calendars, ("connection = $1", Some(connection.into()))).await
    }

    /// Whether a session on the calendar of `owner` came near (`ahead` before its start), began or ended
    /// between two times, the second included.
    pub async fn turns_between(
        &self,
        owner: ParticipantId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        ahead: TimeDelta,
    ) -> Result<bool> {
        // A session is not longer than a day: that bounds what is read of the index.
        let sql = "SELECT id FROM session
             WHERE pairing IN (SELECT pairing FROM pairing_member WHERE participant = $1) AND stands
                AND starts_at > $6 AND starts_at <= $5
                AND (starts_at > $4 OR starts_at > $2 AND starts_at <= $3 OR ends_at > $2 AND ends_at <= $3)
             LIMIT 1";
        let values = values![owner.0, from, to, from + ahead, to + ahead, from - TimeDelta::days(1)];
        Ok(self.db.one(sql, values).await?.is_some())
    }

    /// What rests on the calendar of `owner` between two times: sessions that take place, and alerts.
    pub async fn moments(
        &self,
        owner: ParticipantId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Moment>> {
        let own = "pairing IN (SELECT pairing FROM pairing_member WHERE participant = $1)";
        // A session is not longer than a day: that bounds what is read of the index.
        let sql = format!(
            "SELECT 'session' AS kind, starts_at, ends_at FROM session
             WHERE {own} AND stands AND starts_at > $4 AND starts_at < $3 AND ends_at > $2
             UNION ALL
             SELECT 'alert' AS kind, due_at AS starts_at, due_at AS ends_at FROM alert
             WHERE {own} AND state = 'planned' AND due_at < $3"
        );
        let rows = self.db.all(&sql, values![owner.0, from, to, from - TimeDelta::days(1)]).await?;
        let moments = rows.iter().map(|row| {
            let row = row.of("session", "");
            let (from, to) = (row.get("starts_at")?, row.get("ends_at")?);
            Ok(match row.get::<String>("kind")?.as_str() {
                "session" => Moment::Session(Window { from, to }),
                _ => Moment::Alert(to),
            })
        });
        moments.collect()
    }

    /// The calendar could not be read; what is known of its copies stays.
    pub async fn fail_sync(
        &self,
        lease: &Lease<CalendarId>,
        state: CalendarState,
        error: &str,
        next_sync_at: DateTime<Utc>,
        forget_cursor: bool,
    ) -> Result<Finished> {
        let release = Queue::Calendars.release_sql();
        let forget = match forget_cursor {
            true => "cursor = NULL, window_from = NULL, window_to = NULL,",
            false => "",
        };
        let sql = format!(
            "UPDATE calendar SET {forget} state = $3, error = $4, next_sync_at = $5,
                failures = failures + 1, {release}
             WHERE id = $1 AND lease = $2 RETURNING id"
        );
        let values = values![lease.on.0, lease.number, state.as_str(), error, next_sync_at];
        let rows = self.db.write(&sql, values).await?;
        Ok(match rows.is_empty() {
            true => Finished::NotMine,
            false => Finished::Done(()),
        })
    }

    /// Why the records of the calls of the calendar's owner cannot be had, or that they can.
    pub async fn note_calls_error(&self, calendar: CalendarId, error: Option<&str>) -> Result<()> {
        let sql = "UPDATE calendar SET calls_error = $2 WHERE id = $1";
        self.db.write(sql, values![calendar.0, error]).await.map(drop)
    }

    /// Makes every active calendar due.
    pub async fn sync_all_now(&self, now: DateTime<Utc>) -> Result<()> {
        self.db
            .write("UPDATE calendar SET next_sync_at = $1 WHERE active AND next_sync_at > $1", values![now])
            .await
            .map(drop)
    }

    /// Whether a calendar with which nothing is wrong is to be read only after `limit`.
    pub async fn is_put_off(&self, limit: DateTime<Utc>) -> Result<bool> {
        let sql = "SELECT id FROM calendar WHERE active AND failures = 0 AND next_sync_at > $1 LIMIT 1";
        Ok(self.db.one(sql, values![limit]).await?.is_some())
    }

    /// How lately the active calendars of the pairing's members were read.
    pub async fn reading(&self, pairing: PairingId) -> Result<Reading> {
        let rows = self
            .db
            .all(
                "SELECT id, last_synced_at FROM calendar
                 WHERE active AND owner IN
                    (SELECT participant FROM pairing_member WHERE pairing = $1)
                 ORDER BY id",
                values![pairing.0],
            )
            .await?;
        let mut reads: Vec<Option<DateTime<Utc>>> = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = row.of("calendar", "").get::<i64>("id")?;
            reads.push(row.of("calendar", id).get("last_synced_at")?);
        }
        Ok(Reading {
            connected: u32::try_from(reads.len()).unwrap_or(u32::MAX),
            // `None` sorts before every time.
            oldest: reads.iter().min().copied().flatten(),
            newest: reads.iter().max().copied().flatten(),
        })
    }
}

pub(super) fn calendar(row: &Row) -> Result<Calendar> {
    let id: i64 = row.of("calendar", "").get("id")?;
    let row = row.of("calendar", id);
    let from: Option<DateTime<Utc>> = row.get("window_from")?;
    let to: Option<DateTime<Utc>> = row.get("window_to")?;
    let cursor: Option<String> = row.get("cursor")?;
    // A calendar that is to be listed anew has neither.
    let open_ended = cursor.is_none() && from.is_some();
    let cursor = match cursor {
        None => None,
        Some(cursor) => {
            let from = from.ok_or_else(|| row.corrupt("window_from"))?;
            let to = to.ok_or_else(|| row.corrupt("window_to"))?;
            Some((cursor, Window { from, to }))
        }
    };
    Ok(Calendar {
        id: CalendarId(id),
        connection: row.get("connection")?,
        owner: ParticipantId(row.get("owner")?),
        address: address(&row)?,
        active: row.get("active")?,
        cursor,
        open_ended,
        state: row.word("state")?,
        error: row.get("error")?,
        withheld: row.json_opt("withheld")?.unwrap_or_default(),
        last_synced_at: row.get("last_synced_at")?,
        next_sync_at: row.get("next_sync_at")?,
        failures: row.count("failures")?,
        told: row.count("told")?,
        told_before: row.count("told_before")?,
        watch_error: row.get("watch_error")?,
        calls_error: row.get("calls_error")?,
    })
}
