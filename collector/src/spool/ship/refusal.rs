//! Events that the ledger refuses for what they are, and what stands in their place.

use countersign_client::Draft;
use countersign_proto::reason::{Class, Reason};
use countersign_proto::v1;

/// Whether the same event would be refused for ever, while others would be taken.
pub(super) fn is_about_the_event(reason: Reason) -> bool {
    let about = [
        Reason::EventMissing,
        Reason::EventConflict,
        Reason::KindUnknown,
        Reason::PayloadMalformed,
        Reason::PayloadTooLarge,
        Reason::RecordTooLarge,
        Reason::CaseUnknown,
        Reason::SessionUnknown,
        Reason::BlobUnknown,
    ];
    reason.class() == Class::Caller && about.contains(&reason)
}

/// What stands in the place of an event that the ledger refuses.
pub(super) fn refused(why: &str) -> Draft {
    Draft::new(&v1::SpoolGap {
        source: "spool".to_owned(),
        lost_events: 1,
        lost_bytes: 0,
        reason: format!("the ledger refused the event: {why}"),
        first: None,
    })
}
