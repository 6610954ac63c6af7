//! The manifest of an export: which files belong to it, and what they hold.
//!
//! It is written last. A folder without one holds no whole export. The log signs its digest
//! (docs/adr/0007-exports-prove-themselves.md).

mod proof;

use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use serde::{Deserialize, Serialize};

pub use proof::{RecordProof, RecordProofError};

/// Version of the manifest's form.
pub const FORMAT: &str = "countersign-export-1";
/// Name of the manifest in the folder of an export.
pub const FILE: &str = "manifest.json";
/// Name of what is known of an export that is not whole yet: of the same form.
pub const PARTIAL: &str = "manifest.partial.json";
/// Name of the proof that the log knows the manifest.
pub const PROOF: &str = "manifest.proof";

/// The files of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// What the files are made for.
    pub preset: String,
    /// Name of the log on its ledger.
    pub log: String,
    /// Verifier key of the log; its name is the log's origin.
    pub vkey: String,
    /// Index of the first entry of the range.
    pub first: u64,
    /// Index behind the last entry of the range.
    pub end: u64,
    /// Which entries of the range were chosen, as on the command line; empty for all.
    pub filter: String,
    /// Number of rows in all files.
    pub rows: u64,
    /// How the files are made, as on the command line; the same range with other settings gives
    /// other files.
    pub settings: String,
    /// Whether the log knows of the export, so that [`PROOF`] must be there.
    pub recorded: bool,
    /// Signed note of the commit that holds the last entry of the range.
    pub checkpoint: String,
    /// The files, in order.
    pub files: Vec<File>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path below the folder, with `/` between the names.
    pub path: String,
    /// Index of the first entry that it is about.
    pub first: u64,
    /// Index behind the last one.
    pub end: u64,
    /// Number of rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// Leaf hash of the entry before `end`, in hexadecimal.
    pub last_leaf: String,
}

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not of the form.
    #[error("not the manifest of an export: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("the manifest is of the form {0:?}; this version reads {FORMAT}")]
    Format(String),
    /// A field does not hold what it must.
    #[error("{field} of the manifest is {got:?}; expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] names what is wrong. Signatures and files are not looked at.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_str(text)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format(manifest.format));
        }
        manifest.key()?;
        for file in &manifest.files {
            file.check()?;
        }
        Ok(manifest)
    }

    /// The text: the same for the same manifest.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        // Text, numbers and lists can always be written.
        text.unwrap_or_default() + "\n"
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Hash {
        hash::digest(self.to_text().as_bytes())
    }

    /// The key of the log.
    ///
    /// # Errors
    /// [`ManifestError::Field`] when it is none.
    pub fn key(&self) -> Result<VerifierKey, ManifestError> {
        VerifierKey::parse(&self.vkey).map_err(|_no_key| ManifestError::Field {
            field: "vkey",
            expected: "a verifier key",
            got: self.vkey.clone(),
        })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = self.files.iter().map(|file| file.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

impl File {
    fn check(&self) -> Result<(), ManifestError> {
        let bad = |field, expected, got: &dyn ToString| ManifestError::Field {
            field,
            expected,
            got: got.to_string(),
        };
        let inside = |name: &str| !name.is_empty() && name != "." && name != "..";
        if !self.path.split('/').all(inside) || self.path.contains(['\\', ':', '\0']) {
            return Err(bad(
                "path of a file",
                "a path inside the folder",
                &self.path,
            ));
        }
        for (field, text) in [("sha256", &self.sha256), ("last_leaf", &self.last_leaf)] {
            let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if text.len() != 64 || !text.bytes().all(digit) {
                return Err(bad(field, "64 digits of lower-case hexadecimal", text));
            }
        }
        if self.end <= self.first {
            return Err(bad("end of a file", "a number above first", &self.end));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            preset: "native".to_owned(),
            log: "main".to_owned(),
            vkey: "log.example/main+8fd1d9bb+AepKbGN1aVAAJvWWmJeGqRJsLxRPkPxnyqqzXWDGMdiJ"
                .to_owned(),
            first: 0,
            end: 9,
            filter: String::new(),
            rows: 9,
            settings: String::new(),
            recorded: true,
            checkpoint: "note".to_owned(),
            files: vec![File {
                path: "day=2026-11-27/main-000000000000-000000000009.parquet".to_owned(),
                first: 0,
                end: 9,
                rows: 9,
                bytes: 100,
                sha256: "ab".repeat(32),
                last_leaf: "cd".repeat(32),
            }],
        }
    }

    fn sound() -> Manifest {
        let origin = countersign_chain::origin::Origin::parse("log.example/main");
        let key = countersign_chain::key::SigningKey::from_seed(origin.expect("fine"), &[7; 32]);
        Manifest {
            vkey: key.expect("a key").verifier().to_string(),
            ..manifest()
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let text = sound().to_text();
        assert_eq!(Manifest::parse(&text).expect("of the form"), sound());
        assert_eq!(text, sound().to_text());
        assert_eq!(sound().bytes(), 100);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        type Change = fn(&mut Manifest);
        let changes: [(&str, Change); 8] = [
            ("form", |it| it.format.push('2')),
            ("vkey", |it| it.vkey.push('x')),
            ("path", |it| it.files[0].path = "../x".to_owned()),
            ("path", |it| it.files[0].path = "/x".to_owned()),
            ("path", |it| it.files[0].path = String::new()),
            ("sha256", |it| it.files[0].sha256.clear()),
            ("last_leaf", |it| it.files[0].last_leaf = "AB".repeat(32)),
            ("end", |it| it.files[0].end = 0),
        ];
        for (name, change) in changes {
            let mut manifest = sound();
            change(&mut manifest);
            let error = Manifest::parse(&manifest.to_text()).expect_err(name);
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
        let more = sound()
            .to_text()
            .replace("\"preset\"", "\"more\": 1,\n  \"preset\"");
        for text in ["", "[]", "{}", &more] {
            assert!(Manifest::parse(text).is_err(), "{text:?}");
        }
    }
}
