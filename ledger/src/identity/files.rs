//! Identity files: written once, durable, and private where they hold a key.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Everyone who reaches the folder: certificates.
    Public,
    /// The owner: keys.
    Owner,
}

/// Why an identity file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is such a file already.
    #[error(
        "{} exists already and is never overwritten; choose another folder, or move it away first",
        .0.display()
    )]
    Exists(PathBuf),
    /// There is no such file.
    #[error("{} does not exist; restore it from a backup of the data folder", .0.display())]
    Missing(PathBuf),
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.into()),
        _ => failed("read", path)(source),
    })
}

/// Makes a folder, and those above it, for its owner only.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("make", path))
}

/// Refuses when there is anything at `path`.
pub(crate) fn must_be_free(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(FileError::Exists(path.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("look at", path)(error)),
    }
}

/// Writes a file that is not there yet, down to the device.
pub(crate) fn write_new(path: &Path, text: &str, access: Access) -> Result<(), FileError> {
    let mode = match access {
        Access::Public => 0o644,
        Access::Owner => 0o600,
    };
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let mut file = opened.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.into()),
        _ => failed("create", path)(source),
    })?;
    file.write_all(text.as_bytes())
        .map_err(failed("write", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Puts a new file in the place of an old one. A crash leaves the old one or the new one.
pub(crate) fn replace(path: &Path, text: &str, access: Access) -> Result<(), FileError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    // A file of this name is what an interrupted replacement left; nothing points to it.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove", &fresh)(error));
        }
        _ => {}
    }
    write_new(&fresh, text, access)?;
    // If we stop here, the old file is still in place.
    fs::rename(&fresh, path).map_err(failed("rename", &fresh))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), FileError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError::Io {
        action,
        path,
        source,
    }
}
