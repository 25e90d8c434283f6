//! Deletes what is kept of people whose calendars are not read any more.

use std::sync::atomic::Ordering;

use chrono::{Datelike as _, TimeDelta};

use super::Accounts;
use crate::pipeline::{Context, Outcome};
use crate::store::{Forgotten, StoreError};

/// How long an account is kept that belongs to no calendar: as long as a mistake in the configuration
/// may take to be noticed.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// Looks once a day which accounts belong to no calendar any more, deletes those that were given up
/// long ago, and tells the providers.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let now = context.clock.now();
    let today = now.date_naive().num_days_from_ce();
    if context.accounts_seen_on.load(Ordering::Relaxed) != today {
        look(context).await?;
        context.accounts_seen_on.store(today, Ordering::Relaxed);
    }
    let due = context.store.first_given_up().await?.map(|since| since + KEPT);
    if due.is_none_or(|due| due > now) {
        return Ok(Outcome::waiting_for(due));
    }
    // Somebody may have come back since.
    look(context).await?;
    while let Some(forgotten) = context.store.forget_given_up(now - KEPT, now).await? {
        let (connection, who) = (&forgotten.connection, forgotten.address.masked());
        tracing::info!(connection, "what was kept for reading the calendar of {who} is deleted");
        // Where the connection is gone, there is nobody to speak to its provider.
        if let Some(accounts) = context.accounts.get(connection) {
            accounts.give_back_forgotten(&forgotten).await?;
        }
    }
    Ok(Outcome::waiting_for(context.store.first_given_up().await?.map(|since| since + KEPT)))
}

async fn look(context: &Context) -> Result<(), StoreError> {
    let connections: Vec<&str> = context.accounts.keys().map(String::as_str).collect();
    context.store.note_given_up(&connections, context.clock.now()).await
}

impl Accounts {
    async fn give_back_forgotten(&self, forgotten: &Forgotten) -> Result<(), StoreError> {
        let Forgotten { address, tokens: Some(sealed), provider_id, .. } = forgotten else { return Ok(()) };
        let Ok(pair) = self.open(sealed, address) else { return Ok(()) };
        let who = std::slice::from_ref(address);
        self.revoke_unless_used(&pair.refresh.into(), provider_id.as_deref(), who).await
    }
}
