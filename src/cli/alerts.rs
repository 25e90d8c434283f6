//! `mentord alerts`

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::failure::Failure;
use super::output::{self, Row, local};
use super::{List, common};
use crate::domain::alert::{AlertState, Kind};
use crate::domain::pairing::PairingId;
use crate::pipeline::Context;
use crate::store::StoredAlert;

/// An alert as the outside sees it (design section 6).
#[derive(Serialize)]
struct Line {
    key: String,
    kind: Kind,
    program: String,
    pairing: Option<PairingId>,
    session: Option<String>,
    recipient: String,
    channel: &'static str,
    due_at: DateTime<Utc>,
    state: AlertState,
    sent_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    message_id: Option<String>,
    #[serde(skip)]
    zone: chrono_tz::Tz,
}

impl Row for Line {
    const FIELDS: &'static [&'static str] = &[
        "key",
        "kind",
        "program",
        "pairing",
        "session",
        "recipient",
        "channel",
        "due_at",
        "state",
        "sent_at",
        "reason",
        "message_id",
    ];
    const HEADINGS: &'static [&'static str] =
        &["due", "kind", "recipient", "pairing", "session", "state", "sent", "reason"];

    fn cells(&self) -> Vec<String> {
        let dash = || "–".to_owned();
        vec![
            local(self.due_at, self.zone),
            self.kind.as_str().to_owned(),
            self.recipient.clone(),
            self.pairing.map_or_else(dash, |pairing| pairing.to_string()),
            self.session.clone().unwrap_or_else(dash),
            self.state.as_str().to_owned(),
            self.sent_at.map_or_else(dash, |at| local(at, self.zone)),
            self.reason.clone().unwrap_or_default(),
        ]
    }
}

pub async fn run(list: &List) -> Result<(), Failure> {
    let context = common::look(&list.file.config).await?;
    common::closing(context, async |context| show(context, list).await).await
}

async fn show(context: &Context, list: &List) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for program in common::programs(context, list.program.as_deref())? {
        let stored = context.store.alerts(Some(&program.name)).await?;
        lines.extend(stored.into_iter().map(|stored| line(stored, program.timezone)));
    }
    output::write(&lines, list.format)
}

fn line(stored: StoredAlert, zone: chrono_tz::Tz) -> Line {
    let alert = stored.alert;
    Line {
        key: alert.key.0,
        kind: alert.kind,
        program: alert.program,
        pairing: alert.pairing,
        session: alert.session.map(|session| session.0),
        recipient: alert.recipient.to_string(),
        channel: "mail",
        due_at: alert.due_at,
        state: stored.state,
        sent_at: stored.sent_at,
        reason: stored.reason,
        message_id: stored.message_id,
        zone,
    }
}
