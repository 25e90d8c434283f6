//! The running service: workers that walk the arrows of the flow, until they are told to stop.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::pipeline::{self, Context, Outcome, Shift};
use crate::store::StoreError;

pub mod board;
mod clock_watch;
mod presence;
pub mod service;
mod systemd;

use board::{Board, Seat};

/// How long a worker may go on with what it does after it was told to stop.
const HARD_STOP: Duration = Duration::from_secs(8);

/// How long to leave a step alone after its first failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(30);

type Stepping<'a> = Pin<Box<dyn Future<Output = Result<Outcome, StoreError>> + Send + 'a>>;

type Arrow = for<'a> fn(&'a Context) -> Stepping<'a>;

type Lane = for<'a> fn(&'a Context, &'a str, &'a Shift<'a>) -> Stepping<'a>;

/// What a worker does, over and over.
#[derive(Clone)]
enum Step {
    /// What is done through one connection: one that is sick slows no other.
    Lane(Lane, String),
    Arrow(Arrow),
}

impl Step {
    fn take<'a>(&'a self, context: &'a Context, shift: &'a Shift<'a>) -> Stepping<'a> {
        match self {
            Self::Lane(step, connection) => step(context, connection, shift),
            Self::Arrow(step) => step(context),
        }
    }
}

const LANES: [(&str, Lane); 3] = [
    ("sync", |context, connection, shift| Box::pin(pipeline::sync::lane(context, connection, shift))),
    ("watch", |context, connection, shift| Box::pin(pipeline::watch::lane(context, connection, shift))),
    ("conference", |context, connection, shift| {
        Box::pin(pipeline::conference::lane(context, connection, shift))
    }),
];

const ARROWS: [(&str, Arrow); 7] = [
    ("calendars", |context| Box::pin(pipeline::calendars::step(context))),
    ("detect", |context| Box::pin(pipeline::detect::step(context))),
    ("judge", |context| Box::pin(pipeline::judge::step(context))),
    ("plan", |context| Box::pin(pipeline::plan::step(context))),
    ("send", |context| Box::pin(pipeline::send::step(context))),
    ("digest", |context| Box::pin(pipeline::digest::step(context))),
    ("given_up", |context| Box::pin(pipeline::accounts::given_up::step(context))),
];

/// The workers, running.
pub struct Workers {
    board: Board,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts a worker for each lane of each connection and for each other step. `poll` is the longest
    /// that any of them sleeps without looking.
    pub fn start(context: &Context, poll: TimeDelta) -> Self {
        let board = Board::default();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let lanes = LANES.into_iter().flat_map(|(name, step)| {
            context.providers.keys().map(move |connection| (name, Step::Lane(step, connection.clone())))
        });
        let arrows = ARROWS.into_iter().map(|(name, arrow)| (name, Step::Arrow(arrow)));
        for (name, step) in lanes.chain(arrows) {
            let seat = board.seat(name);
            tasks.spawn(work(name, step, context.clone(), seat, stop.clone(), poll));
        }
        Self { board, clock: context.clock.clone(), stop, tasks }
    }

    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Returns once nothing is left to do before some later time, with that time.
    pub async fn at_rest(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.board.at_rest(self.clock.as_ref()).await
    }

    /// Returns when a worker ends though nobody told it to: a fault in the program.
    pub async fn broken(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Err(error)) => format!("a worker broke down: {error}"),
            Some(Ok(())) | None => "a worker stopped by itself".to_owned(),
        }
    }

    /// Lets every worker finish what it is doing, for some seconds at the most.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(HARD_STOP, all).await.is_err() {
            tracing::warn!(workers = ?self.board.busy(Duration::ZERO), "some workers did not stop in time; their leases will run out");
            self.tasks.shutdown().await;
        }
    }
}

async fn work(
    name: &'static str,
    step: Step,
    context: Context,
    seat: Seat,
    stop: CancellationToken,
    poll: TimeDelta,
) {
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        // Armed before looking, so that a call meanwhile is not lost.
        seat.look();
        let shift = Shift { stop: stop.clone(), alive: &|| seat.goes_on() };
        let outcome = step.take(&context, &shift).await;
        let now = context.clock.now();
        if outcome.is_ok() {
            pause = FIRST_PAUSE;
        }
        let until = match outcome {
            Ok(Outcome::Done) => {
                seat.board().call_others(&seat);
                continue;
            }
            // What is due and was not to be had is in somebody else's hands.
            Ok(Outcome::NextAt(at)) => at.clamp(now + TimeDelta::seconds(1), now + poll),
            Ok(Outcome::Idle) => now + poll,
            Err(error) => {
                tracing::error!(
                    step = name,
                    "step {name} failed and is tried again in {} s: {error}",
                    pause.num_seconds()
                );
                let until = now + pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                until
            }
        };
        tokio::select! {
            () = seat.sleep(context.clock.as_ref(), until) => {}
            () = stop.cancelled() => {}
        }
    }
}
