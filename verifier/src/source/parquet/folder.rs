//! The folder of an export: its files, its manifest, and what proves the manifest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_chain::hash;
use countersign_chain::key::VerifierKey;
use countersign_export::manifest::{FILE, Manifest, PARTIAL, PROOF, RecordProof};
use countersign_proto::reading::text::printable;

use super::digests::{self, Hashing};
use super::file::{NativeFile, io};
use super::manifest;
use crate::export::LOCK;
use crate::finding::{Code, Findings, Flaw};
use crate::source::{Recorded, SourceError};

/// How the names of Parquet files end.
pub(super) const EXTENSION: &str = "parquet";
/// Folders in folders: a preset has shelves, with a source, a region, an account and a day each.
const MAX_DEPTH: usize = 8;
/// Files that are looked at. With a million entries in each they are more than a log can hold in
/// its first years.
const MAX_FILES: usize = 1_000_000;
/// The largest manifest: 150,000 files of some 400 bytes each.
const MAX_MANIFEST: u64 = 64 * 1_048_576;
/// The largest proof: a record in base64, 64 hashes and a checkpoint.
const MAX_PROOF: u64 = 262_144;

/// What is around the rows of a copy.
#[derive(Debug)]
pub(super) struct Listing {
    /// Every file but the manifest, its proof and a lock: name below the folder, with `/`.
    present: BTreeMap<String, PathBuf>,
    manifest: Option<Manifest>,
    /// The bytes of the manifest; `None` for a single file, or where there is none.
    text: Option<Vec<u8>>,
    proof: Option<Vec<u8>>,
    /// Who took the export, once that is proved.
    recorded: Option<Recorded>,
    /// The files, while they are hashed.
    hashing: Option<Hashing>,
}

/// Whether a folder is that of an export.
pub(super) fn is_export(path: &Path) -> Result<bool, SourceError> {
    if path.join("IDENTITY").is_file() || path.join("segments").is_dir() {
        return Ok(false);
    }
    if [FILE, PARTIAL].iter().any(|name| path.join(name).is_file()) {
        return Ok(true);
    }
    if path.join("logs").is_dir() {
        return Ok(false);
    }
    let mut found = BTreeMap::new();
    list(path, "", 0, &mut found)?;
    Ok(found.keys().any(|name| is_table(name)))
}

fn is_table(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|it| it.eq_ignore_ascii_case(EXTENSION))
}

/// What an export that did not end leaves behind.
fn is_unfinished(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let ending = Path::new(last).extension();
    last == PARTIAL
        || last.starts_with('.')
        || ending.is_some_and(|it| ["tmp", "part", "partial"].iter().any(|name| it == *name))
}

fn list(
    folder: &Path,
    below: &str,
    depth: usize,
    found: &mut BTreeMap<String, PathBuf>,
) -> Result<(), SourceError> {
    for entry in fs::read_dir(folder).map_err(|error| io(folder, error))? {
        let entry = entry.map_err(|error| io(folder, error))?;
        let path = entry.path();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            if depth < MAX_DEPTH {
                list(&path, &format!("{name}/"), depth.saturating_add(1), found)?;
            }
        } else if found.len() < MAX_FILES {
            found.insert(name, path);
        }
    }
    Ok(())
}

/// Reads a file of at most `most` bytes; `None` when there is none.
fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, SourceError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, error)),
    };
    let mut bytes = Vec::new();
    let mut bounded = file.take(most.saturating_add(1));
    bounded
        .read_to_end(&mut bytes)
        .map_err(|error| io(path, error))?;
    Ok(Some(bytes))
}

impl Listing {
    /// Reads what is in a folder, but no rows.
    pub(super) fn read(folder: &Path, findings: &mut Findings) -> Result<Self, SourceError> {
        let mut present = BTreeMap::new();
        list(folder, "", 0, &mut present)?;
        // Whoever was killed has left the lock, which says nothing about the files.
        present.retain(|name, _| ![FILE, PROOF, LOCK].contains(&name.as_str()));
        let unfinished = |name: &String| is_unfinished(name);
        for name in present.keys().filter(|name| unfinished(name)) {
            findings.add(
                Code::Copy(Flaw::Unfinished),
                None,
                printable(name).into_owned(),
            );
        }
        let partial = present
            .get(PARTIAL)
            .map(|path| read(path, MAX_MANIFEST))
            .transpose()?;
        present.retain(|name, _| !unfinished(name));
        let text = read(&folder.join(FILE), MAX_MANIFEST)?;
        let proof = read(&folder.join(PROOF), MAX_PROOF)?;
        let mut manifest = None;
        match text.as_deref().map(parse) {
            None => {
                let text = format!("{FILE} is missing");
                findings.add(Code::Copy(Flaw::NoManifest), None, text);
                if proof.is_some() {
                    let text = format!("{PROOF} is there, and {FILE} is not");
                    findings.add(Code::Copy(Flaw::ManifestUnproved), None, text);
                }
            }
            Some(Ok(parsed)) => {
                let partial = partial.flatten().and_then(|text| parse(&text).ok());
                set_aside(&mut present, &parsed, partial.as_ref(), findings);
                manifest = Some(parsed);
            }
            Some(Err(why)) => findings.add(
                Code::Copy(Flaw::BadManifest),
                None,
                format!("{FILE}: {why}"),
            ),
        }
        Ok(Self {
            present,
            manifest,
            text,
            proof,
            recorded: None,
            hashing: None,
        })
    }

    /// A file by itself.
    pub(super) fn of_one(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        Self {
            present: BTreeMap::from([(name, path.to_owned())]),
            manifest: None,
            text: None,
            proof: None,
            recorded: None,
            hashing: None,
        }
    }

    /// Number of files.
    pub(super) fn len(&self) -> usize {
        self.manifest
            .as_ref()
            .map_or(self.present.len(), |manifest| manifest.files.len())
    }

    /// The range that the manifest names.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        self.manifest
            .as_ref()
            .map(|manifest| (manifest.first, manifest.end))
    }

    /// The key that the manifest names.
    pub(super) fn vkey(&self) -> Option<String> {
        self.manifest.as_ref().map(|manifest| manifest.vkey.clone())
    }

    /// Who took the export, where the log says so.
    pub(super) fn recorded(&self) -> Option<Recorded> {
        self.recorded.clone()
    }

    /// Files whose rows can be proved: those that the manifest lists; without one, all that look
    /// like it.
    pub(super) fn tables(&self) -> Vec<(&Path, &str)> {
        let listed = self.manifest.as_ref().map(manifest::by_path);
        let native = self.unproved_preset().is_none();
        let present = self.present.iter();
        let chosen = present.filter(|(name, _)| match &listed {
            Some(listed) => native && listed.contains_key(name.as_str()),
            None => self.text.is_none() && self.present.len() == 1 || is_table(name),
        });
        chosen
            .map(|(name, path)| (path.as_path(), name.as_str()))
            .collect()
    }

    /// Judges the manifest: by itself, and by the log. By the files it is judged at the end.
    pub(super) fn judge(
        &mut self,
        key: &VerifierKey,
        files: &[NativeFile],
        findings: &mut Findings,
    ) {
        let Some(manifest) = &self.manifest else {
            return;
        };
        manifest::judge(manifest, key, files, findings);
        self.hashing = Some(Hashing::begin(&self.present));
        self.recorded = self.judge_proof(manifest, key, findings);
    }

    /// Judges the manifest by the files, once.
    ///
    /// # Errors
    /// [`SourceError`] when one cannot be read.
    pub(super) fn end(&mut self, findings: &mut Findings) -> Result<(), SourceError> {
        let hashed = self.hashing.take().map(Hashing::end).transpose()?;
        if let (Some(manifest), Some(hashed)) = (&self.manifest, &hashed) {
            digests::judge(manifest, hashed, findings);
        }
        Ok(())
    }

    /// The log must say that this very manifest was written.
    fn judge_proof(
        &self,
        manifest: &Manifest,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Option<Recorded> {
        let mut refuse = |why: String| {
            findings.add(
                Code::Copy(Flaw::ManifestUnproved),
                None,
                format!("{PROOF}: {why}"),
            );
            None
        };
        let Some(proof) = &self.proof else {
            if manifest.recorded {
                return refuse(
                    "it is missing, and the manifest says that the log knows of it".into(),
                );
            }
            let text = format!("{FILE} says that the log does not know of it");
            findings.add(Code::Copy(Flaw::NotRecorded), None, text);
            return None;
        };
        let Ok(text) = std::str::from_utf8(proof) else {
            return refuse("it is not UTF-8".into());
        };
        let proof = match RecordProof::parse(text) {
            Ok(proof) => proof,
            Err(error) => return refuse(error.to_string()),
        };
        let digest = hash::digest(self.text.as_deref().unwrap_or_default());
        match proof.verify(&digest, key) {
            Ok((record, event, _)) => match manifest::differs(manifest, &event) {
                Some(why) => refuse(format!("entry {}: {why}", record.index())),
                None if proof.to_text() != text => refuse("it is not written as proofs are".into()),
                None => Some(Recorded {
                    index: record.index().get(),
                    actor: record.actor().to_owned(),
                }),
            },
            Err(error) => refuse(error.to_string()),
        }
    }

    /// Leaf hash of the entry before the end of each file, as the manifest says.
    pub(super) fn last_leaves(&self) -> BTreeMap<&str, &str> {
        let files = self.manifest.iter().flat_map(|manifest| &manifest.files);
        files
            .map(|file| (file.path.as_str(), file.last_leaf.as_str()))
            .collect()
    }

    /// Of a preset whose rows carry no proof.
    pub(super) fn unproved_preset(&self) -> Option<&str> {
        let manifest = self.manifest.as_ref()?;
        (manifest.preset != manifest::NATIVE).then_some(manifest.preset.as_str())
    }
}

/// Files that only an export knows that did not end are no part of the one that did.
fn set_aside(
    present: &mut BTreeMap<String, PathBuf>,
    whole: &Manifest,
    partial: Option<&Manifest>,
    findings: &mut Findings,
) {
    let (whole, partial) = (manifest::by_path(whole), partial.map(manifest::by_path));
    present.retain(|name, _| {
        let name = name.as_str();
        let started = partial.as_ref().is_some_and(|it| it.contains_key(name));
        let aside = started && !whole.contains_key(name);
        if aside {
            findings.add(
                Code::Copy(Flaw::Unfinished),
                None,
                printable(name).into_owned(),
            );
        }
        !aside
    });
}

fn parse(text: &[u8]) -> Result<Manifest, String> {
    if u64::try_from(text.len()).is_ok_and(|len| len > MAX_MANIFEST) {
        return Err(format!("it is longer than {MAX_MANIFEST} bytes"));
    }
    let text = std::str::from_utf8(text).map_err(|_no_text| "it is not UTF-8")?;
    Manifest::parse(text).map_err(|error| error.to_string())
}
