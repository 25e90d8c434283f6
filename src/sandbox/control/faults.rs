//! Faults on demand, in the words of the vendor they pretend to come from.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::control::script::{Line, What};
use crate::sandbox::control::wire::Fault;
use crate::sandbox::google::{error, meet};
use crate::sandbox::graph;
use crate::sandbox::http::Reply;

/// The faults that are still to be served.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<Waiting>,
}

struct Waiting {
    line: Line,
    /// How many requests it has let pass.
    passed: u32,
}

/// What is done to one request.
#[derive(Debug, Default)]
pub struct Dealt {
    pub delay: Duration,
    /// Whose tokens, consents and cursors are lost before it is answered.
    pub tokens: Vec<Option<String>>,
    pub consents: Vec<Option<String>>,
    pub cursors: Vec<Option<String>>,
    /// What is called off before it is answered.
    pub called_off: Vec<(String, Option<DateTime<Utc>>)>,
    pub answer: Told,
}

/// How a request is answered.
#[derive(Debug, Default)]
pub enum Told {
    /// As it should be.
    #[default]
    Truth,
    Error(Reply),
    Garbage,
    OddJson,
    Truncated,
    Reset,
    DuplicatePage,
    PageWithoutToken,
    TornListing,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        let Fault { path_contains, status, times, retry_after, body } = fault;
        let what = What::Status { status, code: None, retry_after, location: None, body };
        self.follow([Line { after: 0, path: path_contains, times: Some(times), what }]);
    }

    pub fn follow(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.waiting.extend(lines.into_iter().map(|line| Waiting { line, passed: 0 }));
    }

    /// What is done to a request. Every line counts it; of the answers that are due the first counts.
    pub fn deal(&mut self, path: &str) -> Dealt {
        let mut dealt = Dealt::default();
        for waiting in &mut self.waiting {
            let Waiting { line, passed } = waiting;
            if line.times == Some(0) || !path.contains(&line.path) {
                continue;
            }
            if *passed < line.after {
                *passed += 1;
                continue;
            }
            let told = match &line.what {
                What::Slow(delay) => {
                    dealt.delay += *delay;
                    None
                }
                What::RevokeTokens(whose) => {
                    dealt.tokens.push(whose.clone());
                    None
                }
                What::RevokeConsents(whose) => {
                    dealt.consents.push(whose.clone());
                    None
                }
                What::LoseCursors(whose) => {
                    dealt.cursors.push(whose.clone());
                    None
                }
                What::CallOff(meeting, at) => {
                    dealt.called_off.push((meeting.clone(), *at));
                    None
                }
                _ if !matches!(dealt.answer, Told::Truth) => continue,
                What::Status { status, code, retry_after, location, body } => {
                    let usual = || usual_body(path, *status, code.as_deref());
                    let mut reply = Reply::new(*status, body.clone().unwrap_or_else(usual));
                    for (name, value) in [("retry-after", retry_after), ("location", location)] {
                        if let Some(value) = value {
                            reply = reply.with(name, value.clone());
                        }
                    }
                    Some(Told::Error(reply))
                }
                What::Garbage => Some(Told::Garbage),
                What::OddJson => Some(Told::OddJson),
                What::Truncate => Some(Told::Truncated),
                What::Reset => Some(Told::Reset),
                What::DuplicatePage => Some(Told::DuplicatePage),
                What::PageWithoutToken => Some(Told::PageWithoutToken),
                What::TornListing => Some(Told::TornListing),
            };
            dealt.answer = told.unwrap_or(dealt.answer);
            line.times = line.times.map(|times| times - 1);
        }
        self.waiting.retain(|waiting| waiting.line.times != Some(0));
        dealt
    }
}

fn usual_body(path: &str, status: u16, code: Option<&str>) -> Value {
    let mut body = vendors_body(path, status);
    if let Some(code) = code {
        if path.starts_with("/v1.0") {
            body["error"]["code"] = json!(code);
        } else if let Some(reason) = body.pointer_mut("/error/errors/0/reason") {
            *reason = json!(code);
        } else {
            body["error"] = json!(code);
        }
    }
    body
}

fn vendors_body(path: &str, status: u16) -> Value {
    if path.starts_with("/calendar/") || path.starts_with("/admin/") {
        error::usual_error(status).body
    } else if path.starts_with("/meet/") {
        meet::usual_error(status).body
    } else if path.starts_with("/v1.0") {
        graph::usual_error(status).body
    } else if path.starts_with("/google/token") {
        match status {
            400 => {
                json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
            }
            _ => json!({"error": "internal_failure", "error_description": "Backend Error"}),
        }
    } else {
        json!({
            "error": if status < 500 { "invalid_client" } else { "temporarily_unavailable" },
            "error_description": "AADSTS90033: A transient error has occurred. Please try again.",
            "error_codes": [90033],
        })
    }
}
