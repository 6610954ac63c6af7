//! The right edge of a Merkle tree (RFC 6962, section 2.1): enough to append and to know the root.

use crate::hash::{self, Hash};
use crate::limits::MAX_U63;
use crate::run::{Run, Subtree};

/// Why hashes are no frontier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// Number of hashes.
    #[error("a tree of size {size} has {expected} complete subtrees; got {got} hashes")]
    WrongCount {
        /// Size of the tree.
        size: u64,
        /// One for each bit of the size.
        expected: u32,
        /// What was given.
        got: usize,
    },
    /// Size out of range.
    #[error("tree size is {0}; expected less than 2^63")]
    TooLarge(u64),
}

/// A run of leaves that starts elsewhere than the tree ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("run starts with leaf {got}; expected {expected}")]
pub struct RunElsewhere {
    /// Size of the tree.
    pub expected: u64,
    /// First leaf of the run.
    pub got: u64,
}

/// Roots of the complete subtrees of a log, largest first: one for each bit set in its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// Takes what [`Frontier::hashes`] gave.
    ///
    /// # Errors
    /// [`FrontierError`] when the number of hashes does not belong to the size.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        if size > MAX_U63 {
            return Err(FrontierError::TooLarge(size));
        }
        let expected = size.count_ones();
        if usize::try_from(expected).is_ok_and(|expected| expected == hashes.len()) {
            Ok(Self { size, hashes })
        } else {
            Err(FrontierError::WrongCount {
                size,
                expected,
                got: hashes.len(),
            })
        }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf. Each trailing one of the size is a subtree that the leaf completes.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, &mut |_level, _hash| {});
    }

    /// Adds a leaf and tells the level and root of every subtree that it completes, the leaf itself
    /// (level 0) first.
    pub fn push_with(&mut self, leaf: Hash, complete: &mut impl FnMut(u32, Hash)) {
        complete(0, leaf);
        let mut hash = leaf;
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = hash::node(&left, &hash);
                complete(level, hash);
            }
        }
        self.hashes.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// Adds the leaves of a run and tells level and root of every subtree that they complete
    /// together with leaves before them. What they complete by themselves [`Run::new`] told.
    ///
    /// # Errors
    /// [`RunElsewhere`] when the run does not start at the end of the tree, which is then as it
    /// was.
    pub fn append(
        &mut self,
        run: &Run,
        complete: &mut impl FnMut(u32, Hash),
    ) -> Result<(), RunElsewhere> {
        if run.first() != self.size {
            return Err(RunElsewhere {
                expected: self.size,
                got: run.first(),
            });
        }
        for Subtree { level, hash } in run.subtrees() {
            let added = 1_u64.checked_shl(*level).unwrap_or(0);
            let (mut level, mut hash) = (*level, *hash);
            // Its place is a multiple of its size: each one of the size from there on is a subtree
            // that it completes.
            let places = self.size.checked_shr(level).unwrap_or(0);
            for _ in 0..places.trailing_ones() {
                if let Some(left) = self.hashes.pop() {
                    level = level.saturating_add(1);
                    hash = hash::node(&left, &hash);
                    complete(level, hash);
                }
            }
            self.hashes.push(hash);
            self.size = self.size.saturating_add(added);
        }
        Ok(())
    }

    /// Root of the whole tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.hashes.iter().rev();
        match subtrees.next() {
            None => hash::empty_root(),
            Some(last) => subtrees.fold(*last, |right, left| hash::node(left, &right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_small_trees_follow_the_definition() {
        fn root(leaves: &[Hash]) -> Hash {
            match leaves {
                [] => hash::empty_root(),
                [leaf] => *leaf,
                _ => {
                    let k = leaves.len().next_power_of_two() / 2;
                    hash::node(&root(&leaves[..k]), &root(&leaves[k..]))
                }
            }
        }
        let leaves: Vec<Hash> = (0..200u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        let mut frontier = Frontier::new();
        for size in 0..leaves.len() {
            assert_eq!(frontier.root(), root(&leaves[..size]), "size {size}");
            let again = Frontier::from_hashes(frontier.size(), frontier.hashes().to_vec());
            assert_eq!(again.as_ref(), Ok(&frontier));
            frontier.push(leaves[size]);
        }
        assert!(Frontier::from_hashes(3, vec![Hash::ZERO]).is_err());
    }
}
