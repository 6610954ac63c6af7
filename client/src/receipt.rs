//! Receipts: the ledger's signed promise about entries that the caller appended.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::proof;
use countersign_chain::time::UnixMicros;
use countersign_proto::convert::{Inclusion, hash, hash_run, unix_micros};
use countersign_proto::v1;

use crate::draft::Level;
use crate::verify::{Notary, VerifyError, covers, same_log};

/// The promise about one entry, verified: the trusted key signed a tree that has the entry's leaf
/// hash at its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Name of the log.
    pub log: String,
    /// Index of the entry.
    pub index: u64,
    /// Leaf hash of its record.
    pub leaf: Hash,
    /// Ledger time of the entry.
    pub time: UnixMicros,
    /// What is promised.
    pub level: Level,
    /// Signed checkpoint of the entry's commit.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// Inclusion proof of the leaf in the checkpoint.
    pub proof: Vec<Hash>,
    /// Whether the idempotency key was seen before and this is the first receipt again.
    pub repeated: bool,
}

impl Receipt {
    /// Verifies a receipt; `at_least` is what was asked for.
    pub(crate) fn verify(
        receipt: v1::Receipt,
        log: &str,
        at_least: Level,
        notary: &mut Notary,
    ) -> Result<Self, VerifyError> {
        same_log(log, &receipt.log)?;
        let level = level(receipt.level, at_least)?;
        let checkpoint = notary.open(&receipt.checkpoint)?;
        covers(&checkpoint, receipt.index)?;
        let leaf = hash(&receipt.leaf_hash)?;
        let inclusion = receipt
            .inclusion_proof
            .ok_or(VerifyError::Missing("inclusion_proof"))?;
        let proof = included(&inclusion, receipt.index, &leaf, &checkpoint)?;
        let time = receipt.time.ok_or(VerifyError::Missing("time"))?;
        Ok(Self {
            log: receipt.log,
            index: receipt.index,
            leaf,
            time: unix_micros(&time)?,
            level,
            checkpoint,
            proof,
            repeated: receipt.repeated,
        })
    }
}

/// The promise about consecutive entries of one commit: the trusted key signed a tree that is large
/// enough to hold them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRun {
    /// Position of the first event in its batch or stream, from 0.
    pub first_position: u64,
    /// Index of the first entry.
    pub first_index: u64,
    /// Leaf hashes of the entries' records, as the ledger says.
    pub leaves: Vec<Hash>,
    /// What is promised.
    pub level: Level,
    /// Signed checkpoint of the commit.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// Whether these events were seen before under the same idempotency keys.
    pub repeated: bool,
}

impl ReceiptRun {
    /// Verifies a run of the batch or stream; `at_least` is what was asked for.
    pub(crate) fn verify(
        run: &v1::ReceiptRun,
        log: &str,
        at_least: Level,
        notary: &mut Notary,
    ) -> Result<Self, VerifyError> {
        same_log(log, &run.log)?;
        let level = level(run.level, at_least)?;
        let checkpoint = notary.open(&run.checkpoint)?;
        let leaves = hash_run(&run.leaf_hashes)?;
        if leaves.is_empty() || u32::try_from(leaves.len()) != Ok(run.count) {
            return Err(VerifyError::other(
                "number of leaf hashes",
                run.count,
                leaves.len(),
            ));
        }
        covers(
            &checkpoint,
            run.first_index.saturating_add(u64::from(run.count - 1)),
        )?;
        Ok(Self {
            first_position: run.first_position,
            first_index: run.first_index,
            leaves,
            level,
            checkpoint,
            repeated: run.repeated,
        })
    }

    /// Number of entries.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.leaves.len()
    }
}

/// Checks an inclusion proof, and that it is about this entry and this checkpoint.
pub(crate) fn included(
    wire: &v1::InclusionProof,
    index: u64,
    leaf: &Hash,
    checkpoint: &SignedCheckpoint,
) -> Result<Vec<Hash>, VerifyError> {
    let inclusion = Inclusion::try_from(wire)?;
    let size = checkpoint.size();
    if (inclusion.index, inclusion.tree_size) != (index, size) {
        let expected = format!("of entry {index} in size {size}");
        let got = format!(
            "of entry {} in size {}",
            inclusion.index, inclusion.tree_size
        );
        return Err(VerifyError::other("inclusion proof", expected, got));
    }
    proof::verify_inclusion(leaf, index, size, &inclusion.hashes, &checkpoint.root())?;
    Ok(inclusion.hashes)
}

fn level(number: i32, at_least: Level) -> Result<Level, VerifyError> {
    Level::from_wire(number)
        .filter(|level| *level >= at_least)
        .ok_or_else(|| VerifyError::other("level", at_least.to_wire(), number))
}

#[cfg(test)]
mod tests {
    use countersign_proto::convert::{hash_bytes, hash_run_bytes, timestamp};

    use super::*;
    use crate::verify::testing::Log;

    fn receipt(log: &Log, index: u64, size: u64) -> v1::Receipt {
        let leaf = log.leaf(usize::try_from(index).unwrap());
        let proof = Inclusion {
            index,
            tree_size: size,
            hashes: log.inclusion(index, size),
        };
        v1::Receipt {
            log: "main".into(),
            index,
            leaf_hash: hash_bytes(&leaf),
            time: Some(timestamp(UnixMicros::new(5).unwrap())),
            level: Level::Sealed.to_wire(),
            checkpoint: log.checkpoint(size).text().into(),
            repeated: false,
            inclusion_proof: Some(v1::InclusionProof::from(&proof)),
        }
    }

    fn judge(log: &Log, receipt: v1::Receipt) -> Result<Receipt, VerifyError> {
        let mut notary = Notary::new(log.key.verifier().clone());
        Receipt::verify(receipt, "main", Level::Sealed, &mut notary)
    }

    #[test]
    fn a_receipt_is_tied_to_its_signature() {
        let log = Log::of(5);
        for index in 0..5 {
            let verified = judge(&log, receipt(&log, index, 5)).unwrap();
            assert_eq!((verified.index, verified.checkpoint.size()), (index, 5));
        }
    }

    #[test]
    fn a_receipt_that_promises_less_or_something_else_is_refused() {
        let log = Log::of(5);
        let good = || receipt(&log, 2, 5);
        let bad = [
            v1::Receipt {
                log: "other".into(),
                ..good()
            },
            v1::Receipt { index: 3, ..good() },
            v1::Receipt { index: 5, ..good() },
            v1::Receipt {
                leaf_hash: hash_bytes(&log.leaf(3)),
                ..good()
            },
            v1::Receipt {
                leaf_hash: vec![0; 31].into(),
                ..good()
            },
            v1::Receipt {
                level: Level::Accepted.to_wire(),
                ..good()
            },
            v1::Receipt { level: 0, ..good() },
            v1::Receipt {
                inclusion_proof: None,
                ..good()
            },
            v1::Receipt {
                time: None,
                ..good()
            },
            v1::Receipt {
                checkpoint: log.checkpoint(4).text().into(),
                ..good()
            },
            v1::Receipt {
                checkpoint: Log::other(5, b"x").checkpoint(5).text().into(),
                ..good()
            },
            v1::Receipt {
                checkpoint: String::new(),
                ..good()
            },
        ];
        for receipt in bad {
            assert!(judge(&log, receipt.clone()).is_err(), "{receipt:?}");
        }
    }

    #[test]
    fn a_run_has_a_leaf_for_every_entry_and_is_covered() {
        let log = Log::of(5);
        let leaves: Vec<Hash> = (2..5).map(|index| log.leaf(index)).collect();
        let good = v1::ReceiptRun {
            log: "main".into(),
            first_position: 7,
            first_index: 2,
            count: 3,
            leaf_hashes: hash_run_bytes(&leaves),
            level: Level::Accepted.to_wire(),
            checkpoint: log.checkpoint(5).text().into(),
            repeated: true,
        };
        let judge = |run: &v1::ReceiptRun| {
            let mut notary = Notary::new(log.key.verifier().clone());
            ReceiptRun::verify(run, "main", Level::Accepted, &mut notary)
        };
        assert_eq!(judge(&good).unwrap().leaves, leaves);
        let none = v1::ReceiptRun {
            count: 0,
            leaf_hashes: Vec::new().into(),
            ..good.clone()
        };
        let bad = [
            v1::ReceiptRun {
                count: 2,
                ..good.clone()
            },
            v1::ReceiptRun {
                first_index: 3,
                ..good.clone()
            },
            v1::ReceiptRun {
                first_index: u64::MAX,
                ..good.clone()
            },
            v1::ReceiptRun { level: 0, ..good },
            none,
        ];
        for run in bad {
            assert!(judge(&run).is_err(), "{run:?}");
        }
    }
}
