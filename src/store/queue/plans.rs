//! What a claim or a census costs does not depend on the rows at rest: shown by both databases' own plans, with a
//! million rows in each table.

use chrono::{DateTime, TimeDelta, Utc};

use super::Queue;
use crate::config::{self, Database};
use crate::store::Store;
use crate::store::db::{Value, postgres_text, sqlite_text, values};
use crate::store::postgres::Server;

/// The queues and the index that each has.
const INDEXES: [(Queue, &str); 7] = [
    (Queue::Calendars, "calendar_to_sync"),
    (Queue::Detect, "pairing_to_detect"),
    (Queue::Judge, "session_to_judge"),
    (Queue::Fetch, "session_to_fetch"),
    (Queue::Plan, "pairing_to_plan"),
    (Queue::Alerts, "alert_to_send"),
    (Queue::Watch, "calendar_to_watch"),
];

/// How many rows a claim asks for, and how many are due.
const CLAIMED: u32 = 16;
const DUE: u32 = 50;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// Half a million rows are done with, half a million wait for their time, and a few are due.
async fn fill(store: &Store) {
    store.migrate().await.unwrap();
    let program = "INSERT INTO program (name, title) VALUES ('eng', 'Engineering')";
    store.db.write(program, vec![]).await.unwrap();
    store.db.write("INSERT INTO participant (name) VALUES ('Ada')", vec![]).await.unwrap();
    let due = Some(now() - TimeDelta::hours(1));
    let later = Some(now() + TimeDelta::days(30));
    let half = 500_000;
    for (at, count, kind) in [(due, DUE, "due"), (None, half, "done"), (later, half, "later")] {
        let active = at.is_some();
        for (sql, values) in [
            (
                "INSERT INTO pairing (program, entered_on, next_plan_at, next_detect_at)
                 SELECT 'eng', $2, $3, $3 FROM n",
                values![now().date_naive(), at],
            ),
            (
                "INSERT INTO calendar (connection, owner, address, active, state, next_sync_at,
                    next_watch_at)
                 SELECT 'acme', 1, $2 || CAST(i AS TEXT), $3, 'active', $4, $5 FROM n",
                values![kind, active, at.unwrap_or(now()), at],
            ),
            (
                "INSERT INTO session (id, pairing, starts_at, ends_at, moves, stands, decision, responses,
                    status, grade, reason, people, rule_version, verdict_at, next_judge_at, next_fetch_at)
                 SELECT $2 || CAST(i AS TEXT), 1, $3, $3, 0, TRUE, 'taken', '{}',
                    'held', 'observed', '', '[]', 1, $3, $4, $4 FROM n",
                values![kind, now(), at],
            ),
            (
                "INSERT INTO alert (alert_key, kind, program, recipient, about, step, due_at, expires_at,
                    planned_at, state)
                 SELECT $2 || CAST(i AS TEXT), 'reminder', 'eng', 'ada@acme.example', $3, 0, $3, $3, $3, $4
                 FROM n",
                values![kind, at.unwrap_or(now()), if active { "planned" } else { "sent" }],
            ),
        ] {
            let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)";
            let (into, select) = sql.split_once("SELECT").unwrap();
            let sql = format!("{into} {numbers} SELECT {select}");
            let values = [vec![Value::from(count)], values].concat();
            store.db.write(&sql, values).await.unwrap();
        }
    }
    for (queue, _) in INDEXES {
        store.db.write(&format!("ANALYZE {}", queue.line().table), vec![]).await.unwrap();
    }
}

/// The statements of a queue, with their parameters.
fn statements(queue: Queue) -> [(String, Vec<Value>); 3] {
    [
        (queue.claim_sql("TRUE", "1 AS one"), values![now(), CLAIMED]),
        (queue.next_due_sql("TRUE"), vec![]),
        (queue.census_sql(), values![now()]),
    ]
}

#[tokio::test]
async fn sqlite_goes_through_the_index_of_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
    fill(&store).await;
    for (queue, index) in INDEXES {
        let table = queue.line().table;
        for (statement, values) in statements(queue) {
            let sql = format!("EXPLAIN QUERY PLAN {}", sqlite_text(&statement));
            let rows = store.db.all(&sql, values).await.unwrap();
            let steps: Vec<String> =
                rows.iter().map(|row| row.of("plan", "").get("detail").unwrap()).collect();
            println!("{queue:?}: {}", steps.join("; "));
            assert!(steps.iter().any(|step| step.contains(index)), "{queue:?}: {steps:?}");
            // The row that is due next is the first of the index; all else is looked up.
            let scan = |step: &&String| step.starts_with(&format!("SCAN {table}"));
            let scans: Vec<&String> = steps.iter().filter(scan).collect();
            let first = format!("SCAN {table} USING INDEX {index}");
            assert!(scans.iter().all(|step| **step == first && statement.contains("LIMIT 1")), "{steps:?}");
        }
    }
}

#[tokio::test]
async fn postgresql_reads_a_few_pages() {
    let server = Server::shared();
    let database = Database::Postgres(config::postgres(&server.database().await).unwrap());
    let store = Store::open(&database).await.unwrap();
    fill(&store).await;
    for (queue, index) in INDEXES {
        for (statement, values) in statements(queue) {
            let sql =
                format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {}", postgres_text(&statement));
            let mut tx = store.db.begin().await.unwrap();
            let rows = tx.all(&sql, values).await.unwrap();
            // It was done, too.
            tx.rollback().await.unwrap();
            let lines: Vec<String> =
                rows.iter().map(|row| row.of("plan", "").get("QUERY PLAN").unwrap()).collect();
            let plan = lines.join("\n");
            println!("{queue:?}\n{plan}\n");
            assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{queue:?}: {plan}");
            assert!(pages(&plan) < 1000, "{queue:?}: {plan}");
        }
    }
}

/// How many pages the whole of a plan has read, from memory or not.
fn pages(plan: &str) -> u64 {
    let buffers = plan.lines().find(|line| line.contains("Buffers: shared")).expect("what was read");
    let count = |word: &str| {
        let (_, tail) = buffers.split_once(&format!("{word}="))?;
        tail.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    count("hit").unwrap_or(0) + count("read").unwrap_or(0)
}
