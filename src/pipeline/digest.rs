//! Digests by the clock: one row for each schedule and slot, so that each slot is served once.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Batch, Context, Outcome};
use crate::domain::alert::digest;
use crate::domain::program::{Digest, Program};
use crate::store::StoreError;

/// A slot that was missed by more than this is skipped.
const CATCH_UP: TimeDelta = TimeDelta::hours(24);

/// Serves every slot that has come since the last one served: the newest is caught up, older ones
/// are skipped, so that a long silence ends with one mail and not with a heap.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let now = context.clock.now();
    let mut next = None;
    let mut served = false;
    let mut batch = Batch::default();
    for program in context.programs.iter() {
        for (index, schedule) in program.digests.iter().enumerate() {
            let name = format!("digest:{}:{index}", program.name);
            batch.note(
                serve(context, program, schedule, &name, now).await.map(|taken| served |= taken),
            );
            let upcoming = schedule.cron.after(&now.with_timezone(&program.timezone)).next();
            let upcoming = upcoming.map(|slot| slot.to_utc());
            next = [next, upcoming].into_iter().flatten().min();
        }
    }
    batch.end()?;
    Ok(if served { Outcome::Done } else { Outcome::waiting_for(next) })
}

/// Whether a slot was served.
async fn serve(
    context: &Context,
    program: &Program,
    schedule: &Digest,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(last) = context.store.last_slot(name).await? else {
        // The first time, there is no slot to catch up with: begin counting from here.
        context.store.take_slot(name, now, &[], now).await?;
        return Ok(false);
    };
    // A last slot that lies ahead is from before the clock was set back, and tells nothing; what was
    // served of the latest slots is still known.
    let last = if last > now { now - CATCH_UP } else { last };
    let since = last.max(now - CATCH_UP).with_timezone(&program.timezone);
    let due = schedule.cron.after(&since).map(|slot| slot.to_utc()).take_while(|slot| *slot <= now).last();
    let Some(slot) = due else { return Ok(false) };
    let alerts = digest(program, &schedule.to, slot);
    let taken = context.store.take_slot(name, slot, &alerts, now).await?;
    if taken {
        tracing::info!(program = program.name, slot = %slot, "digest of {} is due", program.name);
    }
    Ok(taken)
}
