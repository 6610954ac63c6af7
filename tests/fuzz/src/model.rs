//! The tree of RFC 6962, section 2.1, as its text defines it: recursive and slow, to compare with.

use countersign_chain::hash::{self, Hash};

/// Largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Root of some leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let size = u64::try_from(leaves.len()).expect("small");
            let (left, right) = leaves.split_at(usize::try_from(split(size)).expect("small"));
            hash::node(&root(left), &root(right))
        }
    }
}

/// The root that an inclusion proof leads to; `None` when it has another number of hashes.
pub fn from_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash]) -> Option<Hash> {
    if size <= 1 {
        return proof.is_empty().then_some(*leaf);
    }
    let (left, (sibling, rest)) = (split(size), proof.split_last()?);
    Some(if index < left {
        hash::node(&from_inclusion(index, left, leaf, rest)?, sibling)
    } else {
        let right = from_inclusion(index - left, size - left, leaf, rest)?;
        hash::node(sibling, &right)
    })
}

/// The roots that a consistency proof leads to (SUBPROOF of section 2.1.2), for `0 < old <= new`.
/// `known` is the older root while it is a complete subtree of the newer tree.
pub fn from_consistency(
    old: u64,
    new: u64,
    known: Option<Hash>,
    proof: &[Hash],
) -> Option<(Hash, Hash)> {
    if old == new {
        return match (known, proof) {
            (Some(root), []) => Some((root, root)),
            (None, [root]) => Some((*root, *root)),
            _ => None,
        };
    }
    let (left, (sibling, rest)) = (split(new), proof.split_last()?);
    if old <= left {
        let (older, newer) = from_consistency(old, left, known, rest)?;
        Some((older, hash::node(&newer, sibling)))
    } else {
        let (older, newer) = from_consistency(old - left, new - left, None, rest)?;
        Some((hash::node(sibling, &older), hash::node(sibling, &newer)))
    }
}
