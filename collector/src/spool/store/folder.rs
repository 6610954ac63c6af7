//! The folder of a spool: its lock, its mark, and the names of its segments.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{is_no_room, reserve};
use crate::limits::{MAX_MARK_FILE, MAX_SPOOL_SEGMENT};
use crate::spool::frame::Head;

const FORMAT: u32 = 1;
pub(super) const OWNER: &str = "OWNER";
const SEALED: &str = "SEALED";
const SEGMENTS: &str = "segments";
const ENDING: &str = ".spool";

/// Whose spool it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Who sends it: the URI of the client's certificate.
    pub identity: String,
    /// Name of the log that it goes to.
    pub log: String,
}

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the spool {} is in use by another agent; stop it, or give another folder",
        .0.display()
    )]
    InUse(PathBuf),
    /// It is of another client, or goes to another log.
    #[error(
        "the spool {} belongs to {got}; give the folder of {expected}, or an empty one",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it should be.
        expected: String,
        /// Whose it is.
        got: String,
    },
    /// Not one of ours, or damaged.
    #[error(
        "{} is damaged ({why}); move the folder away to start with an empty spool, and keep it: \
         what was not sealed is in it",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk has no room to begin.
    #[error(
        "the disk of the spool {} has no room for its first {mib} MiB; make room on it, or give a \
         folder on another disk", path.display()
    )]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What one of its segments takes.
        mib: u64,
    },
    /// Its first segment could not be made.
    #[error("cannot make the first segment of the spool: {0}")]
    Segment(io::Error),
    /// The operating system gave no random bytes for the name of a queue.
    #[error("cannot make a name for the queue: {0}")]
    Random(io::Error),
    /// No thread could be started.
    #[error("cannot start the thread of the spool: {0}")]
    Thread(io::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerFile {
    format: u32,
    identity: String,
    log: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkFile {
    format: u32,
    number: u64,
    next: u64,
    first: u64,
    places: BTreeMap<String, String>,
}

/// How far a spool is sealed.
#[derive(Debug, Default)]
pub(super) struct Mark {
    /// Everything below is sealed.
    pub(super) number: u64,
    /// Everything below was on disk.
    pub(super) next: u64,
    /// The oldest segment that is kept.
    pub(super) first: u64,
    /// Where the inputs were at its beginning.
    pub(super) places: BTreeMap<String, String>,
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    _lock: File,
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    move |source| SpoolError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// The file of a segment.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(SEGMENTS).join(format!("{first:020}{ENDING}"))
}

/// First numbers of all segments, in order.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir.join(SEGMENTS))? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        firsts.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces a file whole.
fn replace(dir: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let next = dir.join(format!("{name}.next"));
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&next)?;
    file.write_all(text)?;
    file.sync_all()?;
    // If we stop here, then the old file is still the one that counts.
    fs::rename(&next, dir.join(name))?;
    sync_dir(dir)
}

impl Folder {
    /// Opens the folder and takes its lock.
    pub(super) fn open(dir: &Path, owner: &Owner) -> Result<Self, SpoolError> {
        let segments = dir.join(SEGMENTS);
        fs::create_dir_all(&segments).map_err(failed("make the folder", &segments))?;
        let path = dir.join(OWNER);
        if !path.exists() {
            let file = OwnerFile {
                format: FORMAT,
                identity: owner.identity.clone(),
                log: owner.log.clone(),
            };
            let text = serde_json::to_vec_pretty(&file).map_err(io::Error::other);
            text.and_then(|text| replace(dir, OWNER, &text))
                .map_err(failed("write", &path))?;
        }
        let lock = File::open(&path).map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        check_owner(&path, dir, owner)?;
        let dir = dir.to_owned();
        Ok(Self { dir, _lock: lock })
    }

    /// First numbers of the segments, in order. Files that were being made are removed.
    pub(super) fn segments(&self) -> Result<Vec<u64>, SpoolError> {
        let folder = self.dir.join(SEGMENTS);
        list(&self.dir).map_err(failed("list", &folder))
    }

    pub(super) fn damaged(&self, first: u64, why: &str) -> SpoolError {
        SpoolError::Damaged {
            path: path(&self.dir, first),
            why: why.to_owned(),
        }
    }

    pub(super) fn read(&self, first: u64) -> Result<Vec<u8>, SpoolError> {
        let path = path(&self.dir, first);
        let len = fs::metadata(&path).map_err(failed("look at", &path))?.len();
        if len > MAX_SPOOL_SEGMENT {
            let expected = format!("expected at most {MAX_SPOOL_SEGMENT} bytes, got {len}");
            return Err(self.damaged(first, &expected));
        }
        fs::read(&path).map_err(failed("read", &path))
    }

    /// Ends a segment behind its last frame; the room behind it is given back.
    pub(super) fn cut(&self, first: u64, end: u64) -> Result<(), SpoolError> {
        let path = path(&self.dir, first);
        let cut = || {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(end)?;
            file.sync_all()
        };
        cut().map_err(failed("cut the end of", &path))
    }

    /// Makes a segment; none when the disk has no room for it.
    pub(super) fn create(&self, head: &Head, bytes: u64) -> io::Result<Option<File>> {
        let path = path(&self.dir, head.first);
        let make = || {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(true);
            let file = options.mode(0o600).open(&path)?;
            reserve(&file, bytes)?;
            file.write_all_at(&head.encode(), 0)?;
            file.sync_all()?;
            sync_dir(&self.dir.join(SEGMENTS))?;
            Ok(file)
        };
        match make() {
            Ok(file) => Ok(Some(file)),
            // The name alone may be what found no room.
            Err(error) if is_no_room(&error) => match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _gone => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    pub(super) fn no_room(&self, bytes: u64) -> SpoolError {
        SpoolError::NoRoom {
            path: self.dir.clone(),
            mib: bytes >> 20,
        }
    }

    pub(super) fn remove(&self, first: u64) -> Result<(), SpoolError> {
        let path = path(&self.dir, first);
        fs::remove_file(&path).map_err(failed("remove", &path))
    }

    /// How far the spool is sealed; from the beginning when that was never said.
    pub(super) fn mark(&self) -> Result<Mark, SpoolError> {
        let path = self.dir.join(SEALED);
        let damaged = |why: String| SpoolError::Damaged {
            path: path.clone(),
            why,
        };
        match fs::metadata(&path) {
            Ok(file) if file.len() > MAX_MARK_FILE => {
                let got = file.len();
                return Err(damaged(format!(
                    "expected at most {MAX_MARK_FILE} bytes, got {got}"
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Mark::default()),
            Err(error) => return Err(failed("look at", &path)(error)),
        }
        let text = fs::read(&path).map_err(failed("read", &path))?;
        let file: MarkFile =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if file.format != FORMAT {
            let why = format!("expected format {FORMAT}, got {}", file.format);
            return Err(damaged(why));
        }
        Ok(Mark {
            number: file.number,
            next: file.next,
            first: file.first,
            places: file.places,
        })
    }

    pub(super) fn set_mark(&self, mark: &Mark) -> io::Result<()> {
        let file = MarkFile {
            format: FORMAT,
            number: mark.number,
            next: mark.next,
            first: mark.first,
            places: mark.places.clone(),
        };
        let text = serde_json::to_vec(&file).map_err(io::Error::other)?;
        replace(&self.dir, SEALED, &text)
    }
}

/// Whether the mark of a spool names this owner.
pub(super) fn check_owner(path: &Path, dir: &Path, owner: &Owner) -> Result<(), SpoolError> {
    let damaged = |why: String| SpoolError::Damaged {
        path: path.to_owned(),
        why,
    };
    let text = fs::read(path).map_err(failed("read", path))?;
    let file: OwnerFile =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if file.format != FORMAT {
        let why = format!("expected format {FORMAT}, got {}", file.format);
        return Err(damaged(why));
    }
    if (&file.identity, &file.log) != (&owner.identity, &owner.log) {
        let whose = |identity: &str, log: &str| format!("{identity} for the log {log}");
        return Err(SpoolError::Foreign {
            path: dir.to_owned(),
            expected: whose(&owner.identity, &owner.log),
            got: whose(&file.identity, &file.log),
        });
    }
    Ok(())
}
