//! Every error of the ledger as a gRPC status: the one place that chooses reasons and hints.
//!
//! Each function is an exhaustive match over one error enum. What only the operator can mend is
//! logged here, once, on its way out.

use countersign_proto::reason::{Class, Reason, field_violation, refusal, with_metadata};
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::log::{LookupError, SubmitError};
use crate::server::log_service::filter::FilterError;
use crate::server::log_service::token::TokenError;
use crate::server::seats::Full;
use crate::store::ReadError;
use crate::tree::TreeError;

mod certificates;
mod drafts;
mod evidence;

pub(super) use self::certificates::{desk, revoked, role};
pub(super) use self::drafts::draft;
use self::evidence::evidence;

const SAME_KEYS: &str =
    "repeat the call with the same idempotency keys, and never under other ones";
const WAIT: &str = "wait and repeat with the same idempotency keys, with growing pauses";
const KEEP_AND_VERIFY: &str =
    "the operator stops the ledger, keeps the folder as it is and runs `countersign verify` on it";
const ASK_OPERATOR: &str = "the operator looks into the log of the server at the time of the call";

/// A refusal that is the operator's business.
fn fatal(reason: Reason, message: String, hint: &str) -> Status {
    debug_assert_eq!(reason.class(), Class::Fatal);
    tracing::error!(reason = %reason, error = %message, "call failed");
    refusal(reason, message, hint)
}

/// Something that cannot happen, or that the machine is at fault for.
pub(super) fn internal(error: &dyn std::fmt::Display) -> Status {
    fatal(Reason::Internal, error.to_string(), ASK_OPERATOR)
}

/// Entries that were not taken. `path` gives the request field of the event at a position.
pub(super) fn submit(error: &SubmitError, path: impl Fn(usize) -> String) -> Status {
    let message = error.to_string();
    match error {
        SubmitError::KeyReused { position, .. } => field_violation(
            Reason::IdempotencyKeyReused,
            &format!("{}.idempotency_key", path(*position)),
            message,
            "use a new key for a new event; GetReceipt gives the receipt of the first one",
        ),
        SubmitError::SequencePassed { position, .. } => field_violation(
            Reason::SequencePassed,
            &format!("{}.sequence", path(*position)),
            message,
            "ask GetSequence how far the queue is sealed, and go on from there",
        ),
        SubmitError::NoSession { .. } | SubmitError::NoBlob { .. } => evidence(error, path),
        SubmitError::PartlyRepeated { position } => partly_repeated(&path(*position), message),
        SubmitError::UnknownCase { position, .. } => field_violation(
            Reason::CaseUnknown,
            &format!("{}.case", path(*position)),
            message,
            "name the index of the entry that opened the case, or 0",
        ),
        SubmitError::TooLarge { .. } => refusal(
            Reason::BatchTooLarge,
            message,
            "send at most 1,024 drafts and less than 1 MiB in one batch",
        ),
        SubmitError::DiskFull { .. } => refusal(
            Reason::DiskFull,
            message,
            "repeat later with the same idempotency keys; the operator makes room",
        ),
        SubmitError::Refused(refused) => {
            let hint = refused.hint.as_str();
            refusal(refused.reason, refused.message.clone(), hint)
        }
        SubmitError::Replaying => replaying(),
        SubmitError::ClockBehind(_) => refusal(
            Reason::ClockBehind,
            message,
            "the operator sets the clock of the ledger's machine right",
        ),
        SubmitError::OutcomeUnknown => refusal(Reason::OutcomeUnknown, message, SAME_KEYS),
        SubmitError::ShuttingDown => shutting_down(),
        SubmitError::Unreadable { .. } => fatal(Reason::StoreDamaged, message, KEEP_AND_VERIFY),
        SubmitError::Internal(_) => internal(error),
    }
}

/// The cases are not known yet.
pub(super) fn replaying() -> Status {
    refusal(
        Reason::Replaying,
        "the ledger has just started and reads the cases out of its log".to_owned(),
        "repeat in a moment, with the same idempotency key",
    )
}

/// A batch of which some drafts are entries, or entries of several commits.
pub(super) fn partly_repeated(path: &str, message: String) -> Status {
    field_violation(
        Reason::BatchPartlyRepeated,
        path,
        message,
        "repeat a batch whole and unchanged; ask with GetReceipt which drafts are entries, and \
         send the others under their keys as a batch of their own",
    )
}

/// Position of the event that a submission was refused for.
pub(super) const fn position(error: &SubmitError) -> Option<usize> {
    match error {
        SubmitError::KeyReused { position, .. }
        | SubmitError::SequencePassed { position, .. }
        | SubmitError::NoSession { position, .. }
        | SubmitError::NoBlob { position }
        | SubmitError::PartlyRepeated { position }
        | SubmitError::UnknownCase { position, .. } => Some(*position),
        SubmitError::TooLarge { .. }
        | SubmitError::DiskFull { .. }
        | SubmitError::Refused(_)
        | SubmitError::Replaying
        | SubmitError::ClockBehind(_)
        | SubmitError::OutcomeUnknown
        | SubmitError::ShuttingDown
        | SubmitError::Unreadable { .. }
        | SubmitError::Internal(_) => None,
    }
}

/// No place in the queue came free in time: the events are not in the log.
pub(super) fn queue_full(waited: std::time::Duration) -> Status {
    let message = format!("no place in the queue of the log came free within {waited:?}");
    refusal(Reason::QueueFull, message, WAIT)
}

/// The server stops.
pub(super) fn shutting_down() -> Status {
    refusal(
        Reason::ShuttingDown,
        "the ledger is stopping",
        "connect again after a moment and repeat with the same idempotency keys",
    )
}

/// The event is durable and sealed or not, but what the caller asked for beside it is not to be
/// had: a repeat under the same key gets it.
pub(super) fn without_proof(index: u64, error: &TreeError) -> Status {
    let message = format!("the event is entry {index}, but its proof cannot be made now: {error}");
    tracing::error!(index, error = %error, "an append cannot be proved");
    refusal(Reason::OutcomeUnknown, message, SAME_KEYS)
}

/// An entry that could not be read back.
pub(super) fn lookup(error: &LookupError) -> Status {
    match error {
        LookupError::Read(error) => read(error),
        LookupError::Damaged { index, .. } => damaged(*index, error.to_string()),
    }
}

/// The store did not give what it was asked for.
pub(super) fn read(error: &ReadError) -> Status {
    match error {
        ReadError::OutOfRange { index, size } => unknown_entry(*index, *size, *size),
        ReadError::Io(_) => internal(error),
        ReadError::Damaged { index, .. } => damaged(*index, error.to_string()),
    }
}

/// Stored bytes that are not what was written, at an entry.
pub(super) fn damaged(index: u64, message: String) -> Status {
    tracing::error!(index, error = %message, "the log is damaged");
    let index = index.to_string();
    let facts = [("index", index.as_str())];
    with_metadata(Reason::StoreDamaged, message, KEEP_AND_VERIFY, &facts)
}

/// No entry that readers see.
pub(super) fn unknown_entry(index: u64, sealed: u64, accepted: u64) -> Status {
    let (sealed, accepted) = (sealed.to_string(), accepted.to_string());
    with_metadata(
        Reason::EntryUnknown,
        format!(
            "expected an index below {sealed}, the number of sealed entries, got {index}; \
             {accepted} entries are durable"
        ),
        "check the index, and whether the entry is sealed yet",
        &[("sealed_size", &sealed), ("accepted_size", &accepted)],
    )
}

/// An index above what the call allows.
pub(super) fn index_out_of_range(field: &str, index: u64, limit: u64) -> Status {
    field_violation(
        Reason::IndexOutOfRange,
        field,
        format!("expected an index below {limit}, got {index}"),
        "ask for an index below the size that the message names",
    )
}

/// A tree that the log does not have.
pub(super) fn size_out_of_range(field: &str, message: String) -> Status {
    let hint = "ask for sizes up to that of the newest sealed checkpoint, the older first";
    field_violation(Reason::SizeOutOfRange, field, message, hint)
}

/// A proof that could not be made. Sizes were checked against the log before, so the tree files are
/// behind it or damaged; both mend themselves.
pub(super) fn tree(error: &TreeError) -> Status {
    const REBUILT: &str = "the ledger rebuilds its tree files from the log; repeat the call in a \
                           while, and tell the operator when it keeps failing";
    let message = error.to_string();
    match error {
        TreeError::OutOfRange { .. } | TreeError::Damaged { .. } => {
            fatal(Reason::StoreDamaged, message, REBUILT)
        }
        TreeError::Read(_) => internal(error),
    }
}

/// No entry of the caller.
pub(super) fn unknown_receipt(what: &str) -> Status {
    refusal(
        Reason::ReceiptUnknown,
        format!("the caller has no entry under {what}"),
        "check index or key and the identity of the caller; what was not appended can be now",
    )
}

/// A filter that cannot be read.
pub(super) fn filter(error: &FilterError) -> Status {
    let message = error.to_string();
    match error {
        FilterError::Actor(_) => field_violation(
            Reason::FilterInvalid,
            "filter.actor",
            message,
            "write a principal as role:name, for example agent:db-prod-1",
        ),
        FilterError::Kind { position, .. } => field_violation(
            Reason::FilterInvalid,
            &format!("filter.kinds[{position}]"),
            message,
            "use field numbers of countersign.v1.Event",
        ),
        FilterError::Time { field, .. } => field_violation(
            Reason::TimeInvalid,
            &format!("filter.{field}"),
            message,
            "send a time since 1970 as google.protobuf.Timestamp",
        ),
        FilterError::Empty { .. } => field_violation(
            Reason::FilterInvalid,
            "filter.until",
            message,
            "ask for entries from since up to, and without, a later until",
        ),
    }
}

/// A page token that was not given out for this question.
pub(super) fn token(error: &TokenError) -> Status {
    let message = error.to_string();
    match error {
        TokenError::Malformed | TokenError::OtherQuery | TokenError::Range { .. } => {
            field_violation(
                Reason::PageTokenInvalid,
                "page_token",
                message,
                "start again without a token, and keep log and filter while turning pages",
            )
        }
    }
}

/// No room for another stream.
pub(super) fn full(error: &Full) -> Status {
    let hint = "close streams that are not needed; wait and repeat";
    no_room(Reason::TooManyStreams, error, hint)
}

/// No room for another call, or for the bytes of this one.
pub(super) fn busy(error: &Full) -> Status {
    let hint = "take the answers of earlier calls, make fewer at the same time, and repeat with \
                the same idempotency keys, with growing pauses";
    no_room(Reason::TooManyCalls, error, hint)
}

/// No room for another connection.
pub(super) fn crowded(error: &Full) -> Status {
    let hint = "close connections that are not needed, and share one between calls";
    no_room(Reason::TooManyConnections, error, hint)
}

fn no_room(reason: Reason, error: &Full, hint: &str) -> Status {
    match error {
        Full::Client { .. } | Full::InAll { .. } => refusal(reason, error.to_string(), hint),
    }
}

/// Adds the position in a stream of the event that ended it.
pub(super) fn at_position(status: &Status, position: u64) -> Status {
    let mut details = status.get_error_details();
    if let Some(info) = details.error_info().cloned() {
        let mut metadata = info.metadata;
        metadata.insert("position".to_owned(), position.to_string());
        details.set_error_info(info.reason, info.domain, metadata);
    }
    Status::with_error_details(status.code(), status.message(), details)
}

#[cfg(test)]
mod tests;
