//! Inclusion proofs on the wire.

use countersign_chain::hash::Hash;

use crate::convert::hashes::{HashesError, hash_list, hashes};
use crate::v1;

/// An inclusion proof whose hashes were parsed. It is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Index of the entry, below `tree_size`.
    pub index: u64,
    /// Number of entries in the tree.
    pub tree_size: u64,
    /// Sibling hashes from the leaf up.
    pub hashes: Vec<Hash>,
}

/// Why a message is not an inclusion proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFieldError {
    /// The entry is not in the tree.
    #[error("expected an index below the tree size {tree_size}, got {index}")]
    Index {
        /// Index of the entry.
        index: u64,
        /// Number of entries in the tree.
        tree_size: u64,
    },
    /// A hash is broken, or there are too many.
    #[error(transparent)]
    Hashes(#[from] HashesError),
}

impl TryFrom<&v1::InclusionProof> for Inclusion {
    type Error = ProofFieldError;

    fn try_from(proof: &v1::InclusionProof) -> Result<Self, ProofFieldError> {
        let v1::InclusionProof {
            index,
            tree_size,
            hashes: fields,
        } = proof;
        if index >= tree_size {
            return Err(ProofFieldError::Index {
                index: *index,
                tree_size: *tree_size,
            });
        }
        Ok(Self {
            index: *index,
            tree_size: *tree_size,
            hashes: hashes(fields)?,
        })
    }
}

impl From<&Inclusion> for v1::InclusionProof {
    fn from(proof: &Inclusion) -> Self {
        Self {
            index: proof.index,
            tree_size: proof.tree_size,
            hashes: hash_list(&proof.hashes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_survives_the_wire() {
        let proof = Inclusion {
            index: 6,
            tree_size: 7,
            hashes: vec![Hash::from_bytes([1; 32]), Hash::from_bytes([2; 32])],
        };
        assert_eq!(
            Inclusion::try_from(&v1::InclusionProof::from(&proof)),
            Ok(proof)
        );
    }

    #[test]
    fn an_entry_outside_the_tree_is_refused() {
        for (index, tree_size) in [(7, 7), (0, 0), (u64::MAX, 1)] {
            let proof = v1::InclusionProof {
                index,
                tree_size,
                hashes: Vec::new(),
            };
            let refused = ProofFieldError::Index { index, tree_size };
            assert_eq!(Inclusion::try_from(&proof), Err(refused));
        }
    }
}
