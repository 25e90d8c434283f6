//! What is kept of calendars, and what is not.

use mentord::sandbox::{Conference, NewMeeting};
use sqlx::{Connection as _, PgConnection};

use crate::postgres::Server;
use crate::stage::{ADA, BEN, CHEN, DARA, OLGA, Stage};

/// Words of titles, texts and places, and of who is in no roster.
const WORDS: [&str; 12] = [
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

/// Whether the bytes of any of the database's files have this text, in whatever case.
fn has(stage: &Stage, text: &str) -> bool {
    anywhere(stage, "mentord.db", text)
}

/// Whether any of the files whose names begin so have this text.
fn anywhere(stage: &Stage, names: &str, text: &str) -> bool {
    let wanted = text.to_lowercase();
    let files = stage.files();
    let files: Vec<_> = files.iter().filter(|name| name.starts_with(names)).collect();
    assert!(!files.is_empty());
    files.iter().any(|name| {
        let bytes = std::fs::read(stage.file(name)).unwrap().to_ascii_lowercase();
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    })
}

/// Reads calendars that are full of such words, as loudly as it goes; returns what was said of it.
async fn read_it_all(stage: &Stage) -> String {
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
    let loud = ["--log-level", "debug"];
    let mut log = stage.run(&[&["sync"], &loud[..]].concat()).await.went_well().err;
    stage.control.retitle("m1", "Mentoring Vuvuzela", None).await.unwrap();
    for command in ["sync", "send"] {
        log += &stage.run(&[&[command], &loud[..]].concat()).await.went_well().err;
    }
    let sessions = stage.list("sessions").await;
    assert!(sessions.len() >= 3, "{sessions:#?}");
    log
}

#[tokio::test]
async fn titles_texts_places_and_strangers_never_reach_the_database() {
    let stage = Stage::set().await;
    let log = read_it_all(&stage).await;
    let copy = stage.file("copy.backup").display().to_string();
    stage.run(&["backup", &copy]).await.went_well();

    assert!(has(&stage, ADA) && anywhere(&stage, "copy.backup", ADA), "the search finds what is there");
    assert!(log.contains("calendar listed"), "{log}");
    let log = log.to_lowercase();
    for word in WORDS {
        assert!(!has(&stage, word), "{word} was kept");
        assert!(!anywhere(&stage, "copy.backup", word), "{word} was copied");
        assert!(!log.contains(&word.to_lowercase()), "{word} is in:\n{log}");
    }
}

#[tokio::test]
async fn nor_do_they_reach_postgresql() {
    let stage = Stage::set().await;
    let server = Server::shared();
    let url = server.database().await;
    stage.configure("sqlite:mentord.db", &url);
    stage.run(&["migrate"]).await.went_well();
    let log = read_it_all(&stage).await.to_lowercase();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let all = sqlx::query_scalar::<_, String>("SELECT database_to_xml(true, true, '')::text");
    let all = all.fetch_one(&mut connection).await.unwrap().to_lowercase();
    connection.close().await.unwrap();
    assert!(all.contains(ADA), "the search finds what is there");
    for word in WORDS.map(str::to_lowercase) {
        assert!(!all.contains(&word), "{word} was kept");
        assert!(!log.contains(&word), "{word} is in:\n{log}");
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
