//! GetEntry, ListEntries and GetReceipt.

use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::limits::MAX_IDEM;
use countersign_chain::record::Record;
use countersign_proto::convert;
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1::{self, get_receipt_request};
use tonic::Status;

use super::filter;
use super::receipt::{self, Facts};
use super::scan::{Bounds, scan};
use super::token::PageToken;
use crate::identity::peer::Peer;
use crate::identity::role::Role;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE, PAGE_BYTES, SCAN_ENTRIES};
use crate::log::Log;
use crate::server::log_service::Reader;
use crate::server::readers::Reading;
use crate::server::refuse;

/// One sealed entry.
pub(super) async fn get_entry(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::GetEntryRequest,
) -> Result<v1::GetEntryResponse, Status> {
    let v1::GetEntryRequest {
        index,
        include_proof,
        ..
    } = request;
    let sealed = log.sealed().size;
    if index >= sealed {
        return Err(refuse::unknown_entry(index, sealed, log.accepted_size()));
    }
    let log = Arc::clone(log);
    let work = move || {
        let (bytes, checkpoint) = log.entry(index).map_err(|error| refuse::lookup(&error))?;
        let record = parse(index, &bytes)?;
        let inclusion_proof = include_proof
            .then(|| receipt::inclusion(&log, index, &record.leaf(), &checkpoint))
            .transpose()
            .map_err(|error| refuse::tree(&error))?;
        let entry =
            convert::entry(&bytes).map_err(|error| refuse::damaged(index, error.to_string()))?;
        metrics::counter!("countersign_entries_read_total").increment(1);
        Ok(v1::GetEntryResponse {
            entry: Some(entry),
            checkpoint: checkpoint.text().to_owned(),
            inclusion_proof,
        })
    };
    reader.read(Reading::Short, work).await
}

fn parse(index: u64, bytes: &Bytes) -> Result<Record<'_>, Status> {
    Record::parse(bytes).map_err(|error| refuse::damaged(index, error.to_string()))
}

/// A page of sealed entries.
pub(super) async fn list_entries(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::ListEntriesRequest,
) -> Result<v1::ListEntriesResponse, Status> {
    let entries = page_size(request.page_size)?;
    let filter = filter::parse(request.filter).map_err(|error| refuse::filter(&error))?;
    let query = filter::digest(log.name(), &filter);
    let sealed = log.sealed().size;
    let token = if request.page_token.is_empty() {
        let (next, end) = (0, sealed);
        PageToken { next, end }
    } else {
        PageToken::parse(&request.page_token, &query, sealed)
            .map_err(|error| refuse::token(&error))?
    };
    let bounds = Bounds {
        entries,
        bytes: PAGE_BYTES,
        scanned: SCAN_ENTRIES,
    };
    let (log, end) = (Arc::clone(log), token.end);
    let read = move || {
        scan(&log, &filter, token.next..end, &bounds).map_err(|error| refuse::lookup(&error))
    };
    let page = reader.read(Reading::Long, read).await?;
    let next = PageToken {
        next: page.next,
        end,
    };
    let next_page_token = if page.next < end {
        next.to_text(&query)
    } else {
        String::new()
    };
    Ok(v1::ListEntriesResponse {
        entries: page.entries,
        checkpoints: page.checkpoints,
        next_page_token,
    })
}

fn page_size(asked: u32) -> Result<usize, Status> {
    let size = if asked == 0 { DEFAULT_PAGE } else { asked };
    if size > MAX_PAGE {
        return Err(field_violation(
            Reason::PageSizeInvalid,
            "page_size",
            format!("expected at most {MAX_PAGE} entries, got {asked}"),
            "ask for 1 to 1,000 entries, or 0 for 100",
        ));
    }
    usize::try_from(size).map_err(|error| refuse::internal(&error))
}

/// The receipt of an entry of the caller again.
pub(super) async fn get_receipt(
    log: &Arc<Log>,
    reader: &Reader,
    request: v1::GetReceiptRequest,
) -> Result<v1::GetReceiptResponse, Status> {
    use get_receipt_request::Entry;
    if let Some(Entry::IdempotencyKey(key)) = &request.entry
        && !(1..=MAX_IDEM).contains(&key.len())
    {
        return Err(field_violation(
            Reason::IdempotencyKeyInvalid,
            "idempotency_key",
            format!("expected a key of 1 to {MAX_IDEM} bytes, got {}", key.len()),
            "send the key under which the event was appended",
        ));
    }
    let (log, peer) = (Arc::clone(log), Arc::clone(&reader.peer));
    let work = move || {
        let (index, what) = match request.entry {
            Some(Entry::Index(index)) => (Some(index), format!("index {index}")),
            Some(Entry::IdempotencyKey(key)) => {
                let found = log.find_key(peer.principal.as_str(), key.as_bytes());
                (
                    found.map_err(|error| refuse::lookup(&error))?,
                    "this key".to_owned(),
                )
            }
            None => (None, "neither an index nor a key".to_owned()),
        };
        let known = index.filter(|index| *index < log.accepted_size());
        let index = known.ok_or_else(|| refuse::unknown_receipt(&what))?;
        let (bytes, checkpoint) = log.entry(index).map_err(|error| refuse::lookup(&error))?;
        let record = parse(index, &bytes)?;
        if !may_know(&peer, &record) {
            // Not told apart from an entry that is not there.
            return Err(refuse::unknown_receipt(&what));
        }
        let inclusion_proof = request
            .include_proof
            .then(|| receipt::inclusion(&log, index, &record.leaf(), &checkpoint))
            .transpose()
            .map_err(|error| refuse::tree(&error))?;
        let receipt = again(&log, &record, &checkpoint);
        let receipt = Some(v1::Receipt {
            inclusion_proof,
            ..receipt
        });
        Ok(v1::GetReceiptResponse { receipt })
    };
    reader.read(Reading::Short, work).await
}

/// Whether a caller may have the receipt of an entry: its own, or any for those who oversee.
fn may_know(peer: &Peer, record: &Record<'_>) -> bool {
    let principal = peer.principal.as_str();
    let own = record.actor() == principal || record.via() == principal;
    own || matches!(peer.role, Role::Admin | Role::Auditor)
}

fn again(log: &Log, record: &Record<'_>, checkpoint: &SignedCheckpoint) -> v1::Receipt {
    let index = record.index().get();
    let facts = Facts {
        index,
        leaf: record.leaf(),
        time: record.time(),
        checkpoint,
        repeated: true,
    };
    receipt::receipt(log, receipt::reached(log, index.saturating_add(1)), &facts)
}

#[cfg(test)]
mod tests {
    use countersign_proto::reason::reason_of;

    use super::*;

    #[test]
    fn page_sizes_have_a_default_and_a_limit() {
        assert_eq!(page_size(0).expect("the default"), 100);
        assert_eq!(page_size(1).expect("the least"), 1);
        assert_eq!(page_size(1_000).expect("the most"), 1_000);
        let refused = page_size(1_001).expect_err("too many");
        assert_eq!(reason_of(&refused), Some(Reason::PageSizeInvalid));
    }
}
