//! Who was in the call, and for how long.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::evidence::{ConferenceRecord, Evidence, Statement};
use crate::domain::people::ParticipantId;
use crate::domain::session::Session;

/// How long before the planned start and after the planned end a call still belongs to the session.
const MARGIN: TimeDelta = TimeDelta::minutes(30);

/// From when to when.
type Stay = (DateTime<Utc>, DateTime<Utc>);

/// Everybody's presence in the calls of one session: the union of their stays, so that a second
/// device or a rejoin counts once.
pub struct Presences {
    stays: BTreeMap<ParticipantId, Vec<Stay>>,
    unidentified: bool,
}

impl Presences {
    /// Reads the calls that belong to the session out of its evidence. Of a record that was fetched
    /// more than once the last one counts.
    pub fn of(session: &Session, evidence: &[Evidence]) -> Self {
        let (from, to) = (session.start - MARGIN, session.end + MARGIN);
        let mut records: BTreeMap<(&str, &str), &ConferenceRecord> = BTreeMap::new();
        for evidence in evidence {
            if let Statement::Conference(record) = &evidence.statement {
                records.insert((record.service.as_str(), &record.record), record);
            }
        }
        let mut presences = Self { stays: BTreeMap::new(), unidentified: false };
        for record in records.values() {
            for presence in &record.presences {
                let stay = (presence.joined.max(from), presence.left.min(to));
                if stay.0 >= stay.1 {
                    continue;
                }
                match presence.person {
                    Some(person) => presences.stays.entry(person).or_default().push(stay),
                    None => presences.unidentified = true,
                }
            }
        }
        presences.stays.values_mut().for_each(|stays| *stays = union(std::mem::take(stays)));
        presences
    }

    pub fn was_there(&self, person: ParticipantId) -> bool {
        self.stays.contains_key(&person)
    }

    /// Whether any member of the pairing was there.
    pub fn anybody(&self) -> bool {
        !self.stays.is_empty()
    }

    /// Whether somebody was there of whom nobody knows who it was.
    pub fn unidentified(&self) -> bool {
        self.unidentified
    }

    pub fn joined_at(&self, person: ParticipantId) -> Option<DateTime<Utc>> {
        self.stays.get(&person)?.first().map(|(joined, _)| *joined)
    }

    /// How long somebody was there.
    pub fn stay(&self, person: ParticipantId) -> TimeDelta {
        self.stays.get(&person).into_iter().flatten().map(|(joined, left)| *left - *joined).sum()
    }

    /// How long two people were there at the same time.
    pub fn together(&self, one: ParticipantId, other: ParticipantId) -> TimeDelta {
        let stays = |person| self.stays.get(&person).into_iter().flatten();
        stays(one)
            .flat_map(|a| stays(other).map(move |b| a.1.min(b.1) - a.0.max(b.0)))
            .filter(|overlap| *overlap > TimeDelta::zero())
            .sum()
    }
}

/// Stretches of time with overlaps joined, in order.
fn union(mut stays: Vec<Stay>) -> Vec<Stay> {
    stays.sort();
    let mut joined: Vec<Stay> = Vec::with_capacity(stays.len());
    for (start, end) in stays {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}
