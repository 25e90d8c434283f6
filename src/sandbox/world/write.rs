//! What clients of the vendors write into the world: new meetings, and changes of what they name.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use crate::sandbox::control::wire::{Alteration, Conference, NewMeeting, Provider};
use crate::sandbox::world::change::wall;
use crate::sandbox::world::rule::Rule;
use crate::sandbox::world::{Call, What, World};

/// What only a client of a vendor's interface can put on a meeting.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Google's extended properties: those of the organizer's copy, and those of all copies.
    pub private: BTreeMap<String, String>,
    pub shared: BTreeMap<String, String>,
    /// Graph's `transactionId`.
    pub transaction: Option<String>,
    /// Google's `createRequest`, and whether the call is still being made.
    pub request: Option<String>,
    pub pending: bool,
    /// Guests see themselves alone.
    pub hide_attendees: bool,
}

/// When a meeting is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub wall: NaiveDateTime,
    pub zone: Tz,
    pub minutes: i64,
    pub all_day: bool,
}

/// A meeting, or a change of one: what is not named stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub title: Option<String>,
    pub description: Option<String>,
    /// An empty text is no place.
    pub location: Option<String>,
    pub visibility: Option<String>,
    pub transparency: Option<String>,
    pub event_type: Option<String>,
    pub attendees: Option<Vec<String>>,
    pub rooms: Option<Vec<String>>,
    pub times: Option<Times>,
    /// `Some(None)` makes a single meeting of a series.
    pub rrule: Option<Option<String>>,
    pub conference: Option<Conference>,
    pub hide_attendees: Option<bool>,
}

impl World {
    /// A new meeting of `organizer`, under the given UID or a new one.
    pub fn create(&mut self, organizer: &str, draft: Draft, uid: Option<String>) -> Result<usize, String> {
        let times = draft.times.ok_or("start, end: a meeting needs both")?;
        self.plan(NewMeeting {
            organizer: organizer.to_string(),
            attendees: draft.attendees.unwrap_or_default(),
            title: draft.title.unwrap_or_default(),
            start: times.wall.format("%Y-%m-%dT%H:%M:%S").to_string(),
            timezone: times.zone.name().to_string(),
            minutes: times.minutes,
            all_day: times.all_day,
            rrule: draft.rrule.flatten(),
            conference: draft.conference.unwrap_or_default(),
            location: draft.location.filter(|place| !place.is_empty()),
            visibility: draft.visibility,
            transparency: draft.transparency,
            event_type: draft.event_type,
            description: draft.description,
            rooms: draft.rooms.unwrap_or_default(),
            creator: None,
        })?;
        let index = self.meetings.len() - 1;
        let meeting = &mut self.meetings[index];
        if let Some(uid) = uid {
            meeting.uid = uid;
        }
        meeting.written.hide_attendees = draft.hide_attendees.unwrap_or_default();
        Ok(index)
    }

    /// Changes what the draft names.
    pub fn edit(&mut self, index: usize, what: What, draft: Draft) -> Result<(), String> {
        match what {
            What::Whole => self.edit_whole(index, draft),
            What::One(at) => {
                let named = [
                    draft.description.is_some(),
                    draft.location.is_some(),
                    draft.visibility.is_some(),
                    draft.transparency.is_some(),
                    draft.attendees.is_some(),
                    draft.rrule.is_some(),
                    draft.conference.is_some(),
                ];
                if named.contains(&true) {
                    return Err("the sandbox changes only title and times of one occurrence".into());
                }
                let zone = self.meetings[index].rule().zone;
                let one = self.override_of(index, at);
                if let Some(title) = draft.title {
                    one.title = Some(title);
                }
                if let Some(times) = draft.times {
                    one.start = Some(times.wall_in(zone));
                    one.minutes = Some(times.minutes);
                    one.responses.clear();
                    self.meetings[index].revision += 1;
                }
                self.touch(index, what);
                Ok(())
            }
        }
    }

    /// Changes what an alteration names, of all of a meeting.
    pub fn alter(&mut self, id: &str, alteration: Alteration) -> Result<(), String> {
        let index = self.live(id)?;
        let Alteration { transparency, all_day, start, minutes, rrule, conference, rooms } = alteration;
        let rule = self.meetings[index].rule();
        let times = (all_day.is_some() || start.is_some() || minutes.is_some()).then_some(());
        let times = times
            .map(|()| {
                let wall = start.as_deref().map_or(Ok(rule.start), wall)?;
                let (minutes, all_day) = (minutes.unwrap_or(rule.minutes), all_day.unwrap_or(rule.all_day));
                Ok::<_, String>(Times { wall, zone: rule.zone, minutes, all_day })
            })
            .transpose()?;
        let rrule = rrule.map(|rule| Some(rule).filter(|rule| !rule.is_empty()));
        self.edit_whole(index, Draft { transparency, times, rrule, conference, rooms, ..Draft::default() })
    }

    fn edit_whole(&mut self, index: usize, draft: Draft) -> Result<(), String> {
        let old = self.meetings[index].rule().clone();
        let rule = match (draft.times, draft.rrule) {
            (None, None) => None,
            (Some(times), None) if times.zone == old.zone && times.all_day == old.all_day => {
                Some(old.moved(times.wall, Some(times.minutes))?)
            }
            (times, rrule) => {
                let times = times.unwrap_or(Times {
                    wall: old.start,
                    zone: old.zone,
                    minutes: old.minutes,
                    all_day: old.all_day,
                });
                let rrule = rrule.unwrap_or_else(|| old.rrule.clone());
                Some(Rule::new(times.wall, times.zone, times.minutes, times.all_day, rrule)?)
            }
        };
        let conference = draft.conference.filter(|wanted| *wanted != self.meetings[index].conference());
        let call = match conference {
            None => None,
            Some(wanted) => {
                let organizer = self.meetings[index].organizer.clone();
                let provider = self.provider(&organizer);
                Some(self.new_call(wanted, &organizer, provider)?)
            }
        };
        let mut concerned = self.meetings[index].everyone();
        if let Some(guests) = draft.attendees {
            concerned.extend(self.set_guests(index, guests));
        }
        let meeting = &mut self.meetings[index];
        let set = |field: &mut String, value: Option<String>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        set(&mut meeting.title, draft.title);
        set(&mut meeting.description, draft.description);
        set(&mut meeting.visibility, draft.visibility);
        set(&mut meeting.transparency, draft.transparency);
        if let Some(place) = draft.location {
            meeting.location = Some(place).filter(|place| !place.is_empty());
        }
        if let Some(rooms) = draft.rooms {
            meeting.rooms = rooms;
        }
        if let Some(hide) = draft.hide_attendees {
            meeting.written.hide_attendees = hide;
        }
        if let Some(call) = call {
            meeting.call = call;
        }
        match rule.filter(|rule| !rule.same(&old)) {
            Some(rule) => self.plan_anew(index, rule, concerned),
            None => drop(self.touch_for(index, What::Whole, concerned)),
        }
        Ok(())
    }

    /// Another plan for the whole meeting: both vendors then drop what was special about single
    /// occurrences, and the answers. `others` see it besides those who are on it.
    pub(super) fn plan_anew(&mut self, index: usize, rule: Rule, others: Vec<String>) {
        self.replan(index, rule, |_| false);
        let everyone = self.meetings[index].everyone();
        self.record(index, What::Whole, others.into_iter().filter(|other| !everyone.contains(other)));
        let meeting = &mut self.meetings[index];
        meeting.responses.clear();
        // Exchange puts a new invitation on the calendar again; Google leaves it off.
        let (people, guests) = (&self.people, &meeting.attendees);
        meeting.removed.retain(|who| {
            !guests.contains(who) || people.get(who).is_some_and(|one| one.provider == Provider::Google)
        });
    }

    /// Sets the list of guests: who is new gets it, who is left out loses it. Returns who is new.
    fn set_guests(&mut self, index: usize, guests: Vec<String>) -> Vec<String> {
        let guests: Vec<String> = guests.iter().map(|guest| guest.trim().to_lowercase()).collect();
        for guest in &guests {
            if self.provider(guest) != Provider::None {
                let held = self.calendars.entry(guest.clone()).or_default();
                if !held.contains(&index) {
                    held.push(index);
                }
            }
        }
        let meeting = &mut self.meetings[index];
        let new: Vec<String> =
            guests.iter().filter(|guest| !meeting.attendees.contains(guest)).cloned().collect();
        for left in meeting.attendees.iter().filter(|guest| !guests.contains(guest)) {
            meeting.removed.insert(left.clone());
            meeting.responses.remove(left);
        }
        for guest in &new {
            meeting.removed.remove(guest);
        }
        meeting.attendees = guests;
        new
    }

    /// A call that was still being made is there.
    pub fn settle_call(&mut self, index: usize) {
        if std::mem::take(&mut self.meetings[index].written.pending) {
            self.touch(index, What::Whole);
        }
    }

    /// Everything in somebody's mailbox goes to another folder, where it has other ids.
    pub fn refile(&mut self, address: &str) -> Result<(), String> {
        let address = address.trim().to_lowercase();
        if self.provider(&address) != Provider::Microsoft {
            return Err(format!("address: {address} has no mailbox with microsoft"));
        }
        *self.refiled.entry(address.clone()).or_default() += 1;
        self.seq += 1;
        for index in self.calendars.get(&address).cloned().unwrap_or_default() {
            self.record(index, What::Whole, [address.clone()]);
        }
        Ok(())
    }

    /// Guests who are not with `provider` never learn of a meeting that nobody wrote to them about.
    pub fn keep_from(&mut self, index: usize, provider: Provider) {
        let guests = self.meetings[index].attendees.clone();
        let outside = guests.into_iter().filter(|guest| self.provider(guest) != provider);
        let outside: Vec<String> = outside.collect();
        self.meetings[index].removed.extend(outside);
    }
}

impl Times {
    /// The same instant on the wall of another zone; whole days are the same days everywhere.
    fn wall_in(&self, zone: Tz) -> NaiveDateTime {
        if self.all_day || zone == self.zone {
            return self.wall;
        }
        crate::sandbox::world::rule::instant(self.zone, self.wall).with_timezone(&zone).naive_local()
    }
}

impl crate::sandbox::world::Meeting {
    pub fn conference(&self) -> Conference {
        match self.call {
            Call::None => Conference::None,
            Call::Meet { .. } => Conference::Meet,
            Call::Teams { .. } => Conference::Teams,
        }
    }
}
