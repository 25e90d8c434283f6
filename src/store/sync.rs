//! Completing the reading of a calendar: what changed and where to go on, in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::calendar::{CalendarId, STALE_AFTER};
use crate::domain::event::Window;
use crate::domain::pairing::PairingId;
use crate::domain::session::{CopyFacts, CopyId};

use super::Store;
use super::copies::{Put, gone, known, put};
use super::db::{Row, Tx, json, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue, detect_now, plan_now};

/// What reading a calendar brought.
#[derive(Clone, Debug)]
pub struct SyncUpdate {
    /// What the calendar says now about events in which a pairing meets.
    pub upserts: Vec<(PairingId, CopyFacts)>,
    /// What is no longer on it.
    pub gone: Vec<CopyId>,
    /// The series that have too many occurrences to be read.
    pub withheld: BTreeSet<String>,
    /// Where to go on; `None`: the listing had no end, and the next is a full one again.
    pub cursor: Option<String>,
    /// What was listed.
    pub window: Window,
    pub next_sync_at: DateTime<Utc>,
    /// What `told` of the calendar was when the reading began.
    pub told: u32,
    /// When the calendar is to be read again if its provider told of a change since then.
    pub again_at: DateTime<Utc>,
    /// The calendar was never read before, or not for so long that nobody was to rely on it.
    pub was_stale: bool,
}

/// How many copies were touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    pub added: usize,
    pub changed: usize,
    pub gone: usize,
}

impl Store {
    /// The calendar was read to its end. Pairings of which a copy has changed are due to be detected;
    /// those of which nothing is to be detected, and of which this was the last calendar that was stale,
    /// are due to be planned: now that silence means something.
    pub async fn finish_sync(
        &self,
        lease: &Lease<CalendarId>,
        update: SyncUpdate,
        now: DateTime<Utc>,
    ) -> Result<Finished<SyncCounts>> {
        let SyncUpdate {
            upserts,
            gone: gone_copies,
            withheld,
            cursor,
            window,
            next_sync_at,
            told,
            again_at,
            was_stale,
        } = update;
        let release = Queue::Calendars.release_sql();
        let sql = format!(
            "UPDATE calendar SET cursor = $3, window_from = $4, window_to = $5, state = 'active',
                error = NULL, failures = 0, last_synced_at = $6,
                next_sync_at = CASE WHEN told > $8 THEN $9 ELSE $7 END, told_before = $8, withheld = $10, {release}
             WHERE id = $1 AND lease = $2 RETURNING id"
        );
        let values = values![
            lease.on.0,
            lease.number,
            cursor.as_deref(),
            window.from,
            window.to,
            now,
            next_sync_at,
            told,
            again_at,
            (!withheld.is_empty()).then(|| json(&withheld)).transpose()?,
        ];
        let mut counts = SyncCounts::default();
        // Most polls find nothing: one statement is a transaction, too, and waited for once, not three times.
        if upserts.is_empty() && gone_copies.is_empty() && !was_stale {
            return Ok(match self.db.write(&sql, values).await?.is_empty() {
                true => Finished::NotMine,
                false => Finished::Done(counts),
            });
        }
        let mut tx = self.db.begin().await?;
        if tx.one(&sql, values).await?.is_none() {
            return Ok(Finished::NotMine);
        }
        // The pairings before their copies, as everywhere, and in order: who waits for whom is then never
        // a circle.
        let mut concerned = pairings(&mut tx, &upserts, &gone_copies).await?;
        if was_stale {
            concerned.extend(ids(tx.all(OWN, values![lease.on.0]).await?)?);
        }
        for pairing in concerned {
            tx.one("SELECT id FROM pairing WHERE id = $1 {for_update}", values![pairing]).await?;
        }
        let known = known(&mut tx, lease.on).await?;
        let mut touched = BTreeSet::new();
        for (pairing, facts) in &upserts {
            match put(&mut tx, lease.on, *pairing, facts, &known, now).await? {
                Put::Added => counts.added += 1,
                Put::Changed => counts.changed += 1,
                Put::Same => continue,
            }
            touched.insert(*pairing);
        }
        for &id in &gone_copies {
            if let Some(pairing) = gone(&mut tx, lease.on, id, now).await? {
                counts.gone += 1;
                touched.insert(pairing);
            }
        }
        for pairing in touched {
            detect_now(&mut tx, pairing.0, now).await?;
        }
        if was_stale {
            for pairing in ids(tx.all(ALL_READ, values![lease.on.0, now - STALE_AFTER]).await?)? {
                plan_now(&mut tx, pairing, now).await?;
            }
        }
        tx.commit().await?;
        Ok(Finished::Done(counts))
    }
}

/// The pairings of a calendar's owner.
const OWN: &str = "SELECT m.pairing AS id FROM pairing_member m JOIN calendar c ON c.owner = m.participant
     WHERE c.id = $1 ORDER BY m.pairing";

/// Those of them of which nothing is to be detected, and no calendar has not been read since `$2`.
const ALL_READ: &str = "SELECT p.id FROM pairing p
     JOIN pairing_member m ON m.pairing = p.id JOIN calendar c ON c.owner = m.participant
     WHERE c.id = $1 AND p.next_detect_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM pairing_member n JOIN calendar k ON k.owner = n.participant
        WHERE n.pairing = p.id AND k.active AND (k.last_synced_at IS NULL OR k.last_synced_at < $2))
     ORDER BY p.id";

fn ids(rows: Vec<Row>) -> Result<Vec<i64>> {
    rows.iter().map(|row| row.of("pairing", "").get("id")).collect()
}

/// The pairings that a reading is about, in order.
async fn pairings(tx: &mut Tx, upserts: &[(PairingId, CopyFacts)], gone: &[CopyId]) -> Result<BTreeSet<i64>> {
    let mut all: BTreeSet<i64> = upserts.iter().map(|(pairing, _)| pairing.0).collect();
    for copy in gone {
        if let Some(row) = tx.one("SELECT pairing FROM copy WHERE id = $1", values![copy.0]).await? {
            all.insert(row.of("copy", copy.0).get("pairing")?);
        }
    }
    Ok(all)
}
