//! The outbox: alerts by their unique key, and each attempt to deliver one.

use chrono::{DateTime, Utc};

use crate::domain::alert::{Alert, AlertKey, AlertState};
use crate::domain::pairing::PairingId;
use crate::domain::people::{Address, ParticipantId};
use crate::domain::session::SessionId;

use super::Store;
use super::db::{Row, Tx, Value, values};
use super::error::Result;
use super::queue::{Finished, Lease, Queue};

pub(super) const COLUMNS: &str = "alert_key, kind, program, pairing, session, participant, recipient, about, \
     step, due_at, expires_at, state, reason, sent_at, message_id, attempts, error";

/// An alert and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    pub alert: Alert,
    pub state: AlertState,
    /// Why it was withdrawn or failed.
    pub reason: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub message_id: Option<String>,
    /// How often it was handed to a channel, since it was last planned.
    pub attempts: u32,
    /// What the last attempt failed of.
    pub error: Option<String>,
}

impl Store {
    /// All alerts, or those of one program, by the time they are due.
    pub async fn alerts(&self, program: Option<&str>) -> Result<Vec<StoredAlert>> {
        match program {
            Some(name) => self.alerts_where("program = $1", values![name]).await,
            None => self.alerts_where("TRUE", vec![]).await,
        }
    }

    pub async fn alerts_of(&self, pairing: PairingId) -> Result<Vec<StoredAlert>> {
        self.alerts_where("pairing = $1", values![pairing.0]).await
    }

    pub async fn alert(&self, key: &AlertKey) -> Result<Option<StoredAlert>> {
        let found = self.alerts_where("alert_key = $1", values![&*key.0]).await?;
        Ok(found.into_iter().next())
    }

    async fn alerts_where(&self, condition: &str, values: Vec<Value>) -> Result<Vec<StoredAlert>> {
        let sql = format!("SELECT {COLUMNS} FROM alert WHERE {condition} ORDER BY due_at, alert_key");
        let rows = self.db.all(&sql, values).await?;
        rows.iter().map(stored).collect()
    }

    /// Takes alerts whose moment has come (or has passed: that is for the sender to see).
    pub async fn claim_alerts(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(StoredAlert, Lease<AlertKey>)>> {
        self.claim(Queue::Alerts, COLUMNS, now, limit, |row| {
            let stored = stored(row)?;
            let key = stored.alert.key.clone();
            Ok((stored, key))
        })
        .await
    }

    /// The channel took the message; `response` is what it said.
    ///
    /// What has left the house is sent, whoever holds the lease by now: the attempt and the state
    /// are written in any case, and [`Finished::NotMine`] means that somebody else may have sent
    /// it as well.
    pub async fn alert_sent(
        &self,
        lease: &Lease<AlertKey>,
        message_id: &str,
        response: &str,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let mut tx = self.db.begin().await?;
        attempt(&mut tx, &lease.on, "sent", Some(message_id), response, now).await?;
        let release = Queue::Alerts.release_sql();
        let sent = format!(
            "UPDATE alert SET state = 'sent', sent_at = $2, message_id = $3, reason = NULL,
                error = NULL, attempts = attempts + 1, {release}
             WHERE alert_key = $1"
        );
        let values = || values![&*lease.on.0, now, message_id];
        let mut with_lease = values();
        with_lease.push(Value::from(lease.number));
        let mine = tx.execute(&format!("{sent} AND lease = $4"), with_lease).await?;
        if mine == 0 {
            tx.execute(&format!("{sent} AND state <> 'sent'"), values()).await?;
        }
        tx.commit().await?;
        Ok(finished(mine))
    }

    /// The facts no longer ask for it.
    pub async fn alert_withdrawn(&self, lease: &Lease<AlertKey>, reason: &str) -> Result<Finished> {
        let release = Queue::Alerts.release_sql();
        let sql = format!(
            "UPDATE alert SET state = 'withdrawn', reason = $3, {release}
             WHERE alert_key = $1 AND lease = $2 RETURNING alert_key"
        );
        let values = values![&*lease.on.0, lease.number, reason];
        Ok(finished(self.db.write(&sql, values).await?.len() as u64))
    }

    /// It is to wait until `due_at`, though nothing is wrong with it.
    pub async fn alert_put_off(&self, lease: &Lease<AlertKey>, due_at: DateTime<Utc>) -> Result<Finished> {
        let release = Queue::Alerts.release_sql();
        let sql = format!(
            "UPDATE alert SET due_at = $3, {release}
             WHERE alert_key = $1 AND lease = $2 RETURNING alert_key"
        );
        let values = values![&*lease.on.0, lease.number, due_at];
        Ok(finished(self.db.write(&sql, values).await?.len() as u64))
    }

    /// The channel did not take it. Without `retry_at` that is final.
    pub async fn alert_failed(
        &self,
        lease: &Lease<AlertKey>,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let release = Queue::Alerts.release_sql();
        let (change, last) = match retry_at {
            Some(at) => ("due_at = $4", Value::from(at)),
            None => ("state = 'failed', reason = $4", Value::from(error)),
        };
        let sql = format!(
            "UPDATE alert SET error = $3, attempts = attempts + 1, {change}, {release}
             WHERE alert_key = $1 AND lease = $2"
        );
        let mut tx = self.db.begin().await?;
        let mut values = values![&*lease.on.0, lease.number, error];
        values.push(last);
        let mine = tx.execute(&sql, values).await?;
        if mine == 1 {
            attempt(&mut tx, &lease.on, "failed", None, error, now).await?;
        }
        tx.commit().await?;
        Ok(finished(mine))
    }
}

fn finished(rows: u64) -> Finished {
    match rows {
        0 => Finished::NotMine,
        _ => Finished::Done(()),
    }
}

async fn attempt(
    tx: &mut Tx,
    key: &AlertKey,
    outcome: &str,
    message_id: Option<&str>,
    response: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO delivery (alert_key, at, outcome, message_id, response)
         VALUES ($1, $2, $3, $4, $5)",
        values![&*key.0, now, outcome, message_id, response],
    )
    .await?;
    Ok(())
}

pub(super) fn stored(row: &Row) -> Result<StoredAlert> {
    let key: String = row.of("alert", "").get("alert_key")?;
    let row = row.of("alert", &key);
    Ok(StoredAlert {
        alert: Alert {
            key: AlertKey(key),
            kind: row.word("kind")?,
            program: row.get("program")?,
            pairing: row.get::<Option<i64>>("pairing")?.map(PairingId),
            session: row.get::<Option<String>>("session")?.map(SessionId),
            person: row.get::<Option<i64>>("participant")?.map(ParticipantId),
            recipient: row.word::<Address>("recipient")?,
            about: row.get("about")?,
            step: row.count("step")?,
            due_at: row.get("due_at")?,
            expires_at: row.get("expires_at")?,
        },
        state: row.word("state")?,
        reason: row.get("reason")?,
        sent_at: row.get("sent_at")?,
        message_id: row.get("message_id")?,
        attempts: row.count("attempts")?,
        error: row.get("error")?,
    })
}
