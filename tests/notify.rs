//! Real conversations with a small mail server on loopback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use mentord::config::Mail;
use mentord::domain::people::Address;
use mentord::notify::letter::{Counts, Coverage, Digest};
use mentord::notify::{Letter, Matter, Notifier, Recipient, SendError, Sent, Smtp, SmtpUrlError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server answers where it does not agree: the first words of a command and the reply.
type Script = &'static [(&'static str, &'static str)];

/// A mail server that says yes, but for its script, and remembers what it was told.
struct Server {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = lines.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script, told.clone()));
            }
        });
        Self { port, lines }
    }

    fn url(&self, scheme: &str, login: &str) -> String {
        format!("{scheme}://{login}127.0.0.1:{}/mentord.example", self.port)
    }

    /// What was said, without the message's own lines.
    fn commands(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let commands = lines.iter().filter(|line| !line.starts_with("| "));
        commands.cloned().collect()
    }

    /// The message's lines as they came over the wire.
    fn content(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let content = lines.iter().filter_map(|line| line.strip_prefix("| "));
        content.map(str::to_owned).collect()
    }
}

/// Answers one client. A reply of `silence` means that there is none.
async fn converse(stream: TcpStream, script: Script, told: Arc<Mutex<Vec<String>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let reply = |said: &str, otherwise: &'static str| {
        let scripted = script.iter().find(|(words, _)| said.starts_with(words));
        scripted.map_or(otherwise, |(_, reply)| reply)
    };
    let mut answer = reply("greeting", "220 loopback ESMTP");
    let mut in_content = false;
    loop {
        let line = format!("{answer}\r\n");
        if answer != "silence" && writer.write_all(line.as_bytes()).await.is_err() {
            return;
        }
        let line = loop {
            let Ok(Some(line)) = lines.next_line().await else {
                return;
            };
            if !in_content || line == "." {
                break line;
            }
            told.lock().unwrap().push(format!("| {line}"));
        };
        told.lock().unwrap().push(line.clone());
        answer = match line.split_once(' ').map_or(line.as_str(), |(verb, _)| verb) {
            "EHLO" => reply(&line, "250-loopback\r\n250-8BITMIME\r\n250 AUTH PLAIN"),
            "DATA" => reply(&line, "354 go on"),
            "AUTH" => reply(&line, "235 welcome"),
            "QUIT" => reply(&line, "221 bye"),
            "." => reply(&line, "250 2.0.0 Ok: queued as 4TqX for <anna@acme.example>"),
            _ => reply(&line, "250 Ok"),
        };
        in_content = line == "DATA" && answer.starts_with('3');
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A letter whose text has a line that begins with a dot.
fn letter() -> Letter {
    Letter {
        program: ".NET mentoring".to_owned(),
        zone: Tz::Europe__Berlin,
        greeting: None,
        matter: Matter::Digest(Digest {
            from: NaiveDate::from_ymd_opt(2026, 9, 28).unwrap(),
            to: NaiveDate::from_ymd_opt(2026, 10, 4).unwrap(),
            as_of: at("2026-10-05T07:00:00Z"),
            sessions: Counts::default(),
            attendance: None,
            to_look_after: Vec::new(),
            coverage: Coverage::default(),
        }),
    }
}

async fn deliver(url: &str) -> Result<Sent, SendError> {
    deliver_to(url, "anna@acme.example").await
}

async fn deliver_to(url: &str, address: &str) -> Result<Sent, SendError> {
    deliver_if(url, address, true).await.map(|sent| sent.expect("a mail that was to go out"))
}

async fn deliver_if(url: &str, address: &str, still: bool) -> Result<Option<Sent>, SendError> {
    let from = "Mentoring <mentoring@acme.example>".parse().unwrap();
    let mail = Mail { smtp_url: url.into(), from, max_per_minute: 30 };
    let to = Recipient { name: Some("Anna Ober".to_owned()), address: Address::parse(address).unwrap() };
    let notifier = Notifier::new(&mail).unwrap();
    let date = at("2026-10-05T07:00:00Z");
    // As a task, since that is how a worker calls it.
    let key = "digest:anna:2026-10-05";
    let task = async move { notifier.deliver(&to, key, date, &letter(), async || still).await };
    tokio::spawn(task).await.unwrap()
}

#[tokio::test]
async fn a_mail_called_off_at_the_last_moment_does_not_leave() {
    let server = Server::start(&[]).await;
    let sent = deliver_if(&server.url("smtp", ""), "anna@acme.example", false).await.unwrap();

    assert_eq!(sent, None);
    let commands = server.commands();
    assert_eq!(commands[2..], ["RCPT TO:<anna@acme.example>", "QUIT"]);
}

#[tokio::test]
async fn a_mail_arrives_whole() {
    let server = Server::start(&[]).await;
    let sent = deliver(&server.url("smtp", "")).await.unwrap();

    assert_eq!(sent.response, "250 2.0.0 Ok: queued as 4TqX for ***");
    assert_eq!(
        server.commands(),
        [
            "EHLO mentord.example",
            "MAIL FROM:<mentoring@acme.example>",
            "RCPT TO:<anna@acme.example>",
            "DATA",
            ".",
            "QUIT"
        ]
    );
    let content = server.content();
    assert!(content.contains(&format!("Message-ID: {}", sent.message_id)));
    assert!(content.contains(&"Date: Mon, 05 Oct 2026 07:00:00 +0000".to_owned()));
    assert!(content.contains(&"Auto-Submitted: auto-generated".to_owned()));
    let stuffed = "..NET mentoring, Monday 28 September 2026 to Sunday 4 October 2026";
    assert!(content.contains(&stuffed.to_owned()), "{content:#?}");
}

#[tokio::test]
async fn the_same_key_is_the_same_message() {
    let server = Server::start(&[]).await;
    let first = deliver(&server.url("smtp", "")).await.unwrap();
    let once = server.content();
    let second = deliver(&server.url("smtp", "")).await.unwrap();
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(server.content(), [once.clone(), once].concat());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    use SendError::{Configuration, Permanent, Temporary};
    type Case = (&'static str, &'static str, fn(String) -> SendError);
    let cases: [Case; 10] = [
        ("greeting", "421 4.3.2 busy", Temporary),
        ("greeting", "554 5.7.1 you are blocked", Configuration),
        ("AUTH", "535 5.7.8 no such login", Configuration),
        ("AUTH", "454 4.7.0 later", Temporary),
        ("MAIL", "553 5.1.8 not your address", Configuration),
        ("RCPT", "451 4.7.1 greylisted", Temporary),
        ("RCPT", "530 5.7.0 log in first", Configuration),
        ("DATA", "452 4.3.1 full", Temporary),
        (".", "554 5.7.1 unwanted", Permanent),
        (".", "550 5.4.5 daily limit reached", Temporary),
    ];
    for case in cases {
        let (command, answer, expected) = case;
        let script: Script = Vec::leak(vec![(command, answer)]);
        let server = Server::start(script).await;
        let error = deliver(&server.url("smtp", "user:secret@")).await;
        assert_eq!(error, Err(expected(answer.to_owned())), "{command}");
    }
    // Servers like to repeat whom they refuse.
    let script = &[("RCPT", "550-5.1.1 <anna@acme.example>:\r\n550 5.1.1 'anna' unknown")];
    let server = Server::start(script).await;
    let error = deliver(&server.url("smtp", "")).await.unwrap_err();
    insta::assert_snapshot!(error);
}

#[tokio::test]
async fn letters_beyond_ascii_in_an_address_need_a_server_that_knows_them() {
    let old = Server::start(&[]).await;
    let error = deliver_to(&old.url("smtp", ""), "jürgen@acme.example").await;
    assert!(matches!(error, Err(SendError::Permanent(_))), "{error:?}");
    assert_eq!(old.commands(), ["EHLO mentord.example", "QUIT"]);

    let new = Server::start(&[("EHLO", "250-loopback\r\n250-8BITMIME\r\n250 SMTPUTF8")]).await;
    deliver_to(&new.url("smtp", ""), "jürgen@bücher.example").await.unwrap();
    let commands = new.commands();
    assert_eq!(commands[1], "MAIL FROM:<mentoring@acme.example> SMTPUTF8 BODY=8BITMIME");
    assert_eq!(commands[2], "RCPT TO:<jürgen@xn--bcher-kva.example>");
}

#[tokio::test]
async fn trouble_with_the_line_is_temporary_and_with_tls_is_not() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let error = deliver(&format!("smtp://127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error}");

    let plain = Server::start(&[]).await;
    for url in [plain.url("smtps", ""), format!("{}?tls=required", plain.url("smtp", ""))] {
        let error = deliver(&url).await.unwrap_err();
        assert!(matches!(error, SendError::Configuration(_)), "{error}");
    }
}

#[tokio::test]
async fn silence_ends_in_time_and_a_lost_goodbye_loses_nothing() {
    let mute = Server::start(&[("EHLO", "silence")]).await;
    let smtp = Smtp::new(&mute.url("smtp", "").into()).unwrap();
    let impatient = smtp.with_time_out(Duration::from_millis(200));
    let error = impatient.probe().await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error}");

    let rude = Server::start(&[("QUIT", "silence")]).await;
    deliver(&rude.url("smtp", "")).await.unwrap();
}

#[tokio::test]
async fn a_probe_logs_in_and_sends_nothing() {
    let server = Server::start(&[]).await;
    // The user is `us er`, the password `p@ss+%`.
    let url = server.url("smtp", "us%20er:p%40ss+%25@");
    let smtp = Smtp::new(&url.into()).unwrap();
    smtp.probe().await.unwrap();
    let login = "AUTH PLAIN AHVzIGVyAHBAc3MrJQ==";
    assert_eq!(server.commands(), ["EHLO mentord.example", login, "NOOP", "QUIT"]);
    assert!(!format!("{smtp:?}").contains("ss"));
}

#[test]
fn urls_are_read_without_a_runtime_and_never_repeated() {
    let error = |url: &str| Smtp::new(&url.into()).unwrap_err();
    assert_eq!(error("mail.acme.example"), SmtpUrlError::NotAUrl);
    assert_eq!(error("http://u:secret@mail.acme.example"), SmtpUrlError::Scheme);
    assert_eq!(error("smtp://mail.acme.example?tls=maybe"), SmtpUrlError::Scheme);
    assert!(Smtp::new(&"smtps://u:p@mail.acme.example".into()).is_ok());
    assert!(Smtp::new(&"smtp://[::1]:1025".into()).is_ok());
}
