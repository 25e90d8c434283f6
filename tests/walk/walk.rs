//! One walk: what happens, in which order, and what must be known in the end.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use mentord::clock::Clock as _;
use mentord::domain::calendar::CalendarState;
use mentord::pipeline::{Outcome, detect, sync};
use mentord::sandbox::Quirks;
use mentord::store::Queue;

use crate::chance::Chance;
use crate::compare::{Books, Since};
use crate::edits::{People, SECRET};
use crate::stage::{ADA, BEN, CHEN, DARA, Place, ROSTERS, Stage, at};
use crate::steps::{Kind, Step};

/// When walks begin: around the days on which the clocks are set in Berlin and in New York, and in
/// the quiet of summer.
const BEGINNINGS: [&str; 5] = [
    "2026-10-14T07:00:00Z",
    "2026-10-22T07:00:00Z",
    "2027-03-03T07:00:00Z",
    "2027-03-20T07:00:00Z",
    "2026-06-10T07:00:00Z",
];

/// More rounds than anything needs to settle.
const ROUNDS: usize = 80;

#[derive(Clone)]
pub struct Walk {
    seed: u64,
    on_postgres: bool,
    roster: usize,
    begin: DateTime<Utc>,
    pub steps: Vec<Step>,
}

impl Walk {
    pub fn draw(seed: u64, on_postgres: bool) -> Self {
        let mut chance = Chance::of(seed);
        let roster = chance.within(0..ROSTERS.len());
        let begin = at(BEGINNINGS[chance.within(0..BEGINNINGS.len())]);
        Self { seed, on_postgres, roster, begin, steps: Step::draw(&mut chance) }
    }

    /// The same walk with one step less.
    pub fn without(&self, step: usize) -> Self {
        let mut walk = self.clone();
        walk.steps.remove(step);
        walk
    }

    /// Goes it from the beginning.
    ///
    /// # Errors
    /// What happened, and what is not as it should be.
    pub async fn go(&self, stage: &Stage) -> Result<(), String> {
        let place = stage.begin(self.roster, self.on_postgres, self.begin, self.seed).await;
        let pairs = ROSTERS[self.roster];
        let people = People {
            control: &stage.control,
            pairs,
            now: self.begin,
            noise: [].into(),
            hidden: [].into(),
            moved: [].into(),
            ever_as_a_whole: [].into(),
            done: Mutex::default(),
        };
        let mut going = Going { place, people, log: Vec::new(), books: Books::new(pairs) };
        let walked = going.all(&self.steps).await;
        let bytes = going.place.bytes().await;
        let well = walked.and_then(|()| secrets(&bytes));
        well.map_err(|told| {
            let on = if self.on_postgres { "PostgreSQL" } else { "SQLite" };
            format!("{} on {on}, {pairs:?}\n{}\n{told}", self.begin, going.log.join("\n"))
        })
    }
}

/// Nothing stands in the database that is nobody's business.
fn secrets(bytes: &[u8]) -> Result<(), String> {
    let bytes = bytes.to_ascii_lowercase();
    for secret in [SECRET, "quagga"] {
        if memchr::memmem::find(&bytes, secret.as_bytes()).is_some() {
            return Err(format!("“{secret}” stands in the database"));
        }
    }
    Ok(())
}

struct Going<'a> {
    place: Place,
    people: People<'a>,
    log: Vec<String>,
    books: Books,
}

impl Going<'_> {
    fn note(&mut self, what: &str) {
        self.log.push(format!("  {} {what}", self.place.clock.now().format("%d.%m. %H:%M:%S")));
    }

    async fn all(&mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            self.step(step).await?;
        }
        self.settle_and_compare().await
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let control = self.people.control;
        match step.kind {
            Kind::Wait => {
                let hours = step.one_of(0, &[1, 5, 24, 70, 170, 290]).unwrap_or(1);
                self.set_clock(self.place.clock.now() + TimeDelta::hours(hours)).await;
                self.note(&format!("{hours} hours later"));
            }
            Kind::Read => {
                if step.in_hundred(0, 70) {
                    let now = self.place.clock.now();
                    self.place.context.store.sync_all_now(now).await.map_err(|error| error.to_string())?;
                }
                self.read().await?;
                self.note("the calendars are read");
            }
            Kind::Fault => {
                let line = fault(step);
                control.script(&line).await.expect("a right line");
                self.note(&line);
            }
            Kind::Crash => {
                let requests = step.throw(0, 14);
                self.crash(requests).await?;
                self.note(&format!("a crash after {requests} requests"));
            }
            Kind::LoseCursors => {
                control.expire_cursors(None).await.expect("cursors are lost");
                self.note("all cursors are lost");
            }
            Kind::RevokeTokens => {
                control.expire_tokens().await.expect("tokens are lost");
                self.note("all tokens are lost");
            }
            Kind::Quirks => {
                let quirks = quirks(step);
                control.quirks(quirks).await.expect("habits");
                self.note(&format!("{quirks:?}"));
            }
            Kind::Settle => self.settle_and_compare().await?,
            _ => {
                if let Some(what) = self.people.act(step).await {
                    self.note(&what);
                }
            }
        }
        Ok(())
    }

    async fn set_clock(&mut self, now: DateTime<Utc>) {
        self.people.control.clock(now).await.expect("the world's clock");
        self.place.clock.set(now);
        self.people.now = now;
    }

    /// Does all reading that is due, and puts together what it brought.
    async fn read(&self) -> Result<(), String> {
        let context = &self.place.context;
        for _ in 0..ROUNDS {
            let read = sync::step(context).await.map_err(|error| format!("reading: {error}"))?;
            let put = detect::step(context).await.map_err(|error| format!("detecting: {error}"))?;
            if read != Outcome::Done && put != Outcome::Done {
                return Ok(());
            }
        }
        Err("the work that is due has no end".to_owned())
    }

    /// Reads, until so many requests were made: then nothing of it goes on, and what was in hand is
    /// taken up by the next.
    async fn crash(&self, requests: usize) -> Result<(), String> {
        let (context, control) = (&self.place.context, self.people.control);
        context.store.sync_all_now(context.clock.now()).await.map_err(|error| error.to_string())?;
        control.clear_requests().await.expect("requests");
        tokio::select! {
            read = sync::step(context) => drop(read.map_err(|error| format!("reading: {error}"))?),
            seen = control.wait_for_requests(requests) => drop(seen.expect("requests")),
        }
        self.place.leases_end().await;
        Ok(())
    }

    /// The faults end; every calendar is read once more, as soon as mentord means to by itself.
    async fn settle_and_compare(&mut self) -> Result<(), String> {
        self.people.control.clear_faults().await.expect("no more faults");
        let since = self.place.clock.now();
        self.set_clock(since + TimeDelta::seconds(1)).await;
        for _ in 0..ROUNDS {
            self.read().await?;
            let store = &self.place.context.store;
            let calendars = store.calendars().await.map_err(|error| error.to_string())?;
            let read = calendars.iter().all(|calendar| {
                calendar.state == CalendarState::Active
                    && calendar.last_synced_at.is_some_and(|at| at > since)
            });
            if read {
                self.note("all is settled");
                return self.compare().await;
            }
            let next = store.next_due(Queue::Calendars).await.map_err(|error| error.to_string())?;
            let next = next.ok_or("no calendar is going to be read")?;
            self.set_clock(next.max(self.place.clock.now())).await;
        }
        let calendars = self.place.context.store.calendars().await.map_err(|error| error.to_string())?;
        Err(format!("it does not settle: {calendars:#?}"))
    }

    async fn compare(&mut self) -> Result<(), String> {
        let sync = &self.place.context.sync;
        let now = self.place.clock.now();
        // Windows are moved before less than six tenths of them lie ahead.
        let window = (now - sync.past + TimeDelta::days(1), now + sync.future * 6 / 10);
        let truth = self.people.control.meetings(window.0, window.1).await.expect("the truth");
        let since = Since {
            moved: std::mem::take(&mut self.people.moved),
            ever_as_a_whole: self.people.ever_as_a_whole.clone(),
            as_a_whole: self.people.moved_as_a_whole(),
            now,
            hidden: self.people.hidden.clone(),
        };
        self.books.compare(&self.place.context.store, &truth, &self.people.noise, &since, window).await
    }
}

fn fault(step: &Step) -> String {
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

fn quirks(step: &Step) -> Quirks {
    let mut number = 0;
    let mut drawn = || {
        number += 1;
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
        ..Quirks::default()
    }
}
