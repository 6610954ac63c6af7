//! Receipts on the wire, and what they promise.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::proof::verify_inclusion;
use countersign_chain::time::UnixMicros;
use countersign_proto::convert::{Inclusion, hash_bytes, hash_run_bytes, timestamp};
use countersign_proto::v1::{self, AckLevel};
use tonic::Status;

use crate::log::{Log, Run};
use crate::server::refuse;
use crate::tree::TreeError;

/// The level that a request asks for. One that this version does not know is taken as the highest
/// that it does; the receipt says which one was reached.
pub(super) fn wanted(wait_for: i32) -> AckLevel {
    match AckLevel::try_from(wait_for) {
        Ok(AckLevel::Unspecified | AckLevel::Accepted) => AckLevel::Accepted,
        Ok(AckLevel::Sealed) | Err(_) => AckLevel::Sealed,
    }
}

/// Waits until entries up to `size`, which are durable, have reached a level; returns the one that
/// they have.
pub(super) async fn reach(log: &Log, size: u64, wanted: AckLevel) -> Result<AckLevel, Status> {
    match wanted {
        AckLevel::Sealed => {
            let sealed = log.wait_sealed(size).await;
            sealed.map_err(|error| refuse::submit(&error, |_position| "draft".to_owned()))?;
            Ok(AckLevel::Sealed)
        }
        AckLevel::Unspecified | AckLevel::Accepted => Ok(reached(log, size)),
    }
}

/// The level of durable entries up to `size`.
pub(in crate::server) fn reached(log: &Log, size: u64) -> AckLevel {
    if log.sealed().size >= size {
        AckLevel::Sealed
    } else {
        AckLevel::Accepted
    }
}

/// Proves that a leaf hash is in a signed tree. Blocks.
pub(in crate::server) fn inclusion(
    log: &Log,
    index: u64,
    leaf: &Hash,
    checkpoint: &SignedCheckpoint,
) -> Result<v1::InclusionProof, TreeError> {
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let hashes = log.tree().inclusion(index, size, &root)?;
    // The tree checked its own leaf; this is the one of the record.
    verify_inclusion(leaf, index, size, &hashes, &root)
        .map_err(|_why| TreeError::Damaged { size })?;
    let proof = Inclusion {
        index,
        tree_size: size,
        hashes,
    };
    Ok((&proof).into())
}

/// What a receipt is about: one entry.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) time: UnixMicros,
    pub(super) checkpoint: &'a SignedCheckpoint,
    pub(super) repeated: bool,
}

/// The receipt of one entry, without proof.
pub(super) fn receipt(log: &Log, level: AckLevel, facts: &Facts<'_>) -> v1::Receipt {
    v1::Receipt {
        log: log.name().to_owned(),
        index: facts.index,
        leaf_hash: hash_bytes(&facts.leaf),
        time: Some(timestamp(facts.time)),
        level: level.into(),
        checkpoint: facts.checkpoint.text().to_owned(),
        repeated: facts.repeated,
        inclusion_proof: None,
    }
}

/// The receipt of a run. `offset` is the position of the proposal in the batch or stream.
pub(in crate::server) fn receipt_run(
    log: &Log,
    level: AckLevel,
    run: &Run,
    offset: u64,
) -> v1::ReceiptRun {
    let position = u64::try_from(run.first_position).unwrap_or(u64::MAX);
    v1::ReceiptRun {
        log: log.name().to_owned(),
        first_position: offset.saturating_add(position),
        first_index: run.first_index,
        count: u32::try_from(run.leaves.len()).unwrap_or(u32::MAX),
        leaf_hashes: hash_run_bytes(&run.leaves),
        level: level.into(),
        checkpoint: run.checkpoint.text().to_owned(),
        repeated: run.repeated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_level_asks_for_the_highest() {
        assert_eq!(wanted(0), AckLevel::Accepted);
        assert_eq!(wanted(1), AckLevel::Accepted);
        assert_eq!(wanted(2), AckLevel::Sealed);
        assert_eq!(wanted(3), AckLevel::Sealed);
        assert_eq!(wanted(-1), AckLevel::Sealed);
    }
}
