//! How a command ends when it does not end well.

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::Problems;
use crate::daemon::service::{RunError, StartError};
use crate::pipeline::SetUpError;
use crate::store::StoreError;

/// What to say on standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

/// The command did not succeed.
const FAILED: u8 = 1;
/// Wrong usage, as clap has it.
const USAGE: u8 = 2;
/// A fault in mentord itself (`EX_SOFTWARE` of sysexits.h).
const INTERNAL: u8 = 70;
/// The configuration is wrong (`EX_CONFIG` of sysexits.h).
const CONFIGURATION: u8 = 78;

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self { code: FAILED, text: text.into() }
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: USAGE, text: text.into() }
    }

    pub fn internal(text: impl Into<String>) -> Self {
        Self { code: INTERNAL, text: text.into() }
    }

    pub fn tell(self) -> ExitCode {
        complain(self.text.trim_end());
        ExitCode::from(self.code)
    }
}

/// Writes to standard error. Where nobody listens any more there is nobody to tell, either.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self { code: CONFIGURATION, text: problems.to_string() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(format!("mentord: {error}"))
    }
}

impl From<SetUpError> for Failure {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::Store(error) => error.into(),
            SetUpError::Connection { .. } | SetUpError::Mail(_) => {
                Self { code: CONFIGURATION, text: format!("mentord: {error}") }
            }
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Configuration(problems) => problems.into(),
            StartError::SetUp(error) => error.into(),
            StartError::Store(error) => error.into(),
            StartError::Listen { .. } => Self::new(format!("mentord: {error}")),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Start(error) => error.into(),
            RunError::Signals(_) | RunError::Broken(_) => Self::internal(format!("mentord: {error}")),
        }
    }
}
