//! One round of a listing, sorted into events and series. What is missing is not fetched here.

use std::collections::HashMap;

use super::client::Listed;
use super::wire::{self, Part};

/// An event as a listing brings it.
pub type Item = Listed<wire::Event>;

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
    /// It came more than once. A deleted occurrence leaves no tombstone: what came first may be gone.
    pub retold: bool,
}

enum Came {
    Removed,
    Event(Box<wire::Event>),
    /// Nothing of it is certain but its key and perhaps its series.
    Broken(Option<String>),
}

/// Sorts `items` in the order in which they came. An event may come twice in a round: the last one
/// is valid.
pub fn entries(items: Vec<Item>) -> Vec<Entry> {
    let mut came: Vec<Option<(String, Came)>> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    let (mut nameless, mut retold) = (Vec::new(), Vec::new());
    for item in items {
        let Some(id) = key(&item).map(str::to_owned) else {
            tracing::debug!("an event without an id is skipped");
            nameless.extend(match item {
                Listed::Read(event) => event.series_master_id,
                Listed::Odd(value) => value["seriesMasterId"].as_str().map(str::to_owned),
            });
            continue;
        };
        if let Some(earlier) = last.insert(id.clone(), came.len())
            && let Some((series, Came::Event(event))) = came[earlier].take()
            && event.part() == Part::Master
        {
            retold.push(series);
        }
        came.push(Some((id, what(item))));
    }
    let mut round = Round::default();
    for (id, came) in came.into_iter().flatten() {
        round.add(id, came);
    }
    for series in nameless {
        round.series(&series).nameless = true;
    }
    for series in retold {
        if round.known.contains_key(&series) {
            round.series(&series).retold = true;
        }
    }
    round.finish()
}

/// The id of what came, if it is one.
pub fn key(item: &Item) -> Option<&str> {
    let id = match item {
        Listed::Read(event) => Some(event.id.as_str()),
        Listed::Odd(value) => value["id"].as_str(),
    };
    id.filter(|id| !id.is_empty())
}

fn what(item: Item) -> Came {
    match item {
        Listed::Read(event) if event.removed => Came::Removed,
        Listed::Read(event) => Came::Event(Box::new(event)),
        Listed::Odd(value) if value.get("@removed").is_some() => Came::Removed,
        Listed::Odd(value) => {
            let is_master =
                value["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("seriesMaster"));
            let series = &value[if is_master { "id" } else { "seriesMasterId" }];
            Came::Broken(series.as_str().map(str::to_owned))
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
    fn add(&mut self, id: String, came: Came) {
        match came {
            Came::Removed => self.entries.push(Some(Entry::Removed(id))),
            Came::Broken(Some(series)) => {
                let known = self.series(&series);
                // A master that cannot be read is one that is missing.
                if id != series {
                    known.unread.push(id);
                }
            }
            Came::Broken(None) => self.entries.push(Some(Entry::Unread(id))),
            Came::Event(event) => match (event.part(), event.series_master_id.clone()) {
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
    use serde_json::{Value, json};

    /// The entries in short: `=id` single, `-id` removed, `!id` unread, `id(m members !unread ?)` series.
    fn short(values: Vec<Value>) -> Vec<String> {
        entries(values.into_iter().map(Listed::new).collect())
            .into_iter()
            .map(|entry| match entry {
                Entry::Single(event) => format!("={}", event.id),
                Entry::Removed(id) => format!("-{id}"),
                Entry::Unread(id) => format!("!{id}"),
                Entry::Series(series) => format!(
                    "{}({}{}{}{}{})",
                    series.id,
                    if series.master.is_some() { "m" } else { "" },
                    series.members.iter().map(|one| format!(" {}", one.id)).collect::<String>(),
                    series.unread.iter().map(|id| format!(" !{id}")).collect::<String>(),
                    if series.nameless { " ?" } else { "" },
                    if series.retold { " again" } else { "" },
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
    fn a_series_that_comes_twice_may_have_lost_something_in_between() {
        let master = || json!({"id": "s", "type": "seriesMaster"});
        let came = vec![master(), stub("s1", "s"), stub("s2", "s"), master(), stub("s2", "s")];
        assert_eq!(short(came), ["s(m s1 s2 again)"]);
        assert_eq!(short(vec![master(), removed("s")]), ["-s"]);
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
