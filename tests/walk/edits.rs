//! What becomes of meetings: they are moved, called off, taken off, and brought back.

use chrono::TimeDelta;
use chrono_tz::Tz;
use mentord::sandbox::{Response, TrueMeeting};

use crate::people::{Done, People, SECRET, told, wall};
use crate::stage::QUAGGA;
use crate::steps::Step;

impl People<'_> {
    fn may_become_a_session(&self, meeting: &TrueMeeting) -> bool {
        !meeting.cancelled && !self.veiled.contains(&meeting.id)
    }

    pub async fn cancel_one(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled).await?;
        let done = self.control.cancel(choice.id(), choice.original()).await;
        self.history.called_off(&choice, false);
        told(done, format!("{} is called off", choice.name()))
    }

    pub async fn cancel_all(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let done = self.control.cancel(choice.id(), None).await;
        self.history.called_off(&choice, true);
        told(done, format!("{} is called off as a whole", choice.id()))
    }

    pub async fn resize(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let original = choice.original().filter(|_| step.in_hundred(3, 50));
        let minutes = step.one_of(4, &[20, 45, 90])?;
        let done = self.control.resize(choice.id(), minutes, original).await;
        let which = if original.is_some() { choice.name() } else { choice.id().to_owned() };
        self.history.touched(choice.id());
        if original.is_none() {
            // Exchange puts back what was moved by itself.
            self.history.moved(choice.id());
        }
        told(done, format!("{which} is {minutes} minutes long"))
    }

    pub async fn retitle(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| self.may_become_a_session(meeting)).await?;
        let original = choice.original().filter(|_| step.in_hundred(3, 50));
        let title = format!("Mentoring {SECRET} {}", step.number);
        let done = self.control.retitle(choice.id(), &title, original).await;
        told(done, format!("{} is called {title} ({})", choice.name(), original.is_some()))
    }

    pub async fn shorten(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let done = self.control.shorten(choice.id(), choice.occurrence.original_start).await;
        self.history.touched(choice.id());
        told(done, format!("{} and what follows is cut off", choice.name()))
    }

    pub async fn move_one(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled).await?;
        // As a rule to somewhere near, at times far off.
        let hours = i64::try_from(step.throw(3, 6 * 24)).unwrap_or_default() - 3 * 24;
        let to = match step.in_hundred(4, 70) {
            true => choice.occurrence.start + TimeDelta::hours(hours),
            false => self.somewhere(step),
        };
        let to = wall(to, Tz::UTC, step.number);
        // Whole days know no minutes: on one day two of a series could not be told apart.
        if choice.meeting.all_day && choice.meeting.series {
            return None;
        }
        let done = self.control.reschedule(choice.id(), choice.original(), &to, None).await;
        self.history.moved(choice.id());
        self.history.touched(choice.id());
        told(done, format!("{} is moved to {to} on its clock", choice.name()))
    }

    /// Far behind the window, or back from there.
    pub async fn move_far(&mut self, step: &Step) -> Done {
        let far = self.now + TimeDelta::days(45);
        let back = self
            .choose_until(120, step, |_, one| !one.cancelled && one.start > far && one.original_start < far);
        let (choice, days) = match back.await {
            Some(choice) => (choice, step.throw(3, 25)),
            None => (self.choose(step, |_, one| !one.cancelled).await?, 50 + step.throw(3, 50)),
        };
        let days = TimeDelta::days(i64::try_from(days).unwrap_or_default());
        let to = wall(self.now + days, Tz::UTC, step.number);
        let done = self.control.reschedule(choice.id(), choice.original(), &to, None).await;
        self.history.moved(choice.id());
        self.history.touched(choice.id());
        told(done, format!("{} is moved far, to {to} on its clock", choice.name()))
    }

    pub async fn move_all(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let first = choice.meeting.occurrences.first()?.original_start;
        let hours = i64::try_from(step.throw(3, 48)).unwrap_or_default() - 24;
        let to = wall(first + TimeDelta::hours(hours), Tz::UTC, step.number);
        let done = self.control.reschedule(choice.id(), None, &to, None).await;
        match choice.meeting.series {
            true => self.history.moved_as_a_whole(choice.id()),
            false => self.history.moved(choice.id()),
        }
        told(done, format!("{} is moved as a whole to {to} on its clock", choice.id()))
    }

    pub async fn take_off(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| one.responses.len() > one.taken_off_by.len()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 70));
        let done = self.control.remove(choice.id(), who, original).await;
        self.history.called_off(&choice, original.is_none());
        told(done, format!("{who} takes {} off the calendar ({})", choice.name(), original.is_some()))
    }

    pub async fn restore(&mut self, step: &Step) -> Done {
        let choice = self
            .choose(step, |meeting, one| one.cancelled || meeting.cancelled || !one.taken_off_by.is_empty())
            .await?;
        let id = choice.id();
        self.history.called_off(&choice, choice.meeting.cancelled);
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

    pub async fn answer(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled && !one.responses.is_empty()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let answer = step.one_of(4, &[Response::Accepted, Response::Declined, Response::Tentative])?;
        let original = choice.original().filter(|_| step.in_hundred(5, 50));
        let done = self.control.respond(choice.id(), who, answer, original).await;
        told(done, format!("{who} answers {answer:?} to {} ({})", choice.name(), original.is_some()))
    }

    pub async fn split(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let from = choice.occurrence.original_start;
        let hours = i64::try_from(step.throw(3, 12)).unwrap_or_default() - 6;
        let to = wall(from + TimeDelta::hours(hours), Tz::UTC, step.number);
        let to = Some(&*to).filter(|_| step.in_hundred(4, 60));
        let new = match self.control.split(choice.id(), from, to, None).await {
            Ok(new) => new.id,
            Err(error) => return told(Err(error), String::new()),
        };
        self.history.split(choice.id(), &new, to.is_some());
        if self.veiled.contains(choice.id()) {
            self.veiled.insert(new.clone());
        }
        Some(format!("{} and what follows becomes {new}, at {to:?}", choice.name()))
    }

    pub async fn uninvite(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |_, one| !one.cancelled && !one.responses.is_empty()).await?;
        let guests: Vec<&String> = choice.occurrence.responses.keys().collect();
        let who = step.one_of(3, &guests)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 60));
        let done = self.control.uninvite(choice.id(), who, original).await;
        self.history.called_off(&choice, original.is_none());
        told(done, format!("{who} is taken off {} ({})", choice.name(), original.is_some()))
    }

    /// What is private is shown again before anything else is hidden.
    pub async fn hide(&mut self, step: &Step) -> Done {
        if let Some(id) = self.history.hidden.first().cloned() {
            let done =
                told(self.control.disclose(&id, "default").await, format!("{id} is not private any more"));
            if done.is_some() {
                self.history.hidden.remove(&id);
            }
            return done;
        }
        let choice = self.choose(step, |meeting, _| self.may_become_a_session(meeting)).await?;
        let id = choice.id();
        let how = step.one_of(3, &["private", "confidential"])?;
        self.history.touched(id);
        let done = told(self.control.disclose(id, how).await, format!("{id} is {how}"));
        if done.is_some() {
            self.history.hidden.insert(id.to_owned());
        }
        done
    }

    pub async fn invite(&mut self, step: &Step) -> Done {
        let choice =
            self.choose(step, |meeting, one| !one.cancelled && self.may_become_a_session(meeting)).await?;
        let mut people = vec![QUAGGA];
        people.extend(self.pairs.iter().flatten());
        let who = step.one_of(3, &people)?;
        let original = choice.original().filter(|_| step.in_hundred(4, 60));
        let done = self.control.invite(choice.id(), who, original).await;
        self.history.touched(choice.id());
        told(done, format!("{who} is invited to {} ({})", choice.name(), original.is_some()))
    }
}
