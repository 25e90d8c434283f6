//! One service for one SQLite database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::Store;
use super::error::{Result, StoreError};

/// The right to be the one service on a database. It ends with this value, and with the process
/// however that ends. Commands by hand need none: they take their work with leases.
#[derive(Debug)]
pub struct Hold {
    /// `None`: on PostgreSQL any number of services share the work.
    lock: Option<(PathBuf, File)>,
}

impl Store {
    /// Takes the right, or says that another service has it.
    pub fn hold(&self) -> Result<Hold> {
        let Some(file) = self.hold_file() else { return Ok(Hold { lock: None }) };
        let open = |why: String| StoreError::Open { place: file.display().to_string(), why };
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&file);
        let lock = lock.map_err(|error| open(error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Hold { lock: Some((file, lock)) }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held { place: self.place() }),
            Err(TryLockError::Error(error)) => Err(open(error.to_string())),
        }
    }

    /// Whether `hold` is one on this database.
    pub fn is_held_by(&self, hold: &Hold) -> bool {
        hold.lock.as_ref().map(|(file, _)| file) == self.hold_file().as_ref()
    }

    fn hold_file(&self) -> Option<PathBuf> {
        let mut file = self.db.file()?.to_owned().into_os_string();
        file.push(".lock");
        Some(PathBuf::from(file))
    }
}
