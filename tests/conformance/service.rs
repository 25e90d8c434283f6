//! What mentord itself asks and gets, held against the same definitions.

use mentord::sandbox::{NewMeeting, Quirks, Response};

use crate::node::Node;
use crate::prism::Prism;
use crate::stage::{ADA, BEN, CHEN, Stage};

#[tokio::test]
async fn mentord_s_own_traffic_keeps_to_the_vendors_definitions() {
    let Some(node) = Node::ready().await else { return };
    let stage = Stage::set().await;
    let prism = Prism::before(&node, &stage.sandbox).await;
    // The sign-in services have no definition to be held against; they are asked directly.
    let sandbox = &stage.sandbox;
    for url in [sandbox.google_api_url(), sandbox.meet_url(), sandbox.directory_url(), sandbox.graph_url()] {
        stage.configure(&url, &url.replace(&sandbox.url(), &prism.url));
    }
    stage.held().await;
    stage.missed().await;
    let declined = stage.declined().await;
    stage.planned().await;
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
    stage.run(&["sync"]).await.went_well();

    // Then what changed: an answer, a moved and a cancelled occurrence, a meeting that is off.
    let control = &stage.control;
    let (first, second) = (stage.at(3 * 24 * 60), stage.at(10 * 24 * 60));
    let later = stage.at(4 * 24 * 60).format("%Y-%m-%dT%H:%M").to_string();
    control.reschedule(&series.id, Some(first), &later, None).await.expect("moved");
    control.cancel(&series.id, Some(second)).await.expect("cancelled");
    control.respond(&series.id, BEN, Response::Accepted, None).await.expect("answered");
    control.cancel(&declined.id, None).await.expect("cancelled");
    stage.run(&["sync"]).await.went_well();
    // And everything anew.
    control.expire_cursors(None).await.expect("expired");
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
        "/meet/v2/conferenceRecords",
        "/participantSessions",
        "/admin/directory/v1/users/",
        "/calendarView/delta",
        "deltatoken=",
        "/attendanceReports",
    ] {
        assert!(requests.iter().any(|request| request.contains(part)), "nobody asked for {part}");
    }

    // A service that did not go through Prism would not mind this.
    control.expire_cursors(None).await.expect("expired");
    control.quirks(Quirks { unknown_properties: true, ..Quirks::default() }).await.expect("set");
    stage.run(&["sync"]).await;
    let calendars = stage.list("calendars").await;
    assert!(calendars.iter().any(|calendar| calendar["error"].is_string()), "{calendars:#?}");
}
