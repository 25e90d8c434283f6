//! Lists as tables, JSON and CSV.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::Format;
use super::failure::Failure;

/// A line of a list.
pub trait Row: Serialize {
    /// The fields of the JSON object, in the order of the CSV columns.
    const FIELDS: &'static [&'static str];
    /// The headings of the table.
    const HEADINGS: &'static [&'static str];

    /// The cells of the table.
    fn cells(&self) -> Vec<String>;
}

/// Writes a list to standard output.
pub fn write<R: Row>(rows: &[R], format: Format) -> Result<(), Failure> {
    let text = match format {
        Format::Table => table(R::HEADINGS, rows.iter().map(Row::cells)),
        Format::Json => json(&rows)?,
        Format::Csv => csv(rows)?,
    };
    print(&text)
}

/// Writes to standard output; a reader that went away, as `head` does, is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("mentord: standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

pub fn table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    let mut count = 0;
    for row in rows {
        table.add_row(row);
        count += 1;
    }
    if count == 0 {
        return "nothing to show\n".to_owned();
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Failure::internal(format!("mentord: no JSON can be made: {error}")))
}

fn csv<R: Row>(rows: &[R]) -> Result<String, Failure> {
    let broken =
        |error: &dyn std::fmt::Display| Failure::internal(format!("mentord: no CSV can be made: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(R::FIELDS).map_err(|error| broken(&error))?;
    for row in rows {
        let object = serde_json::to_value(row).map_err(|error| broken(&error))?;
        let cells = R::FIELDS.iter().map(|field| cell(&object[*field]));
        writer.write_record(cells).map_err(|error| broken(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| broken(&error))?;
    String::from_utf8(bytes).map_err(|error| broken(&error))
}

/// Lists of plain values are separated by `;`, as in the roster.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(";")
        }
        other => other.to_string(),
    }
}

/// A time as people read it, in their program's zone.
pub fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M").to_string()
}

pub fn local_or_dash(at: Option<DateTime<Utc>>, zone: Tz) -> String {
    at.map_or_else(|| "–".to_owned(), |at| local(at, zone))
}
