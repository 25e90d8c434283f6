//! Digests by the clock: one row for each schedule and slot, so that each slot is served once.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

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
            batch.note(serve(context, program, schedule, &name, now).await.map(|taken| served |= taken));
            let upcoming = slots(&schedule.cron, program.timezone, now).next();
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
    let since = last.max(now - CATCH_UP);
    let due = slots(&schedule.cron, program.timezone, since).take_while(|slot| *slot <= now).last();
    let Some(slot) = due else { return Ok(false) };
    let alerts = digest(program, &schedule.to, slot);
    let taken = context.store.take_slot(name, slot, &alerts, now).await?;
    if taken {
        tracing::info!(program = program.name, slot = %slot, "digest of {} is due", program.name);
    }
    Ok(taken)
}

/// The slots after a time. The schedule is followed on the wall clock: what falls into an hour that
/// comes twice is meant once, and what falls into one that is skipped comes right after it.
fn slots(cron: &cron::Schedule, zone: Tz, since: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let wall = since.with_timezone(&zone).naive_local().and_utc();
    cron.after_owned(wall)
        .filter_map(move |slot| {
            let at = |minutes| zone.from_local_datetime(&(slot.naive_utc() + TimeDelta::minutes(minutes)));
            (0..=24 * 60).find_map(|minutes| at(minutes).earliest()).map(|slot| slot.to_utc())
        })
        .filter(move |slot| *slot > since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Berlin;

    /// The schedule of a day with two hours alike, and of one that lacks an hour.
    #[test]
    fn a_slot_comes_once_on_the_days_on_which_the_clocks_change() {
        let cron: cron::Schedule = "0 30 2 * * *".parse().unwrap();
        let after = |from: &str| {
            let found = slots(&cron, Berlin, from.parse().unwrap()).take(3);
            found.map(|slot| slot.format("%d %H:%M").to_string()).collect::<Vec<_>>()
        };
        assert_eq!(after("2026-10-23T12:00:00Z"), ["24 00:30", "25 00:30", "26 01:30"]);
        // Within the hour that comes a second time.
        assert_eq!(after("2026-10-25T01:10:00Z"), ["26 01:30", "27 01:30", "28 01:30"]);
        assert_eq!(after("2027-03-26T12:00:00Z"), ["27 01:30", "28 01:00", "29 00:30"]);
    }
}
