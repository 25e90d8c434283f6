//! Meetings turn into others: a series into a single event, a session into an interview, an hour into a
//! day, and all of it back.

use chrono_tz::Tz;
use mentord::sandbox::{Alteration, Conference};

use crate::people::{Done, People, SECRET, told, wall};
use crate::plans::RULES;
use crate::stage::{CHEN, DARA};
use crate::steps::Step;

impl People<'_> {
    /// A single event becomes a series, and a series a single event.
    pub async fn become_other(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let to = wall(choice.occurrence.start, Tz::UTC, step.number);
        let start = Some(to).filter(|_| step.in_hundred(3, 50));
        let rrule = match choice.meeting.series {
            true => String::new(),
            false => step.one_of(4, &RULES)?.to_owned(),
        };
        let told_of = format!("{} is repeated “{rrule}”, from {start:?} on its clock", choice.id());
        let done = self
            .control
            .alter(choice.id(), &Alteration { rrule: Some(rrule), start, ..Alteration::default() })
            .await;
        self.history.moved_as_a_whole(choice.id());
        self.history.touched(choice.id());
        self.history.out_of_sight |= !choice.meeting.series;
        told(done, told_of)
    }

    /// Another purpose, or the old one again.
    pub async fn purpose(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let original = choice.original().filter(|_| step.in_hundred(3, 40));
        let was = if original.is_some() { &choice.occurrence.title } else { &choice.meeting.title };
        let title = if was.starts_with("Interview") { "Mentoring" } else { "Interview" };
        let title = format!("{title} {SECRET} {}", step.number);
        let done = self.control.retitle(choice.id(), &title, original).await;
        self.history.touched(choice.id());
        told(done, format!("{} is called {title} ({})", choice.name(), original.is_some()))
    }

    pub async fn free(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let transparency = if choice.meeting.free { "opaque" } else { "transparent" };
        let done = self
            .control
            .alter(
                choice.id(),
                &Alteration { transparency: Some(transparency.to_owned()), ..Alteration::default() },
            )
            .await;
        told(done, format!("{} is {transparency}", choice.id()))
    }

    pub async fn all_day(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let all_day = !choice.meeting.all_day;
        let to = wall(choice.meeting.occurrences.first()?.original_start, Tz::UTC, step.number);
        let done = self
            .control
            .alter(
                choice.id(),
                &Alteration {
                    all_day: Some(all_day),
                    start: Some(to.clone()),
                    minutes: Some(if all_day { 1440 } else { 45 }),
                    ..Alteration::default()
                },
            )
            .await;
        self.history.moved_as_a_whole(choice.id());
        self.history.touched(choice.id());
        told(done, format!("{} is all day: {all_day}, from {to} on its clock", choice.id()))
    }

    /// A call is added, or taken away: Teams keeps those that it has.
    pub async fn call(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled && meeting.creator.is_none()).await?;
        let conference = match (choice.meeting.conference, &*choice.meeting.organizer) {
            (Conference::Meet, _) => Conference::None,
            (Conference::None, CHEN | DARA) => Conference::Teams,
            (Conference::None, address) if address.ends_with("acme.example") => Conference::Meet,
            _ => return None,
        };
        let done = self
            .control
            .alter(choice.id(), &Alteration { conference: Some(conference), ..Alteration::default() })
            .await;
        told(done, format!("{} has this call: {conference:?}", choice.id()))
    }

    pub async fn room(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, _| !meeting.cancelled).await?;
        let rooms = match choice.meeting.rooms.is_empty() {
            true => vec!["room-4711@resource.acme.example".to_owned()],
            false => Vec::new(),
        };
        let what = format!("{} has these rooms: {rooms:?}", choice.id());
        let done = self
            .control
            .alter(choice.id(), &Alteration { rooms: Some(rooms), ..Alteration::default() })
            .await;
        told(done, what)
    }

    /// Somebody tidies up their mailbox.
    pub async fn refile(&mut self, step: &Step) -> Done {
        let who = step.one_of(0, &[CHEN, DARA])?;
        told(self.control.refile(who).await, format!("{who} files everything elsewhere"))
    }
}
