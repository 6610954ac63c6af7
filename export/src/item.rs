//! One entry as exports take it, wherever it was read.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_proto::event::{EventError, Known};

/// One entry with what signs it. All of it was verified by whoever read it.
#[derive(Debug)]
pub struct Item<'a> {
    /// The record: what is hashed.
    pub record: Record<'a>,
    /// Its leaf hash.
    pub leaf: Hash,
    /// What it says.
    pub event: Result<Known, EventError>,
    /// The signed checkpoint of its commit.
    pub commit: &'a SignedCheckpoint,
    /// Siblings from the leaf up that lead to the root of `commit`, where the entries beside this
    /// one are not taken along.
    pub proof: Option<Vec<Hash>>,
}

impl<'a> Item<'a> {
    /// An entry whose event is decoded here.
    #[must_use]
    pub fn new(record: Record<'a>, leaf: Hash, commit: &'a SignedCheckpoint) -> Self {
        let event = Known::decode(record.kind().get(), record.payload());
        Self {
            record,
            leaf,
            event,
            commit,
            proof: None,
        }
    }
}
