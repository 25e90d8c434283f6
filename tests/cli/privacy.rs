//! What is kept of calendars, and what is not.

use mentord::sandbox::{Conference, NewMeeting};

use crate::stage::{ADA, BEN, CHEN, DARA, OLGA, Stage};

/// Whether the bytes of any of the database's files have this text, in whatever case.
fn has(stage: &Stage, text: &str) -> bool {
    let wanted = text.to_lowercase();
    let files = stage.files();
    let files: Vec<_> = files.iter().filter(|name| name.starts_with("mentord.db")).collect();
    assert!(!files.is_empty());
    files.iter().any(|name| {
        let bytes = std::fs::read(stage.file(name)).unwrap().to_ascii_lowercase();
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    })
}

#[tokio::test]
async fn titles_texts_places_and_strangers_never_reach_the_database() {
    let stage = Stage::set().await;
    let meeting = |organizer: &str, guests: &[&str], title: &str, minutes: i64| NewMeeting {
        organizer: organizer.to_owned(),
        attendees: guests.iter().map(ToString::to_string).collect(),
        title: title.to_owned(),
        description: Some("About the Yggdrasil".to_owned()),
        location: Some("Room Zanzibar".to_owned()),
        start: stage.at(minutes).format("%Y-%m-%dT%H:%M").to_string(),
        timezone: "UTC".to_owned(),
        minutes: 45,
        ..NewMeeting::default()
    };
    let private = |meeting| NewMeeting { visibility: Some("private".to_owned()), ..meeting };
    let plans = [
        // A session, one that is left, one with a stranger on it, and what concerns no pairing.
        meeting(ADA, &[BEN], "Mentoring Xylophone", 60),
        meeting(ADA, &[BEN], "Interview Quetzal", 120),
        meeting(ADA, &[BEN, OLGA], "Mentoring Obelisk", 180),
        meeting(ADA, &[OLGA], "Dinner Wyvern", 240),
        private(meeting(CHEN, &[DARA], "Mentoring Jabberwock", 300)),
        private(meeting(DARA, &[], "Dentist Kumquat", 360)),
    ];
    for plan in &plans {
        stage.control.plan(plan).await.unwrap();
    }
    let teams = stage.book(CHEN, &[DARA, OLGA], "1:1 Umbrella", (-110, 50), Conference::Teams).await;
    for who in [CHEN, DARA, OLGA] {
        stage.stay(&teams, who, (-110, -62)).await;
    }
    stage.run(&["sync"]).await.went_well();
    stage.control.retitle("m1", "Mentoring Vuvuzela", None).await.unwrap();
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well();
    let sessions = stage.list("sessions").await;
    assert!(sessions.len() >= 3, "{sessions:#?}");

    assert!(has(&stage, ADA), "the search finds what is there");
    let words = [
        "Xylophone",
        "Quetzal",
        "Obelisk",
        "Wyvern",
        "Jabberwock",
        "Kumquat",
        "Umbrella",
        "Vuvuzela",
        "Yggdrasil",
        "Zanzibar",
        "olga",
        "outside.example",
    ];
    for word in words {
        assert!(!has(&stage, word), "{word} was kept");
    }
}

#[tokio::test]
async fn secrets_never_reach_the_database() {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    let app = stage.sandbox.microsoft_app();
    for secret in [&app.client_secret, "ya29.", "PRIVATE KEY"] {
        assert!(!has(&stage, secret), "{secret}");
    }
}

#[tokio::test]
async fn mails_tell_nothing_of_the_calendar_but_the_session() {
    let stage = Stage::set().await;
    stage.book(ADA, &[BEN], "Mentoring Xylophone", (45, 45), Conference::Meet).await;
    stage.book(ADA, &[OLGA], "Dinner Quetzal", (100, 45), Conference::Meet).await;
    stage.missed().await;
    stage.run(&["sync"]).await.went_well();
    stage.run(&["send"]).await.went_well();
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 4);
    for mail in mails {
        for word in ["Quetzal", "olga", "Xylophone"] {
            assert!(!mail.data.contains(word), "{word} is in:\n{}", mail.data);
        }
        let ours = mail.to[0].starts_with("ada") || mail.to[0].starts_with("ben");
        let others = if ours { ["Chen", "Dara"] } else { ["Ada", "Ben"] };
        assert!(others.iter().all(|other| !mail.data.contains(other)), "{}", mail.data);
    }
}
