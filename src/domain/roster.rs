//! The roster: who mentors whom, read from CSV.
//!
//! Format: design section 6.

mod gather;
mod people;

use chrono::{NaiveDate, TimeDelta};

use super::people::Address;
use gather::{Roster, Row};

/// One pairing as the roster file tells it, rows of one group already put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub program: String,
    pub mentor: Person,
    /// Never empty.
    pub mentees: Vec<Person>,
    /// Set where several mentees share the pairing.
    pub group: Option<String>,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    pub cadence: Option<TimeDelta>,
}

/// A name and one or more addresses, the main one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub addresses: Vec<Address>,
}

/// Something wrong with the file, told so that it can be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// As an editor counts them, from 1.
    pub line: u64,
    /// `None`: the whole row.
    pub column: Option<String>,
    pub found: String,
    /// What to do instead, as a sentence that begins with a verb.
    pub remedy: String,
}

/// A duration as people write it, such as `2 weeks`.
pub fn parse_span(text: &str) -> Option<TimeDelta> {
    let span = humantime::parse_duration(text.trim()).ok()?;
    TimeDelta::from_std(span).ok()
}

/// The one of `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.trim().to_lowercase();
    let far = |other: &str| strsim::damerau_levenshtein(&word, &other.to_lowercase());
    let near = known.iter().map(|&other| (far(other), other)).min()?;
    (near.0 <= 1 + word.chars().count() / 4).then_some(near.1)
}

/// Columns that must be there.
const REQUIRED: [&str; 5] = ["program", "mentor_name", "mentor_email", "mentee_name", "mentee_email"];

/// All columns.
const COLUMNS: [&str; 9] = [
    "program",
    "mentor_name",
    "mentor_email",
    "mentee_name",
    "mentee_email",
    "starts_on",
    "ends_on",
    "cadence",
    "group",
];

/// Reads a roster; `programs` are the names that its rows may use.
pub fn parse(text: &str, programs: &[&str]) -> Result<Vec<Entry>, Vec<RowProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records()
        // Neither UTF-8 nor the number of fields can be wrong here, nor can reading fail.
        .filter_map(Result::ok);
    let mut roster = Roster::default();
    let Some(header) = rows.next() else {
        let remedy = format!("write the header: {}", COLUMNS.join(","));
        roster.problem(1, None, "no header", remedy);
        return Err(roster.problems);
    };
    let columns = roster.header(&header);
    if REQUIRED.iter().any(|name| !columns.contains(&Some(name))) {
        return Err(roster.problems);
    }
    for record in rows {
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let line = line(&record);
        if record.iter().any(|field| field.contains('\n')) {
            let remedy = "close the double quote in the line in which it is opened";
            roster.problem(line, None, "a field that runs over several lines", remedy);
            continue;
        }
        if record.len() != columns.len() {
            let found = format!("{} fields where the header has {}", record.len(), columns.len());
            let remedy = "write as many fields; one with a comma in it needs double quotes";
            roster.problem(line, None, found, remedy);
            continue;
        }
        roster.row(&Row { line, columns: &columns, record }, programs);
    }
    roster.finish()
}

/// The line in which a record begins.
fn line(record: &csv::StringRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}
