//! Reports out of sessions.

use chrono::NaiveDate;

use super::Context;
use crate::domain::cadence::{Standing, standing};
use crate::domain::pairing::Pairing;
use crate::domain::program::Program;
use crate::domain::report::{Material, Report, report};
use crate::domain::session::Session;
use crate::store::{SessionFilter, StoreError};

/// How many days a report covers unless told otherwise.
pub const USUAL_DAYS: u64 = 90;

/// A program's pairings, where each stands, and all its sessions.
pub struct Overview {
    pub pairings: Vec<(Pairing, Standing)>,
    pub sessions: Vec<Session>,
}

pub async fn overview(context: &Context, program: &Program) -> Result<Overview, StoreError> {
    let now = context.clock.now();
    let filter = SessionFilter { program: Some(program.name.clone()), ..SessionFilter::default() };
    let sessions = context.store.sessions(&filter).await?;
    let mut pairings = Vec::new();
    for pairing in context.store.pairings(Some(&program.name)).await? {
        let reading = context.store.reading(pairing.id).await?;
        let standing = standing(program, &pairing, &sessions, &reading, now);
        pairings.push((pairing, standing));
    }
    Ok(Overview { pairings, sessions })
}

/// One program's report; both days are included. Without `to` it ends today, without `from` it
/// begins [`USUAL_DAYS`] before its end.
pub async fn make(
    context: &Context,
    program: &Program,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<Report, StoreError> {
    let now = context.clock.now();
    let to = to.unwrap_or_else(|| program.day(now));
    let from = from.unwrap_or_else(|| to - chrono::Days::new(USUAL_DAYS));
    let overview = overview(context, program).await?;
    let calendars = context.store.calendars().await?;
    let material = Material {
        program,
        pairings: &overview.pairings,
        sessions: &overview.sessions,
        calendars: &calendars,
    };
    Ok(report(material, from, to, now))
}
