//! GetCheckpoint, GetInclusionProof and GetConsistencyProof.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_proto::convert::{Inclusion, hash_bytes, hash_list};
use countersign_proto::v1;
use tonic::Status;

use crate::log::{Log, Sealed};
use crate::server::log_service::Reader;
use crate::server::readers::Reading;
use crate::server::refuse;

/// A tree of the log: its root, and the checkpoint that signs it when a commit ended there.
struct Tree {
    size: u64,
    root: Hash,
    checkpoint: Option<Arc<SignedCheckpoint>>,
}

impl Tree {
    /// The tree of this size, at most the sealed one. Blocks.
    fn find(log: &Log, sealed: &Sealed, size: u64) -> Result<Self, Status> {
        let newest = sealed
            .checkpoint
            .as_ref()
            .filter(|checkpoint| checkpoint.size() == size);
        let checkpoint = match newest {
            Some(newest) => Some(Arc::clone(newest)),
            None => {
                let last = log.entry(size.saturating_sub(1));
                let (_record, found) = last.map_err(|error| refuse::lookup(&error))?;
                (found.size() == size).then(|| Arc::new(found))
            }
        };
        let root = match &checkpoint {
            Some(checkpoint) => checkpoint.root(),
            None => log.root(size).map_err(|error| refuse::tree(&error))?,
        };
        Ok(Self {
            size,
            root,
            checkpoint,
        })
    }

    fn checkpoint_text(&self) -> String {
        let text = self.checkpoint.as_deref().map(SignedCheckpoint::text);
        text.unwrap_or_default().to_owned()
    }
}

/// The newest sealed checkpoint.
pub(super) fn get_checkpoint(log: &Log) -> Result<v1::GetCheckpointResponse, Status> {
    let sealed = log.sealed();
    let checkpoint = sealed.checkpoint.ok_or_else(|| {
        refuse::size_out_of_range("log", "the log has no sealed entry yet".to_owned())
    })?;
    Ok(v1::GetCheckpointResponse {
        checkpoint: checkpoint.text().to_owned(),
        size: checkpoint.size(),
    })
}

/// The size that a request means: 0 is the sealed one.
fn size_of(field: &str, asked: u64, sealed: u64) -> Result<u64, Status> {
    let size = if asked == 0 { sealed } else { asked };
    if size > sealed || size == 0 {
        let message = format!("expected a size of 1 to {sealed}, the sealed one, got {asked}");
        return Err(refuse::size_out_of_range(field, message));
    }
    Ok(size)
}

/// Proves that an entry is in a tree.
pub(super) async fn get_inclusion_proof(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::GetInclusionProofRequest,
) -> Result<v1::GetInclusionProofResponse, Status> {
    let (sealed, index) = (log.sealed(), request.index);
    let size = size_of("tree_size", request.tree_size, sealed.size)?;
    if index >= sealed.size {
        return Err(refuse::unknown_entry(
            index,
            sealed.size,
            log.accepted_size(),
        ));
    }
    if index >= size {
        return Err(refuse::index_out_of_range("index", index, size));
    }
    let log = Arc::clone(log);
    let work = move || {
        let tree = Tree::find(&log, &sealed, size)?;
        let hashes = log.tree().inclusion(index, tree.size, &tree.root);
        let hashes = hashes.map_err(|error| refuse::tree(&error))?;
        // The proof was checked against this leaf hash.
        let leaf = log
            .tree()
            .leaf(index)
            .map_err(|error| refuse::tree(&error))?;
        let proof = Inclusion {
            index,
            tree_size: tree.size,
            hashes,
        };
        Ok(v1::GetInclusionProofResponse {
            proof: Some((&proof).into()),
            leaf_hash: hash_bytes(&leaf),
            checkpoint: tree.checkpoint_text(),
        })
    };
    reader.read(Reading::Short, work).await
}

/// Proves that one tree is the beginning of another.
pub(super) async fn get_consistency_proof(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::GetConsistencyProofRequest,
) -> Result<v1::GetConsistencyProofResponse, Status> {
    let sealed = log.sealed();
    let new_size = size_of("new_size", request.new_size, sealed.size)?;
    let old_size = request.old_size;
    if !(1..=new_size).contains(&old_size) {
        // Every log extends the empty one: that would prove nothing.
        let message = format!("expected an older size of 1 to {new_size}, got {old_size}");
        return Err(refuse::size_out_of_range("old_size", message));
    }
    let log = Arc::clone(log);
    let work = move || {
        let tree = Tree::find(&log, &sealed, new_size)?;
        let hashes = log.tree().consistency(old_size, tree.size, &tree.root);
        let hashes = hashes.map_err(|error| refuse::tree(&error))?;
        Ok(v1::GetConsistencyProofResponse {
            hashes: hash_list(&hashes),
            new_size: tree.size,
            checkpoint: tree.checkpoint_text(),
        })
    };
    reader.read(Reading::Short, work).await
}
