//! Opening a database.

use rstest::rstest;

use crate::fresh::*;

#[tokio::test]
async fn a_file_that_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: std::path::PathBuf| async move {
        let opened = Store::open(&Database::Sqlite(path)).await;
        opened.err().expect("it cannot be opened").to_string()
    };

    let missing = open(folder.path().join("no/such/mentord.db")).await;
    assert!(missing.contains("no/such` does not exist"), "{missing}");

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "these are my notes, ".repeat(100)).unwrap();
    let text = open(text).await;
    assert!(text.contains("is not an SQLite database"), "{text}");

    let directory = open(folder.path().to_owned()).await;
    assert!(directory.contains("cannot be opened"), "{directory}");
}

#[tokio::test]
async fn a_server_that_cannot_be_used_says_why() {
    let server = crate::postgres::Server::start();
    let open = async |url: &str| {
        let database = Database::Postgres(mentord::config::postgres(url).unwrap());
        Store::open(&database).await.err().expect("it cannot be opened").to_string()
    };

    let missing = open(&server.url("elsewhere")).await;
    assert!(missing.contains("createdb"), "{missing}");
    let stranger = open(&server.url("postgres").replace("postgres@", "stranger:s3cret@")).await;
    assert!(stranger.contains("stranger"), "{stranger}");
    server.go_away();
    let away = open(&server.url("postgres")).await;
    assert!(away.contains("cannot be opened"), "{away}");
    for told in [missing, stranger, away] {
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[rstest]
#[tokio::test]
async fn a_newer_schema_is_not_touched(#[values(Sqlite, Postgres)] on: On) {
    let fresh = Fresh::new(on).await;
    assert!(fresh.store.schema_current().await.unwrap());
    fresh.store.migrate().await.unwrap();
    fresh
        .raw(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, '', 0)",
        )
        .await;
    let opened = Store::open(&fresh.place.database()).await;
    assert!(matches!(opened.err(), Some(StoreError::Newer { found: 9999, .. })));
}

#[rstest]
#[tokio::test]
async fn a_new_database_has_no_schema(#[values(Sqlite, Postgres)] on: On) {
    let place = Place::new(on).await;
    let store = Store::open(&place.database()).await.unwrap();
    store.ping().await.unwrap();
    assert!(!store.schema_current().await.unwrap());
    #[cfg(unix)]
    if let Place::Sqlite { path, .. } = &place {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not read it");
    }
}

/// Instances that start together all bring the schema up to date.
#[tokio::test(flavor = "multi_thread")]
async fn several_may_bring_the_schema_up_to_date_at_once() {
    let place = Place::new(Postgres).await;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(Store::open(&place.database()).await.unwrap());
    }
    let all = stores.iter().map(|store| store.migrate());
    for done in futures_util::future::join_all(all).await {
        done.unwrap();
    }
    assert!(stores[0].schema_current().await.unwrap());
}
