//! The people, programs, events, copies and sessions that the tests speak of.
//!
//! Ada mentors Grace (pairing 1) in the program `eng`, in Berlin. A test changes what it is about.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use mentord::domain::calendar::{CalendarId, Reading};
use mentord::domain::detect::Decision;
use mentord::domain::event::{
    Conference, ConferenceService, Event, EventKind, EventState, Guest, Moment, Response,
};
use mentord::domain::judge::{Grade, Status, Verdict};
use mentord::domain::pairing::{Pairing, PairingId};
use mentord::domain::people::{Address, Participant, ParticipantId};
use mentord::domain::program::{AlertRules, DetectRules, JudgeRules, Program, QuietHours};
use mentord::domain::session::{Copy, CopyFacts, CopyId, CopyState, Session, SessionId};

pub const ADA: ParticipantId = ParticipantId(1);
pub const GRACE: ParticipantId = ParticipantId(2);
pub const LINUS: ParticipantId = ParticipantId(3);
pub const PAIR: PairingId = PairingId(1);

/// Ada's calendar at Google, Grace's at Microsoft.
pub const ADAS: CalendarId = CalendarId(1);
pub const GRACES: CalendarId = CalendarId(2);

/// `2026-10-05 09:00`, in UTC.
pub fn at(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time").and_utc()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").expect("a time of day")
}

pub fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

pub fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

pub fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

pub fn participant(id: ParticipantId, name: &str, addresses: &[&str]) -> Participant {
    Participant { id, name: name.to_owned(), addresses: addresses.iter().copied().map(address).collect() }
}

pub fn ada() -> Participant {
    participant(ADA, "Ada Lovelace", &["ada@acme.example"])
}

pub fn grace() -> Participant {
    participant(GRACE, "Grace Hopper", &["grace@contoso.example"])
}

pub fn linus() -> Participant {
    participant(LINUS, "Linus Pauling", &["linus@acme.example"])
}

pub fn pair() -> Pairing {
    Pairing {
        id: PAIR,
        program: "eng".to_owned(),
        mentor: Some(ada()),
        mentees: vec![grace()],
        cadence: None,
        entered_on: day("2026-01-01"),
        starts_on: None,
        ends_on: None,
        paused: false,
    }
}

/// Ada with Grace and Linus.
pub fn group() -> Pairing {
    Pairing { mentees: vec![grace(), linus()], ..pair() }
}

/// Ada, Grace and Linus without a mentor.
pub fn circle() -> Pairing {
    Pairing { mentor: None, mentees: vec![ada(), grace(), linus()], ..pair() }
}

pub fn judge_rules() -> JudgeRules {
    JudgeRules { grace: minutes(30), presume_held: false, overlap: minutes(10), late_after: minutes(5) }
}

pub fn program() -> Program {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Program {
        name: "eng".to_owned(),
        title: "Engineering mentoring".to_owned(),
        timezone: Tz::Europe__Berlin,
        managers: vec![address("people@acme.example")],
        cadence: days(14),
        first_within: days(14),
        detect: DetectRules {
            words: words(&["mentor", "mentoring", "1:1"]),
            words_against: words(&["stand-up", "interview", "all hands"]),
        },
        judge: judge_rules(),
        alerts: AlertRules { remind_before: vec![hours(24), hours(1)], quiet_hours: None },
        digests: Vec::new(),
    }
}

pub fn quiet(from: &str, to: &str) -> QuietHours {
    QuietHours { from: time(from), to: time(to) }
}

pub fn guest(text: &str, response: Response) -> Guest {
    Guest { address: address(text), response, resource: false }
}

pub fn room(text: &str) -> Guest {
    Guest { resource: true, ..guest(text, Response::Accepted) }
}

/// Ada invited Grace for Monday, 5 October 2026, 09:00 to 09:45 UTC; no title, no room, no call.
pub fn event(key: &str) -> Event {
    Event {
        key: key.to_owned(),
        series: None,
        uid: Some(format!("{key}@uid")),
        original_start: None,
        start: Moment::At(at("2026-10-05 09:00")),
        end: Moment::At(at("2026-10-05 09:45")),
        zone: Some("Europe/Berlin".to_owned()),
        state: EventState::Confirmed,
        kind: EventKind::Meeting,
        private: false,
        free: false,
        title: None,
        categories: Vec::new(),
        organizer: Some(address("ada@acme.example")),
        written_by: None,
        guests: vec![guest("grace@contoso.example", Response::Accepted)],
        guests_hidden: false,
        has_place: false,
        conference: None,
        marker: None,
    }
}

/// The occurrence that `series` has `week` weeks after the event's start.
pub fn occurrence(series: &str, week: i64) -> Event {
    let start = at("2026-10-05 09:00") + days(7 * week);
    Event {
        key: format!("{series}_{week}"),
        series: Some(series.to_owned()),
        uid: Some(format!("{series}@uid")),
        original_start: Some(Moment::At(start)),
        start: Moment::At(start),
        end: Moment::At(start + minutes(45)),
        ..event(series)
    }
}

pub fn meet() -> Conference {
    Conference { service: ConferenceService::GoogleMeet, key: "abc-defg-hij".to_owned() }
}

/// What `calendar` says of Ada's meeting with Grace on 5 October 2026, 09:00 to 09:45 UTC.
pub fn copy(id: i64, calendar: CalendarId, uid: &str) -> Copy {
    let owner = ParticipantId(calendar.0);
    Copy {
        id: CopyId(id),
        pairing: PAIR,
        calendar,
        owner,
        facts: CopyFacts {
            event: format!("{uid}-on-{calendar}"),
            series: None,
            uid: Some(uid.to_owned()),
            original_start: None,
            start: at("2026-10-05 09:00"),
            end: at("2026-10-05 09:45"),
            state: CopyState::Stands,
            organizer: Some(ADA),
            responses: BTreeMap::from([(ADA, Response::Organizer), (GRACE, Response::Accepted)]),
            conference: None,
            decision: Decision::Taken,
            score: 90,
            reasons: Vec::new(),
            guests_hidden: false,
        },
        changed_at: at("2026-10-01 08:00"),
        session: None,
    }
}

pub fn verdict(status: Status, grade: Grade) -> Verdict {
    Verdict {
        status,
        grade,
        reason: String::new(),
        people: Vec::new(),
        rule_version: 1,
        at: at("2026-10-05 10:30"),
    }
}

/// A session of the pair, 45 minutes long, with a call; everybody accepted.
pub fn session(id: &str, start: &str, status: Status, grade: Grade) -> Session {
    let start = at(start);
    Session {
        id: SessionId(id.to_owned()),
        pairing: PAIR,
        uid: Some(format!("{id}@uid")),
        original_start: None,
        start,
        end: start + minutes(45),
        moves: 0,
        stands: true,
        decision: Decision::Taken,
        organizer: Some(ADA),
        responses: BTreeMap::from([(ADA, Response::Organizer), (GRACE, Response::Accepted)]),
        conference: Some(meet()),
        verdict: Verdict { at: start + minutes(75), ..verdict(status, grade) },
    }
}

/// Every calendar of the pairing was just read.
pub fn watched(now: DateTime<Utc>) -> Reading {
    Reading { connected: 2, oldest: Some(now), newest: Some(now) }
}
