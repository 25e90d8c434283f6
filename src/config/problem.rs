//! What is wrong with a configuration, told so that it can be mended without a manual.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `mentord.toml:12: programs[0].cadence`, or the environment variable that it came from.
    pub place: String,
    pub found: String,
    /// What to do instead, as a sentence that begins with a verb.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, found, remedy } = self;
        write!(f, "{place}\n  found {found}\n  {remedy}")
    }
}

/// Everything that is wrong, at once. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn one(place: impl Into<String>, found: &str, remedy: &str) -> Self {
        Self(vec![Problem { place: place.into(), found: found.to_owned(), remedy: remedy.to_owned() }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "1 problem:")?,
            many => writeln!(f, "{many} problems:")?,
        }
        for problem in &self.0 {
            write!(f, "\n{problem}\n")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
