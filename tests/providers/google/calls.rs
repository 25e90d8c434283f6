//! Who was in a call of Meet, and what their addresses are.

use mentord::domain::event::{Conference, ConferenceService};

use super::*;

fn meet() -> Conference {
    Conference { service: ConferenceService::GoogleMeet, key: "abc-defg-hij".into() }
}

fn session() -> Window {
    Window {
        from: "2026-03-02T09:00:00Z".parse().expect("an instant"),
        to: "2026-03-02T10:00:00Z".parse().expect("an instant"),
    }
}

fn stays(stays: &[(&str, Option<&str>)]) -> ResponseTemplate {
    let stays: Vec<_> = stays.iter().map(|(from, to)| json!({"startTime": from, "endTime": to})).collect();
    ok(json!({"participantSessions": stays}))
}

#[tokio::test]
async fn a_call_is_read_with_everybody_in_it() {
    let signed = |n: &str| {
        json!({"name": format!("conferenceRecords/c1/participants/{n}"),
               "signedinUser": {"user": format!("users/{n}")}})
    };
    let stage = Stage::new([
        token("m"),
        ok(json!({"conferenceRecords": [
            {"name": "conferenceRecords/c1", "startTime": "2026-03-02T08:58:00Z",
             "endTime": "2026-03-02T09:50:00Z", "space": "spaces/x"},
            {"name": "conferenceRecords/c0", "startTime": "2026-03-01T12:00:00Z",
             "endTime": "2026-03-01T13:00:00Z", "space": "spaces/x"},
        ]})),
        ok(json!({"participants": [signed("1")], "nextPageToken": "p2"})),
        ok(json!({"participants": [
            signed("2"),
            {"name": "conferenceRecords/c1/participants/3",
             "earliestStartTime": "2026-03-02T09:01:00Z"},
        ]})),
        token("d"),
        ok(json!({"primaryEmail": "Anna@acme.example"})),
        stays(&[("2026-03-02T08:58:00Z", Some("2026-03-02T09:10:00Z")), ("2026-03-02T09:12:00Z", None)]),
        refused(404, "notFound"),
        stays(&[("2026-03-02T09:00:00Z", Some("2026-03-02T09:30:00Z"))]),
        stays(&[]),
    ])
    .await;
    let calls = stage.google.calls(&anna(), &meet(), session()).await;
    let calls = calls.expect("calls");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].record, "conferenceRecords/c1");
    let attendances: Vec<_> = calls[0]
        .attendances
        .iter()
        .map(|a| {
            let who = a.address.as_ref().map_or("nobody", Address::as_str);
            let left = a.left.map_or("…".into(), |t| t.format("%H:%M").to_string());
            format!("{who} {}-{left}", a.joined.format("%H:%M"))
        })
        .collect();
    assert_eq!(
        attendances,
        [
            "anna@acme.example 08:58-09:10",
            "anna@acme.example 09:12-…",
            "nobody 09:00-09:30",
            "nobody 09:01-…",
        ]
    );
    let people = "GET /v2/conferenceRecords/c1/participants";
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {MEET}"),
            "GET /v2/conferenceRecords?filter=space.meeting_code = \"abc-defg-hij\" AND \
             start_time >= \"2026-03-01T09:00:00Z\" AND start_time < \"2026-03-02T10:00:00Z\"\
             &pageSize=100 [m]"
                .into(),
            format!("{people}?pageSize=250 [m]"),
            format!("{people}?pageSize=250&pageToken=p2 [m]"),
            format!("TOKEN anna@acme.example {DIRECTORY}"),
            "GET /admin/directory/v1/users/1?viewType=domain_public [d]".into(),
            format!("{people}/1/participantSessions?pageSize=250 [m]"),
            "GET /admin/directory/v1/users/2?viewType=domain_public [d]".into(),
            format!("{people}/2/participantSessions?pageSize=250 [m]"),
            format!("{people}/3/participantSessions?pageSize=250 [m]"),
        ]
    );
}

#[tokio::test]
async fn a_closed_directory_leaves_people_without_a_name() {
    let people = || {
        ok(json!({"participants": [
            {"name": "conferenceRecords/c1/participants/1", "signedinUser": {"user": "users/1"}},
            {"name": "conferenceRecords/c1/participants/2", "signedinUser": {"user": "users/2"}},
        ]}))
    };
    let record = || {
        ok(json!({"conferenceRecords": [
            {"name": "conferenceRecords/c1", "startTime": "2026-03-02T09:00:00Z"},
        ]}))
    };
    let stay = || stays(&[("2026-03-02T09:00:00Z", None)]);
    let stage = Stage::new([
        token("m"),
        record(),
        people(),
        no_token(401, "unauthorized_client", "Client is unauthorized."),
        stay(),
        stay(),
        record(),
        people(),
        no_token(500, "internal_failure", "Backend Error"),
    ])
    .await;
    let calls = stage.google.calls(&anna(), &meet(), session()).await;
    let calls = calls.expect("calls");
    assert_eq!(calls[0].ended, None);
    assert!(calls[0].attendances.iter().all(|a| a.address.is_none()));
    // A directory that has trouble is no answer: the call is to be read again later.
    let answer = stage.google.calls(&anna(), &meet(), session()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_may_not_be_read_is_no_empty_call() {
    let denied = json!({"error": {"code": 403, "message": "The caller does not have permission",
                                  "status": "PERMISSION_DENIED"}});
    let stage = Stage::new([
        no_token(401, "unauthorized_client", "Client is unauthorized."),
        token("m"),
        ResponseTemplate::new(403).set_body_json(denied),
        ok(json!({})),
    ])
    .await;
    for _ in 0..2 {
        match stage.google.calls(&anna(), &meet(), session()).await {
            Err(ProviderError::Refused(said)) => assert!(said.contains(MEET), "{said}"),
            other => panic!("{other:?}"),
        }
    }
    let none = stage.google.calls(&anna(), &meet(), session()).await;
    assert_eq!(none, Ok(vec![]));
    let teams =
        Conference { service: ConferenceService::MicrosoftTeams, key: "https://teams.example.com/1".into() };
    assert_eq!(stage.google.calls(&anna(), &teams, session()).await, Ok(vec![]));
    assert_eq!(stage.requests().await.len(), 4);
}
