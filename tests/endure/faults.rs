//! What the service stands on gives way for a while, and nothing is lost, and nothing said twice.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::time::Instant;

use crate::books::{self, Ending};
use crate::chance::{Chance, in_ci};
use crate::crash::{Moment, seen};
use crate::database::{Database, Kind};
use crate::disk::SmallDisk;
use crate::postgres::Server;
use crate::relay::Held;
use crate::service::Service;
use crate::stage::{Stage, eventually, now};
use crate::world::World;

/// For how long a database server is gone.
const A_MINUTE: Duration = Duration::from_secs(60);

/// A service with some sessions behind it.
async fn at_work<'a>(stage: &'a Stage, world: &mut World<'a>, environment: &[(&str, &str)]) -> Service<'a> {
    let mut service = Service::start_with(stage, "mentord.toml", environment);
    service.ready().await;
    stage.all_read().await;
    for _ in 0..8 {
        world.turn().await;
    }
    world.calm_down().await;
    books::settle(stage, world, 120).await;
    service
}

/// Everything is as it should be, and no message came twice.
async fn all_is_well(stage: &Stage, world: &World<'_>, service: Service<'_>) {
    books::settle(stage, world, 200).await;
    books::assert_alerts(stage, world, 200).await;
    service.stop().await;
    assert_eq!(books::assert_messages(stage, &[]).await, 0);
    stage.database.assert_sound().await;
}

/// Waits until something could not be done, and the service said so.
async fn complains(service: &Service<'_>) {
    service.logged("failed and is tried again in").await;
}

/// Waits until the mail server has a message and the service does not know it yet.
async fn message_in_flight(stage: &Stage, world: &mut World<'_>) {
    stage.relay.hold(Held::Receipts);
    let passes = stage.relay.passes(Duration::from_secs(60));
    // They are reminded at once.
    let (passed, ()) = tokio::join!(passes, world.soon());
    assert!(passed, "no message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_else_keeps_locked() {
    let stage = Stage::set(Kind::Sqlite).await;
    let mut world = World::begin(&stage, Chance::begin("a locked database")).await;
    let service = at_work(&stage, &mut world, &[]).await;

    message_in_flight(&stage, &mut world).await;
    let options = SqliteConnectOptions::new().filename(stage.file("mentord.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    stage.relay.hold(Held::Nothing);
    for _ in 0..8 {
        world.turn().await;
    }
    // Longer than anybody waits for a lock.
    complains(&service).await;
    world.calm_down().await;
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();

    all_is_well(&stage, &world, service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_server_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::on(Arc::new(Server::start())).await;
    let stage = Stage::set_on(folder, database).await;
    let mut world = World::begin(&stage, Chance::begin("no database server")).await;
    let service = at_work(&stage, &mut world, &[]).await;

    message_in_flight(&stage, &mut world).await;
    stage.database.server().go_away();
    let gone = Instant::now();
    stage.relay.hold(Held::Nothing);
    for _ in 0..8 {
        world.turn().await;
    }
    complains(&service).await;
    service.logged("a message was sent and cannot be written down").await;
    world.calm_down().await;
    tokio::time::sleep_until(gone + A_MINUTE).await;
    stage.database.server().go_on();

    all_is_well(&stage, &world, service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("small");
    let disk = match SmallDisk::mount(&at) {
        Ok(disk) => disk,
        Err(why) if in_ci() => panic!("a file system cannot be mounted: {why}"),
        Err(why) => {
            println!("SKIPPED: a file system cannot be mounted here: {why}");
            return;
        }
    };
    let database = Database::Sqlite { file: at.join("mentord.db") };
    let stage = Stage::set_on(folder, database).await;
    let mut world = World::begin(&stage, Chance::begin("a full disk")).await;
    let service = at_work(&stage, &mut world, &[]).await;

    message_in_flight(&stage, &mut world).await;
    disk.fill();
    stage.relay.hold(Held::Nothing);
    for _ in 0..8 {
        world.turn().await;
    }
    complains(&service).await;
    service.logged("database or disk is full").await;
    world.calm_down().await;
    disk.free();

    all_is_well(&stage, &world, service).await;
    drop(stage);
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_gone() {
    let stage = Stage::set(Kind::Sqlite).await;
    let mut world = World::begin(&stage, Chance::begin("no mail server")).await;
    let service = at_work(&stage, &mut world, &[]).await;

    stage.relay.cut(true);
    for _ in 0..12 {
        world.turn().await;
    }
    service.logged("not sent: the mail could not be handed over for now").await;
    // It is there again, and overwhelmed.
    stage.control.smtp(false).await.unwrap();
    stage.relay.cut(false);
    service.logged("451 4.3.0").await;
    world.calm_down().await;
    stage.control.smtp(true).await.unwrap();

    all_is_well(&stage, &world, service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_and_started_in_the_middle_of_everything() {
    let stage = Stage::set(Kind::Sqlite).await;
    let mut world = World::begin(&stage, Chance::begin("stopping")).await;
    let first = at_work(&stage, &mut world, &[]).await;
    first.stop().await;
    let mut endings = vec![Ending::note(&stage, false).await];
    for _ in 0..20 {
        world.saw(seen(&stage).await);
        let moment = Moment::draw(&mut world.chance);
        let mut service = Service::start(&stage);
        service.ready().await;
        let turns = async {
            for _ in 0..world.chance.within(1..5) {
                world.turn().await;
            }
        };
        tokio::join!(turns, moment.come(&stage, &mut service));
        // It ends well, and in time.
        service.stop().await;
        endings.push(Ending::note(&stage, false).await);
    }
    world.calm_down().await;
    let mut last = Service::start(&stage);
    last.ready().await;
    books::settle(&stage, &world, 200).await;
    books::assert_alerts(&stage, &world, 100).await;
    last.stop().await;
    assert_eq!(books::assert_messages(&stage, &endings).await, 0);
}

/// Where Debian and its kin keep libfaketime.
fn libfaketime() -> Option<String> {
    let places = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let mut found = places.map(|place| place.join("faketime/libfaketime.so.1")).filter(|file| file.exists());
    found.next().map(|file| file.to_str().unwrap().to_owned())
}

/// The clock under the service, and the world's with it.
struct Clock<'a> {
    stage: &'a Stage,
}

impl Clock<'_> {
    async fn set(&self, ahead: TimeDelta) {
        self.stage.control.clock(now() + ahead).await.unwrap();
        // Renamed, so that nobody reads half of it.
        self.stage.write("clock.new", &format!("{:+}\n", ahead.num_seconds()));
        std::fs::rename(self.stage.file("clock.new"), self.stage.file("clock")).unwrap();
    }
}

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_an_hour_wrong_for_a_while() {
    let Some(library) = libfaketime() else {
        assert!(!in_ci(), "there is no libfaketime");
        println!("SKIPPED: there is no libfaketime; on Debian it is in the package faketime");
        return;
    };
    let stage = Stage::set(Kind::Sqlite).await;
    let mut world = World::begin(&stage, Chance::begin("clock")).await;
    let clock = Clock { stage: &stage };
    clock.set(TimeDelta::zero()).await;
    let file = stage.file("clock");
    let environment = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let service = at_work(&stage, &mut world, &environment).await;
    let pairs = stage.pairs.clone();
    // Over by the wrong clock, and nobody has come yet: the mentor waits in the call.
    let soon = world.ahead(&pairs[0], 12, 25).await;
    stage.control.join(&soon, Some(&pairs[0].mentor), now() - TimeDelta::minutes(3), None).await.unwrap();
    // Its reminder is due in 20 minutes, and worthless in 50.
    world.ahead(&pairs[1], 80, 100).await;
    // Its reminder is due in 50 minutes, and worthless in 80.
    world.ahead(&pairs[6], 110, 100).await;
    books::settle(&stage, &world, 60).await;
    books::assert_alerts(&stage, &world, 60).await;

    let reminders = async |minutes: i64, state: &str| {
        let alerts = stage.list("alerts").await;
        let about = |alert: &&Value| {
            let wait = at(&alert["due_at"]) - now() - TimeDelta::minutes(minutes - 60);
            alert["kind"] == "reminder" && alert["state"] == state && wait.abs() < TimeDelta::minutes(5)
        };
        alerts.iter().filter(about).count()
    };
    for hours in [1, -1] {
        let ahead = TimeDelta::hours(hours);
        clock.set(ahead).await;
        eventually("work goes on by the wrong clock", 90, async || {
            let calendars = stage.list("calendars").await;
            let read = |calendar: &Value| {
                (at(&calendar["last_synced_at"]) - now() - ahead).abs() < TimeDelta::minutes(2)
            };
            calendars.iter().all(read).then_some(())
        })
        .await;
        if hours > 0 {
            eventually("what is due by the wrong clock is sent", 60, async || {
                (reminders(110, "sent").await == 2).then_some(())
            })
            .await;
        }
        for session in stage.list("sessions").await {
            assert!(session["status"] != "missed" || at(&session["end"]) < now(), "{session}");
        }
        clock.set(TimeDelta::zero()).await;
        let pair = if hours > 0 { &pairs[7] } else { &pairs[8] };
        world.ahead(pair, 50, 100).await;
        eventually("work goes on by the right clock", 90, async || {
            let calendars = stage.list("calendars").await;
            let read =
                |calendar: &Value| (at(&calendar["last_synced_at"]) - now()).abs() < TimeDelta::minutes(2);
            calendars.iter().all(read).then_some(())
        })
        .await;
    }
    // What the wrong clock had given up has its time yet.
    eventually("the reminder is planned again", 90, async || {
        (reminders(80, "planned").await == 2).then_some(())
    })
    .await;
    all_is_well(&stage, &world, service).await;
}
