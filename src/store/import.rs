//! Bringing a roster in: people and pairings added and updated, nothing deleted.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::pairing::Role;
use crate::domain::roster::Entry;

use super::Store;
use super::db::{Tx, json, values};
use super::error::{Result, StoreError};
use super::queue::{Queue, plan_now};

mod people;

/// What an import did, or would do, in plain words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RosterChange {
    /// The new pairings.
    pub added: Vec<String>,
    /// What is different now, as `what: from → to`.
    pub changed: Vec<String>,
    /// How many pairings of the roster were known as they are.
    pub unchanged: usize,
}

impl RosterChange {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }
}

impl Store {
    /// Adds and updates participants and pairings, all or nothing; `by` goes to the audit trail.
    /// Nothing is deleted. With `dry_run` it only tells what would be done.
    ///
    /// Calendars of everybody whose pairings or addresses are new are read afresh: events that
    /// meant nothing before were not kept.
    pub async fn import_roster(
        &self,
        entries: &[Entry],
        today: NaiveDate,
        by: &str,
        now: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<RosterChange> {
        let mut tx = self.db.begin().await?;
        // What makes a person or a pairing the same is looked up, which two at a time would both find
        // missing. Calendars first, as whoever reads one has it before its pairings.
        tx.have_to_itself("calendar, pairing, pairing_member, participant, address").await?;
        let mut import = Import {
            tx,
            today,
            people: BTreeSet::new(),
            pairings: BTreeSet::new(),
            affected: BTreeSet::new(),
            replan: BTreeSet::new(),
            change: RosterChange::default(),
        };
        for entry in entries {
            import.entry(entry).await?;
        }
        let Import { mut tx, affected, replan, change, .. } = import;
        if dry_run {
            tx.rollback().await?;
            return Ok(change);
        }
        for &pairing in &affected {
            read_afresh(&mut tx, pairing, now).await?;
        }
        for &pairing in affected.union(&replan) {
            plan_now(&mut tx, pairing, now).await?;
        }
        if !change.added.is_empty() || !change.changed.is_empty() {
            tx.execute(
                "INSERT INTO audit (at, actor, action, details) VALUES ($1, $2, $3, $4)",
                values![now, by, "roster import", json(&change)?],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(change)
    }
}

struct Import {
    tx: Tx,
    today: NaiveDate,
    /// Who was already named by this roster: the first mention counts, so that importing twice
    /// changes nothing.
    people: BTreeSet<i64>,
    /// The pairings that this roster has already named.
    pairings: BTreeSet<i64>,
    /// The pairings whose calendars are to be read afresh.
    affected: BTreeSet<i64>,
    /// The pairings whose alerts are to be planned.
    replan: BTreeSet<i64>,
    change: RosterChange,
}

impl Import {
    async fn entry(&mut self, entry: &Entry) -> Result<()> {
        let known = self.tx.one("SELECT name FROM program WHERE name = $1", values![&*entry.program]).await?;
        if known.is_none() {
            return Err(StoreError::NoSuch { what: "program", id: entry.program.clone() });
        }
        let mentor = self.person(&entry.mentor).await?;
        let mut mentees = Vec::new();
        for mentee in &entry.mentees {
            let id = self.person(mentee).await?;
            if id == mentor {
                return Err(StoreError::Conflict(format!(
                    "{} is mentor and mentee of the same pairing in {}",
                    mentee.name, entry.program
                )));
            }
            if !mentees.contains(&id) {
                mentees.push(id);
            }
        }
        let label = label(entry);
        match self.find(entry, mentor, &mentees).await? {
            Some(pairing) => self.update(pairing, entry, &mentees, &label).await,
            None => self.add(entry, mentor, &mentees, label).await,
        }
    }

    /// A group is known by its name, a pair by its mentee.
    async fn find(&mut self, entry: &Entry, mentor: i64, mentees: &[i64]) -> Result<Option<i64>> {
        const FIND: &str = "SELECT p.id FROM pairing p
             JOIN pairing_member m ON m.pairing = p.id AND m.role = 'mentor'
             WHERE p.program = $1 AND m.participant = $2";
        let program = &*entry.program;
        let row = match (&entry.group, mentees.first()) {
            (Some(group), _) => {
                let sql = format!("{FIND} AND p.grp = $3 ORDER BY p.id LIMIT 1");
                self.tx.one(&sql, values![program, mentor, &**group]).await?
            }
            (None, Some(&mentee)) => {
                let sql = format!(
                    "{FIND} AND p.grp IS NULL AND EXISTS (SELECT 1 FROM pairing_member e
                        WHERE e.pairing = p.id AND e.role = 'mentee' AND e.participant = $3)
                     ORDER BY p.id LIMIT 1"
                );
                self.tx.one(&sql, values![program, mentor, mentee]).await?
            }
            (None, None) => None,
        };
        row.map(|row| row.of("pairing", "found").get("id")).transpose()
    }

    async fn add(&mut self, entry: &Entry, mentor: i64, mentees: &[i64], label: String) -> Result<()> {
        let row = self
            .tx
            .one(
                "INSERT INTO pairing (program, grp, cadence_s, entered_on, starts_on, ends_on)
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
                values![
                    &*entry.program,
                    entry.group.as_deref(),
                    entry.cadence.map(|cadence| cadence.num_seconds()),
                    self.today,
                    entry.starts_on,
                    entry.ends_on,
                ],
            )
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        let pairing = row.of("pairing", "new").get("id")?;
        self.add_member(pairing, mentor, Role::Mentor, 0).await?;
        for (&mentee, position) in mentees.iter().zip(1_i64..) {
            self.add_member(pairing, mentee, Role::Mentee, position).await?;
        }
        self.pairings.insert(pairing);
        self.affected.insert(pairing);
        self.change.added.push(label);
        Ok(())
    }

    async fn add_member(&mut self, pairing: i64, id: i64, role: Role, position: i64) -> Result<()> {
        self.tx
            .execute(
                "INSERT INTO pairing_member (pairing, participant, role, position)
                 VALUES ($1, $2, $3, $4)",
                values![pairing, id, role.as_str(), position],
            )
            .await?;
        Ok(())
    }

    async fn update(&mut self, pairing: i64, entry: &Entry, mentees: &[i64], label: &str) -> Result<()> {
        let row = self
            .tx
            .one(
                "SELECT p.cadence_s, p.starts_on, p.ends_on,
                    (SELECT MAX(position) FROM pairing_member WHERE pairing = p.id) AS last
                 FROM pairing p WHERE p.id = $1",
                values![pairing],
            )
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        let row = row.of("pairing", pairing);
        let cadence: Option<i64> = row.get("cadence_s")?;
        let starts_on: Option<NaiveDate> = row.get("starts_on")?;
        let ends_on: Option<NaiveDate> = row.get("ends_on")?;
        let mut last: i64 = row.get("last")?;
        let wanted = entry.cadence.map(|cadence| cadence.num_seconds());

        let mut changes = Vec::new();
        let mut only_cadence = true;
        if starts_on != entry.starts_on {
            changes.push(difference("starts on", starts_on, entry.starts_on));
        }
        if ends_on != entry.ends_on {
            changes.push(difference("ends on", ends_on, entry.ends_on));
        }
        only_cadence &= changes.is_empty();
        if cadence != wanted {
            let (from, to) = (cadence.map(every), wanted.map(every));
            changes.push(difference("cadence", from, to));
        }
        let first_mention = self.pairings.insert(pairing);
        if !first_mention && !changes.is_empty() {
            return Err(StoreError::Conflict(format!(
                "the roster names this pairing twice, with a different {}: {label}",
                changes.join(", ")
            )));
        }
        if !changes.is_empty() {
            self.tx
                .execute(
                    "UPDATE pairing SET cadence_s = $2, starts_on = $3, ends_on = $4 WHERE id = $1",
                    values![pairing, wanted, entry.starts_on, entry.ends_on],
                )
                .await?;
        }
        let rows = self
            .tx
            .all("SELECT participant FROM pairing_member WHERE pairing = $1", values![pairing])
            .await?;
        let members = rows
            .iter()
            .map(|row| row.of("pairing_member", pairing).get("participant"))
            .collect::<Result<BTreeSet<i64>>>()?;
        for (&mentee, person) in mentees.iter().zip(&entry.mentees) {
            if !members.contains(&mentee) {
                last += 1;
                self.add_member(pairing, mentee, Role::Mentee, last).await?;
                changes.push(format!("mentees: {} came in", person.name));
                only_cadence = false;
            }
        }
        if changes.is_empty() {
            self.change.unchanged += usize::from(first_mention);
            return Ok(());
        }
        match only_cadence {
            true => self.replan.insert(pairing),
            false => self.affected.insert(pairing),
        };
        let changes = changes.into_iter().map(|what| format!("{label}: {what}"));
        self.change.changed.extend(changes);
        Ok(())
    }
}

/// The calendars of the pairing's members are listed from the start again; a reading under way may
/// have passed over what matters now.
async fn read_afresh(tx: &mut Tx, pairing: i64, now: DateTime<Utc>) -> Result<()> {
    let release = Queue::Calendars.release_sql();
    let sql = format!(
        "UPDATE calendar SET cursor = NULL, window_from = NULL, window_to = NULL,
            next_sync_at = $2, {release}
         WHERE active AND owner IN (SELECT participant FROM pairing_member WHERE pairing = $1)"
    );
    tx.execute(&sql, values![pairing, now]).await?;
    Ok(())
}

fn label(entry: &Entry) -> String {
    let mentees: Vec<&str> = entry.mentees.iter().map(|m| m.name.as_str()).collect();
    let group = entry.group.iter().map(|group| format!(" (group {group})"));
    format!(
        "{}: {} with {}{}",
        entry.program,
        entry.mentor.name,
        mentees.join(", "),
        group.collect::<String>()
    )
}

fn difference<T: ToString>(what: &str, from: Option<T>, to: Option<T>) -> String {
    let text = |value: Option<T>| value.map_or_else(|| "none".to_owned(), |v| v.to_string());
    format!("{what}: {} → {}", text(from), text(to))
}

fn every(seconds: i64) -> String {
    let whole = |unit: TimeDelta| {
        let unit = unit.num_seconds();
        (seconds % unit == 0).then_some(seconds / unit)
    };
    match (whole(TimeDelta::weeks(1)), whole(TimeDelta::days(1))) {
        (Some(1), _) => "1 week".to_owned(),
        (Some(weeks), _) => format!("{weeks} weeks"),
        (_, Some(1)) => "1 day".to_owned(),
        (_, Some(days)) => format!("{days} days"),
        (None, None) => format!("{seconds} seconds"),
    }
}
