//! `mentord serve`: start, health, work, reload, stop.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mentord::sandbox::Conference;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixDatagram};

use crate::stage::{ADA, BEN, MENTORD, Stage, eventually};

/// The running service. Dropping it ends it.
pub struct Service<'a> {
    stage: &'a Stage,
    child: Child,
    /// systemd's side of the notifications.
    systemd: UnixDatagram,
    log: &'static str,
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// Listens on any port and reads calendars every second.
pub fn quick(stage: &Stage) {
    stage.configure(
        "[sync]\ninterval = \"1h\"",
        "[web]\nlisten = \"127.0.0.1:0\"\n\n[sync]\ninterval = \"1s\"",
    );
}

impl<'a> Service<'a> {
    pub fn start(stage: &'a Stage) -> Self {
        Self::start_with(stage, &[], &[], "serve.log")
    }

    pub fn start_with(
        stage: &'a Stage,
        args: &[&str],
        environment: &[(&str, &str)],
        log: &'static str,
    ) -> Self {
        let socket = stage.file(&format!("{log}.notify"));
        let systemd = UnixDatagram::bind(&socket).unwrap();
        let child = Command::new(MENTORD)
            .env_clear()
            .env("NOTIFY_SOCKET", &socket)
            .envs(environment.iter().copied())
            .args(["serve", "--config"])
            .arg(stage.file("mentord.toml"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(stage.file(log)).unwrap())
            .spawn()
            .unwrap();
        Self { stage, child, systemd, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next notification, which has to come within some seconds.
    async fn told(&self) -> String {
        let mut buffer = [0; 1024];
        let told = tokio::time::timeout(Duration::from_secs(20), self.systemd.recv(&mut buffer));
        let length =
            told.await.unwrap_or_else(|_| panic!("systemd was told nothing:\n{}", self.log())).unwrap();
        str::from_utf8(&buffer[..length]).unwrap().trim_end().to_owned()
    }

    pub async fn ready(&self) {
        let told = self.told().await;
        assert!(told.lines().any(|line| line == "READY=1"), "{told}\n{}", self.log());
    }

    /// What else was told and not looked at yet.
    fn more_told(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(length) = self.systemd.try_recv(&mut buffer) {
            told.push(str::from_utf8(&buffer[..length]).unwrap().trim_end().to_owned());
        }
        told
    }

    pub fn log(&self) -> String {
        self.stage.read(self.log)
    }

    pub async fn logged(&self, words: &str) {
        eventually(words, async || self.log().contains(words).then_some(())).await;
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap().success());
    }

    /// The port of the listener that was opened last.
    fn port(&self) -> u16 {
        let log = self.log();
        let (_, tail) = log.rsplit_once("listening on 127.0.0.1:").expect("a listener");
        tail.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        get(self.port(), path).await
    }

    /// Waits for the end, for less than systemd would; the exit code.
    pub async fn end(&mut self) -> Option<i32> {
        eventually("the end", async || self.child.try_wait().unwrap()).await.code()
    }

    /// Stops it as systemd does.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let code = self.end().await;
        assert_eq!(code, Some(0), "{}", self.log());
    }
}

async fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn systemd_is_told_once_that_it_is_ready_and_then_everything_answers() {
    let stage = Stage::set().await;
    quick(&stage);
    stage.held().await;
    let mut service = Service::start(&stage);
    let told = service.told().await;
    assert!(told.contains("READY=1") && told.contains("STATUS=1 program, 2 connections"), "{told}");
    // No waiting from here on: ready means ready.
    assert!(stage.file("mentord.db").exists());
    assert_eq!(service.get("/health/live").await, (200, "alive\n".to_owned()));
    let (status, body) = service.get("/health").await;
    assert_eq!(status, 200);
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["database"], "ok");
    let states = ["active", "needs_consent", "unreachable", "backing_off"];
    let sum: u64 = states.iter().map(|state| health["calendars"][state].as_u64().unwrap()).sum();
    assert_eq!(sum, 7);
    assert_eq!(stage.list("pairings").await.len(), 4);
    assert_eq!(service.get("/secrets").await.0, 404);

    eventually("the session is judged", async || {
        let sessions = stage.list("sessions").await;
        sessions.iter().any(|session| session["status"] == "held").then_some(())
    })
    .await;
    service.stop().await;
    assert_eq!(service.more_told(), ["STOPPING=1"]);
}

#[tokio::test]
async fn what_changes_in_the_calendars_is_seen_while_it_runs() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    let soon = stage.soon().await;
    eventually("reminders", async || (stage.mails().await.len() == 2).then_some(())).await;
    stage.control.cancel(&soon.id, None).await.unwrap();
    eventually("the session is off", async || {
        let sessions = stage.list("sessions").await;
        (sessions.len() == 1 && sessions[0]["status"] == "late_cancelled").then_some(())
    })
    .await;
    stage.book(ADA, &[BEN], "Mentoring", (3000, 45), Conference::Meet).await;
    eventually("another", async || (stage.list("sessions").await.len() == 2).then_some(())).await;
    assert_eq!(stage.mails().await.len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn hanging_up_reads_rosters_and_configuration_again() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    stage
        .write("roster.csv", &(stage.read("roster.csv") + &stage.row("Eva", "eva@acme.example", "Ben", BEN)));
    stage.configure("title = \"Engineering mentoring\"", "title = \"Growing engineers\"");
    service.signal("HUP");
    let told = service.told().await;
    let usec = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(told.contains("RELOADING=1") && usec.is_some_and(|usec| usec.parse::<u64>().is_ok()), "{told}");
    service.ready().await;
    assert_eq!(stage.list("pairings").await.len(), 5);
    assert_eq!(service.get("/health/live").await.0, 200);
    stage.book("eva@acme.example", &[BEN], "Mentoring", (300, 45), Conference::Meet).await;
    eventually("a session of the new pairing", async || stage.sessions_of("eva@acme.example").await.pop())
        .await;
    service.stop().await;
    assert_eq!(service.more_told(), ["STOPPING=1"]);
}

#[tokio::test]
async fn a_configuration_that_was_broken_meanwhile_is_told_and_left_aside() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    let good = stage.read("mentord.toml");

    stage.write("mentord.toml", "[sync]\ninterval = \"sometimes\"\n");
    service.signal("HUP");
    service.logged("the old one stays").await;
    service.logged("\"sometimes\"").await;
    assert_eq!(service.get("/health/live").await.0, 200);

    stage.write("mentord.toml", &good);
    let roster = stage.read("roster.csv");
    stage.write("roster.csv", &(roster.clone() + "engineering,Zoe\n"));
    service.signal("HUP");
    service.logged("roster.csv:6").await;
    assert_eq!(service.get("/health/live").await.0, 200);
    stage.soon().await;
    eventually("work goes on", async || (stage.mails().await.len() == 2).then_some(())).await;
    assert_eq!(service.more_told(), Vec::<String>::new());

    stage.write("roster.csv", &(roster + &stage.row("Eva", "eva@acme.example", "Ben", BEN)));
    service.signal("HUP");
    assert!(service.told().await.contains("RELOADING=1"));
    service.ready().await;
    assert_eq!(stage.list("pairings").await.len(), 5);
    service.stop().await;
}

#[tokio::test]
async fn a_new_listen_address_that_is_taken_leaves_the_old_one_in_place() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    stage.configure("127.0.0.1:0", &address);
    service.signal("HUP");
    service.logged(&format!("{address} ([web] listen) cannot be listened on")).await;
    stage.soon().await;
    eventually("work goes on", async || (stage.mails().await.len() == 2).then_some(())).await;
    assert_eq!(service.get("/health/live").await.0, 200);
    drop(taken);
    service.signal("HUP");
    eventually("the new address", async || TcpStream::connect(&address).await.ok()).await;
    service.stop().await;
}

#[tokio::test]
async fn many_reloads_in_a_row_end_well() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    for _ in 0..5 {
        service.signal("HUP");
    }
    assert!(service.told().await.contains("RELOADING=1"));
    service.ready().await;
    service.stop().await;
    let told = service.more_told();
    assert_eq!(told.last().map(String::as_str), Some("STOPPING=1"), "{told:?}");
}

#[tokio::test]
async fn a_provider_that_never_answers_does_not_hold_up_the_end() {
    let stage = Stage::set().await;
    quick(&stage);
    let hole = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = hole.local_addr().unwrap();
    stage.configure(&stage.sandbox.graph_url(), &format!("http://{address}/v1.0"));
    let mut service = Service::start(&stage);
    service.ready().await;
    // Taken, and never answered.
    let (_kept, _) = tokio::time::timeout(Duration::from_secs(20), hole.accept()).await.unwrap().unwrap();
    // Nor does it hold up the calendars of the others.
    stage.soon().await;
    service.stop().await;
    assert_eq!(service.more_told(), ["STOPPING=1"]);
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_does_not_hold_up_the_end() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    let mut slow = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: loc").await.unwrap();
    let _silent = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    // It has both by the time at which it answers this.
    assert_eq!(service.get("/health/live").await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn it_stops_as_well_when_somebody_interrupts_it_on_a_terminal() {
    let stage = Stage::set().await;
    let mut service = Service::start(&stage);
    service.ready().await;
    service.signal("INT");
    assert_eq!(service.end().await, Some(0));
}

#[tokio::test]
async fn systemds_watchdog_is_fed() {
    let stage = Stage::set().await;
    let mut service = Service::start_with(&stage, &[], &[("WATCHDOG_USEC", "600000")], "serve.log");
    service.ready().await;
    for _ in 0..3 {
        assert_eq!(service.told().await.trim(), "WATCHDOG=1");
    }
    service.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start_and_names_it() {
    let stage = Stage::set().await;
    quick(&stage);
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    stage.configure("127.0.0.1:0", &address);
    let run = stage.run(&["serve"]).await.ends_with(1);
    run.complains_of(&[&format!("mentord: {address} ([web] listen) cannot be listened on"), "in use"]);
}

#[tokio::test]
async fn a_second_service_on_the_same_database_is_refused_and_the_first_goes_on() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut first = Service::start(&stage);
    first.ready().await;
    let run = stage.run(&["serve"]).await.ends_with(1);
    run.complains_of(&["another `mentord serve` is running on", "mentord.db"]);
    first.signal("HUP");
    assert!(first.told().await.contains("RELOADING=1"), "the first keeps its place over a reload");
    first.ready().await;
    first.stop().await;
    let mut second = Service::start_with(&stage, &[], &[], "second.log");
    second.ready().await;
    second.stop().await;
}

#[tokio::test]
async fn a_wrong_configuration_ends_the_start_with_78_so_that_systemd_does_not_try_again() {
    let stage = Stage::set().await;
    stage.configure("provider = \"google\"", "provider = \"gogle\"");
    stage.run(&["serve"]).await.ends_with(78).complains_of(&["1 problem", "\"gogle\""]);
    stage.configure("provider = \"gogle\"", "provider = \"google\"");
    stage.write("roster.csv", "name\n");
    stage.run(&["serve"]).await.ends_with(78).complains_of(&["roster.csv:1"]);
    assert!(!stage.file("mentord.db").exists());
}

#[tokio::test]
async fn what_was_left_undone_by_a_kill_is_done_after_the_next_start() {
    let stage = Stage::set().await;
    quick(&stage);
    let hole = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let graph = stage.sandbox.graph_url();
    let nowhere = format!("http://{}/v1.0", hole.local_addr().unwrap());
    stage.configure(&graph, &nowhere);
    stage.missed().await;
    let mut first = Service::start_with(&stage, &[], &[], "first.log");
    first.ready().await;
    let (_kept, _) = tokio::time::timeout(Duration::from_secs(20), hole.accept()).await.unwrap().unwrap();
    // In the middle of reading, with a lease on the calendars.
    first.signal("KILL");
    assert_eq!(first.end().await, None);
    stage.configure(&nowhere, &graph);
    let mut second = Service::start_with(&stage, &[], &[], "second.log");
    second.ready().await;
    eventually("the alerts", async || (stage.mails().await.len() == 2).then_some(())).await;
    second.stop().await;
}

#[tokio::test]
async fn health_tells_calendars_that_cannot_be_read() {
    let stage = Stage::set().await;
    quick(&stage);
    let row = stage.row("Zoe", "zoe@acme.example", "Ben", BEN);
    stage.write("roster.csv", &(stage.read("roster.csv") + &row));
    let mut service = Service::start(&stage);
    service.ready().await;
    let expected = json!({"active": 7, "needs_consent": 0, "unreachable": 0, "backing_off": 0});
    let health = eventually("an unreachable calendar", async || {
        let health: Value = serde_json::from_str(&service.get("/health").await.1).unwrap();
        (health["calendars"] != expected && health["calendars"]["active"] == 7).then_some(health)
    })
    .await;
    let broken = ["needs_consent", "unreachable", "backing_off"];
    assert_eq!(broken.iter().map(|state| health["calendars"][state].as_u64().unwrap()).sum::<u64>(), 1);
    assert!(!health.to_string().contains("zoe"));
    service.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_by_health() {
    let stage = Stage::set().await;
    quick(&stage);
    let mut service = Service::start(&stage);
    service.ready().await;
    rename(&stage.file("mentord.db"), "calendar", "calendar_away").await;
    let (status, body) = service.get("/health").await;
    assert_eq!(
        (status, &serde_json::from_str::<Value>(&body).unwrap()["database"]),
        (503, &"failing".into())
    );
    assert_eq!(service.get("/health/live").await.0, 200);
    rename(&stage.file("mentord.db"), "calendar_away", "calendar").await;
    assert_eq!(service.get("/health").await.0, 200);
    service.stop().await;
}

async fn rename(database: &Path, from: &str, to: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn commands_work_beside_the_running_service() {
    let stage = Stage::set().await;
    quick(&stage);
    stage.soon().await;
    stage.held().await;
    let mut service = Service::start(&stage);
    service.ready().await;
    for command in ["sync", "send", "migrate"] {
        stage.run(&[command]).await.went_well();
    }
    eventually("everything is sent", async || (stage.mails().await.len() >= 2).then_some(())).await;
    for command in ["sync", "send", "sessions", "report"] {
        stage.run(&[command]).await.went_well();
    }
    assert_eq!(stage.mails().await.len(), 2);
    service.stop().await;
}
