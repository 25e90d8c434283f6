//! The schemas of the two databases say the same.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::fresh::*;

/// Numbers and names of the migrations in a folder.
fn migrations(database: &str) -> BTreeSet<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn migrations_stand_side_by_side() {
    assert_eq!(migrations("sqlite"), migrations("postgres"));
}

/// What is to be the same: columns with kind and nullability, keys, references, indexes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, String>,
    keys: BTreeSet<String>,
    references: BTreeSet<String>,
    indexes: BTreeMap<String, String>,
}

/// What a column holds, in one word for both databases. SQLite keeps times and days as text, so
/// there the name says which.
fn kind(declared: &str, name: &str) -> &'static str {
    let time = name.ends_with("_at")
        || ["window_from", "window_to", "original_start", "about", "at", "slot"].contains(&name);
    match declared {
        "INTEGER" | "bigint" => "number",
        "BOOLEAN" | "boolean" => "yes or no",
        "TEXT" if time => "time",
        "TEXT" if name.ends_with("_on") => "day",
        "TEXT" | "text" => "text",
        "timestamp with time zone" => "time",
        "date" => "day",
        other => panic!("{name} is declared as {other}"),
    }
}

fn column(declared: &str, name: &str, nullable: bool, default: Option<&str>) -> String {
    let default = default.map(|default| format!(", else {}", default.to_lowercase())).unwrap_or_default();
    format!("{}{}{default}", kind(declared, name), if nullable { ", may be missing" } else { "" })
}

/// The part of an index's definition that both spell alike.
fn definition(sql: &str) -> String {
    let unique = if sql.contains("UNIQUE") { "unique " } else { "" };
    let columns = &sql[sql.find('(').unwrap()..];
    let plain = |c: char| !matches!(c, '(' | ')' | '\'' | '"' | ',') && !c.is_whitespace();
    let words = columns.split(|c| !plain(c));
    // PostgreSQL shows the type of what it compares with.
    let words: Vec<&str> = words.filter(|word| !word.is_empty() && !word.starts_with("::")).collect();
    format!("{unique}{}", words.join(" ").to_lowercase())
}

async fn sqlite(place: &Place) -> BTreeMap<String, Table> {
    let Place::Sqlite { path, .. } = place else { unreachable!("a file") };
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let mut tables = BTreeMap::<String, Table>::new();
    let columns =
        "SELECT t.name AS tab, c.name, c.type, c.\"notnull\" = 0 AND c.pk = 0 AS nullable, c.dflt_value, c.pk
         FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'
         ORDER BY t.name, c.pk";
    for row in sqlx::query(columns).fetch_all(&mut db).await.unwrap() {
        let name: &str = row.get("name");
        let table = tables.entry(row.get("tab")).or_default();
        let described = column(row.get("type"), name, row.get("nullable"), row.get("dflt_value"));
        table.columns.insert(name.to_owned(), described);
    }
    for (name, table) in &mut tables {
        let lists = sqlx::query(
            "SELECT l.name, l.origin, s.sql, (SELECT group_concat(i.name, ' ') FROM pragma_index_info(l.name) i) AS cols
             FROM pragma_index_list($1) l LEFT JOIN sqlite_schema s ON s.name = l.name",
        );
        for row in lists.bind(name).fetch_all(&mut db).await.unwrap() {
            match row.get("origin") {
                "c" => {
                    let sql: &str = row.get("sql");
                    let text = &sql[sql.find(" ON ").unwrap()..];
                    let unique = if sql.contains("UNIQUE") { "UNIQUE" } else { "" };
                    table.indexes.insert(row.get("name"), definition(&format!("{unique}{text}")));
                }
                origin => {
                    table.keys.insert(format!("{origin} {}", row.get::<&str, _>("cols")));
                }
            }
        }
        // A number that is the key has no index of its own.
        let info = sqlx::query("SELECT name FROM pragma_table_info($1) WHERE pk > 0 AND type = 'INTEGER'");
        let numbers = info.bind(name).fetch_all(&mut db).await.unwrap();
        if let [number] = &numbers[..]
            && !table.keys.iter().any(|key| key.starts_with("pk"))
        {
            table.keys.insert(format!("pk {}", number.get::<&str, _>("name")));
        }
        let references = sqlx::query("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list($1)");
        for row in references.bind(name).fetch_all(&mut db).await.unwrap() {
            let (from, to): (&str, &str) = (row.get("from"), row.get("to"));
            table.references.insert(format!("{from} -> {}.{to}", row.get::<&str, _>("table")));
        }
    }
    tables
}

async fn postgres(place: &Place) -> BTreeMap<String, Table> {
    let Place::Postgres { url, .. } = place else { unreachable!("a server") };
    let mut db = PgConnection::connect(url).await.unwrap();
    let mut tables = BTreeMap::<String, Table>::new();
    let columns = "SELECT table_name::text, column_name::text, data_type::text,
            is_nullable = 'YES' AS nullable, column_default::text
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'";
    for row in sqlx::query(columns).fetch_all(&mut db).await.unwrap() {
        let name: &str = row.get("column_name");
        let table = tables.entry(row.get("table_name")).or_default();
        let described = column(row.get("data_type"), name, row.get("nullable"), row.get("column_default"));
        table.columns.insert(name.to_owned(), described);
    }
    let constraints = "SELECT c.relname::text AS tab, k.contype::text AS origin,
            (SELECT string_agg(a.attname, ' ' ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u (att, n)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.att) AS cols,
            f.relname::text AS target,
            (SELECT string_agg(a.attname, ' ' ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u (att, n)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.att) AS target_cols
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         LEFT JOIN pg_class f ON f.oid = k.confrelid
         WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'f')
            AND c.relname <> '_sqlx_migrations'";
    for row in sqlx::query(constraints).fetch_all(&mut db).await.unwrap() {
        let table = tables.get_mut(row.get::<&str, _>("tab")).unwrap();
        let columns: &str = row.get("cols");
        match row.get("origin") {
            "p" => table.keys.insert(format!("pk {columns}")),
            "u" => table.keys.insert(format!("u {columns}")),
            _ => {
                let (target, to): (&str, &str) = (row.get("target"), row.get("target_cols"));
                table.references.insert(format!("{columns} -> {target}.{to}"))
            }
        };
    }
    let indexes = "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes i
         WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'
            AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conname = i.indexname)";
    for row in sqlx::query(indexes).fetch_all(&mut db).await.unwrap() {
        let table = tables.get_mut(row.get::<&str, _>("tablename")).unwrap();
        table.indexes.insert(row.get("indexname"), definition(row.get("indexdef")));
    }
    tables
}

#[tokio::test]
async fn the_schemas_are_the_same() {
    let (file, server) = (Fresh::new(Sqlite).await, Fresh::new(Postgres).await);
    let (sqlite, postgres) = (sqlite(&file.place).await, postgres(&server.place).await);
    assert!(sqlite.len() > 10, "{:?}", sqlite.keys());
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, table) in &sqlite {
        assert_eq!(table, &postgres[name], "table {name}");
    }
}
