//! Verdicts out of evidence.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Batch, Context, Happening, Outcome};
use crate::domain::judge::{Case, judge};
use crate::domain::pairing::{Pairing, PairingId};
use crate::domain::session::{Session, SessionId};
use crate::store::{Finished, Lease, Queue, StoreError};

/// How many sessions one step takes.
const BATCH: u32 = 64;

/// When to look again at a session whose program is not configured: it may come back.
const WITHOUT_PROGRAM: TimeDelta = TimeDelta::days(1);

/// Judges every session that is due: because evidence came, or because time has passed.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let due = context.store.claim_sessions_to_judge(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Judge).await?));
    }
    let mut batch = Batch::default();
    let mut pairings = BTreeMap::new();
    for (session, lease) in &due {
        batch.note(reach_verdict(context, session, lease, &mut pairings).await);
    }
    batch.end()?;
    Ok(Outcome::Done)
}

/// A pairing, and when the one of its calendars that was not read for longest was read. The sessions
/// of a pairing come together, and what is some moments old makes a verdict wait at most.
type Known = (Option<Pairing>, Option<DateTime<Utc>>);

async fn known(context: &Context, id: PairingId) -> Result<Known, StoreError> {
    Ok((context.store.pairing(id).await?, context.store.reading(id).await?.oldest))
}

async fn reach_verdict(
    context: &Context,
    session: &Session,
    lease: &Lease<SessionId>,
    pairings: &mut BTreeMap<PairingId, Known>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let (pairing, read_at) = match pairings.entry(session.pairing) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(known(context, session.pairing).await?),
    };
    let read_at = *read_at;
    let Some((pairing, program)) =
        pairing.as_ref().and_then(|pairing| Some((pairing, context.program(&pairing.program)?)))
    else {
        // Without its program nobody knows the rules; the verdict stays as it is.
        let again_at = Some(now + WITHOUT_PROGRAM);
        let _ = context.store.save_verdict(lease, &session.verdict, "no program", again_at, now).await?;
        return Ok(());
    };
    let evidence = context.store.evidence_of(&session.id).await?;
    let judgement =
        judge(Case { session, pairing, rules: &program.judge, evidence: &evidence, read_at, now });
    let cause = evidence.last().map_or("time", |last| last.statement.source().as_str());
    let verdict = &judgement.verdict;
    let saved = context.store.save_verdict(lease, verdict, cause, judgement.again_at, now).await?;
    if saved == Finished::Done(true)
        && (verdict.status, verdict.grade) != (session.verdict.status, session.verdict.grade)
    {
        tracing::info!(
            session.id = %session.id,
            status = verdict.status.as_str(),
            grade = verdict.grade.as_str(),
            "session {} is {}",
            session.id,
            verdict.status.as_str()
        );
        context.tell(Happening::Judged {
            session: session.id.clone(),
            status: verdict.status,
            grade: verdict.grade,
        });
    }
    Ok(())
}
