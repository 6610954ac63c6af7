//! Drafts of entries that are none.

use countersign_proto::reason::{Reason, field_violation};
use tonic::Status;

use crate::log::NewEntryError;
use crate::server::log_service::draft::DraftError;

const ONLY_BOTS: &str = "leave it empty; only a bot speaks for others, and only for users";

/// A draft that is no entry. `path` is its field in the request; empty when the request itself
/// names who acts.
pub(in crate::server) fn draft(error: &DraftError, path: &str) -> Status {
    let message = error.to_string();
    let actor = format!("{path}.on_behalf_of");
    let actor = actor.trim_start_matches('.');
    match error {
        DraftError::Missing => field_violation(
            Reason::EventMissing,
            path,
            message,
            "set the draft and exactly one of the events of countersign.v1.Event in it",
        ),
        DraftError::Event(error) => error.refusal(&format!("{path}.event")),
        DraftError::KindNotAllowed { .. } => field_violation(
            Reason::KindNotAllowed,
            &format!("{path}.event"),
            message,
            "use a certificate of a role that may append it; docs/roles.md lists them",
        ),
        DraftError::Actor(_) => field_violation(
            Reason::ActorInvalid,
            actor,
            message,
            "write a principal as role:name, for example user:ada@example.com",
        ),
        DraftError::NotABot { .. } | DraftError::NotAUser { .. } => {
            field_violation(Reason::ActorNotAllowed, actor, message, ONLY_BOTS)
        }
        DraftError::Evidence => field_violation(
            Reason::ActorNotAllowed,
            &actor.replace("on_behalf_of", "evidence"),
            message,
            ONLY_BOTS,
        ),
        DraftError::Key(_) => field_violation(
            Reason::IdempotencyKeyInvalid,
            &format!("{path}.idempotency_key"),
            message,
            "use at most 64 bytes of text",
        ),
        DraftError::InBatch => field_violation(
            Reason::IdempotencyKeyInvalid,
            &format!("{path}.sequence"),
            message,
            "send the events of a queue over AppendStream, or one by one",
        ),
        DraftError::TwoKeys | DraftError::Queue(_) => field_violation(
            Reason::IdempotencyKeyInvalid,
            &format!("{path}.sequence"),
            message,
            "name the queue by 16 random bytes and count its events from 0; leave the key empty",
        ),
        DraftError::KeyTwice { .. } => field_violation(
            Reason::IdempotencyKeyReused,
            &format!("{path}.idempotency_key"),
            message,
            "give each event of a batch a key of its own",
        ),
        DraftError::Entry(error) => new_entry(error, path),
    }
}

/// Values that make no entry.
fn new_entry(error: &NewEntryError, path: &str) -> Status {
    let message = error.to_string();
    match error {
        NewEntryError::PayloadTooLong(_) => field_violation(
            Reason::PayloadTooLarge,
            &format!("{path}.event"),
            message,
            "send at most 49,152 bytes for an event; split it, or send the digest of its content",
        ),
        NewEntryError::ViaIsActor => field_violation(
            Reason::ActorNotAllowed,
            &format!("{path}.on_behalf_of"),
            message,
            "leave on_behalf_of empty to act under your own name",
        ),
    }
}
