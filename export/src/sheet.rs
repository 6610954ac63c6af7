//! A file that is written once, from its start to its end, and hashed on the way.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use sha2::{Digest as _, Sha256};

use crate::limits::FILE_BUFFER;

/// Where a preset writes to.
pub struct Out {
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Number of bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("file", self.file.get_ref())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Out {
    /// Writes to this file, which is empty.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            file: BufWriter::with_capacity(FILE_BUFFER, file),
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    /// Writes what is left, and waits until the disk has it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn close(self) -> io::Result<Written> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let digest = <[u8; 32]>::from(self.hasher.finalize());
        Ok(Written {
            bytes: self.bytes,
            sha256: countersign_proto::reading::text::hex(&digest),
        })
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        let count = u64::try_from(written).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(count);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
