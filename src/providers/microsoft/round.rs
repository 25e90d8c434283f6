//! One round of a listing, sorted into events and series. What is missing is not fetched here.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::wire::{self, Part};

/// Something that came, once per event or series.
#[derive(Debug)]
pub enum Entry {
    Single(Box<wire::Event>),
    Series(Series),
    /// It is there, and nothing of it can be read but its key.
    Unread(String),
    /// Graph removed it from the listing, and says no more.
    Removed(String),
}

/// What came of one series.
#[derive(Debug, Default)]
pub struct Series {
    pub id: String,
    pub master: Option<Box<wire::Event>>,
    /// Occurrences and exceptions.
    pub members: Vec<wire::Event>,
    /// The keys of those that came, too, and could not be read.
    pub unread: Vec<String>,
    /// Something of it came without a key.
    pub nameless: bool,
}

enum Item {
    Removed,
    Event(Box<wire::Event>),
    /// Nothing of it is certain but its key and perhaps its series.
    Broken(Option<String>),
}

/// Sorts `values` in the order in which they came. An event may come twice in a round: the last
/// one is valid.
pub fn entries(values: Vec<Value>) -> Vec<Entry> {
    let mut items: Vec<Option<(String, Item)>> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut nameless = Vec::new();
    for value in values {
        let Some(id) = key(&value).map(str::to_owned) else {
            tracing::debug!("an event without an id is skipped");
            nameless.extend(value["seriesMasterId"].as_str().map(str::to_owned));
            continue;
        };
        if let Some(earlier) = last.insert(id.clone(), items.len()) {
            items[earlier] = None;
        }
        items.push(Some((id, item(&value))));
    }
    let mut round = Round::default();
    for (id, item) in items.into_iter().flatten() {
        round.add(id, item);
    }
    for series in nameless {
        round.series(&series).nameless = true;
    }
    round.finish()
}

/// The id of what came, if it is one.
pub fn key(value: &Value) -> Option<&str> {
    value["id"].as_str().filter(|id| !id.is_empty())
}

fn item(value: &Value) -> Item {
    if value.get("@removed").is_some() {
        return Item::Removed;
    }
    match wire::Event::deserialize(value) {
        Ok(event) => Item::Event(Box::new(event)),
        Err(error) => {
            tracing::debug!(%error, "an event cannot be read");
            let is_master =
                value["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("seriesMaster"));
            let series = &value[if is_master { "id" } else { "seriesMasterId" }];
            Item::Broken(series.as_str().map(str::to_owned))
        }
    }
}

#[derive(Default)]
struct Round {
    /// What came, with nothing where a series stands.
    entries: Vec<Option<Entry>>,
    /// The series, and where in `entries` each stands.
    series: Vec<(usize, Series)>,
    /// Where in `series` one is.
    known: HashMap<String, usize>,
}

impl Round {
    fn add(&mut self, id: String, item: Item) {
        match item {
            Item::Removed => self.entries.push(Some(Entry::Removed(id))),
            Item::Broken(Some(series)) => {
                let known = self.series(&series);
                // A master that cannot be read is one that is missing.
                if id != series {
                    known.unread.push(id);
                }
            }
            Item::Broken(None) => self.entries.push(Some(Entry::Unread(id))),
            Item::Event(event) => match (event.part(), event.series_master_id.clone()) {
                (Part::Master, _) => self.series(&id).master = Some(event),
                (Part::Occurrence | Part::Exception, Some(series)) => {
                    self.series(&series).members.push(*event);
                }
                _ => self.entries.push(Some(Entry::Single(event))),
            },
        }
    }

    fn series(&mut self, id: &str) -> &mut Series {
        let at = *self.known.entry(id.to_owned()).or_insert_with(|| {
            let series = Series { id: id.to_owned(), ..Series::default() };
            self.series.push((self.entries.len(), series));
            self.entries.push(None);
            self.series.len() - 1
        });
        &mut self.series[at].1
    }

    fn finish(mut self) -> Vec<Entry> {
        for (at, series) in self.series {
            self.entries[at] = Some(Entry::Series(series));
        }
        // A series of which anything came is looked at anyway.
        let superfluous = |entry: &Entry| matches!(entry, Entry::Removed(id) if self.known.contains_key(id));
        let entries = self.entries.into_iter().flatten();
        entries.filter(|entry| !superfluous(entry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The entries in short: `=id` single, `-id` removed, `!id` unread, `id(m members !unread ?)` series.
    fn short(values: Vec<Value>) -> Vec<String> {
        entries(values)
            .into_iter()
            .map(|entry| match entry {
                Entry::Single(event) => format!("={}", event.id),
                Entry::Removed(id) => format!("-{id}"),
                Entry::Unread(id) => format!("!{id}"),
                Entry::Series(series) => format!(
                    "{}({}{}{}{})",
                    series.id,
                    if series.master.is_some() { "m" } else { "" },
                    series.members.iter().map(|one| format!(" {}", one.id)).collect::<String>(),
                    series.unread.iter().map(|id| format!(" !{id}")).collect::<String>(),
                    if series.nameless { " ?" } else { "" },
                ),
            })
            .collect()
    }

    fn removed(id: &str) -> Value {
        json!({"id": id, "@removed": {"reason": "deleted"}})
    }

    fn stub(id: &str, series: &str) -> Value {
        json!({"id": id, "seriesMasterId": series, "type": "occurrence"})
    }

    #[test]
    fn the_last_of_two_is_valid() {
        let single = json!({"id": "a", "type": "singleInstance"});
        assert_eq!(short(vec![single.clone(), removed("b"), removed("a")]), ["-b", "-a"]);
        assert_eq!(short(vec![removed("a"), single]), ["=a"]);
    }

    #[test]
    fn a_series_is_put_together_from_where_it_comes() {
        let master = json!({"id": "s", "type": "SeriesMaster"});
        let exception = json!({"id": "s3", "seriesMasterId": "s", "subject": "moved"});
        assert_eq!(
            short(vec![stub("s1", "s"), json!({"id": "a"}), stub("t1", "t"), master, exception]),
            ["s(m s1 s3)", "=a", "t( t1)"]
        );
    }

    #[test]
    fn a_removed_series_of_which_more_came_is_looked_at() {
        assert_eq!(short(vec![removed("s"), stub("s1", "s")]), ["s( s1)"]);
    }

    #[test]
    fn what_cannot_be_read_makes_its_series_uncertain() {
        let odd = json!({"id": "s2", "seriesMasterId": "s", "start": 7});
        let odd_master = json!({"id": "t", "type": "seriesMaster", "subject": ["?"]});
        let odd_single = json!({"id": "a", "subject": 7});
        let nameless = json!({"seriesMasterId": "t", "type": "occurrence"});
        let values = vec![
            stub("s1", "s"),
            odd,
            nameless,
            odd_master,
            odd_single,
            json!({"subject": "no id"}),
            json!({"id": ""}),
        ];
        assert_eq!(short(values), ["s( s1 !s2)", "t( ?)", "!a"]);
    }
}
