//! Hashes and proofs out of the tree files, checked before they leave.

use std::io;
use std::sync::atomic::Ordering;

use countersign_chain::hash::{self, Hash};
use countersign_chain::proof::{self, HashReader, ProveError};

use super::level::{self, LEVEL_STEP, Place};
use super::{TreeError, TreeStore};

impl TreeStore {
    /// Leaf hash of an entry, as stored and not checked.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn leaf(&self, index: u64) -> Result<Hash, TreeError> {
        self.subtree(0, index)
    }

    /// Inclusion proof of entry `index` in the log of `size` entries, whose root the caller knows
    /// to be `root`.
    ///
    /// # Errors
    /// [`TreeError::Damaged`] when what is stored does not lead to that root.
    pub fn inclusion(&self, index: u64, size: u64, root: &Hash) -> Result<Vec<Hash>, TreeError> {
        self.covers(index, size)?;
        let made = proof::inclusion(index, size, self);
        let hashes = made.map_err(|error| self.refused(error))?;
        let leaf = self.leaf(index)?;
        proof::verify_inclusion(&leaf, index, size, &hashes, root)
            .map_err(|_why| self.harm(size))?;
        Ok(hashes)
    }

    /// Consistency proof from the first `old` entries, at least one, to the first `new`, whose root
    /// the caller knows to be `new_root`.
    ///
    /// # Errors
    /// [`TreeError::Damaged`] when what is stored does not lead to that root.
    pub fn consistency(&self, old: u64, new: u64, new_root: &Hash) -> Result<Vec<Hash>, TreeError> {
        // A proof from nothing proves nothing (docs/format.md, section 10).
        let before = old
            .checked_sub(1)
            .ok_or_else(|| self.out_of_range(old, new))?;
        self.covers(before, new)?;
        let made = proof::consistency(old, new, self);
        let hashes = made.map_err(|error| self.refused(error))?;
        // Hashes that lead to the new root are those of the tree, and so is the old root that they
        // lead to.
        let old_root = self.frontier_at(old)?.root();
        proof::verify_consistency(old, new, &old_root, new_root, &hashes)
            .map_err(|_why| self.harm(new))?;
        Ok(hashes)
    }

    fn covers(&self, index: u64, size: u64) -> Result<(), TreeError> {
        if index < size && size <= self.size() {
            Ok(())
        } else {
            Err(self.out_of_range(index, size))
        }
    }

    fn out_of_range(&self, from: u64, size: u64) -> TreeError {
        let stored = self.size();
        TreeError::OutOfRange { from, size, stored }
    }

    fn refused(&self, error: ProveError<TreeError>) -> TreeError {
        match error {
            ProveError::OutOfRange { from, size } => self.out_of_range(from, size),
            ProveError::Read(error) => error,
        }
    }

    pub(super) fn harm(&self, size: u64) -> TreeError {
        self.blame();
        TreeError::Damaged { size }
    }

    pub(super) fn blame(&self) {
        if !self.damaged.swap(true, Ordering::AcqRel) {
            metrics::counter!("countersign_tree_damaged_total").increment(1);
            tracing::error!("tree is damaged and must be rebuilt");
        }
    }
}

impl HashReader for TreeStore {
    type Error = TreeError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, TreeError> {
        let shift = level % LEVEL_STEP;
        let shared = self.shared.read();
        let size = shared.size;
        if level > 63 || index >= size >> level {
            let from = index.checked_shl(u32::from(level)).unwrap_or(u64::MAX);
            return Err(TreeError::OutOfRange {
                from,
                size,
                stored: size,
            });
        }
        let (first, count) = (index << shift, 1_usize << shift);
        let place = match shared.levels.get(usize::from(level / LEVEL_STEP)) {
            Some(level) => level.find(first, count),
            None => return Err(self.harm(size)),
        };
        drop(shared);
        let hashes = match place {
            Place::Memory(hashes) => hashes,
            Place::File(file) => level::read(&*file, first, count).map_err(|error| {
                // The size says that they are there: a file that ends before them was cut.
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    self.harm(size)
                } else {
                    error.into()
                }
            })?,
        };
        Ok(combine(hashes))
    }
}

/// Root of a complete subtree, from a power of two of hashes of a level below.
fn combine(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        let pairs = hashes.chunks_exact(2);
        hashes = pairs.map(|pair| hash::node(&pair[0], &pair[1])).collect();
    }
    hashes.first().copied().unwrap_or(Hash::ZERO)
}
