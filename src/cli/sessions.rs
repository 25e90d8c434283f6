//! `mentord sessions`

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::failure::Failure;
use super::output::{self, Row, local};
use super::{List, common};
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::detect::Decision;
use crate::domain::judge::{Attendance, Grade, Status};
use crate::domain::pairing::{Pairing, PairingId, Role};
use crate::domain::program::Program;
use crate::domain::session::{Copy, Session, SessionId};
use crate::pipeline::Context;
use crate::store::SessionFilter;

/// A session as the outside sees it (design section 6).
#[derive(Serialize)]
struct Line {
    id: String,
    program: String,
    pairing: PairingId,
    mentor: Option<String>,
    mentees: Vec<String>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    status: Status,
    grade: Grade,
    moves: u32,
    verdict_at: DateTime<Utc>,
    reason: String,
    rule_version: u32,
    conference: Option<&'static str>,
    people: Vec<Person>,
    copies: Vec<Place>,
    #[serde(skip)]
    names: String,
    #[serde(skip)]
    zone: chrono_tz::Tz,
}

#[derive(Serialize)]
struct Person {
    email: String,
    role: Role,
    rsvp: Option<&'static str>,
    verdict: Attendance,
    grade: Grade,
    joined_at: Option<DateTime<Utc>>,
    minutes: Option<i64>,
}

#[derive(Serialize)]
struct Place {
    connection: Option<String>,
    calendar: CalendarId,
    event_id: String,
}

impl Row for Line {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "program",
        "pairing",
        "mentor",
        "mentees",
        "start",
        "end",
        "status",
        "grade",
        "moves",
        "verdict_at",
        "reason",
        "rule_version",
        "conference",
        "people",
        "copies",
    ];
    const HEADINGS: &'static [&'static str] =
        &["id", "start", "pairing", "status", "grade", "moves", "reason"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            local(self.start, self.zone),
            self.names.clone(),
            self.status.as_str().to_owned(),
            self.grade.as_str().to_owned(),
            self.moves.to_string(),
            self.reason.clone(),
        ]
    }
}

pub async fn run(list: &List) -> Result<(), Failure> {
    let context = common::look(&list.file.config).await?;
    common::closing(context, async |context| show(context, list).await).await
}

async fn show(context: &Context, list: &List) -> Result<(), Failure> {
    let calendars: BTreeMap<CalendarId, Calendar> =
        context.store.calendars().await?.into_iter().map(|calendar| (calendar.id, calendar)).collect();
    let mut lines = Vec::new();
    for program in common::programs(context, list.program.as_deref())? {
        let pairings: BTreeMap<PairingId, Pairing> = context
            .store
            .pairings(Some(&program.name))
            .await?
            .into_iter()
            .map(|pairing| (pairing.id, pairing))
            .collect();
        let mut copies: BTreeMap<SessionId, Vec<Copy>> = BTreeMap::new();
        for copy in context.store.copies_in(&program.name).await? {
            if let Some(session) = &copy.session {
                copies.entry(session.clone()).or_default().push(copy);
            }
        }
        let filter = SessionFilter { program: Some(program.name.clone()), ..SessionFilter::default() };
        for session in context.store.sessions(&filter).await? {
            let Some(pairing) = pairings.get(&session.pairing) else { continue };
            if session.decision == Decision::Left {
                continue;
            }
            let copies = copies.get(&session.id).map_or(&[][..], Vec::as_slice);
            lines.push(line(program, pairing, session, copies, &calendars));
        }
    }
    lines.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    output::write(&lines, list.format)
}

fn line(
    program: &Program,
    pairing: &Pairing,
    session: Session,
    copies: &[Copy],
    calendars: &BTreeMap<CalendarId, Calendar>,
) -> Line {
    let people = pairing
        .members()
        .map(|(role, person)| {
            let verdict = session.verdict.people.iter().find(|verdict| verdict.person == person.id);
            Person {
                email: person.main().to_string(),
                role,
                rsvp: session.responses.get(&person.id).map(|response| response.as_str()),
                verdict: verdict.map_or(Attendance::Unknown, |verdict| verdict.verdict),
                grade: verdict.map_or(Grade::None, |verdict| verdict.grade),
                joined_at: verdict.and_then(|verdict| verdict.joined_at),
                minutes: verdict.and_then(|verdict| verdict.minutes),
            }
        })
        .collect();
    let place = |copy: &Copy| Place {
        connection: calendars.get(&copy.calendar).map(|calendar| calendar.connection.clone()),
        calendar: copy.calendar,
        event_id: copy.facts.event.clone(),
    };
    Line {
        id: session.id.0,
        program: program.name.clone(),
        pairing: pairing.id,
        mentor: pairing.mentor.as_ref().map(|person| person.main().to_string()),
        mentees: pairing.mentees.iter().map(|person| person.main().to_string()).collect(),
        start: session.start,
        end: session.end,
        status: session.verdict.status,
        grade: session.verdict.grade,
        moves: session.moves,
        verdict_at: session.verdict.at,
        reason: session.verdict.reason,
        rule_version: session.verdict.rule_version,
        conference: session.conference.as_ref().map(|conference| conference.service.as_str()),
        people,
        copies: copies.iter().map(place).collect(),
        names: super::pairings::names(pairing),
        zone: program.timezone,
    }
}
