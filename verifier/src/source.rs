//! Where a log is read from. A source hands over commits in order and says what it was promised; it
//! judges nothing but its own container.

pub mod folder;
mod head;
pub mod parquet;
mod segments;
pub mod server;

pub(crate) use head::open;

use std::path::PathBuf;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;

use crate::finding::Findings;
use crate::window::Window;

/// Why a source could not be read, so that nothing can be said about the log.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The disk says no.
    #[error("cannot read {path}: {error}")]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Something else lies there.
    #[error("{path} holds no log: expected a folder with IDENTITY or segments, or logs/{log}")]
    NoLog {
        /// What was opened.
        path: PathBuf,
        /// Name of the log.
        log: String,
    },
    /// A server does not answer, or answers something else.
    #[error("cannot read from {address}: {reason}")]
    Server {
        /// Where.
        address: String,
        /// Why not.
        reason: String,
    },
}

/// Who holds a signed checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A slot of the durable head, with what else it says about the end of the log.
    Head(HeadEnd),
    /// The published checkpoint.
    Published,
    /// The server that is asked.
    Server,
    /// This verifier, since the last time.
    Remembered,
    /// Whoever starts the verifier; with the name of the file.
    Supplied(String),
    /// A file of a copy; with its name.
    Copy(String),
}

/// What of a log a source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it, from entry 0 on.
    Log,
    /// Every entry behind this head.
    Range(Box<LogHead>),
    /// Some entries.
    Chosen,
}

/// Who took an export, as the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Index of the entry.
    pub index: u64,
    /// Principal.
    pub actor: String,
}

/// What a copy of a log holds, once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Index of the first entry of its range.
    pub first: u64,
    /// Index behind the last one.
    pub end: u64,
    /// Whether it says that every entry of the range is there.
    pub whole: bool,
    /// Number of files.
    pub files: u64,
    /// Number of rows.
    pub rows: u64,
    /// Rows that their own proofs led to signed roots.
    pub alone: u64,
    /// Signatures that were checked for those.
    pub signatures: u64,
    /// Who took it, where that is proved.
    pub recorded: Option<Recorded>,
}

/// What a head slot says about the end of the log, beyond its checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadEnd {
    /// `A` or `B`.
    pub slot: char,
    /// Microseconds of the last entry.
    pub time: u64,
    /// Its leaf hash.
    pub last_leaf: Hash,
    /// First index of its segment.
    pub segment: u64,
    /// File offset behind its commit.
    pub offset: u64,
}

/// A checkpoint that the log must agree with. Its signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Whose it is.
    pub holder: Holder,
    /// Size and root that were signed.
    pub checkpoint: SignedCheckpoint,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head(end) => write!(f, "slot {} of the durable head", end.slot),
            Self::Published => f.write_str("the published checkpoint"),
            Self::Server => f.write_str("the checkpoint of the server"),
            Self::Remembered => f.write_str("the remembered checkpoint"),
            Self::Supplied(name) => write!(f, "the checkpoint in {name}"),
            Self::Copy(name) => write!(f, "the checkpoint of {name}"),
        }
    }
}

/// A log that can be read from its start to its end, on another thread than it is checked.
pub trait Source: Send {
    /// What the source is, in a word: `folder`, `server`, `file` or `export`.
    fn name(&self) -> &'static str;

    /// The keys that the source says its log is signed with, the most trustworthy first.
    fn vkeys(&self) -> Vec<String>;

    /// The checkpoints that it promises to hold, judged with the key that is trusted. Called once,
    /// before [`Source::next`].
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    fn promises(
        &mut self,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Result<Vec<Promise>, SourceError>;

    /// The next commits; `None` at the end. What is wrong with the container goes into `findings`.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Window>, SourceError>;

    /// What is only known at the end of what a source is, and belongs before what was found in it.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    fn end(&mut self, _findings: &mut Findings) -> Result<(), SourceError> {
        Ok(())
    }

    /// Takes back the bytes of a window that was checked: the room of the next one.
    fn reuse(&mut self, _bytes: Vec<u8>) {}

    /// What of the log it holds. Called once, behind [`Source::promises`].
    fn scope(&mut self) -> Scope {
        Scope::Log
    }

    /// What a copy holds; `None` of a log itself. Called at the end.
    fn copied(&self) -> Option<Copied> {
        None
    }

    /// Bytes to read in all, as far as that is known.
    fn total_bytes(&self) -> u64;

    /// Folder of the blobs, where the source has them; it need not exist.
    fn blob_folder(&self) -> Option<PathBuf> {
        None
    }

    /// Folder of the stored tree hashes, where there is one.
    fn tree_folder(&self) -> Option<PathBuf>;
}
