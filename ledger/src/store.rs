//! Where commits become durable: the contract that every store keeps.
//!
//! A store holds one log: a sequence of commits, each written whole or not at all. It decides
//! nothing. One writer calls [`LogStore::append`] and [`LogStore::seal`]; any number of readers
//! call the rest at the same time.
//!
//! - `append` returns only when the commit is durable. A commit that does not follow the durable
//!   head is a [`AppendError::Conflict`] and changes nothing. [`AppendError::Full`] changes nothing
//!   either and may be tried again. After [`AppendError::Poisoned`] nobody knows what is stored:
//!   the store refuses every later append, and only opening it anew tells.
//! - `read` returns what is durable and nothing else.
//! - `seal` makes the durable head the floor: after it returned, opening the store finds at least
//!   that many entries or fails loudly.
//! - `fence` makes every append of an older epoch a conflict. A store that only one process can
//!   open counts epochs by openings.

use std::io;

use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{Commit, LogHead};
use countersign_chain::frame::{Frame, FrameError, Nonce};
use countersign_chain::key::VerifierKey;

pub mod memory;
pub mod segment;

/// Why a commit was not stored, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another end of the log than the commit was built on.
    #[error("commit starts at {got}; the log ends at {expected}")]
    Conflict {
        /// Durable size.
        expected: u64,
        /// First index of the commit.
        got: u64,
    },
    /// No room; nothing was written.
    #[error("no room for {needed} bytes: {free} bytes are free")]
    Full {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A write or sync failed: the commit may be stored or not.
    #[error("store is poisoned, the outcome of the last commit is unknown: {0}")]
    Poisoned(io::Error),
}

/// Why entries could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Beyond the durable end.
    #[error("entry {index} is not in the log; it has {size} entries")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// Durable size.
        size: u64,
    },
    /// The disk says no.
    #[error("cannot read the log: {0}")]
    Io(#[from] io::Error),
    /// The bytes are not what was written.
    #[error("the log is damaged near entry {index}: {error}")]
    Damaged {
        /// Where.
        index: u64,
        /// Why.
        error: FrameError,
    },
}

/// Consecutive frames as they are stored.
#[derive(Debug, Clone)]
pub struct FrameRun {
    bytes: Bytes,
    nonce: Nonce,
}

impl FrameRun {
    /// Whole frames of one segment, one after the other.
    #[must_use]
    pub const fn new(bytes: Bytes, nonce: Nonce) -> Self {
        Self { bytes, nonce }
    }

    /// The bytes of all frames; slices of records can be cut out without a copy.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The frames, checked again on the way.
    pub fn frames(&self) -> impl Iterator<Item = Result<Frame<'_>, FrameError>> {
        let mut rest: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let frame = Frame::parse(rest, &self.nonce).transpose()?;
            rest = match &frame {
                Ok(frame) => rest.get(frame.len()..).unwrap_or_default(),
                Err(_) => &[],
            };
            Some(frame)
        })
    }
}

/// The durable end of a log with the checkpoint that signs it.
#[derive(Debug, Clone)]
pub struct DurableHead {
    /// Size, time, last leaf and frontier.
    pub head: LogHead,
    /// Checkpoint of the last commit; `None` for an empty log.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// A store of one log.
pub trait LogStore: Send + Sync + std::fmt::Debug {
    /// Key that signs the log's checkpoints.
    fn key(&self) -> VerifierKey;

    /// The durable end.
    fn head(&self) -> DurableHead;

    /// Makes a commit durable. `epoch` is what [`LogStore::fence`] gave to the caller. Only
    /// [`Space::Reserve`] may use the last bytes that a full disk leaves.
    ///
    /// # Errors
    /// See the contract at the top of this file.
    fn append(&self, epoch: u64, commit: &mut Commit, space: Space) -> Result<(), AppendError>;

    /// Frames from the one that holds entry `from` on: at least one, and no more than about
    /// `max_bytes`.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] at and beyond the durable size.
    fn read(&self, from: u64, max_bytes: usize) -> Result<FrameRun, ReadError>;

    /// Records the durable head as the floor and returns it.
    ///
    /// # Errors
    /// [`AppendError::Poisoned`] when that failed.
    fn seal(&self) -> Result<DurableHead, AppendError>;

    /// The newest head that was sealed.
    fn sealed(&self) -> DurableHead;

    /// Starts a new epoch and returns it.
    ///
    /// # Errors
    /// [`AppendError::Poisoned`] when the store cannot tell.
    fn fence(&self) -> Result<u64, AppendError>;

    /// Prepares space for what comes next. A housekeeper calls it now and then; while it answers
    /// [`Room::Low`], only the ledger's own entries may be appended.
    ///
    /// # Errors
    /// What the file system says.
    fn make_room(&self) -> io::Result<Room>;
}

/// Which space a commit may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// What is there for everyone.
    Common,
    /// Also what is kept for the ledger's own last words: that the disk is full, that it stops.
    Reserve,
}

/// Room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// What comes next has its space.
    Enough,
    /// It has not.
    Low {
        /// Free bytes.
        free: u64,
        /// Bytes that would be needed.
        needed: u64,
    },
}
