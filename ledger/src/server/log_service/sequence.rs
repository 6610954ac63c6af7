//! GetSequence: how far a queue of the caller has come.

use std::sync::Arc;

use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1;
use tonic::Status;

use super::{Reader, read};
use crate::log::Log;
use crate::server::refuse;

/// How often the answer is looked up again when the entry that it rests on is taken back because
/// the disk was full.
const TRIES: usize = 8;

/// Everything below the answer is sealed, and the entry shows it.
pub(super) async fn get_sequence(
    log: &Arc<Log>,
    reader: &Reader,
    request: &v1::GetSequenceRequest,
) -> Result<v1::GetSequenceResponse, Status> {
    let queue = QueueId::parse(&request.queue).ok_or_else(|| {
        field_violation(
            Reason::IdempotencyKeyInvalid,
            "queue",
            format!("expected a queue of 16 bytes, got {}", request.queue.len()),
            "send the name under which the events of the queue were appended",
        )
    })?;
    let path = |_position| "queue".to_owned();
    let actor = reader.peer.principal.as_str();
    for _try in 0..TRIES {
        let last = log.sequence(actor, queue);
        let Some(last) = last.map_err(|error| refuse::submit(&error, path))? else {
            return Ok(v1::GetSequenceResponse::default());
        };
        let sealed = log.wait_sealed(last.index.saturating_add(1)).await;
        sealed.map_err(|error| refuse::submit(&error, path))?;
        let asked = v1::GetEntryRequest {
            index: last.index,
            include_proof: true,
            ..v1::GetEntryRequest::default()
        };
        let shown = read::get_entry(log, reader, asked).await?;
        let number = last.next.saturating_sub(1);
        let entry = shown.entry.unwrap_or_default();
        let place = Sequence::of_key(&entry.idempotency_key);
        if entry.actor == actor && place == Some(Sequence { queue, number }) {
            return Ok(v1::GetSequenceResponse {
                next: last.next,
                last: Some(entry),
                checkpoint: shown.checkpoint,
                inclusion_proof: shown.inclusion_proof,
            });
        }
    }
    Err(refuse::replaying())
}
