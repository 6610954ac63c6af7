//! The manifest of a bundle: what is in it.

use countersign_chain::hash::{Hash, digest};
use serde::{Deserialize, Serialize};

/// The only form there is.
const FORMAT: &str = "countersign-evidence-1";

/// What a bundle holds, with the digests of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Number of the case.
    pub case: u64,
    /// Origin of the log.
    pub origin: String,
    /// The key that signs it, in C2SP vkey form.
    pub vkey: String,
    /// Size of the tree that all proofs lead to.
    pub size: u64,
    /// Whether the case is closed: then its last entry says which entries it has.
    pub closed: bool,
    /// Number of entries.
    pub entries: u64,
    /// Parts of recordings that the ledger does not have any more.
    pub missing: Vec<MissingPart>,
    /// Every other file but the proof of this one, in order of their names.
    pub files: Vec<NamedFile>,
}

/// A part of a recording that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingPart {
    /// Number of the session.
    pub session: u64,
    /// Its place among the parts, from 1.
    pub part: u64,
    /// Why.
    pub why: String,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFile {
    /// Its name in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// Not the form.
    #[error("it is no manifest of a bundle: {0}")]
    Form(#[from] serde_json::Error),
    /// Another version's.
    #[error("its format is {0:?}; this version reads {FORMAT}")]
    Format(String),
}

impl Manifest {
    /// An empty one.
    #[must_use]
    pub fn new(case: u64, origin: String, vkey: String, size: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            case,
            origin,
            vkey,
            size,
            closed: false,
            entries: 0,
            missing: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Its bytes: the same for the same content.
    ///
    /// # Errors
    /// Never for a manifest of numbers and texts.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`BadManifest`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadManifest> {
        let read: Self = serde_json::from_slice(bytes)?;
        if read.format == FORMAT {
            Ok(read)
        } else {
            Err(BadManifest::Format(read.format))
        }
    }

    /// The digest that the log's entry names.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Hash {
        digest(bytes)
    }
}
