//! Copies: what one calendar says about one occurrence in which a pairing meets.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::calendar::CalendarId;
use crate::domain::pairing::PairingId;
use crate::domain::people::ParticipantId;
use crate::domain::session::{Copy, CopyFacts, CopyId, SessionId};

use super::Store;
use super::db::{Row, Tx, Value, json, micros, values};
use super::error::{Result, StoreError};
use super::queue::{Lease, Queue};

const COPIES: &str = "
    SELECT c.id, c.pairing, c.calendar, k.owner, c.event_key, c.series, c.uid, c.original_start,
           c.starts_at, c.ends_at, c.state, c.organizer, c.responses, c.conference, c.decision,
           c.score, c.reasons, c.guests_hidden, c.changed_at, c.session
    FROM copy c JOIN calendar k ON k.id = c.calendar";

impl Store {
    /// What is stored from one calendar.
    pub async fn copies_on(&self, calendar: CalendarId) -> Result<Vec<Copy>> {
        self.copies_where("c.calendar = $1", values![calendar.0]).await
    }

    /// All copies that concern a pairing.
    pub async fn copies_of(&self, pairing: PairingId) -> Result<Vec<Copy>> {
        self.copies_where("c.pairing = $1", values![pairing.0]).await
    }

    pub async fn copies_of_session(&self, session: &SessionId) -> Result<Vec<Copy>> {
        self.copies_where("c.session = $1", values![&*session.0]).await
    }

    /// All copies of the sessions of a program.
    pub async fn copies_in(&self, program: &str) -> Result<Vec<Copy>> {
        let mine = "c.session IS NOT NULL AND c.pairing IN (SELECT id FROM pairing WHERE program = $1)";
        self.copies_where(mine, values![program]).await
    }

    /// The copies, on whichever calendar, that have the provider's key `event`.
    pub async fn copies_by_event(&self, event: &str) -> Result<Vec<Copy>> {
        self.copies_where("c.event_key = $1", values![event]).await
    }

    async fn copies_where(&self, condition: &str, values: Vec<Value>) -> Result<Vec<Copy>> {
        let sql = format!("{COPIES} WHERE {condition} ORDER BY c.starts_at, c.id");
        let rows = self.db.all(&sql, values).await?;
        rows.iter().map(copy).collect()
    }

    /// Takes pairings of which a copy has changed.
    pub async fn claim_pairings_to_detect(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Lease<PairingId>>> {
        self.claim_pairings(Queue::Detect, now, limit).await
    }
}

/// What became of writing a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Added,
    Changed,
    Same,
}

/// What a calendar has said so far.
pub(super) type Known = BTreeMap<PairingId, BTreeMap<String, CopyFacts>>;

pub(super) async fn known(tx: &mut Tx, calendar: CalendarId) -> Result<Known> {
    let rows = tx.all(&format!("{COPIES} WHERE c.calendar = $1"), values![calendar.0]).await?;
    let mut known = Known::new();
    for row in &rows {
        let Copy { pairing, facts, .. } = copy(row)?;
        known.entry(pairing).or_default().insert(facts.event.clone(), facts);
    }
    Ok(known)
}

/// Writes what a calendar says now; what it said already stays untouched.
pub(super) async fn put(
    tx: &mut Tx,
    calendar: CalendarId,
    pairing: PairingId,
    facts: &CopyFacts,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<Put> {
    let known = known.get(&pairing).and_then(|copies| copies.get(&facts.event));
    if known.is_some_and(|known| *known == as_stored(facts)) {
        return Ok(Put::Same);
    }
    tx.execute(
        "INSERT INTO copy (calendar, event_key, pairing, series, uid, original_start, starts_at,
            ends_at, state, organizer, responses, conference, decision, score, reasons, guests_hidden,
            changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (calendar, event_key, pairing) DO UPDATE SET
            series = excluded.series, uid = excluded.uid, original_start = excluded.original_start,
            starts_at = excluded.starts_at, ends_at = excluded.ends_at, state = excluded.state,
            organizer = excluded.organizer, responses = excluded.responses,
            conference = excluded.conference, decision = excluded.decision,
            score = excluded.score, reasons = excluded.reasons,
            guests_hidden = excluded.guests_hidden, changed_at = excluded.changed_at",
        values![
            calendar.0,
            &*facts.event,
            pairing.0,
            facts.series.as_deref(),
            facts.uid.as_deref(),
            facts.original_start,
            facts.start,
            facts.end,
            facts.state.as_str(),
            facts.organizer.map(|person| person.0),
            json(&facts.responses)?,
            facts.conference.as_ref().map(json).transpose()?,
            facts.decision.as_str(),
            facts.score,
            json(&facts.reasons)?,
            facts.guests_hidden,
            now,
        ],
    )
    .await?;
    Ok(match known {
        Some(_) => Put::Changed,
        None => Put::Added,
    })
}

/// The copy is no longer on the calendar; returns whose it was, if that is news.
pub(super) async fn gone(
    tx: &mut Tx,
    calendar: CalendarId,
    id: CopyId,
    now: DateTime<Utc>,
) -> Result<Option<PairingId>> {
    let written = tx
        .one(
            "UPDATE copy SET state = 'gone', changed_at = $3
             WHERE id = $1 AND calendar = $2 AND state <> 'gone' RETURNING pairing",
            values![id.0, calendar.0, now],
        )
        .await?;
    written.map(|row| Ok(PairingId(row.of("copy", id.0).get("pairing")?))).transpose()
}

/// Notes which session a copy belongs to.
pub(super) async fn link(
    tx: &mut Tx,
    pairing: PairingId,
    id: CopyId,
    session: Option<&SessionId>,
) -> Result<()> {
    let written = tx
        .execute(
            "UPDATE copy SET session = $3 WHERE id = $1 AND pairing = $2",
            values![id.0, pairing.0, session.map(|s| s.0.as_str())],
        )
        .await?;
    match written {
        0 => Err(StoreError::NoSuch { what: "copy", id: id.0.to_string() }),
        _ => Ok(()),
    }
}

/// The facts as they come back from the database.
fn as_stored(facts: &CopyFacts) -> CopyFacts {
    let mut facts = facts.clone();
    facts.original_start = facts.original_start.map(micros);
    facts.start = micros(facts.start);
    facts.end = micros(facts.end);
    facts
}

fn copy(row: &Row) -> Result<Copy> {
    let id: i64 = row.of("copy", "").get("id")?;
    let row = row.of("copy", id);
    let score: i64 = row.get("score")?;
    Ok(Copy {
        id: CopyId(id),
        pairing: PairingId(row.get("pairing")?),
        calendar: CalendarId(row.get("calendar")?),
        owner: ParticipantId(row.get("owner")?),
        facts: CopyFacts {
            event: row.get("event_key")?,
            series: row.get("series")?,
            uid: row.get("uid")?,
            original_start: row.get("original_start")?,
            start: row.get("starts_at")?,
            end: row.get("ends_at")?,
            state: row.word("state")?,
            organizer: row.get::<Option<i64>>("organizer")?.map(ParticipantId),
            responses: row.json("responses")?,
            conference: row.json_opt("conference")?,
            decision: row.word("decision")?,
            score: i32::try_from(score).map_err(|_| row.corrupt("score"))?,
            reasons: row.json("reasons")?,
            guests_hidden: row.get("guests_hidden")?,
        },
        changed_at: row.get("changed_at")?,
        session: row.get::<Option<String>>("session")?.map(SessionId),
    })
}
