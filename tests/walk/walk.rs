//! One walk: what happens, in which order, and what must be known in the end.

use chrono::{DateTime, TimeDelta, Utc};
use mentord::clock::Clock as _;
use mentord::domain::calendar::CalendarState;
use mentord::pipeline::{Outcome, detect, sync};
use mentord::sandbox::Quirks;
use mentord::store::Queue;

use crate::books::Books;
use crate::chance::Chance;
use crate::compare::{World, compare};
use crate::faults::{conceals, fault, quirks};
use crate::history::History;
use crate::people::{People, SECRET};
use crate::stage::{Place, ROSTERS, Stage, at};
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
            veiled: [].into(),
            history: History::default(),
        };
        let mut going = Going {
            place,
            people,
            log: Vec::new(),
            books: Books::default(),
            quirks: Quirks::default(),
            concealed: false,
        };
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
    quirks: Quirks,
    /// Changes may have been kept from mentord since it last listed everything.
    concealed: bool,
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
                match step.in_hundred(0, 70) {
                    true => self.all_are_due().await?,
                    false => self.set_clock(self.place.clock.now() + TimeDelta::seconds(1)).await,
                }
                self.read().await?;
                self.note("the calendars are read");
            }
            Kind::Amid => {
                if let Some(what) = self.people.amid(step).await {
                    self.note(&what);
                }
                let quirks = Quirks { pages_move_on: step.in_hundred(6, 70), ..self.quirks };
                control.quirks(quirks).await.expect("habits");
                self.all_are_due().await?;
                self.read().await?;
                control.quirks(self.quirks).await.expect("habits");
                self.note(&format!("the calendars are read, and pages move on: {}", quirks.pages_move_on));
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
                self.quirks = quirks(step);
                self.concealed |= conceals(self.quirks);
                control.quirks(self.quirks).await.expect("habits");
                self.note(&format!("{:?}", self.quirks));
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

    /// Everything is to be read; no two readings are ever made at the same moment.
    async fn all_are_due(&mut self) -> Result<(), String> {
        self.set_clock(self.place.clock.now() + TimeDelta::seconds(1)).await;
        let context = &self.place.context;
        context.store.sync_all_now(context.clock.now()).await.map_err(|error| error.to_string())
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
    async fn crash(&mut self, requests: usize) -> Result<(), String> {
        self.all_are_due().await?;
        let (context, control) = (&self.place.context, self.people.control);
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
        // A claim may have been made when the crash was thought to be over.
        self.place.leases_end().await;
        self.concealed |= std::mem::take(&mut self.people.history.out_of_sight);
        if std::mem::replace(&mut self.concealed, conceals(self.quirks)) {
            // Whatever was kept back shows when everything is listed, once a day.
            self.set_clock(self.place.clock.now() + TimeDelta::days(1)).await;
            self.note("a day later, since changes were kept back");
        }
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
        let beyond = now + sync.future;
        let day = TimeDelta::days(1);
        let truth = self.people.control.meetings(window.0 - day, beyond + day).await.expect("the truth");
        self.people.history.settled(now);
        let world = World {
            truth: &truth,
            history: &self.people.history,
            veiled: &self.people.veiled,
            now,
            window,
            beyond,
        };
        compare(&mut self.books, self.people.pairs, &self.place.context.store, &world).await?;
        self.people.history.compared();
        Ok(())
    }
}
