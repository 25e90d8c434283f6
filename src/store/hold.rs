//! One service for one SQLite database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::Store;
use super::db::Db;
use super::error::{Result, StoreError};

/// The right to be the one service on a database. It ends with this value, and with the process
/// however that ends. Commands by hand need none: they take their work with leases.
#[derive(Debug)]
pub struct Hold {
    file: PathBuf,
    _lock: File,
}

impl Store {
    /// Takes the right, or says that another service has it.
    pub fn hold(&self) -> Result<Hold> {
        let file = self.hold_file();
        let open = |why: String| StoreError::Open { path: file.clone(), why };
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&file);
        let lock = lock.map_err(|error| open(error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Hold { file, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held { place: self.place() }),
            Err(TryLockError::Error(error)) => Err(open(error.to_string())),
        }
    }

    /// Whether `hold` is one on this database.
    pub fn is_held_by(&self, hold: &Hold) -> bool {
        hold.file == self.hold_file()
    }

    fn hold_file(&self) -> PathBuf {
        let Db::Sqlite { path, .. } = &self.db;
        let mut file = path.clone().into_os_string();
        file.push(".lock");
        PathBuf::from(file)
    }
}
