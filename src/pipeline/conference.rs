//! Evidence out of calls: fetches the records of who was in the call of a session that is over.

use chrono::{DateTime, TimeDelta, Utc};

use super::lane::{Shift, all, side_by_side};
use super::{Context, Outcome, backoff, keeping};
use crate::domain::calendar::{Calendar, CalendarState};
use crate::domain::event::{Conference, Window};
use crate::domain::evidence::{Call, ConferenceRecord, Evidence, Presence, Statement};
use crate::domain::pairing::Pairing;
use crate::domain::session::{Session, SessionId};
use crate::providers::ProviderError;
use crate::store::{Finished, Lease, StoreError};

/// How many sessions of a connection are looked into at a time.
const PLACES: usize = 8;

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
pub(super) const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(30);

/// How long before and after the planned time a call may run and still be asked for.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// How long to wait at least after an error before looking again, and how long at the most.
const RETRY: TimeDelta = TimeDelta::minutes(5);
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);

/// Looks for the records of every session that is due for it.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let shift = Shift::whole();
    all(context.providers.keys().map(|connection| lane(context, connection, &shift))).await
}

/// The same through one connection.
pub async fn lane(context: &Context, connection: &str, shift: &Shift<'_>) -> Result<Outcome, StoreError> {
    // Somebody has to see to what nobody can be asked about.
    let first = context.providers.keys().next().is_some_and(|first| first == connection);
    let claim = |limit| context.store.claim_sessions_to_fetch(connection, first, context.clock.now(), limit);
    let work = |(session, lease): (Session, Lease<SessionId>)| async move {
        keeping(context, std::slice::from_ref(&lease), fetch(context, &session, &lease)).await
    };
    if side_by_side(shift, PLACES, claim, work).await? {
        return Ok(Outcome::Done);
    }
    Ok(Outcome::waiting_for(context.store.next_fetch_due(connection, first).await?))
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
        ProviderError::Throttled { retry_after, .. } => {
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
    // Those that failed together were over together, as a rule: the age of the failure tells the turn.
    let turn = u32::try_from((now - session.end).num_minutes()).unwrap_or(0);
    let wait = backoff::spread(wait, &session.id, turn);
    Some(now + wait).filter(|at| *at <= session.end + GIVE_UP_AFTER)
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
        if !provider.keeps_records_of(conference.service) {
            found = Found::Calls(Vec::new());
            continue;
        }
        let answer = provider.calls(&calendar.address, conference, window).await;
        remember(context, &calendar, answer.as_ref().err()).await?;
        match answer {
            Ok(calls) if calls.is_empty() => found = Found::Calls(calls),
            Ok(calls) => return Ok(Found::Calls(calls)),
            // What passes is worth waiting for, whatever else went wrong.
            Err(error) => {
                if trouble.is_none() || error.passes() {
                    trouble = Some(error);
                }
            }
        }
    }
    // That one member is shown nothing says nothing about what another one would have been shown.
    Ok(trouble.map_or(found, Found::Trouble))
}

/// Keeps beside the calendar what somebody has to mend, for as long as it is so.
async fn remember(
    context: &Context,
    calendar: &Calendar,
    error: Option<&ProviderError>,
) -> Result<(), StoreError> {
    if let Some(error) = error {
        context.slow_down(&calendar.connection, error).await?;
    }
    // That the owner has to consent stands there already.
    if error.is_some_and(ProviderError::passes) || calendar.state == CalendarState::NeedsConsent {
        return Ok(());
    }
    let text = error.map(ProviderError::to_string);
    if text == calendar.calls_error {
        return Ok(());
    }
    context.store.note_calls_error(calendar.id, text.as_deref()).await
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
