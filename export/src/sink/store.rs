//! Files of a sink: replaced as a whole, down to the device, by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Permissions of what nobody else needs.
pub(super) const OWN: u32 = 0o600;
/// File that says that a process has the folder.
const OWNER: &str = "OWNER";

/// Makes a folder for its owner only, and those above it.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)?.sync_all()
}

/// Opens a file for reading and writing as it is; makes it, with these permissions, when there is
/// none.
pub(super) fn open(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(mode)
        .open(path)
}

/// Replaces a file. A crash leaves the old one or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWN)
        .open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Holds the folder of a sink until it is dropped.
#[derive(Debug)]
pub(super) struct Owner {
    _file: File,
}

impl Owner {
    /// Takes the folder; `None` when another process has it.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Self>> {
        Self::take_file(&folder.join(OWNER))
    }

    /// Takes what this file stands for; `None` when somebody else has it.
    pub(super) fn take_file(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path, OWN)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a process has the folder.
    pub(super) fn is_taken(folder: &Path) -> io::Result<bool> {
        let file = File::open(folder.join(OWNER))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Owner::is_taken(folder.path()).is_err(), "nobody was there");
        let owner = Owner::take(folder.path()).expect("room");
        assert!(owner.is_some());
        assert!(Owner::is_taken(folder.path()).expect("there"));
        assert!(Owner::take(folder.path()).expect("room").is_none());
        drop(owner);
        assert!(!Owner::is_taken(folder.path()).expect("there"));
        assert!(Owner::take(folder.path()).expect("room").is_some());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cursor.json");
        replace(&path, b"one").expect("room");
        replace(&path, b"2").expect("room");
        assert_eq!(std::fs::read(&path).expect("there"), b"2");
        assert!(!folder.path().join("cursor.next").exists());
    }
}
