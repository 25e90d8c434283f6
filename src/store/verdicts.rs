//! Verdicts: every one there has been, the newest valid.

use chrono::{DateTime, Utc};

use crate::domain::judge::Verdict;
use crate::domain::session::{Session, SessionId};

use super::Store;
use super::db::{Tx, json, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue, plan_now};
use super::sessions::{COLUMNS, session, verdict};

impl Store {
    /// Takes sessions that are to be judged.
    pub async fn claim_sessions_to_judge(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(Session, Lease<SessionId>)>> {
        self.claim(Queue::Judge, COLUMNS, now, limit, |row| {
            let session = session(row)?;
            let id = session.id.clone();
            Ok((session, id))
        })
        .await
    }

    /// The session was judged, because of `cause`; says whether the verdict is another than before,
    /// and keeps it only then. `next_judge_at`: when time alone may change it.
    ///
    /// Evidence or a change of the session that came meanwhile has ended the lease: the verdict is
    /// not written, and the session is due at once.
    pub async fn save_verdict(
        &self,
        lease: &Lease<SessionId>,
        new: &Verdict,
        cause: &str,
        next_judge_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Finished<bool>> {
        let id = &lease.on;
        let mut tx = self.db.begin().await?;
        // The pairing before its sessions, as everywhere: who waits for whom is then never a circle.
        let pairing =
            "SELECT id FROM pairing WHERE id = (SELECT pairing FROM session WHERE id = $1) {for_update}";
        tx.one(pairing, values![&*id.0]).await?;
        let release = Queue::Judge.release_sql();
        let sql = format!(
            "UPDATE session SET next_judge_at = $3, {release}
             WHERE id = $1 AND judge_lease = $2 RETURNING {COLUMNS}"
        );
        let values = values![&*id.0, lease.number, next_judge_at];
        let Some(row) = tx.one(&sql, values).await? else {
            return Ok(Finished::NotMine);
        };
        let session = session(&row)?;
        let old = &session.verdict;
        let changed = (old.status, old.grade, &old.reason, &old.people)
            != (new.status, new.grade, &new.reason, &new.people);
        if changed {
            tx.execute(
                "UPDATE session SET status = $2, grade = $3, reason = $4, people = $5,
                    rule_version = $6, verdict_at = $7
                 WHERE id = $1",
                values![
                    &*id.0,
                    new.status.as_str(),
                    new.grade.as_str(),
                    &*new.reason,
                    json(&new.people)?,
                    new.rule_version,
                    new.at,
                ],
            )
            .await?;
            append(&mut tx, id, new, cause).await?;
            plan_now(&mut tx, session.pairing.0, now).await?;
        }
        tx.commit().await?;
        Ok(Finished::Done(changed))
    }

    /// Every verdict there has been on a session and what caused it, the first one first.
    pub async fn verdicts_of(&self, id: &SessionId) -> Result<Vec<(Verdict, String)>> {
        let rows = self
            .db
            .all(
                "SELECT id, status, grade, reason, people, rule_version, verdict_at, cause
                 FROM verdict WHERE session = $1 ORDER BY id",
                values![&*id.0],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let row = row.of("verdict", row.of("verdict", "").get::<i64>("id")?);
                Ok((verdict(&row)?, row.get("cause")?))
            })
            .collect()
    }
}

pub(super) async fn append(tx: &mut Tx, id: &SessionId, verdict: &Verdict, cause: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO verdict (session, status, grade, reason, people, rule_version, verdict_at,
            cause)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        values![
            &*id.0,
            verdict.status.as_str(),
            verdict.grade.as_str(),
            &*verdict.reason,
            json(&verdict.people)?,
            verdict.rule_version,
            verdict.at,
            cause,
        ],
    )
    .await?;
    Ok(())
}
