//! Faults on demand, in the words of the vendor they pretend to come from.

use serde_json::{Value, json};

use crate::sandbox::control::wire::Fault;
use crate::sandbox::google::{error, meet};
use crate::sandbox::graph;
use crate::sandbox::http::Reply;

/// The faults that are still to be served.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    /// The fault for a request, if one waits for it.
    pub fn take(&mut self, path: &str) -> Option<Reply> {
        let found =
            self.waiting.iter_mut().find(|fault| fault.times > 0 && path.contains(&fault.path_contains))?;
        found.times -= 1;
        let body = found.body.clone().unwrap_or_else(|| usual_body(path, found.status));
        let mut reply = Reply::new(found.status, body);
        if let Some(seconds) = &found.retry_after {
            reply = reply.with("retry-after", seconds.clone());
        }
        self.waiting.retain(|fault| fault.times > 0);
        Some(reply)
    }
}

fn usual_body(path: &str, status: u16) -> Value {
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
