//! `mentord serve`, one life after the other.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use crate::stage::{MENTORD, Stage, eventually};

/// The running service. Dropping it ends it.
pub struct Service<'a> {
    stage: &'a Stage,
    child: Child,
    log: String,
    /// How often it had said that it was ready before this life.
    ready_before: usize,
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(6000);
            eprintln!("the end of {}:\n{}", self.log, log.get(from..).unwrap_or(&log));
        }
    }
}

impl<'a> Service<'a> {
    pub fn start(stage: &'a Stage) -> Self {
        Self::start_with(stage, "mentord.toml", &[])
    }

    /// With another configuration; the log has its name.
    pub fn start_with(stage: &'a Stage, configuration: &str, environment: &[(&str, &str)]) -> Self {
        let log = format!("{configuration}.log");
        let file = File::options().create(true).append(true).open(stage.file(&log)).unwrap();
        let ready_before = ready(&stage.read(&log));
        let child = Command::new(MENTORD)
            .env_clear()
            .envs(environment.iter().copied())
            .args(["serve", "--config"])
            .arg(stage.file(configuration))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { stage, child, log, ready_before }
    }

    pub fn log(&self) -> String {
        self.stage.read(&self.log)
    }

    /// It has not ended by itself.
    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
    }

    pub async fn ready(&mut self) {
        eventually("ready", 60, async || {
            self.assert_alive();
            (ready(&self.log()) > self.ready_before).then_some(())
        })
        .await;
    }

    pub async fn logged(&self, words: &str) {
        eventually(words, 120, async || self.log().contains(words).then_some(())).await;
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap().success());
    }

    /// Ends it as a power cut would end it.
    pub fn kill(mut self) {
        self.assert_alive();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as systemd does, while others may keep it waiting.
    pub async fn ask_to_stop(&mut self) {
        self.signal("TERM");
        let status = eventually("the end", 60, async || self.child.try_wait().unwrap()).await;
        assert_eq!(status.code(), Some(0));
    }

    /// Ends it as systemd does.
    pub async fn stop(mut self) {
        self.ask_to_stop().await;
        // It sees to its own limit, and says so when that is over.
        assert!(!self.log().contains("did not stop in time"));
    }
}

fn ready(log: &str) -> usize {
    log.lines().filter(|line| line.ends_with("ready")).count()
}
