//! Who is not let in any more, or not yet; and what is told of that which changes meanwhile.

use super::*;

const WRITE: &str = "https://www.googleapis.com/auth/calendar.events";

#[tokio::test]
async fn graph_keeps_applications_out_of_mailboxes() {
    let story = Story::begin(50).await;
    let meeting = story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::Teams).await;
    let token = story.graph_token().await;
    let users = format!("{}/users", story.sandbox.graph_url());
    let (_, clara) = story.get(&token, &format!("{users}/{CLARA}")).await;
    let id = clara["id"].as_str().expect("an id");
    let mut filter = url::Url::parse(&format!("{users}/{id}/onlineMeetings")).expect("a URL");
    let join_url = meeting.conference_key.expect("a call");
    filter.query_pairs_mut().append_pair("$filter", &format!("JoinWebUrl eq '{join_url}'"));
    let calendar = story.delta_url(CLARA, "2026-10-01", "2026-11-01");
    for (is, of_calendar, of_calls) in [
        (Mailbox::New, (404, "MailboxNotEnabledForRESTAPI", "inactive"), (200, "", "")),
        (Mailbox::Shut, (403, "ErrorAccessDenied", "Access to OData is disabled."), (200, "", "")),
        (Mailbox::NoCalls, (200, "", ""), (403, "Unauthorized", "is not authorized to")),
        (Mailbox::Open, (200, "", ""), (200, "", "")),
    ] {
        story.control.mailbox(CLARA, is).await.expect("set");
        for (url, (status, code, says)) in [(&*calendar, of_calendar), (filter.as_str(), of_calls)] {
            let (answered, body) = story.get(&token, url).await;
            let error = |name: &str| body["error"][name].as_str().unwrap_or_default();
            assert_eq!((answered, error("code")), (status, code), "{is:?}: {body}");
            assert!(error("message").contains(says), "{body}");
        }
        // She is in the directory, and Dan has nothing to do with it.
        assert_eq!(story.get(&token, &format!("{users}/{CLARA}")).await.0, 200);
        assert_eq!(story.get(&token, &story.delta_url(DAN, "2026-10-01", "2026-11-01")).await.0, 200);
    }
    let error = story.control.mailbox(ANNA, Mailbox::New).await.expect_err("no such mailbox");
    assert!(error.to_string().contains("has no mailbox with microsoft"), "{error}");
}

#[tokio::test]
async fn the_service_itself_is_let_in_no_more() {
    let story = Story::begin(50).await;
    let secret = story.sandbox.microsoft_app().client_secret;
    let google = story.google_token(ANNA, CALENDAR).await;
    for provider in [Provider::Google, Provider::Microsoft] {
        story.control.admit(provider, false).await.expect("set");
    }
    let (status, body) = story.ask_google_token(ANNA, CALENDAR).await;
    assert_eq!((status, &body["error"]), (401, &json!("unauthorized_client")));
    let (status, body) = story.ask_graph_token(&secret).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    assert_eq!(story.google(&google, &OCTOBER).await.0, 200, "a token lives on");
    for provider in [Provider::Google, Provider::Microsoft] {
        story.control.admit(provider, true).await.expect("set");
    }
    assert_eq!(story.ask_google_token(ANNA, CALENDAR).await.0, 200);
    assert_eq!(story.ask_graph_token(&secret).await.0, 200);
}

#[tokio::test]
async fn google_wants_everything_listed_anew_after_a_change_of_rights() {
    let story = Story::begin(50).await;
    story.plan(ANNA, &[BEN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.google_token(ANNA, CALENDAR).await;
    let (_, sync, _) = story.google_all(&token, &OCTOBER).await;
    let since = [("singleEvents", "true"), ("syncToken", sync.as_str())];
    // Other habits change nothing about it.
    let other = Quirks { google_unbounded: true, ..Quirks::default() };
    story.control.quirks(other).await.expect("set");
    assert_eq!(story.google(&token, &since).await.0, 200);
    story.control.quirks(Quirks { google_reader: true, ..other }).await.expect("set");
    let (status, body) = story.google(&token, &since).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (410, &json!("fullSyncRequired")));
}

/// The refresh token of somebody who consented with Microsoft.
async fn consented(story: &Story, who: &str) -> String {
    use sha2::Digest as _;
    let app = story.sandbox.microsoft_app();
    let base = format!("{}/{}/oauth2/v2.0", story.sandbox.login_url(), app.tenant_id);
    let verifier = "v".repeat(43);
    let mut url = url::Url::parse(&format!("{base}/authorize")).expect("a URL");
    url.query_pairs_mut().extend_pairs([
        ("client_id", app.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", "http://127.0.0.1/back"),
        ("scope", "offline_access Calendars.Read"),
        ("state", "s"),
        ("login_hint", who),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier))),
        ("code_challenge_method", "S256"),
    ]);
    #[expect(clippy::disallowed_methods, reason = "a browser that stays where it is")]
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let sent = browser.expect("a client").get(url).send().await.expect("an answer");
    let back = sent.headers()["location"].to_str().expect("text");
    let back = url::Url::parse(back).expect("a URL");
    let (_, code) = back.query_pairs().find(|(name, _)| name == "code").expect("a code");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("redirect_uri", "http://127.0.0.1/back"),
        ("code", &code),
        ("code_verifier", &verifier),
    ];
    let (status, body) = story.post_form(&format!("{base}/token"), &form).await;
    assert_eq!(status, 200, "{body}");
    body["refresh_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_consent_is_revoked_in_the_midst_of_things() {
    let story = Story::begin(50).await;
    let app = story.sandbox.microsoft_app();
    let url = format!("{}/{}/oauth2/v2.0/token", story.sandbox.login_url(), app.tenant_id);
    let renew = async |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
            ("refresh_token", token),
        ];
        let (status, body) = story.post_form(&url, &form).await;
        (status, body["error"].as_str().unwrap_or_default().to_owned(), body["refresh_token"].clone())
    };
    for (line, claras, dans) in [
        (format!("revoke token of {CLARA}"), 200, 200),
        (format!("after 1 request to \"/login/\" revoke consent of {CLARA}"), 200, 200),
        (format!("revoke consent of {CLARA}"), 400, 200),
        ("revoke consents".to_owned(), 400, 400),
    ] {
        let (clara, dan) = (consented(&story, CLARA).await, consented(&story, DAN).await);
        story.control.script(&line).await.expect("a right script");
        for (token, status) in [(clara, claras), (dan, dans)] {
            let (answered, error, _) = renew(&token).await;
            assert_eq!(
                (answered, &*error),
                (status, if status == 200 { "" } else { "invalid_grant" }),
                "{line}"
            );
        }
        story.control.clear_faults().await.expect("mended");
    }
}

#[tokio::test]
async fn a_scripted_410_may_say_where_to_begin() {
    let story = Story::begin(50).await;
    let token = story.graph_token().await;
    let fresh = story.delta_url(CLARA, "2026-10-01", "2026-11-01");
    let (_, link, _) = story.delta(&token, &fresh).await;
    story.control.script(&format!("to \"deltatoken\" answer 410 location \"{fresh}\"")).await.expect("right");
    let answer = story.http.get(&link).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].as_bytes()), (410, fresh.as_bytes()));
}

#[tokio::test]
async fn what_befalls_a_request_of_a_batch_befalls_no_other() {
    let story = Story::begin(2).await;
    for start in ["2026-10-05T10:00", "2026-10-06T10:00", "2026-10-07T10:00"] {
        story.plan(CLARA, &[DAN], start, None, Conference::None).await;
    }
    let token = story.graph_token().await;
    let (_, link, _) = story.delta(&token, &story.delta_url(CLARA, "2026-10-01", "2026-11-01")).await;
    let round = format!("/users/{CLARA}/calendarView/delta?startDateTime=2026-10-01&endDateTime=2026-11-01");
    let since = link.split_once("/v1.0").expect("a link").1;
    let url = format!("{}/$batch", story.sandbox.graph_url());
    for (line, status, odd) in [
        ("answer odd json", 200, true),
        ("answer garbage", 200, true),
        ("answer truncate", 504, false),
        ("answer torn listing", 200, false),
        (&*format!("lose cursor of {CLARA}"), 410, false),
    ] {
        story.control.script(&format!("after 1 request to \"/calendarView/\" {line}")).await.expect("right");
        let wanted = if status == 410 { since } else { &round };
        let get = |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url});
        let requests = json!([get("1", &round), get("2", wanted), get("3", &format!("/users/{DAN}"))]);
        let (_, told) = story.send(&token, "POST", &url, &json!({"requests": requests})).await;
        let answers = told["responses"].as_array().expect("answers");
        let of = |id: &str| answers.iter().find(|answer| answer["id"] == id).expect("an answer");
        assert_eq!((&of("1")["status"], &of("3")["status"]), (&json!(200), &json!(200)), "{line}");
        assert!(of("1")["body"]["@odata.nextLink"].is_string(), "{line}");
        assert_eq!(of("2")["status"], status, "{line}: {told}");
        assert_eq!(!of("2")["body"].is_object(), odd, "{line}: {told}");
        assert!(of("2")["body"].get("@odata.nextLink").is_none(), "{line}");
    }
}

#[tokio::test]
async fn graph_may_say_that_what_left_the_window_has_changed() {
    let story = Story::begin(50).await;
    let meeting = story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    let token = story.graph_token().await;
    let (_, link, _) = story.delta(&token, &story.delta_url(DAN, "2026-10-01", "2026-11-01")).await;
    story.control.quirks(Quirks { graph_removed_changed: true, ..Quirks::default() }).await.expect("set");
    story.control.reschedule(&meeting.id, None, "2026-12-07T10:00", None).await.expect("moved");
    let (items, ..) = story.delta(&token, &link).await;
    assert_eq!(texts(&items, "/@removed/reason"), ["changed"]);
}

#[tokio::test]
async fn what_graph_tells_twice_has_changed_meanwhile() {
    let story = Story::begin(50).await;
    story.plan(CLARA, &[DAN], "2026-10-05T10:00", None, Conference::None).await;
    story.plan(CLARA, &[DAN], "2026-10-06T10:00", None, Conference::None).await;
    story.control.quirks(Quirks { graph_repeat: true, ..Quirks::default() }).await.expect("set");
    let token = story.graph_token().await;
    let (items, ..) = story.delta(&token, &story.delta_url(DAN, "2026-10-01", "2026-11-01")).await;
    assert_eq!(items[0]["id"], items[2]["id"]);
    assert_eq!(
        texts(&items, "/start/dateTime"),
        ["2026-10-05T07:00:00.0000000", "2026-10-06T08:00:00.0000000", "2026-10-05T08:00:00.0000000"]
    );
    assert_eq!(texts(&items, "/subject"), ["As it was before", "Mentoring", "Mentoring"]);
}

#[tokio::test]
async fn google_tells_again_when_a_call_was_made() {
    let story = Story::begin(50).await;
    story.control.quirks(Quirks { google_conference_pending: true, ..Quirks::default() }).await.expect("set");
    let token = story.google_token(ANNA, WRITE).await;
    let order = json!({
        "start": {"dateTime": "2026-10-05T10:00:00+02:00"}, "end": {"dateTime": "2026-10-05T11:00:00+02:00"},
        "attendees": [{"email": BEN}],
        "conferenceData": {"createRequest": {
            "requestId": "one", "conferenceSolutionKey": {"type": "hangoutsMeet"},
        }},
    });
    let url = format!(
        "{}calendars/primary/events?conferenceDataVersion=1&sendUpdates=all",
        story.sandbox.google_api_url()
    );
    assert_eq!(story.send(&token, "POST", &url, &order).await.0, 200);
    let bens = story.google_token(BEN, CALENDAR).await;
    let (items, sync, _) = story.google_all(&bens, &OCTOBER).await;
    assert_eq!(texts(&items, "/hangoutLink"), ["-"]);
    let (items, ..) = story.google_all(&bens, &[("singleEvents", "true"), ("syncToken", &sync)]).await;
    assert!(texts(&items, "/hangoutLink")[0].starts_with("https://meet.google.com/"), "{items:#?}");
}
