//! Writing a bundle, file by file, so that recordings need no memory.

use std::io::{self, Seek, Write};

use countersign_proto::event::Known;
use countersign_proto::reading;
use countersign_proto::reading::text::{hex, rfc3339};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{
    Evidence, MANIFEST, MANIFEST_PROOF, Manifest, MissingPart, NamedFile, NoRecord, POLICIES,
    Proved, entry_name, page, recording_name,
};
use crate::manifest::RecordProof;

const README: &str = include_str!("readme.txt");

/// Why a bundle cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The disk says no.
    #[error("cannot write the bundle: {0}")]
    Io(#[from] io::Error),
    /// The archive cannot be made.
    #[error("cannot write the bundle: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// Something cannot be written as JSON.
    #[error("cannot write the bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// An entry is none.
    #[error(transparent)]
    Record(#[from] NoRecord),
    /// The order of the steps was not kept.
    #[error("a part of a recording came outside of a recording")]
    NoRecording,
}

/// A bundle under way.
pub struct BundleWriter<W: Write + Seek> {
    zip: ZipWriter<W>,
    files: Vec<NamedFile>,
    missing: Vec<MissingPart>,
    /// The file that is written now.
    open: Option<Open>,
}

struct Open {
    name: String,
    bytes: u64,
    sha256: Sha256,
    session: u64,
}

impl<W: Write + Seek> std::fmt::Debug for BundleWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundleWriter")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Times in an archive would make two bundles of the same case differ.
fn options(method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .unix_permissions(0o644)
}

impl<W: Write + Seek> BundleWriter<W> {
    /// Begins. What sessions showed comes first: looking at it makes entries of the case.
    #[must_use]
    pub fn new(out: W) -> Self {
        Self {
            zip: ZipWriter::new(out),
            files: Vec::new(),
            missing: Vec::new(),
            open: None,
        }
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        self.zip
            .start_file(name, options(CompressionMethod::Deflated))?;
        self.zip.write_all(bytes)?;
        self.files.push(NamedFile {
            name: name.to_owned(),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: hex(&Sha256::digest(bytes)),
        });
        Ok(())
    }

    /// Begins the recording of a session. Its parts follow.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn recording(&mut self, session: u64) -> Result<(), BundleError> {
        self.end_recording();
        let name = recording_name(session);
        // Parts are packed already.
        let options = options(CompressionMethod::Stored).large_file(true);
        self.zip.start_file(&*name, options)?;
        self.open = Some(Open {
            name,
            bytes: 0,
            sha256: Sha256::new(),
            session,
        });
        Ok(())
    }

    /// Adds the next part as it is stored, or why it is not there.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn part(&mut self, part: u64, content: Result<&[u8], &str>) -> Result<(), BundleError> {
        let open = self.open.as_mut().ok_or(BundleError::NoRecording)?;
        match content {
            Ok(bytes) => {
                self.zip.write_all(bytes)?;
                open.sha256.update(bytes);
                let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                open.bytes = open.bytes.saturating_add(more);
            }
            Err(why) => self.missing.push(MissingPart {
                session: open.session,
                part,
                why: why.to_owned(),
            }),
        }
        Ok(())
    }

    fn end_recording(&mut self) {
        if let Some(open) = self.open.take() {
            self.files.push(NamedFile {
                name: open.name,
                bytes: open.bytes,
                sha256: hex(&open.sha256.finalize()),
            });
        }
    }

    /// Adds everything else but the proof of the manifest, and returns the manifest's bytes for the
    /// log to sign.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn tell(&mut self, told: &Evidence) -> Result<Vec<u8>, BundleError> {
        self.end_recording();
        self.add("README.txt", README.as_bytes())?;
        self.add("case.html", page::html(told).as_bytes())?;
        self.add("checkpoint.txt", told.checkpoint.text().as_bytes())?;
        self.add("entries.jsonl", &lines(told)?)?;
        for proved in &told.entries {
            let name = entry_name(proved.index());
            self.add(&format!("{name}.record"), proved.bytes())?;
            self.add(&format!("{name}.proof"), proved.proof().as_bytes())?;
        }
        for (index, files) in &told.policies {
            for (name, text) in files {
                self.add(&format!("{POLICIES}{index:012}/{name}"), text.as_bytes())?;
            }
        }
        let bytes = self.manifest(told).to_bytes()?;
        self.zip
            .start_file(MANIFEST, options(CompressionMethod::Deflated))?;
        self.zip.write_all(&bytes)?;
        Ok(bytes)
    }

    fn manifest(&mut self, told: &Evidence) -> Manifest {
        let origin = told.key.origin().to_string();
        let size = told.checkpoint.size();
        let mut manifest = Manifest::new(told.case, origin, told.key.to_string(), size);
        manifest.closed = told.entries.iter().any(|proved| closes(proved, told.case));
        manifest.entries = u64::try_from(told.entries.len()).unwrap_or(u64::MAX);
        manifest.missing = std::mem::take(&mut self.missing);
        manifest.files = std::mem::take(&mut self.files);
        manifest.files.sort_by(|a, b| a.name.cmp(&b.name));
        manifest
    }

    /// Ends with what signs the manifest.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn finish(mut self, proof: &RecordProof) -> Result<W, BundleError> {
        self.zip
            .start_file(MANIFEST_PROOF, options(CompressionMethod::Deflated))?;
        self.zip.write_all(proof.to_text().as_bytes())?;
        Ok(self.zip.finish()?)
    }
}

fn closes(proved: &Proved, case: u64) -> bool {
    proved.case() == case && matches!(proved.event(), Ok(Known::CaseClosed(_)))
}

/// The entries for programs, one JSON object a line.
fn lines(told: &Evidence) -> Result<Vec<u8>, BundleError> {
    let mut out = Vec::new();
    for proved in &told.entries {
        let record = proved.record()?;
        let event = proved.event();
        let event = reading::fields_of(event.as_ref(), record.payload());
        let value = json!({
            "index": proved.index(),
            "time": rfc3339(record.time()),
            "kind": record.kind().get(),
            "name": reading::kind_text(record.kind().get()),
            "actor": record.actor(),
            "via": record.via(),
            "case": record.case(),
            "leaf": proved.leaf().to_string(),
            "prev": record.prev().to_string(),
            "event": event,
        });
        serde_json::to_writer(&mut out, &value)?;
        out.push(b'\n');
    }
    Ok(out)
}
