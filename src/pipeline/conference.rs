//! Evidence out of calls: fetches the records of who was in the call of a session that is over.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Batch, Context, Outcome, keeping};
use crate::domain::calendar::Calendar;
use crate::domain::event::{Conference, Window};
use crate::domain::evidence::{Call, ConferenceRecord, Evidence, Presence, Statement};
use crate::domain::pairing::Pairing;
use crate::domain::session::{Session, SessionId};
use crate::providers::ProviderError;
use crate::store::{Finished, Lease, Queue, StoreError};

/// How many sessions one step takes.
const BATCH: u32 = 16;

/// When to look for records, counted from the end of the session: they appear minutes after a call
/// ends, at times hours. Meet deletes its records after 30 days, Teams after a year.
const AFTER_END: [TimeDelta; 6] = [
    TimeDelta::minutes(5),
    TimeDelta::minutes(35),
    TimeDelta::hours(2),
    TimeDelta::hours(6),
    TimeDelta::hours(24),
    TimeDelta::hours(72),
];

/// From this long after the end on, a record that was found is taken to be complete.
const COMPLETE_AFTER: TimeDelta = TimeDelta::minutes(30);

/// How long after the end trouble that passes is waited out: as long as Meet keeps its records.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(30);

/// How long before and after the planned time a call may run and still be asked for.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// How long to wait at least after an error before looking again, and how long at the most.
const RETRY: TimeDelta = TimeDelta::minutes(5);
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);

/// Looks for the records of every session that is due for it.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let due = context.store.claim_sessions_to_fetch(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Fetch).await?));
    }
    let leases: Vec<_> = due.iter().map(|(_, lease)| lease.clone()).collect();
    let work = async {
        let mut batch = Batch::default();
        for (session, lease) in &due {
            batch.note(fetch(context, session, lease).await);
        }
        batch.end()
    };
    keeping(context, &leases, work).await?;
    Ok(Outcome::Done)
}

async fn fetch(context: &Context, session: &Session, lease: &Lease<SessionId>) -> Result<(), StoreError> {
    let now = context.clock.now();
    let (evidence, next) = look(context, session, now).await?;
    if let Finished::Done(added) = context.store.save_calls(lease, &evidence, next, now).await?
        && added > 0
    {
        tracing::debug!(session.id = %session.id, records = added, "{added} call records for session {}", session.id);
    }
    Ok(())
}

/// What the records say now, and when to look again.
async fn look(
    context: &Context,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<(Vec<Evidence>, Option<DateTime<Utc>>), StoreError> {
    let (Some(conference), Some(pairing)) =
        (&session.conference, context.store.pairing(session.pairing).await?)
    else {
        return Ok((Vec::new(), None));
    };
    let next = AFTER_END.iter().map(|after| session.end + *after).find(|at| *at > now);
    if now < session.end + AFTER_END[0] {
        return Ok((Vec::new(), next));
    }
    match calls(context, session, &pairing, conference).await? {
        Found::Calls(calls) => {
            let running = calls.iter().any(|call| call.ended.is_none());
            let evidence: Vec<Evidence> =
                calls.iter().filter_map(|call| as_evidence(call, &pairing)).collect();
            let complete = !evidence.is_empty() && !running && now >= session.end + COMPLETE_AFTER;
            Ok((evidence, next.filter(|_| !complete)))
        }
        Found::Nobody => Ok((Vec::new(), None)),
        Found::Trouble(error) => {
            tracing::warn!(session.id = %session.id, "the call of session {} could not be looked up: {error}", session.id);
            Ok((Vec::new(), after_trouble(session, &error, next, now)))
        }
    }
}

/// When to look again after an error: soon for what passes, else with the next look.
fn after_trouble(
    session: &Session,
    error: &ProviderError,
    next: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    // The longer it lasts, the rarer.
    let wait = ((now - session.end) / 16).clamp(RETRY, LONGEST_RETRY);
    let wait = match error {
        ProviderError::Throttled { retry_after } => {
            let asked = retry_after.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or(wait);
            asked.clamp(wait, LONGEST_RETRY)
        }
        ProviderError::Temporary(_) => wait,
        ProviderError::CursorRejected
        | ProviderError::NeedsConsent(_)
        | ProviderError::Refused(_)
        | ProviderError::Unreachable(_)
        | ProviderError::Garbled(_) => return next,
    };
    Some(now + wait).filter(|at| *at <= session.end + GIVE_UP_AFTER)
}

/// Whether an error goes away by itself.
fn passes(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Throttled { .. } | ProviderError::Temporary(_))
}

enum Found {
    Calls(Vec<Call>),
    /// None of the calendars of the pairing can tell.
    Nobody,
    Trouble(ProviderError),
}

/// Asks on behalf of the organiser first, then of the other members: a provider shows a call's
/// records to some of them only.
async fn calls(
    context: &Context,
    session: &Session,
    pairing: &Pairing,
    conference: &Conference,
) -> Result<Found, StoreError> {
    let window = Window { from: session.start - MARGIN, to: session.end + MARGIN };
    let mut found = Found::Nobody;
    let mut trouble = None;
    for calendar in who_may_know(context, session, pairing).await? {
        let Some(provider) = context.providers.get(&calendar.connection) else { continue };
        match provider.calls(&calendar.address, conference, window).await {
            Ok(calls) if calls.is_empty() => found = Found::Calls(calls),
            Ok(calls) => return Ok(Found::Calls(calls)),
            // What passes is worth waiting for, whatever else went wrong.
            Err(error) => {
                if trouble.is_none() || passes(&error) {
                    trouble = Some(error);
                }
            }
        }
    }
    // That one member is shown nothing says nothing about what another one would have been shown.
    Ok(trouble.map_or(found, Found::Trouble))
}

async fn who_may_know(
    context: &Context,
    session: &Session,
    pairing: &Pairing,
) -> Result<Vec<Calendar>, StoreError> {
    let mut calendars = context.store.calendars_of(pairing.id).await?;
    calendars.sort_by_key(|calendar| (session.organizer != Some(calendar.owner), calendar.id));
    Ok(calendars)
}

/// A call that is over, with the pairing's members and those whom nobody can identify. Other people
/// are not kept.
fn as_evidence(call: &Call, pairing: &Pairing) -> Option<Evidence> {
    let ended = call.ended?;
    let presences = call
        .attendances
        .iter()
        .filter_map(|attendance| {
            let person = match &attendance.address {
                Some(address) => Some(pairing.member(address)?.1.id),
                None => None,
            };
            let left = attendance.left.unwrap_or(ended);
            Some(Presence { person, joined: attendance.joined, left })
        })
        .collect();
    Some(Evidence {
        statement: Statement::Conference(ConferenceRecord {
            service: call.service,
            record: call.record.clone(),
            started: call.started,
            ended,
            presences,
        }),
        at: ended,
    })
}
