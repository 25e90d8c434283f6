//! Alerts out of where things stand.

use chrono::TimeDelta;

use super::{Batch, Context, Outcome};
use crate::domain::alert::{Planned, plan, reconcile};
use crate::domain::cadence::standing;
use crate::domain::pairing::PairingId;
use crate::store::{Lease, Queue, StoreError};

/// How many pairings one step takes.
const BATCH: u32 = 64;

/// How long a plan is good for when nothing changes.
const GOOD_FOR: TimeDelta = TimeDelta::days(1);

/// Plans for every pairing that is due: because something about it changed, or once a day.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let due = context.store.claim_pairings_to_plan(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Plan).await?));
    }
    let mut batch = Batch::default();
    for lease in due {
        batch.note(plan_for(context, &lease).await);
    }
    batch.end()?;
    Ok(Outcome::Done)
}

async fn plan_for(context: &Context, lease: &Lease<PairingId>) -> Result<(), StoreError> {
    let (id, now) = (*lease.on(), context.clock.now());
    let stored: Vec<Planned> = context
        .store
        .alerts_of(id)
        .await?
        .into_iter()
        .map(|stored| Planned { alert: stored.alert, state: stored.state })
        .collect();
    let wanted = match context.store.pairing(id).await? {
        Some(pairing) => match context.program(&pairing.program) {
            Some(program) => {
                let sessions = context.store.sessions_of(id).await?;
                let reading = context.store.reading(id).await?;
                let standing = standing(program, &pairing, &sessions, &reading, now);
                plan(program, &pairing, &sessions, &standing, now)
            }
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    let plan = reconcile(&stored, &wanted, now);
    // When the facts changed meanwhile, the pairing is due again by itself.
    let _ = context.store.save_plan(lease, &plan.add, &plan.withdraw, Some(now + GOOD_FOR), now).await?;
    Ok(())
}
