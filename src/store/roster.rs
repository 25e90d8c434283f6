//! Programs, participants and pairings.

use chrono::TimeDelta;

use crate::domain::pairing::{Pairing, PairingId, Role};
use crate::domain::people::{Address, Participant, ParticipantId};

use super::Store;
use super::db::{Fields, Row, Value, values};
use super::error::{Result, StoreError};

/// One row for each address of each member; the rows of a person and of a pairing stand together.
const PAIRINGS: &str = "
    SELECT p.id, p.program, p.cadence_s, p.entered_on, p.starts_on, p.ends_on, p.paused,
           m.participant, m.role, n.name, a.address
    FROM pairing p
    JOIN pairing_member m ON m.pairing = p.id
    JOIN participant n ON n.id = m.participant
    JOIN address a ON a.participant = n.id";
const PAIRINGS_ORDER: &str = "ORDER BY p.id, m.position, m.participant, a.position, a.address";

impl Store {
    /// Makes the configured programs known: `(name, title)`.
    pub async fn ensure_programs(&self, programs: &[(&str, &str)]) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for &(name, title) in programs {
            tx.execute(
                "INSERT INTO program (name, title) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET title = excluded.title",
                values![name, title],
            )
            .await?;
        }
        tx.commit().await
    }

    /// All pairings, or those of one program, the first entered first.
    pub async fn pairings(&self, program: Option<&str>) -> Result<Vec<Pairing>> {
        match program {
            Some(name) => self.pairings_where("p.program = $1", values![name]).await,
            None => self.pairings_where("TRUE", vec![]).await,
        }
    }

    pub async fn pairing(&self, id: PairingId) -> Result<Option<Pairing>> {
        let found = self.pairings_where("p.id = $1", values![id.0]).await?;
        Ok(found.into_iter().next())
    }

    /// The pairings in which somebody is mentor or mentee.
    pub async fn pairings_of(&self, person: ParticipantId) -> Result<Vec<Pairing>> {
        let mine = "p.id IN (SELECT pairing FROM pairing_member WHERE participant = $1)";
        self.pairings_where(mine, values![person.0]).await
    }

    async fn pairings_where(&self, condition: &str, values: Vec<Value>) -> Result<Vec<Pairing>> {
        let sql = format!("{PAIRINGS} WHERE {condition} {PAIRINGS_ORDER}");
        put_together(&self.db.all(&sql, values).await?)
    }

    /// Everybody in the roster, the first entered first.
    pub async fn participants(&self) -> Result<Vec<Participant>> {
        let rows = self
            .db
            .all(
                "SELECT n.id AS participant, n.name, a.address
                 FROM participant n JOIN address a ON a.participant = n.id
                 ORDER BY n.id, a.position, a.address",
                vec![],
            )
            .await?;
        let mut people: Vec<Participant> = Vec::new();
        for row in &rows {
            let row = row.of("participant", "");
            let id = ParticipantId(row.get("participant")?);
            match people.last_mut().filter(|person| person.id == id) {
                Some(person) => person.addresses.push(address(&row)?),
                None => people.push(participant(&row, id)?),
            }
        }
        Ok(people)
    }
}

fn put_together(rows: &[Row]) -> Result<Vec<Pairing>> {
    let mut pairings: Vec<(Pairing, ParticipantId)> = Vec::new();
    for row in rows {
        let id: i64 = row.of("pairing", "").get("id")?;
        let row = row.of("pairing", id);
        let person = ParticipantId(row.get("participant")?);
        if pairings.last().is_none_or(|(last, _)| last.id.0 != id) {
            pairings.push((pairing(&row, PairingId(id))?, ParticipantId(0)));
        }
        let Some((pairing, last)) = pairings.last_mut() else {
            continue;
        };
        let role = role(&row)?;
        if *last == person {
            let known = match role {
                Role::Mentor => pairing.mentor.as_mut(),
                Role::Mentee => pairing.mentees.last_mut(),
            };
            if let Some(known) = known {
                known.addresses.push(address(&row)?);
            }
            continue;
        }
        *last = person;
        let person = participant(&row, person)?;
        match role {
            Role::Mentor => pairing.mentor = Some(person),
            Role::Mentee => pairing.mentees.push(person),
        }
    }
    // The domain counts on somebody to meet.
    if let Some((empty, _)) = pairings.iter().find(|(p, _)| p.mentees.is_empty()) {
        return Err(StoreError::Corrupt {
            table: "pairing_member",
            column: "role".to_owned(),
            id: empty.id.0.to_string(),
        });
    }
    Ok(pairings.into_iter().map(|(pairing, _)| pairing).collect())
}

fn pairing(row: &Fields<'_>, id: PairingId) -> Result<Pairing> {
    Ok(Pairing {
        id,
        program: row.get("program")?,
        mentor: None,
        mentees: Vec::new(),
        cadence: row
            .get::<Option<i64>>("cadence_s")?
            .map(|s| TimeDelta::try_seconds(s).ok_or_else(|| row.corrupt("cadence_s")))
            .transpose()?,
        entered_on: row.get("entered_on")?,
        starts_on: row.get("starts_on")?,
        ends_on: row.get("ends_on")?,
        paused: row.get("paused")?,
    })
}

fn participant(row: &Fields<'_>, id: ParticipantId) -> Result<Participant> {
    Ok(Participant { id, name: row.get("name")?, addresses: vec![address(row)?] })
}

fn role(row: &Fields<'_>) -> Result<Role> {
    match row.get::<String>("role")?.as_str() {
        "mentor" => Ok(Role::Mentor),
        "mentee" => Ok(Role::Mentee),
        _ => Err(row.corrupt("role")),
    }
}

pub(super) fn address(row: &Fields<'_>) -> Result<Address> {
    row.word("address")
}
