//! The file `tree/durable`: up to which size the levels were synced, and with which root.
//!
//! ```text
//! mark = magic [8] = "CSTREE1\n" | size u64 | root [32] | SHA-256 of all before [32]
//! ```

use std::io;

use countersign_chain::hash::{self, Hash};

use crate::fs::Fs;

const PATH: &str = "tree/durable";
const DRAFT: &str = "tree/durable.tmp";
const MAGIC: &[u8; 8] = b"CSTREE1\n";
/// Magic, size and root.
const BODY: usize = 48;
const MARK: usize = BODY + 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) size: u64,
    pub(super) root: Hash,
}

impl Mark {
    /// The mark of the folder; `None` when there is none that can be read.
    pub(super) fn read(fs: &dyn Fs) -> io::Result<Option<Self>> {
        let file = match fs.open_read(PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if file.len()? != u64::try_from(MARK).unwrap_or(u64::MAX) {
            return Ok(None);
        }
        let mut bytes = [0; MARK];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self::decode(&bytes))
    }

    /// Replaces the mark in one step and makes it durable.
    pub(super) fn write(self, fs: &dyn Fs) -> io::Result<()> {
        remove_file(fs, DRAFT)?;
        let file = fs.create_new(DRAFT)?;
        file.write_all_at(&self.encode(), 0)?;
        file.sync_data()?;
        fs.rename(DRAFT, PATH)?;
        fs.sync_dir(super::FOLDER)
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(self.root.as_bytes());
        let digest = hash::digest(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8; MARK]) -> Option<Self> {
        let (body, digest) = bytes.split_at(BODY);
        if hash::digest(body).as_bytes() != digest {
            return None;
        }
        let (size, root) = body.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (size, root) = (u64::from_be_bytes(*size), Hash::from_slice(root)?);
        Some(Self { size, root })
    }
}

/// Takes the mark away, durably.
pub(super) fn remove(fs: &dyn Fs) -> io::Result<()> {
    remove_file(fs, PATH)?;
    remove_file(fs, DRAFT)?;
    fs.sync_dir(super::FOLDER)
}

fn remove_file(fs: &dyn Fs, path: &str) -> io::Result<()> {
    match fs.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
