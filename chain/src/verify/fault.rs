//! What a commit can be refused for.

use crate::checkpoint::CheckpointError;
use crate::hash::Hash;
use crate::record::RecordError;

/// What is wrong with an entry or a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are no record.
    #[error("entry {index}: {error}")]
    Record {
        /// Where.
        index: u64,
        /// Why.
        error: RecordError,
    },
    /// The record says that it stands elsewhere.
    #[error("entry {index}: record carries index {got}")]
    WrongIndex {
        /// Where it stands.
        index: u64,
        /// What it says.
        got: u64,
    },
    /// The chain is broken.
    #[error("entry {index}: prev is {got}; the entry before has leaf hash {expected}")]
    ChainBroken {
        /// Where.
        index: u64,
        /// Leaf hash of the entry before.
        expected: Hash,
        /// What the record says.
        got: Hash,
    },
    /// The log does not start with its opening.
    #[error("entry 0 has kind {got}; expected 1, LogOpened")]
    NotOpened {
        /// What it has.
        got: u16,
    },
    /// Time went back.
    #[error("entry {index}: time {got} is before {expected}, the time of the entry before")]
    TimeWentBack {
        /// Where.
        index: u64,
        /// Microseconds of the entry before.
        expected: u64,
        /// Microseconds of this one.
        got: u64,
    },
    /// The checkpoint cannot be trusted.
    #[error("commit that ends with entry {index}: {error}")]
    Checkpoint {
        /// Last entry of the commit.
        index: u64,
        /// Why.
        error: CheckpointError,
    },
    /// The checkpoint signs another size.
    #[error("commit that ends with entry {index}: checkpoint has size {got}; expected {expected}")]
    WrongSize {
        /// Last entry of the commit.
        index: u64,
        /// Entries up to here.
        expected: u64,
        /// What is signed.
        got: u64,
    },
    /// The checkpoint signs other entries.
    #[error("commit that ends with entry {index}: checkpoint has root {got}; expected {expected}")]
    WrongRoot {
        /// Last entry of the commit.
        index: u64,
        /// Root of what is stored.
        expected: Hash,
        /// What is signed.
        got: Hash,
    },
    /// Commits are missing, or stand twice.
    #[error("commit starts with entry {got}; expected {expected}")]
    Gap {
        /// Next entry of the log.
        expected: u64,
        /// First entry of the commit.
        got: u64,
    },
}

impl Fault {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Record { error, .. } => error.code(),
            Self::WrongIndex { .. } => "wrong-index",
            Self::ChainBroken { .. } => "chain-broken",
            Self::NotOpened { .. } => "not-opened",
            Self::TimeWentBack { .. } => "time-went-back",
            Self::Checkpoint { error, .. } => error.code(),
            Self::WrongSize { .. } => "wrong-size",
            Self::WrongRoot { .. } => "wrong-root",
            Self::Gap { .. } => "index-gap",
        }
    }

    /// Entry that the fault is about.
    #[must_use]
    pub const fn index(&self) -> u64 {
        match self {
            Self::Record { index, .. }
            | Self::WrongIndex { index, .. }
            | Self::ChainBroken { index, .. }
            | Self::TimeWentBack { index, .. }
            | Self::Checkpoint { index, .. }
            | Self::WrongSize { index, .. }
            | Self::WrongRoot { index, .. } => *index,
            Self::NotOpened { .. } => 0,
            Self::Gap { expected, .. } => *expected,
        }
    }
}
