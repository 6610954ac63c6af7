//! The folder of an export: who may write to it, what is in it, and how a file gets its name.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_chain::hash::Hash;
use countersign_export::manifest::{self, Manifest, ManifestError};
use countersign_export::sheet::Out;
use sha2::{Digest as _, Sha256};

use super::lock::Lock;

/// How the names of files end that are being written.
const PART: &str = ".part";
/// Bytes of a manifest that are read at most: some 300 bytes for each of 200,000 files.
const MAX_MANIFEST: u64 = 64 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The disk says no.
    #[error("{path}: {error}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another export writes to it.
    #[error("another export writes to {0}; wait for it, or choose another folder")]
    Busy(PathBuf),
    /// A manifest cannot be read.
    #[error("{path}: {error}; choose another folder, or remove this one")]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: ManifestError,
    },
    /// Something else is in it.
    #[error("{path} holds an export of {what}; choose another folder")]
    Other {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// Files without a manifest are in it.
    #[error("{0} is a file of an export, and no manifest tells of it; choose another folder")]
    Stray(PathBuf),
    /// The files are of another history.
    #[error(
        "{path} ends with another entry {index} than the log: it was made of another log, or the \
         log was rolled back; choose another folder, and run `countersign verify` on the log"
    )]
    History {
        /// The file.
        path: PathBuf,
        /// Its last entry.
        index: u64,
    },
}

/// What manifests of the folder say.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Of an export that was whole.
    pub(super) whole: Option<Manifest>,
    /// Of one that was stopped.
    pub(super) partial: Option<Manifest>,
}

/// A folder that nobody else writes to.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Names of its files begin with this.
    prefix: String,
    /// And end with this.
    suffix: String,
    /// Given back when it is dropped.
    _lock: Lock,
}

/// An error about this path.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |error| FolderError::Io { path, error }
}

fn keep(root: &Path, part: &Path, name: &str) -> Result<(), FolderError> {
    let path = root.join(name);
    fs::rename(part, &path).map_err(at(&path))?;
    let mut folder = path.parent();
    while let Some(it) = folder.filter(|it| it.starts_with(root)) {
        let synced = File::open(it).and_then(|it| it.sync_all());
        synced.map_err(at(it))?;
        folder = it.parent();
    }
    Ok(())
}

/// Replaces a file of a folder, whole or not at all.
pub(super) fn replace(folder: &Path, name: &str, text: &str) -> Result<(), FolderError> {
    let part = folder.join(format!(".{name}{PART}"));
    let mut file = File::create(&part).map_err(at(&part))?;
    let written = file.write_all(text.as_bytes());
    written.and_then(|()| file.sync_all()).map_err(at(&part))?;
    keep(folder, &part, name)
}

impl Folder {
    /// Opens the folder, and makes it when it is not there. What is in it must be of an export like
    /// `head`.
    pub(super) fn open(
        path: &Path,
        head: &Manifest,
        extension: &str,
    ) -> Result<(Self, State), FolderError> {
        fs::create_dir_all(path).map_err(at(path))?;
        let lock = Lock::take(path)?.ok_or_else(|| FolderError::Busy(path.to_owned()))?;
        let folder = Self {
            path: path.to_owned(),
            prefix: format!("{}-", head.log),
            suffix: format!(".{extension}"),
            _lock: lock,
        };
        let state = State {
            whole: folder.read(manifest::FILE)?,
            partial: folder.read(manifest::PARTIAL)?,
        };
        for known in state.whole.iter().chain(&state.partial) {
            folder.must_be_like(known, head)?;
        }
        let known = state.whole.is_some() || state.partial.is_some();
        if let Some(stray) = folder.ours()?.into_iter().next().filter(|_| !known) {
            return Err(FolderError::Stray(stray));
        }
        Ok((folder, state))
    }

    fn must_be_like(&self, known: &Manifest, head: &Manifest) -> Result<(), FolderError> {
        let pairs = [
            ("preset", &known.preset, &head.preset),
            ("log", &known.log, &head.log),
            ("key", &known.vkey, &head.vkey),
            ("filter", &known.filter, &head.filter),
            ("settings", &known.settings, &head.settings),
        ];
        match pairs.into_iter().find(|(_, known, head)| known != head) {
            None => Ok(()),
            Some((name, known, head)) => Err(self.other(format!("{name} {known:?}, not {head:?}"))),
        }
    }

    pub(super) fn other(&self, what: String) -> FolderError {
        let path = self.path.clone();
        FolderError::Other { path, what }
    }

    fn read(&self, name: &str) -> Result<Option<Manifest>, FolderError> {
        let path = self.path.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        let mut text = String::new();
        file.take(MAX_MANIFEST)
            .read_to_string(&mut text)
            .map_err(at(&path))?;
        match Manifest::parse(&text) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) => Err(FolderError::Manifest { path, error }),
        }
    }

    /// Removes what a stopped run left, and says that an export is under way.
    pub(super) fn begin(&self, head: &Manifest, state: &State) -> Result<(), FolderError> {
        for path in self.files()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') && name.ends_with(PART) {
                fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        if state.partial.is_none() && state.whole.is_none() {
            self.replace(manifest::PARTIAL, &head.to_text())?;
        }
        Ok(())
    }

    /// Whether a file is there as it was written.
    pub(super) fn holds(&self, file: &manifest::File) -> Result<bool, FolderError> {
        let path = self.path.join(&file.path);
        let mut open = match File::open(&path) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(at(&path)(error)),
        };
        if open.metadata().map_err(at(&path))?.len() != file.bytes {
            return Ok(false);
        }
        let (mut hasher, mut room) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            let read = open.read(&mut room).map_err(at(&path))?;
            match room.get(..read) {
                Some(bytes) if !bytes.is_empty() => hasher.update(bytes),
                _ => break,
            }
        }
        let digest = Hash::from_bytes(hasher.finalize().into());
        Ok(digest.to_string() == file.sha256)
    }

    /// A file that is being written, below `shelf`.
    pub(super) fn part(&self, shelf: &str, first: u64) -> Result<(PathBuf, Out), FolderError> {
        let folder = self.path.join(shelf);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join(format!(".{}{first:012}{PART}", self.prefix));
        let file = File::create(&path).map_err(at(&path))?;
        Ok((path, Out::new(file)))
    }

    /// Removes a file that will not be written to its end.
    #[expect(clippy::unused_self, reason = "whoever holds the folder writes to it")]
    pub(super) fn drop_part(&self, part: &Path) -> Result<(), FolderError> {
        fs::remove_file(part).map_err(at(part))
    }

    /// Path below the folder of the file of a range.
    pub(super) fn name(&self, shelf: &str, first: u64, end: u64) -> String {
        let name = format!("{}{first:012}-{end:012}{}", self.prefix, self.suffix);
        match shelf {
            "" => name,
            shelf => format!("{shelf}/{name}"),
        }
    }

    /// Gives a file its name, for good.
    pub(super) fn keep(&self, part: &Path, name: &str) -> Result<(), FolderError> {
        keep(&self.path, part, name)
    }

    /// Replaces a file of the folder, whole or not at all.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<(), FolderError> {
        replace(&self.path, name, text)
    }

    /// Says what was exported, for good, and removes files that do not belong to it.
    pub(super) fn end(&self, manifest: Manifest, state: &State) -> Result<Manifest, FolderError> {
        for path in self.ours()? {
            let listed = |file: &manifest::File| self.path.join(&file.path) == path;
            if !manifest.files.iter().any(listed) {
                fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        if state.whole.as_ref() != Some(&manifest) {
            self.replace(manifest::FILE, &manifest.to_text())?;
        }
        self.forget()?;
        Ok(manifest)
    }

    /// There was nothing to export.
    pub(super) fn nothing(&self, state: &State) -> Result<(), FolderError> {
        match state.whole {
            Some(_) => Ok(()),
            None => self.forget(),
        }
    }

    fn forget(&self) -> Result<(), FolderError> {
        let partial = self.path.join(manifest::PARTIAL);
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&partial)(error)),
            _ => Ok(()),
        }
    }

    /// Files that have a name of this export, in order.
    fn ours(&self) -> Result<Vec<PathBuf>, FolderError> {
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let range = name.strip_prefix(&self.prefix);
            let range = range.and_then(|range| range.strip_suffix(&self.suffix));
            let ends = range.and_then(|range| range.split_once('-'));
            let digits =
                |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            ends.is_some_and(|(first, end)| digits(first) && digits(end))
        };
        Ok(self.files()?.into_iter().filter(ours).collect())
    }

    /// All files of the folder and the folders in it, in order.
    fn files(&self) -> Result<Vec<PathBuf>, FolderError> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(at(&folder))? {
                let entry = entry.map_err(at(&folder))?;
                let kind = entry.file_type().map_err(at(&folder))?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
        Ok(files)
    }
}
