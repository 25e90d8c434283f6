//! What mentord itself asks and gets, held against the same definitions.

use std::sync::Arc;

use chrono::TimeDelta;
use mentord::clock::ManualClock;
use mentord::config;
use mentord::daemon::service::prepare;
use mentord::domain::judge::Status;
use mentord::pipeline::{sync, watch};
use mentord::sandbox::{Conference, NewMeeting, Quirks, Response};
use mentord::web::{self, Watched};
use rstest::rstest;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::consented;
use crate::consented::browser::connect;
use crate::node::Node;
use crate::prism::Prism;
use crate::stage::{ADA, BEN, CHEN, DARA, Stage};

/// The sign-in services have no definition to be held against; they are asked directly.
fn lead_through(stage: &Stage, prism: &Prism) {
    let sandbox = &stage.sandbox;
    for url in [sandbox.google_api_url(), sandbox.meet_url(), sandbox.directory_url(), sandbox.graph_url()] {
        stage.configure(&url, &url.replace(&sandbox.url(), &prism.url));
    }
}

#[tokio::test]
async fn asking_to_be_told_keeps_to_the_vendors_definitions() {
    let Some(node) = Node::ready().await else { return };
    let stage = Stage::set().await;
    let prism = Prism::before(&node, &stage.sandbox).await;
    lead_through(&stage, &prism);
    let door = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = door.local_addr().expect("an address");
    stage.configure("[sync]", &format!("[web]\npublic_url = \"http://{address}/\"\n\n[sync]"));
    let config = config::load_with(&stage.file("mentord.toml"), []).expect("a right configuration");
    let clock = ManualClock::new(stage.at(0));
    let context = prepare(&config, Arc::new(clock.clone())).await.expect("everything is there");
    // Subscriptions begin with a handshake.
    tokio::spawn(web::serve(door, Watched::new(&context), CancellationToken::new()));

    sync::step(&context).await.expect("read");
    watch::step(&context).await.expect("watched");
    assert_eq!(stage.control.watches().await.expect("watches").len(), 7);
    // A channel at Google is renewed by another one, a subscription is made to last.
    let later = stage.at(5 * 24 * 60);
    stage.control.clock(later).await.expect("the world's clock");
    clock.set(later);
    sync::step(&context).await.expect("read");
    watch::step(&context).await.expect("watched");
    assert_eq!(stage.control.watches().await.expect("watches").len(), 7);
    prism.found_nothing_wrong();
    let requests = stage.control.requests().await.expect("requests");
    for part in ["/events/watch", "/channels/stop", "POST /v1.0/subscriptions", "PATCH /v1.0/subscriptions/"]
    {
        assert!(
            requests.iter().any(|request| request.contains(part)),
            "nobody asked for {part}: {requests:#?}"
        );
    }

    // One that is not as it should be does not get through.
    assert!(prism.refuses_an_empty("/v1.0/subscriptions").await);
}

#[tokio::test]
async fn mentord_s_own_traffic_keeps_to_the_vendors_definitions() {
    let Some(node) = Node::ready().await else { return };
    let stage = Stage::set().await;
    let prism = Prism::before(&node, &stage.sandbox).await;
    lead_through(&stage, &prism);
    stage.held().await;
    stage.missed().await;
    let declined = stage.declined().await;
    let (soon, planned) = (stage.soon().await, stage.planned().await);
    let weekly = NewMeeting {
        organizer: CHEN.into(),
        attendees: vec![BEN.into()],
        title: "Mentoring".into(),
        start: stage.at(3 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string(),
        timezone: "UTC".into(),
        minutes: 30,
        rrule: Some("FREQ=WEEKLY".into()),
        ..NewMeeting::default()
    };
    let series = stage.control.plan(&weekly).await.expect("planned");
    let forgotten = stage.book(ADA, &[BEN], "Mentoring", (5 * 24 * 60, 45), Conference::Meet).await;
    stage.run(&["sync"]).await.went_well();

    // Then what changed: an answer, a moved and a cancelled occurrence, a meeting that is off.
    let control = &stage.control;
    let (first, second) = (stage.at(3 * 24 * 60), stage.at(10 * 24 * 60));
    let later = stage.at(4 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string();
    control.reschedule(&series.id, Some(first), &later, None).await.expect("moved");
    control.cancel(&series.id, Some(second)).await.expect("cancelled");
    control.respond(&series.id, BEN, Response::Accepted, None).await.expect("answered");
    control.cancel(&declined.id, None).await.expect("cancelled");
    // What Graph removes from sight is looked for, and so is a series of which it tells no more than dates.
    let far = stage.at(200 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string();
    for meeting in [&soon, &planned] {
        control.reschedule(&meeting.id, None, &far, None).await.expect("moved");
    }
    let dates = Quirks { graph_master_missing: true, ..Quirks::default() };
    control.quirks(dates).await.expect("set");
    stage.run(&["sync"]).await.went_well();
    // And everything anew. What was moved out of sight meanwhile is looked for.
    control.expire_cursors(None).await.expect("expired");
    control.reschedule(&forgotten.id, None, &far, None).await.expect("moved");
    control.quirks(Quirks::default()).await.expect("set");
    stage.run(&["sync"]).await.went_well();

    prism.found_nothing_wrong();
    let calendars = stage.list("calendars").await;
    assert_eq!(calendars.len(), 7);
    for calendar in calendars {
        assert_eq!((&calendar["state"], calendar["error"].as_str()), (&"active".into(), None), "{calendar}");
    }
    assert_eq!(stage.sessions_of(ADA).await[0]["status"], "held");
    assert!(stage.sessions_of(CHEN).await.iter().any(|session| session["status"] == "missed"));
    // It was these that Prism saw.
    let requests = control.requests().await.expect("requests");
    for part in [
        "/calendar/v3/calendars/",
        "syncToken=",
        "/calendar/v3/calendars/ada@acme.example/events/",
        "/calendarView/delta",
        "/calendarView?",
        "deltatoken=",
        "/instances?",
        "/meet/v2/conferenceRecords",
        "/participantSessions",
        "/admin/directory/v1/users/",
        "/attendanceReports",
    ] {
        assert!(requests.iter().any(|request| request.contains(part)), "nobody asked for {part}");
    }

    // A service that did not go through Prism would not mind this.
    control.expire_cursors(None).await.expect("expired");
    control.quirks(Quirks { unknown_properties: true, ..Quirks::default() }).await.expect("set");
    stage.run(&["sync"]).await;
    let calendars = stage.list("calendars").await;
    for connection in ["acme", "contoso"] {
        let refused =
            |calendar: &Value| calendar["connection"] == connection && calendar["error"].is_string();
        assert!(calendars.iter().any(refused), "{connection}: {calendars:#?}");
    }
}

/// Organisers read their own calls, and the calendars are theirs.
#[rstest]
#[case::google(0, [ADA, BEN], &["/calendar/v3/calendars/", "/participantSessions"])]
#[case::microsoft(1, [CHEN, DARA], &["/calendarView/delta", "/me/onlineMeetings/"])]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_with_people_s_consent_keeps_to_the_vendors_definitions(
    #[case] meeting: usize,
    #[case] people: [&str; 2],
    #[case] asked: &[&str],
) {
    let Some(node) = Node::ready().await else { return };
    let mut prism = None;
    let stage = consented::stage::Stage::behind(consented::stage::On::Sqlite, async |sandbox| {
        let proxy = prism.insert(Prism::before(&node, sandbox).await);
        Some(proxy.url.clone())
    });
    let stage = stage.await;
    for who in people {
        connect(&stage, who).await;
    }
    let session = stage.judged(meeting, people).await;
    assert_eq!(session.verdict.status, Status::Held, "{}", session.verdict.reason);
    let prism = prism.expect("it runs");
    prism.found_nothing_wrong();
    let requests = stage.world.requests().await.expect("requests");
    for part in asked {
        assert!(requests.iter().any(|request| request.contains(part)), "nobody asked for {part}");
    }

    // It was these that Prism saw: a calendar that tells of more is refused.
    stage.world.expire_cursors(None).await.expect("expired");
    let more = Quirks { unknown_properties: true, ..Quirks::default() };
    stage.world.quirks(more).await.expect("set");
    stage.pass(TimeDelta::hours(1));
    stage.sync().await;
    for who in people {
        let calendar = stage.calendar(who).await;
        assert!(calendar.error.is_some(), "{calendar:#?}");
    }
}
