//! `mentord calendars`

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::failure::Failure;
use super::output::{self, Row};
use super::{List, common};
use crate::domain::calendar::{Calendar, CalendarId, CalendarState};
use crate::domain::people::ParticipantId;
use crate::pipeline::Context;

/// A calendar as the outside sees it (design section 6).
#[derive(Serialize)]
struct Line {
    id: CalendarId,
    connection: String,
    address: String,
    state: CalendarState,
    last_synced_at: Option<DateTime<Utc>>,
    next_sync_at: DateTime<Utc>,
    error: Option<String>,
}

impl Row for Line {
    const FIELDS: &'static [&'static str] =
        &["id", "connection", "address", "state", "last_synced_at", "next_sync_at", "error"];
    const HEADINGS: &'static [&'static str] =
        &["id", "connection", "address", "state", "last read (UTC)", "next read (UTC)", "error"];

    fn cells(&self) -> Vec<String> {
        let shown = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
        vec![
            self.id.to_string(),
            self.connection.clone(),
            self.address.clone(),
            self.state.as_str().to_owned(),
            self.last_synced_at.map_or_else(|| "never".to_owned(), shown),
            shown(self.next_sync_at),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

impl From<Calendar> for Line {
    fn from(calendar: Calendar) -> Self {
        let error = calendar.trouble();
        Self {
            id: calendar.id,
            connection: calendar.connection,
            address: calendar.address.to_string(),
            state: calendar.state,
            last_synced_at: calendar.last_synced_at,
            next_sync_at: calendar.next_sync_at,
            error,
        }
    }
}

pub async fn run(list: &List) -> Result<(), Failure> {
    let context = common::look(&list.file.config).await?;
    common::closing(context, async |context| show(context, list).await).await
}

async fn show(context: &Context, list: &List) -> Result<(), Failure> {
    let mut calendars = context.store.calendars().await?;
    if list.program.is_some() {
        let mut members: BTreeSet<ParticipantId> = BTreeSet::new();
        for program in common::programs(context, list.program.as_deref())? {
            let pairings = context.store.pairings(Some(&program.name)).await?;
            members
                .extend(pairings.iter().flat_map(|pairing| pairing.members().map(|(_, person)| person.id)));
        }
        calendars.retain(|calendar| members.contains(&calendar.owner));
    }
    let lines: Vec<Line> = calendars.into_iter().map(Line::from).collect();
    output::write(&lines, list.format)
}
