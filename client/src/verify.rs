//! What can be wrong with an answer, and the checks that every kind of answer shares.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use countersign_chain::checkpoint::{CheckpointError, SignedCheckpoint};
use countersign_chain::key::VerifierKey;
use countersign_chain::proof::ProofError;
use countersign_proto::convert::{EntryError, HashesError, ProofFieldError, TimeError};
use parking_lot::Mutex;

use crate::limits::OPENED_NOTES;

/// Why an answer is not believed.
///
/// None of these comes from an honest ledger whose key is the trusted one; the entries that an
/// answer speaks of must not be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A part of the answer is missing.
    #[error("expected `{0}` in the answer, got none")]
    Missing(&'static str),
    /// The checkpoint is not signed by the trusted key.
    #[error("checkpoint is not to be trusted ({code}): {source}", code = source.code())]
    Checkpoint {
        /// Why.
        source: CheckpointError,
        /// The note as it came.
        note: String,
    },
    /// The checkpoint does not reach the entry.
    #[error("expected a checkpoint of more than {index} entries, got one of {size}")]
    NotCovered {
        /// Index of the entry.
        index: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// No checkpoint was signed at this size.
    #[error(
        "no commit ended at size {0}, so that nothing signs a tree of it; ask for size 0, the \
         newest"
    )]
    NotSigned(u64),
    /// The answer is about something else.
    #[error("expected {field} {expected} in the answer, got {got}")]
    Other {
        /// What.
        field: &'static str,
        /// As asked.
        expected: String,
        /// As answered.
        got: String,
    },
    /// The entry is not what its record says, or has no record.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A hash has another length.
    #[error(transparent)]
    Hashes(#[from] HashesError),
    /// The proof is not of its form.
    #[error(transparent)]
    ProofField(#[from] ProofFieldError),
    /// The proof does not hold.
    #[error("proof does not hold under the checkpoint: {0}")]
    Proof(#[from] ProofError),
    /// The time is none.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// The entry does not follow the one before.
    #[error("entry {index} does not carry the leaf hash of the entry before it")]
    ChainBroken {
        /// Index of the entry.
        index: u64,
    },
    /// The entry was not asked for.
    #[error("entry {index} does not match the filter")]
    Unasked {
        /// Index of the entry.
        index: u64,
    },
    /// Entries do not stand in order, or some are left out.
    #[error("expected entry {expected}{} next, got {got}", or_later(*.exactly))]
    Order {
        /// Lowest index that may follow.
        expected: u64,
        /// What followed.
        got: u64,
        /// Whether a later one is wrong as well.
        exactly: bool,
    },
}

impl VerifyError {
    pub(crate) fn other(field: &'static str, expected: impl Display, got: impl Display) -> Self {
        Self::Other {
            field,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

const fn or_later(exactly: bool) -> &'static str {
    if exactly { "" } else { " or a later one" }
}

/// Notes that were opened lately, for all callers of a client.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<VecDeque<Arc<SignedCheckpoint>>>);

impl Opened {
    /// The checkpoint in a note. Callers that bring the same note wait for the first of them, so
    /// that its signature is checked once.
    fn open(&self, note: &str, key: &VerifierKey) -> Result<Arc<SignedCheckpoint>, VerifyError> {
        let mut known = self.0.lock();
        if let Some(found) = known.iter().find(|opened| opened.text() == note) {
            return Ok(Arc::clone(found));
        }
        let opened = SignedCheckpoint::open(note, key);
        let opened = Arc::new(opened.map_err(|source| VerifyError::Checkpoint {
            source,
            note: note.to_owned(),
        })?);
        known.truncate(OPENED_NOTES - 1);
        known.push_front(Arc::clone(&opened));
        Ok(opened)
    }
}

/// Opens notes under the trusted key. The last one is kept: receipts and entries of one commit
/// share theirs, and a signature costs more than everything else about them.
#[derive(Debug)]
pub(crate) struct Notary {
    key: VerifierKey,
    opened: Arc<Opened>,
    last: Option<Arc<SignedCheckpoint>>,
}

impl Notary {
    pub(crate) fn new(key: VerifierKey) -> Self {
        Self::sharing(key, Arc::default())
    }

    /// Knows what others opened under the same key.
    pub(crate) const fn sharing(key: VerifierKey, opened: Arc<Opened>) -> Self {
        let last = None;
        Self { key, opened, last }
    }

    /// The checkpoint in a note that the trusted key signed.
    pub(crate) fn open(&mut self, note: &str) -> Result<Arc<SignedCheckpoint>, VerifyError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.text() == note) {
            return Ok(Arc::clone(last));
        }
        let opened = self.opened.open(note, &self.key)?;
        self.last = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// Checks that a checkpoint reaches an entry.
pub(crate) fn covers(checkpoint: &SignedCheckpoint, index: u64) -> Result<(), VerifyError> {
    if index < checkpoint.size() {
        Ok(())
    } else {
        Err(VerifyError::NotCovered {
            index,
            size: checkpoint.size(),
        })
    }
}

/// Checks that the answer speaks of the log that was asked for.
pub(crate) fn same_log(expected: &str, got: &str) -> Result<(), VerifyError> {
    if expected == got {
        Ok(())
    } else {
        Err(VerifyError::other("log", expected, got))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A log in memory, built with the code that a ledger uses, to be right or wrong on purpose.

    use std::convert::Infallible;

    use bytes::Bytes;
    use countersign_chain::checkpoint::SignedCheckpoint;
    use countersign_chain::hash::{self, Hash};
    use countersign_chain::index::Index;
    use countersign_chain::key::SigningKey;
    use countersign_chain::kind::Kind;
    use countersign_chain::origin::Origin;
    use countersign_chain::proof::{self, HashReader};
    use countersign_chain::record::Fields;
    use countersign_chain::time::UnixMicros;
    use countersign_chain::tree::Frontier;

    pub(crate) struct Log {
        pub(crate) key: SigningKey,
        records: Vec<Bytes>,
    }

    impl Log {
        /// A log of this many entries.
        pub(crate) fn of(size: u64) -> Self {
            Self::other(size, b"payload")
        }

        /// The same log with something else in its entries, under the same key: a fork.
        pub(crate) fn other(size: u64, payload: &[u8]) -> Self {
            let origin = Origin::parse("log.example/main").unwrap();
            let key = SigningKey::from_seed(origin, &[7; 32]).unwrap();
            let mut records: Vec<Bytes> = Vec::new();
            for index in 0..size {
                let prev = records
                    .last()
                    .map_or(Hash::ZERO, |record| hash::leaf(record));
                let fields = Fields {
                    kind: Kind::new(140).unwrap(),
                    index: Index::new(index).unwrap(),
                    time: UnixMicros::new(1_767_225_600_000_000 + index).unwrap(),
                    prev,
                    case: 0,
                    actor: "agent:db-prod-1",
                    via: "",
                    idem: b"key",
                    payload,
                };
                let mut bytes = Vec::new();
                fields.encode_into(&mut bytes).unwrap();
                records.push(Bytes::from(bytes));
            }
            Self { key, records }
        }

        pub(crate) fn record(&self, index: usize) -> Bytes {
            self.records[index].clone()
        }

        pub(crate) fn leaf(&self, index: usize) -> Hash {
            hash::leaf(&self.records[index])
        }

        pub(crate) fn checkpoint(&self, size: u64) -> SignedCheckpoint {
            SignedCheckpoint::sign(size, proof::root(size, self).unwrap(), &self.key)
        }

        pub(crate) fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
            proof::inclusion(index, size, self).unwrap()
        }

        pub(crate) fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
            proof::consistency(old, new, self).unwrap()
        }
    }

    impl HashReader for Log {
        type Error = Infallible;

        fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
            let start = usize::try_from(index << level).unwrap();
            let mut tree = Frontier::new();
            for record in &self.records[start..start + (1 << level)] {
                tree.push(hash::leaf(record));
            }
            Ok(tree.root())
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::key::SigningKey;
    use countersign_chain::origin::Origin;

    use super::testing::Log;
    use super::*;

    #[test]
    fn only_the_trusted_key_opens_a_note() {
        let log = Log::of(3);
        let note = log.checkpoint(3);
        let mut notary = Notary::new(log.key.verifier().clone());
        assert_eq!(*notary.open(note.text()).unwrap(), note);
        // The kept note is compared, not looked up by anything that a forger could copy.
        let forged = note.text().replace("\n3\n", "\n4\n");
        let error = notary.open(&forged).unwrap_err();
        assert!(matches!(&error, VerifyError::Checkpoint { note, .. } if *note == forged));

        let origin = Origin::parse("log.example/main").unwrap();
        let stranger = SigningKey::from_seed(origin, &[8; 32]).unwrap();
        let mut notary = Notary::new(stranger.verifier().clone());
        let error = notary.open(note.text()).unwrap_err();
        let VerifyError::Checkpoint { source, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(source.code(), "no-known-signature");
    }

    #[test]
    fn a_checkpoint_covers_what_is_below_its_size() {
        let checkpoint = Log::of(3).checkpoint(3);
        assert_eq!(covers(&checkpoint, 2), Ok(()));
        assert_eq!(
            covers(&checkpoint, 3),
            Err(VerifyError::NotCovered { index: 3, size: 3 })
        );
    }
}
