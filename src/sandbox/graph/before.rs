//! What comes twice in a delta round has changed meanwhile: the first time it is told as it was before.

use chrono::{Duration, NaiveDateTime};
use serde_json::{Value, json};

use crate::sandbox::http::{Reply, Request};

/// The first page of a round, its first item an hour off and with another title.
pub fn told(request: &Request, mut round: Reply) -> Reply {
    if request.param("$skiptoken").is_none()
        && let Some(item) = round.body.pointer_mut("/value/0")
    {
        for name in ["start", "end"] {
            if let Some(time) = item.pointer_mut(&format!("/{name}/dateTime")) {
                *time = earlier(time);
            }
        }
        if let Some(subject) = item.get_mut("subject") {
            *subject = json!("As it was before");
        }
    }
    round
}

fn earlier(time: &Value) -> Value {
    let text = time.as_str().unwrap_or_default();
    match NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        Ok(at) => json!(format!("{}.0000000", (at - Duration::hours(1)).format("%Y-%m-%dT%H:%M:%S"))),
        Err(_) => time.clone(),
    }
}
