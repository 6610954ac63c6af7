//! Blobs: content beside the log that entries commit to by digest.
//!
//! A blob is durable before the entry that names it is taken, so an entry whose blob is missing
//! tells of a loss, never of a crash. Its name is the SHA-256 of its content: `blobs/ab/cdef…`.
//! What nobody commits to stays behind and does no harm.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::fs::Fs;
use crate::limits::MAX_BLOB_BYTES;

const FOLDER: &str = "blobs";
/// Blobs on their way.
const MAKING: &str = "blobs/making";

/// SHA-256 of a blob's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// The blob with this digest; `None` unless it has 32 bytes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The blob with this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Folder and file below the log's own.
    fn path(&self) -> (String, String) {
        let mut name: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let rest = name.split_off(2);
        let folder = format!("{FOLDER}/{name}");
        let file = format!("{folder}/{rest}");
        (folder, file)
    }
}

/// Why a blob cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is none.
    #[error("there is no such blob")]
    Missing,
    /// The file is not what its name says.
    #[error("the blob is damaged: its content has another digest")]
    Damaged,
    /// The file system says no.
    #[error("cannot read the blob: {0}")]
    Io(#[from] io::Error),
}

/// The blobs of a log. All calls block.
#[derive(Debug)]
pub struct Blobs {
    fs: Arc<dyn Fs>,
    making: AtomicU64,
}

impl Blobs {
    /// The blobs below a log's folder. What a crash left half-made is removed.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open(fs: Arc<dyn Fs>) -> io::Result<Self> {
        if fs.exists(MAKING)? {
            for left in fs.list(MAKING)? {
                fs.remove(&format!("{MAKING}/{left}"))?;
            }
        }
        let making = AtomicU64::new(0);
        Ok(Self { fs, making })
    }

    /// Makes content durable and returns its name.
    ///
    /// # Errors
    /// `StorageFull` and others: then nothing is known to be stored, and the same call may be made
    /// again.
    pub fn put(&self, content: &[u8]) -> io::Result<BlobId> {
        let id = BlobId::of(content);
        let (folder, file) = id.path();
        if self.fs.exists(&file)? && matches!(self.get(id), Ok(there) if there == content) {
            // Whoever put it here may have been stopped before the name was durable.
            self.fs.sync_dir(&folder)?;
            return Ok(id);
        }
        for dir in [FOLDER, MAKING, &folder] {
            if !self.fs.exists(dir)? {
                self.fs.create_dir(dir)?;
                self.fs.sync_dir(if dir == FOLDER { "" } else { FOLDER })?;
            }
        }
        let number = self.making.fetch_add(1, Ordering::Relaxed);
        let making = format!("{MAKING}/{number}");
        let stored = self.store(&making, content, (&folder, &file));
        if stored.is_err() {
            // What is left of it is removed by the next start, if not now.
            drop(self.fs.remove(&making));
        }
        stored.map(|()| id)
    }

    fn store(&self, making: &str, content: &[u8], (folder, file): (&str, &str)) -> io::Result<()> {
        let made = self.fs.create_new(making)?;
        made.write_all_at(content, 0)?;
        made.sync_all()?;
        // If we stop here, then a file without a name of its own is left, and removed at start.
        self.fs.rename(making, file)?;
        // If we stop here, then the blob may or may not be there, and nobody was told.
        self.fs.sync_dir(folder)
    }

    /// Whether a blob of this size is there.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn has(&self, id: BlobId, bytes: u64) -> io::Result<bool> {
        match self.fs.open_read(&id.path().1) {
            Ok(file) => Ok(file.len()? == bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The content of a blob, checked against its name.
    ///
    /// # Errors
    /// [`BlobError`].
    pub fn get(&self, id: BlobId) -> Result<Vec<u8>, BlobError> {
        let file = match self.fs.open_read(&id.path().1) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::Missing);
            }
            Err(error) => return Err(error.into()),
        };
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        if len > MAX_BLOB_BYTES {
            return Err(BlobError::Damaged);
        }
        let mut content = vec![0; len];
        file.read_exact_at(&mut content, 0)?;
        if BlobId::of(&content) != id {
            return Err(BlobError::Damaged);
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::real::RealFs;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().expect("a folder");
        let fs: Arc<dyn Fs> = RealFs::open(dir.path()).expect("its files");
        let blobs = Blobs::open(fs).expect("no blobs yet");
        (dir, blobs)
    }

    #[test]
    fn a_blob_is_read_back_under_its_digest() {
        let (_dir, blobs) = blobs();
        let id = blobs.put(b"what was shown").expect("stored");
        assert_eq!(id, BlobId::of(b"what was shown"));
        assert_eq!(blobs.get(id).expect("there"), b"what was shown");
        assert_eq!(blobs.put(b"what was shown").expect("again"), id);
        assert!(blobs.has(id, 14).expect("there"));
        assert!(!blobs.has(id, 13).expect("of another size"));
        let other = BlobId::of(b"another");
        assert!(!blobs.has(other, 7).expect("nothing"));
        assert!(matches!(blobs.get(other), Err(BlobError::Missing)));
    }

    #[test]
    fn a_blob_that_rotted_is_noticed_and_can_be_stored_again() {
        let (dir, blobs) = blobs();
        let id = blobs.put(b"content").expect("stored");
        let path = dir.path().join(id.path().1);
        std::fs::write(&path, b"contemt").expect("changed");
        assert!(matches!(blobs.get(id), Err(BlobError::Damaged)));
        std::fs::write(&path, vec![0; MAX_BLOB_BYTES + 1]).expect("grown");
        assert!(matches!(blobs.get(id), Err(BlobError::Damaged)));
        assert_eq!(blobs.put(b"content").expect("stored again"), id);
        assert_eq!(blobs.get(id).expect("there"), b"content");
    }

    #[test]
    fn what_a_crash_left_half_made_is_removed_at_start() {
        let (dir, blobs) = blobs();
        blobs.put(b"content").expect("stored");
        let left = dir.path().join(MAKING).join("7");
        std::fs::write(&left, b"half").expect("left behind");
        let fs: Arc<dyn Fs> = RealFs::open(dir.path()).expect("its files");
        let blobs = Blobs::open(fs).expect("opened again");
        assert!(!left.exists());
        assert_eq!(
            blobs.get(BlobId::of(b"content")).expect("there"),
            b"content"
        );
    }
}
