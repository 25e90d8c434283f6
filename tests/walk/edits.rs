//! What people do to their meetings, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mentord::sandbox::{Conference, Control, ControlError, NewMeeting, Occurrence, Response, TrueMeeting};

use crate::stage::{CHEN, DARA, Pair, QUAGGA};
use crate::steps::{Kind, Step};

/// Stands in every title that mentord must not keep.
pub const SECRET: &str = "okapi";

const ZONES: [Tz; 2] = [Tz::Europe__Berlin, Tz::America__New_York];
const RULES: [&str; 9] = [
    "FREQ=DAILY;COUNT=6",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=WEEKLY;COUNT=7",
    "FREQ=WEEKLY;BYDAY=MO,TH",
    "FREQ=DAILY;INTERVAL=3;COUNT=10",
    "FREQ=MONTHLY;BYDAY=1TU",
    "FREQ=DAILY;COUNT=40",
];

/// The people's side of a walk.
pub struct People<'a> {
    pub control: &'a Control,
    pub pairs: &'static [Pair],
    pub now: DateTime<Utc>,
    /// The meetings that are no sessions.
    pub noise: BTreeSet<String>,
    /// The meetings that are private just now.
    pub hidden: BTreeSet<String>,
    /// The meetings of which something was moved since they were compared last.
    pub moved: BTreeSet<String>,
    /// The meetings that were moved as a whole, ever.
    pub ever_as_a_whole: BTreeSet<String>,
    /// What was done to each meeting.
    pub done: Mutex<BTreeMap<String, History>>,
}

/// What became of a meeting after it was planned.
#[derive(Default)]
pub struct History {
    /// How often since the books were compared last.
    moved_as_a_whole: u32,
    /// Anything else, ever.
    other: bool,
}

/// What was done, in words; `None` when nothing could be.
pub type Done = Option<String>;

/// One that can be chosen, and the occurrence meant if it is a series.
struct Choice {
    meeting: TrueMeeting,
    occurrence: Occurrence,
}

impl Choice {
    fn original(&self) -> Option<DateTime<Utc>> {
        Some(self.occurrence.original_start)
    }

    fn name(&self) -> String {
        format!("{} of {}", self.meeting.id, self.occurrence.original_start.format("%d.%m. %H:%MZ"))
    }
}

fn wall(at: DateTime<Utc>, zone: Tz, minute: u32) -> String {
    format!("{}:{minute:02}", at.with_timezone(&zone).format("%Y-%m-%dT%H"))
}

impl People<'_> {
    pub async fn act(&mut self, step: &Step) -> Done {
        match step.kind {
            Kind::PlanSingle => self.plan(step, None).await,
            Kind::PlanSeries => self.plan(step, step.one_of(6, &RULES)).await,
            Kind::PlanNoise => self.plan_noise(step).await,
            Kind::MoveOne => self.move_one(step).await,
            Kind::MoveAll => self.move_all(step).await,
            Kind::CancelOne => {
                let choice = self.choose(step, |_, one| !one.cancelled).await?;
                let done = self.control.cancel(&choice.meeting.id, choice.original()).await;
                told(done, format!("{} is called off", choice.name()))
            }
            Kind::CancelAll => {
                let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
                let done = self.control.cancel(&choice.meeting.id, None).await;
                told(done, format!("{} is called off as a whole", choice.meeting.id))
            }
            Kind::TakeOff => self.take_off(step).await,
            Kind::Restore => self.restore(step).await,
            Kind::Answer => self.answer(step).await,
            Kind::Resize => {
                let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
                let original = choice.original().filter(|_| step.in_hundred(3, 50));
                let minutes = step.one_of(4, &[20, 45, 90])?;
                let done = self.control.resize(&choice.meeting.id, minutes, original).await;
                let which = if original.is_some() { choice.name() } else { choice.meeting.id.clone() };
                if original.is_none() {
                    self.moved.insert(choice.meeting.id);
                }
                told(done, format!("{which} is {minutes} minutes long"))
            }
            Kind::Retitle => {
                let choice = self.choose(step, |meeting, _| self.may_become_a_session(meeting)).await?;
                let original = choice.original().filter(|_| step.in_hundred(3, 50));
                let title = format!("Mentoring {SECRET} {}", step.number);
                let done = self.control.retitle(&choice.meeting.id, &title, original).await;
                told(done, format!("{} is called {title} ({})", choice.name(), original.is_some()))
            }
            Kind::Shorten => {
                let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
                let done = self.control.shorten(&choice.meeting.id, choice.occurrence.original_start).await;
                told(done, format!("{} and what follows is cut off", choice.name()))
            }
            Kind::Split => self.split(step).await,
            Kind::Uninvite => self.uninvite(step).await,
            Kind::Invite => self.invite(step).await,
            Kind::Hide => self.hide(step).await,
            _ => None,
        }
    }

    /// The meetings to which nothing else was ever done than to move them as a whole, and that not so
    /// often, since this was asked last, that they are far away.
    pub fn moved_as_a_whole(&mut self) -> BTreeSet<String> {
        let done = self.done.get_mut().expect("nobody else").iter_mut();
        let mut moved = BTreeSet::new();
        for (id, history) in done {
            if !history.other && (1..=2).contains(&std::mem::take(&mut history.moved_as_a_whole)) {
                moved.insert(id.clone());
            }
        }
        moved
    }

    async fn meetings(&self) -> Vec<TrueMeeting> {
        let day = TimeDelta::days(1);
        self.control.meetings(self.now - day * 20, self.now + day * 45).await.expect("the truth")
    }

    fn may_become_a_session(&self, meeting: &TrueMeeting) -> bool {
        !meeting.cancelled && !self.noise.contains(&meeting.id)
    }

    async fn choose(&self, step: &Step, fits: impl Fn(&TrueMeeting, &Occurrence) -> bool) -> Option<Choice> {
        let mut meetings = self.meetings().await;
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
        let mut done = self.done.lock().expect("nobody else");
        let history = done.entry(meeting.id.clone()).or_default();
        match step.kind {
            Kind::MoveAll => history.moved_as_a_whole += 1,
            _ => history.other = true,
        }
        Some(Choice { meeting, occurrence })
    }

    /// Somewhere between ten days ago and five weeks ahead.
    fn somewhere(&self, step: &Step) -> DateTime<Utc> {
        let hours = i64::try_from(step.throw(2, 45 * 24)).unwrap_or_default() - 10 * 24;
        self.now + TimeDelta::hours(hours)
    }

    fn meeting(&self, step: &Step) -> NewMeeting {
        let pair = self.pairs[step.throw(0, self.pairs.len())];
        let mut people = pair.map(str::to_owned).to_vec();
        if step.in_hundred(1, 50) {
            people.reverse();
        }
        let organizer = people.remove(0);
        let zone = ZONES[step.throw(3, ZONES.len())];
        let call = match (step.in_hundred(4, 30), &*organizer) {
            (false, _) => Conference::None,
            (true, CHEN | DARA) => Conference::Teams,
            (true, address) if address.ends_with("acme.example") => Conference::Meet,
            (true, _) => Conference::None,
        };
        NewMeeting {
            organizer,
            attendees: people,
            title: format!("Mentoring {SECRET}"),
            description: Some(format!("all about the {SECRET}")),
            start: wall(self.somewhere(step), zone, step.number),
            timezone: zone.name().to_owned(),
            minutes: 30,
            conference: call,
            ..NewMeeting::default()
        }
    }

    async fn plan(&self, step: &Step, rrule: Option<&str>) -> Done {
        let mut meeting = self.meeting(step);
        meeting.rrule = rrule.map(str::to_owned);
        if step.in_hundred(5, 25) {
            meeting.attendees.push(QUAGGA.to_owned());
        }
        // Who is left out may be invited later.
        if step.in_hundred(7, 12) {
            meeting.attendees.remove(0);
        }
        let planned = self.control.plan(&meeting).await.expect("a meeting");
        let NewMeeting { organizer, attendees, start, timezone, .. } = meeting;
        let rule = rrule.unwrap_or("once");
        Some(format!("{}: {organizer} meets {attendees:?} at {start} {timezone}, {rule}", planned.id))
    }

    async fn plan_noise(&mut self, step: &Step) -> Done {
        let mut meeting = self.meeting(step);
        meeting.rrule = step.one_of(6, &RULES).filter(|_| step.in_hundred(7, 50)).map(str::to_owned);
        let why = match step.throw(5, 5) {
            0 => {
                meeting.title = format!("Interview {SECRET}");
                "another purpose"
            }
            1 => {
                meeting.attendees = vec![QUAGGA.to_owned()];
                "somebody else"
            }
            2 => {
                meeting.attendees.clear();
                "nobody else"
            }
            3 => {
                meeting.visibility = Some("private".to_owned());
                "private"
            }
            _ => {
                meeting.all_day = true;
                meeting.minutes = 1440;
                // Together with a call somebody would be asked.
                meeting.conference = Conference::None;
                "all day"
            }
        };
        let id = self.control.plan(&meeting).await.expect("a meeting").id;
        self.noise.insert(id.clone());
        let NewMeeting { organizer, attendees, start, rrule, .. } = meeting;
        Some(format!("{id}: no session ({why}): {organizer} and {attendees:?} at {start} {rrule:?}"))
    }

    async fn move_one(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled).await?;
        // As a rule to somewhere near, at times far off.
        let hours = i64::try_from(step.throw(3, 6 * 24)).unwrap_or_default() - 3 * 24;
        let to = match step.in_hundred(4, 70) {
            true => choice.occurrence.start + TimeDelta::hours(hours),
            false => self.somewhere(step),
        };
        let to = wall(to, Tz::UTC, step.number);
        let done = self.control.reschedule(&choice.meeting.id, choice.original(), &to, None).await;
        self.moved.insert(choice.meeting.id.clone());
        told(done, format!("{} is moved to {to} on its clock", choice.name()))
    }

    async fn move_all(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let first = choice.meeting.occurrences.first()?.original_start;
        let hours = i64::try_from(step.throw(3, 48)).unwrap_or_default() - 24;
        let to = wall(first + TimeDelta::hours(hours), Tz::UTC, step.number);
        let done = self.control.reschedule(&choice.meeting.id, None, &to, None).await;
        self.moved.insert(choice.meeting.id.clone());
        self.ever_as_a_whole.insert(choice.meeting.id.clone());
        told(done, format!("{} is moved as a whole to {to} on its clock", choice.meeting.id))
    }

    async fn take_off(&self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| one.responses.len() > one.taken_off_by.len()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 70));
        let done = self.control.remove(&choice.meeting.id, who, original).await;
        told(done, format!("{who} takes {} off the calendar ({})", choice.name(), original.is_some()))
    }

    async fn restore(&self, step: &Step) -> Done {
        let choice = self
            .choose(step, |meeting, one| one.cancelled || meeting.cancelled || !one.taken_off_by.is_empty())
            .await?;
        let id = &choice.meeting.id;
        if let Some(who) = choice.occurrence.taken_off_by.first() {
            let one = self.control.restore(id, Some(who), choice.original()).await;
            let done = match one {
                Ok(()) => Ok(()),
                Err(_) => self.control.restore(id, Some(who), None).await,
            };
            return told(done, format!("{who} brings {} back", choice.name()));
        }
        let original = choice.original().filter(|_| !choice.meeting.cancelled);
        let done = self.control.restore(id, None, original).await;
        told(done, format!("{} is on again ({})", choice.name(), original.is_some()))
    }

    async fn answer(&self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled && !one.responses.is_empty()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let answer = step.one_of(4, &[Response::Accepted, Response::Declined, Response::Tentative])?;
        let original = choice.original().filter(|_| step.in_hundred(5, 50));
        let done = self.control.respond(&choice.meeting.id, who, answer, original).await;
        told(done, format!("{who} answers {answer:?} to {} ({})", choice.name(), original.is_some()))
    }

    async fn split(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let from = choice.occurrence.original_start;
        let hours = i64::try_from(step.throw(3, 12)).unwrap_or_default() - 6;
        let to = wall(from + TimeDelta::hours(hours), Tz::UTC, step.number);
        let to = Some(&*to).filter(|_| step.in_hundred(4, 60));
        let new = match self.control.split(&choice.meeting.id, from, to, None).await {
            Ok(new) => new.id,
            Err(error) => return told(Err(error), String::new()),
        };
        self.done.get_mut().expect("nobody else").entry(new.clone()).or_default().other = true;
        // What was over before it was split stays where it was.
        self.ever_as_a_whole.extend([choice.meeting.id.clone(), new.clone()]);
        if self.hidden.contains(&choice.meeting.id) {
            self.hidden.insert(new.clone());
        }
        if self.noise.contains(&choice.meeting.id) {
            self.noise.insert(new.clone());
        }
        Some(format!("{} and what follows becomes {new}, at {to:?}", choice.name()))
    }

    async fn uninvite(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled && !one.responses.is_empty()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 60));
        let done = self.control.uninvite(&choice.meeting.id, who, original).await;
        told(done, format!("{who} is taken off {} ({})", choice.name(), original.is_some()))
    }

    /// What is private is shown again before anything else is hidden.
    async fn hide(&mut self, step: &Step) -> Done {
        if let Some(id) = self.hidden.first().cloned() {
            let done =
                told(self.control.disclose(&id, "default").await, format!("{id} is not private any more"));
            if done.is_some() {
                self.hidden.remove(&id);
            }
            return done;
        }
        let choice = self.choose(step, |meeting, _| self.may_become_a_session(meeting)).await?;
        let id = choice.meeting.id;
        let how = step.one_of(3, &["private", "confidential"])?;
        let done = told(self.control.disclose(&id, how).await, format!("{id} is {how}"));
        if done.is_some() {
            self.hidden.insert(id);
        }
        done
    }

    async fn invite(&mut self, step: &Step) -> Done {
        let choice =
            self.choose(step, |meeting, one| !one.cancelled && self.may_become_a_session(meeting)).await?;
        let mut people = vec![QUAGGA];
        people.extend(self.pairs.iter().flatten());
        let who = step.one_of(3, &people)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 60));
        let done = self.control.invite(&choice.meeting.id, who, original).await;
        told(done, format!("{who} is invited to {} ({})", choice.name(), original.is_some()))
    }
}

/// What makes no sense in the world as it is, is left undone.
fn told(done: Result<(), ControlError>, what: String) -> Done {
    match done {
        Ok(()) => Some(what),
        Err(ControlError::Refused { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}
