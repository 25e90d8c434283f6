//! A folder with a configuration, secrets and a roster against a sandbox, and the program beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use mentord::clock::{Clock as _, SystemClock};
use mentord::sandbox::{
    Conference, Control, Mail, NewMeeting, NewPerson, Options, Planned, Provider, Response, Sandbox,
};
use serde_json::Value;
use tempfile::TempDir;

pub const ADA: &str = "ada@acme.example";
pub const BEN: &str = "ben@acme.example";
pub const CHEN: &str = "chen@contoso.example";
pub const DARA: &str = "dara@contoso.example";
pub const EVA: &str = "eva@acme.example";
pub const FINN: &str = "finn@contoso.example";
pub const GUS: &str = "gus@contoso.example";
pub const HANA: &str = "hana@freelance.example";
/// In no roster.
pub const OLGA: &str = "olga@outside.example";
pub const MANAGER: &str = "people@acme.example";

/// The program to run.
pub const MENTORD: &str = env!("CARGO_BIN_EXE_mentord");

const HEADER: &str = "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence\n";

pub struct Stage {
    folder: TempDir,
    pub sandbox: Sandbox,
    pub control: Control,
    /// The present, in whole minutes: calendars know no seconds.
    pub now: DateTime<Utc>,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn went_well(self) -> Self {
        self.ends_with(0)
    }

    /// Standard error has each of these.
    #[track_caller]
    pub fn complains_of(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in:\n{}", self.err);
        }
        self
    }

    /// Standard output has each of these.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word), "{word:?} is not in:\n{}", self.out);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in:\n{}", self.out))
    }
}

/// Runs the program with nothing of this process's environment.
pub async fn run(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = Command::new(MENTORD);
    command.env_clear().args(args).envs(environment.iter().copied()).stdin(Stdio::null());
    // The sandbox goes on serving meanwhile.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Waits until `look` finds something, for some seconds at the most.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 20 seconds");
}

impl Stage {
    /// Eight people in four pairings, and calendars with nothing on them.
    pub async fn set() -> Self {
        let now = now().trunc_subsecs(0);
        let now = now - TimeDelta::seconds(now.timestamp() % 60);
        let sandbox = Sandbox::start(Options { plain_callbacks: true, ..Options::at(now) }).await.unwrap();
        let control = sandbox.control();
        let person = |address: &str, provider| {
            let name = address.split('@').next().unwrap();
            let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            NewPerson { address: address.to_owned(), name, provider, ..NewPerson::default() }
        };
        let google = [ADA, BEN, EVA].map(|address| person(address, Provider::Google));
        let microsoft = [CHEN, DARA, FINN, GUS].map(|address| person(address, Provider::Microsoft));
        let nowhere = [HANA, OLGA].map(|address| person(address, Provider::None));
        control.people(&[&google[..], &microsoft[..], &nowhere[..]].concat()).await.unwrap();
        let stage = Self { folder: tempfile::tempdir().unwrap(), sandbox, control, now };
        stage.write("roster.csv", &stage.roster());
        stage.write("mentord.toml", &stage.configuration());
        stage
    }

    fn configuration(&self) -> String {
        let access = self.sandbox.grant_access(self.folder.path()).unwrap();
        format!(
            r#"[database]
url = "sqlite:mentord.db"

[sync]
interval = "1h"

{access}
[[programs]]
name = "engineering"
title = "Engineering mentoring"
timezone = "UTC"
managers = ["{MANAGER}"]
roster = "roster.csv"
cadence = "2 weeks"
first_within = "2 weeks"

[programs.alerts]
remind_before = ["1h"]
"#
        )
    }

    fn roster(&self) -> String {
        // Ada's address is not in lower case, as people write it.
        let pairs = [
            ("Ada", "Ada@ACME.example", "Ben", BEN),
            ("Chen", CHEN, "Dara", DARA),
            ("Eva", EVA, "Finn", FINN),
            ("Gus", GUS, "Hana", HANA),
        ];
        let rows = pairs.map(|(mentor, from, mentee, to)| self.row(mentor, from, mentee, to));
        format!("{HEADER}{}", rows.concat())
    }

    /// A line of the roster: the pairing began thirty days ago.
    pub fn row(&self, mentor: &str, from: &str, mentee: &str, to: &str) -> String {
        let starts_on = (self.now - TimeDelta::days(30)).date_naive();
        format!("engineering,{mentor},{from},{mentee},{to},{starts_on},,\n")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(self.file(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Replaces a piece of the configuration.
    pub fn configure(&self, old: &str, new: &str) {
        let text = self.read("mentord.toml");
        assert!(text.contains(old), "{old:?} is not in the configuration");
        self.write("mentord.toml", &text.replace(old, new));
    }

    /// Names of all files, in order.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs a command against the stage's configuration.
    pub async fn run(&self, args: &[&str]) -> Run {
        self.run_in(args, &[]).await
    }

    pub async fn run_in(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        let config = self.path("mentord.toml");
        run(&[args, &["--config", &config]].concat(), environment).await
    }

    /// What a command lists, as JSON.
    pub async fn list(&self, command: &str) -> Vec<Value> {
        self.run(&[command, "--format", "json"]).await.went_well().json()
    }

    /// The sessions between two people, whoever is the mentor.
    pub async fn sessions_of(&self, mentor: &str) -> Vec<Value> {
        let mut sessions = self.list("sessions").await;
        sessions.retain(|session| session["mentor"] == mentor);
        sessions
    }

    pub async fn mails(&self) -> Vec<Mail> {
        self.control.mails().await.unwrap()
    }

    /// So many minutes from now; below zero, before.
    pub fn at(&self, minutes: i64) -> DateTime<Utc> {
        self.now + TimeDelta::minutes(minutes)
    }

    /// Somebody books a meeting `from` so many minutes from now.
    pub async fn book(
        &self,
        organizer: &str,
        guests: &[&str],
        title: &str,
        (from, minutes): (i64, i64),
        conference: Conference,
    ) -> Planned {
        let meeting = NewMeeting {
            organizer: organizer.to_owned(),
            attendees: guests.iter().map(ToString::to_string).collect(),
            title: title.to_owned(),
            start: self.at(from).format("%Y-%m-%dT%H:%M").to_string(),
            timezone: "UTC".to_owned(),
            minutes,
            conference,
            ..NewMeeting::default()
        };
        self.control.plan(&meeting).await.unwrap()
    }

    /// Somebody is in the call between two times, in minutes from now.
    pub async fn stay(&self, meeting: &Planned, who: &str, (from, to): (i64, i64)) {
        self.control.join(&meeting.id, Some(who), self.at(from), None).await.unwrap();
        self.control.leave(&meeting.id, Some(who), self.at(to), None).await.unwrap();
    }

    /// Ada and Ben met, an hour ago.
    pub async fn held(&self) -> Planned {
        let meeting = self.book(ADA, &[BEN], "Mentoring", (-105, 45), Conference::Meet).await;
        self.control.respond(&meeting.id, BEN, Response::Accepted, None).await.unwrap();
        self.stay(&meeting, ADA, (-105, -60)).await;
        self.stay(&meeting, BEN, (-96, -62)).await;
        meeting
    }

    /// Chen waited for Dara, an hour ago.
    pub async fn missed(&self) -> Planned {
        let meeting = self.book(CHEN, &[DARA], "Mentoring", (-110, 50), Conference::Teams).await;
        self.stay(&meeting, CHEN, (-110, -90)).await;
        meeting
    }

    /// Ada and Ben are going to meet so soon that a reminder is due.
    pub async fn soon(&self) -> Planned {
        self.book(ADA, &[BEN], "Mentoring", (45, 45), Conference::Meet).await
    }

    /// Eva invited Finn to the day after tomorrow, and he declined.
    pub async fn declined(&self) -> Planned {
        let meeting = self.book(EVA, &[FINN], "Mentoring", (2 * 24 * 60, 45), Conference::Meet).await;
        self.control.respond(&meeting.id, FINN, Response::Declined, None).await.unwrap();
        meeting
    }

    /// Gus and Hana mean to meet in three days.
    pub async fn planned(&self) -> Planned {
        self.book(GUS, &[HANA], "Mentoring", (3 * 24 * 60, 45), Conference::Teams).await
    }
}
