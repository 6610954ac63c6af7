//! Following log files: each line becomes one entry, once.
//!
//! A file is read from where the last run was sealed, or from its beginning. Rotation is survived:
//! the renamed file is read to its end before the new one is begun. What can be lost, lines between
//! the last look and a truncation, or a file that was rotated and removed while nobody read it,
//! becomes a `SpoolGap`.
//!
//! # Once, in effect
//!
//! The idempotency key of a line is `t:<file>:<offset>`, where `<file>` is a digest of the agent's
//! name, the path, and what identifies the file: device, inode, the hash of its first line, and how
//! often the file at this path was replaced. The state file moves on only to what the ledger has
//! sealed. So:
//!
//! - the collector dies after sending: the next run reads the same lines and sends them under the
//!   same keys;
//! - the ledger dies after writing: the stream repeats, and the ledger answers with the first
//!   receipts;
//! - the state file is lost: files that were not replaced since get the same keys.
//!
//! A line from which secrets were taken out has a digest of what is left behind its key: read by
//! other rules it is another event. The place does not move within a private key, so that the next
//! run sees its beginning, too.

pub(crate) mod content;
pub(crate) mod file;
pub(crate) mod follower;
mod loss;
mod redaction;
mod run;
pub(crate) mod siblings;
pub(crate) mod state;
mod successor;
pub(crate) mod trouble;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::limits::{MAX_FILES, POLL_INTERVAL};
use crate::parse::Format;
use crate::redact::Redactor;
use crate::sink::SinkError;

pub use run::tail;
pub use state::StateError;

/// A file to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Where it is. The path is part of the source and of the keys: give it the same way each time.
    pub path: PathBuf,
    /// How its lines are read.
    pub format: Format,
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// When it is asked to stop.
    #[default]
    Stopped,
    /// When every file is read to its end.
    End(LastLine),
}

/// What a run that ends with its files does with a last line that has no line end yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLine {
    /// It is taken as it is, and marked as `unterminated`.
    Taken,
    /// It is left for the next run, which may find it whole.
    Left,
}

/// How files are followed.
#[derive(Debug, Clone)]
pub struct Options {
    /// 1 to 1,024 files.
    pub files: Vec<Watched>,
    /// Name of the agent; part of the keys.
    pub agent: String,
    /// File with the places that are sealed; `None` begins anew each time.
    pub state: Option<PathBuf>,
    /// When the run ends.
    pub until: Until,
    /// Pause between two looks at files that have nothing new.
    pub interval: Duration,
    /// Zone of times in the files that name none.
    pub zone: TimeZone,
    /// Takes secrets out of lines before they are sent; `None` sends them as they are.
    pub redactor: Option<Redactor>,
}

impl Options {
    /// Follows these files until it is asked to stop, without a state file, in the zone of the
    /// system. No secret is taken out.
    #[must_use]
    pub fn new(files: Vec<Watched>, agent: impl Into<String>) -> Self {
        Self {
            files,
            agent: agent.into(),
            state: None,
            until: Until::default(),
            interval: POLL_INTERVAL,
            zone: TimeZone::system(),
            redactor: None,
        }
    }

    fn check(&self) -> Result<(), TailError> {
        if self.files.is_empty() || self.files.len() > MAX_FILES {
            return Err(TailError::Files(self.files.len()));
        }
        for (at, file) in self.files.iter().enumerate() {
            if self.files[..at].iter().any(|other| other.path == file.path) {
                return Err(TailError::Twice(file.path.clone()));
            }
        }
        Ok(())
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Events that were handed over, entries about the run included.
    pub sent: u64,
    /// Events that are sealed.
    pub acknowledged: u64,
    /// Events that were handed over and are about the run: its start and its stop.
    pub about: u64,
    /// Events that were handed over and say that lines are lost.
    pub gaps: u64,
    /// Files that end within a line, which is left for the next run.
    pub unfinished: u64,
}

impl Summary {
    /// Lines that were handed over; a long one counts for each of its parts.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.sent - self.about - self.gaps
    }
}

/// Why a run ended early. The places of what was sealed are stored.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// No file, or too many.
    #[error("expected 1 to {MAX_FILES} files, got {0}")]
    Files(usize),
    /// A file is named twice.
    #[error("expected each file once, got {} twice", .0.display())]
    Twice(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The places cannot be read or stored.
    #[error(transparent)]
    State(#[from] StateError),
    /// The sink ended.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The operating system gave no random bytes for the name of the run.
    #[error("cannot make a name for the run: {0}")]
    Random(io::Error),
}
