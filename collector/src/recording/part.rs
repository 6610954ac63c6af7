//! Parts of a recording: whole lines of an asciicast file, compressed.
//!
//! The lines of all parts, one after the other, are the file; the first part has the header. Each
//! part is one zstd frame with a checksum and the size of its content.

use std::io;

use zstd::bulk::{Compressor, decompress};
use zstd::zstd_safe::CParameter;

use crate::limits::{PART_LEVEL, PART_LINES};

/// How the blob of a part is to be read, as its entry says it.
pub const ENCODING: &str = "asciicast-v2+zstd";

/// Compresses parts.
pub struct Packer {
    compressor: Compressor<'static>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// A compressor with its memory, which all parts share.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(PART_LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { compressor })
    }

    /// The blob of at most [`PART_LINES`] bytes of lines.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn pack(&mut self, lines: &[u8]) -> io::Result<Vec<u8>> {
        self.compressor.compress(lines)
    }
}

/// Why a blob is no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Not zstd, damaged, or larger than a part is.
    #[error("expected zstd of at most {PART_LINES} bytes: {0}")]
    Zstd(String),
    /// Nothing, or not whole lines.
    #[error("expected whole lines, got {0} bytes without a line end behind them")]
    Lines(usize),
}

/// The lines of a part.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(blob: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let lines =
        decompress(blob, PART_LINES).map_err(|error| UnpackError::Zstd(error.to_string()))?;
    if lines.last() == Some(&b'\n') {
        return Ok(lines);
    }
    let rest = lines.rsplit(|byte| *byte == b'\n').next();
    Err(UnpackError::Lines(rest.map_or(0, <[u8]>::len)))
}
