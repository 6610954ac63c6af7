//! The file-system seam: everything the ledger does to its folder goes through [`Fs`].
//!
//! Two implementations exist. [`real::RealFs`] is a folder of this machine. [`sim::SimFs`] is a
//! disk in memory that can lose power, tear writes, fail syncs and fill up: the disk of the fault
//! tests.
//!
//! An [`Fs`] is rooted at one log folder. Paths are relative to it, separated by `/`, without
//! empty, `.` or `..` components; the root itself is `""` where a folder is meant. Symbolic links
//! are not followed. Calls that name a file refuse folders and other things that are not regular
//! files.
//!
//! # What is durable when
//!
//! - [`FsFile::sync_data`] and [`FsFile::sync_all`] make the bytes and the length of that file
//!   durable, not its name.
//! - [`Fs::sync_dir`] makes the names in that folder durable: creations, renames, removals. A
//!   rename from one folder to another needs a sync of both.
//! - Everything else may be undone, done, or done in part by a power loss, in any order and one
//!   512-byte sector at a time.
//! - After a sync has failed nothing is known: a second sync may report success without having
//!   stored anything, and ordinary reads may return bytes that the device does not hold. Only
//!   [`Fs::open_device`] tells what the device holds.

pub mod real;
pub mod sim;

#[cfg(test)]
mod conformance;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// One log folder. All calls block.
pub trait Fs: Send + Sync + Debug {
    /// Creates a folder, or does nothing when it exists already.
    ///
    /// # Errors
    /// `NotFound` without its parent, `AlreadyExists` when a file has this name.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Creates an empty file, readable and writable by its owner only, and opens it for both.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken, whatever by.
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn FsFile>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, path: &str) -> io::Result<Arc<dyn FsFile>>;

    /// Opens an existing file for reading. Writing to it fails; syncing it does not.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_read(&self, path: &str) -> io::Result<Arc<dyn FsFile>>;

    /// Opens an existing file for reading what the device holds, past the page cache. Sync the file
    /// first: what is still on its way to the device may or may not be seen.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_device(&self, path: &str) -> io::Result<Arc<dyn FsFile>>;

    /// Renames a file and never replaces one.
    ///
    /// # Errors
    /// `NotFound` without `from`, `AlreadyExists` when `to` is taken.
    fn rename_noreplace(&self, from: &str, to: &str) -> io::Result<()>;

    /// Renames a file, replacing the file `to` in one step when there is one.
    ///
    /// # Errors
    /// `NotFound` without `from`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the name of a file. Who has it open keeps it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a folder durable; `""` is the root.
    ///
    /// # Errors
    /// Any error means that nothing is known about what is durable.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Names of the files and folders in a folder, sorted by bytes; `""` is the root.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`; `InvalidData` when a name is not UTF-8.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Whether a file or folder has this name.
    ///
    /// # Errors
    /// Whatever keeps the question from being answered.
    fn exists(&self, path: &str) -> io::Result<bool>;

    /// Bytes that can still be allocated.
    ///
    /// # Errors
    /// Whatever the file system reports.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Takes the one lock of this log folder, proven by the existing file `path`, until the
    /// returned value is dropped or the process ends. Never waits.
    ///
    /// # Errors
    /// `WouldBlock` when someone holds it, through whatever path; `NotFound` without the file;
    /// another error when the file was replaced while it was being locked or has a second name.
    fn lock(&self, path: &str) -> io::Result<Box<dyn FsLock>>;
}

/// An open file. Offsets are explicit: there is no position that calls could share by accident.
#[expect(
    clippy::len_without_is_empty,
    reason = "a length that may be unknown is compared, with ?"
)]
pub trait FsFile: Send + Sync + Debug {
    /// Reads up to `buf.len()` bytes at `offset` and returns how many; 0 at and after the end.
    ///
    /// # Errors
    /// Whatever the device reports.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Makes one try at writing `buf` at `offset` and returns how many bytes were taken. The file
    /// grows as needed.
    ///
    /// # Errors
    /// `StorageFull`, `Interrupted`, or whatever the device reports.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the file at least `len` bytes long, reserves the space, and fills what is new with
    /// zeros. Never shortens it.
    ///
    /// # Errors
    /// `StorageFull` when there is no room.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Makes bytes and length durable. Never repeat it after an error.
    ///
    /// # Errors
    /// Any error means that nothing is known about what is durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes bytes, length and the other attributes durable. Never repeat it after an error.
    ///
    /// # Errors
    /// Any error means that nothing is known about what is durable.
    fn sync_all(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// Whatever the file system reports.
    fn len(&self) -> io::Result<u64>;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before `buf` is full.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let wanted = rest.len();
            match self.read_at(rest, advance(offset, done)?) {
                Ok(0) => {
                    let message = format!("expected {wanted} more bytes, got the end of the file");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of `buf` at `offset`, going on after short and interrupted tries.
    ///
    /// # Errors
    /// The first error that is not an interruption; how much was written before it is not known.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = buf.get(done..).filter(|rest| !rest.is_empty()) {
            match self.write_at(rest, advance(offset, done)?) {
                Ok(0) => {
                    let message = format!("expected to write {} more bytes, got 0", rest.len());
                    return Err(io::Error::new(io::ErrorKind::WriteZero, message));
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The lock of a log folder, held until dropped.
pub trait FsLock: Send + Sync + Debug {}

fn advance(offset: u64, by: usize) -> io::Result<u64> {
    let by = u64::try_from(by).map_err(io::Error::other)?;
    offset.checked_add(by).ok_or_else(|| {
        let message = format!("expected an offset below 2^64, got {offset} + {by}");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// Splits a path into its folder (`""` for the root) and its last name, after checking every
/// component.
fn split(path: &str) -> io::Result<(&str, &str)> {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
    if !path.split('/').all(plain) {
        let message = format!("expected a plain relative path, got {path:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(path.rsplit_once('/').unwrap_or(("", path)))
}
