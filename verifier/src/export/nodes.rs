//! Inclusion proofs of the entries of one commit, in the tree that the commit signs.

use std::collections::BTreeMap;

use countersign_chain::hash::Hash;
use countersign_chain::proof::{self, HashReader};
use countersign_chain::tree::Frontier;

/// All nodes that proofs of the entries of a commit can need: the right edge of the tree before it,
/// and the subtrees that its entries complete.
#[derive(Debug)]
pub(super) struct Nodes {
    size: u64,
    known: BTreeMap<(u8, u64), Hash>,
}

/// A node that is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree does not hold the node")]
pub(super) struct Absent;

impl Nodes {
    /// The nodes of a commit with these leaves, behind this tree.
    pub(super) fn new(before: &Frontier, leaves: &[Hash]) -> Self {
        let mut known = BTreeMap::new();
        let (mut start, mut hashes) = (0_u64, before.hashes().iter());
        for level in (0..63_u8).rev() {
            let width = 1_u64 << level;
            if before.size() & width != 0
                && let Some(hash) = hashes.next()
            {
                known.insert((level, start >> level), *hash);
                start = start.saturating_add(width);
            }
        }
        let mut tree = before.clone();
        for leaf in leaves {
            let index = tree.size();
            tree.push_with(*leaf, &mut |level, hash| {
                let level = u8::try_from(level).unwrap_or(63);
                known.insert((level, index >> level), hash);
            });
        }
        Self {
            size: tree.size(),
            known,
        }
    }

    /// The proof of an entry of the commit.
    pub(super) fn proof(&self, index: u64) -> Option<Vec<Hash>> {
        proof::inclusion(index, self.size, self).ok()
    }
}

impl HashReader for Nodes {
    type Error = Absent;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Absent> {
        self.known.get(&(level, index)).copied().ok_or(Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_chain::hash;

    #[test]
    fn every_entry_of_every_commit_is_proved_in_the_tree_behind_it() {
        let leaves: Vec<Hash> = (0..70_u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        let mut before = Frontier::new();
        for first in 0..leaves.len() {
            for end in first + 1..=leaves.len().min(first + 9) {
                let nodes = Nodes::new(&before, &leaves[first..end]);
                let mut tree = before.clone();
                leaves[first..end].iter().for_each(|leaf| tree.push(*leaf));
                for (index, leaf) in leaves.iter().enumerate().take(end).skip(first) {
                    let (at, size) = (index as u64, end as u64);
                    let hashes = nodes.proof(at).expect("all nodes are known");
                    let held = proof::verify_inclusion(leaf, at, size, &hashes, &tree.root());
                    assert_eq!(held, Ok(()), "{index} of {first} to {end}");
                }
            }
            before.push(leaves[first]);
        }
    }
}
