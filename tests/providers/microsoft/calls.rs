//! Who was in a call of Teams.

use mentord::domain::event::{Conference, ConferenceService};

use super::*;

fn teams() -> Conference {
    Conference {
        service: ConferenceService::MicrosoftTeams,
        key: "https://teams.microsoft.com/l/meetup-join/19%3ameeting'x/0?context=%7b%7d".into(),
    }
}

/// Four participants: one who came twice, one named by the directory only, a phone, and a bot.
fn attendance() -> Value {
    let stay = |from: u8, to: u8| {
        json!({
            "joinDateTime": format!("2026-03-09T09:{from:02}:00.6027225Z"),
            "leaveDateTime": format!("2026-03-09T09:{to:02}:00Z"), "durationInSeconds": 60,
        })
    };
    let identity = |kind: &str, id: Value| {
        let kind = format!("#microsoft.graph.communications{kind}Identity");
        json!({"@odata.type": kind, "id": id, "displayName": "Somebody"})
    };
    json!({"value": [
        {
            "emailAddress": "Mia@example.com", "role": "Organizer",
            "identity": identity("User", json!("U1")),
            "attendanceIntervals": [stay(0, 10), stay(12, 31)],
        },
        {
            "emailAddress": null, "role": "Presenter", "identity": identity("User", json!("U2")),
            "attendanceIntervals": [stay(1, 30)],
        },
        {
            "emailAddress": null, "identity": identity("Phone", Value::Null),
            "attendanceIntervals": [stay(2, 3)],
        },
        {
            "emailAddress": null, "identity": identity("Application", json!("B")),
            "attendanceIntervals": [stay(0, 31)],
        },
    ]})
}

#[tokio::test]
async fn a_teams_call_is_followed_to_who_was_in_it() {
    let report = |id: &str, day: &str| {
        json!({
            "id": id, "totalParticipantCount": 3, "attendanceRecords": [],
            "meetingStartDateTime": format!("2026-03-{day}T09:00:03.945Z"),
            "meetingEndDateTime": format!("2026-03-{day}T09:31:00Z"),
        })
    };
    let meeting = || ok(json!({"value": [{"id": "MSpk*0**19:x@thread.v2", "subject": null}]}));
    let reports = || ok(json!({"value": [report("R2", "09"), report("R1", "02")]}));
    let stage = Stage::new(vec![
        token("T1"),
        ok(json!({"id": "U1"})),
        meeting(),
        reports(),
        ok(attendance()),
        ok(json!({"mail": null, "userPrincipalName": "Ann@example.com"})),
        meeting(),
        reports(),
        ok(attendance()),
    ])
    .await;
    let around = Window {
        from: "2026-03-09T08:45:00Z".parse().expect("instant"),
        to: "2026-03-09T10:00:00Z".parse().expect("instant"),
    };
    let calls = stage.graph.calls(&mia(), &teams(), around).await;
    let calls = calls.expect("calls");
    let [call] = calls.as_slice() else {
        panic!("not one call: {calls:?}");
    };
    assert_eq!(call.record, "R2");
    let people = call.attendances.iter().map(|stay| stay.address.as_ref());
    let people: Vec<_> = people.map(|address| address.map(Address::as_str)).collect();
    let mia_came = Some("mia@example.com");
    assert_eq!(people, [mia_came, mia_came, Some("ann@example.com"), None]);
    // Whom the directory told is not asked for again.
    let again = stage.graph.calls(&mia(), &teams(), around).await;
    assert_eq!(again, Ok(calls));

    let meetings = "GET /v1.0/users/U1/onlineMeetings";
    let filter = teams().key.replace('\'', "''");
    let runs = format!("{meetings}/MSpk*0**19:x@thread.v2/attendanceReports");
    let journey = [
        format!("{meetings}?$filter=JoinWebUrl eq '{filter}'"),
        runs.clone(),
        format!("{runs}/R2/attendanceRecords"),
    ];
    let organizer = "GET /v1.0/users/mia@example.com?$select=id";
    let mut expected = vec![TOKEN.to_owned(), organizer.to_owned()];
    expected.extend(journey.clone());
    expected.push("GET /v1.0/users/U2?$select=mail,userPrincipalName".to_owned());
    expected.extend(journey);
    assert_eq!(stage.asked().await, expected);
}

#[tokio::test]
async fn teams_may_know_nothing_or_refuse() {
    let stage = Stage::new(vec![
        token("T1"),
        refusal(404, "Request_ResourceNotFound"),
        ok(json!({"id": "U1"})),
        refusal(404, "NotFound"),
        refusal(403, "Unauthorized"),
        // A record that cannot be read is not somebody's absence.
        ok(json!({"value": [{"id": "M"}]})),
        ok(json!({"value": [{"id": "R", "meetingStartDateTime": "2026-03-09T09:00:00Z"}]})),
        ok(json!({"value": [{"attendanceIntervals": [{"joinDateTime": "soon"}]}]})),
    ])
    .await;
    let calls = async || stage.graph.calls(&mia(), &teams(), window()).await;
    assert_eq!(calls().await, Ok(Vec::new()));
    assert_eq!(calls().await, Ok(Vec::new()));
    let Err(ProviderError::Refused(text)) = calls().await else {
        panic!("not refused");
    };
    assert!(text.contains("New-CsApplicationAccessPolicy"), "{text}");
    assert!(matches!(calls().await, Err(ProviderError::Garbled(_))));
    let meet = Conference { service: ConferenceService::GoogleMeet, key: "abc".into() };
    let answer = stage.graph.calls(&mia(), &meet, window()).await;
    assert_eq!(answer, Ok(Vec::new()));
    assert_eq!(stage.asked().await.len(), 8);
}
