//! `mentord status`

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::pipeline::Context;
use crate::store::{AlertCensus, Snapshot};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// An array of one object, times in UTC
    Json,
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    let context = common::look(&options.file.config).await?;
    common::closing(context, async |context| show(context, options).await).await
}

async fn show(context: &Context, options: &Options) -> Result<(), Failure> {
    let snapshot = context.store.snapshot(context.clock.now()).await?;
    output::print(&match options.format {
        Format::Table => text(&snapshot),
        Format::Json => output::json(&[snapshot])?,
    })
}

fn text(snapshot: &Snapshot) -> String {
    [database(snapshot), instances(snapshot), queues(snapshot), calendars(snapshot), alerts(snapshot)]
        .into_iter()
        .chain(schedules(snapshot))
        .chain(held(snapshot))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn database(snapshot: &Snapshot) -> String {
    let version = snapshot.schema_version.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let current = if snapshot.schema_current { "up to date" } else { "not up to date" };
    let mut text =
        format!("Database {}, schema {version}, {current}; {}", snapshot.database, shown(snapshot.as_of));
    if let Some(at) = snapshot.restored_at {
        text +=
            &format!("\nRestored at {}: what may have been sent before that is not sent again", shown(at));
    }
    text
}

fn instances(snapshot: &Snapshot) -> String {
    if snapshot.instances.is_empty() {
        return "No service is running".to_owned();
    }
    let lines = snapshot.instances.iter().map(|instance| {
        vec![
            instance.id.clone(),
            instance.host.clone(),
            instance.pid.to_string(),
            instance.version.clone(),
            shown(instance.started_at),
            shown(instance.seen_at),
            instance.state.as_str().to_owned(),
        ]
    });
    output::table(&["instance", "host", "pid", "version", "since", "last seen", "state"], lines)
}

fn queues(snapshot: &Snapshot) -> String {
    let lines = snapshot.queues.iter().map(|queue| {
        let oldest = queue.oldest_due_at.map(|at| format!("{}, {}", shown(at), ago(snapshot.as_of - at)));
        vec![
            queue.queue.to_owned(),
            queue.waiting.to_string(),
            queue.in_hand.to_string(),
            oldest.unwrap_or_else(|| "–".to_owned()),
        ]
    });
    output::table(&["queue", "waiting", "in hand", "oldest due"], lines)
}

fn calendars(snapshot: &Snapshot) -> String {
    let calendars = &snapshot.calendars;
    let states = [calendars.active, calendars.needs_consent, calendars.unreachable, calendars.backing_off];
    let all: u32 = states.iter().sum();
    let mut cells = vec![all.to_string()];
    cells.extend(states.iter().map(u32::to_string));
    cells.extend([calendars.stale, calendars.never_synced, calendars.watched].map(|count| count.to_string()));
    cells.push(match calendars.oldest_synced_at {
        Some(at) => format!("{}, {}", shown(at), ago(snapshot.as_of - at)),
        None => "–".to_owned(),
    });
    let headings = [
        "calendars",
        "active",
        "needs consent",
        "unreachable",
        "backing off",
        "stale",
        "never read",
        "watched",
        "oldest read",
    ];
    output::table(&headings, std::iter::once(cells))
}

fn alerts(snapshot: &Snapshot) -> String {
    let AlertCensus { planned, sent, withdrawn, failed } = snapshot.alerts;
    let counts = [planned + sent + withdrawn + failed, planned, sent, withdrawn, failed];
    let cells = counts.map(|count| count.to_string()).to_vec();
    output::table(&["alerts", "planned", "sent", "withdrawn", "failed"], std::iter::once(cells))
}

/// Where nothing is scheduled there is nothing to say.
fn schedules(snapshot: &Snapshot) -> Option<String> {
    let lines =
        snapshot.schedules.iter().map(|schedule| vec![schedule.schedule.clone(), shown(schedule.last_slot)]);
    (!snapshot.schedules.is_empty()).then(|| output::table(&["schedule", "last slot"], lines))
}

/// Whom nobody asks for the moment, and why.
fn held(snapshot: &Snapshot) -> Option<String> {
    let lines =
        snapshot.held.iter().map(|held| vec![held.budget.clone(), shown(held.until), held.reason.clone()]);
    (!snapshot.held.is_empty()).then(|| output::table(&["asked nothing", "until", "because"], lines))
}

fn shown(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// So long ago, in the largest unit that fits.
fn ago(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "s"));
    format!("{} {unit} ago", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        CalendarCensus, HeldBudget, InstanceState, QueueCensus, ScheduleCensus, SeenInstance,
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn people_can_read_it() {
        let now = at("2026-03-02T10:00:00Z");
        let queue = |queue, waiting, in_hand, oldest_due_at: Option<DateTime<Utc>>| QueueCensus {
            queue,
            waiting,
            in_hand,
            oldest_due_at,
            oldest_due_s: oldest_due_at.map(|at| (now - at).num_seconds()),
        };
        let instance = |id: &str, pid, seen_at, state| SeenInstance {
            id: id.to_owned(),
            host: "mentoring-1".to_owned(),
            pid,
            version: "0.1.0".to_owned(),
            started_at: at("2026-03-01T07:30:00Z"),
            seen_at,
            state,
        };
        let busy = Snapshot {
            as_of: now,
            database: "/var/lib/mentord/mentord.db".to_owned(),
            schema_version: Some(2),
            schema_current: true,
            restored_at: Some(at("2026-03-01T07:29:59Z")),
            instances: vec![
                instance("00c0ffee00c0ffee", 4711, at("2026-03-02T09:59:55Z"), InstanceState::Running),
                instance("0123456789abcdef", 815, at("2026-03-01T23:12:00Z"), InstanceState::Silent),
            ],
            queues: vec![
                queue("sync", 12, 4, Some(at("2026-03-02T09:57:40Z"))),
                queue("detect", 0, 1, None),
                queue("send", 3, 0, Some(at("2026-03-02T07:00:00Z"))),
            ],
            calendars: CalendarCensus {
                active: 380,
                needs_consent: 2,
                unreachable: 1,
                backing_off: 4,
                stale: 5,
                never_synced: 1,
                watched: 383,
                oldest_synced_at: Some(at("2026-02-20T08:00:00Z")),
            },
            alerts: AlertCensus { planned: 41, sent: 1234, withdrawn: 56, failed: 7 },
            schedules: vec![ScheduleCensus {
                schedule: "digest:engineering:0".to_owned(),
                last_slot: at("2026-03-02T08:00:00Z"),
            }],
            held: vec![HeldBudget {
                budget: "google/mentoring-acme".to_owned(),
                until: at("2026-03-02T10:01:00Z"),
                reason: "403: Quota exceeded".to_owned(),
            }],
        };
        insta::assert_snapshot!("busy", text(&busy));
        let fresh = Snapshot {
            restored_at: None,
            instances: vec![],
            queues: vec![queue("sync", 0, 0, None)],
            calendars: CalendarCensus::default(),
            alerts: AlertCensus::default(),
            schedules: vec![],
            held: vec![],
            ..busy
        };
        insta::assert_snapshot!("fresh", text(&fresh));
    }

    #[test]
    fn ages_are_told_in_the_largest_unit() {
        let told = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 900_000].map(|s| ago(TimeDelta::seconds(s)));
        assert_eq!(
            told,
            ["0 s ago", "59 s ago", "1 min ago", "59 min ago", "1 h ago", "23 h ago", "1 d ago", "10 d ago"]
        );
    }
}
