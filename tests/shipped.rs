//! The files that mentord is shipped with work as they are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mentord::config;

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn no_environment() -> [(OsString, OsString); 0] {
    []
}

#[test]
fn configurations_pass_without_a_warning() {
    let mut seen = 0;
    for file in fs::read_dir(shipped("config")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let config = config::load_with(&file, no_environment()).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(config.warnings, [""; 0]);
            let rosters = config::read_rosters(&config).unwrap_or_else(|e| panic!("{e}"));
            assert!(!rosters.is_empty());
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// What stands in comments is right as well, and the values that are said to be defaults are.
#[test]
fn the_comments_of_the_configuration_hold() {
    let text = fs::read_to_string(shipped("config/mentord.toml")).unwrap();
    let is_setting = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.starts_with('[') || line.contains(" = ") && !key.contains(' ')
    };
    let active: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let key = r#"{"client_email": "a", "private_key": "b", "token_uri": "https://c.example/"}"#;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("google-key.json", key);
    write("graph-secret", "secret");
    write("google-secret", "secret");
    write("accounts-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    write("smtp-password", "secret");
    write("mentord.toml", &active.join("\n"));
    let load = |file: &Path| config::load_with(file, no_environment()).unwrap_or_else(|e| panic!("{e}"));
    let all = load(&folder.path().join("mentord.toml"));
    let plain = load(&shipped("config/mentord.toml"));

    assert_eq!(all.connections.len(), 3);
    assert!(all.web.is_some() && all.mail.is_some());
    assert_eq!(all.sync, plain.sync);
    let silent: Vec<&str> = active.iter().copied().filter(|line| !line.contains("_per_minute")).collect();
    write("silent.toml", &silent.join("\n"));
    let silent = load(&folder.path().join("silent.toml"));
    for (said, silent) in all.connections.iter().zip(&silent.connections) {
        assert_eq!(said.requests_per_minute, silent.requests_per_minute);
    }
    let mails = |config: &config::Config| config.mail.as_ref().unwrap().max_per_minute;
    assert_eq!(mails(&all), mails(&silent));
    let urls = |config: &config::Config| {
        config.connections.iter().find_map(|connection| match &connection.vendor {
            config::Vendor::Google(config::Google {
                auth: config::GoogleAuth::UserConsent(client), ..
            }) => Some([client.auth_url.clone(), client.token_url.clone(), client.revoke_url.clone()]),
            _ => None,
        })
    };
    let unsaid: Vec<&str> = active
        .iter()
        .copied()
        .filter(|line| !["auth_url", "token_url", "revoke_url"].iter().any(|key| line.starts_with(key)))
        .collect();
    write("silent.toml", &unsaid.join("\n"));
    assert!(urls(&all).is_some());
    assert_eq!(urls(&all), urls(&load(&folder.path().join("silent.toml"))));
    let (all, plain) = (&all.programs[0].program, &plain.programs[0].program);
    assert_eq!(all.detect, plain.detect);
    assert_eq!(all.judge, plain.judge);
    assert_eq!(all.alerts.remind_before, plain.alerts.remind_before);
    assert_eq!(all.digests.len(), 1);
}

/// systemd wants the program in place: the copy under test names the one that was just built.
#[cfg(target_os = "linux")]
#[test]
fn systemd_takes_the_unit() {
    let unit = fs::read_to_string(shipped("deploy/mentord.service")).unwrap();
    let installed = "ExecStart=/usr/bin/mentord ";
    assert!(unit.contains(installed));
    let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_mentord"));
    let folder = tempfile::tempdir().unwrap();
    let complaints = |unit: &str| {
        let copy = folder.path().join("mentord.service");
        fs::write(&copy, unit).unwrap();
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no"]).arg(&copy);
        let output = command.output().expect("systemd-analyze; tests/run installs it");
        // Some mistakes are told without failing, so what it says counts as well. It reads the
        // units of the machine, too: those are not meant here.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("mentord")).collect();
        match output.status.success() {
            true => ours.join("\n"),
            false => format!("{}: {said}", output.status),
        }
    };
    let unit = unit.replace(installed, &built);
    assert_eq!(complaints(&unit), "");
    assert_ne!(complaints(&unit.replace("StateDirectory=", "StateDir=")), "");
    assert_ne!(complaints(&unit.replace(&built, "ExecStart=/no/such/mentord ")), "");
}
