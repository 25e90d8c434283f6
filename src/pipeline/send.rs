//! Deliveries out of alerts: sends what is due, after a last look at the facts.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Happening, Limit, Outcome, keeping};
use crate::domain::alert::{Alert, AlertKey, Check, Facts, Kind, recheck};
use crate::domain::cadence::{Standing, standing};
use crate::domain::pairing::Pairing;
use crate::domain::program::Program;
use crate::domain::session::Session;
use crate::notify::{Notifier, Recipient, SendError, Sent};
use crate::store::{Finished, Lease, Queue, StoreError, StoredAlert, Take};

mod letters;

/// One alert at a time: a stop waits for one message only, and no lease runs out in a queue behind a
/// slow mail server.
const BATCH: u32 = 1;

/// For how long, and after which pause, it is tried to write down that a message was sent.
const WRITE_DOWN_FOR: Duration = Duration::from_secs(30 * 60);
const WRITE_DOWN_PAUSE: Duration = Duration::from_secs(1);

/// Sends the alert that is due longest.
pub async fn step(context: &Context) -> Result<Outcome, StoreError> {
    let now = context.clock.now();
    Ok(match next(context, now).await? {
        Next::Seen => Outcome::Done,
        // Seconds of the machine, whatever clock the steps go by.
        Next::Wait(wait) => Outcome::NextAt(now + TimeDelta::from_std(wait).unwrap_or_default()),
        Next::Nothing if context.notifier.is_none() => Outcome::Idle,
        Next::Nothing => Outcome::waiting_for(context.store.next_due(Queue::Alerts).await?),
    })
}

/// What there was to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// An alert was sent, withdrawn or put off, or could not be sent.
    Seen,
    /// An alert is as it was: the server has been given as many mails as it is to get for now.
    Wait(Duration),
    Nothing,
}

/// Sends the alert that is due longest of those that were due at a time.
pub async fn next(context: &Context, due_by: DateTime<Utc>) -> Result<Next, StoreError> {
    let (Some(notifier), Some(limit)) = (&context.notifier, &context.mails) else {
        return Ok(Next::Nothing);
    };
    let due = context.store.claim_alerts(due_by, BATCH).await?;
    let mut next = Next::Nothing;
    for (stored, lease) in &due {
        let deliver = deliver(context, notifier, limit, stored, lease);
        next = keeping(context, std::slice::from_ref(lease), deliver).await?;
    }
    Ok(next)
}

/// How things stand for one alert.
struct Background<'a> {
    program: Option<&'a Program>,
    pairing: Option<(Pairing, Standing)>,
    sessions: Vec<Session>,
}

impl Background<'_> {
    fn session(&self, alert: &Alert) -> Option<&Session> {
        self.sessions.iter().find(|session| Some(&session.id) == alert.session.as_ref())
    }
}

async fn background<'a>(context: &'a Context, alert: &Alert) -> Result<Background<'a>, StoreError> {
    let program = context.program(&alert.program);
    let mut background = Background { program, pairing: None, sessions: Vec::new() };
    if let (Some(program), Some(id)) = (program, alert.pairing) {
        background.sessions = context.store.sessions_of(id).await?;
        if let Some(pairing) = context.store.pairing(id).await? {
            let reading = context.store.reading(id).await?;
            let now = context.clock.now();
            let standing = standing(program, &pairing, &background.sessions, &reading, now);
            background.pairing = Some((pairing, standing));
        }
    }
    Ok(background)
}

async fn deliver(
    context: &Context,
    notifier: &Notifier,
    limit: &Limit,
    stored: &StoredAlert,
    lease: &Lease<AlertKey>,
) -> Result<Next, StoreError> {
    let alert = &stored.alert;
    let background = background(context, alert).await?;
    let now = context.clock.now();
    let check = recheck(
        alert,
        Facts {
            program: background.program,
            pairing: background.pairing.as_ref().map(|(pairing, standing)| (pairing, standing)),
            session: background.session(alert),
            now,
        },
    );
    let reason = match check {
        Check::Send => {
            if let Some(until) = quiet_until(background.program, alert, now) {
                // Whoever planned it kept the quiet hours; it is late, and may be too late by then.
                let _ = context.store.alert_put_off(lease, until).await?;
                return Ok(Next::Seen);
            }
            None
        }
        Check::Withdraw(reason) => Some(reason),
    };
    let letter = match (reason, background.program) {
        (None, Some(program)) => letters::write(context, program, alert, &background, now).await?,
        _ => None,
    };
    let Some(letter) = letter else {
        withdraw(context, alert, lease, reason.unwrap_or("nothing is left to say")).await?;
        return Ok(Next::Seen);
    };
    if let Take::Wait(wait) | Take::Held(wait, _) = limit.take(&context.store).await? {
        let _ = context.store.alert_put_off(lease, alert.due_at).await?;
        return Ok(Next::Wait(wait));
    }
    let name = background
        .pairing
        .as_ref()
        .and_then(|(pairing, _)| alert.person.and_then(|person| pairing.participant(person)))
        .map(|person| person.name.clone());
    let to = Recipient { name, address: alert.recipient.clone() };
    // Whoever hung until the lease ran out may not send what somebody else has sent by now.
    let mut lost = None;
    let still = async || {
        let mine = context.store.renew(lease).await;
        let go = matches!(mine, Ok(true));
        lost = Some(mine);
        go
    };
    match notifier.deliver(&to, &alert.key.0, now, &letter, still).await {
        Ok(None) => drop(lost.unwrap_or(Ok(false))?),
        Ok(Some(sent)) => {
            if remember(context, lease, &sent).await? == Finished::NotMine {
                tracing::warn!(
                    "a message took longer than its lease and may have been sent twice, with the same Message-ID"
                );
            }
            tracing::info!(alert.kind = alert.kind.as_str(), "{} sent", alert.kind.as_str());
            context.tell(Happening::AlertSent { key: alert.key.clone(), kind: alert.kind });
        }
        Err(error) => fail(context, stored, lease, &error).await?,
    }
    Ok(Next::Seen)
}

/// Writes down what has left the house. While the database cannot be reached nothing else may be sent,
/// and what was sent is all that matters: it is tried until it is written.
async fn remember(context: &Context, lease: &Lease<AlertKey>, sent: &Sent) -> Result<Finished, StoreError> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let now = context.clock.now();
        let written = context.store.alert_sent(lease, &sent.message_id, &sent.response, now).await;
        match written {
            Err(StoreError::Database(_) | StoreError::Silent) if began.elapsed() < WRITE_DOWN_FOR => {}
            other => return other,
        }
        if !told {
            tracing::error!("a message was sent and cannot be written down; this is tried on");
            told = true;
        }
        tokio::time::sleep(WRITE_DOWN_PAUSE).await;
    }
}

async fn withdraw(
    context: &Context,
    alert: &Alert,
    lease: &Lease<AlertKey>,
    reason: &str,
) -> Result<(), StoreError> {
    if context.store.alert_withdrawn(lease, reason).await? == Finished::NotMine {
        return Ok(());
    }
    tracing::info!(alert.kind = alert.kind.as_str(), reason, "{} withdrawn: {reason}", alert.kind.as_str());
    context.tell(Happening::AlertWithdrawn {
        key: alert.key.clone(),
        kind: alert.kind,
        reason: reason.to_owned(),
    });
    Ok(())
}

/// When the quiet hours end that `now` falls into. A digest keeps to its own schedule.
fn quiet_until(program: Option<&Program>, alert: &Alert, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let program = program.filter(|_| alert.kind != Kind::Digest)?;
    let until = program.alerts.quiet_hours?.after(now, program.timezone);
    (until > now).then_some(until)
}

/// How long to wait after `attempts` attempts: doubling from a minute to an hour.
fn backoff(attempts: u32) -> TimeDelta {
    TimeDelta::minutes((1i64 << attempts.min(6)).min(60))
}

async fn fail(
    context: &Context,
    stored: &StoredAlert,
    lease: &Lease<AlertKey>,
    error: &SendError,
) -> Result<(), StoreError> {
    let alert = &stored.alert;
    let now = context.clock.now();
    // What is wrong with the server or its settings passes for everybody; what is wrong with one
    // message does not pass at all. An alert that waits too long is withdrawn when it is looked at.
    let retry = match error {
        SendError::Temporary(_) | SendError::Configuration(_) => Some(now + backoff(stored.attempts)),
        SendError::Permanent(_) => None,
    };
    let message = error.to_string();
    if context.store.alert_failed(lease, &message, retry, now).await? == Finished::NotMine {
        return Ok(());
    }
    tracing::warn!(
        alert.kind = alert.kind.as_str(),
        attempts = stored.attempts + 1,
        "{} not sent: {message}",
        alert.kind.as_str()
    );
    context.tell(Happening::AlertFailed { key: alert.key.clone(), kind: alert.kind, error: message });
    Ok(())
}
