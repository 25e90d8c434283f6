//! Planning: the outbox is brought to what the facts ask for, one pairing at a time.

use chrono::{DateTime, Utc};

use crate::domain::alert::{Alert, AlertKey, AlertState};
use crate::domain::pairing::PairingId;

use super::Store;
use super::db::{Tx, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue};
use super::restoration;

impl Store {
    /// Takes pairings whose alerts are to be planned.
    pub async fn claim_pairings_to_plan(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Lease<PairingId>>> {
        self.claim_pairings(Queue::Plan, now, limit).await
    }

    pub(super) async fn claim_pairings(
        &self,
        queue: Queue,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Lease<PairingId>>> {
        let claimed = self
            .claim(queue, "id", now, limit, |row| Ok(((), PairingId(row.of("pairing", "").get("id")?))))
            .await?;
        Ok(claimed.into_iter().map(|((), lease)| lease).collect())
    }

    /// The pairing was planned: `add` is to be sent, `withdraw` is not any more, with the reason.
    /// When the facts have changed since the claim, nothing is written, and the pairing is due.
    ///
    /// By the state of what is stored under the key:
    /// - planned: `add` gives it its new times, `withdraw` withdraws it; but what is just being
    ///   sent (a live lease) is left alone: its sender looks at the facts itself, and to take the
    ///   lease away would have it sent a second time.
    /// - withdrawn, never sent: `add` plans it again.
    /// - sent or failed: stays so, whatever is asked.
    ///
    /// What may have been sent before the database was restored is written as failed.
    pub async fn save_plan(
        &self,
        lease: &Lease<PairingId>,
        add: &[Alert],
        withdraw: &[(AlertKey, String)],
        next_plan_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let mut tx = self.db.begin().await?;
        let release = Queue::Plan.release_sql();
        let sql =
            format!("UPDATE pairing SET next_plan_at = $3, {release} WHERE id = $1 AND plan_lease = $2");
        let values = values![lease.on.0, lease.number, next_plan_at];
        if tx.execute(&sql, values).await? == 0 {
            return Ok(Finished::NotMine);
        }
        for (key, reason) in withdraw {
            let (release, free) = (Queue::Alerts.release_sql(), Queue::Alerts.free_sql());
            let sql = format!(
                "UPDATE alert SET state = 'withdrawn', reason = $2, {release}
                 WHERE alert_key = $1 AND state = 'planned' AND {free}"
            );
            tx.execute(&sql, values![&*key.0, &**reason]).await?;
        }
        put_all(&mut tx, add, now).await?;
        tx.commit().await?;
        Ok(Finished::Done(()))
    }
}

/// Plans alerts; see [`Store::save_plan`] for what happens to those that are there.
pub(super) async fn put_all(tx: &mut Tx, alerts: &[Alert], now: DateTime<Utc>) -> Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    let restored_at = restoration::last(tx).await?;
    for alert in alerts {
        put(tx, alert, restored_at, now).await?;
    }
    Ok(())
}

async fn put(
    tx: &mut Tx,
    alert: &Alert,
    restored_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (state, reason) = match restored_at.filter(|at| alert.may_have_been_sent_by(*at)) {
        Some(at) => (AlertState::Failed, Some(restoration::reason(at))),
        None => (AlertState::Planned, None),
    };
    let free = Queue::Alerts.free_sql();
    let sql = format!(
        "INSERT INTO alert (alert_key, kind, program, pairing, session, participant, recipient,
            about, step, due_at, expires_at, planned_at, state, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (alert_key) DO UPDATE SET
            recipient = excluded.recipient, about = excluded.about, step = excluded.step,
            due_at = excluded.due_at, expires_at = excluded.expires_at,
            planned_at = excluded.planned_at, state = excluded.state, reason = excluded.reason,
            attempts = CASE WHEN alert.state = 'planned' THEN alert.attempts ELSE 0 END,
            error = CASE WHEN alert.state = 'planned' THEN alert.error ELSE NULL END,
            lease = alert.lease + 1, lease_until = 0
         WHERE {free}
            AND (alert.state = 'withdrawn' AND alert.sent_at IS NULL
                OR alert.state = 'planned'
                    AND (alert.due_at <> excluded.due_at OR alert.about <> excluded.about
                        OR alert.expires_at <> excluded.expires_at
                        OR alert.recipient <> excluded.recipient))"
    );
    tx.execute(
        &sql,
        values![
            &*alert.key.0,
            alert.kind.as_str(),
            &*alert.program,
            alert.pairing.map(|pairing| pairing.0),
            alert.session.as_ref().map(|session| &*session.0),
            alert.person.map(|person| person.0),
            alert.recipient.as_str(),
            alert.about,
            alert.step,
            alert.due_at,
            alert.expires_at,
            now,
            state.as_str(),
            reason,
        ],
    )
    .await?;
    Ok(())
}
