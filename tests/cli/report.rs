//! `mentord report`

use serde_json::{Value, json};

use crate::lists::{fields, sorted};
use crate::stage::Stage;

async fn world() -> Stage {
    let stage = Stage::set().await;
    stage.held().await;
    stage.missed().await;
    stage.declined().await;
    stage.planned().await;
    stage.run(&["sync"]).await.went_well();
    stage
}

#[tokio::test]
async fn json_has_exactly_the_fields_of_the_contract_and_numbers_that_fit() {
    let stage = world().await;
    let to = (stage.now + chrono::TimeDelta::days(5)).date_naive().to_string();
    let reports = stage.run(&["report", "--format", "json", "--to", &to]).await.went_well().json();
    let [report] = &reports[..] else { panic!("{reports:#?}") };
    let expected = [
        "program",
        "from",
        "to",
        "as_of",
        "coverage",
        "sessions",
        "attendance_rate",
        "attendance_rate_low",
        "attendance_rate_high",
        "by_grade",
        "cadence",
        "hours",
        "first_meeting_days",
        "by_month",
    ];
    assert_eq!(fields(report), sorted(&expected));
    assert_eq!(report["program"], "engineering");
    assert_eq!(report["coverage"], json!({"calendars_connected": 7, "calendars_total": 8, "stale": 0}));
    assert_eq!(
        report["sessions"],
        json!({"scheduled": 2, "held": 1, "missed": 1, "cancelled": 1, "late_cancelled": 0, "moved": 0, "unknown": 0})
    );
    for rate in ["attendance_rate", "attendance_rate_low", "attendance_rate_high"] {
        assert_eq!(report[rate], 0.5, "{rate}");
    }
    assert_eq!(
        fields(&report["by_grade"]),
        sorted(&["observed", "confirmed", "reported", "presumed", "none"])
    );
    assert_eq!(report["by_grade"]["observed"], json!({"held": 1, "missed": 1, "unknown": 0}));
    assert_eq!(fields(&report["cadence"]), sorted(&["on_track", "due", "overdue", "not_started"]));
    let paces = report["cadence"].as_object().unwrap();
    assert_eq!(paces.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 4);
    assert_eq!(report["hours"], 0.75);
    assert_eq!(fields(&report["first_meeting_days"]), sorted(&["median", "p90"]));
    let months = report["by_month"].as_array().unwrap();
    for month in months {
        let expected = ["month", "scheduled", "held", "missed", "unknown", "attendance_rate"];
        assert_eq!(fields(month), sorted(&expected));
    }
    let sum = |field: &str| months.iter().map(|month| month[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("scheduled"), sum("held"), sum("missed"), sum("unknown")), (2, 1, 1, 0));
    let as_of: chrono::DateTime<chrono::Utc> = report["as_of"].as_str().unwrap().parse().unwrap();
    assert!((crate::stage::now() - as_of).num_minutes() < 5);
}

#[tokio::test]
async fn a_report_over_nothing_has_no_rate() {
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well();
    let report = stage.list("report").await.remove(0);
    assert_eq!(report["attendance_rate"], Value::Null);
    assert_eq!(report["first_meeting_days"], json!({"median": null, "p90": null}));
    assert_eq!(report["hours"], 0.0);
    stage.run(&["report"]).await.went_well().says(&["no session was judged yet", "0 of 0 people"]);
}

#[tokio::test]
async fn the_text_says_the_same_to_people() {
    let stage = world().await;
    stage.run(&["report"]).await.went_well().says(&[
        "Engineering mentoring",
        "Attendance            50%",
        "Held                  1",
        "Missed                1",
        "Calendars connected   7 of 8 people",
    ]);
}

#[tokio::test]
async fn the_period_is_as_asked_for_with_both_its_days() {
    let stage = world().await;
    let day = |days: i64| (stage.now + chrono::TimeDelta::days(days)).date_naive().to_string();
    let of = async |from: &str, to: &str| {
        let args = ["report", "--format", "json", "--from", from, "--to", to];
        stage.run(&args).await.went_well().json().remove(0)
    };
    let report = of(&day(-60), &day(-30)).await;
    assert_eq!((&report["from"], &report["to"]), (&day(-60).into(), &day(-30).into()));
    assert_eq!(report["sessions"]["scheduled"], 0);
    let report = of(&day(2), &day(2)).await;
    assert_eq!(report["sessions"]["cancelled"], 1);
    assert_eq!(of(&day(3), &day(3)).await["sessions"]["cancelled"], 0);
}

#[tokio::test]
async fn a_period_that_ends_before_it_begins_is_wrong_usage() {
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well();
    let wrong: [&[&str]; 2] = [&["--from", "2026-09-02", "--to", "2026-09-01"], &["--from", "2126-01-01"]];
    for period in wrong {
        let run = stage.run(&[&["report"], period].concat()).await.ends_with(2);
        assert_eq!(run.out, "");
        run.complains_of(&[period[1], "is after", "earlier day first"]);
    }
}

#[tokio::test]
async fn days_that_no_calendar_has_are_wrong_usage() {
    let stage = Stage::set().await;
    stage.run(&["migrate"]).await.went_well();
    for period in [["--to=-262143-01-01"], ["--from=-9999-01-01"], ["--to=+262142-12-31"]] {
        let run = stage.run(&[&["report"], &period[..]].concat()).await.ends_with(2);
        run.complains_of(&["--help"]);
    }
}
