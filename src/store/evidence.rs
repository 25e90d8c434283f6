//! Evidence: only ever added to. New evidence makes its session due to be judged.

use chrono::{DateTime, Utc};

use crate::domain::evidence::{ConferenceRecord, Evidence, Source, Statement};
use crate::domain::session::{Session, SessionId};

use super::Store;
use super::db::{Row, Tx, json, values};
use super::error::{Result, StoreError};
use super::queue::{Finished, Lease, Queue};
use super::sessions::{COLUMNS, judge_now, session};

impl Store {
    /// Everything stated about a session, in the order in which it arrived.
    pub async fn evidence_of(&self, id: &SessionId) -> Result<Vec<Evidence>> {
        let rows = self
            .db
            .all("SELECT id, statement, at FROM evidence WHERE session = $1 ORDER BY id", values![&*id.0])
            .await?;
        rows.iter().map(evidence).collect()
    }

    /// Adds what a person said: a manager who settles it, a participant who answers.
    pub async fn add_evidence(&self, id: &SessionId, evidence: &Evidence, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let there = tx.one("SELECT id FROM session WHERE id = $1", values![&*id.0]).await?;
        if there.is_none() {
            return Err(StoreError::NoSuch { what: "session", id: id.0.clone() });
        }
        add(&mut tx, id, evidence, now).await?;
        judge_now(&mut tx, id, now).await?;
        tx.commit().await
    }

    /// Takes sessions whose conference records are to be fetched through a connection: that of the
    /// organiser's calendar, else of another member's. `others` takes those of which nobody has a
    /// calendar as well.
    pub async fn claim_sessions_to_fetch(
        &self,
        connection: &str,
        others: bool,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(Session, Lease<SessionId>)>> {
        let among = format!("{} = $3", through(others, "$3"));
        self.claim_among(Queue::Fetch, (&among, Some(connection.into())), COLUMNS, now, limit, |row| {
            let session = session(row)?;
            let id = session.id.clone();
            Ok((session, id))
        })
        .await
    }

    /// When the records of the next session are to be fetched through a connection.
    pub async fn next_fetch_due(&self, connection: &str, others: bool) -> Result<Option<DateTime<Utc>>> {
        let among = format!("{} = $1", through(others, "$1"));
        self.next_due_among(Queue::Fetch, (&among, Some(connection.into()))).await
    }

    /// Conference records were asked for. A record is added only where it says something else than
    /// the last time; returns how many were. `next_fetch_at`: when to ask again, if at all.
    pub async fn save_calls(
        &self,
        lease: &Lease<SessionId>,
        evidence: &[Evidence],
        next_fetch_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Finished<usize>> {
        let mut tx = self.db.begin().await?;
        let release = Queue::Fetch.release_sql();
        let sql = format!(
            "UPDATE session SET next_fetch_at = $3, {release}
             WHERE id = $1 AND fetch_lease = $2"
        );
        let values = values![&*lease.on.0, lease.number, next_fetch_at];
        if tx.execute(&sql, values).await? == 0 {
            return Ok(Finished::NotMine);
        }
        let mut known = records(&mut tx, &lease.on).await?;
        let mut added = 0;
        for evidence in evidence {
            if let Statement::Conference(record) = &evidence.statement {
                let same_run =
                    |k: &&ConferenceRecord| k.service == record.service && k.record == record.record;
                if known.iter().rev().find(same_run) == Some(record) {
                    continue;
                }
                known.push(record.clone());
            }
            add(&mut tx, &lease.on, evidence, now).await?;
            added += 1;
        }
        if added > 0 {
            judge_now(&mut tx, &lease.on, now).await?;
        }
        tx.commit().await?;
        Ok(Finished::Done(added))
    }
}

/// The conference records of a session, the oldest statement first.
async fn records(tx: &mut Tx, id: &SessionId) -> Result<Vec<ConferenceRecord>> {
    let rows = tx
        .all(
            "SELECT id, statement, at FROM evidence WHERE session = $1 AND source = $2 ORDER BY id",
            values![&*id.0, Source::Conference.as_str()],
        )
        .await?;
    let mut records = Vec::new();
    for row in &rows {
        if let Statement::Conference(record) = evidence(row)?.statement {
            records.push(record);
        }
    }
    Ok(records)
}

/// Adds unless the very same is recorded; says whether it was added.
pub(super) async fn add_new(
    tx: &mut Tx,
    id: &SessionId,
    evidence: &Evidence,
    now: DateTime<Utc>,
) -> Result<bool> {
    let known = tx
        .one(
            "SELECT id FROM evidence WHERE session = $1 AND at = $2 AND statement = $3",
            values![&*id.0, evidence.at, json(&evidence.statement)?],
        )
        .await?;
    if known.is_some() {
        return Ok(false);
    }
    add(tx, id, evidence, now).await?;
    Ok(true)
}

async fn add(tx: &mut Tx, id: &SessionId, evidence: &Evidence, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "INSERT INTO evidence (session, source, statement, at, recorded_at)
         VALUES ($1, $2, $3, $4, $5)",
        values![&*id.0, evidence.statement.source().as_str(), json(&evidence.statement)?, evidence.at, now,],
    )
    .await?;
    Ok(())
}

fn evidence(row: &Row) -> Result<Evidence> {
    let id: i64 = row.of("evidence", "").get("id")?;
    let row = row.of("evidence", id);
    Ok(Evidence { statement: row.json("statement")?, at: row.get("at")? })
}

/// The connection through which a session's records are fetched; `unknown` where nobody has a calendar.
fn through(unknown: bool, connection: &str) -> String {
    let nobody = if unknown { connection } else { "''" };
    format!(
        "COALESCE(
            (SELECT c.connection FROM calendar c
             WHERE c.owner = session.organizer AND c.active ORDER BY c.id LIMIT 1),
            (SELECT c.connection FROM calendar c JOIN pairing_member m ON m.participant = c.owner
             WHERE m.pairing = session.pairing AND c.active ORDER BY c.id LIMIT 1), {nobody})"
    )
}
