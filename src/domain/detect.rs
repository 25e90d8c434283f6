//! Which events are sessions, and why.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A session.
    Taken,
    /// Perhaps one: somebody has to say.
    Proposed,
    /// Not one.
    Left,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Proposed => "proposed",
            Self::Left => "left",
        }
    }
}

/// One thing that spoke for or against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// How much it counted; below zero, against.
    pub weight: i32,
    /// In plain words, without anything of the event's own text.
    pub text: String,
}
