//! Files of one line for each entry.
//!
//! A file is named by the index of its first entry, and where it ends follows from the entries
//! alone: their size, and the multiples of a length of ledger time. So a run after a crash writes
//! the same bytes to the same places: what is there already is compared and kept, half a line is
//! finished, and no entry is there twice. What is written is on the device before the cursor moves.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::kinds::FileConfig;
use super::parcel::Parcel;
use super::store::Owner;
use super::{Outcome, Sink, store};
use crate::limits::MIN_FILE_BYTES;

const ENDING: &str = "log";
/// Digits of an index in a name, so that names sort.
const DIGITS: usize = 19;

/// Writes files.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    prefix: String,
    max_bytes: u64,
    period: u64,
    keep: Option<usize>,
    open: Option<Open>,
    /// Held while files are written; the name of its file begins with a dot.
    owner: Option<Owner>,
}

/// The file that is being written.
#[derive(Debug)]
struct Open {
    file: File,
    mark: Mark,
}

/// Where a file ends, as far as the cursor knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Name of the file.
    name: String,
    /// Bytes of whole lines.
    length: u64,
    /// Which multiple of the length of time its entries belong to.
    period: u64,
}

impl Files {
    pub(super) fn new(config: &FileConfig, sink: &str) -> Result<Self, String> {
        let max_bytes = config.max_bytes.get();
        if max_bytes < MIN_FILE_BYTES {
            return Err(format!(
                "expected file.max_bytes to be at least {MIN_FILE_BYTES}B, got {max_bytes}B"
            ));
        }
        let prefix = config.prefix.clone().unwrap_or_else(|| sink.to_owned());
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if prefix.is_empty() || !prefix.bytes().all(good) || prefix.starts_with('.') {
            return Err(format!(
                "expected letters, digits, -, _ and . in file.prefix, got {prefix:?}"
            ));
        }
        if config.keep == Some(0) {
            return Err("expected 1 or more in file.keep, got 0; without it all are kept".into());
        }
        Ok(Self {
            folder: config.folder.clone(),
            prefix,
            max_bytes,
            period: config.rotate_every.micros(),
            keep: config.keep.and_then(|keep| usize::try_from(keep).ok()),
            open: None,
            owner: None,
        })
    }

    /// Keeps others from writing files of these names.
    fn take(&mut self) -> Result<(), String> {
        let (folder, prefix) = (self.folder.display(), &self.prefix);
        let made = store::make_folder(&self.folder);
        made.map_err(|error| format!("cannot make {folder}: {error}"))?;
        let taken = Owner::take_file(&self.folder.join(format!(".{prefix}.lock")));
        let taken = taken.map_err(|error| format!("cannot lock {folder}: {error}"))?;
        let owner = taken.ok_or_else(|| {
            format!(
                "another sink writes files with the prefix {prefix} into {folder}; stop that one, \
                 or choose another prefix"
            )
        })?;
        self.owner = Some(owner);
        Ok(())
    }

    fn write(&mut self, parcels: &[Parcel]) -> io::Result<String> {
        let mut lines = Vec::new();
        for parcel in parcels {
            let weight = parcel.weight().saturating_add(1);
            let period = parcel.entry().time().get().checked_div(self.period);
            let period = period.unwrap_or(0);
            let waiting = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let is_over = self.open.as_ref().is_none_or(|open| {
                let length = open.mark.length.saturating_add(waiting);
                let full = length > 0 && length.saturating_add(weight) > self.max_bytes;
                full || open.mark.period != period
            });
            if is_over {
                self.put(&mut lines)?;
                self.begin(parcel.index(), period)?;
            }
            lines.extend_from_slice(parcel.text().as_bytes());
            lines.push(b'\n');
        }
        self.put(&mut lines)?;
        let mark = self.open.as_ref().map(|open| &open.mark);
        serde_json::to_string(&mark).map_err(io::Error::other)
    }

    /// Begins a file. Its name is durable before anything points to it.
    fn begin(&mut self, index: u64, period: u64) -> io::Result<()> {
        let name = format!("{}-{index:0DIGITS$}.{ENDING}", self.prefix);
        let file = open(&self.folder.join(&name))?;
        store::sync_folder(&self.folder)?;
        self.open = Some(Open {
            file,
            mark: Mark {
                name,
                length: 0,
                period,
            },
        });
        self.clean()
    }

    /// Brings lines to the end of the file, down to the device.
    fn put(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|_| !lines.is_empty()) else {
            return Ok(());
        };
        let there = matching(&open.file, open.mark.length, lines)?;
        let at = open.mark.length.saturating_add(there);
        let more = usize::try_from(there)
            .ok()
            .and_then(|there| lines.get(there..));
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            // What stands there does not agree: it was never counted, and is cut off.
            if open.file.metadata()?.len() > at {
                open.file.set_len(at)?;
            }
            open.file.write_all_at(more, at)?;
        }
        open.file.sync_all()?;
        let added = u64::try_from(lines.len()).map_err(io::Error::other)?;
        open.mark.length = open.mark.length.saturating_add(added);
        lines.clear();
        Ok(())
    }

    /// Removes the oldest files beyond those that are kept.
    fn clean(&self) -> io::Result<()> {
        let Some(keep) = self.keep else {
            return Ok(());
        };
        let mut names = self.names()?;
        names.sort();
        let over = names.len().saturating_sub(keep);
        for name in names.into_iter().take(over) {
            std::fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }

    /// Names of the files that this sink has written.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
        let names = entries
            .into_iter()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let ours = |name: &String| {
            let number = name
                .strip_prefix(&self.prefix)
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(ENDING))
                .and_then(|rest| rest.strip_suffix('.'));
            number.is_some_and(|it| it.len() == DIGITS && it.bytes().all(|c| c.is_ascii_digit()))
        };
        Ok(names.filter(ours).collect())
    }
}

impl Sink for Files {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        // Where a failed write has stopped is found out by comparing, as after a crash.
        let before = self.open.as_ref().map(|open| open.mark.clone());
        match tokio::task::block_in_place(|| self.write(parcels)) {
            Ok(mark) => Outcome::Delivered { mark: Some(mark) },
            Err(error) => {
                let why = format!("cannot write in {}: {error}", self.folder.display());
                self.open = before.and_then(|mark| self.reopen(mark).ok().flatten());
                Outcome::later(why)
            }
        }
    }

    fn resume(&mut self, mark: Option<&str>) -> Result<(), String> {
        self.take()?;
        let Some(mark) = mark else {
            return Ok(());
        };
        let mark: Option<Mark> = serde_json::from_str(mark)
            .map_err(|error| format!("the mark in the cursor cannot be read: {error}"))?;
        let reopened = mark.map(|mark| self.reopen(mark)).transpose();
        let reopened =
            reopened.map_err(|error| format!("cannot open {}: {error}", self.folder.display()))?;
        self.open = reopened.flatten();
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, String> {
        let folder = self.folder.display();
        let written = store::make_folder(&self.folder).and_then(|()| {
            let probe = self.folder.join(".countersign-probe");
            std::fs::write(&probe, b"countersign\n")?;
            std::fs::remove_file(probe)
        });
        written.map_err(|error| format!("cannot write in {folder}: {error}"))?;
        Ok(format!("files can be written in {folder}"))
    }
}

impl Files {
    /// The file that a mark speaks of; none when it was moved away or cut, and a new one begins.
    fn reopen(&self, mark: Mark) -> io::Result<Option<Open>> {
        let path = self.folder.join(&mark.name);
        let length = match std::fs::metadata(&path) {
            Ok(about) => about.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if length < mark.length || mark.length == 0 {
            let file = mark.name;
            tracing::warn!(file, "the file was moved away or cut; a new one begins");
            return Ok(None);
        }
        let file = open(&path)?;
        Ok(Some(Open { file, mark }))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640);
    options.open(path)
}

/// How many of these bytes stand in the file at this place already.
fn matching(file: &File, from: u64, bytes: &[u8]) -> io::Result<u64> {
    const STEP: usize = 65_536;
    let mut buffer = vec![0; STEP.min(bytes.len())];
    let mut known = 0_u64;
    for chunk in bytes.chunks(STEP) {
        let there = file.read_at(&mut buffer, from.saturating_add(known))?;
        let pairs = buffer.iter().take(there).zip(chunk);
        let same = pairs.take_while(|(left, right)| left == right).count();
        known = known.saturating_add(u64::try_from(same).map_err(io::Error::other)?);
        if same < chunk.len() {
            break;
        }
    }
    Ok(known)
}
