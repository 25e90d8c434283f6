//! What stands on the stage: a folder with a configuration, secrets and a roster, as an operator
//! would write them.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::story::{self, PAIRS};
use crate::sandbox::Sandbox;

/// The files that the demo makes, and never writes over.
const FILES: [&str; 5] = ["mentord.db", "mentord.toml", "roster.csv", "google-key.json", "graph-secret"];

/// A new folder for everything that the demo leaves behind.
pub fn folder(wanted: Option<&Path>, now: DateTime<Utc>) -> io::Result<PathBuf> {
    let dir = match wanted {
        Some(dir) => dir.to_owned(),
        None => std::env::temp_dir().join(format!("mentord-demo-{}", now.format("%Y%m%d-%H%M%S"))),
    };
    if let Some(there) = FILES.iter().find(|name| dir.join(name).exists()) {
        let why = format!(
            "{} has a file {there}, of an earlier demo perhaps: name another folder with --dir, or delete it",
            dir.display()
        );
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    std::fs::create_dir_all(dir.join("mails")).map_err(|error| {
        io::Error::new(error.kind(), format!("{} cannot be made: {error}", dir.display()))
    })?;
    std::path::absolute(dir)
}

/// Writes configuration, secrets and roster; returns the configuration's path.
pub fn set(dir: &Path, sandbox: &Sandbox, begin: DateTime<Utc>) -> io::Result<PathBuf> {
    let access = sandbox.grant_access(dir)?;
    std::fs::write(dir.join("roster.csv"), roster(begin))?;
    let config = format!(
        r#"# Made by `mentord demo`. The addresses are those of a sandbox that ended with the demo.
[database]
url = "sqlite:mentord.db"

[sync]
interval = "2h"

{access}
[[programs]]
name = "engineering"
title = "Engineering mentoring"
timezone = "{zone}"
managers = ["{manager}"]
roster = "roster.csv"
cadence = "2 weeks"
first_within = "2 weeks"

[programs.alerts]
remind_before = ["24h", "2h"]
quiet_hours = "20:00-07:00"

[[programs.digests]]
cron = "0 0 9 * * Mon"
"#,
        zone = story::ZONE,
        manager = story::MANAGER,
    );
    let file = dir.join("mentord.toml");
    std::fs::write(&file, config)?;
    Ok(file)
}

fn roster(begin: DateTime<Utc>) -> String {
    let mut text =
        "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence\n".to_owned();
    let starts_on = begin.date_naive();
    for pair in PAIRS {
        let (mentor, mentee) = (pair.mentor, pair.mentee);
        text += &format!(
            "engineering,{},{},{},{},{starts_on},,{}\n",
            mentor.name, mentor.address, mentee.name, mentee.address, pair.cadence
        );
    }
    text
}

pub fn opening(dir: &Path, sandbox: &Sandbox, begin: DateTime<Utc>, end: DateTime<Utc>) -> String {
    let mut text = format!(
        "A mentoring programme from {} to {}, lived in seconds.\n\
         Stand-ins for Google, Microsoft 365 and a mail server run on {}; files are in\n{}\n\n",
        begin.format("%-d %B"),
        end.format("%-d %B %Y"),
        sandbox.url(),
        dir.display()
    );
    for pair in PAIRS {
        text += &format!("  {:<11}{:<11} {}\n", pair.mentor.name, pair.mentee.name, pair.about);
    }
    text
}

pub fn closing(file: &Path, dir: &Path, session: &str) -> String {
    // As it was called, so that the lines can be pasted.
    let program = std::env::args_os().next().map_or_else(|| "mentord".into(), PathBuf::from);
    let (program, file, dir) = (program.display(), file.display(), dir.display());
    format!(
        "\nMails      {dir}/mails\nDatabase   {dir}/mentord.db\n\nLook further:\n  \
         {program} sessions --config {file}\n  \
         {program} pairings --config {file}\n  \
         {program} alerts --config {file}\n  \
         {program} explain {session} --config {file}\n  \
         {program} report --config {file} --format json\n"
    )
}
