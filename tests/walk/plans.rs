//! The meetings that are planned.

use chrono_tz::Tz;
use mentord::sandbox::{Conference, NewMeeting};

use crate::people::{Done, People, SECRET, wall};
use crate::stage::{CHEN, DARA, QUAGGA};
use crate::steps::Step;

const ZONES: [Tz; 2] = [Tz::Europe__Berlin, Tz::America__New_York];
pub const RULES: [&str; 9] = [
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
/// More occurrences than anybody means: they are left out, and the others must not suffer for it.
const ABSURD: &str = "FREQ=MINUTELY;INTERVAL=20;COUNT=4000";
/// One series in so many is absurd.
const ABSURD_IN: usize = 700;

/// A calendar that is nobody's first one.
const TEAM: &str = "c_188a7f@group.calendar.google.com";

impl People<'_> {
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

    pub async fn plan_series(&mut self, step: &Step) -> Done {
        if step.throw(6, ABSURD_IN) == 0 {
            return self.plan(step, Some(ABSURD)).await;
        }
        self.plan(step, step.one_of(6, &RULES)).await
    }

    pub async fn plan(&mut self, step: &Step, rrule: Option<&str>) -> Done {
        let mut meeting = self.meeting(step);
        meeting.rrule = rrule.map(str::to_owned);
        if step.in_hundred(5, 25) {
            meeting.attendees.push(QUAGGA.to_owned());
        }
        // Who is left out may be invited later.
        if step.in_hundred(7, 12) {
            meeting.attendees.remove(0);
        }
        // It may be kept on a calendar of its own, to which its maker is one of the guests.
        if step.throw(7, 97) >= 88 && meeting.organizer.ends_with("acme.example") {
            let creator = std::mem::replace(&mut meeting.organizer, TEAM.to_owned());
            meeting.attendees.insert(0, creator.clone());
            (meeting.creator, meeting.conference) = (Some(creator), Conference::None);
        }
        let id = self.control.plan(&meeting).await.expect("a meeting").id;
        if rrule == Some(ABSURD) {
            self.history.absurd.insert(id.clone());
        }
        let NewMeeting { organizer, attendees, start, timezone, .. } = meeting;
        let rule = rrule.unwrap_or("once");
        Some(format!("{id}: {organizer} meets {attendees:?} at {start} {timezone}, {rule}"))
    }

    pub async fn plan_noise(&mut self, step: &Step) -> Done {
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
                "all day"
            }
        };
        let id = self.control.plan(&meeting).await.expect("a meeting").id;
        if meeting.visibility.is_some() {
            self.veiled.insert(id.clone());
        }
        let NewMeeting { organizer, attendees, start, rrule, .. } = meeting;
        Some(format!("{id}: no session ({why}): {organizer} and {attendees:?} at {start} {rrule:?}"))
    }
}
