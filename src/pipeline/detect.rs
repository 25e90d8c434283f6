//! Sessions out of copies: puts together what the calendars of a pairing say.

use super::{Batch, Context, Happening, Outcome};
use crate::domain::detect::Decision;
use crate::domain::pairing::PairingId;
use crate::domain::session::{Session, assemble};
use crate::store::{Finished, Lease, Queue, StoreError};

/// How many pairings one step takes.
const BATCH: u32 = 64;

/// Looks at every pairing of which a copy has changed.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let due = context.store.claim_pairings_to_detect(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Detect).await?));
    }
    let mut batch = Batch::default();
    for lease in &due {
        batch.note(put_together(context, lease).await);
    }
    batch.end()?;
    Ok(Outcome::Done)
}

async fn put_together(context: &Context, lease: &Lease<PairingId>) -> Result<(), StoreError> {
    let id = *lease.on();
    let Some(pairing) = context.store.pairing(id).await? else { return Ok(()) };
    let copies = context.store.copies_of(id).await?;
    let sessions = context.store.sessions_of(id).await?;
    let now = context.clock.now();
    let assembly = assemble(&pairing, &copies, &sessions, now);
    let saved = context
        .store
        .save_sessions(lease, &assembly.sessions, &assembly.links, &assembly.evidence, now)
        .await?;
    if saved == Finished::NotMine {
        return Ok(());
    }
    for session in &assembly.sessions {
        tell(context, sessions.iter().find(|before| before.id == session.id), session);
    }
    Ok(())
}

fn tell(context: &Context, before: Option<&Session>, session: &Session) {
    match before {
        None if session.decision != Decision::Left => {
            tracing::info!(session.id = %session.id, session.start = %session.start, "session {} found", session.id);
            context.tell(Happening::SessionFound { session: session.id.clone() });
        }
        Some(before) if before.start != session.start => {
            tracing::info!(session.id = %session.id, session.start = %session.start, "session {} moved", session.id);
            context.tell(Happening::SessionMoved { session: session.id.clone(), from: before.start });
        }
        None | Some(_) => {}
    }
}
