//! Copies of a log in Parquet: one file, or the folder of an export. Files that hold every entry of
//! their range are put together as the log that they were and walked along; chosen entries are
//! proved one by one. Every typed column is compared with the signed record on the way.

mod bounds;
mod columns;
mod digests;
mod file;
mod folder;
mod group;
mod guard;
mod manifest;
mod pages;
mod placing;
mod progress;
mod reading;
mod rows;
mod shape;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;

use self::file::NativeFile;
use self::folder::Listing;
pub(crate) use self::guard::quiet;
use self::placing::Placing;
use self::reading::Reading;
use super::{Copied, Holder, Promise, Scope, Source, SourceError};
use crate::finding::{Code, Findings, Flaw};
use crate::window::Window;

/// A copy, opened.
#[derive(Debug)]
pub struct Parquet {
    name: &'static str,
    /// Whether every entry of the range is there.
    whole: bool,
    files: Vec<NativeFile>,
    /// What surrounds the files.
    listing: Listing,
    listed: Findings,
    /// Once the key is known.
    reading: Option<Reading>,
}

/// Whether a path is a copy: a Parquet file, or a folder with some or with a manifest.
///
/// # Errors
/// [`SourceError`] when it cannot be read.
pub fn is_copy(path: &Path) -> Result<bool, SourceError> {
    if path.is_dir() {
        return folder::is_export(path);
    }
    if !path.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    let opened = File::open(path).map_err(|error| file::io(path, error))?;
    opened
        .take(4)
        .read_to_end(&mut start)
        .map_err(|error| file::io(path, error))?;
    let named = path.extension().is_some_and(|it| it == folder::EXTENSION);
    Ok(named || start == file::MAGIC)
}

impl Parquet {
    /// Opens a file or the folder of an export.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read. Whatever is wrong with it is found later.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let mut listed = Findings::default();
        let is_folder = path.is_dir();
        let listing = if is_folder {
            Listing::read(path, &mut listed)?
        } else {
            Listing::of_one(path)
        };
        let mut files = Vec::new();
        let last_leaves = listing.last_leaves();
        for (path, name) in listing.tables() {
            let opened = NativeFile::open(path, name, &mut listed)?;
            files.extend(opened.map(|mut file| {
                file.last_leaf = last_leaves.get(name).map(|leaf| (*leaf).to_owned());
                file
            }));
        }
        if let Some(preset) = listing.unproved_preset() {
            let text = format!(
                "its files are of the preset {preset}: they are compared with the manifest, and \
                 their rows carry no proof"
            );
            listed.add(Code::Copy(Flaw::CopyPartial), None, text);
        }
        files.sort_by(|a, b| (a.meta.first, &a.name).cmp(&(b.meta.first, &b.name)));
        Ok(Self {
            name: if is_folder { "export" } else { "file" },
            whole: !files.is_empty() && files.iter().all(|file| file.meta.frontier.is_some()),
            files,
            listing,
            listed,
            reading: None,
        })
    }

    /// Range of the files, from the first entry to behind the last.
    fn range(&self) -> (u64, u64) {
        let first = self.files.first().map_or(0, |file| file.meta.first);
        (first, self.files.last().map_or(first, |file| file.meta.end))
    }

    /// The files name this key, and follow each other; those of chosen entries with others between
    /// them.
    fn judge_files(&self, key: &VerifierKey, findings: &mut Findings) {
        let named = key.to_string();
        for file in &self.files {
            let got = file.meta.key.to_string();
            if got != named {
                let text = format!("{}: countersign.vkey is {got}; expected {key}", file.name);
                findings.add(Code::WrongKey, None, text);
            }
            if file.meta.frontier.is_some() != self.whole {
                let text = format!(
                    "{}: countersign.whole is {}; that of other files is not",
                    file.name,
                    file.meta.frontier.is_some()
                );
                findings.add(Code::Copy(Flaw::BadMetadata), None, text);
            }
        }
        for pair in self.files.windows(2) {
            let [before, behind] = pair else {
                continue;
            };
            let (end, first) = (before.meta.end, behind.meta.first);
            let text = if end < first && self.whole {
                let last = first.saturating_sub(1);
                format!(
                    "entries {end} to {last} are missing between {} and {}",
                    before.name, behind.name
                )
            } else if end > first {
                let last = end.saturating_sub(1);
                format!(
                    "entries from {first} to {last} are in {} and in {}",
                    before.name, behind.name
                )
            } else {
                continue;
            };
            findings.add(Code::IndexGap, Some(end.min(first)), text);
        }
    }

    /// Opens the checkpoints of the files; returns that of the last one.
    fn judge_checkpoints(
        &self,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Option<SignedCheckpoint> {
        let mut last = None;
        for file in &self.files {
            match SignedCheckpoint::open(&file.meta.checkpoint, key) {
                Ok(checkpoint) => last = Some(checkpoint),
                Err(error) => {
                    last = None;
                    let code = Code::of_format(error.code(), Code::BadNote);
                    let text = format!("{}: countersign.checkpoint: {error}", file.name);
                    findings.add(code, None, text);
                }
            }
        }
        last
    }
}

impl Source for Parquet {
    fn name(&self) -> &'static str {
        self.name
    }

    fn vkeys(&self) -> Vec<String> {
        let manifest = self.listing.vkey();
        let files = self.files.iter().map(|file| file.meta.key.to_string());
        manifest.into_iter().chain(files).collect()
    }

    fn promises(
        &mut self,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Result<Vec<Promise>, SourceError> {
        findings.append(std::mem::take(&mut self.listed));
        self.judge_files(key, findings);
        self.listing.judge(key, &self.files, findings);
        let last = self.judge_checkpoints(key, findings);
        let (_, end) = self.range();
        let reading = Reading::new(key, self.whole, end, last.as_ref());
        match reading {
            Ok(reading) => self.reading = Some(reading),
            Err(error) => findings.add(Code::WrongKey, None, error.to_string()),
        }
        let name = self.files.last().map(|file| file.name.clone());
        let covered = last.filter(|last| self.whole && last.size() == end);
        Ok(covered
            .zip(name)
            .map(|(checkpoint, name)| Promise {
                holder: Holder::Copy(name),
                checkpoint,
            })
            .into_iter()
            .collect())
    }

    fn next(&mut self, findings: &mut Findings) -> Result<Option<Window>, SourceError> {
        let reading = self.reading.as_mut();
        Ok(reading.and_then(|reading| reading.next(&self.files, findings)))
    }

    fn end(&mut self, findings: &mut Findings) -> Result<(), SourceError> {
        self.listing.end(findings)
    }

    fn scope(&mut self) -> Scope {
        let Some(first) = self.files.first() else {
            return Scope::Chosen;
        };
        match &first.meta.frontier {
            Some(_) if !self.whole => Scope::Chosen,
            None => Scope::Chosen,
            Some(frontier) if frontier.size() == 0 => Scope::Log,
            Some(frontier) => {
                // What stands before the first entry is known from that entry alone.
                let record = self.reading.as_mut().and_then(|it| it.peek(&self.files));
                let prev = record
                    .as_deref()
                    .and_then(|bytes| Record::parse(bytes).ok());
                let prev = prev.map_or(Hash::ZERO, |record| record.prev());
                let head = LogHead::new(frontier.clone(), UnixMicros::EPOCH, prev);
                Scope::Range(Box::new(head))
            }
        }
    }

    fn copied(&self) -> Option<Copied> {
        let (first, end) = self.listing.range().unwrap_or_else(|| self.range());
        let placing = self.reading.as_ref().map(Reading::placing);
        Some(Copied {
            first,
            end,
            whole: self.whole,
            files: u64::try_from(self.listing.len()).unwrap_or(u64::MAX),
            rows: placing.map_or(0, Placing::rows),
            alone: placing.map_or(0, Placing::proved),
            signatures: placing.map_or(0, Placing::signatures),
            recorded: self.listing.recorded(),
        })
    }

    fn total_bytes(&self) -> u64 {
        if !self.whole {
            return 0;
        }
        let sizes = self.files.iter().map(|file| file.record_bytes);
        sizes.fold(0, u64::saturating_add)
    }

    fn tree_folder(&self) -> Option<PathBuf> {
        None
    }
}
