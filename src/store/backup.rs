//! A copy of a SQLite database that is in use.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::config::Database;

use super::Store;
use super::db::values;
use super::error::{Result, StoreError};

/// What SQLite puts beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

impl Store {
    /// Writes a copy of the database, as it is at one moment, into a new file; whoever works on the
    /// database goes on meanwhile. The file is there once the copy is whole and safe on the disk, and
    /// a copy of which anything fails leaves nothing behind.
    ///
    /// The copy knows that it is one; see `restoration`.
    pub async fn back_up(&self, to: &Path, now: DateTime<Utc>) -> Result<()> {
        let failed = |why: String| StoreError::Backup { file: to.display().to_string(), why };
        if self.db.file().is_none() {
            return Err(failed(format!("{} is no SQLite file; use `pg_dump`", self.place())));
        }
        if to.symlink_metadata().is_ok() {
            return Err(failed(EXISTS.to_owned()));
        }
        let part = Part::create(to).map_err(|error| failed(error.to_string()))?;
        let path = part.0.to_str().ok_or_else(|| failed("its name is not UTF-8".to_owned()))?;
        self.db.write("VACUUM INTO $1", values![path]).await.map_err(|error| failed(error.to_string()))?;
        let copy = Self::open(&Database::Sqlite(part.0.clone())).await?;
        let finished = copy.become_backup(self, now).await;
        copy.close().await;
        finished.and_then(|why| why.map_or(Ok(()), |why| Err(failed(why))))?;
        part.publish(to).map_err(|error| failed(error.to_string()))
    }

    /// Looks whether the copy is whole, and makes it know that it is one. Returns what is wrong with
    /// it.
    async fn become_backup(&self, original: &Self, now: DateTime<Utc>) -> Result<Option<String>> {
        let row = self.db.one("PRAGMA integrity_check(1)", vec![]).await?;
        let found: Option<String> =
            row.map(|row| row.of("copy", "check").get("integrity_check")).transpose()?;
        if found.as_deref() != Some("ok") {
            let found = found.unwrap_or_default();
            return Ok(Some(format!("the copy is damaged ({found}); look at the disk and the database")));
        }
        let (version, expected) = (self.db.schema_version().await?, original.db.schema_version().await?);
        if version != expected {
            return Ok(Some("the database's schema was changed meanwhile; try again".to_owned()));
        }
        let mut tx = self.db.begin().await?;
        tx.execute("INSERT INTO restoration (backup_made_at) VALUES ($1)", values![now]).await?;
        // Who runs on the database does not run on the copy.
        tx.execute("DELETE FROM instance", vec![]).await?;
        tx.commit().await?;
        Ok(None)
    }
}

const EXISTS: &str = "there is such a file already; name another one, or remove it first";

/// A file that is being written; dropped, it never was.
struct Part(PathBuf);

impl Part {
    /// Beside the file that it is going to be, for its owner only: it holds personal data.
    fn create(to: &Path) -> io::Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?;
        Ok(Self(path))
    }

    /// Gives the file its name, once all of it is on the disk.
    fn publish(self, to: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        let exists = || io::Error::new(io::ErrorKind::AlreadyExists, EXISTS);
        match std::fs::hard_link(&self.0, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
            // Not every file system has links, and only a link never replaces what is there.
            Err(_) if to.symlink_metadata().is_ok() => return Err(exists()),
            Err(_) => std::fs::rename(&self.0, to)?,
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is none any more.
        let _ = std::fs::remove_file(&self.0);
        for suffix in BESIDE {
            let mut beside = self.0.clone().into_os_string();
            beside.push(suffix);
            let _ = std::fs::remove_file(beside);
        }
    }
}
