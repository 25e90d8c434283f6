//! What befalls the reading: faults, habits of the vendors, and a world that does not stand still.

use mentord::sandbox::Quirks;

use crate::people::{Done, People};
use crate::stage::{ADA, BEN, CHEN, DARA, FRED};
use crate::steps::Step;

pub fn fault(step: &Step) -> String {
    const LISTS: [&str; 6] = ["events?", "calendarView", "pageToken", "skiptoken", "syncToken", "deltatoken"];
    const ANYWHERE: [&str; 8] =
        ["/calendar/", "/v1.0/", "/events/", "instances", "/google/token", "/login/", CHEN, ADA];
    let (part, answer) = if step.in_hundred(0, 60) {
        let answers = [
            "429 retry-after 2",
            "500",
            "503 retry-after 0.5",
            "garbage",
            "odd json",
            "truncate",
            "reset",
            "404",
            "403",
            "401",
            "410",
            "410 code \"resyncRequired\"",
            "410 code \"syncStateNotFound\"",
            "400 code \"resyncRequired\"",
            "duplicate page",
            "page without token",
            "torn listing",
            "slow 2ms",
        ];
        (step.one_of(1, &LISTS), step.one_of(2, &answers))
    } else {
        let answers = ["429", "500", "502", "garbage", "truncate", "reset", "401", "slow 2ms"];
        (step.one_of(1, &ANYWHERE), step.one_of(2, &answers))
    };
    let times = step.one_of(3, &["once", "once", "twice", "5 times"]);
    let line = |(part, answer, times): (&str, &str, &str)| {
        format!("after {} requests to \"{part}\" answer {answer} {times}", step.throw(4, 4))
    };
    if step.in_hundred(5, 15) {
        let whose = step.one_of(6, &[ADA, BEN, CHEN, DARA]).unwrap_or(ADA);
        let what = if step.in_hundred(7, 50) { "revoke token" } else { "lose cursor" };
        return format!("after {} requests {what} of {whose}", step.throw(4, 9));
    }
    line((part.unwrap_or_default(), answer.unwrap_or("500"), times.unwrap_or("once")))
}

pub fn quirks(step: &Step) -> Quirks {
    let mut number = 0;
    let mut drawn = || {
        number += 1;
        // Each of the dice serves several, by another number of sides.
        step.throw(number % 8, 7 + number) < 3
    };
    Quirks {
        google_empty_page: drawn(),
        google_unbounded: drawn(),
        graph_empty_page: drawn(),
        graph_repeat: drawn(),
        graph_master_apart: drawn(),
        graph_master_missing: drawn(),
        graph_shift_all_day: drawn(),
        graph_gone_location: drawn(),
        graph_custom_zones: drawn(),
        graph_capitals: drawn(),
        unknown_properties: drawn(),
        google_reader: drawn(),
        google_tombstones_dropped: drawn(),
        google_split_anew: drawn(),
        google_split_stem: drawn(),
        google_single_silent: drawn(),
        graph_forgets: drawn(),
        graph_removed_changed: drawn(),
        pages_move_on: drawn(),
        ..Quirks::default()
    }
}

/// Whether changes may be kept from those who ask for changes alone.
pub fn conceals(quirks: Quirks) -> bool {
    quirks.google_tombstones_dropped || quirks.graph_forgets || quirks.google_single_silent
}

impl People<'_> {
    /// Something is going to be called off after a few of the requests that read somebody's calendar.
    pub async fn amid(&mut self, step: &Step) -> Done {
        let choice = self.choose(step, |meeting, one| !meeting.cancelled && !one.cancelled).await?;
        let mut readers: Vec<&str> = choice.occurrence.responses.keys().map(String::as_str).collect();
        readers.push(&choice.meeting.organizer);
        readers.retain(|who| [ADA, BEN, CHEN, DARA].contains(who) && *who != FRED);
        let (name, _) = step.one_of(3, &readers)?.split_once('@')?;
        let one = choice.original().filter(|_| choice.meeting.series && step.in_hundred(4, 70));
        let at = one.map(|at| format!(" at {}", at.format("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
        let line = format!("after {} requests to \"{name}\" call off {}{at}", step.throw(5, 7), choice.id());
        self.control.script(&line).await.expect("a right line");
        self.history.called_off(&choice, one.is_none());
        Some(line)
    }
}
