//! `mentord pairings`

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::failure::Failure;
use super::output::{self, Row, local_or_dash};
use super::{List, common};
use crate::domain::cadence::{self, Pace};
use crate::domain::pairing::{Pairing, PairingId};
use crate::pipeline::{Context, report};

/// A pairing as the outside sees it (design section 6).
#[derive(Serialize)]
struct Line {
    id: PairingId,
    program: String,
    mentor: Option<String>,
    mentees: Vec<String>,
    cadence: String,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
    state: Pace,
    last_held: Option<DateTime<Utc>>,
    next_session: Option<DateTime<Utc>>,
    sessions_held: u32,
    #[serde(skip)]
    names: String,
    #[serde(skip)]
    zone: chrono_tz::Tz,
}

impl Row for Line {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "program",
        "mentor",
        "mentees",
        "cadence",
        "starts_on",
        "ends_on",
        "state",
        "last_held",
        "next_session",
        "sessions_held",
    ];
    const HEADINGS: &'static [&'static str] =
        &["id", "program", "pairing", "cadence", "state", "last held", "next session", "held"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.program.clone(),
            self.names.clone(),
            self.cadence.clone(),
            self.state.as_str().to_owned(),
            local_or_dash(self.last_held, self.zone),
            local_or_dash(self.next_session, self.zone),
            self.sessions_held.to_string(),
        ]
    }
}

/// A pairing by the names in it.
pub fn names(pairing: &Pairing) -> String {
    pairing.members().map(|(_, person)| person.name.as_str()).collect::<Vec<_>>().join(" & ")
}

pub async fn run(list: &List) -> Result<(), Failure> {
    let context = common::look(&list.file.config).await?;
    common::closing(context, async |context| show(context, list).await).await
}

async fn show(context: &Context, list: &List) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for program in common::programs(context, list.program.as_deref())? {
        for (pairing, standing) in report::overview(context, program).await?.pairings {
            lines.push(Line {
                id: pairing.id,
                program: program.name.clone(),
                mentor: pairing.mentor.as_ref().map(|person| person.main().to_string()),
                mentees: pairing.mentees.iter().map(|person| person.main().to_string()).collect(),
                cadence: cadence::in_words(standing.cadence),
                starts_on: pairing.starts_on,
                ends_on: pairing.ends_on,
                state: standing.pace,
                last_held: standing.last_held,
                next_session: standing.next_session,
                sessions_held: standing.sessions_held,
                names: names(&pairing),
                zone: program.timezone,
            });
        }
    }
    output::write(&lines, list.format)
}
