//! Who writes to the folder of an export: one at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::folder::{FolderError, at};

/// Name of the file that is locked while an export writes to its folder.
pub(crate) const LOCK: &str = ".export.lock";

/// The folder, until it is dropped. Then the file goes as well: it would look like something that
/// an export left behind.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Unlocked when it is closed.
    _file: File,
}

impl Lock {
    /// Takes the folder; `None` when another export has it.
    pub(super) fn take(folder: &Path) -> Result<Option<Self>, FolderError> {
        let path = folder.join(LOCK);
        loop {
            let file = File::create(&path).map_err(at(&path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
            }
            // Whoever had it may have removed the file after it was opened here: what is locked
            // then is a file that nobody else will find.
            if is_at(&file, &path).map_err(at(&path))? {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It is still locked: nobody else has taken what goes here. What stays is locked again by
        // the next export.
        fs::remove_file(&self.path).ok();
    }
}

/// Whether this open file is the one that has the name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_nothing_stays_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Lock::take(folder.path()).expect("room").expect("free");
        assert!(Lock::take(folder.path()).expect("room").is_none());
        drop(first);
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0);
        assert!(Lock::take(folder.path()).expect("room").is_some());
    }

    #[test]
    fn two_never_have_it_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Some(lock) = Lock::take(folder.path()).expect("room") else {
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}
