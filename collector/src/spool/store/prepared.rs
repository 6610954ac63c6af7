//! Whether a spool could be opened now, without taking it or making anything.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::folder::{OWNER, Owner, SpoolError, check_owner, failed};
use crate::folder::takes_files;

/// Says what is worth knowing before a spool is opened by this owner, in lines; without an owner
/// only whether there is a place for it.
///
/// # Errors
/// [`SpoolError`] when it cannot be opened as things are.
pub fn prepared(dir: &Path, owner: Option<&Owner>) -> Result<Vec<String>, SpoolError> {
    let mut lines = Vec::new();
    let path = dir.join(OWNER);
    match File::open(&path) {
        Ok(file) => {
            if let Some(owner) = owner {
                check_owner(&path, dir, owner)?;
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => lines.push(
                    "it is in use now; unless an agent with this file runs, it cannot be used"
                        .to_owned(),
                ),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("open", &path)(error)),
    }
    takes_files(&dir.join("segments")).map_err(failed("make files in", dir))?;
    Ok(lines)
}
