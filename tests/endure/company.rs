//! Several instances on one PostgreSQL: they come and go, die, and hang.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::books;
use crate::chance::Chance;
use crate::database::Kind;
use crate::relay::{Held, Relay};
use crate::service::Service;
use crate::stage::{Stage, eventually};
use crate::world::{Name, World};

/// Longer than any lease lasts.
const LONGER_THAN_A_LEASE: Duration = Duration::from_secs(63);

/// One place at which an instance runs, with its own wire to the mail server.
struct Desk<'a> {
    name: String,
    relay: Relay,
    service: Option<Service<'a>>,
    /// How many messages had passed before this life.
    before: usize,
}

impl<'a> Desk<'a> {
    async fn set(stage: &'a Stage, number: usize) -> Self {
        let name = format!("instance-{number}.toml");
        let relay = stage.another(&name).await;
        let mut desk = Self { name, relay, service: None, before: 0 };
        desk.start(stage).await;
        desk
    }

    async fn start(&mut self, stage: &'a Stage) {
        self.before = self.relay.passed().len();
        let service = self.service.insert(Service::start_with(stage, &self.name, &[]));
        service.ready().await;
    }

    /// The message that it has handed over in this life and not booked, if there is one.
    async fn in_flight(&self, stage: &Stage) -> Option<String> {
        let last = self.relay.passed().split_off(self.before).pop()?;
        (!books::booked(stage).await.contains(&last)).then_some(last)
    }

    fn service(&self) -> &Service<'a> {
        self.service.as_ref().expect("a running service")
    }

    async fn stop(&mut self) {
        self.service.take().expect("a running service").stop().await;
    }
}

async fn seen(stage: &Stage) -> HashSet<Name> {
    let rows = stage.database.rows(&World::sight(stage)).await;
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

/// What may have come more than once: how often each message was in flight when its instance was
/// stopped short.
#[derive(Default)]
struct InFlight(BTreeMap<String, usize>);

impl InFlight {
    fn note(&mut self, message: Option<String>) {
        if let Some(message) = message {
            *self.0.entry(message).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn company_comes_and_goes_and_nothing_is_lost() {
    let stage = Stage::set(Kind::Postgres).await;
    let mut world = World::begin(&stage, Chance::begin("company")).await;
    let mut desks = Vec::new();
    for number in 0..4 {
        desks.push(Desk::set(&stage, number).await);
    }
    stage.all_read().await;
    let mut in_flight = InFlight::default();

    // Two hang: one with a message that the mail server has got, one with a message that it is about
    // to hand over.
    let (handed_over, about_to) = (&desks[0], &desks[1]);
    handed_over.relay.hold(Held::Receipts);
    about_to.relay.hold(Held::Everything);
    // The others are kept from taking all there is to send.
    for desk in &desks[2..] {
        desk.relay.hold(Held::Everything);
    }
    tokio::join!(
        eventually("a message is handed over", 120, async || {
            (handed_over.relay.passed().len() > handed_over.before).then_some(())
        }),
        eventually("a message is about to be", 120, async || about_to.relay.is_open().then_some(())),
        async {
            // More reminders than there are instances.
            for _ in 0..5 {
                world.soon().await;
            }
            for _ in 0..20 {
                world.turn().await;
            }
        }
    );
    for desk in [handed_over, about_to] {
        desk.service().signal("STOP");
    }
    in_flight.note(handed_over.in_flight(&stage).await);
    let hanging = Instant::now();
    for desk in &desks {
        desk.relay.hold(Held::Nothing);
    }

    // Meanwhile the others die and are stopped.
    let (mut kills, mut stops) = (0, 0);
    while hanging.elapsed() < LONGER_THAN_A_LEASE {
        world.saw(seen(&stage).await);
        for _ in 0..world.chance.within(1..4) {
            world.turn().await;
        }
        let at = world.chance.within(2..4);
        let (gentle, pause) = (world.chance.in_hundred(40), world.chance.within(0..40));
        let desk = &mut desks[at];
        desk.relay.passes(Duration::from_secs(3)).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if gentle {
            stops += 1;
            // Who hangs may hold a row that it waits for.
            desk.service.take().expect("a running service").ask_to_stop().await;
        } else {
            kills += 1;
            desk.service.take().expect("a running service").kill();
            desk.relay.drained().await;
            in_flight.note(desk.in_flight(&stage).await);
        }
        desk.start(&stage).await;
    }
    for desk in &desks[..2] {
        desk.service().signal("CONT");
    }
    world.calm_down().await;
    books::settle(&stage, &world, 240).await;
    // A message that could not be handed over is tried again after minutes.
    books::assert_alerts(&stage, &world, 300).await;
    for desk in &mut desks {
        desk.stop().await;
    }
    for desk in &desks {
        assert!(!stage.read(&format!("{}.log", desk.name)).contains("panicked"), "{}", desk.name);
    }
    let repeated = assert_messages(&stage, &in_flight).await;
    stage.database.assert_sound().await;
    let busy = desks.iter().filter(|desk| !desk.relay.passed().is_empty()).count();
    assert!(busy > 1, "nobody shared the work");
    let (sessions, mails) = (world.truth().await.len(), stage.control.mails().await.unwrap().len());
    println!(
        "company: {kills} kills, {stops} stops, {sessions} sessions, {mails} mails, {repeated} of them repeated"
    );
}

/// Every message came once, and once more for each time that it was in flight when its instance was
/// stopped short; returns how many did.
async fn assert_messages(stage: &Stage, in_flight: &InFlight) -> usize {
    let (arrived, booked) = (books::arrived(stage).await, books::booked(stage).await);
    let mut copies: HashMap<&str, usize> = HashMap::new();
    for id in &arrived {
        *copies.entry(id).or_default() += 1;
    }
    for id in &booked {
        assert!(copies.contains_key(&**id), "{id} is booked as sent, and never arrived");
    }
    let mut repeated = 0;
    for (id, copies) in &copies {
        let allowed = in_flight.0.get(*id).copied().unwrap_or_default() + usize::from(booked.contains(*id));
        assert!(*copies <= allowed, "{id} came {copies} times, and {allowed} can be explained");
        repeated += copies - 1;
    }
    // Who came back from hanging books what they had handed over as well.
    let unbooked = "SELECT alert.alert_key FROM alert
         LEFT JOIN delivery ON delivery.alert_key = alert.alert_key AND delivery.outcome = 'sent'
         WHERE alert.state = 'sent' AND delivery.id IS NULL";
    assert_eq!(stage.database.rows(unbooked).await, [[""; 0]; 0]);
    let rows =
        "SELECT message_id, CAST(COUNT(id) AS TEXT) FROM delivery WHERE outcome = 'sent' GROUP BY message_id";
    for row in stage.database.rows(rows).await {
        let rows: usize = row[1].parse().unwrap();
        assert!(rows <= copies[&*row[0]], "{} is booked {rows} times", row[0]);
    }
    repeated
}
