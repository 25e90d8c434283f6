//! What becomes of a series: it ends earlier, or goes on as another one.

use chrono::{DateTime, Duration, Utc};

use crate::sandbox::control::wire::{Planned, Provider};
use crate::sandbox::world::change::{Told, wall};
use crate::sandbox::world::rule::{Rule, Slot, check_minutes};
use crate::sandbox::world::{Meeting, What, World};

/// How "this and following" goes on.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// The first start on the wall clock; where it was planned when absent.
    pub start: Option<String>,
    pub minutes: Option<i64>,
    pub title: Option<String>,
}

impl World {
    /// Nothing of the series takes place at `from` or later any more.
    pub fn shorten(&mut self, id: &str, from: DateTime<Utc>) -> Told<()> {
        let index = self.series_at(id, from)?.0;
        let rule = self.meetings[index].rule().until_before(from)?;
        self.replan(index, rule, |original| original < from);
        Ok(())
    }

    /// Ends the series before the occurrence that was planned for `from`, and plans the rest anew as
    /// a series of its own, as "this and following" does at both vendors.
    pub fn split(&mut self, id: &str, from: DateTime<Utc>, following: Following) -> Told<Planned> {
        let (index, slot) = self.series_at(id, from)?;
        let old = &self.meetings[index];
        let start = following.start.as_deref().map_or(Ok(slot.wall), wall)?;
        let rest = old.rule().rest_from(&slot)?.moved(start, following.minutes)?;
        let ended = old.rule().until_before(from)?;
        let (uid, stem) = match (self.provider(&old.organizer), old.uid.strip_suffix("@google.com")) {
            (Provider::Google, Some(id)) if !self.quirks.google_split_anew => {
                // What was split before has such an ending already.
                let stem = id.split_once("_R").map_or(id, |(stem, _)| stem);
                let keeps = self.quirks.google_split_stem.then(|| stem.to_owned());
                (format!("{stem}_R{}@google.com", slot.wall.format("%Y%m%dT%H%M%S")), keeps)
            }
            _ => (self.new_uid(&old.organizer.clone()), None),
        };
        self.replan(index, ended, |original| original < from);
        let old = &self.meetings[index];
        let title = following.title.unwrap_or_else(|| old.title.clone());
        let meeting = Meeting {
            uid,
            stem,
            title,
            rules: vec![(0, rest)],
            responses: [].into(),
            overrides: [].into(),
            dropped: Vec::new(),
            removed: [].into(),
            uninvited: [].into(),
            attendance: Vec::new(),
            ..old.clone()
        };
        Ok(self.put(meeting))
    }

    /// Makes a meeting, or one occurrence of it, as long as this.
    pub fn resize(&mut self, id: &str, occurrence: Option<DateTime<Utc>>, minutes: i64) -> Told<()> {
        let index = self.live(id)?;
        match self.which(index, occurrence)? {
            What::Whole => {
                let meeting = &self.meetings[index];
                let rule = meeting.rule().moved(meeting.rule().start, Some(minutes))?;
                // Exchange begins a series anew whose times change; Google keeps what was special.
                let keeps = self.provider(&meeting.organizer) == Provider::Google;
                self.replan(index, rule, |_| keeps);
            }
            What::One(at) => {
                check_minutes(minutes)?;
                self.override_of(index, at).minutes = Some(minutes);
                self.meetings[index].revision += 1;
                self.touch(index, What::One(at));
            }
        }
        Ok(())
    }

    /// Gives a meeting another plan, and forgets what was different about the occurrences that are
    /// not kept.
    pub(super) fn replan(&mut self, index: usize, rule: Rule, keeps: impl Fn(DateTime<Utc>) -> bool) {
        let seq = self.touch(index, What::Whole);
        let meeting = &mut self.meetings[index];
        let lost: Vec<DateTime<Utc>> =
            meeting.overrides.keys().copied().filter(|original| !keeps(*original)).collect();
        for original in lost {
            meeting.overrides.remove(&original);
            let slot = meeting.rule().at(original);
            meeting.dropped.extend(slot.map(|slot| (seq, slot)));
        }
        meeting.rules.push((seq, rule));
        meeting.revision += 1;
    }

    /// A series and one of its planned times, of which something comes before.
    fn series_at(&self, id: &str, from: DateTime<Utc>) -> Told<(usize, Slot)> {
        let index = self.live(id)?;
        let rule = self.meetings[index].rule();
        if !rule.is_series() {
            return Err(format!("{id}: it is no series"));
        }
        let slot = rule
            .at(from)
            .ok_or_else(|| format!("from: {from} is no original start of this series; write one in UTC"))?;
        if slot.start <= rule.first().start {
            return Err(format!(
                "from: nothing of {id} would be left before {from}; cancel or move all of it"
            ));
        }
        Ok((index, slot))
    }
}

impl Rule {
    /// The same series, ending before `from`.
    fn until_before(&self, from: DateTime<Utc>) -> Result<Self, String> {
        let last = from - Duration::seconds(1);
        let until = match self.all_day {
            true => last.with_timezone(&self.zone).format("%Y%m%d").to_string(),
            false => last.format("%Y%m%dT%H%M%SZ").to_string(),
        };
        let rrule = self.without(&["UNTIL", "COUNT"]) + ";UNTIL=" + &until;
        Self::new(self.start, self.zone, self.minutes, self.all_day, Some(rrule))
    }

    /// The series that is left when it begins at one of its times.
    fn rest_from(&self, slot: &Slot) -> Result<Self, String> {
        let before =
            self.slots(DateTime::UNIX_EPOCH, slot.start).iter().filter(|s| s.start < slot.start).count();
        let mut rrule = self.without(&["COUNT"]);
        let count = self.field("COUNT").and_then(|count| count.parse::<usize>().ok());
        if let Some(left) = count.map(|count| count.saturating_sub(before)) {
            rrule += &format!(";COUNT={left}");
        }
        Self::new(slot.wall, self.zone, self.minutes, self.all_day, Some(rrule))
    }

    fn without(&self, names: &[&str]) -> String {
        let parts = self.rrule.as_deref().unwrap_or_default().split(';');
        let kept = parts.filter(|part| !names.contains(&part.split('=').next().unwrap_or_default()));
        kept.collect::<Vec<_>>().join(";")
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut parts = self.rrule.as_deref()?.split(';');
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }
}
