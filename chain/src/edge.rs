//! The newest leaves of a log over the tree before them: inclusion proofs of these leaves, without
//! reading anything.
//!
//! Each step of such a proof is either a subtree that holds one of the new leaves, or the last
//! complete subtree of its level before them, which the frontier has.

use crate::hash::{self, Hash};
use crate::proof::{self, HashReader, ProveError};
use crate::tree::Frontier;

/// Neither the frontier nor the new leaves lead to this subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("subtree {index} of level {level} lies before the edge of the tree, or behind it")]
pub struct OffEdge {
    /// Level of the subtree.
    pub level: u8,
    /// Index of the subtree on its level.
    pub index: u64,
}

/// Subtrees of one level that hold a new leaf.
#[derive(Debug)]
struct Level {
    first: u64,
    hashes: Vec<Hash>,
}

/// The right edge of a tree, as wide as the leaves that were added last.
#[derive(Debug)]
pub struct Edge {
    before: Frontier,
    size: u64,
    levels: Vec<Level>,
}

impl Edge {
    /// The tree of `before`, with these leaves behind it.
    #[must_use]
    pub fn new(before: Frontier, leaves: &[Hash]) -> Self {
        let first = before.size();
        let added = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let hashes = leaves.to_vec();
        let mut edge = Self {
            before,
            size: first.saturating_add(added),
            levels: vec![Level { first, hashes }],
        };
        while let Some(next) = edge.above() {
            edge.levels.push(next);
        }
        edge
    }

    /// The level above the last one; `None` when it has no complete subtree with a new leaf.
    fn above(&self) -> Option<Level> {
        let level = u8::try_from(self.levels.len()).ok()?;
        let below = level.checked_sub(1)?;
        let first = self.before.size() >> level;
        let join = |index: u64| {
            let left = index.saturating_mul(2);
            let children = [left, left.saturating_add(1)].map(|child| self.subtree(below, child));
            let [Ok(left), Ok(right)] = children else {
                return None;
            };
            Some(hash::node(&left, &right))
        };
        // Up to the first that is not complete.
        let hashes: Vec<Hash> = (first..).map_while(join).collect();
        (!hashes.is_empty()).then_some(Level { first, hashes })
    }

    /// Number of leaves of the tree, the new ones included.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Inclusion proof of one of the new leaves in the tree with all of them.
    ///
    /// # Errors
    /// [`ProveError`] for any other index.
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, ProveError<OffEdge>> {
        proof::inclusion(index, self.size, self)
    }
}

impl HashReader for Edge {
    type Error = OffEdge;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, OffEdge> {
        let off = OffEdge { level, index };
        let new = self.levels.get(usize::from(level));
        let place = |level: &Level| usize::try_from(index.checked_sub(level.first)?).ok();
        let new = new.and_then(|level| level.hashes.get(place(level)?));
        if let Some(hash) = new {
            return Ok(*hash);
        }
        // The last complete subtree of its level before the new leaves stands in the frontier when
        // the level's bit of the size is set: behind those of higher bits.
        let before = self.before.size();
        let bits = before.checked_shr(u32::from(level)).unwrap_or(0);
        if bits & 1 == 0 || index != bits.saturating_sub(1) {
            return Err(off);
        }
        let place = usize::try_from((bits >> 1).count_ones()).ok();
        let hash = place.and_then(|place| self.before.hashes().get(place));
        hash.copied().ok_or(off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_leaf_is_proved_for_every_split_of_a_tree() {
        let leaves: Vec<Hash> = (0..70u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        let tree = |size: usize| {
            let mut frontier = Frontier::new();
            leaves[..size].iter().for_each(|leaf| frontier.push(*leaf));
            frontier
        };
        for before in 0..leaves.len() {
            for size in before + 1..=leaves.len() {
                let edge = Edge::new(tree(before), &leaves[before..size]);
                let root = tree(size).root();
                for (index, leaf) in leaves.iter().enumerate().take(size).skip(before) {
                    let (at, size) = (index as u64, size as u64);
                    let hashes = edge.inclusion(at).expect("a new leaf");
                    let held = proof::verify_inclusion(leaf, at, size, &hashes, &root);
                    assert_eq!(held, Ok(()), "leaf {index} of {before} and {size}");
                }
            }
        }
    }

    #[test]
    fn older_leaves_and_later_ones_are_not_proved() {
        let leaves: Vec<Hash> = (0..8u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        let mut before = Frontier::new();
        leaves[..5].iter().for_each(|leaf| before.push(*leaf));
        let edge = Edge::new(before, &leaves[5..]);
        assert!(edge.inclusion(2).is_err());
        assert!(edge.inclusion(8).is_err());
        assert_eq!(edge.size(), 8);
        // Of what was before, the hashes of leaf 4 and of leaves 0 to 3 are at hand, and no others.
        for (level, index) in [(0, 0), (0, 3), (1, 0), (1, 1), (3, 1)] {
            assert!(edge.subtree(level, index).is_err(), "{level} {index}");
        }
        assert_eq!(edge.subtree(0, 4), Ok(leaves[4]));
        assert!(edge.subtree(2, 0).is_ok());
    }
}
