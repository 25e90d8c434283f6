//! Evidence out of calls: fetches the records of who was in the call of a session that is over.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Outcome};
use crate::domain::calendar::Calendar;
use crate::domain::event::{Conference, Window};
use crate::domain::evidence::{Call, ConferenceRecord, Evidence, Presence, Statement};
use crate::domain::pairing::Pairing;
use crate::domain::session::Session;
use crate::providers::ProviderError;
use crate::store::{Lease, Queue, StoreError};

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

/// From this look on, a record that was found is taken to be complete.
const COMPLETE_FROM: u32 = 1;

/// How long before and after the planned time a call may run and still be asked for.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// How long to wait after an error before looking again.
const RETRY: TimeDelta = TimeDelta::minutes(5);

/// Looks for the records of every session that is due for it.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let due = context.store.claim_sessions_to_fetch(context.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(Outcome::waiting_for(context.store.next_due(Queue::Fetch).await?));
    }
    for (session, looks, lease) in &due {
        fetch(context, session, *looks, lease).await?;
    }
    Ok(Outcome::Done)
}

/// The time of the `look`th look (from 0), if there is one.
fn look_at(session: &Session, look: u32) -> Option<DateTime<Utc>> {
    AFTER_END.get(usize::try_from(look).ok()?).map(|after| session.end + *after)
}

async fn fetch(context: &Context, session: &Session, looks: u32, lease: &Lease) -> Result<(), StoreError> {
    let now = context.clock.now();
    let (Some(conference), Some(pairing)) = (&session.conference, context.store.pairing(session.pairing).await?)
    else {
        return done(context, session, lease, &[], None, looks).await;
    };
    // A session that was moved meanwhile, or looked at too early.
    let first = look_at(session, 0).filter(|first| *first > now);
    if first.is_some() {
        return done(context, session, lease, &[], first, 0).await;
    }
    match calls(context, session, &pairing, conference).await? {
        Found::Calls(calls) => {
            let running = calls.iter().any(|call| call.ended.is_none());
            let evidence: Vec<Evidence> =
                calls.iter().filter_map(|call| as_evidence(call, &pairing)).collect();
            let complete = !evidence.is_empty() && !running && looks >= COMPLETE_FROM;
            let next = if complete { None } else { next_look(session, looks, now) };
            done(context, session, lease, &evidence, next.map(|(at, _)| at), next.map_or(looks, |(_, look)| look))
                .await
        }
        Found::Nobody => done(context, session, lease, &[], None, looks).await,
        Found::Trouble(error) => {
            tracing::warn!(session.id = %session.id, "the call of session {} could not be looked up: {error}", session.id);
            let asked = match &error {
                ProviderError::Throttled { retry_after: Some(asked) } => TimeDelta::from_std(*asked).ok(),
                _ => None,
            };
            let passes = matches!(error, ProviderError::Throttled { .. } | ProviderError::Temporary(_));
            let next = if passes {
                let last = look_at(session, u32::try_from(AFTER_END.len() - 1).unwrap_or(0));
                let soon = now + RETRY.max(asked.unwrap_or_default());
                // What keeps failing is given up with the last look.
                last.filter(|last| soon <= *last + TimeDelta::days(7)).map(|_| (soon, looks))
            } else {
                next_look(session, looks, now)
            };
            done(context, session, lease, &[], next.map(|(at, _)| at), next.map_or(looks, |(_, look)| look)).await
        }
    }
}

/// The next look that still lies ahead, and its number.
fn next_look(session: &Session, looks: u32, now: DateTime<Utc>) -> Option<(DateTime<Utc>, u32)> {
    (looks + 1..).map_while(|look| Some((look_at(session, look)?, look))).find(|(at, _)| *at > now)
}

async fn done(
    context: &Context,
    session: &Session,
    lease: &Lease,
    evidence: &[Evidence],
    next: Option<DateTime<Utc>>,
    looks: u32,
) -> Result<(), StoreError> {
    context.store.save_calls(lease, &session.id, evidence, next, looks, context.clock.now()).await?;
    Ok(())
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
    for calendar in who_may_know(context, session, pairing).await? {
        let Some(provider) = context.providers.get(&calendar.connection) else { continue };
        match provider.calls(&calendar.address, conference, window).await {
            Ok(calls) if calls.is_empty() => found = Found::Calls(calls),
            Ok(calls) => return Ok(Found::Calls(calls)),
            Err(error) => {
                if !matches!(found, Found::Calls(_)) {
                    found = Found::Trouble(error);
                }
            }
        }
    }
    Ok(found)
}

async fn who_may_know(
    context: &Context,
    session: &Session,
    pairing: &Pairing,
) -> Result<Vec<Calendar>, StoreError> {
    let mut calendars = context.store.calendars().await?;
    calendars.retain(|calendar| pairing.participant(calendar.owner).is_some());
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
