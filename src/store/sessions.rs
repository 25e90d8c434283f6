//! Sessions: put together by detect, each with the verdict that is valid now.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::evidence::Evidence;
use crate::domain::judge::Verdict;
use crate::domain::pairing::PairingId;
use crate::domain::people::ParticipantId;
use crate::domain::session::{CopyId, Session, SessionId};

use super::Store;
use super::copies::link;
use super::db::{Fields, Row, Tx, Value, json, micros, values};
use super::error::Result;
use super::evidence;
use super::queue::{Finished, Lease, Queue, plan_now};
use super::verdicts;

pub(super) const COLUMNS: &str = "id, pairing, uid, original_start, starts_at, ends_at, moves, \
     stands, decision, organizer, responses, conference, status, grade, reason, people, \
     rule_version, verdict_at";

/// Which sessions are meant; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// The program's name.
    pub program: Option<String>,
    /// Those that start at that time or later.
    pub from: Option<DateTime<Utc>>,
    /// Those that start before it.
    pub to: Option<DateTime<Utc>>,
}

impl Store {
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>> {
        let found = self.sessions_where("id = $1", values![&*id.0]).await?;
        Ok(found.into_iter().next())
    }

    /// Sessions by their start.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>> {
        let mut condition = "TRUE".to_owned();
        let mut values = Vec::new();
        let mut add = |text: &str, value: Value| {
            values.push(value);
            condition += &text.replace("$n", &format!("${}", values.len()));
        };
        if let Some(program) = &filter.program {
            let text = " AND pairing IN (SELECT id FROM pairing WHERE program = $n)";
            add(text, Value::from(&**program));
        }
        if let Some(from) = filter.from {
            add(" AND starts_at >= $n", Value::from(from));
        }
        if let Some(to) = filter.to {
            add(" AND starts_at < $n", Value::from(to));
        }
        self.sessions_where(&condition, values).await
    }

    pub async fn sessions_of(&self, pairing: PairingId) -> Result<Vec<Session>> {
        self.sessions_where("pairing = $1", values![pairing.0]).await
    }

    async fn sessions_where(&self, condition: &str, values: Vec<Value>) -> Result<Vec<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM session WHERE {condition} ORDER BY starts_at, id");
        let rows = self.db.all(&sql, values).await?;
        rows.iter().map(session).collect()
    }

    /// The series of the pairings, by UID, of which a session was taken.
    pub async fn series_taken(&self, pairings: &[PairingId]) -> Result<Vec<(PairingId, String)>> {
        let mut taken = Vec::new();
        for &pairing in pairings {
            let sql = "SELECT DISTINCT uid FROM session
                 WHERE pairing = $1 AND uid IS NOT NULL AND original_start IS NOT NULL
                    AND decision = 'taken'
                 ORDER BY uid";
            for row in &self.db.all(sql, values![pairing.0]).await? {
                taken.push((pairing, row.of("session", "").get("uid")?));
            }
        }
        Ok(taken)
    }

    /// Writes what detect made of a pairing's copies. When a copy has changed since the claim,
    /// nothing is written, and the pairing is due.
    ///
    /// - `sessions`: those that are new or changed. The verdict of a known session is left alone;
    ///   a new one comes with its first.
    /// - `links`: every copy that was looked at, and the session it belongs to.
    /// - `evidence`: what the copies newly say; what is recorded already is not recorded twice.
    pub async fn save_sessions(
        &self,
        lease: &Lease<PairingId>,
        sessions: &[Session],
        links: &[(CopyId, Option<SessionId>)],
        evidence: &[(SessionId, Evidence)],
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        let pairing = lease.on;
        let mut tx = self.db.begin().await?;
        let release = Queue::Detect.release_sql();
        let sql = format!(
            "UPDATE pairing SET next_detect_at = NULL, {release} WHERE id = $1 AND detect_lease = $2"
        );
        if tx.execute(&sql, values![pairing.0, lease.number]).await? == 0 {
            return Ok(Finished::NotMine);
        }
        let known = known(&mut tx, pairing).await?;
        for session in sessions {
            put(&mut tx, session, known.get(&session.id), now).await?;
        }
        for (copy, session) in links {
            link(&mut tx, pairing, *copy, session.as_ref()).await?;
        }
        for (session, evidence) in evidence {
            if evidence::add_new(&mut tx, session, evidence, now).await? {
                judge_now(&mut tx, session, now).await?;
            }
        }
        if !sessions.is_empty() || !evidence.is_empty() {
            plan_now(&mut tx, pairing.0, now).await?;
        }
        tx.commit().await?;
        Ok(Finished::Done(()))
    }
}

async fn known(tx: &mut Tx, pairing: PairingId) -> Result<BTreeMap<SessionId, Session>> {
    let sql = format!("SELECT {COLUMNS} FROM session WHERE pairing = $1");
    let rows = tx.all(&sql, values![pairing.0]).await?;
    rows.iter().map(|row| session(row).map(|session| (session.id.clone(), session))).collect()
}

/// Writes a session, and has it judged: what its verdict rests on has changed.
async fn put(tx: &mut Tx, session: &Session, known: Option<&Session>, now: DateTime<Utc>) -> Result<()> {
    let fetch = match known {
        None => session.conference.is_some(),
        Some(known) => known.conference != session.conference || known.end != micros(session.end),
    };
    let verdict = &session.verdict;
    tx.execute(
        "INSERT INTO session (id, pairing, uid, original_start, starts_at, ends_at, moves, stands,
            decision, organizer, responses, conference,
            status, grade, reason, people, rule_version, verdict_at, next_judge_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT (id) DO UPDATE SET
            uid = excluded.uid, original_start = excluded.original_start,
            starts_at = excluded.starts_at, ends_at = excluded.ends_at, moves = excluded.moves,
            stands = excluded.stands, decision = excluded.decision, organizer = excluded.organizer,
            responses = excluded.responses, conference = excluded.conference,
            next_judge_at = excluded.next_judge_at, judge_lease = session.judge_lease + 1,
            judge_lease_until = 0",
        values![
            &*session.id.0,
            session.pairing.0,
            session.uid.as_deref(),
            session.original_start,
            session.start,
            session.end,
            session.moves,
            session.stands,
            session.decision.as_str(),
            session.organizer.map(|person| person.0),
            json(&session.responses)?,
            session.conference.as_ref().map(json).transpose()?,
            verdict.status.as_str(),
            verdict.grade.as_str(),
            &*verdict.reason,
            json(&verdict.people)?,
            verdict.rule_version,
            verdict.at,
            now,
        ],
    )
    .await?;
    if known.is_none() {
        verdicts::append(tx, &session.id, verdict, "detect").await?;
    }
    if fetch {
        let due = session.conference.as_ref().map(|_| session.end);
        let release = Queue::Fetch.release_sql();
        let sql = format!("UPDATE session SET next_fetch_at = $2, {release} WHERE id = $1");
        tx.execute(&sql, values![&*session.id.0, due]).await?;
    }
    Ok(())
}

/// What the session's verdict rests on has changed: judge it now, and not from what was read before.
pub(super) async fn judge_now(tx: &mut Tx, id: &SessionId, now: DateTime<Utc>) -> Result<()> {
    let release = Queue::Judge.release_sql();
    let sql = format!("UPDATE session SET next_judge_at = $2, {release} WHERE id = $1");
    tx.execute(&sql, values![&*id.0, now]).await?;
    Ok(())
}

pub(super) fn session(row: &Row) -> Result<Session> {
    let id: String = row.of("session", "").get("id")?;
    let row = row.of("session", &id);
    Ok(Session {
        id: SessionId(id),
        pairing: PairingId(row.get("pairing")?),
        uid: row.get("uid")?,
        original_start: row.get("original_start")?,
        start: row.get("starts_at")?,
        end: row.get("ends_at")?,
        moves: row.count("moves")?,
        stands: row.get("stands")?,
        decision: row.word("decision")?,
        organizer: row.get::<Option<i64>>("organizer")?.map(ParticipantId),
        responses: row.json("responses")?,
        conference: row.json_opt("conference")?,
        verdict: verdict(&row)?,
    })
}

/// The columns of a verdict are called the same in `session` and in `verdict`.
pub(super) fn verdict(row: &Fields<'_>) -> Result<Verdict> {
    Ok(Verdict {
        status: row.word("status")?,
        grade: row.word("grade")?,
        reason: row.get("reason")?,
        people: row.json("people")?,
        rule_version: row.count("rule_version")?,
        at: row.get("verdict_at")?,
    })
}
