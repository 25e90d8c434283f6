//! The calls that were held: stays that touch each other are one run.

use chrono::{DateTime, Utc};

use crate::sandbox::control::wire::Presence;
use crate::sandbox::world::Meeting;
use crate::sandbox::world::ids::{hash, lower_hex};

/// One call, from the first to come to the last to go.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    pub start: DateTime<Utc>,
    /// Absent while somebody is in it.
    pub end: Option<DateTime<Utc>>,
    pub people: Vec<Attendant>,
}

/// One person in a run, with each stay; everyone without a name counts as one of their own.
#[derive(Debug, Clone)]
pub struct Attendant {
    pub who: Option<String>,
    pub stays: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

/// The runs of a meeting that have begun by `now`, the oldest first.
pub fn runs(meeting: &Meeting, now: DateTime<Utc>) -> Vec<Run> {
    let mut stays: Vec<&Presence> =
        meeting.attendance.iter().map(|(_, stay)| stay).filter(|stay| stay.joined_at <= now).collect();
    stays.sort_by_key(|stay| stay.joined_at);
    let mut runs: Vec<Run> = Vec::new();
    for stay in stays {
        let left = stay.left_at.filter(|at| *at <= now);
        match runs.last_mut().filter(|run| run.end.is_none_or(|end| stay.joined_at <= end)) {
            Some(run) => {
                run.end = match (run.end, left) {
                    (Some(end), Some(left)) => Some(end.max(left)),
                    _ => None,
                };
                attend(run, stay, left);
            }
            None => {
                let name = hash(&[meeting.uid.as_bytes(), &stay.joined_at.timestamp().to_le_bytes()]);
                let mut run =
                    Run { id: lower_hex(&name[..16]), start: stay.joined_at, end: left, people: Vec::new() };
                attend(&mut run, stay, left);
                runs.push(run);
            }
        }
    }
    runs
}

fn attend(run: &mut Run, stay: &Presence, left: Option<DateTime<Utc>>) {
    let known = run.people.iter_mut().find(|person| person.who.is_some() && person.who == stay.who);
    match known {
        Some(person) => person.stays.push((stay.joined_at, left)),
        None => run.people.push(Attendant { who: stay.who.clone(), stays: vec![(stay.joined_at, left)] }),
    }
}

impl Attendant {
    pub fn first(&self) -> Option<DateTime<Utc>> {
        self.stays.iter().map(|(from, _)| *from).min()
    }

    /// When they left for good; absent while they are in.
    pub fn last(&self) -> Option<DateTime<Utc>> {
        self.stays.iter().map(|(_, to)| *to).collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}
