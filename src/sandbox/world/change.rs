//! What people do to the world: plan, move, cancel, answer, join.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::sandbox::control::wire::{
    Conference, Join, NewMeeting, NewPerson, Person, Planned, Presence, Provider, Response,
};
use crate::sandbox::world::rule::{Rule, check_minutes};
use crate::sandbox::world::write::Written;
use crate::sandbox::world::{Call, Meeting, Override, What, World};

pub type Told<T> = Result<T, String>;

const VISIBILITIES: [&str; 4] = ["default", "public", "private", "confidential"];

impl World {
    pub fn add_person(&mut self, new: NewPerson) -> Told<Person> {
        let address = new.address.trim().to_lowercase();
        if !address.contains('@') {
            return Err(format!("address: {:?} is no mail address", new.address));
        }
        let user_id = match (self.people.get(&address), new.provider) {
            (Some(old), provider) if old.provider == provider => old.user_id.clone(),
            (Some(_), _) => return Err(format!("provider: {address} is already with another one")),
            (None, Provider::Google) => self.mint.google_user(),
            (None, Provider::Microsoft) => self.mint.guid(),
            (None, Provider::None) => String::new(),
        };
        let name = if new.name.is_empty() { address.clone() } else { new.name };
        let person = Person {
            address: address.clone(),
            name,
            provider: new.provider,
            user_id,
            admin: new.admin,
            entra_guest: new.entra_guest,
        };
        self.people.insert(address, person.clone());
        Ok(person)
    }

    pub fn plan(&mut self, new: NewMeeting) -> Told<Planned> {
        let zone = zone(&new.timezone)?;
        let rule = Rule::new(wall(&new.start)?, zone, new.minutes, new.all_day, new.rrule)?;
        let organizer = new.organizer.trim().to_lowercase();
        let provider = self.provider(&organizer);
        let visibility = word(new.visibility, &VISIBILITIES, "visibility")?;
        let transparency = word(new.transparency, &["opaque", "transparent"], "transparency")?;
        let event_type =
            word(new.event_type, &["default", "outOfOffice", "focusTime", "workingLocation"], "event_type")?;
        let call = self.new_call(new.conference, &organizer, provider)?;
        let uid = self.new_uid(&organizer);
        let lower = |list: Vec<String>| -> Vec<String> {
            list.iter().map(|address| address.trim().to_lowercase()).collect()
        };
        let meeting = Meeting {
            index: self.meetings.len(),
            uid,
            organizer,
            creator: new.creator.map(|who| who.trim().to_lowercase()),
            stem: None,
            attendees: lower(new.attendees),
            rooms: lower(new.rooms),
            title: new.title,
            description: new.description.unwrap_or_default(),
            location: new.location,
            call,
            visibility,
            transparency,
            event_type,
            rules: vec![(0, rule)],
            responses: [].into(),
            overrides: [].into(),
            dropped: Vec::new(),
            cancelled: false,
            removed: [].into(),
            uninvited: [].into(),
            attendance: Vec::new(),
            created: self.now,
            updated: self.now,
            born: 0,
            stamp: 0,
            revision: 0,
            written: Written::default(),
        };
        Ok(self.put(meeting))
    }

    /// Puts a meeting that was just made into the world.
    pub(super) fn put(&mut self, mut meeting: Meeting) -> Planned {
        self.seq += 1;
        meeting.index = self.meetings.len();
        (meeting.created, meeting.updated) = (self.now, self.now);
        (meeting.born, meeting.stamp, meeting.revision) = (self.seq, self.seq, 0);
        for (since, _) in &mut meeting.rules {
            *since = self.seq;
        }
        let planned = Planned {
            id: meeting.id(),
            uid: meeting.uid.clone(),
            conference_key: meeting.conference_key().map(str::to_string),
        };
        let (index, everyone) = (meeting.index, meeting.everyone());
        self.add(meeting);
        self.record(index, What::Whole, everyone);
        planned
    }

    pub(super) fn new_uid(&mut self, organizer: &str) -> String {
        match self.provider(organizer) {
            Provider::Google => format!("{}@google.com", self.mint.google_event()),
            Provider::Microsoft => self.mint.global_object(self.now),
            Provider::None => {
                let host = organizer.rsplit('@').next().unwrap_or("example.org").to_string();
                format!("{}@{host}", self.mint.guid())
            }
        }
    }

    pub(super) fn new_call(&mut self, wanted: Conference, organizer: &str, provider: Provider) -> Told<Call> {
        match (wanted, provider) {
            (Conference::None, _) => Ok(Call::None),
            (Conference::Meet, Provider::Google) => Ok(Call::Meet { code: self.mint.meet_code() }),
            (Conference::Teams, Provider::Microsoft) => {
                let thread = self.mint.teams_thread();
                let owner = self.person(organizer).map_or("", |person| person.user_id.as_str());
                let join_url = format!(
                    "https://teams.microsoft.com/l/meetup-join/{}/0?context=%7b%22Tid%22%3a%22{}%22%2c%22Oid%22%3a%22{owner}%22%7d",
                    thread.replace(':', "%3a").replace('@', "%40"),
                    self.tenant,
                );
                Ok(Call::Teams { thread, join_url })
            }
            (Conference::Meet, _) => Err("conference: meet needs an organizer with google".into()),
            (Conference::Teams, _) => Err("conference: teams needs an organizer with microsoft".into()),
        }
    }

    pub fn reschedule(
        &mut self,
        id: &str,
        occurrence: Option<DateTime<Utc>>,
        start: &str,
        minutes: Option<i64>,
    ) -> Told<()> {
        let start = wall(start)?;
        minutes.map_or(Ok(()), check_minutes)?;
        let index = self.live(id)?;
        match self.which(index, occurrence)? {
            What::Whole => {
                let rule = self.meetings[index].rule().moved(start, minutes)?;
                self.plan_anew(index, rule, Vec::new());
            }
            What::One(at) => {
                let one = self.override_of(index, at);
                one.start = Some(start);
                one.minutes = minutes.or(one.minutes);
                one.responses.clear();
                self.meetings[index].revision += 1;
                self.touch(index, What::One(at));
            }
        }
        Ok(())
    }

    pub fn cancel(&mut self, id: &str, occurrence: Option<DateTime<Utc>>) -> Told<()> {
        let index = self.live(id)?;
        let what = self.which(index, occurrence)?;
        match what {
            What::Whole => self.meetings[index].cancelled = true,
            What::One(at) => self.override_of(index, at).cancelled = true,
        }
        self.meetings[index].revision += 1;
        self.touch(index, what);
        Ok(())
    }

    pub fn retitle(&mut self, id: &str, occurrence: Option<DateTime<Utc>>, title: String) -> Told<()> {
        let index = self.live(id)?;
        let what = self.which(index, occurrence)?;
        match what {
            What::Whole => self.meetings[index].title = title,
            What::One(at) => self.override_of(index, at).title = Some(title),
        }
        self.touch(index, what);
        Ok(())
    }

    /// Makes a meeting private, or public again; all of a series.
    pub fn disclose(&mut self, id: &str, visibility: String) -> Told<()> {
        let index = self.live(id)?;
        self.meetings[index].visibility = word(Some(visibility), &VISIBILITIES, "visibility")?;
        self.touch(index, What::Whole);
        Ok(())
    }

    pub fn respond(
        &mut self,
        id: &str,
        who: &str,
        response: Response,
        occurrence: Option<DateTime<Utc>>,
    ) -> Told<()> {
        let index = self.live(id)?;
        let what = self.which(index, occurrence)?;
        let who = self.guest(index, who, what)?;
        self.answer(index, &who, response, what);
        Ok(())
    }

    /// A guest takes the meeting off their calendar; its organizer learns of a "no".
    pub fn remove(&mut self, id: &str, who: &str, occurrence: Option<DateTime<Utc>>) -> Told<()> {
        let index = self.meeting(id)?;
        let what = self.which(index, occurrence)?;
        let who = self.guest(index, who, what)?;
        match what {
            What::Whole => drop(self.meetings[index].removed.insert(who.clone())),
            What::One(at) => drop(self.override_of(index, at).removed.insert(who.clone())),
        }
        if self.meetings[index].cancelled {
            self.touch_for(index, what, vec![who]);
        } else {
            self.answer(index, &who, Response::Declined, what);
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, index: usize, who: &str, response: Response, what: What) {
        match what {
            What::Whole => {
                let meeting = &mut self.meetings[index];
                meeting.responses.insert(who.to_string(), response);
                for one in meeting.overrides.values_mut() {
                    one.responses.remove(who);
                }
            }
            What::One(at) => drop(self.override_of(index, at).responses.insert(who.to_string(), response)),
        }
        let meeting = &self.meetings[index];
        let mut told = vec![meeting.organizer.clone(), who.to_string()];
        if self.provider(&meeting.organizer) == Provider::Google {
            let others = meeting.attendees.iter().filter(|guest| *guest != who);
            told.extend(others.filter(|guest| self.provider(guest) == Provider::Google).cloned());
        }
        self.touch_for(index, what, told);
    }

    pub fn join(&mut self, id: &str, join: Join) -> Told<()> {
        let index = self.meeting(id)?;
        let meeting = &self.meetings[index];
        if matches!(meeting.call, Call::None) {
            return Err(format!("{id}: this meeting has no call to join"));
        }
        let run = nearest(meeting, join.at, join.occurrence)?;
        let who = join.who.map(|who| who.to_lowercase());
        let presence = Presence { who, joined_at: join.at, left_at: None };
        self.meetings[index].attendance.push((run, presence));
        Ok(())
    }

    pub fn leave(&mut self, id: &str, join: Join) -> Told<()> {
        let index = self.meeting(id)?;
        let who = join.who.map(|who| who.to_lowercase());
        let open = self.meetings[index].attendance.iter_mut().find(|(run, presence)| {
            presence.who == who
                && presence.left_at.is_none()
                && presence.joined_at <= join.at
                && join.occurrence.is_none_or(|at| at == *run)
        });
        match open {
            Some((_, presence)) => presence.left_at = Some(join.at),
            None => {
                return Err(format!(
                    "who: {} is not in the call of {id}",
                    who.as_deref().unwrap_or("nobody")
                ));
            }
        }
        Ok(())
    }

    pub fn meeting(&self, id: &str) -> Told<usize> {
        id.strip_prefix('m')
            .and_then(|number| number.parse::<usize>().ok())
            .and_then(|number| number.checked_sub(1))
            .filter(|index| *index < self.meetings.len())
            .ok_or_else(|| format!("{id}: there is no such meeting; GET /_sandbox/meetings lists them"))
    }

    pub(super) fn live(&self, id: &str) -> Told<usize> {
        let index = self.meeting(id)?;
        if self.meetings[index].cancelled { Err(format!("{id}: it is cancelled")) } else { Ok(index) }
    }

    pub(super) fn guest(&self, index: usize, who: &str, what: What) -> Told<String> {
        let who = who.trim().to_lowercase();
        if self.meetings[index].guests(what.original()).contains(&who) {
            Ok(who)
        } else {
            Err(format!("who: {who} is not invited; write the address of a guest"))
        }
    }

    /// A whole meeting, or one occurrence of a series.
    pub(super) fn which(&self, index: usize, occurrence: Option<DateTime<Utc>>) -> Told<What> {
        let rule = self.meetings[index].rule();
        match occurrence {
            None => Ok(What::Whole),
            Some(at) if rule.at(at).is_none() => {
                Err(format!("occurrence: {at} is no original start of this meeting; write one in UTC"))
            }
            Some(_) if !rule.is_series() => Ok(What::Whole),
            Some(at) => Ok(What::One(at)),
        }
    }

    pub(super) fn override_of(&mut self, index: usize, at: DateTime<Utc>) -> &mut Override {
        self.meetings[index].overrides.entry(at).or_default()
    }

    pub(super) fn touch(&mut self, index: usize, what: What) -> u64 {
        let everyone = self.meetings[index].everyone();
        self.touch_for(index, what, everyone)
    }

    pub(super) fn touch_for(&mut self, index: usize, what: What, seen_by: Vec<String>) -> u64 {
        self.seq += 1;
        let (seq, now) = (self.seq, self.now);
        let meeting = &mut self.meetings[index];
        meeting.updated = now;
        match what {
            What::Whole => meeting.stamp = seq,
            What::One(at) => meeting.overrides.entry(at).or_default().stamp = seq,
        }
        self.record(index, what, seen_by);
        seq
    }
}

/// The occurrence somebody means who joins at `at`.
fn nearest(meeting: &Meeting, at: DateTime<Utc>, named: Option<DateTime<Utc>>) -> Told<DateTime<Utc>> {
    if let Some(named) = named {
        let found = meeting.rule().at(named).map(|slot| slot.start);
        return found.ok_or_else(|| format!("occurrence: {named} is no original start of this meeting"));
    }
    let day = chrono::Duration::days(40);
    meeting
        .seen_between(&meeting.organizer, at - day, at + day)
        .iter()
        .min_by_key(|seen| (seen.slot.start - at).abs())
        .map(|seen| seen.original.start)
        .ok_or_else(|| "at: no occurrence is near that time".into())
}

pub fn zone(name: &str) -> Told<Tz> {
    name.parse()
        .map_err(|_| format!("timezone: {name:?} is unknown; write an IANA name such as Europe/Berlin"))
}

pub fn wall(text: &str) -> Told<NaiveDateTime> {
    let full = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    full.iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
        .ok_or_else(|| format!("start: {text:?} is no wall time; write 2026-10-05T10:00"))
}

/// One of the words that are allowed, the first unless another is given.
fn word(given: Option<String>, allowed: &[&str], field: &str) -> Told<String> {
    match given {
        None => Ok(allowed[0].to_string()),
        Some(text) if allowed.contains(&text.as_str()) => Ok(text),
        Some(text) => Err(format!("{field}: {text:?} is unknown; write one of {}", allowed.join(", "))),
    }
}
