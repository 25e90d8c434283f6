//! How the program is called, and called wrongly.

use crate::stage::{Stage, run};

#[tokio::test]
async fn wrong_usage_ends_with_2_and_writes_nothing_to_standard_output() {
    let wrong: [&[&str]; 17] = [
        &[],
        &["mentoring"],
        &["check"],
        &["check", "--config"],
        &["check", "--config", "a.toml", "--offline"],
        &["sessions", "--config", "a.toml", "--format", "xml"],
        &["sessions", "--config", "a.toml", "surplus"],
        &["explain", "--config", "a.toml"],
        &["report", "--config", "a.toml", "--from", "yesterday"],
        &["report", "--config", "a.toml", "--from", "2026-02-30"],
        &["status", "--config", "a.toml", "--format", "csv"],
        &["backup", "--config", "a.toml"],
        &["restored"],
        &["roster", "--config", "a.toml"],
        &["roster", "import", "--config", "a.toml"],
        &["check", "--config", "a.toml", "--log-format", "xml"],
        &["check", "--config", "a.toml", "--log-level", "loud"],
    ];
    for args in wrong {
        let run = run(args, &[]).await;
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert_eq!(run.out, "", "{args:?}");
        assert!(run.err.contains("--help"), "{args:?}: {}", run.err);
    }
}

#[tokio::test]
async fn levels_and_filters_of_logs_are_understood() {
    let stage = Stage::set().await;
    for level in
        ["off", "WARN", "debug", "mentord::pipeline=debug", "info,mentord::store=trace", "mentord=debug,warn"]
    {
        stage.run(&["check", "--log-level", level]).await.went_well();
    }
}

#[tokio::test]
async fn help_and_version_are_for_everybody() {
    run(&["--help"], &[]).await.went_well().says(&["serve", "check", "explain", "demo"]);
    run(&["report", "--help"], &[]).await.went_well().says(&["--from <DATE>"]);
    let version = run(&["--version"], &[]).await.went_well();
    assert_eq!(version.out.trim(), format!("mentord {}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_program_that_is_not_configured_is_told_with_those_that_are() {
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well();
    for command in ["sessions", "pairings", "calendars", "alerts", "report"] {
        let run = stage.run(&[command, "--program", "enginering"]).await.ends_with(1);
        run.complains_of(&["“enginering”", "engineering"]);
    }
}

#[tokio::test]
async fn lists_need_a_database_and_make_none() {
    let stage = Stage::set().await;
    let before = stage.files();
    for args in [
        &["sessions"][..],
        &["pairings"],
        &["calendars"],
        &["alerts"],
        &["report"],
        &["explain", "x"],
        &["status"],
        &["backup", "x"],
        &["restored"],
    ] {
        let run = stage.run(args).await.ends_with(1);
        run.complains_of(&["mentord.db", "mentord migrate --config"]);
    }
    assert_eq!(stage.files(), before);
}

#[tokio::test]
async fn lists_do_not_touch_a_database_that_was_never_migrated() {
    let stage = Stage::set().await;
    stage.write("mentord.db", "");
    stage.run(&["sessions"]).await.ends_with(1).complains_of(&["not up to date", "mentord migrate --config"]);
    stage.write("mentord.db", "This is a letter and no database. It is longer than a header, however.");
    stage.run(&["sessions"]).await.ends_with(1).complains_of(&["not an SQLite database"]);
    assert!(stage.read("mentord.db").starts_with("This is a letter"));
}

#[tokio::test]
async fn migrating_twice_changes_nothing_the_second_time() {
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well().says(&["mentord.db is up to date now"]);
    stage.run(&["migrate"]).await.went_well().says(&["mentord.db was up to date already"]);
    for command in ["sessions", "pairings", "calendars", "alerts"] {
        assert_eq!(stage.list(command).await, Vec::<serde_json::Value>::new());
        stage.run(&[command]).await.went_well().says(&["nothing to show"]);
    }
}

#[tokio::test]
async fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well();
    let mode = std::fs::metadata(stage.file("mentord.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_environment_overrides_the_file_for_every_command() {
    let stage = Stage::set().await;
    let elsewhere = [("MENTORD__DATABASE__URL", "sqlite:elsewhere.db")];
    stage.run_in(&["migrate"], &elsewhere).await.went_well();
    assert!(stage.file("elsewhere.db").exists() && !stage.file("mentord.db").exists());
    stage
        .run_in(&["check"], &[("MENTORD__SYNC__INTERVAL", "often")])
        .await
        .ends_with(78)
        .complains_of(&["environment variable MENTORD__SYNC__INTERVAL"]);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::set().await;
    let (program, config) = (crate::stage::MENTORD, stage.path("mentord.toml"));
    for redirect in [">/dev/full", "2>&1 >/dev/full"] {
        let script = format!("{program} check --config {config} {redirect}");
        let output = shell(&script).await;
        assert_eq!(output.status.code(), Some(1), "{script}");
    }
    let output = shell(&format!("{{ {program} check --config {config}; echo $? >&2; }} | true")).await;
    assert_eq!(String::from_utf8(output.stderr).unwrap().trim(), "0");
    // Nobody reads the complaint, and the code still tells.
    let output = shell(&format!("{program} check --config {config}.bak 2>/dev/full")).await;
    assert_eq!(output.status.code(), Some(78));
}

async fn shell(script: &str) -> std::process::Output {
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(script);
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_command_leaves_the_database_in_one_file_that_can_be_copied() {
    let stage = Stage::set().await;
    stage.held().await;
    let copy = stage.path("copy.db");
    for args in [
        &["sync"][..],
        &["send"],
        &["sessions"],
        &["migrate"],
        &["check", "--online"],
        &["report"],
        &["status"],
        &["backup", &copy],
        &["restored"],
    ] {
        stage.run(args).await.went_well();
        let files = stage.files();
        assert!(
            !files.iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")),
            "{args:?} {files:?}"
        );
    }
}
