//! The service tells the database again and again that it is there, under one name for its whole
//! life. Nothing depends on it but what people see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::service::Companion;
use crate::store::{Instance, Store, StoreError};

/// How often it tells. By the machine's own time, as this is about the process and not about work.
const EVERY: Duration = Duration::from_secs(10);

/// How long a stop may wait for the database to forget the service.
const FAREWELL: Duration = Duration::from_secs(2);

/// Who the service is. All clones are the same one.
#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    instance: Instance,
    every: Duration,
    /// When it first told, by the database's clock.
    since: OnceLock<i64>,
    /// The database was told of last time; so that trouble is logged when it begins and ends.
    trouble: AtomicBool,
}

impl Presence {
    /// A service that nobody has heard of yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "this one is drawn at start, and no test needs it to be still"
    )]
    pub fn new() -> Self {
        Self::with(rand::random(), EVERY)
    }

    fn with(id: u64, every: Duration) -> Self {
        let host = hostname::get().map(|host| host.to_string_lossy().into_owned());
        let instance = Instance {
            id: format!("{id:016x}"),
            host: host.unwrap_or_else(|_| "unknown".to_owned()),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self(Arc::new(Inner { instance, every, since: OnceLock::new(), trouble: AtomicBool::new(false) }))
    }

    /// Tells it to the database once, and goes on until the companion ends.
    pub async fn begin(&self, store: &Store) -> Companion {
        self.tell(store).await;
        let (presence, store) = (self.clone(), store.clone());
        Companion::start(|stop| async move { presence.keep(&store, stop).await })
    }

    async fn keep(&self, store: &Store, stop: CancellationToken) {
        let telling = async {
            loop {
                tokio::time::sleep(self.0.every).await;
                self.tell(store).await;
            }
        };
        tokio::select! {
            () = telling => {}
            () = stop.cancelled() => {}
        }
        let left = tokio::time::timeout(FAREWELL, store.instance_left(&self.0.instance.id)).await;
        if let Err(error) = left.unwrap_or(Err(StoreError::Silent)) {
            tracing::warn!("the database still holds this service for running: {error}");
        }
    }

    async fn tell(&self, store: &Store) {
        let Inner { instance, every, since, trouble } = &*self.0;
        let told = store.instance_seen(instance, since.get().copied());
        match tokio::time::timeout(*every, told).await.unwrap_or(Err(StoreError::Silent)) {
            Ok(started) => {
                since.get_or_init(|| started);
                if trouble.swap(false, Ordering::Relaxed) {
                    tracing::info!("the database knows again that this service runs");
                }
            }
            Err(error) => {
                if !trouble.swap(true, Ordering::Relaxed) {
                    tracing::warn!("the database cannot be told that this service runs: {error}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Database;
    use crate::store::SeenInstance;

    async fn database() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
        store.migrate().await.unwrap();
        (folder, store)
    }

    /// Waits until the database knows exactly one instance.
    async fn one(store: &Store) -> SeenInstance {
        for _ in 0..1000 {
            let mut instances = store.instances().await.unwrap();
            if instances.len() == 1 {
                return instances.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the instance did not come back");
    }

    #[tokio::test]
    async fn whoever_is_forgotten_tells_again_who_he_is_and_leaves_without_a_trace() {
        let (_folder, store) = database().await;
        let presence = Presence::with(7, Duration::from_millis(20));
        let companion = presence.begin(&store).await;
        let first = one(&store).await;
        assert_eq!((first.id.as_str(), first.pid), ("0000000000000007", std::process::id()));
        store.instance_left(&first.id).await.unwrap();
        let again = one(&store).await;
        assert_eq!((&again.id, again.started_at), (&first.id, first.started_at));
        companion.end().await;
        assert_eq!(store.instances().await.unwrap(), []);

        // Over a reload, perhaps to another database.
        let (_other_folder, other) = database().await;
        let companion = presence.begin(&other).await;
        let moved = one(&other).await;
        assert_eq!((&moved.id, moved.started_at), (&first.id, first.started_at));
        companion.end().await;
        assert_eq!(other.instances().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_told_ends_nothing() {
        let (_folder, store) = database().await;
        let presence = Presence::with(7, Duration::from_millis(20));
        store.close().await;
        let companion = presence.begin(&store).await;
        assert!(presence.0.trouble.load(Ordering::Relaxed));
        companion.end().await;
    }
}
