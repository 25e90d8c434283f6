//! Reading roster files; what is in them is the domain's business.

use std::collections::BTreeSet;
use std::path::Path;

use super::problem::{Problem, Problems};
use super::{Config, source};
use crate::domain::roster::{self, Entry};

/// The rosters of all programs, each file read once.
///
/// A file may hold rows of several programs, whichever of them names it.
pub fn read_rosters(config: &Config) -> Result<Vec<Entry>, Problems> {
    let sources = config.programs.iter();
    let files: BTreeSet<&Path> = sources.filter_map(|s| s.roster.as_deref()).collect();
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match read_roster(file, config) {
            Ok(read) => entries.extend(read),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    match problems.is_empty() {
        true => Ok(entries),
        false => Err(Problems(problems)),
    }
}

/// One roster file, for the programs of the configuration.
pub fn read_roster(file: &Path, config: &Config) -> Result<Vec<Entry>, Problems> {
    let shown = file.display();
    let text = source::read_text(file).map_err(|found| {
        let remedy = "name a CSV file in UTF-8 that this user can read";
        Problems::one(shown.to_string(), &found, remedy)
    })?;
    let programs = config.programs.iter();
    let programs: Vec<&str> = programs.map(|s| s.program.name.as_str()).collect();
    roster::parse(&text, &programs).map_err(|rows| {
        let problem = |row: roster::RowProblem| Problem {
            place: match row.column {
                Some(column) => format!("{shown}:{}: {column}", row.line),
                None => format!("{shown}:{}", row.line),
            },
            found: row.found,
            remedy: row.remedy,
        };
        Problems(rows.into_iter().map(problem).collect())
    })
}
