//! Rows of a copy, as far as they can be judged without a file: what signs them, which of them
//! stand together in a commit ([`frames`]), and those that only a proof leads to a root
//! ([`loose`]).

pub(crate) mod frames;
pub(crate) mod loose;
#[cfg(test)]
mod tests;

use countersign_chain::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::MAX_PROOF;
use countersign_chain::proof::{self, ProofError};

use crate::window::{INDEX_AT, array};

/// What a row says of the commit that signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    /// Size of the log behind the commit.
    pub(crate) size: u64,
    /// Root of the log behind it.
    pub(crate) root: Hash,
    /// Signature of both.
    pub(crate) signature: [u8; 64],
}

impl Seal {
    /// The seal of a checkpoint.
    pub(crate) fn of(checkpoint: &SignedCheckpoint) -> Self {
        Self {
            size: checkpoint.size(),
            root: checkpoint.root(),
            signature: *checkpoint.signature(),
        }
    }

    /// The signed note that it was taken from, when this key signed it.
    pub(crate) fn note(&self, key: &VerifierKey) -> String {
        let checkpoint = Checkpoint {
            origin: key.origin().clone(),
            size: self.size,
            root: self.root,
        };
        checkpoint.to_note(key.id(), &self.signature)
    }

    /// Whether the key signed it.
    pub(crate) fn open(&self, key: &VerifierKey) -> Result<SignedCheckpoint, CheckpointError> {
        SignedCheckpoint::open(&self.note(key), key)
    }

    /// Columns in which it differs from another one, each with what it says and what the other one
    /// says.
    fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        let mut differs = |column, got: String, expected: String| {
            if got != expected {
                found.push((column, got, expected));
            }
        };
        differs("commit_size", self.size.to_string(), other.size.to_string());
        differs("commit_root", self.root.to_string(), other.root.to_string());
        let hex = |signature: &[u8; 64]| countersign_proto::reading::text::hex(signature);
        differs("signature", hex(&self.signature), hex(&other.signature));
        found
    }
}

/// A row of a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    /// Where it belongs.
    pub(crate) index: u64,
    /// The record.
    pub(crate) record: &'a [u8],
    /// Leaf hash by its column.
    pub(crate) leaf: Hash,
    /// What signs it.
    pub(crate) seal: Seal,
    /// Inclusion proof in the tree of the seal.
    pub(crate) proof: Option<&'a [u8]>,
}

impl Row<'_> {
    /// Puts it where its record says, unless its column `leaf` says that the record was changed;
    /// `leaf` is that of the record.
    pub(crate) fn place(&mut self, leaf: &Hash) {
        if *leaf == self.leaf {
            let index = array(self.record, INDEX_AT).map(u64::from_be_bytes);
            self.index = index.unwrap_or(self.index);
        }
    }
}

/// Why the proof of a row does not lead to the root of its seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// No list of hashes.
    #[error("the proof has {0} bytes; expected 32 for each of at most {MAX_PROOF} hashes")]
    Form(usize),
    /// Another leaf, another tree, or none.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Checks that a proof leads from a leaf to the root of the seal.
pub(crate) fn follow(leaf: &Hash, index: u64, path: &[u8], seal: &Seal) -> Result<(), PathError> {
    let (hashes, rest) = path.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > MAX_PROOF {
        return Err(PathError::Form(path.len()));
    }
    let hashes: Vec<Hash> = hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect();
    proof::verify_inclusion(leaf, index, seal.size, &hashes, &seal.root)?;
    Ok(())
}
