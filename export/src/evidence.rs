//! The evidence of one case: a file that somebody who has nothing else can read and prove.
//!
//! It is a zip archive: a page for people, the records with their proofs, the policies that judged,
//! what sessions showed, and a manifest with the digests of all of it. The log signs the manifest
//! (ADR 7): its `ReportCreated` entry and the proof of that come last.

mod manifest;
mod page;
mod writer;

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::tlog_proof::TlogProof;
use countersign_proto::event::{EventError, Known};

pub use self::manifest::{BadManifest, Manifest, MissingPart, NamedFile};
pub use self::writer::{BundleError, BundleWriter};

/// Name of the manifest in the archive.
pub const MANIFEST: &str = "manifest.json";
/// Name of the proof of the entry that names the manifest's digest: a C2SP tlog-proof with the
/// record on its line `extra`, as beside the manifest of an export.
pub const MANIFEST_PROOF: &str = "manifest.proof";
/// Folder of the records and their proofs.
pub const ENTRIES: &str = "entries/";
/// Folder of what sessions showed.
pub const RECORDINGS: &str = "recordings/";
/// Folder of the policies that judged.
pub const POLICIES: &str = "policies/";

/// What a bundle is about, before anything is written.
#[derive(Debug)]
pub struct Evidence {
    /// Number of the case.
    pub case: u64,
    /// The key that signs the log.
    pub key: VerifierKey,
    /// The signed tree that all proofs lead to.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// The entries in order of their indexes: those of the case, and those that they name.
    pub entries: Vec<Proved>,
    /// The policies by the index of their entry, as files: name and text.
    pub policies: Vec<(u64, Vec<(String, String)>)>,
}

/// A record with the proof that it is in the tree.
#[derive(Debug, Clone)]
pub struct Proved {
    record: Vec<u8>,
    index: u64,
    case: u64,
    leaf: Hash,
    proof: String,
}

/// The record is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an entry of the ledger is no record: {0}")]
pub struct NoRecord(#[from] countersign_chain::record::RecordError);

impl Proved {
    /// A record that was proved to be in the tree of `checkpoint`.
    ///
    /// # Errors
    /// [`NoRecord`].
    pub fn new(
        record: Vec<u8>,
        hashes: Vec<Hash>,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Self, NoRecord> {
        let parsed = Record::parse(&record)?;
        let (index, case, leaf) = (parsed.index().get(), parsed.case(), parsed.leaf());
        let checkpoint = checkpoint.text().to_owned();
        let proof = TlogProof {
            index,
            hashes,
            checkpoint,
        };
        Ok(Self {
            index,
            case,
            leaf,
            proof: proof.to_text(),
            record,
        })
    }

    /// Index of the entry.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The case that it belongs to, or opens.
    #[must_use]
    pub const fn case(&self) -> u64 {
        self.case
    }

    /// Its leaf hash.
    #[must_use]
    pub const fn leaf(&self) -> Hash {
        self.leaf
    }

    /// The bytes of the record.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// The C2SP tlog-proof.
    #[must_use]
    pub fn proof(&self) -> &str {
        &self.proof
    }

    /// The record.
    ///
    /// # Errors
    /// Never for a value that [`Proved::new`] made.
    pub fn record(&self) -> Result<Record<'_>, NoRecord> {
        Ok(Record::parse(&self.record)?)
    }

    /// What it says.
    ///
    /// # Errors
    /// [`EventError`] when this version cannot read it.
    pub fn event(&self) -> Result<Known, EventError> {
        match self.record() {
            Ok(record) => Known::decode(record.kind().get(), record.payload()),
            Err(_) => Err(EventError::Missing),
        }
    }
}

/// Indexes of entries outside of the case that this event builds on: policies, places that were
/// given to somebody else, accounts that belong to people.
#[must_use]
pub fn names(event: &Known) -> Vec<u64> {
    let mut named = match event {
        Known::AccessRequested(it) => vec![it.policy],
        Known::BreakGlassInvoked(it) => vec![it.policy],
        Known::ExtensionRequested(it) => vec![it.policy],
        Known::ReviewRecorded(it) => vec![it.delegation],
        _ => Vec::new(),
    };
    named.extend(event.evidence().map(|evidence| evidence.link));
    named.retain(|index| *index != 0);
    named
}

/// Name of a file of an entry, without its ending: digits enough that names sort as numbers do.
#[must_use]
pub fn entry_name(index: u64) -> String {
    format!("{ENTRIES}{index:012}")
}

/// Name of the file with what a session showed.
#[must_use]
pub fn recording_name(session: u64) -> String {
    format!("{RECORDINGS}{session:012}.cast.zst")
}
