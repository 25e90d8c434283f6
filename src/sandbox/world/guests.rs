//! Who is invited, and what is brought back.

use chrono::{DateTime, Utc};

use crate::sandbox::control::wire::Response;
use crate::sandbox::world::change::Told;
use crate::sandbox::world::{Meeting, What, World};

impl World {
    /// Invites somebody to a meeting, or to one occurrence.
    pub fn invite(&mut self, id: &str, who: &str, occurrence: Option<DateTime<Utc>>) -> Told<()> {
        let index = self.live(id)?;
        let who = who.trim().to_lowercase();
        let what = self.which(index, occurrence)?;
        let original = what.original();
        if who == self.meetings[index].organizer || self.meetings[index].guests(original).contains(&who) {
            return Err(format!("who: {who} is invited already"));
        }
        let meeting = &mut self.meetings[index];
        match what {
            What::Whole => {
                meeting.attendees.push(who.clone());
                meeting.uninvited.remove(&who);
                meeting.removed.remove(&who);
                meeting.responses.remove(&who);
                for one in meeting.overrides.values_mut() {
                    one.invited.remove(&who);
                    one.uninvited.remove(&who);
                    one.removed.remove(&who);
                    one.responses.remove(&who);
                }
            }
            What::One(at) => {
                let belongs = meeting.attendees.contains(&who);
                let one = meeting.overrides.entry(at).or_default();
                one.uninvited.remove(&who);
                one.removed.remove(&who);
                one.responses.remove(&who);
                if !belongs {
                    one.invited.insert(who.clone());
                }
            }
        }
        self.put_on_calendar(index, &who);
        self.meetings[index].revision += 1;
        self.touch(index, what);
        Ok(())
    }

    /// Takes a guest off a meeting, or off one occurrence.
    pub fn uninvite(&mut self, id: &str, who: &str, occurrence: Option<DateTime<Utc>>) -> Told<()> {
        let index = self.live(id)?;
        let what = self.which(index, occurrence)?;
        let who = self.guest(index, who, what)?;
        let meeting = &mut self.meetings[index];
        match what {
            What::Whole => {
                meeting.attendees.retain(|guest| *guest != who);
                meeting.uninvited.insert(who.clone());
                for one in meeting.overrides.values_mut() {
                    one.invited.remove(&who);
                }
            }
            What::One(at) => {
                let one = meeting.overrides.entry(at).or_default();
                one.invited.remove(&who);
                one.uninvited.insert(who.clone());
            }
        }
        meeting.revision += 1;
        let mut told = self.meetings[index].everyone();
        if !told.contains(&who) {
            told.push(who);
        }
        self.touch_for(index, what, told);
        Ok(())
    }

    /// The organizer takes back a cancellation; or a guest, that they took it off their calendar.
    pub fn restore(&mut self, id: &str, who: Option<&str>, occurrence: Option<DateTime<Utc>>) -> Told<()> {
        let index = self.meeting(id)?;
        let what = self.which(index, occurrence)?;
        let nothing = || format!("{id}: there is nothing to bring back");
        let Some(who) = who else {
            let cancelled = match what {
                What::Whole => &mut self.meetings[index].cancelled,
                What::One(at) => &mut self.override_of(index, at).cancelled,
            };
            if !std::mem::take(cancelled) {
                return Err(nothing());
            }
            self.meetings[index].revision += 1;
            self.touch(index, what);
            return Ok(());
        };
        let who = self.guest(index, who, what)?;
        let removed = match what {
            What::Whole => &mut self.meetings[index].removed,
            What::One(at) => &mut self.override_of(index, at).removed,
        };
        if !removed.remove(&who) {
            return Err(nothing());
        }
        self.answer(index, &who, Response::NeedsAction, what);
        Ok(())
    }
}

impl Meeting {
    /// The guests of one occurrence, or of the whole.
    pub fn guests(&self, original: Option<DateTime<Utc>>) -> Vec<String> {
        let Some(one) = original.and_then(|at| self.overrides.get(&at)) else {
            return self.attendees.clone();
        };
        let stay = self.attendees.iter().filter(|guest| !one.uninvited.contains(*guest));
        stay.chain(&one.invited).cloned().collect()
    }

    /// Whether somebody is on the meeting as a whole, and not just on an occurrence or two.
    pub fn includes(&self, who: &str) -> bool {
        self.organizer == who || self.attendees.iter().any(|guest| guest == who)
    }

    /// Whether somebody was never invited to more than single occurrences.
    pub fn is_visited_by(&self, who: &str) -> bool {
        !self.includes(who) && !self.uninvited.contains(who)
    }
}
