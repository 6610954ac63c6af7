//! Reading what the device holds, not what the page cache says it holds.
//!
//! After a failed sync Linux marks the pages clean although the device never took them, and
//! ordinary reads go on returning them. `O_DIRECT` reads go past the cache (open(2), section
//! "O_DIRECT").

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::Advice;
use rustix::io::Errno;

use crate::fs::FsFile;

/// Alignment of memory, offset and length: a multiple of every usual logical block size.
const BLOCK: u16 = 4096;
/// Longest single read; a multiple of [`BLOCK`].
const LONGEST: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct DeviceFile {
    file: OwnedFd,
    way: Way,
}

/// How the cache is avoided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The file was opened with `O_DIRECT`.
    Direct,
    /// Cached clean pages are dropped before each read. The kernel may keep some.
    Uncached,
}

impl DeviceFile {
    /// Takes a file opened with `O_DIRECT`. `None` when its file system refuses the first aligned
    /// read.
    pub(super) fn direct(file: OwnedFd) -> io::Result<Option<Self>> {
        let device = Self {
            file,
            way: Way::Direct,
        };
        match device.read_at(&mut [0], 0) {
            Ok(_) => Ok(Some(device)),
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a file opened without `O_DIRECT`.
    pub(super) fn uncached(file: OwnedFd) -> Self {
        Self {
            file,
            way: Way::Uncached,
        }
    }
}

impl FsFile for DeviceFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.way == Way::Uncached {
            rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed)?;
        }
        let block = usize::from(BLOCK);
        let before = offset % u64::from(BLOCK);
        let start = offset - before;
        let lead = usize::try_from(before).map_err(io::Error::other)?;
        let span = lead
            .saturating_add(buf.len())
            .min(LONGEST)
            .next_multiple_of(block);
        // A vector is aligned to one byte only: take a block more than needed and start inside it.
        let mut space = vec![0; span + block];
        let skip = space.as_ptr().align_offset(block);
        let Some(window) = space.get_mut(skip..).and_then(|rest| rest.get_mut(..span)) else {
            return Err(io::Error::other("expected an aligned buffer, got none"));
        };
        let read = || rustix::io::pread(&self.file, &mut *window, start);
        let got = rustix::io::retry_on_intr(read)?;
        let count = got.saturating_sub(lead).min(buf.len());
        buf[..count].copy_from_slice(&window[lead..lead + count]);
        Ok(count)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64) -> io::Result<usize> {
        Err(Errno::BADF.into())
    }

    fn allocate(&self, _len: u64) -> io::Result<()> {
        Err(Errno::BADF.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.file)?)
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.file)?)
    }

    fn len(&self) -> io::Result<u64> {
        super::length(self.file.as_fd())
    }
}
