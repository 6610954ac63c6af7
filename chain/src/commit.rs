//! How a commit is made: records are encoded and hashed as they come, then one checkpoint signs
//! them all.

use crate::checkpoint::SignedCheckpoint;
use crate::frame::{self, MAGIC, Nonce};
use crate::hash::Hash;
use crate::index::Index;
use crate::key::SigningKey;
use crate::kind::Kind;
use crate::limits::{FRAME_HEAD, MAX_COMMIT_BYTES, MAX_COMMIT_ENTRIES};
use crate::record::{Fields, RecordError};
use crate::run::Run;
use crate::time::UnixMicros;
use crate::tree::{Frontier, RunElsewhere};

/// Offset of the nonce, which only the segment that takes the frame knows.
const NONCE: std::ops::Range<usize> = FRAME_HEAD..FRAME_HEAD + 16;
/// Offset of the number of entries.
const COUNT: std::ops::Range<usize> = FRAME_HEAD + 24..FRAME_HEAD + 28;
/// Offset of the first entry.
const ENTRIES: usize = FRAME_HEAD + 28;

/// The end of a log: all that the next entry depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    frontier: Frontier,
    time: UnixMicros,
    last_leaf: Hash,
}

impl LogHead {
    /// The end of a log without entries.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            frontier: Frontier::new(),
            time: UnixMicros::EPOCH,
            last_leaf: Hash::ZERO,
        }
    }

    /// Puts a head together from what was stored.
    #[must_use]
    pub const fn new(frontier: Frontier, time: UnixMicros, last_leaf: Hash) -> Self {
        Self {
            frontier,
            time,
            last_leaf,
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Subtrees of the entries.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Time of the last entry.
    #[must_use]
    pub const fn time(&self) -> UnixMicros {
        self.time
    }

    /// Leaf hash of the last entry; zero when there is none.
    #[must_use]
    pub const fn last_leaf(&self) -> Hash {
        self.last_leaf
    }

    /// Moves the end behind one more entry.
    pub fn push(&mut self, time: UnixMicros, leaf: Hash) {
        self.frontier.push(leaf);
        self.time = time;
        self.last_leaf = leaf;
    }

    /// Moves the end behind the entries of a run, of which the last has this time and leaf hash.
    ///
    /// # Errors
    /// [`RunElsewhere`] when the run does not start at the end, which is then as it was.
    pub fn append(
        &mut self,
        run: &Run,
        (time, leaf): (UnixMicros, Hash),
    ) -> Result<(), RunElsewhere> {
        self.frontier.append(run, &mut |_level, _hash| {})?;
        self.time = time;
        self.last_leaf = leaf;
        Ok(())
    }
}

/// An entry before it has its place.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Field number of the event.
    pub kind: Kind,
    /// What the clock says; the entry gets the time of the one before when that is later.
    pub now: UnixMicros,
    /// Index of the entry that opened the case; 0 for none.
    pub case: u64,
    /// Principal that acts.
    pub actor: &'a str,
    /// Client that carried it; empty when it is the actor.
    pub via: &'a str,
    /// Idempotency key; empty for none.
    pub idem: &'a [u8],
    /// Bytes of the event message.
    pub payload: &'a [u8],
}

/// A commit that still takes entries.
#[derive(Debug)]
pub struct CommitBuilder {
    frame: Vec<u8>,
    before: Frontier,
    head: LogHead,
    leaves: Vec<Hash>,
    ends: Vec<usize>,
}

impl CommitBuilder {
    /// Starts the commit that follows `head`.
    #[must_use]
    pub fn after(head: &LogHead) -> Self {
        let mut frame = Vec::with_capacity(4_096);
        frame.resize(NONCE.end, 0);
        frame.extend_from_slice(&head.size().to_be_bytes());
        frame.resize(ENTRIES, 0);
        let (leaves, ends) = (Vec::new(), Vec::new());
        Self {
            frame,
            before: head.frontier().clone(),
            head: head.clone(),
            leaves,
            ends,
        }
    }

    /// Number of entries so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.leaves.len()
    }

    /// Index that the next entry gets.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.head.size()
    }

    /// The log as it will be after this commit.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// Whether this many more entries, of so many record bytes together, fit into the commit.
    #[must_use]
    pub fn fits(&self, entries: usize, record_bytes: usize) -> bool {
        let bytes = self.frame.len().saturating_sub(ENTRIES);
        let more = record_bytes.saturating_add(entries.saturating_mul(2));
        self.count().saturating_add(entries) <= MAX_COMMIT_ENTRIES
            && bytes.saturating_add(more) <= MAX_COMMIT_BYTES
    }

    /// Gives the draft its index, time and place in the chain.
    ///
    /// # Errors
    /// [`RecordError`] when a field breaks a rule of docs/format.md; the commit is then as it was.
    pub fn push(&mut self, draft: &Draft<'_>) -> Result<Hash, RecordError> {
        let fields = Fields {
            kind: draft.kind,
            index: Index::new(self.head.size())?,
            time: draft.now.max(self.head.time()),
            prev: self.head.last_leaf(),
            case: draft.case,
            actor: draft.actor,
            via: draft.via,
            idem: draft.idem,
            payload: draft.payload,
        };
        let len = fields.encoded_len();
        let prefix = u16::try_from(len).map_err(|_too_long| RecordError::TooLong(len))?;
        let start = self.frame.len();
        self.frame.extend_from_slice(&prefix.to_be_bytes());
        if let Err(error) = fields.encode_into(&mut self.frame) {
            self.frame.truncate(start);
            return Err(error);
        }
        let record = self
            .frame
            .get(start.saturating_add(2)..)
            .unwrap_or_default();
        let leaf = crate::hash::leaf(record);
        self.head.push(fields.time, leaf);
        self.leaves.push(leaf);
        self.ends.push(self.frame.len());
        Ok(leaf)
    }

    /// Bytes of the record at this position of the commit.
    #[must_use]
    pub fn record(&self, position: usize) -> Option<&[u8]> {
        record_at(&self.frame, &self.ends, position)
    }

    /// Signs the log up to and including these entries. `None` when there are none.
    #[must_use]
    pub fn finish(mut self, key: &SigningKey) -> Option<Commit> {
        if self.leaves.is_empty() {
            return None;
        }
        let count = u32::try_from(self.leaves.len()).ok()?;
        self.frame
            .get_mut(COUNT)?
            .copy_from_slice(&count.to_be_bytes());
        let checkpoint = SignedCheckpoint::sign(self.head.size(), self.head.frontier().root(), key);
        let note = checkpoint.text().as_bytes();
        self.frame
            .extend_from_slice(&u16::try_from(note.len()).ok()?.to_be_bytes());
        self.frame.extend_from_slice(note);
        let body = self.frame.len().saturating_sub(FRAME_HEAD);
        self.frame.resize(frame::padded_len(body), 0);
        let length = u32::try_from(body).ok()?;
        self.frame.get_mut(..4)?.copy_from_slice(&MAGIC);
        self.frame
            .get_mut(4..8)?
            .copy_from_slice(&length.to_be_bytes());
        let Self {
            frame,
            before,
            head,
            leaves,
            ends,
        } = self;
        Some(Commit {
            frame,
            body,
            before,
            head,
            leaves,
            ends,
            checkpoint,
        })
    }
}

/// A signed commit, ready to be stored.
#[derive(Debug)]
pub struct Commit {
    frame: Vec<u8>,
    body: usize,
    before: Frontier,
    head: LogHead,
    leaves: Vec<Hash>,
    ends: Vec<usize>,
    checkpoint: SignedCheckpoint,
}

impl Commit {
    /// Puts the segment's nonce and the checksum in, and gives the bytes to be written.
    pub fn seal(&mut self, nonce: &Nonce) -> &[u8] {
        if let Some(place) = self.frame.get_mut(NONCE) {
            place.copy_from_slice(&nonce.0);
        }
        let end = FRAME_HEAD.saturating_add(self.body);
        let length = self.frame.get(4..8).unwrap_or_default();
        let body = self.frame.get(FRAME_HEAD..end).unwrap_or_default();
        let crc = frame::checksum(length, body).to_be_bytes();
        if let Some(place) = self.frame.get_mut(8..12) {
            place.copy_from_slice(&crc);
        }
        &self.frame
    }

    /// Number of bytes of the frame.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        self.frame.len()
    }

    /// Index of the first entry.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.before.size()
    }

    /// The tree before the commit.
    #[must_use]
    pub const fn before(&self) -> &Frontier {
        &self.before
    }

    /// Leaf hashes of the entries.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The log after this commit.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// The checkpoint that signs it.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Bytes of the record at this position of the commit.
    #[must_use]
    pub fn record(&self, position: usize) -> Option<&[u8]> {
        record_at(&self.frame, &self.ends, position)
    }

    /// All records in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|position| self.record(position))
    }
}

fn record_at<'a>(frame: &'a [u8], ends: &[usize], position: usize) -> Option<&'a [u8]> {
    let before = match position.checked_sub(1) {
        None => ENTRIES,
        Some(before) => *ends.get(before)?,
    };
    frame.get(before.saturating_add(2)..*ends.get(position)?)
}
