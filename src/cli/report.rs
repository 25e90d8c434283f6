//! `mentord report`

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveDate};
use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::{WithConfig, common, output};
use crate::domain::judge::Grade;
use crate::domain::program::Program;
use crate::domain::report::Report;
use crate::pipeline::{Context, report};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    file: WithConfig,
    /// Only this program
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
    /// First day, like 2026-09-01 [default: 90 days before the last]
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<NaiveDate>,
    /// Last day [default: today]
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<NaiveDate>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A day on which there can have been a program.
fn day(text: &str) -> Result<NaiveDate, String> {
    let day = text.parse().ok().filter(|day: &NaiveDate| (1900..=9999).contains(&day.year()));
    day.ok_or_else(|| "write a day like 2026-09-01".to_owned())
}

/// A period that ends before it begins proves nothing, and would look as if nobody had met.
fn in_order(from: NaiveDate, to: NaiveDate, to_is: &str) -> Result<(), Failure> {
    if from <= to {
        return Ok(());
    }
    Err(Failure::usage(format!("mentord: --from {from} is after {to_is} {to}: give the earlier day first")))
}

pub async fn run(options: &Options) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (options.from, options.to) {
        in_order(from, to, "--to")?;
    }
    let context = common::look(&options.file.config).await?;
    common::closing(context, async |context| write(context, options).await).await
}

async fn write(context: &Context, options: &Options) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for program in common::programs(context, options.program.as_deref())? {
        let report = report::make(context, program, options.from, options.to).await?;
        in_order(report.from, report.to, "today,")?;
        reports.push((program, report));
    }
    match options.format {
        Format::Json => {
            output::print(&output::json(&reports.iter().map(|(_, report)| report).collect::<Vec<_>>())?)
        }
        Format::Text => {
            let texts: Vec<_> = reports.iter().map(|(program, report)| text(program, report)).collect();
            output::print(&texts.join("\n\n"))
        }
    }
}

/// A report for reading.
pub fn text(program: &Program, report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<22}{value}");
    };
    let sessions = report.sessions;
    line(
        "Sessions over",
        format!(
            "{} (and {} cancelled, {} of them late)",
            sessions.scheduled,
            sessions.cancelled + sessions.late_cancelled,
            sessions.late_cancelled
        ),
    );
    line("Held", sessions.held.to_string());
    line("Missed", sessions.missed.to_string());
    line("Unknown", sessions.unknown.to_string());
    line("Moved at least once", sessions.moved.to_string());
    line("Attendance", attendance(report));
    line("Evidence of the held", evidence(report));
    line("Hours together", report.hours.to_string());
    let days = report.first_meeting_days;
    let first = days
        .median
        .zip(days.p90)
        .map(|(median, p90)| format!("after {median} days (median; 90% within {p90})"));
    line("First session", first.unwrap_or_else(|| "none yet".to_owned()));
    let paces = report.cadence;
    line(
        "Pairings",
        format!(
            "{} on track, {} due, {} overdue, {} not started",
            paces.on_track, paces.due, paces.overdue, paces.not_started
        ),
    );
    let coverage = report.coverage;
    line(
        "Calendars connected",
        format!(
            "{} of {} people{}",
            coverage.calendars_connected,
            coverage.calendars_total,
            stale(coverage.stale)
        ),
    );
    for month in &report.by_month {
        let rate = month.attendance_rate.map_or_else(|| "–".to_owned(), percent);
        line(
            &month.month,
            format!(
                "{} held, {} missed, {} unknown of {}; attendance {rate}",
                month.held, month.missed, month.unknown, month.scheduled
            ),
        );
    }
    format!(
        "{}\n{} to {}, as of {} ({})\n\n{text}",
        program.title,
        report.from,
        report.to,
        report.as_of.with_timezone(&program.timezone).format("%Y-%m-%d %H:%M"),
        program.timezone
    )
}

fn stale(stale: u32) -> String {
    if stale == 0 { String::new() } else { format!(", {stale} not read for a day") }
}

fn attendance(report: &Report) -> String {
    match (report.attendance_rate, report.attendance_rate_low, report.attendance_rate_high) {
        (Some(rate), Some(low), Some(high)) if low < high => {
            format!(
                "{} (between {} and {}, as the unknown may turn out)",
                percent(rate),
                percent(low),
                percent(high)
            )
        }
        (Some(rate), ..) => percent(rate),
        (None, ..) => "no session was judged yet".to_owned(),
    }
}

fn evidence(report: &Report) -> String {
    let named = [
        (Grade::Observed, "observed"),
        (Grade::Confirmed, "confirmed"),
        (Grade::Reported, "reported"),
        (Grade::Presumed, "presumed"),
    ];
    let held = |grade: Grade| report.by_grade.get(&grade).map_or(0, |counts| counts.held);
    named.map(|(grade, name)| format!("{} {name}", held(grade))).join(", ")
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
