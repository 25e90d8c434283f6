//! Tells what happens, as it happens.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::story::{Act, ZONE};
use crate::cli::failure::Failure;
use crate::cli::{output, pairings};
use crate::domain::alert::{AlertKey, Kind};
use crate::domain::judge::{Grade, Status};
use crate::domain::pairing::{Pairing, PairingId};
use crate::domain::session::{Session, SessionId};
use crate::pipeline::{Context, Happening};
use crate::store::StoreError;

pub struct Narrator {
    context: Context,
    begin: DateTime<Utc>,
    weeks: u64,
    /// The weeks that were announced.
    announced: i64,
}

impl Narrator {
    pub fn new(context: Context, begin: DateTime<Utc>, weeks: u64) -> Self {
        Self { context, begin, weeks, announced: 0 }
    }

    pub fn begin(&self) -> DateTime<Utc> {
        self.begin
    }

    /// What somebody did in the world.
    pub fn world(&mut self, now: DateTime<Utc>, act: &Act) -> Result<(), Failure> {
        self.announce(now)?;
        match &act.told {
            Some(told) => self.line(now, &format!("· {told}")),
            None => Ok(()),
        }
    }

    /// What mentord made of it.
    pub async fn tell(&mut self, now: DateTime<Utc>, news: Vec<Happening>) -> Result<(), Failure> {
        self.announce(now)?;
        let mut found: BTreeMap<PairingId, Vec<Session>> = BTreeMap::new();
        let mut lines = Vec::new();
        for happening in news {
            match happening {
                Happening::SessionFound { session } => {
                    if let Some(session) = self.context.store.session(&session).await? {
                        found.entry(session.pairing).or_default().push(session);
                    }
                }
                Happening::SessionMoved { session, from } => lines.extend(self.moved(&session, from).await?),
                Happening::Judged { session, status, grade } => {
                    lines.extend(self.judged(&session, status, grade).await?);
                }
                Happening::AlertSent { key, kind } => lines.extend(self.sent(&key, kind).await?),
                Happening::AlertWithdrawn { kind, reason, .. } => {
                    lines.push(format!("  {} withdrawn: {reason}", name(kind)));
                }
                Happening::AlertFailed { kind, error, .. } => {
                    lines.push(format!("! {} not sent: {error}", name(kind)))
                }
                Happening::CalendarFailed { calendar, error } => {
                    lines.push(format!("! calendar {calendar}: {error}"))
                }
                Happening::CalendarRead { .. } => {}
            }
        }
        for sessions in found.values_mut() {
            sessions.sort_by_key(|session| session.start);
            lines.insert(0, self.found(sessions).await?);
        }
        lines.iter().try_for_each(|line| self.line(now, line))
    }

    fn line(&self, now: DateTime<Utc>, text: &str) -> Result<(), Failure> {
        output::print(&format!("{}  {text}", now.with_timezone(&ZONE).format("%a %e %b %H:%M")))
    }

    fn announce(&mut self, now: DateTime<Utc>) -> Result<(), Failure> {
        // By the calendar: where the clocks change, the last week is an hour longer.
        let day = |at: DateTime<Utc>| at.with_timezone(&ZONE).date_naive();
        let last = i64::try_from(self.weeks).unwrap_or(i64::MAX);
        let week = ((day(now) - day(self.begin)).num_days() / 7 + 1).min(last);
        if week == self.announced {
            return Ok(());
        }
        self.announced = week;
        let done = usize::try_from(week).unwrap_or(0);
        let left = usize::try_from(self.weeks).unwrap_or(0).saturating_sub(done);
        output::print(&format!("\n[{}{}] week {week} of {}", "#".repeat(done), "-".repeat(left), self.weeks))
    }

    async fn pairing(&self, id: PairingId) -> Result<Option<Pairing>, StoreError> {
        self.context.store.pairing(id).await
    }

    async fn names(&self, id: PairingId) -> Result<String, StoreError> {
        Ok(self.pairing(id).await?.as_ref().map_or_else(|| id.to_string(), pairings::names))
    }

    async fn found(&self, sessions: &[Session]) -> Result<String, StoreError> {
        let Some(first) = sessions.first() else { return Ok(String::new()) };
        let names = self.names(first.pairing).await?;
        let more = match sessions.len() - 1 {
            0 => String::new(),
            1 => " and 1 more".to_owned(),
            more => format!(" and {more} more"),
        };
        Ok(format!("+ session found: {names}, {}{more}", when(first.start)))
    }

    async fn moved(&self, id: &SessionId, from: DateTime<Utc>) -> Result<Option<String>, StoreError> {
        let Some(session) = self.context.store.session(id).await? else { return Ok(None) };
        let names = self.names(session.pairing).await?;
        Ok(Some(format!("+ session moved: {names}, from {} to {}", when(from), when(session.start))))
    }

    async fn judged(
        &self,
        id: &SessionId,
        status: Status,
        grade: Grade,
    ) -> Result<Option<String>, StoreError> {
        let Some(session) = self.context.store.session(id).await? else { return Ok(None) };
        let word = match status {
            Status::Held => "HELD",
            Status::Missed => "MISSED",
            Status::Cancelled => "CANCELLED",
            Status::LateCancelled => "CANCELLED LATE",
            Status::Unknown => "UNKNOWN",
            Status::Proposed => "PROPOSED",
            Status::Scheduled => return Ok(None),
        };
        let names = self.names(session.pairing).await?;
        let grade = if grade == Grade::None { String::new() } else { format!(", {}", grade.as_str()) };
        Ok(Some(format!("= {word}{grade}: {names}, {} — {}", when(session.start), session.verdict.reason)))
    }

    async fn sent(&self, key: &AlertKey, kind: Kind) -> Result<Option<String>, StoreError> {
        let Some(stored) = self.context.store.alert(key).await? else { return Ok(None) };
        let alert = stored.alert;
        let pairing = match alert.pairing {
            Some(id) => self.pairing(id).await?,
            None => None,
        };
        let member = pairing.as_ref().and_then(|pairing| pairing.participant(alert.person?));
        let to = member.map_or_else(|| alert.recipient.to_string(), |person| person.name.clone());
        let about = match (kind, &pairing) {
            (Kind::Reminder, _) => {
                format!(": {}, in {}", when(alert.about), lead(alert.about - alert.due_at))
            }
            (Kind::Missed, _) => format!(": about {}", when(alert.about)),
            (Kind::Nudge | Kind::FirstMeeting, Some(pairing)) => format!(": {}", pairings::names(pairing)),
            (Kind::Nudge | Kind::FirstMeeting | Kind::Digest, _) => String::new(),
        };
        Ok(Some(format!("@ {} to {to}{about}", name(kind))))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Reminder => "reminder",
        Kind::Missed => "missed-meeting alert",
        Kind::Nudge => "nudge",
        Kind::FirstMeeting => "first-meeting nudge",
        Kind::Digest => "weekly digest",
    }
}

fn when(at: DateTime<Utc>) -> String {
    at.with_timezone(&ZONE).format("%a %-d %b %H:%M").to_string()
}

fn lead(delta: TimeDelta) -> String {
    match delta.num_hours() {
        0 => format!("{} min", delta.num_minutes()),
        hours => format!("{hours} h"),
    }
}
