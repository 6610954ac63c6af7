//! Entries: records that are proved to be in a signed tree.
//!
//! One inclusion proof is enough for a run of neighbours. Each record carries the leaf hash of the
//! one before, so that the proved leaf of the last one commits to all of them.

use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::kind::Kind;
use countersign_chain::time::UnixMicros;
use countersign_proto::convert;
use countersign_proto::event::{Event, EventError, Known};
use countersign_proto::v1;

use crate::draft::Filter;
use crate::receipt::included;
use crate::verify::{Notary, VerifyError, covers};

/// A verified entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    wire: v1::Entry,
    kind: Kind,
    time: UnixMicros,
    prev: Hash,
    leaf: Hash,
    checkpoint: Arc<SignedCheckpoint>,
}

impl Entry {
    /// Index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.wire.index
    }

    /// Field number of the event.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Ledger time.
    #[must_use]
    pub const fn time(&self) -> UnixMicros {
        self.time
    }

    /// Leaf hash of the entry before.
    #[must_use]
    pub const fn prev(&self) -> Hash {
        self.prev
    }

    /// Index of the entry that opened the case; 0 for none.
    #[must_use]
    pub const fn case(&self) -> u64 {
        self.wire.case
    }

    /// Principal that acted.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.wire.actor
    }

    /// Client that carried it; empty when it is the actor.
    #[must_use]
    pub fn via(&self) -> &str {
        &self.wire.via
    }

    /// Idempotency key of the caller; may be empty.
    #[must_use]
    pub fn idempotency_key(&self) -> &[u8] {
        &self.wire.idempotency_key
    }

    /// The event, with the bytes of its message.
    #[must_use]
    pub fn event(&self) -> Event {
        self.wire.event.clone().unwrap_or_default()
    }

    /// The decoded event.
    ///
    /// # Errors [`EventError`] when this version does not know the kind, or the ledger took what
    /// breaks its rules.
    pub fn known(&self) -> Result<Known, EventError> {
        self.event().known()
    }

    /// The record: what is hashed and signed.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.wire.record
    }

    /// Leaf hash of the record.
    #[must_use]
    pub const fn leaf(&self) -> Hash {
        self.leaf
    }

    /// Signed checkpoint of the entry's commit.
    #[must_use]
    pub const fn checkpoint(&self) -> &Arc<SignedCheckpoint> {
        &self.checkpoint
    }

    /// Verifies the answer about one entry, its inclusion proof included.
    pub(crate) fn verify(
        answer: v1::GetEntryResponse,
        index: u64,
        notary: &mut Notary,
    ) -> Result<Self, VerifyError> {
        let wire = answer.entry.ok_or(VerifyError::Missing("entry"))?;
        let entry = Self::read(wire, notary.open(&answer.checkpoint)?, &Filter::default())?;
        if entry.index() != index {
            return Err(VerifyError::other("entry", index, entry.index()));
        }
        let proof = answer
            .inclusion_proof
            .ok_or(VerifyError::Missing("inclusion_proof"))?;
        entry.prove(&proof)?;
        Ok(entry)
    }

    /// Checks that the entry is what its record says, that it was asked for, and that the
    /// checkpoint reaches it. It is not tied to the signature yet.
    fn read(
        wire: v1::Entry,
        checkpoint: Arc<SignedCheckpoint>,
        filter: &Filter,
    ) -> Result<Self, VerifyError> {
        let (record, leaf) = convert::record(&wire)?;
        if !filter.matches(&record) {
            return Err(VerifyError::Unasked {
                index: record.index().get(),
            });
        }
        covers(&checkpoint, record.index().get())?;
        let (kind, time, prev) = (record.kind(), record.time(), record.prev());
        Ok(Self {
            wire,
            kind,
            time,
            prev,
            leaf,
            checkpoint,
        })
    }

    /// Checks the proof that ties the entry to the signature.
    pub(crate) fn prove(&self, proof: &v1::InclusionProof) -> Result<(), VerifyError> {
        included(proof, self.index(), &self.leaf, &self.checkpoint).map(drop)
    }
}

/// Reads the pages of one listing, or the answers of one stream, in order.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    filter: Filter,
    /// Everything below was read or did not match.
    next: u64,
    last: Option<(u64, Hash)>,
}

impl Sequence {
    /// Reads from this index on.
    pub(crate) const fn new(filter: Filter, from: u64) -> Self {
        Self {
            filter,
            next: from,
            last: None,
        }
    }

    /// Everything below was read or did not match.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    pub(crate) const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Reads the entries of one answer, and checks their order and the chain between neighbours.
    /// Each run of neighbours must then be tied to a signature: see [`run_ends`].
    pub(crate) fn read(
        &mut self,
        wire: Vec<v1::Entry>,
        notes: &[String],
        notary: &mut Notary,
    ) -> Result<Vec<Entry>, VerifyError> {
        let mut notes = notes.iter();
        let mut checkpoint: Option<Arc<SignedCheckpoint>> = None;
        let mut entries = Vec::with_capacity(wire.len());
        for entry in wire {
            // An entry is covered by the first checkpoint whose size is above its index.
            let covering = loop {
                match checkpoint.take().filter(|known| entry.index < known.size()) {
                    Some(known) => break known,
                    None => {
                        let note = notes.next().ok_or(VerifyError::Missing("checkpoints"))?;
                        checkpoint = Some(notary.open(note)?);
                    }
                }
            };
            checkpoint = Some(Arc::clone(&covering));
            let entry = Entry::read(entry, covering, &self.filter)?;
            self.follows(&entry)?;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Moves on to the cursor of a stream, which skips what does not match.
    pub(crate) fn skip_to(&mut self, next: u64) -> Result<(), VerifyError> {
        if next < self.next || (self.filter.is_empty() && next > self.next) {
            let exactly = self.filter.is_empty();
            return Err(VerifyError::Order {
                expected: self.next,
                got: next,
                exactly,
            });
        }
        self.next = next;
        Ok(())
    }

    fn follows(&mut self, entry: &Entry) -> Result<(), VerifyError> {
        let (index, exactly) = (entry.index(), self.filter.is_empty());
        if index < self.next || (exactly && index > self.next) {
            return Err(VerifyError::Order {
                expected: self.next,
                got: index,
                exactly,
            });
        }
        if self
            .last
            .is_some_and(|(last, leaf)| last + 1 == index && leaf != entry.prev)
        {
            return Err(VerifyError::ChainBroken { index });
        }
        // An index is below 2^63: the record was parsed.
        self.next = index + 1;
        self.last = Some((index, entry.leaf));
        Ok(())
    }
}

/// The last entry of each run of neighbours.
pub(crate) fn run_ends(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let next = entries
        .iter()
        .skip(1)
        .map(|entry| Some(entry.index()))
        .chain([None]);
    entries
        .iter()
        .zip(next)
        .filter(|(entry, next)| *next != Some(entry.index() + 1))
        .map(|(entry, _)| entry)
}

#[cfg(test)]
mod tests {
    use countersign_proto::convert::{Inclusion, hash_bytes};

    use super::*;
    use crate::verify::testing::Log;

    fn wire(log: &Log, index: usize) -> v1::Entry {
        convert::entry(&log.record(index)).unwrap()
    }

    fn notes(log: &Log, sizes: &[u64]) -> Vec<String> {
        sizes
            .iter()
            .map(|size| log.checkpoint(*size).text().to_owned())
            .collect()
    }

    fn read(
        log: &Log,
        filter: Filter,
        indexes: &[usize],
        sizes: &[u64],
    ) -> Result<Vec<Entry>, VerifyError> {
        let mut notary = Notary::new(log.key.verifier().clone());
        let wire = indexes.iter().map(|index| wire(log, *index)).collect();
        Sequence::new(filter, 0).read(wire, &notes(log, sizes), &mut notary)
    }

    fn some_kind() -> Filter {
        Filter {
            kinds: vec![140],
            ..Filter::default()
        }
    }

    #[test]
    fn one_entry_is_tied_to_its_signature() {
        let log = Log::of(6);
        let proof = Inclusion {
            index: 3,
            tree_size: 6,
            hashes: log.inclusion(3, 6),
        };
        let answer = v1::GetEntryResponse {
            entry: Some(wire(&log, 3)),
            checkpoint: log.checkpoint(6).text().into(),
            inclusion_proof: Some(v1::InclusionProof::from(&proof)),
        };
        let mut notary = Notary::new(log.key.verifier().clone());
        let entry = Entry::verify(answer.clone(), 3, &mut notary).unwrap();
        assert_eq!((entry.index(), entry.leaf()), (3, log.leaf(3)));
        assert!(
            Entry::verify(answer.clone(), 2, &mut notary).is_err(),
            "another entry"
        );
        let fork = Log::other(6, b"changed");
        let changed = v1::GetEntryResponse {
            entry: Some(wire(&fork, 3)),
            ..answer.clone()
        };
        let error = Entry::verify(changed, 3, &mut notary).unwrap_err();
        assert!(matches!(error, VerifyError::Proof(_)), "{error}");
        let unproved = v1::GetEntryResponse {
            inclusion_proof: None,
            ..answer.clone()
        };
        assert!(Entry::verify(unproved, 3, &mut notary).is_err());
        let mut lying = answer;
        lying.entry.as_mut().unwrap().leaf_hash = hash_bytes(&log.leaf(2));
        assert!(matches!(
            Entry::verify(lying, 3, &mut notary),
            Err(VerifyError::Entry(_))
        ));
    }

    #[test]
    fn entries_find_the_first_checkpoint_above_them() {
        let log = Log::of(8);
        let entries = read(&log, Filter::default(), &[0, 1, 2, 3, 4], &[1, 3, 8]).unwrap();
        let sizes: Vec<u64> = entries
            .iter()
            .map(|entry| entry.checkpoint().size())
            .collect();
        assert_eq!(sizes, [1, 3, 3, 8, 8]);
        let error = read(&log, Filter::default(), &[0, 1, 2, 3], &[1, 3]).unwrap_err();
        assert_eq!(error, VerifyError::Missing("checkpoints"));
    }

    #[test]
    fn without_a_filter_no_entry_is_left_out() {
        let log = Log::of(8);
        let error = read(&log, Filter::default(), &[0, 2], &[8]).unwrap_err();
        assert_eq!(
            error,
            VerifyError::Order {
                expected: 1,
                got: 2,
                exactly: true
            }
        );
        let error = read(&log, Filter::default(), &[0, 0], &[8]).unwrap_err();
        assert_eq!(
            error,
            VerifyError::Order {
                expected: 1,
                got: 0,
                exactly: true
            }
        );
        assert_eq!(read(&log, some_kind(), &[0, 2], &[8]).unwrap().len(), 2);
        assert!(read(&log, some_kind(), &[2, 0], &[8]).is_err());
    }

    #[test]
    fn what_does_not_match_is_refused() {
        let log = Log::of(3);
        let filter = Filter {
            kinds: vec![141],
            ..Filter::default()
        };
        assert_eq!(
            read(&log, filter, &[1], &[3]),
            Err(VerifyError::Unasked { index: 1 })
        );
    }

    #[test]
    fn neighbours_are_chained() {
        let (log, fork) = (Log::of(4), Log::other(4, b"changed"));
        let mut notary = Notary::new(log.key.verifier().clone());
        let mixed = vec![wire(&log, 0), wire(&log, 1), wire(&fork, 2)];
        let mut sequence = Sequence::new(Filter::default(), 0);
        let read = sequence.read(mixed, &notes(&log, &[4]), &mut notary);
        assert_eq!(read, Err(VerifyError::ChainBroken { index: 2 }));
        // The chain holds across answers too.
        let mut sequence = Sequence::new(some_kind(), 0);
        let first = vec![wire(&log, 0)];
        sequence
            .read(first, &notes(&log, &[4]), &mut notary)
            .unwrap();
        let second = vec![wire(&fork, 1)];
        let read = sequence.read(second, &notes(&log, &[4]), &mut notary);
        assert_eq!(read, Err(VerifyError::ChainBroken { index: 1 }));
    }

    #[test]
    fn every_run_of_neighbours_has_an_end() {
        let log = Log::of(9);
        let ends = |indexes: &[usize]| -> Vec<u64> {
            let entries = read(&log, some_kind(), indexes, &[9]).unwrap();
            run_ends(&entries).map(Entry::index).collect()
        };
        assert_eq!(ends(&[0, 1, 2, 4, 6, 7]), [2, 4, 7]);
        assert_eq!(ends(&[5]), [5]);
        assert!(ends(&[]).is_empty());
    }

    #[test]
    fn a_cursor_moves_forward_only() {
        let mut all = Sequence::new(Filter::default(), 5);
        assert_eq!(all.skip_to(5), Ok(()));
        assert!(all.skip_to(6).is_err(), "an entry is left out");
        assert!(all.skip_to(4).is_err());
        let mut some = Sequence::new(some_kind(), 5);
        assert_eq!(some.skip_to(9), Ok(()));
        assert_eq!(some.next(), 9);
        assert!(some.skip_to(8).is_err());
    }
}
