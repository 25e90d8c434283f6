//! `mentord demo`

use crate::stage::{MENTORD, run};

#[tokio::test]
async fn the_demo_tells_a_story_and_leaves_everything_to_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let path = dir.to_str().unwrap();
    let demo = run(&["demo", "--dir", path], &[]).await.went_well().says(&[
        "lived in seconds",
        "week 6 of 6",
        "= HELD, observed",
        "= MISSED, observed",
        "@ reminder to Ben Ode",
        "@ missed-meeting alert to ",
        "@ weekly digest to ",
        "Engineering mentoring\n",
        "Attendance ",
        "Look further:",
    ]);
    assert_eq!(demo.err, "");
    assert_eq!(demo.out.matches("] week ").count(), 6, "{}", demo.out);
    let mails: Vec<_> =
        std::fs::read_dir(dir.join("mails")).unwrap().map(|mail| mail.unwrap().path()).collect();
    assert!(mails.len() > 10, "{mails:?}");
    assert!(mails.iter().all(|mail| mail.extension().is_some_and(|extension| extension == "eml")));

    // What the demo says to look at further works, though its sandbox is gone.
    let config = dir.join("mentord.toml");
    let config = config.to_str().unwrap();
    run(&["check", "--config", config], &[]).await.went_well();
    let mut tried = 0;
    for line in demo.out.lines().filter_map(|line| line.trim().strip_prefix(MENTORD)) {
        run(&line.split_whitespace().collect::<Vec<_>>(), &[]).await.went_well();
        tried += 1;
    }
    assert_eq!(tried, 5, "{}", demo.out);
    let sessions = run(&["sessions", "--config", config, "--format", "json"], &[]).await.went_well().json();
    let with = |status: &str| sessions.iter().filter(|session| session["status"] == status).count();
    assert!(with("held") > 4 && with("missed") > 0, "{sessions:#?}");

    // A second one does not write over the first.
    let before = std::fs::read(dir.join("mentord.db")).unwrap();
    run(&["demo", "--dir", path], &[]).await.ends_with(1).complains_of(&[path, "earlier demo", "--dir"]);
    assert_eq!(std::fs::read(dir.join("mentord.db")).unwrap(), before);
}

#[tokio::test]
async fn the_demo_does_not_write_over_files_that_are_there() {
    for name in ["mentord.toml", "roster.csv", "google-key.json", "graph-secret", "mentord.db"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), "precious").unwrap();
        let path = folder.path().to_str().unwrap();
        run(&["demo", "--dir", path], &[]).await.ends_with(1).complains_of(&[name, "--dir"]);
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "precious");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let path = folder.path().join("file").join("demo");
    let path = path.to_str().unwrap();
    run(&["demo", "--dir", path], &[]).await.ends_with(1).complains_of(&["the demo cannot go on", path]);
}
