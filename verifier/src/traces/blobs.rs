//! The blobs of a folder: files below `blobs` under the digest of their content (docs/format.md,
//! section 11).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use countersign_proto::reading::text::hex;
use sha2::{Digest as _, Sha256};

/// Bytes that are read at once.
const PIECE: usize = 65_536;
/// The longest blob that is read: 64 MiB, 64 times what a ledger takes. Whoever feeds the verifier
/// cannot make it read for ever.
const MAX_BLOB: u64 = 64 << 20;

/// What became of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blob {
    /// There is no folder to look into.
    Unseen,
    /// It is there, and what was committed to; with its length.
    Holds(u64),
    /// It is not there, or cannot be read: why.
    Missing(String),
    /// Its content has another digest: which.
    Changed(String),
    /// It has so many bytes, and others were committed to.
    Length(u64),
}

/// The folder of the blobs, where the source has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlobFolder(Option<PathBuf>);

impl BlobFolder {
    pub(crate) const fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Compares a blob with what an entry commits to.
    pub(crate) fn look(&self, digest: &[u8], bytes: u64) -> Blob {
        let Some(folder) = &self.0 else {
            return Blob::Unseen;
        };
        if digest.len() != 32 {
            let text = format!("the digest has {} bytes; expected 32", digest.len());
            return Blob::Missing(text);
        }
        let mut name = hex(digest);
        let rest = name.split_off(2);
        let looked = look_at(&folder.join(name).join(rest), digest, bytes);
        looked.unwrap_or_else(|error| Blob::Missing(error.to_string()))
    }
}

fn look_at(path: &std::path::Path, digest: &[u8], bytes: u64) -> io::Result<Blob> {
    // Not opened before it is known to be a file: what else may lie there can wait for ever.
    let there = fs::metadata(path)?;
    if !there.is_file() {
        return Ok(Blob::Missing("it is no file".to_owned()));
    }
    if there.len() != bytes {
        return Ok(Blob::Length(there.len()));
    }
    if bytes > MAX_BLOB {
        let text = format!("{bytes} bytes are more than a blob can have");
        return Ok(Blob::Missing(text));
    }
    let mut file = File::open(path)?.take(bytes);
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let got = file.read(&mut piece)?;
        if got == 0 {
            break;
        }
        hasher.update(piece.get(..got).unwrap_or_default());
    }
    let found = hasher.finalize();
    if found.as_slice() == digest {
        Ok(Blob::Holds(bytes))
    } else {
        Ok(Blob::Changed(hex(&found)))
    }
}
