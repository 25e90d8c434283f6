//! The story that the demo tells: who is in it and what happens to them.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::sandbox::{Conference, Control, ControlError, NewMeeting, NewPerson, Provider, Response};

/// Where everybody lives.
pub const ZONE: Tz = chrono_tz::Europe::Berlin;
pub const MANAGER: &str = "people@acme.example";

#[derive(Clone, Copy)]
pub struct Somebody {
    pub name: &'static str,
    pub address: &'static str,
    provider: Provider,
}

const fn with(name: &'static str, address: &'static str, provider: Provider) -> Somebody {
    Somebody { name, address, provider }
}

const ADA: Somebody = with("Ada Berg", "ada@acme.example", Provider::Google);
const BEN: Somebody = with("Ben Ode", "ben@acme.example", Provider::Google);
const CHEN: Somebody = with("Chen Li", "chen@contoso.example", Provider::Microsoft);
const DARA: Somebody = with("Dara Noor", "dara@contoso.example", Provider::Microsoft);
const EVA: Somebody = with("Eva Lind", "eva@acme.example", Provider::Google);
const FINN: Somebody = with("Finn Haas", "finn@contoso.example", Provider::Microsoft);
const GUS: Somebody = with("Gus Maier", "gus@contoso.example", Provider::Microsoft);
const HANA: Somebody = with("Hana Sato", "hana@freelance.example", Provider::None);
const IVY: Somebody = with("Ivy Roth", "ivy@acme.example", Provider::Google);
const JON: Somebody = with("Jon Falk", "jon@acme.example", Provider::Google);
/// Somebody of the team, in no pairing.
const KIM: Somebody = with("Kim Bauer", "kim@acme.example", Provider::Google);

/// One row of the roster.
pub struct Pair {
    pub mentor: Somebody,
    pub mentee: Somebody,
    pub cadence: &'static str,
    /// For whoever watches.
    pub about: &'static str,
}

pub const PAIRS: [Pair; 5] = [
    Pair { mentor: ADA, mentee: BEN, cadence: "1 week", about: "both on Google, every Tuesday" },
    Pair { mentor: CHEN, mentee: DARA, cadence: "", about: "both on Microsoft 365, every other Thursday" },
    Pair { mentor: EVA, mentee: FINN, cadence: "", about: "one on Google, one on Microsoft 365" },
    Pair { mentor: GUS, mentee: HANA, cadence: "", about: "Hana's calendar is connected by nobody" },
    Pair { mentor: IVY, mentee: JON, cadence: "", about: "both on Google; they meet once" },
];

/// From when to when the story plays: `weeks` weeks, from one Monday morning to the last one before
/// `now`.
pub fn period(now: DateTime<Utc>, weeks: u64) -> (DateTime<Utc>, DateTime<Utc>) {
    let today = now.with_timezone(&ZONE).date_naive();
    let monday = today - TimeDelta::days(i64::from(today.weekday().num_days_from_monday()));
    let monday = if at(monday, 6, 0) > now { monday - TimeDelta::weeks(1) } else { monday };
    let first = monday - TimeDelta::weeks(weeks.try_into().unwrap_or(0));
    (at(first, 6, 0), at(monday, 6, 0))
}

/// A time on the wall clock; no story plays in the hour that is skipped in spring.
fn at(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
    let local = ZONE.from_local_datetime(&day.and_time(time)).earliest();
    local.map_or_else(|| day.and_time(time).and_utc(), |local| local.to_utc())
}

/// Something that somebody does.
pub struct Act {
    pub at: DateTime<Utc>,
    /// For whoever watches; `None` for what only the call's record will tell.
    pub told: Option<String>,
    deed: Deed,
}

enum Deed {
    Plan(Box<NewMeeting>),
    Respond { meeting: String, who: &'static str, response: Response, occurrence: Option<DateTime<Utc>> },
    Move { meeting: String, occurrence: DateTime<Utc>, to: String },
    Cancel { meeting: String, occurrence: DateTime<Utc> },
    Join { meeting: String, who: &'static str, occurrence: DateTime<Utc> },
    Leave { meeting: String, who: &'static str, occurrence: DateTime<Utc> },
    LoseCursors,
}

impl Act {
    pub async fn perform(&self, control: &Control) -> Result<(), ControlError> {
        match &self.deed {
            Deed::Plan(meeting) => control.plan(meeting).await.map(drop),
            Deed::Respond { meeting, who, response, occurrence } => {
                control.respond(meeting, who, *response, *occurrence).await
            }
            Deed::Move { meeting, occurrence, to } => {
                control.reschedule(meeting, Some(*occurrence), to, None).await
            }
            Deed::Cancel { meeting, occurrence } => control.cancel(meeting, Some(*occurrence)).await,
            Deed::Join { meeting, who, occurrence } => {
                control.join(meeting, Some(who), self.at, Some(*occurrence)).await
            }
            Deed::Leave { meeting, who, occurrence } => {
                control.leave(meeting, Some(who), self.at, Some(*occurrence)).await
            }
            Deed::LoseCursors => control.expire_cursors(None).await,
        }
    }
}

/// Fills the calendars as they are on the first morning, and returns everything that is going to
/// happen, in order.
pub async fn prepare(control: &Control, begin: DateTime<Utc>) -> Result<Vec<Act>, ControlError> {
    for somebody in PAIRS.iter().flat_map(|pair| [pair.mentor, pair.mentee]).chain([KIM]) {
        let (address, name) = (somebody.address.to_owned(), somebody.name.to_owned());
        // Eva's employer has her signed in at the other one's tenant; Hana comes without signing in.
        let entra_guest = somebody.address == EVA.address;
        let person =
            NewPerson { address, name, provider: somebody.provider, entra_guest, ..NewPerson::default() };
        control.people(&[person]).await?;
    }
    let mut script = Script { monday: begin.with_timezone(&ZONE).date_naive(), acts: Vec::new() };
    other_meetings(control, &script).await?;
    ada_and_ben(control, &mut script).await?;
    chen_and_dara(control, &mut script).await?;
    eva_and_finn(control, &mut script).await?;
    gus_and_hana(control, &mut script).await?;
    ivy_and_jon(control, &mut script).await?;
    script.told(
        script.time(3, 0, 7, 0),
        "Google and Microsoft forget all cursors; every calendar is listed anew",
        Deed::LoseCursors,
    );
    script.acts.sort_by_key(|act| act.at);
    Ok(script.acts)
}

struct Script {
    monday: NaiveDate,
    acts: Vec<Act>,
}

/// A planned time: week and weekday from 0, and the clock.
#[derive(Clone, Copy)]
struct Slot(i64, i64, u32, u32);

impl Script {
    fn day(&self, week: i64, weekday: i64) -> NaiveDate {
        self.monday + TimeDelta::days(week * 7 + weekday)
    }

    fn time(&self, week: i64, weekday: i64, hour: u32, minute: u32) -> DateTime<Utc> {
        at(self.day(week, weekday), hour, minute)
    }

    fn slot(&self, Slot(week, weekday, hour, minute): Slot) -> DateTime<Utc> {
        self.time(week, weekday, hour, minute)
    }

    fn wall(&self, Slot(week, weekday, hour, minute): Slot) -> String {
        format!("{}T{hour:02}:{minute:02}", self.day(week, weekday))
    }

    fn told(&mut self, at: DateTime<Utc>, told: &str, deed: Deed) {
        self.acts.push(Act { at, told: Some(told.to_owned()), deed });
    }

    /// Somebody is in the call of an occurrence from one minute to another, counted from its start.
    fn stay(&mut self, meeting: &str, who: Somebody, original: Slot, start: Slot, from: i64, to: i64) {
        let (occurrence, start) = (self.slot(original), self.slot(start));
        let meeting = || meeting.to_owned();
        let join = Deed::Join { meeting: meeting(), who: who.address, occurrence };
        let leave = Deed::Leave { meeting: meeting(), who: who.address, occurrence };
        self.acts.push(Act { at: start + TimeDelta::minutes(from), told: None, deed: join });
        self.acts.push(Act { at: start + TimeDelta::minutes(to), told: None, deed: leave });
    }
}

fn meeting(
    script: &Script,
    organizer: Somebody,
    guests: &[Somebody],
    title: &str,
    slot: Slot,
    minutes: i64,
) -> NewMeeting {
    NewMeeting {
        organizer: organizer.address.to_owned(),
        attendees: guests.iter().map(|guest| guest.address.to_owned()).collect(),
        title: title.to_owned(),
        start: script.wall(slot),
        timezone: ZONE.to_string(),
        minutes,
        ..NewMeeting::default()
    }
}

/// Meetings that are none of the programme's.
async fn other_meetings(control: &Control, script: &Script) -> Result<(), ControlError> {
    let stand_up = meeting(script, KIM, &[ADA, BEN, IVY, JON], "Team stand-up", Slot(0, 0, 9, 15), 15);
    let rrule = Some("FREQ=WEEKLY;BYDAY=MO,WE,FR".to_owned());
    control.plan(&NewMeeting { rrule, conference: Conference::Meet, ..stand_up }).await?;
    let interview = meeting(script, IVY, &[JON], "Interview: backend engineer", Slot(1, 3, 13, 0), 60);
    control.plan(&NewMeeting { conference: Conference::Meet, ..interview }).await?;
    let dentist = meeting(script, DARA, &[], "Dentist", Slot(1, 1, 8, 0), 60);
    control.plan(&NewMeeting { visibility: Some("private".to_owned()), ..dentist }).await?;
    Ok(())
}

/// A weekly series: held, late, moved, called off late, missed, held.
async fn ada_and_ben(control: &Control, script: &mut Script) -> Result<(), ControlError> {
    let slot = |week| Slot(week, 1, 10, 0);
    let series = NewMeeting {
        rrule: Some("FREQ=WEEKLY;BYDAY=TU".to_owned()),
        conference: Conference::Meet,
        ..meeting(script, ADA, &[BEN], "Mentoring Ada / Ben", slot(0), 45)
    };
    let id = control.plan(&series).await?.id;
    control.respond(&id, BEN.address, Response::Accepted, None).await?;
    for (week, late) in [(0, 1), (1, 9), (5, 0)] {
        script.stay(&id, ADA, slot(week), slot(week), 0, 45);
        script.stay(&id, BEN, slot(week), slot(week), late, 45);
    }
    let moved = Slot(2, 2, 15, 0);
    let to = script.wall(moved);
    let occurrence = script.slot(slot(2));
    let deed = Deed::Move { meeting: id.clone(), occurrence, to };
    script.told(script.time(2, 0, 11, 0), "Ada moves Tuesday's session with Ben to Wednesday, 15:00", deed);
    script.stay(&id, ADA, slot(2), moved, -2, 44);
    script.stay(&id, BEN, slot(2), moved, 0, 44);
    let deed = Deed::Cancel { meeting: id.clone(), occurrence: script.slot(slot(3)) };
    script.told(script.time(3, 0, 17, 0), "Ada calls off tomorrow's session with Ben", deed);
    // Ada waits for a quarter of an hour in week 5; Ben does not come.
    script.stay(&id, ADA, slot(4), slot(4), 0, 15);
    Ok(())
}

/// A fortnightly series in Teams: held, declined the day before, held with a broken connection.
async fn chen_and_dara(control: &Control, script: &mut Script) -> Result<(), ControlError> {
    let slot = |week| Slot(week, 3, 14, 0);
    let series = NewMeeting {
        rrule: Some("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH".to_owned()),
        conference: Conference::Teams,
        ..meeting(script, CHEN, &[DARA], "1:1", slot(0), 60)
    };
    let id = control.plan(&series).await?.id;
    control.respond(&id, DARA.address, Response::Accepted, None).await?;
    script.stay(&id, CHEN, slot(0), slot(0), 0, 60);
    script.stay(&id, DARA, slot(0), slot(0), 2, 58);
    let deed = Deed::Respond {
        meeting: id.clone(),
        who: DARA.address,
        response: Response::Declined,
        occurrence: Some(script.slot(slot(2))),
    };
    script.told(script.time(2, 2, 16, 30), "Dara declines tomorrow's session with Chen", deed);
    script.stay(&id, CHEN, slot(4), slot(4), 0, 55);
    for (from, to) in [(1, 20), (24, 55)] {
        script.stay(&id, DARA, slot(4), slot(4), from, to);
    }
    Ok(())
}

/// One meeting on two systems: copies on a Google and a Microsoft calendar are one session.
async fn eva_and_finn(control: &Control, script: &mut Script) -> Result<(), ControlError> {
    let slot = |week| Slot(week, 2, 9, 30);
    let series = NewMeeting {
        rrule: Some("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE".to_owned()),
        conference: Conference::Teams,
        ..meeting(script, FINN, &[EVA], "Mentoring", slot(0), 30)
    };
    let id = control.plan(&series).await?.id;
    control.respond(&id, EVA.address, Response::Accepted, None).await?;
    for week in [0, 2] {
        script.stay(&id, EVA, slot(week), slot(week), 1, 30);
        script.stay(&id, FINN, slot(week), slot(week), 0, 31);
    }
    script.stay(&id, FINN, slot(4), slot(4), 0, 12);
    Ok(())
}

/// One side connected is enough to find the sessions and to remind both; who cannot be identified is
/// not guessed at, and what no record shows stays unknown.
async fn gus_and_hana(control: &Control, script: &mut Script) -> Result<(), ControlError> {
    let first = Slot(1, 4, 11, 0);
    let call = NewMeeting {
        conference: Conference::Teams,
        ..meeting(script, GUS, &[HANA], "Mentoring session", first, 45)
    };
    let id = control.plan(&call).await?.id;
    control.respond(&id, HANA.address, Response::Accepted, None).await?;
    script.stay(&id, GUS, first, first, 0, 45);
    script.stay(&id, HANA, first, first, 3, 45);
    let lunch = NewMeeting {
        location: Some("Café am Markt".to_owned()),
        ..meeting(script, GUS, &[HANA], "Mentoring over lunch", Slot(3, 4, 12, 30), 60)
    };
    script.told(
        script.time(2, 4, 15, 0),
        "Gus invites Hana to a session over lunch",
        Deed::Plan(Box::new(lunch)),
    );
    Ok(())
}

/// They meet once, and then nobody books anything.
async fn ivy_and_jon(control: &Control, script: &mut Script) -> Result<(), ControlError> {
    let slot = Slot(0, 4, 16, 0);
    let call = NewMeeting {
        conference: Conference::Meet,
        ..meeting(script, JON, &[IVY], "Getting to know each other", slot, 30)
    };
    let id = control.plan(&call).await?.id;
    control.respond(&id, IVY.address, Response::Accepted, None).await?;
    script.stay(&id, IVY, slot, slot, 0, 31);
    script.stay(&id, JON, slot, slot, 0, 31);
    Ok(())
}
