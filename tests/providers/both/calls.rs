//! Who was in a call, and when.

use std::collections::BTreeSet;

use mentord::domain::event::ConferenceService;
use mentord::sandbox::Conference;

use super::*;

/// Who was in a call, in the order of coming: `anna 08:00-08:20`.
fn presence(call: &Call) -> Vec<String> {
    let mut stays: Vec<_> = call.attendances.iter().collect();
    stays.sort_by_key(|stay| (stay.joined, stay.left));
    let line = |stay: &&mentord::domain::evidence::Attendance| {
        let who = stay.address.as_ref().map_or("somebody", |who| who.as_str());
        let left = stay.left.map_or("…".to_owned(), |left| left.format("%H:%M").to_string());
        format!("{} {}-{left}", who.split('@').next().unwrap_or_default(), stay.joined.format("%H:%M"))
    };
    stays.iter().map(line).collect()
}

async fn stay(control: &Control, id: &str, who: Option<&str>, day: &str, from: &str, to: &str) {
    let time = |time: &str| at(&format!("2026-10-{day}T{time}:00Z"));
    control.join(id, who, time(from), None).await.expect("joined");
    control.leave(id, who, time(to), None).await.expect("left");
}

/// A series with a call, held on the 5th with a rejoin, a stranger and somebody of the other vendor,
/// and on the 12th by the organiser alone.
async fn held(stage: &Stage, people: [&str; 3], conference: Conference) -> Link {
    let [organizer, guest, other] = people;
    let meeting = NewMeeting { conference, ..weekly(people, "2026-10-05T10:00") };
    let planned = stage.plan(meeting).await;
    let id = &planned.id;
    let control = &stage.control;
    stay(control, id, Some(organizer), "05", "08:00", "08:20").await;
    stay(control, id, Some(organizer), "05", "08:25", "08:44").await;
    stay(control, id, Some(guest), "05", "08:05", "08:45").await;
    stay(control, id, None, "05", "08:10", "08:12").await;
    stay(control, id, Some(other), "05", "08:15", "08:40").await;
    stay(control, id, Some(organizer), "12", "08:00", "08:10").await;
    let all = stage.all(organizer).await;
    let own = all.values().filter(|event| event.uid.as_ref() == Some(&planned.uid));
    let links: BTreeSet<_> = own.map(|event| event.conference.clone()).map(key).collect();
    let link = Link {
        service: match conference {
            Conference::Teams => ConferenceService::MicrosoftTeams,
            _ => ConferenceService::GoogleMeet,
        },
        key: planned.conference_key.expect("a call"),
    };
    assert_eq!(links, [key(Some(link.clone()))].into());
    link
}

fn key(link: Option<Link>) -> Option<(&'static str, String)> {
    link.map(|link| (link.service.as_str(), link.key))
}

const FIRST: (&str, &str) = ("2026-10-05T07:45:00Z", "2026-10-05T09:00:00Z");
const SECOND: (&str, &str) = ("2026-10-12T07:45:00Z", "2026-10-12T09:00:00Z");

#[tokio::test]
async fn a_meet_call_tells_who_was_there_and_when() {
    let stage = Stage::new(2, Quirks::default()).await;
    let link = held(&stage, SIDES[0], Conference::Meet).await;
    let clock = async |now: &str| stage.control.clock(at(now)).await.expect("a clock");

    clock("2026-10-05T07:59:00Z").await;
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, FIRST.1).await, []);
    clock("2026-10-05T08:30:00Z").await;
    let calls = stage.calls(ANNA, &link, FIRST.0, FIRST.1).await;
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].started, calls[0].ended), (at("2026-10-05T08:00:00Z"), None));
    let running =
        ["anna 08:00-08:20", "ben 08:05-…", "somebody 08:10-08:12", "somebody 08:15-…", "anna 08:25-…"];
    assert_eq!(presence(&calls[0]), running);

    clock("2026-10-13T08:00:00Z").await;
    let over = [
        "anna 08:00-08:20",
        "ben 08:05-08:45",
        "somebody 08:10-08:12",
        "somebody 08:15-08:40",
        "anna 08:25-08:44",
    ];
    // Everybody who was there may see it, and nobody else.
    for who in [ANNA, BEN] {
        let calls = stage.calls(who, &link, FIRST.0, FIRST.1).await;
        assert_eq!(calls.len(), 1, "{who}");
        assert_eq!(calls[0].service, ConferenceService::GoogleMeet);
        assert_eq!(calls[0].ended, Some(at("2026-10-05T08:45:00Z")));
        assert_eq!(presence(&calls[0]), over);
    }
    let calls = stage.calls(ANNA, &link, SECOND.0, SECOND.1).await;
    assert_eq!(calls.iter().map(presence).collect::<Vec<_>>(), [["anna 08:00-08:10"]]);
    assert_eq!(stage.calls(BEN, &link, SECOND.0, SECOND.1).await, []);
    assert_eq!(stage.calls(ANNA, &link, "2026-10-19T00:00:00Z", "2026-10-20T00:00:00Z").await, []);
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, SECOND.1).await.len(), 2);
    let unknown = Link { key: "xxx-xxxx-xxx".into(), ..link.clone() };
    assert_eq!(stage.calls(ANNA, &unknown, FIRST.0, FIRST.1).await, []);
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, FIRST.1).await, []);

    // Google forgets after thirty days.
    clock("2026-11-05T09:00:00Z").await;
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, FIRST.1).await, []);
}

#[tokio::test]
async fn a_teams_call_tells_its_organiser_who_was_there_once_it_is_over() {
    let stage = Stage::new(2, Quirks::default()).await;
    let link = held(&stage, SIDES[1], Conference::Teams).await;
    let clock = async |now: &str| stage.control.clock(at(now)).await.expect("a clock");

    clock("2026-10-05T08:30:00Z").await;
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, FIRST.1).await, []);

    clock("2026-10-13T08:00:00Z").await;
    let calls = stage.calls(CLARA, &link, FIRST.0, FIRST.1).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].service, ConferenceService::MicrosoftTeams);
    assert_eq!(calls[0].started, at("2026-10-05T08:00:00Z"));
    assert_eq!(calls[0].ended, Some(at("2026-10-05T08:45:00Z")));
    let over = [
        "clara 08:00-08:20",
        "dan 08:05-08:45",
        "somebody 08:10-08:12",
        "somebody 08:15-08:40",
        "clara 08:25-08:44",
    ];
    assert_eq!(presence(&calls[0]), over);
    let calls = stage.calls(CLARA, &link, SECOND.0, SECOND.1).await;
    assert_eq!(calls.iter().map(presence).collect::<Vec<_>>(), [["clara 08:00-08:10"]]);
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, SECOND.1).await.len(), 2);
    for (who, to) in [(DAN, FIRST.1), (ANNA, FIRST.1), (CLARA, "2026-10-05T07:50:00Z")] {
        assert_eq!(stage.calls(who, &link, FIRST.0, to).await, [], "{who}");
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_read_now_is_no_empty_call() {
    let stage = Stage::plain().await;
    let meet = held(&stage, SIDES[0], Conference::Meet).await;
    let teams = held(&stage, SIDES[1], Conference::Teams).await;
    stage.control.clock(at("2026-10-05T10:00:00Z")).await.expect("a clock");
    let window = Window { from: at(FIRST.0), to: at(FIRST.1) };
    let cases = [
        (ANNA, &meet, ["v2/conferenceRecords?", "/participants?", "/participantSessions?", "/admin/"]),
        (CLARA, &teams, ["?%24select=id", "onlineMeetings?", "/attendanceReports", "/attendanceRecords"]),
    ];
    for (who, link, paths) in cases {
        for path in paths {
            stage.fault(path, 503, None).await;
            let answer = stage.of(who).calls(&address(who), link, window).await;
            assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{path} {answer:?}");
        }
        assert_eq!(stage.calls(who, link, FIRST.0, FIRST.1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_directory_that_may_not_be_read_leaves_people_without_a_name() {
    let stage = Stage::plain().await;
    let link = held(&stage, SIDES[0], Conference::Meet).await;
    stage.control.clock(at("2026-10-05T10:00:00Z")).await.expect("a clock");
    let denied = Fault {
        path_contains: "/admin/".into(),
        status: 403,
        times: 1,
        body: Some(serde_json::json!({"error": {"code": 403, "message": "Not Authorized",
            "errors": [{"domain": "global", "reason": "forbidden"}]}})),
        ..Fault::default()
    };
    stage.control.fault(&denied).await.expect("a fault");
    let named = |calls: &[Call]| calls[0].attendances.iter().filter(|stay| stay.address.is_some()).count();
    let calls = stage.calls(ANNA, &link, FIRST.0, FIRST.1).await;
    assert_eq!((calls[0].attendances.len(), named(&calls)), (5, 0));
    // Once it may be read, the names are there.
    assert_eq!(named(&stage.calls(ANNA, &link, FIRST.0, FIRST.1).await), 3);
}
