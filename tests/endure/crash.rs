//! Killed again and again, at any moment and at the worst ones.

use std::collections::HashSet;
use std::time::Duration;

use crate::books::{self, Ending};
use crate::chance::{Chance, given};
use crate::database::Kind;
use crate::service::Service;
use crate::stage::Stage;
use crate::world::{Name, World};

/// How many times it is killed, unless `MENTORD_TEST_KILLS` says otherwise.
const KILLS: u64 = 40;

/// When something happens to the service.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Any time, so many milliseconds after it began.
    After(u64),
    /// Around the time at which it takes up its work.
    Ready(u64),
    /// So many milliseconds after the mail server was given a message.
    Mail(u64),
    /// So many milliseconds after a provider was asked for something.
    Request(u64),
}

impl Moment {
    pub fn draw(chance: &mut Chance) -> Self {
        match chance.within(0..10) {
            0..3 => Self::After(chance.within(0..2500)),
            3..4 => Self::Ready(chance.within(0..100)),
            4..8 => Self::Mail(chance.within(0..30)),
            _ => Self::Request(chance.within(0..60)),
        }
    }

    /// Waits for it, for some seconds at the most: where nothing happens, any time is as good.
    pub async fn come(self, stage: &Stage, service: &mut Service<'_>) {
        let at_most = Duration::from_secs(2);
        let then = match self {
            Self::After(then) => then,
            Self::Ready(then) => {
                service.ready().await;
                then
            }
            Self::Mail(then) => {
                service.ready().await;
                stage.relay.passes(at_most).await;
                then
            }
            Self::Request(then) => {
                service.ready().await;
                let before = stage.control.requests().await.unwrap().len();
                let asked = async {
                    while stage.control.requests().await.unwrap().len() <= before {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                let _ = tokio::time::timeout(at_most, asked).await;
                then
            }
        };
        tokio::time::sleep(Duration::from_millis(then)).await;
    }
}

/// What the service has seen, by what it left behind.
pub async fn seen(stage: &Stage) -> HashSet<Name> {
    let rows = stage.database.rows_left_behind(&World::sight(stage)).await;
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

async fn killed_again_and_again(kind: Kind) {
    let stage = Stage::set(kind).await;
    let mut world = World::begin(&stage, Chance::begin(&format!("crash on {kind:?}"))).await;
    // Once everything was read in peace: what is missed is said only after that.
    let mut first = Service::start(&stage);
    first.ready().await;
    stage.all_read().await;
    first.stop().await;
    let mut endings = vec![Ending::note(&stage, false).await];

    let kills = given("MENTORD_TEST_KILLS").unwrap_or(KILLS);
    for _ in 0..kills {
        world.saw(seen(&stage).await);
        for _ in 0..world.chance.within(0..3) {
            world.turn().await;
        }
        let moment = Moment::draw(&mut world.chance);
        let mut service = Service::start(&stage);
        let turns = async {
            for _ in 0..world.chance.within(1..5) {
                tokio::time::sleep(Duration::from_millis(world.chance.within(0..300))).await;
                world.turn().await;
            }
        };
        tokio::join!(turns, moment.come(&stage, &mut service));
        service.kill();
        endings.push(Ending::note(&stage, true).await);
    }

    world.calm_down().await;
    let mut last = Service::start(&stage);
    last.ready().await;
    // What was in hand at a kill is taken up when its lease ends; a calendar that was refused before is
    // left alone for as long.
    books::settle(&stage, &world, 240).await;
    books::assert_alerts(&stage, &world, 120).await;
    let log = last.log();
    last.stop().await;
    let repeated = books::assert_messages(&stage, &endings).await;
    stage.database.assert_sound().await;
    for word in ["ERROR", "panicked"] {
        assert!(!log.contains(word), "{word} is in the log:\n{log}");
    }
    let (sessions, mails) = (world.truth().await.len(), stage.control.mails().await.unwrap().len());
    println!("{kind:?}: {kills} kills, {sessions} sessions, {mails} mails, {repeated} of them repeated");
}

/// Both at once: what they wait for most is the end of leases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_loses_nothing_on_either_database() {
    tokio::join!(killed_again_and_again(Kind::Sqlite), killed_again_and_again(Kind::Postgres));
}
