//! What callers propose and what they get back.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::Commit;
use countersign_chain::edge::{Edge, OffEdge};
use countersign_chain::hash::Hash;
use countersign_chain::idem::IdempotencyKey;
use countersign_chain::kind::Kind;
use countersign_chain::limits::{MAX_PAYLOAD, RECORD_OVERHEAD};
use countersign_chain::principal::Principal;
use countersign_chain::proof::ProveError;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_proto::reason::Reason;
use countersign_proto::v1::ActionRefused;
use countersign_workflow::refusal::Refusal;

/// An entry that was checked as far as it can be without the log.
#[derive(Debug, Clone)]
pub struct NewEntry {
    kind: Kind,
    case: u64,
    actor: Principal,
    via: Option<Principal>,
    idem: IdempotencyKey,
    payload: Bytes,
}

/// Why values make no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewEntryError {
    /// Too long.
    #[error("payload has {0} bytes; expected at most {MAX_PAYLOAD}")]
    PayloadTooLong(usize),
    /// The same twice.
    #[error("via is the actor itself")]
    ViaIsActor,
}

impl NewEntry {
    /// An entry of `actor` without case, carrier or key.
    ///
    /// # Errors
    /// [`NewEntryError::PayloadTooLong`].
    pub fn new(kind: Kind, actor: Principal, payload: Bytes) -> Result<Self, NewEntryError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(NewEntryError::PayloadTooLong(payload.len()));
        }
        let idem = IdempotencyKey::default();
        Ok(Self {
            kind,
            case: 0,
            actor,
            via: None,
            idem,
            payload,
        })
    }

    /// Belongs to the case that this entry opened; 0 for none.
    #[must_use]
    pub const fn in_case(mut self, case: u64) -> Self {
        self.case = case;
        self
    }

    /// Carries the caller's key.
    #[must_use]
    pub fn with_key(mut self, idem: IdempotencyKey) -> Self {
        self.idem = idem;
        self
    }

    /// Was carried by someone else.
    ///
    /// # Errors
    /// [`NewEntryError::ViaIsActor`].
    pub fn via(mut self, via: Principal) -> Result<Self, NewEntryError> {
        if via == self.actor {
            return Err(NewEntryError::ViaIsActor);
        }
        self.via = Some(via);
        Ok(self)
    }

    /// Field number of the event.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Index of the entry that opened the case; 0 for none.
    #[must_use]
    pub const fn case(&self) -> u64 {
        self.case
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.actor.as_str()
    }

    /// Who carried it; empty when it is the actor.
    #[must_use]
    pub fn carrier(&self) -> &str {
        self.via.as_ref().map_or("", Principal::as_str)
    }

    /// The caller's key.
    #[must_use]
    pub const fn idem(&self) -> &IdempotencyKey {
        &self.idem
    }

    /// Bytes of the event.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Bytes of the record that it will be.
    #[must_use]
    pub fn record_len(&self) -> usize {
        RECORD_OVERHEAD
            + self.actor().len()
            + self.carrier().len()
            + self.idem.as_bytes().len()
            + self.payload.len()
    }
}

/// How the entries of a proposal belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each for itself: those that were seen before are answered with their first receipts.
    Each,
    /// All or none: either all are new, or all were seen before, together.
    AllOrNone,
}

/// A receipt for consecutive entries of one commit. It exists only when they are durable.
#[derive(Debug, Clone)]
pub struct Run {
    /// Position in the proposal of the first entry.
    pub first_position: usize,
    /// Index of the first entry.
    pub first_index: u64,
    /// Leaf hashes.
    pub leaves: Vec<Hash>,
    /// Time of the last entry.
    pub time: UnixMicros,
    /// Checkpoint of the commit.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// Whether the entries were there before.
    pub repeated: bool,
    /// Proves the entries in the tree of the checkpoint, while the commit is still at hand.
    pub prover: Option<Arc<Prover>>,
}

/// Makes inclusion proofs of the entries of one commit, from what the commit itself holds.
#[derive(Debug)]
pub struct Prover {
    before: Frontier,
    leaves: Vec<Hash>,
    /// Made by the first who asks: streams and batches never do.
    edge: OnceLock<Edge>,
}

impl Prover {
    pub(super) fn new(commit: &Commit) -> Self {
        Self {
            before: commit.before().clone(),
            leaves: commit.leaves().to_vec(),
            edge: OnceLock::new(),
        }
    }

    /// Inclusion proof of an entry of the commit in the tree of its checkpoint.
    ///
    /// # Errors
    /// [`ProveError`] for an entry of another commit.
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, ProveError<OffEdge>> {
        let edge = || Edge::new(self.before.clone(), &self.leaves);
        self.edge.get_or_init(edge).inclusion(index)
    }
}

impl Run {
    /// Number of entries of the log that it takes to hold this run.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.first_index
            .saturating_add(u64::try_from(self.leaves.len()).unwrap_or(u64::MAX))
    }
}

impl SubmitError {
    /// What the rules say.
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }

    /// The same refusal again.
    pub(super) fn refused_before(refused: &ActionRefused, index: u64) -> Self {
        let reason = Reason::parse(&refused.code).unwrap_or(Reason::Internal);
        let hint = format!("this was refused before, in entry {index}; use a new idempotency key");
        Self::refused(Refusal::new(reason, refused.message.clone(), hint))
    }
}

/// Why entries were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Position of the entry in the proposal, and the entry that has the key.
    #[error(
        "event {position} carries an idempotency key that entry {index} used for another event"
    )]
    KeyReused {
        /// Position in the proposal.
        position: usize,
        /// Entry that has the key.
        index: u64,
    },
    /// Some were seen before, some not.
    #[error("event {position} of the batch was appended before, others were not")]
    PartlyRepeated {
        /// Position of the first that differs from the rest.
        position: usize,
    },
    /// The queue has come further.
    #[error("event {position} is at a place of its queue that is passed; {next} comes next")]
    SequencePassed {
        /// Position in the proposal.
        position: usize,
        /// The number that comes next.
        next: u64,
    },
    /// Not a session of the caller.
    #[error("event {position} tells of session {session}, which its caller did not start")]
    NoSession {
        /// Position in the proposal.
        position: usize,
        /// The session.
        session: u64,
    },
    /// What it commits to is not there.
    #[error("event {position} commits to a blob that is not stored")]
    NoBlob {
        /// Position in the proposal.
        position: usize,
    },
    /// No such case.
    #[error("event {position} belongs to case {case}, but the log has {size} entries")]
    UnknownCase {
        /// Position in the proposal.
        position: usize,
        /// The case.
        case: u64,
        /// Number of entries.
        size: u64,
    },
    /// More than one commit can hold.
    #[error("{entries} events of {bytes} bytes together do not fit one commit")]
    TooLarge {
        /// Number of entries.
        entries: usize,
        /// Bytes of their records.
        bytes: usize,
    },
    /// No room.
    #[error("the disk is nearly full: {free} bytes are free, {needed} are needed")]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The rules say no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The cases are being read out of the log.
    #[error("the ledger has just started and reads the cases out of its log")]
    Replaying,
    /// The wall clock was set back, and ledger time waits for it.
    #[error("the ledger's clock is {0:?} behind its log; no access is given until it is right")]
    ClockBehind(std::time::Duration),
    /// The writer failed: nobody knows.
    #[error("the outcome is unknown: the log could not be written")]
    OutcomeUnknown,
    /// The log is closing.
    #[error("the log is shutting down")]
    ShuttingDown,
    /// An earlier entry could not be read to compare.
    #[error("cannot read entry {index} to compare: {error}")]
    Unreadable {
        /// Which.
        index: u64,
        /// Why not.
        error: String,
    },
    /// Our own mistake.
    #[error("internal error: {0}")]
    Internal(String),
}
