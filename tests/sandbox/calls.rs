//! Who was in a call.

use super::*;

#[tokio::test]
async fn meet_tells_who_was_there_without_addresses() {
    let story = Story::begin(1).await;
    let series =
        story.plan(ANNA, &[BEN, CLARA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::Meet).await;
    let start = at("2026-10-05T08:00:00Z");
    let minute = |minutes| start + Duration::minutes(minutes);
    let (id, control) = (series.id.as_str(), &story.control);
    for (who, from, to) in
        [(Some(ANNA), 0, 40), (Some(BEN), 5, 10), (Some(BEN), 12, 38), (Some(CLARA), 6, 39), (None, 7, 9)]
    {
        control.join(id, who, minute(from), None).await.expect("joined");
        control.leave(id, who, minute(to), None).await.expect("left");
    }
    let meet = story.sandbox.meet_url();
    let code = series.conference_key.expect("a code");
    let filter = format!("{meet}v2/conferenceRecords?filter=space.meeting_code%3D%22{code}%22");
    let token = story.google_token(ANNA, MEET).await;
    assert_eq!(story.get(&token, &filter).await.1, json!({}), "the call has not begun");
    control.clock(minute(20)).await.expect("clock");
    let (_, body) = story.get(&token, &filter).await;
    assert_eq!(body["conferenceRecords"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["conferenceRecords"][0].get("endTime"), None, "it goes on");
    control.clock(minute(60)).await.expect("clock");
    let (_, body) = story.get(&token, &filter).await;
    let record = &body["conferenceRecords"][0];
    assert!(record["endTime"].as_str().is_some_and(|end| end.starts_with("2026-10-05T08:40:00")));

    let name = record["name"].as_str().expect("a name");
    let mut people = Vec::new();
    let mut page = String::new();
    loop {
        let (_, body) = story.get(&token, &format!("{meet}v2/{name}/participants?pageToken={page}")).await;
        people.extend(body["participants"].as_array().expect("people").clone());
        match body["nextPageToken"].as_str() {
            Some(next) => page = next.to_string(),
            None => break,
        }
    }
    assert_eq!(people.len(), 4);
    assert!(!people.iter().any(|one| one.to_string().contains("@acme.example")));
    assert_eq!(texts(&people, "/anonymousUser/displayName"), ["-", "-", "Clara Conti", "Guest"]);
    let ben = people[1]["name"].as_str().expect("a name");
    let (_, body) = story.get(&token, &format!("{meet}v2/{ben}/participantSessions")).await;
    assert!(
        body["participantSessions"][0]["startTime"]
            .as_str()
            .is_some_and(|at| at.starts_with("2026-10-05T08:05"))
    );
    assert!(body["nextPageToken"].is_string(), "Ben came twice");

    // Who was not there sees nothing; the directory knows whom an id belongs to.
    control.person("fay@acme.example", "Fay", Provider::Google).await.expect("a person");
    let token = story.google_token("fay@acme.example", &format!("{MEET} {DIRECTORY}")).await;
    assert_eq!(story.get(&token, &filter).await.1, json!({}));
    let user = people[1]["signedinUser"]["user"].as_str().expect("a user");
    let directory = story.sandbox.directory_url();
    assert_eq!(story.get(&token, &format!("{directory}{user}")).await.0, 403);
    let (_, body) = story.get(&token, &format!("{directory}{user}?viewType=domain_public")).await;
    assert_eq!(body["primaryEmail"], BEN);
}

#[tokio::test]
async fn teams_reports_when_the_call_is_over() {
    let story = Story::begin(50).await;
    let series =
        story.plan(CLARA, &[DAN, ANNA], "2026-10-05T10:00", Some("FREQ=WEEKLY"), Conference::Teams).await;
    let (id, control) = (series.id.as_str(), &story.control);
    for week in 0..2 {
        let start = at("2026-10-05T08:00:00Z") + Duration::weeks(week);
        for who in [Some(CLARA), Some(DAN), Some(ANNA), None] {
            control.join(id, who, start, None).await.expect("joined");
            control.leave(id, who, start + Duration::minutes(30), None).await.expect("left");
        }
    }
    let token = story.graph_token().await;
    let graph = story.sandbox.graph_url();
    let (_, clara) = story.get(&token, &format!("{graph}/users/{CLARA}")).await;
    let owner = clara["id"].as_str().expect("an id");
    let filter = format!("JoinWebUrl eq '{}'", series.conference_key.expect("an address"));
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let find = |user: &str| format!("{graph}/users/{user}/onlineMeetings?$filter={filter}");
    assert_eq!(story.get(&token, &find(CLARA)).await.0, 400, "an address does not do here");
    let (_, dan) = story.get(&token, &format!("{graph}/users/{DAN}")).await;
    assert_eq!(story.get(&token, &find(dan["id"].as_str().expect("an id"))).await.1["value"], json!([]));
    let (_, body) = story.get(&token, &find(owner)).await;
    let reports = format!(
        "{graph}/users/{owner}/onlineMeetings/{}/attendanceReports",
        body["value"][0]["id"].as_str().expect("an id")
    );
    control.clock(at("2026-10-05T08:10:00Z")).await.expect("clock");
    assert_eq!(story.get(&token, &reports).await.1["value"], json!([]), "the call goes on");
    control.clock(at("2026-10-13T08:00:00Z")).await.expect("clock");
    let (_, body) = story.get(&token, &reports).await;
    assert_eq!(
        texts(body["value"].as_array().expect("reports"), "/meetingStartDateTime"),
        ["2026-10-12T08:00:00.0000000Z", "2026-10-05T08:00:00.0000000Z",]
    );
    let report = body["value"][1]["id"].as_str().expect("an id");
    let (_, expanded) = story.get(&token, &format!("{reports}/{report}?$expand=attendanceRecords")).await;
    let (_, listed) = story.get(&token, &format!("{reports}/{report}/attendanceRecords")).await;
    assert_eq!(expanded["attendanceRecords"], listed["value"]);
    assert_eq!(texts(listed["value"].as_array().expect("records"), "/emailAddress"), [CLARA, DAN, "-", "-"]);
    assert_eq!(listed["value"][1]["attendanceIntervals"][0]["durationInSeconds"], 1800);
}
