//! Whether files can be made in a folder, without making one.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags, access, open, statvfs};
use rustix::io::Errno;

/// Whether this process can make files in a folder, which may itself have to be made. Nothing is
/// left behind.
///
/// # Errors
/// Why it cannot.
pub(crate) fn takes_files(dir: &Path) -> io::Result<()> {
    let there = dir.ancestors().find(|above| above.exists());
    let there = there.filter(|there| !there.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    if !fs::metadata(there)?.is_dir() {
        let why = format!("{} is no folder", there.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
    }
    // A file without a name, which is gone when it is closed.
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match open(there, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_unnamed) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            // Not every file system has such files; /proc and the like have no room for any.
            if statvfs(there)?.f_blocks == 0 {
                let why = format!("the file system of {} keeps no files", there.display());
                return Err(io::Error::other(why));
            }
            Ok(access(there, Access::WRITE_OK | Access::EXEC_OK)?)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_made_takes_files_and_nothing_is_left_in_it() {
        let dir = tempfile::tempdir().unwrap();
        takes_files(dir.path()).unwrap();
        takes_files(&dir.path().join("a/b")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(dir.path().join("file"), "x").unwrap();
        let why = takes_files(&dir.path().join("file/a")).unwrap_err();
        assert!(why.to_string().contains("is no folder"), "{why}");
        let why = takes_files(Path::new("/proc/sp")).unwrap_err();
        assert!(why.to_string().contains("keeps no files"), "{why}");
    }
}
