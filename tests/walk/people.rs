//! The people's side of a walk: what they do to their meetings, step by step.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mentord::sandbox::{Control, ControlError, Occurrence, TrueMeeting};

use crate::history::History;
use crate::stage::Pair;
use crate::steps::{Kind, Step};

/// Stands in every title that mentord must not keep.
pub const SECRET: &str = "okapi";

pub struct People<'a> {
    pub control: &'a Control,
    pub pairs: &'static [Pair],
    pub now: DateTime<Utc>,
    /// The meetings that were private from the beginning.
    pub veiled: BTreeSet<String>,
    pub history: History,
}

/// What was done, in words; `None` when nothing could be.
pub type Done = Option<String>;

/// One that can be chosen, and the occurrence meant if it is a series.
pub struct Choice {
    pub meeting: TrueMeeting,
    pub occurrence: Occurrence,
}

impl Choice {
    pub fn id(&self) -> &str {
        &self.meeting.id
    }

    pub fn original(&self) -> Option<DateTime<Utc>> {
        Some(self.occurrence.original_start)
    }

    pub fn name(&self) -> String {
        format!("{} of {}", self.meeting.id, self.occurrence.original_start.format("%d.%m. %H:%MZ"))
    }
}

pub fn wall(at: DateTime<Utc>, zone: Tz, minute: u32) -> String {
    format!("{}:{minute:02}", at.with_timezone(&zone).format("%Y-%m-%dT%H"))
}

impl People<'_> {
    pub async fn act(&mut self, step: &Step) -> Done {
        match step.kind {
            Kind::PlanSingle => self.plan(step, None).await,
            Kind::PlanSeries => self.plan_series(step).await,
            Kind::PlanNoise => self.plan_noise(step).await,
            Kind::MoveOne => self.move_one(step).await,
            Kind::MoveFar => self.move_far(step).await,
            Kind::MoveAll => self.move_all(step).await,
            Kind::CancelOne => self.cancel_one(step).await,
            Kind::CancelAll => self.cancel_all(step).await,
            Kind::TakeOff => self.take_off(step).await,
            Kind::Restore => self.restore(step).await,
            Kind::Answer => self.answer(step).await,
            Kind::Resize => self.resize(step).await,
            Kind::Retitle => self.retitle(step).await,
            Kind::Purpose => self.purpose(step).await,
            Kind::Shorten => self.shorten(step).await,
            Kind::Split => self.split(step).await,
            Kind::Uninvite => self.uninvite(step).await,
            Kind::Invite => self.invite(step).await,
            Kind::Hide => self.hide(step).await,
            Kind::Become => self.become_other(step).await,
            Kind::Free => self.free(step).await,
            Kind::AllDay => self.all_day(step).await,
            Kind::Call => self.call(step).await,
            Kind::Room => self.room(step).await,
            Kind::Refile => self.refile(step).await,
            _ => None,
        }
    }

    async fn meetings(&self, days: i32) -> Vec<TrueMeeting> {
        let day = TimeDelta::days(1);
        self.control.meetings(self.now - day * 20, self.now + day * days).await.expect("the truth")
    }

    pub async fn choose(
        &self,
        step: &Step,
        fits: impl Fn(&TrueMeeting, &Occurrence) -> bool,
    ) -> Option<Choice> {
        self.choose_until(45, step, fits).await
    }

    /// Chooses an occurrence that begins within so many days.
    pub async fn choose_until(
        &self,
        days: i32,
        step: &Step,
        fits: impl Fn(&TrueMeeting, &Occurrence) -> bool,
    ) -> Option<Choice> {
        let mut meetings = self.meetings(days).await;
        for meeting in &mut meetings {
            let mut occurrences = std::mem::take(&mut meeting.occurrences);
            occurrences.retain(|one| fits(meeting, one));
            meeting.occurrences = occurrences;
        }
        meetings.retain(|meeting| !meeting.occurrences.is_empty());
        if meetings.is_empty() {
            return None;
        }
        let meeting = meetings.swap_remove(step.throw(0, meetings.len()));
        let occurrence = meeting.occurrences[step.throw(1, meeting.occurrences.len())].clone();
        Some(Choice { meeting, occurrence })
    }

    /// Somewhere between ten days ago and five weeks ahead.
    pub fn somewhere(&self, step: &Step) -> DateTime<Utc> {
        let hours = i64::try_from(step.throw(2, 45 * 24)).unwrap_or_default() - 10 * 24;
        self.now + TimeDelta::hours(hours)
    }
}

/// What makes no sense in the world as it is, is left undone.
pub fn told(done: Result<(), ControlError>, what: String) -> Done {
    match done {
        Ok(()) => Some(what),
        Err(ControlError::Refused { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}
