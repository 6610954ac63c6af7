//! Inclusion and consistency proofs of RFC 6962, section 2.1.1 and 2.1.2: made from subtrees,
//! checked from hashes.

use crate::hash::{self, Hash};

/// Where the roots of complete subtrees come from.
pub trait HashReader {
    /// What can go wrong while reading.
    type Error;

    /// Root of the complete subtree of 2^`level` leaves that starts at leaf `index` << `level`.
    ///
    /// # Errors
    /// Whatever the source says.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError<E> {
    /// The question makes no sense.
    #[error("no proof from {from} to tree size {size}: expected a smaller number")]
    OutOfRange {
        /// Index, or size of the older tree.
        from: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The source failed.
    #[error(transparent)]
    Read(E),
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The question makes no sense.
    #[error("index or size {from} does not fit tree size {size}")]
    OutOfRange {
        /// Index, or size of the older tree.
        from: u64,
        /// Size of the tree.
        size: u64,
    },
    /// Number of hashes.
    #[error("proof has {got} hashes; expected {expected}")]
    WrongLength {
        /// What the sizes ask for.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// The hashes lead elsewhere.
    #[error("proof leads to root {got}; expected {expected}")]
    WrongRoot {
        /// The root to be reached.
        expected: Hash,
        /// The root that was reached.
        got: Hash,
    },
}

impl ProofError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "proof-out-of-range",
            Self::WrongLength { .. } => "proof-wrong-length",
            Self::WrongRoot { .. } => "proof-wrong-root",
        }
    }
}

/// Largest power of two below `size`, for `size` of at least 2.
const fn split(size: u64) -> u64 {
    1 << 63_u32.saturating_sub(size.saturating_sub(1).leading_zeros())
}

/// Root of the leaves from `start` to `start + size`; `start` is a multiple of the power of two
/// above `size`.
fn range_root<R: HashReader>(start: u64, size: u64, reader: &R) -> Result<Hash, R::Error> {
    if size == 0 {
        return Ok(hash::empty_root());
    }
    let mut parts: Vec<Hash> = Vec::new();
    let (mut at, mut left) = (start, size);
    while left > 0 {
        let level = 63_u32.saturating_sub(left.leading_zeros());
        parts.push(reader.subtree(u8::try_from(level).unwrap_or(63), at >> level)?);
        at = at.saturating_add(1 << level);
        left &= !(1_u64 << level);
    }
    let mut parts = parts.into_iter().rev();
    let last = parts.next().unwrap_or_else(hash::empty_root);
    Ok(parts.fold(last, |right, left| hash::node(&left, &right)))
}

/// Root of the first `size` leaves.
///
/// # Errors
/// What the reader says.
pub fn root<R: HashReader>(size: u64, reader: &R) -> Result<Hash, R::Error> {
    range_root(0, size, reader)
}

/// Makes the inclusion proof of leaf `index` in the tree of `size` leaves, the leaf's sibling
/// first.
///
/// # Errors
/// [`ProveError::OutOfRange`] when there is no such leaf, or what the reader says.
pub fn inclusion<R: HashReader>(
    index: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if index >= size {
        return Err(ProveError::OutOfRange { from: index, size });
    }
    let mut hashes = Vec::new();
    let (mut start, mut width) = (0_u64, size);
    while width > 1 {
        let left = split(width);
        let middle = start.saturating_add(left);
        let right = width.saturating_sub(left);
        let sibling = if index < middle {
            width = left;
            range_root(middle, right, reader)
        } else {
            let sibling = range_root(start, left, reader);
            (start, width) = (middle, right);
            sibling
        };
        hashes.push(sibling.map_err(ProveError::Read)?);
    }
    hashes.reverse();
    Ok(hashes)
}

/// Makes the consistency proof between the trees of the first `old` and the first `new` leaves.
///
/// # Errors
/// [`ProveError::OutOfRange`] when `old` is larger than `new`, or what the reader says.
pub fn consistency<R: HashReader>(
    old: u64,
    new: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if old > new {
        return Err(ProveError::OutOfRange {
            from: old,
            size: new,
        });
    }
    let mut hashes = Vec::new();
    if old == 0 || old == new {
        return Ok(hashes);
    }
    // SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2, unrolled from the root down.
    let (mut start, mut m, mut n, mut whole) = (0_u64, old, new, true);
    while m != n {
        let left = split(n);
        let (middle, right) = (start.saturating_add(left), n.saturating_sub(left));
        let sibling = if m <= left {
            n = left;
            range_root(middle, right, reader)
        } else {
            let sibling = range_root(start, left, reader);
            (start, m, n, whole) = (middle, m.saturating_sub(left), right, false);
            sibling
        };
        hashes.push(sibling.map_err(ProveError::Read)?);
    }
    if !whole {
        hashes.push(range_root(start, m, reader).map_err(ProveError::Read)?);
    }
    hashes.reverse();
    Ok(hashes)
}

/// Number of hashes of an inclusion proof.
fn inclusion_len(index: u64, size: u64) -> usize {
    // RFC 9162, section 2.1.3.2: the levels where the path has a sibling on the right border or
    // inside it.
    let inner = 64_u32.saturating_sub((index ^ size.saturating_sub(1)).leading_zeros());
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    usize::try_from(inner.saturating_add(border)).unwrap_or(usize::MAX)
}

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`] when it is not.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { from: index, size });
    }
    let expected = inclusion_len(index, size);
    if proof.len() != expected {
        return Err(ProofError::WrongLength {
            expected,
            got: proof.len(),
        });
    }
    let (mut at, mut last) = (index, size.saturating_sub(1));
    let mut hash = *leaf;
    for sibling in proof {
        // Where the node is the last of its level without a sibling, the next sibling is further
        // up.
        while at == last && at & 1 == 0 {
            (at, last) = (at >> 1, last >> 1);
        }
        hash = if at & 1 == 1 {
            hash::node(sibling, &hash)
        } else {
            hash::node(&hash, sibling)
        };
        (at, last) = (at >> 1, last >> 1);
    }
    same_root(root, hash)
}

/// Checks that the tree of `old` leaves is the beginning of the tree of `new` leaves.
///
/// # Errors
/// [`ProofError`] when it is not.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange {
            from: old,
            size: new,
        });
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::WrongLength {
                expected: 0,
                got: proof.len(),
            });
        }
        if old == 0 {
            same_root(old_root, hash::empty_root())?;
        }
        return if old == new {
            same_root(old_root, *new_root)
        } else {
            Ok(())
        };
    }
    // The older tree ends in a complete subtree of 2^shift leaves; the proof starts there.
    let shift = old.trailing_zeros();
    let (mut at, mut last) = (
        old.saturating_sub(1) >> shift,
        new.saturating_sub(1) >> shift,
    );
    let whole = old.is_power_of_two();
    let extra = usize::from(!whole);
    let expected = inclusion_len(at, last.saturating_add(1)).saturating_add(extra);
    if proof.len() != expected {
        return Err(ProofError::WrongLength {
            expected,
            got: proof.len(),
        });
    }
    let (first, path) = match proof.split_first() {
        Some((first, path)) if !whole => (*first, path),
        _ => (*old_root, proof),
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        while at == last && at & 1 == 0 {
            (at, last) = (at >> 1, last >> 1);
        }
        if at & 1 == 1 {
            old_hash = hash::node(sibling, &old_hash);
            new_hash = hash::node(sibling, &new_hash);
        } else {
            new_hash = hash::node(&new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    same_root(old_root, old_hash)?;
    same_root(new_root, new_hash)
}

fn same_root(expected: &Hash, got: Hash) -> Result<(), ProofError> {
    if *expected == got {
        Ok(())
    } else {
        Err(ProofError::WrongRoot {
            expected: *expected,
            got,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::tree::Frontier;

    struct Leaves(Vec<Hash>);

    impl HashReader for Leaves {
        type Error = Infallible;
        fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
            let width = 1_usize << level;
            let start = usize::try_from(index).expect("small") * width;
            let mut tree = Frontier::new();
            self.0[start..start + width]
                .iter()
                .for_each(|leaf| tree.push(*leaf));
            Ok(tree.root())
        }
    }

    fn leaves(count: u32) -> Leaves {
        Leaves((0..count).map(|i| hash::leaf(&i.to_be_bytes())).collect())
    }

    #[test]
    fn every_inclusion_proof_up_to_70_holds_and_no_neighbour_does() {
        let all = leaves(70);
        for size in 1..=70_u64 {
            let root = root(size, &all).expect("in memory");
            for index in 0..size {
                let leaf = all.0[usize::try_from(index).expect("small")];
                let proof = inclusion(index, size, &all).expect("in range");
                assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
                if size > 1 {
                    let other = (index + 1) % size;
                    assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err());
                    let mut longer = proof.clone();
                    longer.push(root);
                    assert!(verify_inclusion(&leaf, index, size, &longer, &root).is_err());
                    for at in 0..proof.len() {
                        let mut bad = proof.clone();
                        bad[at] = leaf;
                        if bad != proof {
                            assert!(verify_inclusion(&leaf, index, size, &bad, &root).is_err());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_up_to_70_holds_and_every_hash_of_it_matters() {
        let all = leaves(70);
        for new in 0..=70_u64 {
            let new_root = root(new, &all).expect("in memory");
            for old in 0..=new {
                let old_root = root(old, &all).expect("in memory");
                let proof = consistency(old, new, &all).expect("in range");
                let held = verify_consistency(old, new, &old_root, &new_root, &proof);
                assert_eq!(held, Ok(()), "{old} {new}");
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at] = Hash::ZERO;
                    assert!(verify_consistency(old, new, &old_root, &new_root, &bad).is_err());
                }
                let other = hash::leaf(b"other");
                assert!(verify_consistency(old, new, &other, &new_root, &proof).is_err());
                if old > 0 {
                    assert!(verify_consistency(old, new, &old_root, &other, &proof).is_err());
                }
            }
        }
        assert!(consistency(3, 2, &all).is_err());
    }
}
