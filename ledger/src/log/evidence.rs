//! What a recorder brings is only taken for a session of its own, and behind its content.

use countersign_chain::kind::Kind;
use countersign_proto::event::Kinded;
use countersign_proto::v1;
use prost::Message as _;

use super::entry::{NewEntry, SubmitError};
use super::receipt::{LookupError, Shelf};
use super::repeat::unreadable;
use crate::blobs::{BlobId, Blobs};
use crate::store::LogStore;

/// Whether an entry is about what a session did or showed.
pub(super) fn is_evidence(kind: Kind) -> bool {
    [v1::CommandExecuted::KIND, v1::SessionOutput::KIND].contains(&kind.get())
}

/// Holds entries against the log and the blobs. Blocks.
pub(super) struct Judge<'a> {
    store: &'a dyn LogStore,
    blobs: &'a Blobs,
    size: u64,
    shelf: Shelf,
}

impl<'a> Judge<'a> {
    pub(super) fn new(store: &'a dyn LogStore, blobs: &'a Blobs, size: u64) -> Self {
        Self {
            store,
            blobs,
            size,
            shelf: Shelf::default(),
        }
    }

    /// Refuses the first entry that is about another's session, or commits to nothing.
    pub(super) fn check(&mut self, entries: &[NewEntry]) -> Result<(), SubmitError> {
        for (position, entry) in entries.iter().enumerate() {
            if is_evidence(entry.kind()) {
                self.one(position, entry)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, position: usize, entry: &NewEntry) -> Result<(), SubmitError> {
        let malformed = |error: prost::DecodeError| SubmitError::Internal(error.to_string());
        let payload = entry.payload().clone();
        if entry.kind().get() == v1::CommandExecuted::KIND {
            let command = v1::CommandExecuted::decode(payload).map_err(malformed)?;
            return self.session((position, command.session), entry);
        }
        let output = v1::SessionOutput::decode(payload).map_err(malformed)?;
        self.session((position, output.session), entry)?;
        let id = BlobId::parse(&output.blob_sha256);
        let there = id.map_or(Ok(false), |id| self.blobs.has(id, output.blob_bytes));
        match there {
            Ok(true) => Ok(()),
            Ok(false) => Err(SubmitError::NoBlob { position }),
            Err(error) => Err(SubmitError::Internal(error.to_string())),
        }
    }

    /// Whether the session is there, and was started by who now tells of it.
    fn session(
        &mut self,
        (position, session): (usize, u64),
        entry: &NewEntry,
    ) -> Result<(), SubmitError> {
        let unknown = || SubmitError::NoSession { position, session };
        if session >= self.size {
            return Err(unknown());
        }
        let read = |error: LookupError| unreadable(session, &error);
        let bytes = self.shelf.record(self.store, session).map_err(read)?;
        let record = countersign_chain::record::Record::parse(bytes)
            .map_err(|error| SubmitError::Internal(error.to_string()))?;
        let is_own = record.kind().get() == v1::SessionStarted::KIND
            && record.actor() == entry.actor()
            && record.case() == entry.case();
        if is_own { Ok(()) } else { Err(unknown()) }
    }
}
