//! The folder of a log (docs/format.md, section 11). It may belong to a running ledger: the head is
//! read first, so that everything it promises is there when the segments are read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_chain::frame::Frame;
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::{MAX_FRAME_BODY, MAX_NOTE};
use countersign_chain::record::Record;
use countersign_proto::event::Known;
use serde::Deserialize;

use super::segments::{self, Reading, SegmentFile};
use super::{Holder, Promise, Source, SourceError, head};
use crate::finding::{Code, Findings};
use crate::window::{Follow, Window};

/// Bytes of one window: what is examined at once, on all cores.
const WINDOW: usize = 16 * 1_048_576;
/// A window holds at least two of the largest frames.
const MIN_WINDOW: usize = 2 * (MAX_FRAME_BODY + 64);
/// The largest IDENTITY that is read.
const MAX_IDENTITY: u64 = 16_384;

/// The file IDENTITY.
#[derive(Debug, Deserialize)]
struct Identity {
    format: u32,
    origin: String,
    vkey: String,
}

/// The folder of one log.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    window: usize,
    identity: Result<Identity, String>,
    head: Option<Vec<u8>>,
    published: Option<Vec<u8>>,
    segments: Vec<SegmentFile>,
    listed: Findings,
    /// Position in `segments`.
    at: usize,
    reading: Option<Reading>,
    /// Room of windows that were checked.
    spare: Vec<Vec<u8>>,
    /// What the durable head says about the last entry.
    sealed: Option<Follow>,
}

impl Folder {
    /// Opens the folder of a log, or log `log` of the folder of a server.
    ///
    /// # Errors
    /// [`SourceError`] when there is no log, or it cannot be read.
    pub fn open(path: &Path, log: &str) -> Result<Self, SourceError> {
        Self::open_with(path, log, WINDOW)
    }

    /// As [`Folder::open`], reading that many bytes at once; fewer than two of the largest frames
    /// are not possible.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn open_with(path: &Path, log: &str, window: usize) -> Result<Self, SourceError> {
        let path = find(path, log)?;
        let identity = identity(&path)?;
        let limit = u64::try_from(MAX_NOTE).unwrap_or(u64::MAX);
        let head = read_small(&path.join("head"), limit)?;
        let published = read_small(&path.join("checkpoint"), limit)?;
        // The segments are listed last: they hold all that was promised before.
        let mut listed = Findings::default();
        let segments = segments::list(&path.join("segments"), &mut listed)?;
        Ok(Self {
            window: window.max(MIN_WINDOW).next_multiple_of(4_096),
            path,
            identity,
            head,
            published,
            segments,
            listed,
            at: 0,
            reading: None,
            spare: Vec::new(),
            sealed: None,
        })
    }

    /// The key that entry 0 names, for a folder without a readable IDENTITY.
    fn opening(&self) -> Option<String> {
        let first = self.segments.first().filter(|file| file.first == 0)?;
        let mut reading = Reading::open(first.clone(), MIN_WINDOW, false).ok()?;
        let window = reading
            .next(None, &mut Vec::new(), &mut Findings::default())
            .ok()??;
        let bytes = window.span(*window.spans.first()?);
        let frame = Frame::salvage(bytes, &window.nonce)?;
        let record = Record::parse(frame.records().first()?).ok()?;
        match Known::decode(record.kind().get(), record.payload()) {
            Ok(Known::LogOpened(opened)) => Some(opened.vkey),
            _ => None,
        }
    }

    fn judge_identity(&self, key: &VerifierKey, findings: &mut Findings) {
        let identity = match &self.identity {
            Ok(identity) => identity,
            Err(why) => {
                findings.add(Code::BadIdentity, None, format!("IDENTITY: {why}"));
                return;
            }
        };
        if identity.format != 1 {
            let text = format!("IDENTITY: format is {}; expected 1", identity.format);
            findings.add(Code::BadIdentity, None, text);
        }
        if identity.vkey != key.to_string() {
            let text = format!("IDENTITY names key {}; expected {key}", identity.vkey);
            findings.add(Code::WrongKey, None, text);
        } else if identity.origin != key.origin().as_str() {
            let text = format!(
                "IDENTITY: origin is {:?}, and its key is that of {:?}",
                identity.origin,
                key.origin().as_str()
            );
            findings.add(Code::BadIdentity, None, text);
        }
    }

    fn judge_segments(&self, key: &VerifierKey, findings: &mut Findings) {
        for segment in &self.segments {
            let Some(header) = &segment.header else {
                continue;
            };
            if header.origin != *key.origin() {
                let text = format!(
                    "segments/{}: origin is {}; expected {}",
                    countersign_chain::segment::file_name(segment.first),
                    header.origin,
                    key.origin()
                );
                findings.add(Code::WrongOrigin, Some(segment.first), text);
            }
        }
    }
}

/// The folder of the log under a path that a person gave.
fn find(path: &Path, log: &str) -> Result<PathBuf, SourceError> {
    let is_log = |path: &Path| path.join("IDENTITY").is_file() || path.join("segments").is_dir();
    let below = path.join("logs").join(log);
    let known_name = !log.contains(['/', '\\']) && !log.starts_with('.');
    if is_log(path) {
        Ok(path.to_owned())
    } else if known_name && is_log(&below) {
        Ok(below)
    } else {
        let (path, log) = (path.to_owned(), log.to_owned());
        Err(SourceError::NoLog { path, log })
    }
}

/// Reads a file of at most `limit` bytes, and one byte more of a longer one; `None` when it is
/// missing.
fn read_small(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
    use io::Read as _;
    let fail = |error| SourceError::Io {
        path: path.to_owned(),
        error,
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    let mut bounded = file.take(limit.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}

fn identity(folder: &Path) -> Result<Result<Identity, String>, SourceError> {
    let Some(bytes) = read_small(&folder.join("IDENTITY"), MAX_IDENTITY)? else {
        return Ok(Err("file is missing".to_owned()));
    };
    let parsed = match String::from_utf8(bytes) {
        Ok(text) => toml::from_str(&text).map_err(|error| error.message().to_owned()),
        Err(_) => Err("not UTF-8".to_owned()),
    };
    Ok(parsed)
}

impl Source for Folder {
    fn name(&self) -> &'static str {
        "folder"
    }

    fn vkeys(&self) -> Vec<String> {
        let identity = self.identity.as_ref().ok();
        let stated = identity.map(|identity| identity.vkey.clone());
        stated.into_iter().chain(self.opening()).collect()
    }

    fn promises(
        &mut self,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Result<Vec<Promise>, SourceError> {
        findings.append(std::mem::take(&mut self.listed));
        self.judge_identity(key, findings);
        self.judge_segments(key, findings);
        let mut promises = head::slots(self.head.as_deref(), key, findings);
        let newest = promises
            .iter()
            .max_by_key(|promise| promise.checkpoint.size());
        self.sealed = newest.and_then(|promise| match &promise.holder {
            Holder::Head(end) => Some(Follow {
                index: promise.checkpoint.size(),
                prev: end.last_leaf,
            }),
            Holder::Published
            | Holder::Server
            | Holder::Remembered
            | Holder::Supplied(_)
            | Holder::Copy(_) => None,
        });
        match &self.published {
            Some(bytes) => {
                promises.extend(head::open(Holder::Published, bytes, key, findings));
            }
            None => {
                let text = "the file checkpoint is missing".to_owned();
                findings.add(Code::CheckpointMissing, None, text);
            }
        }
        Ok(promises)
    }

    fn next(&mut self, findings: &mut Findings) -> Result<Option<Window>, SourceError> {
        loop {
            let behind = match self.segments.get(self.at.saturating_add(1)) {
                Some(segment) => segment.follow(),
                None => self.sealed,
            };
            if let Some(reading) = &mut self.reading {
                let window = reading.next(behind, &mut self.spare, findings)?;
                if reading.is_finished() {
                    self.reading = None;
                    self.at = self.at.saturating_add(1);
                }
                if window.is_some() {
                    return Ok(window);
                }
                continue;
            }
            let Some(segment) = self.segments.get(self.at) else {
                return Ok(None);
            };
            let newest = self.at.saturating_add(1) == self.segments.len();
            let reading = Reading::open(segment.clone(), self.window, newest)?;
            self.reading = Some(reading);
        }
    }

    fn reuse(&mut self, bytes: Vec<u8>) {
        self.spare.push(bytes);
    }

    fn total_bytes(&self) -> u64 {
        self.segments
            .iter()
            .fold(0, |sum, segment| sum.saturating_add(segment.len))
    }

    fn blob_folder(&self) -> Option<PathBuf> {
        Some(self.path.join("blobs"))
    }

    fn tree_folder(&self) -> Option<PathBuf> {
        let folder = self.path.join("tree");
        folder.is_dir().then_some(folder)
    }
}
