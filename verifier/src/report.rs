//! What a verification says: for people ([`text`]) and for scripts ([`json`]).

pub mod json;
pub mod text;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;

use crate::evidence::Evidence;
use crate::finding::Findings;
use crate::source::Copied;
use crate::walk::Checked;

/// Why the key is believed to be the log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Whoever asks brought it along.
    Pinned,
    /// The source named it itself; with what the source is.
    Unpinned(&'static str),
}

impl std::fmt::Display for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pinned => f.write_str("pinned key"),
            Self::Unpinned(source) => write!(f, "key from the {source} (not pinned)"),
        }
    }
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was changed, removed or forked, as far as the report says it was looked at.
    Intact,
    /// Something was.
    Findings,
    /// It could not be checked.
    Unknown,
}

impl Verdict {
    /// As in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Findings => "findings",
            Self::Unknown => "unknown",
        }
    }

    /// Exit code of `verify`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Findings => 1,
            Self::Unknown => 2,
        }
    }
}

/// Everything that a verification found out.
#[derive(Debug)]
pub struct Report {
    /// Under which trust the rest holds.
    pub trust: Trust,
    /// The key.
    pub key: VerifierKey,
    /// Entries that were verified.
    pub size: u64,
    /// Root over them; `None` where damage hides it.
    pub root: Option<Hash>,
    /// The newest checkpoint in the log.
    pub checkpoint: Option<SignedCheckpoint>,
    /// The newest checkpoint that was promised to someone and that the log keeps.
    pub promised: Option<SignedCheckpoint>,
    /// The largest size that was promised to someone.
    pub floor: Option<u64>,
    /// Whether no entry is missing below the largest size that was promised, or in the range of a
    /// copy.
    pub complete: bool,
    /// What a copy holds; `None` of a log itself.
    pub copied: Option<Copied>,
    /// What was found.
    pub findings: Findings,
    /// What proves it.
    pub evidence: Evidence,
    /// What was looked at.
    pub checked: Checked,
}

impl Report {
    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.findings.damage_total() == 0 {
            Verdict::Intact
        } else {
            Verdict::Findings
        }
    }
}
