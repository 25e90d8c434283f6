//! Carrying an installation over from SQLite to PostgreSQL, all of it or nothing.

use chrono::{DateTime, Utc};

use super::Store;
use super::db::{Db, Fields, Row, Tx, Value, json, values};
use super::error::{Result, StoreError};

/// A table and the columns of its key, by which it is gone through.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
}

const fn table(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key }
}

/// Everything that is carried over, what others refer to first. Who runs and what was asked of others
/// within the last minutes is not.
const TABLES: [Table; 18] = [
    table("program", &["name"]),
    table("participant", &["id"]),
    table("address", &["address"]),
    table("pairing", &["id"]),
    table("pairing_member", &["pairing", "participant"]),
    table("calendar", &["id"]),
    table("channel", &["id"]),
    table("session", &["id"]),
    table("copy", &["id"]),
    table("evidence", &["id"]),
    table("verdict", &["id"]),
    table("alert", &["alert_key"]),
    table("delivery", &["id"]),
    table("schedule_slot", &["schedule", "slot"]),
    table("account", &["connection", "address"]),
    table("consent", &["hash"]),
    table("restoration", &["id"]),
    table("audit", &["id"]),
];

/// The tables that stay behind.
#[cfg(test)]
const LEFT_BEHIND: [&str; 2] = ["budget", "instance"];

/// How many rows are read at a time.
const PAGE: usize = 500;

/// PostgreSQL takes 65,535 parameters with a statement.
const PARAMETERS: usize = 60_000;

/// What [`Store::carry_over`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedOver {
    /// The same rows were there already.
    pub before: bool,
    /// How many rows each table has.
    pub rows: Vec<(&'static str, u64)>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bool,
    Time,
    Date,
}

struct Column {
    name: String,
    kind: Kind,
}

impl Store {
    /// Carries everything over to an empty PostgreSQL database, and compares row by row. Nothing is
    /// visible there before all of it is: after an interruption it can be done again. Where the same
    /// rows are there already it only compares. Both databases have the present schema, and no service
    /// has either.
    pub async fn carry_over(&self, to: &Self, by: &str, now: DateTime<Utc>) -> Result<CarriedOver> {
        if !matches!((&self.db, &to.db), (Db::Sqlite { .. }, Db::Postgres { .. })) {
            let text = "only a SQLite database can be carried over, and only to PostgreSQL";
            return Err(StoreError::Conflict(text.to_owned()));
        }
        // Keeps commands from writing meanwhile.
        let mut from = self.db.begin().await?;
        let mut into = to.db.begin().await?;
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        into.have_to_itself(&names.join(", ")).await?;
        let mut before = false;
        for table in &TABLES {
            before |=
                into.one(&format!("SELECT 1 AS one FROM {} LIMIT 1", table.name), vec![]).await?.is_some();
        }
        let mut rows = Vec::new();
        for table in &TABLES {
            let columns = columns(&mut into, table).await?;
            if !before {
                copy(&mut from, &mut into, table, &columns).await?;
            }
            let count = compare(&mut from, &mut into, table, &columns, &to.place()).await?;
            rows.push((table.name, count));
        }
        if !before {
            let details = json(&format!("from {}", self.place()))?;
            into.execute(
                "INSERT INTO audit (at, actor, action, details) VALUES ($1, $2, $3, $4)",
                values![now, by, "carried over", details],
            )
            .await?;
            into.commit().await?;
        }
        Ok(CarriedOver { before, rows })
    }
}

/// The columns of a table, as PostgreSQL declares them.
async fn columns(into: &mut Tx, table: &Table) -> Result<Vec<Column>> {
    let sql = "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    let rows = into.all(sql, values![table.name]).await?;
    rows.iter()
        .map(|row| {
            let row = row.of("columns", table.name);
            let kind = match row.get::<String>("kind")?.as_str() {
                "bigint" => Kind::Int,
                "text" => Kind::Text,
                "boolean" => Kind::Bool,
                "timestamp with time zone" => Kind::Time,
                "date" => Kind::Date,
                _ => return Err(row.corrupt("kind")),
            };
            Ok(Column { name: row.get("name")?, kind })
        })
        .collect()
}

fn value(row: &Fields<'_>, column: &Column) -> Result<Value> {
    let name = column.name.as_str();
    Ok(match column.kind {
        Kind::Int => Value::from(row.get::<Option<i64>>(name)?),
        Kind::Text => Value::from(row.get::<Option<String>>(name)?),
        Kind::Bool => Value::from(row.get::<Option<bool>>(name)?),
        Kind::Time => Value::from(row.get::<Option<DateTime<Utc>>>(name)?),
        Kind::Date => Value::from(row.get::<Option<chrono::NaiveDate>>(name)?),
    })
}

fn read(row: &Row, table: &Table, columns: &[Column]) -> Result<Vec<Value>> {
    let row = row.of(table.name, "carried over");
    columns.iter().map(|column| value(&row, column)).collect()
}

/// The rows after the one with the key `after`, by their key.
async fn page(
    tx: &mut Tx,
    table: &Table,
    columns: &[Column],
    after: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let (names, key) = (names.join(", "), table.key.join(", "));
    let beyond = match after {
        None => String::new(),
        Some(_) => {
            let numbers: Vec<String> = (1..=table.key.len()).map(|n| format!("${n}")).collect();
            format!("WHERE ({key}) > ({})", numbers.join(", "))
        }
    };
    let sql = format!("SELECT {names} FROM {} {beyond} ORDER BY {key} LIMIT {PAGE}", table.name);
    let rows = tx.all(&sql, after.unwrap_or_default().to_vec()).await?;
    rows.iter().map(|row| read(row, table, columns)).collect()
}

fn key_of(row: &[Value], table: &Table, columns: &[Column]) -> Vec<Value> {
    let at = |key: &&str| columns.iter().position(|column| column.name == *key);
    table.key.iter().filter_map(|key| row.get(at(key)?).cloned()).collect()
}

async fn copy(from: &mut Tx, into: &mut Tx, table: &Table, columns: &[Column]) -> Result<()> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let names = names.join(", ");
    let mut after: Option<Vec<Value>> = None;
    loop {
        let rows = page(from, table, columns, after.as_deref()).await?;
        let Some(last) = rows.last() else { break };
        after = Some(key_of(last, table, columns));
        for some in rows.chunks(PARAMETERS / columns.len().max(1)) {
            let tuple = |n: usize| {
                let numbers: Vec<String> =
                    (1..=columns.len()).map(|c| format!("${}", n * columns.len() + c)).collect();
                format!("({})", numbers.join(", "))
            };
            let tuples: Vec<String> = (0..some.len()).map(tuple).collect();
            let sql = format!("INSERT INTO {} ({names}) VALUES {}", table.name, tuples.join(", "));
            into.execute(&sql, some.concat()).await?;
        }
    }
    if columns.iter().any(|column| column.name == "id" && column.kind == Kind::Int) {
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT MAX(id) FROM {0}))",
            table.name
        );
        into.all(&sql, vec![]).await?;
    }
    Ok(())
}

/// Goes through both tables at once. Here and there must be the same rows; only the audit trail may
/// have gone on there.
async fn compare(
    from: &mut Tx,
    into: &mut Tx,
    table: &Table,
    columns: &[Column],
    place: &str,
) -> Result<u64> {
    let other = |what: &str| {
        StoreError::Conflict(format!(
            "{place} holds other data already (table {}: {what}); nothing was carried over: give an empty \
             database",
            table.name
        ))
    };
    let mut count = 0;
    let mut after: Option<Vec<Value>> = None;
    loop {
        let here = page(from, table, columns, after.as_deref()).await?;
        let there = page(into, table, columns, after.as_deref()).await?;
        if let Some(n) = here.iter().zip(&there).position(|(here, there)| here != there) {
            return Err(other(&format!("row {} is different", count + n as u64 + 1)));
        }
        if there.len() < here.len() {
            return Err(other(&format!(
                "{} rows and more here, {} there",
                count + here.len() as u64,
                count + there.len() as u64
            )));
        }
        if there.len() > here.len() && table.name != "audit" {
            return Err(other(&format!("more than {} rows", count + here.len() as u64)));
        }
        count += here.len() as u64;
        match here.last() {
            Some(last) if here.len() == PAGE => after = Some(key_of(last, table, columns)),
            _ => return Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::Database;

    #[tokio::test]
    async fn no_table_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
        store.migrate().await.unwrap();
        let sql = "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
        let rows = store.db.all(sql, vec![]).await.unwrap();
        let all: BTreeSet<String> =
            rows.iter().map(|row| row.of("schema", "").get("name").unwrap()).collect();
        let known = TABLES.iter().map(|table| table.name).chain(LEFT_BEHIND);
        assert_eq!(all, known.map(str::to_owned).collect());
    }
}
