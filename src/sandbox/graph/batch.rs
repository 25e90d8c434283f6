//! Graph's `$batch`: up to twenty requests in one, each with its own status.

use std::collections::{HashMap, HashSet};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Map, Value, json};

use crate::sandbox::control::faults::Told;
use crate::sandbox::graph::write::read;
use crate::sandbox::graph::{self, error};
use crate::sandbox::http::{All, GARBAGE, Reply, Request, State};

const MOST: usize = 20;

pub fn answer(state: &State, all: &mut All, request: &Request) -> Result<Reply, Reply> {
    let body = read(request)?;
    let parts =
        body.get("requests").and_then(Value::as_array).ok_or_else(|| bad("'requests' is required."))?;
    if parts.len() > MOST {
        return Err(bad(&format!("Number of batch request steps exceeds the maximum value of {MOST}.")));
    }
    let mut seen = HashSet::new();
    let mut inner = Vec::new();
    for part in parts {
        let id = part["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(|| bad("'id' is required."))?;
        if !seen.insert(id) {
            return Err(bad(&format!("Request Id '{id}' has to be unique in a batch.")));
        }
        inner.push((id, part, one(request, part)?));
    }
    let mut statuses: HashMap<&str, u16> = HashMap::new();
    let mut responses = Vec::new();
    for (id, part, request) in inner {
        let mut before = part["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let failed = before.any(|other| statuses.get(other).is_none_or(|status| *status >= 400));
        let reply = if failed {
            error(424, "FailedDependency", "A request that this one depends on failed.")
        } else {
            let dealt = all.suffer(&request.path);
            all.again = matches!(dealt.answer, Told::DuplicatePage);
            let mut truth = || graph::answer(state, all, &request, &request.parts()[1..]);
            let reply = match dealt.answer {
                Told::Error(fault) => fault,
                Told::Truth | Told::DuplicatePage => truth(),
                Told::PageWithoutToken => truth().without_cursor(),
                Told::TornListing => truth().torn(),
                Told::OddJson => Reply::odd(),
                Told::Garbage => Reply::ok(json!(GARBAGE)),
                // Graph tells what broke behind it.
                Told::Truncated | Told::Reset => error(504, "GatewayTimeout", "The request timed out."),
            };
            all.again = false;
            reply
        };
        // A handshake waits outside the lock, and a batch is answered inside it.
        let reply = match reply.errand {
            None => reply,
            Some(_) => error(400, "BadRequest", "The sandbox takes no subscriptions in a batch."),
        };
        statuses.insert(id, reply.status);
        let mut headers: Map<String, Value> =
            reply.headers.iter().map(|(name, value)| ((*name).to_string(), json!(value))).collect();
        headers.insert("Content-Type".into(), json!("application/json"));
        if let Some(seconds) = headers.remove("retry-after") {
            headers.insert("Retry-After".into(), seconds);
        }
        responses.push(json!({"id": id, "status": reply.status, "headers": headers, "body": reply.body}));
    }
    // The order of answers is not that of the requests.
    responses.reverse();
    Ok(Reply::ok(json!({"responses": responses})))
}

/// One of the requests, as if it had come alone.
fn one(outer: &Request, part: &Value) -> Result<Request, Reply> {
    let method: Method = part["method"]
        .as_str()
        .and_then(|method| method.to_uppercase().parse().ok())
        .ok_or_else(|| bad("'method' is required."))?;
    let url = part["url"].as_str().ok_or_else(|| bad("'url' is required."))?;
    let uri: Uri = format!("/v1.0/{}", url.trim_start_matches('/'))
        .parse()
        .map_err(|_| bad(&format!("'{url}' is no relative URL.")))?;
    let mut headers = HeaderMap::new();
    for name in ["authorization", "host"] {
        if let Some(value) = outer.headers.get(name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in part["headers"].as_object().into_iter().flatten() {
        let pair = (name.parse::<HeaderName>(), HeaderValue::from_str(value.as_str().unwrap_or_default()));
        if let (Ok(name), Ok(value)) = pair {
            headers.append(name, value);
        }
    }
    let body = match &part["body"] {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    Ok(Request::new(method, &uri, headers, body))
}

fn bad(told: &str) -> Reply {
    error(400, "BadRequest", told)
}
