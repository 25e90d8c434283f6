//! Putting the rows of a roster together.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::people::People;
use super::{COLUMNS, Entry, REQUIRED, RowProblem, line, nearest, parse_span};
use crate::domain::people::{Address, AddressError};

/// A row with the names of its fields; `None` where the name is unknown.
pub struct Row<'a> {
    pub line: u64,
    pub columns: &'a [Option<&'static str>],
    pub record: csv::StringRecord,
}

impl Row<'_> {
    /// The field's text, empty when the column is absent.
    fn field(&self, name: &str) -> &str {
        let index = self.columns.iter().position(|column| *column == Some(name));
        index.and_then(|index| self.record.get(index)).map_or("", str::trim)
    }
}

/// An entry on its way: people by their place in the list, and where the entry began.
struct Draft {
    line: u64,
    program: String,
    mentor: usize,
    mentees: Vec<usize>,
    group: Option<String>,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
    cadence: Option<TimeDelta>,
}

#[derive(Default)]
pub struct Roster {
    people: People,
    drafts: Vec<Draft>,
    pub problems: Vec<RowProblem>,
}

impl Roster {
    pub fn problem(
        &mut self,
        line: u64,
        column: Option<&str>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(RowProblem {
            line,
            column: column.map(str::to_owned),
            found: found.into(),
            remedy: remedy.into(),
        });
    }

    /// Which column stands where.
    pub fn header(&mut self, header: &csv::StringRecord) -> Vec<Option<&'static str>> {
        let line = line(header);
        let only = header.get(0).filter(|_| header.len() == 1).unwrap_or_default();
        if let Some(sign) = [';', '\t'].iter().find(|&&sign| only.contains(sign)) {
            let found = format!("fields separated by {sign:?}");
            self.problem(line, None, found, "save the file with commas between the fields");
            return Vec::new();
        }
        let mut columns = Vec::new();
        for name in header {
            let name = name.trim();
            let column = COLUMNS.iter().find(|column| column.eq_ignore_ascii_case(name)).copied();
            if column.is_some() && columns.contains(&column) {
                self.problem(line, column, "this column twice", "leave one of them out");
            } else if column.is_none() {
                let remedy = match nearest(name, &COLUMNS) {
                    Some(near) => format!("write `{near}`"),
                    None => format!("leave it out; known are {}", COLUMNS.join(", ")),
                };
                self.problem(line, Some(name), "a column that mentord does not know", remedy);
            }
            columns.push(column);
        }
        for missing in REQUIRED.iter().filter(|name| !columns.contains(&Some(name))) {
            self.problem(line, Some(missing), "no such column", "add it to the header and the rows");
        }
        columns
    }

    pub fn row(&mut self, row: &Row<'_>, programs: &[&str]) {
        let line = row.line;
        let program = row.field("program");
        if !programs.contains(&program) {
            let remedy = match nearest(program, programs) {
                Some(near) => format!("write `{near}`"),
                None if programs.is_empty() => "configure a program first".to_owned(),
                None => format!("write the name of a program: {}", programs.join(", ")),
            };
            self.problem(line, Some("program"), found(program), remedy);
        }
        let mentor = self.person(row, "mentor_name", "mentor_email");
        let mentee = self.person(row, "mentee_name", "mentee_email");
        let starts_on = self.date(row, "starts_on");
        let ends_on = self.date(row, "ends_on");
        if let (Some(start), Some(end)) = (starts_on, ends_on)
            && end < start
        {
            let remedy = format!("write a date that is not before starts_on, {start}");
            self.problem(line, Some("ends_on"), found(&end.to_string()), remedy);
        }
        let cadence = row.field("cadence");
        let parsed = parse_span(cadence).filter(|span| *span >= TimeDelta::hours(1));
        if !cadence.is_empty() && parsed.is_none() {
            let remedy = "write a duration like `2 weeks`, or nothing for the program's cadence";
            self.problem(line, Some("cadence"), found(cadence), remedy);
        }
        let (Some(mentor), Some(mentee)) = (mentor, mentee) else {
            return;
        };
        self.drafts.push(Draft {
            line,
            program: program.to_owned(),
            mentor,
            mentees: vec![mentee],
            group: Some(row.field("group").to_owned()).filter(|group| !group.is_empty()),
            starts_on,
            ends_on,
            cadence: parsed,
        });
    }

    /// The person whom two fields name; the same one wherever an address is the same.
    fn person(&mut self, row: &Row<'_>, name_column: &str, email_column: &str) -> Option<usize> {
        let name: Vec<&str> = row.field(name_column).split_whitespace().collect();
        let name = name.join(" ");
        if name.is_empty() {
            self.problem(row.line, Some(name_column), "nothing", "write the person's name");
        }
        let mut addresses: Vec<Address> = Vec::new();
        let given = row.field(email_column);
        for text in given.split(';').filter(|text| !text.trim().is_empty()) {
            match Address::parse(text) {
                Ok(address) => addresses.push(address),
                Err(AddressError(text)) => {
                    let remedy = "write an address like `name@example.org`; `;` between several";
                    self.problem(row.line, Some(email_column), found(&text), remedy);
                    return None;
                }
            }
        }
        if addresses.is_empty() {
            let remedy = "write the person's address, like `name@example.org`";
            self.problem(row.line, Some(email_column), "nothing", remedy);
        }
        if addresses.is_empty() || name.is_empty() {
            return None;
        }
        match self.people.add(&name, addresses, row.line) {
            Ok(id) => Some(id),
            Err((found, remedy)) => {
                self.problem(row.line, Some(email_column), found, remedy);
                None
            }
        }
    }

    fn date(&mut self, row: &Row<'_>, column: &str) -> Option<NaiveDate> {
        let text = row.field(column);
        if text.is_empty() {
            return None;
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let date = date.filter(|date| (1970..=2200).contains(&date.year()));
        if date.is_none() {
            let remedy = "write the date as year-month-day, like `2026-03-31`";
            self.problem(row.line, Some(column), found(text), remedy);
        }
        date
    }

    /// Puts groups together and looks at what only shows between rows.
    pub fn finish(mut self) -> Result<Vec<Entry>, Vec<RowProblem>> {
        let mut pairings: Vec<Draft> = Vec::new();
        let mut pairs: HashMap<(String, usize, usize), u64> = HashMap::new();
        for mut draft in std::mem::take(&mut self.drafts) {
            draft.mentor = self.people.resolve(draft.mentor);
            let mentee = self.people.resolve(draft.mentees[0]);
            draft.mentees[0] = mentee;
            let line = draft.line;
            if draft.mentor == mentee {
                let remedy = "write another person: this is the mentor";
                let found = found(&self.people.get(mentee).name);
                self.problem(line, Some("mentee_email"), found, remedy);
                continue;
            }
            let pair = (draft.program.clone(), draft.mentor, mentee);
            if let Some(other) = pairs.insert(pair, line) {
                let remedy = format!("leave this row or line {other} out");
                self.problem(line, None, "the same pair again", remedy);
                continue;
            }
            let same = |other: &&mut Draft| {
                draft.group.is_some()
                    && other.group == draft.group
                    && other.mentor == draft.mentor
                    && other.program == draft.program
            };
            match pairings.iter_mut().find(same) {
                Some(pairing) => join(pairing, draft, &mut self.problems),
                None => pairings.push(draft),
            }
        }
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(self.problems);
        }
        let person = |id: usize| self.people.get(id).clone();
        let entry = |draft: Draft| Entry {
            program: draft.program,
            mentor: person(draft.mentor),
            mentees: draft.mentees.iter().map(|&id| person(id)).collect(),
            group: draft.group,
            starts_on: draft.starts_on,
            ends_on: draft.ends_on,
            cadence: draft.cadence,
        };
        Ok(pairings.into_iter().map(entry).collect())
    }
}

/// Adds a row to the pairing of its group. What it leaves empty is as the rows before have it.
fn join(pairing: &mut Draft, row: Draft, problems: &mut Vec<RowProblem>) {
    let first = pairing.line;
    let mut agree = |column: &str, fits: bool, value: String| {
        if !fits {
            problems.push(RowProblem {
                line: row.line,
                column: Some(column.to_owned()),
                found: found(&value),
                remedy: format!("write the same in all rows of a group: line {first} differs"),
            });
        }
    };
    let text = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    let starts = merge(&mut pairing.starts_on, row.starts_on);
    agree("starts_on", starts, text(row.starts_on));
    let ends = merge(&mut pairing.ends_on, row.ends_on);
    agree("ends_on", ends, text(row.ends_on));
    let cadence = merge(&mut pairing.cadence, row.cadence);
    let days = row.cadence.map(|span| format!("{} days", span.num_days()));
    agree("cadence", cadence, days.unwrap_or_default());
    pairing.mentees.extend(row.mentees);
}

/// Whether the two can be one value; an absent one agrees with any.
fn merge<T: PartialEq>(into: &mut Option<T>, value: Option<T>) -> bool {
    match (&into, value) {
        (_, None) => true,
        (None, value) => {
            *into = value;
            true
        }
        (Some(known), Some(value)) => *known == value,
    }
}

fn found(text: &str) -> String {
    match text {
        "" => "nothing".to_owned(),
        text => format!("`{text}`"),
    }
}
