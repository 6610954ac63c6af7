//! What recorders bring and may not.

use countersign_proto::reason::{Reason, field_violation};
use tonic::Status;

use super::internal;
use crate::log::SubmitError;

/// Refuses what is about another's session, or commits to nothing.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other errors are told elsewhere"
)]
pub(super) fn evidence(error: &SubmitError, path: impl Fn(usize) -> String) -> Status {
    let event = |position: &usize| format!("{}.event", path(*position));
    match error {
        SubmitError::NoSession { position, .. } => field_violation(
            Reason::SessionUnknown,
            &event(position),
            error.to_string(),
            "name a session that this identity started, with its case",
        ),
        SubmitError::NoBlob { position } => field_violation(
            Reason::BlobUnknown,
            &event(position),
            error.to_string(),
            "store the content with PutBlob first, and name its SHA-256 and size",
        ),
        other => internal(other),
    }
}
