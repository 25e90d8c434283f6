//! Who is let in, who is not, and what trouble means.

use mentord::sandbox::{Conference as Call, Mailbox};

use super::*;

#[tokio::test]
async fn an_expired_token_is_renewed_on_the_way() {
    let stage = Stage::new(2, Quirks::default()).await;
    for start in ["2026-10-05T10:00", "2026-10-06T10:00", "2026-10-07T10:00", "2026-10-08T10:00"] {
        stage.plan(single(SIDES[0], start)).await;
    }
    for (who, second_page) in [(ANNA, "pageToken="), (CLARA, "skiptoken=")] {
        let mut calendar = Calendar::new(who);
        calendar.poll(&stage).await;
        stage.control.expire_tokens().await.expect("expired");
        assert_eq!(calendar.poll(&stage).await, [""; 0]);
        stage.fault(second_page, 401, None).await;
        assert_eq!(stage.all(who).await.len(), 4);
    }
}

/// How long the provider asks to wait, for the sake of one mailbox.
#[track_caller]
fn throttled(answer: Result<Listing, ProviderError>) -> Option<Duration> {
    match answer {
        Err(ProviderError::Throttled { by: Throttler::Mailbox(_), retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn trouble_is_told_apart_by_what_can_be_done_about_it() {
    let stage = Stage::plain().await;
    stage.plan(single(SIDES[0], "2026-10-06T10:00")).await;
    for (who, path) in [(ANNA, "/calendar/"), (CLARA, "/v1.0/")] {
        let cursor = stage.list(who, None).await.expect("a listing").cursor;
        for cursor in [None, cursor.as_deref()] {
            for (wait, seconds) in [(Some("17"), Some(17)), (None, None)] {
                stage.fault(path, 429, wait).await;
                let retry_after = seconds.map(Duration::from_secs);
                assert_eq!(throttled(stage.list(who, cursor).await), retry_after, "{who}");
            }
            for status in [500, 502, 503, 504] {
                stage.fault(path, status, Some("120")).await;
                let wait = throttled(stage.list(who, cursor).await);
                assert_eq!(wait, Some(Duration::from_secs(120)), "{who} {status}");
            }
            for status in [500, 502, 503, 504] {
                stage.fault(path, status, None).await;
                let answer = stage.list(who, cursor).await;
                assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{who} {status} {answer:?}");
            }
            // Google's word for the former is the sandbox's for being too fast.
            for status in if who == ANNA { vec![404] } else { vec![403, 404] } {
                stage.fault(path, status, None).await;
                let answer = stage.list(who, cursor).await;
                assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{who} {status} {answer:?}");
            }
        }
        // None of it was tried again, and it left nothing behind.
        assert!(stage.list(who, cursor.as_deref()).await.is_ok());
    }
}

#[tokio::test]
async fn a_sign_in_service_in_trouble_is_trouble_that_passes() {
    let stage = Stage::plain().await;
    for (who, path) in [(ANNA, "/google/token"), (CLARA, "/login/")] {
        for status in [500, 503] {
            stage.fault(path, status, None).await;
            let answer = stage.list(who, None).await;
            assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{who} {status} {answer:?}");
        }
        assert!(stage.list(who, None).await.is_ok());
    }
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_unreachable() {
    let stage = Stage::plain().await;
    for who in ["nobody@acme.example", "nobody@contoso.example"] {
        let nobody = address(who);
        let provider = stage.of(who);
        let listed = provider.list(&nobody, october(), None).await.map(drop);
        let looked = provider.look(&nobody, "abc").await.map(drop);
        for answer in [listed, looked] {
            let Err(ProviderError::Unreachable(told)) = answer else { panic!("{who} {answer:?}") };
            assert!(!told.contains("nobody"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_of_microsoft_is_refused() {
    let stage = Stage::plain().await;
    let right = microsoft(&stage.sandbox);
    for wrong in [
        config::Microsoft { credential: config::Credential::Secret("s3cret".into()), ..right.clone() },
        config::Microsoft { client_id: "11111111-1111-4111-8111-111111111111".into(), ..right.clone() },
        config::Microsoft { tenant_id: "11111111-1111-4111-8111-111111111111".into(), ..right.clone() },
    ] {
        let provider =
            Microsoft::new("contoso", &wrong, Duration::from_secs(10), Arc::new(Passed::default()))
                .expect("a provider");
        let answer = provider.list(&address(CLARA), october(), None).await;
        let Err(ProviderError::Refused(told)) = answer else { panic!("{answer:?}") };
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_key_of_google_that_is_not_the_right_one_is_refused() {
    let stage = Stage::plain().await;
    let config = google(&stage.sandbox);
    let key = stage.sandbox.google_key_json();
    let wrong = key
        .replace("client_email\":\"", "client_email\":\"not-")
        .replace("client_email\": \"", "client_email\": \"not-");
    assert_ne!(wrong, key);
    let wrong = config::Google { auth: config::GoogleAuth::ServiceAccount(wrong.into()), ..config };
    let provider = Google::new("acme", &wrong, Duration::from_secs(10), Arc::new(Passed::default()))
        .expect("a provider");
    let answer = provider.list(&address(ANNA), october(), None).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
}

#[tokio::test]
async fn a_probe_tells_whether_a_calendar_can_be_read() {
    let stage = Stage::plain().await;
    assert_eq!(stage.google.probe(&address(ANNA)).await, Ok(()));
    for who in ["nobody@acme.example", "nobody@contoso.example"] {
        let answer = stage.of(who).probe(&address(who)).await;
        assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{who} {answer:?}");
    }
}

/// What is said of a mailbox is not said of what is in it.
#[tokio::test]
async fn a_mailbox_that_is_shut_or_not_there_yet_is_unreachable() {
    let stage = Stage::plain().await;
    stage.plan(single(SIDES[1], "2026-10-06T10:00")).await;
    let key = stage.only(CLARA).await.key;
    let cursor = stage.list(CLARA, None).await.expect("a listing").cursor;
    for is in [Mailbox::New, Mailbox::Shut] {
        stage.control.mailbox(CLARA, is).await.expect("set");
        let looked = stage.of(CLARA).look(&address(CLARA), &key).await.map(drop);
        let listed = stage.list(CLARA, None).await.map(drop);
        let increment = stage.list(CLARA, cursor.as_deref()).await.map(drop);
        for answer in [looked, listed, increment] {
            assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{is:?} {answer:?}");
        }
    }
    stage.control.mailbox(CLARA, Mailbox::Open).await.expect("set");
    let listing = stage.list(CLARA, cursor.as_deref()).await.expect("a listing");
    assert!(listing.changes.is_empty(), "{listing:?}");
}

#[tokio::test]
async fn calls_without_a_policy_are_refused_with_the_remedy() {
    let stage = Stage::plain().await;
    let meeting = NewMeeting { conference: Call::Teams, ..single(SIDES[1], "2026-10-06T10:00") };
    stage.plan(meeting).await;
    let link = stage.only(CLARA).await.conference.expect("a call");
    stage.control.mailbox(CLARA, Mailbox::NoCalls).await.expect("set");
    let window = Window { from: at("2026-10-06T08:00:00Z"), to: at("2026-10-06T09:00:00Z") };
    let answer = stage.of(CLARA).calls(&address(CLARA), &link, window).await;
    let Err(ProviderError::Refused(told)) = answer else { panic!("{answer:?}") };
    assert!(told.contains("Grant-CsApplicationAccessPolicy") && !told.contains(CLARA), "{told}");
    assert!(stage.list(CLARA, None).await.is_ok(), "the calendar is read all the same");
}

#[tokio::test]
async fn who_is_shut_out_is_told_where_to_be_let_in_again() {
    let stage = Stage::plain().await;
    for (who, vendor, remedy) in
        [(ANNA, At::Google, "Domain-wide delegation"), (CLARA, At::Microsoft, "client_secret_file")]
    {
        let cursor = stage.list(who, None).await.expect("a listing").cursor;
        stage.control.admit(vendor, false).await.expect("set");
        stage.control.expire_tokens().await.expect("expired");
        for cursor in [None, cursor.as_deref()] {
            let answer = stage.list(who, cursor).await;
            let Err(ProviderError::Refused(told)) = answer else { panic!("{who} {answer:?}") };
            assert!(told.contains(remedy), "{told}");
        }
        stage.control.admit(vendor, true).await.expect("set");
        assert!(stage.list(who, cursor.as_deref()).await.is_ok());
    }
}
