//! `mentord roster import`

use crate::stage::Stage;

#[tokio::test]
async fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let stage = Stage::set().await;
    stage.write(
        "more.csv",
        &(stage.read("roster.csv") + &stage.row("Ivy", "ivy@acme.example", "Jon", "jon@acme.example")),
    );
    let more = stage.path("more.csv");
    let before = stage.files();
    let run = stage.run(&["roster", "import", &more, "--dry-run"]).await.ends_with(1);
    run.complains_of(&["there is no database", "mentord migrate --config"]);
    assert_eq!(stage.files(), before, "not even a database");

    stage.run(&["sync"]).await.went_well();
    let run = stage.run(&["roster", "import", &more, "--dry-run"]).await.went_well();
    run.says(&["+ ", "Ivy", "1 added, 0 changed, 4 as before", "(a dry run: nothing was written)"]);
    assert_eq!(stage.list("pairings").await.len(), 4);
    assert_eq!(stage.list("calendars").await.len(), 7);
}

#[tokio::test]
async fn an_import_adds_changes_and_is_safe_to_repeat() {
    let stage = Stage::set().await;
    stage.run(&["sync"]).await.went_well();
    stage.write(
        "more.csv",
        &(stage.read("roster.csv") + &stage.row("Ivy", "Ivy@acme.example", "Jon", "jon@acme.example")),
    );
    let more = stage.path("more.csv");
    let run = stage.run(&["roster", "import", &more]).await.went_well();
    assert!(!run.out.contains("dry run"));
    let pairings = stage.list("pairings").await;
    assert_eq!((pairings.len(), &pairings[4]["mentor"]), (5, &"ivy@acme.example".into()));
    assert_eq!(stage.list("calendars").await.len(), 9, "the new ones are connected");

    let again = stage.run(&["roster", "import", &more]).await.went_well();
    again.says(&["0 added, 0 changed"]);
    assert_eq!(stage.list("pairings").await, pairings);

    stage.write(
        "less.csv",
        &stage.read("more.csv").replace("Chen,", "Chen Li,").lines().fold(String::new(), |text, line| {
            let line = if line.contains("Jon") {
                line.replace(",,", ",2031-12-31,") + "1 week"
            } else {
                line.to_owned()
            };
            text + &line + "\n"
        }),
    );
    stage.run(&["roster", "import", &stage.path("less.csv")]).await.went_well().says(&["0 added", "Chen Li"]);
    let pairings = stage.list("pairings").await;
    assert_eq!((&pairings[4]["ends_on"], &pairings[4]["cadence"]), (&"2031-12-31".into(), &"1 week".into()));
}

#[tokio::test]
async fn people_who_are_left_out_of_a_file_stay() {
    let stage = Stage::set().await;
    stage.run(&["sync"]).await.went_well();
    let header = stage.read("roster.csv").lines().next().unwrap().to_owned();
    stage.write(
        "one.csv",
        &format!("{header}\n{}", stage.row("Ivy", "ivy@acme.example", "Jon", "jon@acme.example")),
    );
    stage.run(&["roster", "import", &stage.path("one.csv")]).await.went_well();
    assert_eq!(stage.list("pairings").await.len(), 5);
}

#[tokio::test]
async fn mistakes_name_the_line_the_column_and_the_remedy_and_nothing_is_imported() {
    let stage = Stage::set().await;
    stage.run(&["sync"]).await.went_well();
    let good = stage.row("Ivy", "ivy@acme.example", "Jon", "jon@acme.example");
    let bad = [
        good.replace("engineering", "enginering"),
        good.replace("jon@acme.example", "jon"),
        good.replace(",,\n", ",2020-01-01,sometimes\n"),
    ];
    let header = stage.read("roster.csv").lines().next().unwrap().to_owned();
    stage.write("bad.csv", &format!("{header}\n{good}{}", bad.concat()));
    let run = stage.run(&["roster", "import", &stage.path("bad.csv")]).await.ends_with(78).complains_of(&[
        "bad.csv:3: program",
        "found `enginering`",
        "bad.csv:4: mentee_email",
        "bad.csv:5: ",
        "found `sometimes`",
    ]);
    assert_eq!(run.out, "");
    assert_eq!(stage.list("pairings").await.len(), 4);

    stage.write("odd.csv", &format!("{header},favourite_colour\n"));
    let odd = stage.path("odd.csv");
    stage
        .run(&["roster", "import", &odd])
        .await
        .ends_with(78)
        .complains_of(&["odd.csv:1", "favourite_colour"]);
    let nowhere = stage.path("nowhere.csv");
    stage
        .run(&["roster", "import", &nowhere])
        .await
        .ends_with(78)
        .complains_of(&["nowhere.csv", "name a CSV file"]);
}

#[tokio::test]
async fn the_example_that_is_shipped_can_be_imported() {
    let stage = Stage::set().await;
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/roster.csv");
    stage.run(&["roster", "import", shipped]).await.went_well();
    assert!(!stage.list("pairings").await.is_empty());
}
