//! `mentord explain`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono_tz::Tz;
use clap::Args;

use super::failure::Failure;
use super::output::{self, local};
use super::{WithConfig, common};
use crate::domain::calendar::CalendarId;
use crate::domain::detect::Decision;
use crate::domain::evidence::{Evidence, Outcome, Statement};
use crate::domain::pairing::{Pairing, PairingId};
use crate::domain::people::ParticipantId;
use crate::domain::session::{Copy, CopyState, Session, SessionId};
use crate::pipeline::Context;
use crate::providers::MOST_OCCURRENCES;
use crate::store::StoreError;

#[derive(Debug, Args)]
pub struct Options {
    /// A session's id (`mentord sessions` lists them) or an event's id as its provider gives it
    #[arg(value_name = "SESSION-ID|EVENT-ID")]
    id: String,
    #[command(flatten)]
    file: WithConfig,
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    let context = common::look(&options.file.config).await?;
    common::closing(context, async |context| explain(context, &options.id).await).await
}

async fn explain(context: &Context, id: &str) -> Result<(), Failure> {
    if let Some(session) = context.store.session(&SessionId(id.to_owned())).await? {
        return output::print(&explain_session(context, &session).await?);
    }
    let left_out = left_out(context, id).await?;
    let copies = context.store.copies_by_event(id).await?;
    if copies.is_empty() && !left_out.is_empty() {
        return output::print(&left_out);
    }
    if copies.is_empty() {
        return Err(Failure::new(format!(
            "mentord: nothing is known of “{}”. It is no session's id; and of an event nothing is kept unless \
             both sides of a pairing are on it, it lies within the time that is read, and it is not private",
            id
        )));
    }
    let pairings: BTreeSet<PairingId> = copies.iter().map(|copy| copy.pairing).collect();
    let mut texts = Vec::from_iter((!left_out.is_empty()).then_some(left_out));
    for pairing in pairings {
        let own: Vec<&Copy> = copies.iter().filter(|copy| copy.pairing == pairing).collect();
        texts.push(explain_event(context, pairing, &own).await?);
    }
    output::print(&texts.join("\n"))
}

/// On which calendars the event is left out with its series, and what that means. Google names
/// an occurrence by its series and its original start.
async fn left_out(context: &Context, id: &str) -> Result<String, StoreError> {
    let of = |series: &str| {
        id.strip_prefix(series).is_some_and(|occurrence| occurrence.is_empty() || occurrence.starts_with('_'))
    };
    let mut text = String::new();
    for calendar in context.store.calendars().await? {
        if let Some(series) = calendar.withheld.iter().find(|series| of(series)) {
            let _ = writeln!(
                text,
                "Series {series} is left out of the calendar {} ({}): it has more than {MOST_OCCURRENCES} \
                 occurrences in the time that is read. What was known of it before stays as it was.",
                calendar.address, calendar.connection
            );
        }
    }
    Ok(text)
}

/// What is needed to write about one pairing.
struct Scene {
    pairing: Option<Pairing>,
    zone: Tz,
    /// Addresses of the calendars, by id.
    calendars: BTreeMap<CalendarId, String>,
}

impl Scene {
    async fn of(context: &Context, pairing: Option<Pairing>) -> Result<Self, StoreError> {
        let program = pairing.as_ref().and_then(|pairing| context.program(&pairing.program));
        let calendars = context.store.calendars().await?;
        Ok(Self {
            zone: program.map_or(chrono_tz::UTC, |program| program.timezone),
            pairing,
            calendars: calendars
                .into_iter()
                .map(|calendar| (calendar.id, format!("{} ({})", calendar.address, calendar.connection)))
                .collect(),
        })
    }

    fn name(&self, person: ParticipantId) -> &str {
        let member = self.pairing.as_ref().and_then(|pairing| pairing.participant(person));
        member.map_or("somebody who has left the pairing", |person| person.name.as_str())
    }

    fn pairing(&self) -> String {
        self.pairing.as_ref().map_or_else(
            || "a pairing that is gone".to_owned(),
            |pairing| format!("{} ({}, {})", super::pairings::names(pairing), pairing.id, pairing.program),
        )
    }

    fn calendar(&self, id: CalendarId) -> &str {
        self.calendars.get(&id).map_or("a calendar that is no longer connected", String::as_str)
    }
}

async fn explain_session(context: &Context, session: &Session) -> Result<String, StoreError> {
    let scene = Scene::of(context, context.store.pairing(session.pairing).await?).await?;
    let verdict = &session.verdict;
    let mut text = String::new();
    let _ = writeln!(text, "Session {} of {}", session.id, scene.pairing());
    let (start, end) =
        (local(session.start, scene.zone), session.end.with_timezone(&scene.zone).format("%H:%M"));
    let _ = writeln!(text, "{start}–{end} ({}){}", scene.zone, moves(session.moves));
    let _ = writeln!(text, "\nVerdict: {}, {}", verdict.status.as_str(), grade(session));
    let _ = writeln!(text, "  because {}", verdict.reason);
    for person in &verdict.people {
        let came = person.joined_at.map_or_else(String::new, |at| {
            let minutes = person.minutes.unwrap_or(0);
            format!(", from {} for {minutes} min", at.with_timezone(&scene.zone).format("%H:%M"))
        });
        let _ = writeln!(text, "  {}: {}{came}", scene.name(person.person), person.verdict.as_str());
    }
    let copies = context.store.copies_of_session(&session.id).await?;
    let _ = writeln!(text, "\nFound on {}", count(copies.len(), "calendar"));
    for copy in &copies {
        text += &about_copy(&scene, copy);
    }
    if copies.len() > 1 {
        let uids: BTreeSet<_> = copies.iter().map(|copy| &copy.facts.uid).collect();
        let why = if uids.len() == 1 {
            "the copies carry the same UID"
        } else {
            "the copies carry different UIDs, but the same people meet at the same time"
        };
        let _ = writeln!(text, "  They are one session: {why}.");
    }
    let _ = writeln!(text, "\nEvidence");
    for evidence in context.store.evidence_of(&session.id).await? {
        text += &about_evidence(&scene, &evidence);
    }
    let _ = writeln!(text, "\nHistory");
    let mut last = None;
    for (verdict, cause) in context.store.verdicts_of(&session.id).await? {
        // A verdict may differ from the one before in what it says of the people alone.
        let said = Some((verdict.status, verdict.grade, verdict.reason.clone()));
        if last == said {
            continue;
        }
        last = said;
        let _ = writeln!(
            text,
            "  {}  {}, {} ({}; caused by {cause}, rules {})",
            local(verdict.at, scene.zone),
            verdict.status.as_str(),
            verdict.grade.as_str(),
            verdict.reason,
            verdict.rule_version
        );
    }
    Ok(text)
}

fn moves(moves: u32) -> String {
    match moves {
        0 => String::new(),
        1 => ", moved once".to_owned(),
        many => format!(", moved {many} times"),
    }
}

fn grade(session: &Session) -> &'static str {
    use crate::domain::judge::Grade;
    match session.verdict.grade {
        Grade::Observed => "observed: a record of the call shows it",
        Grade::Confirmed => "confirmed by both sides",
        Grade::Reported => "reported by one side",
        Grade::Presumed => "presumed",
        Grade::None => "without evidence either way",
    }
}

/// What was made of an event for one pairing, on all calendars that have it under the same id.
async fn explain_event(
    context: &Context,
    pairing: PairingId,
    copies: &[&Copy],
) -> Result<String, StoreError> {
    let scene = Scene::of(context, context.store.pairing(pairing).await?).await?;
    let mut text = String::new();
    let _ = writeln!(text, "For {}", scene.pairing());
    for copy in copies {
        let what = match (copy.facts.decision, &copy.session) {
            (Decision::Taken, Some(session)) => format!("taken: it is session {session}"),
            (Decision::Taken, None) => "taken, and not put together yet".to_owned(),
            (Decision::Proposed, Some(session)) => format!("perhaps session {session}: somebody has to say"),
            (Decision::Proposed, None) => "perhaps a session".to_owned(),
            (Decision::Left, _) => "left: it is none of the pairing's sessions".to_owned(),
        };
        let _ = writeln!(text, "{} ({}): {what}", local(copy.facts.start, scene.zone), scene.zone);
        text += &about_copy(&scene, copy);
    }
    Ok(text)
}

fn about_copy(scene: &Scene, copy: &Copy) -> String {
    let mut text = String::new();
    let state = match copy.facts.state {
        CopyState::Stands => "",
        CopyState::Cancelled => ", called off there",
        CopyState::Gone => ", no longer on it",
    };
    let _ = writeln!(text, "  {}{state}", scene.calendar(copy.calendar));
    let _ = writeln!(text, "    event {}", copy.facts.event);
    let _ = writeln!(text, "    {} with {} points:", copy.facts.decision.as_str(), copy.facts.score);
    for reason in &copy.facts.reasons {
        let _ = writeln!(text, "    {:>+5}  {}", reason.weight, reason.text);
    }
    text
}

fn about_evidence(scene: &Scene, evidence: &Evidence) -> String {
    let at = local(evidence.at, scene.zone);
    let source = evidence.statement.source().as_str();
    let mut text = String::new();
    let said = match &evidence.statement {
        Statement::Invitation { person, response } => {
            format!("{}: {}", scene.name(*person), response.as_str().replace('_', " "))
        }
        Statement::Cancelled => "called off".to_owned(),
        Statement::Stands => "on again".to_owned(),
        Statement::Moved { from, to } => {
            format!("moved from {} to {}", local(*from, scene.zone), local(*to, scene.zone))
        }
        Statement::Conference(record) => {
            let hour =
                |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&scene.zone).format("%H:%M").to_string();
            let mut said = format!(
                "{} call from {} to {}",
                record.service.as_str(),
                hour(record.started),
                hour(record.ended)
            );
            for presence in &record.presences {
                let who = presence.person.map_or("somebody unidentified", |person| scene.name(person));
                let _ = write!(
                    said,
                    "\n{:34}{who} from {} to {}",
                    "",
                    hour(presence.joined),
                    hour(presence.left)
                );
            }
            said
        }
        Statement::Answer { person, met } => {
            format!("{} says that they {}", scene.name(*person), if *met { "met" } else { "did not meet" })
        }
        Statement::Settled { outcome, by, why } => {
            let outcome = match outcome {
                Outcome::Held => "held",
                Outcome::Missed => "missed",
                Outcome::Cancelled => "cancelled",
                Outcome::NotASession => "not a session",
            };
            format!("{by} settles it as {outcome}: {why}")
        }
    };
    let _ = writeln!(text, "  {at}  {source:<10}  {said}");
    text
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
