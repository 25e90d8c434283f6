//! Which calendars are read: those of everybody who has an address that a connection reaches, and a
//! pairing about which there is still something to learn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Utc};

use super::{Context, Outcome, conference};
use crate::config::Connection;
use crate::domain::pairing::Pairing;
use crate::domain::people::{Address, Participant, ParticipantId};
use crate::store::StoreError;

/// The connections and the domains that each reaches, and on which day it was last looked whose
/// calendars are wanted.
#[derive(Clone, Debug)]
pub struct Reach {
    connections: Arc<Vec<(String, Vec<String>)>>,
    looked_on: Arc<AtomicI32>,
}

impl Reach {
    pub fn new(connections: &[Connection]) -> Self {
        let connections =
            connections.iter().map(|connection| (connection.name.clone(), connection.domains.clone()));
        Self { connections: Arc::new(connections.collect()), looked_on: Arc::new(AtomicI32::new(i32::MIN)) }
    }
}

/// Looks once a day whose calendars are wanted: pairings end without anybody writing anything.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let now = context.clock.now();
    if context.reach.looked_on.load(Ordering::Relaxed) == day(now) {
        let tomorrow = now.date_naive() + TimeDelta::days(1);
        return Ok(Outcome::NextAt(tomorrow.and_time(NaiveTime::MIN).and_utc()));
    }
    register(context).await?;
    Ok(Outcome::Done)
}

/// Tells the database which participants have a calendar through which connection.
pub(super) async fn register(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let participants = context.store.participants().await?;
    let wanted = wanted(context, &context.store.pairings(None).await?, now);
    let reach = &context.reach;
    let calendars = calendars(&reach.connections, participants.iter().filter(|own| wanted.contains(&own.id)));
    context.store.ensure_calendars(&calendars, now).await?;
    let connections: Vec<&str> = reach.connections.iter().map(|(name, _)| name.as_str()).collect();
    let address = context.notices.as_ref().map(url::Url::as_str);
    context.store.watch_calendars(address, &connections, now).await?;
    reach.looked_on.store(day(now), Ordering::Relaxed);
    Ok(())
}

fn day(now: DateTime<Utc>) -> i32 {
    now.date_naive().num_days_from_ce()
}

/// Those who have a pairing that runs, will run, or ended so lately that what became of its sessions
/// may still show; in a program that there is.
fn wanted(context: &Context, pairings: &[Pairing], now: DateTime<Utc>) -> BTreeSet<ParticipantId> {
    let after = context.sync.past.max(conference::GIVE_UP_AFTER);
    let today = now.date_naive();
    let followed = |pairing: &&Pairing| {
        pairing.is_followed_on(today, after) && context.program(&pairing.program).is_some()
    };
    pairings
        .iter()
        .filter(followed)
        .flat_map(|pairing| pairing.members().map(|(_, person)| person.id))
        .collect()
}

/// The calendars that the connections reach: of everybody with an address in one of a connection's
/// domains, by the first such address.
fn calendars<'a, 'p>(
    connections: &'a [(String, Vec<String>)],
    participants: impl Iterator<Item = &'p Participant> + Clone,
) -> Vec<(&'a str, ParticipantId, Address)> {
    let mut calendars = Vec::new();
    for (name, domains) in connections {
        for participant in participants.clone() {
            let within = |address: &&Address| domains.iter().any(|domain| domain == address.domain());
            if let Some(address) = participant.addresses.iter().find(within) {
                calendars.push((name.as_str(), participant.id, address.clone()));
            }
        }
    }
    calendars
}
