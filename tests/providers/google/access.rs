//! Who is let in, who is not, and what trouble means.

use mentord::providers::google::SetupError;

use super::*;

#[tokio::test]
async fn being_too_fast_is_told_with_the_time_to_wait() {
    let stage = Stage::new([
        token("t1"),
        refused(403, "rateLimitExceeded"),
        refused(429, "rateLimitExceeded").insert_header("retry-after", "17"),
        ResponseTemplate::new(429).set_body_string("<html>"),
        refused(503, "backendError")
            .insert_header("date", "Mon, 02 Mar 2026 09:00:00 GMT")
            .insert_header("retry-after", "Mon, 02 Mar 2026 09:30:00 GMT"),
    ])
    .await;
    for wait in [None, Some(Duration::from_secs(17)), None, Some(Duration::from_secs(1800))] {
        match stage.list(Some("s1")).await {
            Err(ProviderError::Throttled { retry_after, .. }) => assert_eq!(retry_after, wait),
            other => panic!("{other:?}"),
        }
    }
    // None was tried again.
    assert_eq!(stage.requests().await, since(&[("s1", "t1"); 4]));
}

/// A calendar must not be left on a cursor that Google cannot read, whatever it says of it.
#[tokio::test]
async fn a_bad_request_for_what_changed_rejects_the_cursor() {
    let stage = Stage::new([
        token("t1"),
        refused(400, "badRequest"),
        ok(json!({"items": [], "nextPageToken": "p2"})),
        refused(400, "badRequest"),
        refused(400, "badRequest"),
    ])
    .await;
    assert_eq!(stage.list(Some("s1")).await, Err(ProviderError::CursorRejected));
    // Of later pages and of full listings it says nothing.
    for cursor in [Some("s1"), None] {
        assert!(matches!(stage.list(cursor).await, Err(ProviderError::Refused(_))));
    }
}

#[tokio::test]
async fn what_passes_is_told_from_what_does_not() {
    let stage = Stage::new([
        token("t1"),
        refused(503, "backendError"),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
        ResponseTemplate::new(200).set_body_string("<html>"),
        refused(404, "notFound"),
        refused(403, "forbidden"),
    ])
    .await;
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(match stage.list(Some("s1")).await {
            Err(ProviderError::Temporary(_)) => "temporary",
            Err(ProviderError::Garbled(_)) => "garbled",
            Err(ProviderError::Unreachable(_)) => "unreachable",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(kinds, ["temporary", "temporary", "garbled", "unreachable", "unreachable"]);
    assert_eq!(stage.requests().await, since(&[("s1", "t1"); 5]));
    let gone = "http://127.0.0.1:9";
    let google = Google::new("acme", &config(gone), Duration::from_secs(2), Arc::new(Passed::default()))
        .expect("a provider");
    let answer = google.probe(&anna()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_revoked_token_is_renewed_once() {
    let page = || ok(json!({"nextSyncToken": "s2"}));
    let stage = Stage::new([
        token("t1"),
        refused(401, "authError"),
        token("t2"),
        page(),
        page(),
        refused(401, "authError"),
        token("t3"),
        refused(401, "authError"),
    ])
    .await;
    assert!(stage.list(Some("s1")).await.is_ok());
    assert!(stage.list(Some("s1")).await.is_ok());
    let answer = stage.list(Some("s1")).await;
    assert!(matches!(answer, Err(ProviderError::NeedsConsent(_))), "{answer:?}");
    let mut expected = since(&[("s1", "t1"), ("s1", "t2"), ("s1", "t2"), ("s1", "t2"), ("s1", "t3")]);
    for place in [2, 6] {
        expected.insert(place, expected[0].clone());
    }
    assert_eq!(stage.requests().await, expected);
}

#[tokio::test]
async fn refused_tokens_are_read_by_their_body() {
    let delegation = "Client is unauthorized to retrieve access tokens using this method, or \
                      client not authorized for any of the scopes requested.";
    let stage = Stage::new([
        no_token(401, "unauthorized_client", delegation),
        no_token(400, "invalid_grant", "Invalid email or User ID"),
        no_token(400, "invalid_grant", "Token has been expired or revoked."),
        no_token(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        no_token(400, "invalid_grant", "Invalid JWT Signature."),
        no_token(400, "invalid_grant", "Invalid signature for token: eyJh"),
        no_token(400, "invalid_grant", "Invalid JWT: Failed audience check."),
        no_token(400, "invalid_grant", "Invalid JWT: No valid verifier found for issuer."),
        no_token(500, "internal_failure", "Backend Error"),
        ResponseTemplate::new(502).set_body_string("<html>"),
        ok(json!({"error": {"code": 503}})),
        token("t1"),
        ok(json!({})),
    ])
    .await;
    let mut told = Vec::new();
    while let Err(error) = stage.google.probe(&anna()).await {
        assert!(!error.to_string().contains("anna"), "{error}");
        told.push(error);
    }
    // One for each, and nothing was asked without one.
    let mut expected = vec![format!("TOKEN anna@acme.example {EVENTS}"); 12];
    expected.push("GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1 [t1]".into());
    assert_eq!(stage.requests().await, expected);
    use ProviderError::{NeedsConsent, Refused, Temporary, Unreachable};
    match &told[..] {
        [
            Refused(delegation),
            Unreachable(_),
            NeedsConsent(_),
            Refused(clock),
            Refused(key),
            Refused(key_too),
            Refused(audience),
            Refused(other),
            Temporary(_),
            Temporary(_),
            Temporary(_),
        ] => {
            assert!(delegation.contains("1234567890"), "{delegation}");
            assert!(delegation.contains(EVENTS), "{delegation}");
            assert!(clock.contains("clock"), "{clock}");
            assert!(key.contains("key was withdrawn"), "{key}");
            assert!(key_too.contains("key was withdrawn"), "{key_too}");
            assert!(audience.contains("token_uri"), "{audience}");
            assert!(![audience, other].iter().any(|text| text.contains("clock")), "{audience} {other}");
        }
        other => panic!("{other:#?}"),
    }
}

#[tokio::test]
async fn every_participant_has_tokens_of_their_own() {
    let ben = Address::parse("ben@acme.example").expect("an address");
    let stage = Stage::new([token("a"), ok(json!({})), token("b"), ok(json!({}))]).await;
    stage.google.probe(&anna()).await.expect("anna's calendar");
    stage.google.probe(&ben).await.expect("ben's calendar");
    assert_eq!(
        stage.requests().await,
        [
            format!("TOKEN anna@acme.example {EVENTS}"),
            "GET /calendar/v3/calendars/anna@acme.example/events?maxResults=1 [a]".into(),
            format!("TOKEN ben@acme.example {EVENTS}"),
            "GET /calendar/v3/calendars/ben@acme.example/events?maxResults=1 [b]".into(),
        ]
    );
}

#[test]
fn a_key_that_cannot_work_is_refused_at_once_and_not_quoted() {
    let with = |field: &str, value: Value| {
        let mut key = key("http://127.0.0.1:9");
        key[field] = value;
        key.to_string()
    };
    for (key, expected) in [
        ("not JSON".to_owned(), SetupError::NotJson(1, 2)),
        ("{}".to_owned(), SetupError::NotServiceAccount),
        (with("type", json!("authorized_user")), SetupError::NotServiceAccount),
        (with("private_key", json!(null)), SetupError::Missing("private_key")),
        (with("private_key", json!("s3cret")), SetupError::PrivateKey),
        (with("token_uri", json!("oauth2.example.com")), SetupError::TokenUri),
        (with("token_uri", json!("file:///etc/passwd")), SetupError::TokenUri),
    ] {
        let mut own = config("http://127.0.0.1:9");
        own.auth = config::GoogleAuth::ServiceAccount(key.into());
        let error = Google::new("acme", &own, Duration::from_secs(2), Arc::new(Passed::default()))
            .expect_err("a bad key");
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("s3cret"));
    }
}
