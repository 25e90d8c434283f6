//! From the tree of values to the raw structs, with every mistake of name and type at once.
//!
//! serde stops at its first error. So the error is noted, the offending value is taken out of the
//! tree, and the tree is read again until it passes.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::check::Checker;
use crate::domain::roster::nearest;

/// Keys that one kind of connection has and the others have not.
const OF_KIND: [(&str, &[&str]); 5] = [
    ("provider = \"google\" with auth = \"service_account\"", &["key", "key_file"]),
    ("provider = \"google\"", &["api_url", "meet_url", "directory_url"]),
    ("provider = \"google\" with auth = \"user_consent\"", &["auth_url", "token_url", "revoke_url"]),
    ("provider = \"microsoft\"", &["tenant_id", "certificate", "certificate_file", "graph_url", "login_url"]),
    (
        "provider = \"microsoft\", or to auth = \"user_consent\"",
        &["client_id", "client_secret", "client_secret_file"],
    ),
];

/// Keys whose values are durations, for a better hint.
const SPANS: [&str; 9] =
    ["interval", "past", "future", "timeout", "cadence", "first_within", "grace", "overlap", "late_after"];

/// Reads what stands at `base` in the configuration.
pub fn read<T: DeserializeOwned + Default>(mut tree: Value, base: &str, checker: &mut Checker<'_>) -> T {
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&tree) {
            Ok(read) => return read,
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let segments: Vec<Segment> = error.path().iter().cloned().collect();
        let path = joined(base, &segments);
        let Some(value) = find(&mut tree, &segments).filter(|_| !segments.is_empty()) else {
            let found = shown(&path, &tree);
            checker.problem(&path, &found, "write a section of `key = \"value\"` lines");
            return T::default();
        };
        if let Some(rest) = message.strip_prefix("unknown field `") {
            let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
            unknown(&path, rest.split('`').next().unwrap_or(rest), &known, checker);
            remove(&mut tree, &segments);
            continue;
        }
        // What the environment says is text until something else is wanted.
        if let (Value::String(text), Some(_)) = (&*value, checker.source.variable(&path))
            && let Some(parsed) = parsed(text)
        {
            *value = parsed;
            continue;
        }
        // A whole section written as one text may hold a secret.
        let found = match message.ends_with("expected a table") && value.is_string() {
            true => "a text".to_owned(),
            false => shown(&path, value),
        };
        let remedy = wanted(&message, &path, value);
        checker.problem(&path, &found, &remedy);
        remove(&mut tree, &segments);
    }
}

fn unknown(path: &str, key: &str, known: &[&str], checker: &mut Checker<'_>) {
    let kind = OF_KIND.iter().find(|(_, keys)| keys.contains(&key));
    if let Some((kind, _)) = kind.filter(|_| path.starts_with("connections")) {
        let found = format!("a key that belongs to {kind}");
        return checker.problem(path, &found, "leave it out");
    }
    let remedy = match nearest(key, known) {
        Some(near) => {
            let above = path.strip_suffix(key).unwrap_or_default();
            checker.meant.push(format!("{above}{near}"));
            format!("write `{near}`")
        }
        None => format!("leave it out; known here are {}", known.join(", ")),
    };
    checker.problem(path, "a key that mentord does not know", &remedy);
}

/// A text from the environment as the boolean, number or list that it looks like.
fn parsed(text: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    let value = serde_json::to_value(table.get("value")?).ok()?;
    (!value.is_string()).then_some(value)
}

/// What to write instead of a value of the wrong type.
fn wanted(message: &str, path: &str, value: &Value) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let expected = message.split("expected ").nth(1).unwrap_or_default();
    let plural = matches!(key, "connections" | "programs" | "digests");
    match expected {
        "a boolean" => "write true or false, without quotes".to_owned(),
        "i64" => "write a whole number, without quotes".to_owned(),
        "a sequence" if plural => format!("write [[{}]], in double brackets", unindexed(path)),
        "a sequence" => match value {
            Value::String(text) => format!("write a list: {key} = [{text:?}]"),
            _ => "write a list of texts, like [\"one\", \"two\"]".to_owned(),
        },
        "a table" if key.contains('[') => format!("write [[{}]] sections", unindexed(path)),
        "a table" => format!("write a section that begins with [{}]", unindexed(path)),
        _ if SPANS.contains(&key) || key.starts_with("remind_before[") => {
            "write a duration in double quotes, like \"5m\" or \"2 weeks\"".to_owned()
        }
        _ => "write a text in double quotes".to_owned(),
    }
}

/// A value for people, as far as it may be seen.
fn shown(path: &str, value: &Value) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let secret = matches!(key, "password" | "client_secret" | "key" | "smtp_url" | "url");
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Object(_) => "a section".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(_) if secret => "a text (not shown)".to_owned(),
        Value::Number(_) if secret => "a number (not shown)".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// `programs[0].digests` to `programs.digests`, as TOML's headings have it.
fn unindexed(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

fn joined(base: &str, segments: &[Segment]) -> String {
    let mut path = base.to_owned();
    for segment in segments {
        match segment {
            Segment::Seq { index } => path += &format!("[{index}]"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path += key;
            }
            Segment::Unknown => {}
        }
    }
    path
}

fn find<'a>(tree: &'a mut Value, segments: &[Segment]) -> Option<&'a mut Value> {
    segments.iter().try_fold(tree, |at, segment| match segment {
        Segment::Seq { index } => at.get_mut(index),
        Segment::Map { key } => at.get_mut(key.as_str()),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

/// List items become `null`, so that the numbers of the others stay right.
fn remove(tree: &mut Value, segments: &[Segment]) {
    let Some((last, above)) = segments.split_last() else {
        return;
    };
    match (find(tree, above), last) {
        (Some(Value::Object(table)), Segment::Map { key }) => {
            table.remove(key);
        }
        (Some(Value::Array(items)), Segment::Seq { index }) => items[*index] = Value::Null,
        _ => {}
    }
}
