//! The engine behind the projections. This is the only file that names sled (ADR 1).
//!
//! sled reports damage as an error or by a panic; both come out of here as [`DbError`].

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::limits::{LOCK_PAUSE, LOCK_TRIES};

/// Cache of the engine: 16 MiB. The rows of a million entries take some 2 MiB.
const CACHE_BYTES: u64 = 16 << 20;

/// Why the engine did not do as told.
#[derive(Debug, thiserror::Error)]
pub(super) enum DbError {
    /// It says so.
    #[error("projection store failed: {0}")]
    Failed(String),
    /// It lost its head.
    #[error("projection store panicked: {0}")]
    Panicked(String),
}

impl From<sled::Error> for DbError {
    fn from(error: sled::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What sled says when another has the folder open.
const LOCKED: &str = "could not acquire lock";

/// Key and value of a row.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes on disk.
pub(super) struct Db {
    /// `None` only while being dropped.
    inner: Option<sled::Db>,
}

impl Db {
    /// Opens or creates the map in this folder.
    pub(super) fn open(folder: &Path) -> Result<Self, DbError> {
        // Without the timer nothing is flushed behind our back: losing the newest rows costs a
        // second look at the log.
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let mut tries = 1;
        loop {
            let opened = guarded(|| Ok(config.open()?));
            let locked = matches!(&opened, Err(DbError::Failed(why)) if why.contains(LOCKED));
            if !locked || tries == LOCK_TRIES {
                return opened.map(|db| Self { inner: Some(db) });
            }
            // sled lets go of its lock on a thread of its own, a moment after it was closed.
            tries += 1;
            std::thread::park_timeout(LOCK_PAUSE);
        }
    }

    fn inner(&self) -> Result<&sled::Db, DbError> {
        self.inner
            .as_ref()
            .ok_or_else(|| DbError::Failed("it is closed".to_owned()))
    }

    pub(super) fn is_empty(&self) -> Result<bool, DbError> {
        let db = self.inner()?;
        guarded(|| Ok(db.iter().next().transpose()?.is_none()))
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        let db = self.inner()?;
        guarded(|| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    /// The row with the largest key up to and including this one.
    pub(super) fn last_up_to(&self, key: &[u8]) -> Result<Option<Row>, DbError> {
        let db = self.inner()?;
        guarded(|| {
            let found = db.range::<&[u8], _>(..=key).next_back().transpose()?;
            Ok(found.map(|(key, value)| (key.to_vec(), value.to_vec())))
        })
    }

    /// Shows the rows from key `from` up to and without key `to`, in order, until told to stop.
    pub(super) fn scan<E: From<DbError>>(
        &self,
        from: &[u8],
        to: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let db = self.inner()?;
        guarded(|| {
            for row in db.range::<&[u8], _>(from..to) {
                let (key, value) = row.map_err(DbError::from)?;
                if visit(&key, &value)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Writes all rows or none.
    pub(super) fn write(&self, rows: Vec<Row>) -> Result<(), DbError> {
        let db = self.inner()?;
        guarded(|| {
            let mut batch = sled::Batch::default();
            for (key, value) in rows {
                batch.insert(key, value);
            }
            Ok(db.apply_batch(batch)?)
        })
    }

    /// Hands what was written to the operating system.
    pub(super) fn flush(&self) -> Result<(), DbError> {
        let db = self.inner()?;
        guarded(|| Ok(db.flush().map(drop)?))
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let inner = self.inner.take();
        let closed: Result<(), DbError> = guarded(|| {
            drop(inner);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "projections did not close cleanly");
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Db")
    }
}

/// Turns a panic of the engine into an error. What it leaves behind is put aside with its folder.
fn guarded<T, E: From<DbError>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(DbError::Panicked(text.to_owned()).into())
    })
}
