//! Who is let in.

use super::*;

#[tokio::test]
async fn tokens_are_refused_as_the_vendors_refuse_them() {
    let story = Story::begin(50).await;
    let (status, body) = story.ask_google_token("nobody@acme.example", CALENDAR).await;
    assert_eq!(
        (status, body),
        (400, json!({"error": "invalid_grant", "error_description": "Invalid email or User ID"}))
    );
    let (status, body) = story.ask_google_token(ANNA, "https://www.googleapis.com/auth/calendar").await;
    assert_eq!((status, &body["error"]), (401, &json!("unauthorized_client")));
    let token = story.google_token(ANNA, MEET).await;
    let (status, body) = story.google(&token, &OCTOBER).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (403, &json!("insufficientPermissions")));
    let (status, body) = story.google("made-up", &OCTOBER).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (401, &json!("authError")));
    let (status, body) = story.ask_graph_token("wrong").await;
    assert_eq!(
        (status, &body["error"], &body["error_codes"]),
        (401, &json!("invalid_client"), &json!([7_000_215]))
    );
    story.control.expire_tokens().await.expect("expired");
    assert_eq!(story.google(&token, &OCTOBER).await.0, 401);
}
