//! Who is let in, who is not, and what trouble means.

use super::*;

#[tokio::test]
async fn throttling_and_trouble_are_told_and_not_retried() {
    let throttled = Reply { headers: vec![("retry-after", "2.128")], ..refusal(429, "ApplicationThrottled") };
    let stage = Stage::new(vec![
        token("T1"),
        throttled,
        refusal(503, "ServiceUnavailable"),
        refusal(403, "ErrorAccessDenied"),
        refusal(404, "ErrorInvalidUser"),
        refusal(404, "MailboxNotEnabledForRESTAPI"),
    ])
    .await;
    let by = Throttler::Mailbox("status 429 ApplicationThrottled".to_owned());
    let wait = Some(Duration::from_millis(2128));
    assert_eq!(stage.list(None).await, Err(ProviderError::Throttled { by, retry_after: wait }));
    let answer = stage.list(None).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))));
    for _ in 0..2 {
        let answer = stage.list(None).await;
        assert!(matches!(answer, Err(ProviderError::Unreachable(_))));
    }
    // No mailbox is no proof that the event is gone.
    let answer = stage.graph.look(&mia(), "E1").await;
    assert!(matches!(answer, Err(ProviderError::Unreachable(_))));
    assert_eq!(stage.asked().await, [TOKEN, DELTA, DELTA, DELTA, DELTA, &got("E1")]);
}

#[tokio::test]
async fn nobody_there_is_trouble_that_passes() {
    let stage = Stage::new(vec![token("T1"), ok(json!({"id": "C"}))]).await;
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    let Stage { server, graph, .. } = stage;
    drop(server);
    let answer = graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{answer:?}");
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_to_mend() {
    let stage = Stage::new(vec![denial("invalid_client", 7_000_222), denial("invalid_grant", 65_001)]).await;
    let Err(ProviderError::Refused(text)) = stage.list(None).await else {
        panic!("not refused");
    };
    assert!(text.contains("AADSTS7000222"), "{text}");
    assert!(text.contains("client_secret_file"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    let answer = stage.graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::NeedsConsent(_))));
    assert_eq!(stage.asked().await, [TOKEN, TOKEN]);
}

#[tokio::test]
async fn many_mailboxes_share_one_token_and_one_refusal() {
    let mut replies = vec![token("T1")];
    replies.extend((0..8).map(|_| last(json!([]))));
    let stage = Stage::new(replies).await;
    let all = futures_util::future::join_all((0..8).map(|_| stage.list(None))).await;
    assert!(all.iter().all(Result::is_ok));
    let asked = stage.asked().await;
    assert_eq!(asked.iter().filter(|one| *one == TOKEN).count(), 1);

    let stage = Stage::new(vec![denial("invalid_client", 7_000_215)]).await;
    let all = futures_util::future::join_all((0..8).map(|_| stage.list(None))).await;
    for answer in all {
        assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
    }
    assert_eq!(stage.asked().await, [TOKEN]);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once() {
    const PROBE: &str = "GET /v1.0/users/mia@example.com/calendar?$select=id";
    let expired = || refusal(401, "InvalidAuthenticationToken");
    let calendar = || ok(json!({"id": "C"}));
    let stage = Stage::new(vec![
        token("T1"),
        calendar(),
        expired(),
        token("T2"),
        calendar(),
        expired(),
        token("T3"),
        expired(),
    ])
    .await;
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    let answer = stage.graph.probe(&mia()).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))));
    assert_eq!(stage.asked().await, [TOKEN, PROBE, PROBE, TOKEN, PROBE, PROBE, TOKEN, PROBE]);
    let requests = stage.requests().await;
    assert_eq!(header(&requests[4], "authorization"), ["Bearer T2"]);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let brief = ok(json!({"token_type": "Bearer", "expires_in": 0, "access_token": "T1"}));
    let calendar = || ok(json!({"id": "C"}));
    let stage = Stage::new(vec![brief, calendar(), token("T2"), calendar(), calendar()]).await;
    for _ in 0..3 {
        assert_eq!(stage.graph.probe(&mia()).await, Ok(()));
    }
    let requests = stage.requests().await;
    let bearers: Vec<_> = requests.iter().flat_map(|one| header(one, "authorization")).collect();
    assert_eq!(bearers, ["Bearer T1", "Bearer T2", "Bearer T2"]);
}
