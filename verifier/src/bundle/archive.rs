//! The archive, read without trust: whatever it says of itself, it costs no more than its own size
//! allows.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use countersign_proto::reading::text::hex;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::source::SourceError;

/// Bytes of a file that is read as a whole: records have 64 KiB, pages and lists of entries more.
const MAX_WHOLE: u64 = 256 * 1_048_576;
/// Files of an archive: two for each of 100,000 entries, and some.
const MAX_FILES: usize = 250_000;
/// Bytes that are read at once.
const CHUNK: usize = 65_536;
/// How a zip archive with files in it begins.
const MAGIC: &[u8; 4] = b"PK\x03\x04";

pub(super) fn is_zip(path: &Path) -> bool {
    let mut start = [0_u8; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *MAGIC
}

/// A zip archive.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

/// Size and SHA-256 of a file; or why it cannot be read to its end.
pub(super) type Measured = Result<(u64, String), String>;

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let io = |error| SourceError::Io {
            path: path.to_owned(),
            error,
        };
        let file = File::open(path).map_err(io)?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| io(other(error)))?;
        if zip.len() > MAX_FILES {
            let text = format!("{} files; expected at most {MAX_FILES}", zip.len());
            return Err(io(io::Error::other(text)));
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
        })
    }

    /// Names of all files; one that cannot be read is told as that.
    pub(super) fn names(&self) -> Vec<String> {
        let unreadable = |error: ZipError| format!("(a name that cannot be read: {error})");
        let names = self.zip.file_names();
        let names = names.map(|name| name.map_or_else(unreadable, |name| name.into_owned()));
        names.collect()
    }

    /// The archive is none of ours.
    pub(super) fn unreadable(&self, why: &str) -> SourceError {
        SourceError::Io {
            path: self.path.clone(),
            error: io::Error::other(why.to_owned()),
        }
    }

    /// A file without which nothing can be said.
    pub(super) fn must(&mut self, name: &str) -> Result<Vec<u8>, SourceError> {
        self.read(name)?
            .ok_or_else(|| self.unreadable(&format!("it is no bundle: {name} is missing")))
    }

    /// The bytes of a file; `None` when it is not there or cannot be read, which is found when it
    /// is compared with the manifest.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let mut bytes = Vec::new();
        let Some(file) = self.file(name)? else {
            return Ok(None);
        };
        let read = file.take(MAX_WHOLE).read_to_end(&mut bytes);
        Ok(read.is_ok().then_some(bytes))
    }

    /// Size and digest of a file; `None` when it is not there.
    pub(super) fn digest(&mut self, name: &str) -> Result<Option<Measured>, SourceError> {
        let Some(mut file) = self.file(name)? else {
            return Ok(None);
        };
        let (mut sha256, mut bytes) = (Sha256::new(), 0_u64);
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(Some(Ok((bytes, hex(&sha256.finalize()))))),
                Ok(count) => {
                    sha256.update(chunk.get(..count).unwrap_or_default());
                    bytes = bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(error) => return Ok(Some(Err(error.to_string()))),
            }
        }
    }

    /// A file to be read from its start; `None` when it is not there.
    pub(super) fn file(&mut self, name: &str) -> Result<Option<impl Read>, SourceError> {
        let path = &self.path;
        match self.zip.by_name(name) {
            Ok(file) => Ok(Some(file)),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(error) => Err(SourceError::Io {
                path: path.join(name),
                error: other(error),
            }),
        }
    }
}

fn other(error: ZipError) -> io::Error {
    if let ZipError::Io(error) = error {
        return error;
    }
    io::Error::other(error.to_string())
}
