//! Events as other clients of Google's interface make them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mentord::domain::detect::Decision;
use mentord::domain::judge::{Grade, Status};
use mentord::domain::session::Copy;
use mentord::sandbox::Quirks;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::journeys::about;
use crate::programme::*;

impl Programme {
    /// Somebody's client makes an event on their calendar.
    async fn insert(&self, who: &str, event: &Value) -> Value {
        #[expect(clippy::disallowed_methods, reason = "somebody else's client")]
        let http = reqwest::Client::new();
        let key: Value = serde_json::from_str(&self.sandbox().google_key_json()).expect("a key file");
        #[expect(clippy::disallowed_methods, reason = "assertions are signed with the machine's time")]
        let now = chrono::Utc::now().timestamp();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]})),
            part(json!({
                "iss": key["client_email"], "sub": who, "aud": key["token_uri"], "iat": now, "exp": now + 3600,
                "scope": "https://www.googleapis.com/auth/calendar.events",
            })),
        );
        let pem = key["private_key"].as_str().expect("a key");
        let private = rsa::PrivateKey::from_pkcs8_pem(pem).expect("PEM");
        let signature = SigningKey::<Sha256>::new(private).sign(signed.as_bytes());
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        let grant =
            [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
        let token = http.post(key["token_uri"].as_str().expect("an address")).form(&grant).send().await;
        let token: Value = token.expect("an answer").json().await.expect("JSON");
        let url = format!(
            "{}calendars/primary/events?conferenceDataVersion=1&sendUpdates=all",
            self.sandbox().google_api_url()
        );
        let bearer = token["access_token"].as_str().expect("a token");
        let made = http.post(url).bearer_auth(bearer).json(event).send().await.expect("an answer");
        assert_eq!(made.status(), 200);
        made.json().await.expect("JSON")
    }
}

fn event(guests: &[&str]) -> Value {
    json!({
        "summary": "Mentoring",
        "start": {"dateTime": "2026-10-06T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-10-06T11:00:00+02:00", "timeZone": "Europe/Berlin"},
        "attendees": guests.iter().map(|guest| json!({"email": guest})).collect::<Vec<_>>(),
    })
}

/// Google makes the call some time after the event, which is a change like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_made_later_is_read_then() {
    let programme = Programme::new().await;
    let habits = Quirks { google_conference_pending: true, ..Quirks::default() };
    programme.world.quirks(habits).await.expect("habits");
    programme.until("2026-10-05T06:10").await;
    let mut with_call = event(&[BEN]);
    with_call["conferenceData"] = json!({"createRequest": {
        "requestId": "one", "conferenceSolutionKey": {"type": "hangoutsMeet"},
    }});
    let made = programme.insert(ADA, &with_call).await;
    assert_eq!(made["conferenceData"]["createRequest"]["status"]["statusCode"], "pending");
    programme.asked_of_vendors().await;
    let with_call = async || {
        let sessions = programme.sessions().await;
        let [session] = &sessions[..] else { panic!("{sessions:#?}") };
        let copies = programme.service().context.store.copies_of_session(&session.id).await.expect("copies");
        copies.iter().filter(|copy| copy.facts.conference.is_some()).count()
    };
    // Whoever's calendar is read first is told of a call that is being made.
    programme.until("2026-10-05T07:10").await;
    assert!(with_call().await < 2);
    programme.until("2026-10-05T08:20").await;
    assert_eq!(with_call().await, 2);
    let (asked, _) = programme.asked_of_vendors().await;
    assert_eq!((about(&asked, "ada"), about(&asked, "ben")), (vec!["since"; 2], vec!["since"; 2]));

    let meetings = programme.world.meetings(begin(), berlin("2026-10-07T00:00")).await.expect("meetings");
    programme.both(&meetings[0].id, [ADA, BEN], "2026-10-06T10:00").await;
    programme.until("2026-10-06T14:00").await;
    let expected = ("06.10. 10:00".to_owned(), Status::Held, Grade::Observed);
    assert_eq!(programme.verdicts("2026-10-07T00:00").await, [expected]);
}

/// Guests who may not see each other are told of themselves alone, and of who invites them.
#[tokio::test(flavor = "multi_thread")]
async fn guests_who_do_not_see_each_other_meet_all_the_same() {
    let programme = Programme::new().await;
    programme.until("2026-10-05T06:10").await;
    let mut hidden = event(&[BEN]);
    hidden["guestsCanSeeOtherGuests"] = json!(false);
    programme.insert(ADA, &hidden).await;
    programme.until("2026-10-05T08:10").await;
    let sessions = programme.sessions().await;
    let [session] = &sessions[..] else { panic!("{sessions:#?}") };
    assert!(session.stands && session.responses.len() == 2, "{session:#?}");
    let copies = programme.service().context.store.copies_of_session(&session.id).await.expect("copies");
    assert_eq!(copies.len(), 2);
    // Ben's says that there may be others.
    let says = |copy: &&Copy| copy.facts.reasons.iter().any(|reason| reason.text.contains("may be hidden"));
    assert_eq!(copies.iter().filter(says).count(), 1, "{copies:#?}");
}

/// On a guest's calendar a crowd whose list is hidden looks like the two alone; the organiser's shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_its_guests_cannot_see_is_no_session() {
    let programme = Programme::new().await;
    let crowd: Vec<String> = (0..60).map(|number| format!("guest-{number}@elsewhere.example")).collect();
    let mut guests: Vec<&str> = crowd.iter().map(String::as_str).collect();
    guests.push(BEN);
    let mut kick_off = event(&guests);
    kick_off["guestsCanSeeOtherGuests"] = json!(false);
    programme.insert(ADA, &kick_off).await;
    programme.until("2026-10-05T08:00").await;
    let sessions = programme.sessions().await;
    assert!(sessions.iter().all(|session| session.decision == Decision::Left), "{sessions:#?}");
    // Of the two alone it is one, hidden or not.
    let mut alone = event(&[BEN]);
    alone["guestsCanSeeOtherGuests"] = json!(false);
    programme.insert(ADA, &alone).await;
    programme.until("2026-10-05T10:00").await;
    let sessions = programme.sessions().await;
    assert_eq!(sessions.iter().filter(|session| session.decision == Decision::Taken).count(), 1);
}
