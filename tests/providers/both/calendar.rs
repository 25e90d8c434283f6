//! A calendar as the pipeline keeps it up to date, in short lines.

use std::collections::BTreeSet;

use mentord::domain::event::EventState;
use mentord::providers::Change;

use super::*;

/// What is known of one calendar, kept up to date as the pipeline does it.
pub struct Calendar {
    pub who: String,
    pub cursor: Option<String>,
    pub held: BTreeMap<String, Event>,
}

impl Calendar {
    pub fn new(who: &str) -> Self {
        Self { who: who.into(), cursor: None, held: BTreeMap::new() }
    }

    /// Reads what changed and tells it, in the order of the old or new starts.
    pub async fn poll(&mut self, stage: &Stage) -> Vec<String> {
        let full = self.cursor.is_none();
        let listing = stage.list(&self.who, self.cursor.as_deref()).await.expect("a listing");
        assert!(listing.cursor.is_some());
        self.cursor = listing.cursor;
        let mut seen: BTreeMap<String, Event> = BTreeMap::new();
        let mut series: Vec<(String, BTreeSet<String>)> = Vec::new();
        let mut deleted = BTreeSet::new();
        for change in listing.changes {
            match change {
                Change::Event(event) => drop(seen.insert(event.key.clone(), *event)),
                Change::Series { series: key, occurrences } => {
                    series.push((key, occurrences.iter().map(|event| event.key.clone()).collect()));
                    seen.extend(occurrences.into_iter().map(|event| (event.key.clone(), event)));
                }
                Change::Deleted { key } => drop(deleted.insert(key)),
                Change::Unread { key } => panic!("{key} cannot be read"),
                // What is known is told where it went.
                Change::Outside(event) => {
                    if self.held.contains_key(&event.key) {
                        seen.insert(event.key.clone(), *event);
                    }
                }
                Change::Withheld { series, .. } => panic!("{series} is withheld"),
                Change::Unlisted { key } => {
                    let concerned = |event: &Event| event.key == key || event.series.as_ref() == Some(&key);
                    if !self.held.values().any(concerned) {
                        continue;
                    }
                    match stage.look(&self.who, &key).await {
                        Some(event) if event.series.as_ref() != Some(&key) => drop(seen.insert(key, event)),
                        Some(_) => {}
                        None => drop(deleted.insert(key)),
                    }
                }
            }
        }
        let mut held = self.held.clone();
        held.retain(|key, event| {
            let inside = inside(event);
            let replaced = |(series, keys): &(String, BTreeSet<String>)| {
                event.series.as_ref() == Some(series) && inside && !keys.contains(key)
            };
            seen.contains_key(key)
                || !(deleted.contains(key)
                    || event.series.as_ref().is_some_and(|series| deleted.contains(series))
                    || series.iter().any(replaced)
                    || full && inside)
        });
        held.extend(seen);
        let before = std::mem::replace(&mut self.held, held);
        difference(&before, &self.held)
    }

    /// Whether what the increments left is what a full listing brings.
    pub async fn check(&self, stage: &Stage) {
        let fresh = stage.all(&self.who).await;
        let held: BTreeMap<_, _> = self.held.clone().into_iter().filter(|(_, event)| inside(event)).collect();
        assert_eq!(held, fresh, "{}", self.who);
    }
}

pub fn inside(event: &Event) -> bool {
    october().touches(event.start.instant(Berlin), event.end.instant(Berlin))
}

fn difference(before: &BTreeMap<String, Event>, after: &BTreeMap<String, Event>) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines: Vec<(Moment, String)> = Vec::new();
    for key in keys {
        let line = match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) if old != new => (old.start, format!("{} > {}", short(old), short(new))),
            (None, Some(new)) => (new.start, format!("+ {}", short(new))),
            (Some(old), None) => (old.start, format!("- {}", short(old))),
            _ => continue,
        };
        lines.push(line);
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// An event by its title and its start on the clocks of Berlin.
pub fn short(event: &Event) -> String {
    let start = match event.start {
        Moment::At(instant) => instant.with_timezone(&Berlin).format("%d.%m. %H:%M").to_string(),
        Moment::Day(day) => day.format("%d.%m.").to_string(),
    };
    let title = event.title.as_deref().unwrap_or("?");
    let cancelled = if event.state == EventState::Cancelled { " x" } else { "" };
    format!("{title} {start}{cancelled}")
}

/// The times of a listing's events, by start.
pub fn starts(events: &BTreeMap<String, Event>) -> Vec<String> {
    let mut events: Vec<_> = events.values().collect();
    events.sort_by_key(|event| event.start);
    events.into_iter().map(short).collect()
}

/// Everybody's calendar, polled; the lines of the three in order.
pub async fn polled(stage: &Stage, calendars: &mut [Calendar]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for calendar in calendars {
        all.push(calendar.poll(stage).await);
        calendar.check(stage).await;
    }
    all
}
