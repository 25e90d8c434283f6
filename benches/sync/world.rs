//! A company and its partner with full calendars, of which mentoring is a small part.
//!
//! Everybody is in one pairing; half of the calendars are with Google, half with Microsoft. Colleagues
//! in teams of ten share the team's meetings, and each has series and single meetings of their own
//! with guests from elsewhere.

use chrono::{DateTime, Days, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mentord::sandbox::{Conference, Control, ControlError, NewMeeting, NewPerson, Provider};

/// The days that a first sync covers with the usual settings.
const PAST: u64 = 30;
const DAYS: usize = 90;

const TITLES: [&str; 12] = [
    "Customer call",
    "Design review",
    "Quarterly numbers",
    "Lunch",
    "Interview with a candidate",
    "Architecture round",
    "Contract, last open points",
    "Incident follow-up",
    "Roadmap",
    "Demo for sales",
    "Hiring committee",
    "Budget",
];

pub struct World {
    now: DateTime<Utc>,
    /// How many events each calendar is to have, about.
    events: usize,
    pairs: Vec<[Person; 2]>,
}

#[derive(Clone)]
struct Person {
    address: String,
    google: bool,
    number: usize,
}

impl Person {
    fn new(role: &str, number: usize, google: bool) -> Self {
        let domain = if google { "acme.example" } else { "contoso.example" };
        Self { address: format!("{role}{number}@{domain}"), google, number }
    }
}

impl World {
    pub fn new(now: DateTime<Utc>, calendars: usize, events: usize) -> Self {
        // Pairings within each company, and across.
        let sides = [[true, true], [false, false], [true, false], [false, true]];
        let pair = |number: usize| {
            let [mentor, mentee] = sides[number % 4];
            [Person::new("mentor", number, mentor), Person::new("mentee", number, mentee)]
        };
        Self { now, events, pairs: (0..calendars / 2).map(pair).collect() }
    }

    pub fn roster(&self) -> String {
        let mut roster =
            String::from("program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on\n");
        let starts_on = self.day(0).format("%Y-%m-%d");
        for [mentor, mentee] in &self.pairs {
            let (number, mentor, mentee) = (mentor.number, &mentor.address, &mentee.address);
            roster += &format!("engineering,Mentor {number},{mentor},Mentee {number},{mentee},{starts_on}\n");
        }
        roster
    }

    /// Makes it so.
    pub async fn build(&self, control: &Control) -> Result<(), ControlError> {
        let people: Vec<NewPerson> = self
            .pairs
            .iter()
            .flatten()
            .map(|person| NewPerson {
                address: person.address.clone(),
                name: format!("Person {}", person.address),
                provider: if person.google { Provider::Google } else { Provider::Microsoft },
                ..NewPerson::default()
            })
            .collect();
        control.people(&people).await?;
        let teams = self.teams();
        let plans = self.pairs.iter().map(|pair| self.sessions(pair));
        let plans = plans.chain(teams.iter().map(|team| self.of_team(team)));
        let plans = plans.chain(self.pairs.iter().flatten().map(|person| self.of_person(person)));
        stream::iter(plans)
            .map(|plan| async move { control.plan_all(&plan).await.map(drop) })
            .buffer_unordered(4)
            .try_collect()
            .await
    }

    /// Mentors with mentors and mentees with mentees of one company: nobody is in their mentor's team.
    fn teams(&self) -> Vec<Vec<Person>> {
        let mut teams = Vec::new();
        for (role, google) in [(0, true), (0, false), (1, true), (1, false)] {
            let people: Vec<Person> =
                self.pairs.iter().map(|pair| pair[role].clone()).filter(|one| one.google == google).collect();
            teams.extend(people.chunks(10).map(<[Person]>::to_vec));
        }
        teams
    }

    fn day(&self, day: usize) -> chrono::NaiveDate {
        self.now.date_naive() - Days::new(PAST) + Days::new(day as u64)
    }

    /// A meeting; `odd` makes meetings differ from each other.
    fn meeting(&self, organizer: &Person, title: &str, day: usize, odd: usize) -> NewMeeting {
        NewMeeting {
            organizer: organizer.address.clone(),
            title: title.to_owned(),
            start: format!("{}T{:02}:{:02}", self.day(day), 8 + odd % 9, odd % 4 * 15),
            timezone: if organizer.google { "Europe/Berlin" } else { "America/New_York" }.to_owned(),
            minutes: [30, 45, 60, 90][odd % 4],
            description: Some(
                "What there is to talk about, and where the papers are that should be read before. "
                    .repeat(odd % 8),
            ),
            ..NewMeeting::default()
        }
    }

    /// Every other pairing has a series, the others book one by one. In a room: call records are a
    /// matter of their own.
    fn sessions(&self, [mentor, mentee]: &[Person; 2]) -> Vec<NewMeeting> {
        let both = |title: &str, day: usize, odd: usize| NewMeeting {
            attendees: vec![mentee.address.clone()],
            location: Some("Room 3".to_owned()),
            minutes: 45,
            ..self.meeting(mentor, title, day, odd)
        };
        let number = mentor.number;
        let mut plan = Vec::new();
        if number.is_multiple_of(2) {
            let rrule = Some("FREQ=WEEKLY;INTERVAL=2".to_owned());
            plan.push(NewMeeting { rrule, ..both("Mentoring", number % 14, number) });
        } else {
            plan.extend((0..5).map(|at| both("Mentoring: next steps", number % 18 + at * 18, number + at)));
        }
        // They are on others' meetings together, too, which are no sessions.
        let mut wide = both("Sprint review of the whole area", number % 90, number);
        wide.attendees.extend((0..12).map(|guest| format!("guest{guest}@outside.example")));
        plan.push(wide);
        plan
    }

    fn of_team(&self, team: &[Person]) -> Vec<NewMeeting> {
        let Some((first, others)) = team.split_first() else { return Vec::new() };
        let call = if first.google { Conference::Meet } else { Conference::Teams };
        let series = |title: &str, odd: usize, rrule: &str| NewMeeting {
            attendees: others.iter().map(|person| person.address.clone()).collect(),
            rrule: Some(rrule.to_owned()),
            conference: call,
            ..self.meeting(first, title, odd % 7, odd)
        };
        let mut plan = vec![series("Team planning", first.number, "FREQ=WEEKLY")];
        plan.push(series("Team retro", first.number + 1, "FREQ=WEEKLY;INTERVAL=2"));
        if self.events >= 300 {
            plan.push(series("Team daily", first.number + 2, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"));
        }
        plan
    }

    fn of_person(&self, person: &Person) -> Vec<NewMeeting> {
        let series = 4 * self.events / 500;
        let told = 13 + 7 + if self.events >= 300 { 64 } else { 0 } + 13 * series + 7;
        let mut plan: Vec<NewMeeting> = (0..series)
            .map(|at| NewMeeting {
                attendees: vec![format!("colleague{at}@outside.example")],
                rrule: Some("FREQ=WEEKLY".to_owned()),
                ..self.meeting(person, "Catching up", at % 7, person.number + at)
            })
            .collect();
        let singles = self.events.saturating_sub(told);
        plan.extend((0..singles).map(|at| self.single(person, at, at * DAYS / singles)));
        plan
    }

    fn single(&self, person: &Person, at: usize, day: usize) -> NewMeeting {
        let odd = at * 7 + person.number;
        let mut meeting = self.meeting(person, TITLES[odd % TITLES.len()], day, odd);
        meeting.attendees =
            (0..odd % 6).map(|guest| format!("guest{}@outside.example", odd + guest)).collect();
        match odd % 20 {
            0 => meeting.all_day = true,
            1 => meeting.visibility = Some("private".to_owned()),
            2 => meeting.transparency = Some("transparent".to_owned()),
            3..=8 => meeting.conference = if person.google { Conference::Meet } else { Conference::Teams },
            9..=12 => meeting.location = Some("Room 7, second floor".to_owned()),
            13 => meeting.event_type = Some("focusTime".to_owned()),
            _ => {}
        }
        meeting
    }
}
