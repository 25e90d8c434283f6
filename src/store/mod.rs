//! The database: the only place with SQL.
//!
//! One file for each arrow's share of the tables. SQL texts are the same for every database; what
//! differs is in `db`. How work is shared out is in `queue`.

use crate::config::Database;

mod accounts;
mod alerts;
mod backup;
mod budget;
mod calendars;
mod carry;
mod channels;
mod consent;
mod copies;
mod db;
mod error;
mod evidence;
mod hold;
mod import;
mod instances;
mod notices;
mod plan;
#[cfg(test)]
#[path = "../../tests/postgres/mod.rs"]
mod postgres;
mod queue;
mod restoration;
mod roster;
mod schedule;
mod sessions;
mod status;
mod sync;
mod verdicts;

pub use accounts::{Account, AccountState, Forgotten, REFRESH_LASTS, Refresh, Sealed};
pub use alerts::StoredAlert;
pub use budget::{HeldBudget, Rate, Take};
pub use carry::CarriedOver;
pub use channels::{OpenedChannel, StoredChannel};
pub use consent::{Consent, ConsentKind};
pub use error::StoreError;
pub use hold::Hold;
pub use import::RosterChange;
pub use instances::{Instance, InstanceState, SeenInstance};
pub use notices::{Notice, Says};
pub use queue::{Finished, Lease, Queue, RENEW_EVERY};
pub use restoration::Restored;
pub use sessions::SessionFilter;
pub use status::{AlertCensus, CalendarCensus, QueueCensus, ScheduleCensus, Snapshot};
pub use sync::{SyncCounts, SyncUpdate};

use db::Db;
use error::Result;

/// The database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens the database, making the file if there is none. The schema is left as it is.
    pub async fn open(database: &Database) -> Result<Self> {
        Ok(Self { db: Db::open(database).await? })
    }

    /// Brings the schema up to date; harmless when it is.
    pub async fn migrate(&self) -> Result<()> {
        self.db.migrate().await
    }

    /// Whether the schema is the one that this binary was made for.
    pub async fn schema_current(&self) -> Result<bool> {
        self.db.schema_current().await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.db.one("SELECT 1 AS one", vec![]).await.map(drop)
    }

    /// Where the data live, for messages.
    pub fn place(&self) -> String {
        self.db.place()
    }

    /// Closes all connections, writing out what SQLite still holds in its log.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
