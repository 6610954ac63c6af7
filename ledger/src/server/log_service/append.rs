//! Append and AppendBatch: one proposal each.

use std::sync::Arc;

use countersign_chain::hash::Hash;
use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_proto::convert::Inclusion;
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1;
use tonic::Status;

use super::receipt::{self, Facts};
use super::{Reader, draft};
use crate::identity::peer::Peer;
use crate::log::{Log, Mode, NewEntry, Run};
use crate::server::readers::Reading;
use crate::server::refuse;

/// Proposes entries and waits until they are durable. `path` gives the request field of the event
/// at a position.
async fn propose(
    log: &Log,
    entries: Vec<NewEntry>,
    mode: Mode,
    path: impl Fn(usize) -> String,
) -> Result<Vec<Run>, Status> {
    let placed = tokio::time::timeout(Log::QUEUE_PATIENCE, log.submit(entries, mode)).await;
    // Nothing is in the queue when this time is over.
    let pending = placed.map_err(|_elapsed| refuse::queue_full(Log::QUEUE_PATIENCE))?;
    let pending = pending.map_err(|error| refuse::submit(&error, &path))?;
    // If the caller stops waiting here, its entries go their way all the same.
    pending
        .accepted()
        .await
        .map_err(|error| refuse::submit(&error, &path))
}

/// Appends one event.
pub(super) async fn append(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::AppendRequest,
) -> Result<v1::AppendResponse, Status> {
    let path = |_position| "draft".to_owned();
    let entry = draft::entry(request.draft, &reader.peer)
        .map_err(|error| refuse::draft(&error, "draft"))?;
    let runs = propose(log, vec![entry], Mode::Each, path).await?;
    let [run] = &runs[..] else {
        return Err(refuse::internal(&format!(
            "{} receipts for one event",
            runs.len()
        )));
    };
    let level = receipt::reach(log, run.size(), receipt::wanted(request.wait_for)).await?;
    let Some(&leaf) = run.leaves.first() else {
        return Err(refuse::internal(&"a receipt without a leaf hash"));
    };
    let facts = Facts {
        index: run.first_index,
        leaf,
        time: run.time,
        checkpoint: &run.checkpoint,
        repeated: run.repeated,
    };
    let mut receipt = receipt::receipt(log, level, &facts);
    if request.include_proof {
        receipt.inclusion_proof = Some(prove(log, reader, run, leaf).await?);
    }
    let receipt = Some(receipt);
    Ok(v1::AppendResponse { receipt })
}

/// The proof of a run's one entry: from its commit where that is at hand, else from the tree files.
async fn prove(
    log: &Arc<Log>,
    reader: &Reader,
    run: &Run,
    leaf: Hash,
) -> Result<v1::InclusionProof, Status> {
    let index = run.first_index;
    if let Some(Ok(hashes)) = run.prover.as_ref().map(|prover| prover.inclusion(index)) {
        let tree_size = run.checkpoint.size();
        let proof = Inclusion {
            index,
            tree_size,
            hashes,
        };
        return Ok((&proof).into());
    }
    let (log, checkpoint) = (Arc::clone(log), Arc::clone(&run.checkpoint));
    let prove = move || {
        receipt::inclusion(&log, index, &leaf, &checkpoint)
            .map_err(|error| refuse::without_proof(index, &error))
    };
    reader.read(Reading::Short, prove).await
}

/// Appends all events of a batch or none.
pub(super) async fn append_batch(
    log: &Arc<Log>,
    peer: &Peer,
    request: v1::AppendBatchRequest,
) -> Result<v1::AppendBatchResponse, Status> {
    let path = |position: usize| format!("drafts[{position}]");
    let count = request.drafts.len();
    check_count(count)?;
    let entries = draft::entries(request.drafts, peer)
        .map_err(|(position, error)| refuse::draft(&error, &path(position)))?;
    let runs = propose(log, entries, Mode::AllOrNone, path).await?;
    let run = match &runs[..] {
        [run] if run.leaves.len() == count => run,
        // All are entries already, but they were not appended together.
        [first, ..] => {
            let message = format!(
                "expected a new batch or a whole one again, got events that are entries of {} \
                 commits already, the first of them entry {}",
                runs.len(),
                first.first_index,
            );
            return Err(refuse::partly_repeated("drafts", message));
        }
        [] => return Err(refuse::internal(&"no receipt for a batch")),
    };
    let level = receipt::reach(log, run.size(), receipt::wanted(request.wait_for)).await?;
    let run = Some(receipt::receipt_run(log, level, run, 0));
    Ok(v1::AppendBatchResponse { run })
}

fn check_count(count: usize) -> Result<(), Status> {
    let expected = || format!("expected 1 to {MAX_COMMIT_ENTRIES} drafts, got {count}");
    if count == 0 {
        let hint = "send at least one draft";
        return Err(field_violation(
            Reason::BatchEmpty,
            "drafts",
            expected(),
            hint,
        ));
    }
    if count > MAX_COMMIT_ENTRIES {
        let hint = "send several batches, or use AppendStream";
        return Err(field_violation(
            Reason::BatchTooLarge,
            "drafts",
            expected(),
            hint,
        ));
    }
    Ok(())
}
