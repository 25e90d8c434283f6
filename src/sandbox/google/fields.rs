//! Google's `fields` parameter: leave out what was not asked for.

use serde_json::{Map, Value};

/// A parsed mask: names with masks below them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mask(Vec<(String, Mask)>);

impl Mask {
    /// Reads `items(id,start/dateTime),nextPageToken`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mask = Self::list(&mut rest)?;
        rest.is_empty().then_some(mask)
    }

    fn list(rest: &mut &str) -> Option<Self> {
        let mut mask = Self::default();
        loop {
            let entry = Self::entry(rest)?;
            mask.0.push(entry);
            match rest.strip_prefix(',') {
                Some(tail) => *rest = tail,
                None => return Some(mask),
            }
        }
    }

    fn entry(rest: &mut &str) -> Option<(String, Self)> {
        let trimmed = rest.trim_start();
        let end = trimmed.find([',', '(', ')', '/']).unwrap_or(trimmed.len());
        let (name, tail) = trimmed.split_at(end);
        let name = name.trim().to_string();
        if name.is_empty() {
            return None;
        }
        *rest = tail;
        if let Some(tail) = rest.strip_prefix('/') {
            *rest = tail;
            let below = Self::entry(rest)?;
            return Some((name, Self(vec![below])));
        }
        if let Some(tail) = rest.strip_prefix('(') {
            *rest = tail;
            let below = Self::list(rest)?;
            *rest = rest.strip_prefix(')')?;
            return Some((name, below));
        }
        Some((name, Self::default()))
    }

    /// Keeps what the mask names; an empty mask keeps all.
    pub fn apply(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.apply(item)).collect()),
            Value::Object(mut fields) => {
                let mut kept = Map::new();
                for (name, below) in &self.0 {
                    if name == "*" {
                        kept.extend(
                            std::mem::take(&mut fields)
                                .into_iter()
                                .map(|(key, value)| (key, below.apply(value))),
                        );
                    } else if let Some(value) = fields.get(name) {
                        merge(&mut kept, name, below.apply(value.clone()));
                    }
                }
                Value::Object(kept)
            }
            other => other,
        }
    }
}

/// `start/dateTime,start/timeZone` names one field twice.
fn merge(kept: &mut Map<String, Value>, name: &str, value: Value) {
    match (kept.get_mut(name), value) {
        (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
        (_, value) => drop(kept.insert(name.to_string(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mask_without_tokens_leaves_them_out() {
        let mask = Mask::parse("items(id,start/dateTime,start/timeZone),summary").expect("a mask");
        let full = json!({
            "summary": "x", "nextSyncToken": "t",
            "items": [{"id": "1", "etag": "e", "start": {"dateTime": "d", "timeZone": "z", "date": "y"}}]
        });
        assert_eq!(
            mask.apply(full),
            json!({"summary": "x", "items": [{"id": "1", "start": {"dateTime": "d", "timeZone": "z"}}]})
        );
        assert_eq!(Mask::parse("items(id"), None);
        let mask = Mask::parse("items(id,extended(private/ours,shared/ours))").expect("a mask");
        let full = json!({"items": [{"id": "1", "extended": {"private": {"ours": "1", "theirs": "2"}}}]});
        assert_eq!(mask.apply(full), json!({"items": [{"id": "1", "extended": {"private": {"ours": "1"}}}]}));
    }
}
