//! One level file: hashes one after another, with the last tile of 256 also in memory.

use std::io;
use std::sync::Arc;

use countersign_chain::hash::Hash;

use crate::fs::FsFile;

/// Levels between two files: tiles of C2SP tlog-tiles are 8 levels high.
pub(super) const LEVEL_STEP: u8 = 8;
/// Hashes of a full tile.
const TILE: u64 = 1 << LEVEL_STEP;
/// Bytes of a hash.
const HASH: usize = 32;

/// Path of the file with this position: level 0, 8, 16 and so on.
pub(super) fn path(position: usize) -> String {
    let level = position * usize::from(LEVEL_STEP);
    format!("{}/level-{level:02}", super::FOLDER)
}

/// Whether a file of the folder is a level.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with("level-")
}

/// A level as readers see it.
#[derive(Debug)]
pub(super) struct Level {
    file: Arc<dyn FsFile>,
    count: u64,
    /// Hashes from the last multiple of [`TILE`] below `count` on: most proofs end in them.
    tail: Vec<Hash>,
}

/// Where hashes are.
pub(super) enum Place {
    Memory(Vec<Hash>),
    File(Arc<dyn FsFile>),
}

impl Level {
    pub(super) const fn empty(file: Arc<dyn FsFile>) -> Self {
        Self {
            file,
            count: 0,
            tail: Vec::new(),
        }
    }

    /// A level whose file should hold `count` hashes.
    pub(super) fn load(file: Arc<dyn FsFile>, count: u64) -> io::Result<Self> {
        let start = tail_start(count);
        let wanted = usize::try_from(count - start).map_err(io::Error::other)?;
        let tail = read(&*file, start, wanted)?;
        Ok(Self { file, count, tail })
    }

    pub(super) fn place(&self) -> (Arc<dyn FsFile>, u64) {
        (Arc::clone(&self.file), self.count)
    }

    /// Hashes from `first` on; `count` is a power of two below [`TILE`] that divides `first`.
    pub(super) fn find(&self, first: u64, count: usize) -> Place {
        first
            .checked_sub(tail_start(self.count))
            .and_then(|from| usize::try_from(from).ok())
            .and_then(|from| self.tail.get(from..from.checked_add(count)?))
            .map_or_else(
                || Place::File(Arc::clone(&self.file)),
                |hashes| Place::Memory(hashes.to_vec()),
            )
    }

    /// Counts hashes that were written.
    pub(super) fn extend(&mut self, hashes: &[Hash]) {
        for hash in hashes {
            if self.count.is_multiple_of(TILE) {
                self.tail.clear();
            }
            self.tail.push(*hash);
            self.count += 1;
        }
    }
}

/// Where the last tile of so many hashes starts, which is full when `count` is a multiple of its
/// size.
const fn tail_start(count: u64) -> u64 {
    count.saturating_sub(1) / TILE * TILE
}

fn offset(position: u64) -> io::Result<u64> {
    position.checked_mul(32).ok_or_else(|| {
        let message = format!("expected a position below 2^59, got {position}");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// Writes hashes behind the first `count`.
pub(super) fn write(file: &dyn FsFile, count: u64, hashes: &[Hash]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH);
    for hash in hashes {
        bytes.extend_from_slice(hash.as_bytes());
    }
    file.write_all_at(&bytes, offset(count)?)
}

/// Reads `count` hashes from position `first` on.
pub(super) fn read(file: &dyn FsFile, first: u64, count: usize) -> io::Result<Vec<Hash>> {
    let mut bytes = vec![0; count * HASH];
    file.read_exact_at(&mut bytes, offset(first)?)?;
    Ok(bytes
        .chunks_exact(HASH)
        .filter_map(Hash::from_slice)
        .collect())
}
