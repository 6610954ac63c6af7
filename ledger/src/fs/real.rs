//! [`Fs`] on a folder of this machine, through Linux system calls.
//!
//! Every component of a path is opened with `O_NOFOLLOW`, so that nobody who can place a symbolic
//! link in the folder can redirect a write. No call is repeated after an error except on `EINTR`,
//! and a sync not even then.

mod device;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FallocateFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat,
};
use rustix::io::Errno;

use super::{Fs, FsFile, FsLock, split};
use device::DeviceFile;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);
const FILE: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A log folder on this machine.
#[derive(Debug)]
pub struct RealFs {
    root: OwnedFd,
}

impl RealFs {
    /// Opens an existing folder. It stays the same folder when its path is renamed later.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory` (also for a symbolic link), or whatever else `open` reports.
    pub fn open(root: &Path) -> io::Result<Arc<Self>> {
        let root = rustix::fs::open(root, FOLDER, Mode::empty())?;
        Ok(Arc::new(Self { root }))
    }

    /// Opens the folder `path`; `""` is the root.
    fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        let mut folder = rustix::fs::openat(&self.root, ".", FOLDER, Mode::empty())?;
        if !path.is_empty() {
            split(path)?;
            for name in path.split('/') {
                folder = rustix::fs::openat(&folder, name, FOLDER, Mode::empty())?;
            }
        }
        Ok(folder)
    }

    /// The folder a path lies in, open, and the last name of the path.
    fn locate<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (folder, name) = split(path)?;
        Ok((self.folder(folder)?, name))
    }

    fn open_file(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let (folder, name) = self.locate(path)?;
        // O_NONBLOCK: opening a named pipe must fail below instead of waiting for its other end.
        let flags = flags | FILE | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file),
            FileType::Directory => Err(Errno::ISDIR.into()),
            other => {
                let message = format!("expected a regular file, got {other:?}");
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    fn rename_with(&self, from: &str, to: &str, flags: RenameFlags) -> io::Result<()> {
        let (from_folder, from_name) = self.locate(from)?;
        let (to_folder, to_name) = self.locate(to)?;
        let found = rustix::fs::statat(&from_folder, from_name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return Err(Errno::ISDIR.into());
        }
        rustix::fs::renameat_with(&from_folder, from_name, &to_folder, to_name, flags)?;
        Ok(())
    }
}

impl Fs for RealFs {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        let (folder, name) = self.locate(path)?;
        match rustix::fs::mkdirat(&folder, name, Mode::RWXU) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let found = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                match FileType::from_raw_mode(found.st_mode) {
                    FileType::Directory => Ok(()),
                    _ => Err(Errno::EXIST.into()),
                }
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn create_new(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        Ok(Arc::new(RealFile {
            file: self.open_file(path, flags)?,
        }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        Ok(Arc::new(RealFile {
            file: self.open_file(path, OFlags::RDWR)?,
        }))
    }

    fn open_read(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        Ok(Arc::new(RealFile {
            file: self.open_file(path, OFlags::RDONLY)?,
        }))
    }

    fn open_device(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let direct = match self.open_file(path, OFlags::RDONLY | OFlags::DIRECT) {
            Ok(file) => DeviceFile::direct(file)?,
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => None,
            Err(error) => return Err(error),
        };
        if let Some(device) = direct {
            return Ok(Arc::new(device));
        }
        tracing::warn!(
            path,
            "file system refuses direct reads; dropping cached pages, which is weaker"
        );
        Ok(Arc::new(DeviceFile::uncached(
            self.open_file(path, OFlags::RDONLY)?,
        )))
    }

    fn rename_noreplace(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename_with(from, to, RenameFlags::NOREPLACE)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename_with(from, to, RenameFlags::empty())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (folder, name) = self.locate(path)?;
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
        Ok(())
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        rustix::fs::fsync(&self.folder(path)?)?;
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.folder(path)?)? {
            match entry?.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(name) => names.push(name.to_owned()),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let found = self.locate(path).and_then(|(folder, name)| {
            Ok(rustix::fs::statat(
                &folder,
                name,
                AtFlags::SYMLINK_NOFOLLOW,
            )?)
        });
        match found {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.root)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn FsLock>> {
        // The folder is locked as well as the file: a lock file that someone removed and wrote anew
        // is another inode, which a second process could lock beside the first.
        let folder = self.folder("")?;
        rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
        let file = self.open_file(path, OFlags::RDONLY)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let (parent, name) = self.locate(path)?;
        let named = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        check_locked(&rustix::fs::fstat(&file)?, &named)?;
        Ok(Box::new(RealLock {
            _folder: folder,
            _file: file,
        }))
    }
}

/// The locked file must be the one that the path names, under that name only.
fn check_locked(held: &Stat, named: &Stat) -> io::Result<()> {
    let (inode, links) = (held.st_ino, held.st_nlink);
    if links == 1 && inode == named.st_ino && held.st_dev == named.st_dev {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "expected the lock file to be inode {inode} with 1 link, got inode {} with {links} links",
        named.st_ino
    )))
}

/// `flock` ends with the descriptors.
#[derive(Debug)]
struct RealLock {
    _folder: OwnedFd,
    _file: OwnedFd,
}

impl FsLock for RealLock {}

#[derive(Debug)]
struct RealFile {
    file: OwnedFd,
}

impl FsFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| {
            rustix::io::pread(&self.file, &mut *buf, offset)
        })?)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwrite(&self.file, buf, offset)?)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let reserve = || rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len);
        match rustix::io::retry_on_intr(reserve) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                tracing::warn!(
                    len,
                    "file system cannot reserve space; writing zeros instead"
                );
                self.write_zeros(len)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.file)?)
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.file)?)
    }

    fn len(&self) -> io::Result<u64> {
        length(self.file.as_fd())
    }
}

impl RealFile {
    /// Writes zeros from the end of the file up to `len`.
    fn write_zeros(&self, len: u64) -> io::Result<()> {
        let mut end = self.len()?;
        while end < len {
            let count = usize::try_from(len - end).map_or(ZEROS.len(), |n| n.min(ZEROS.len()));
            self.write_all_at(&ZEROS[..count], end)?;
            end = super::advance(end, count)?;
        }
        Ok(())
    }
}

fn length(file: BorrowedFd<'_>) -> io::Result<u64> {
    u64::try_from(rustix::fs::fstat(file)?.st_size).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
