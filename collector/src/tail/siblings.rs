//! Rotated files beside a followed one: `x.log.1`, `x.log-20261122`, `x.log.2.gz`.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What rotation left beside a file.
#[derive(Debug)]
pub(crate) struct Sibling {
    pub(crate) path: PathBuf,
    pub(crate) meta: Metadata,
    pub(crate) packed: Packed,
}

/// Whether lines can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// Yes.
    No,
    /// No: it was compressed.
    Compressed,
}

impl Sibling {
    /// When it was last written, for comparing.
    pub(crate) fn written(&self) -> (i64, i64) {
        written(&self.meta)
    }
}

/// When a file was last written, for comparing. Rotation renames and keeps it; compression copies
/// it.
pub(crate) fn written(meta: &Metadata) -> (i64, i64) {
    (meta.mtime(), meta.mtime_nsec())
}

/// The rotated files beside `path`, the oldest first.
pub(crate) fn siblings(path: &Path) -> io::Result<Vec<Sibling>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(packed) = rotated(name, &entry.file_name()) else {
            continue;
        };
        match entry.metadata() {
            Ok(meta) if meta.is_file() => {
                found.push(Sibling {
                    path: entry.path(),
                    meta,
                    packed,
                });
            }
            Ok(_) => {}
            // Rotation goes on while we look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by_key(Sibling::written);
    Ok(found)
}

/// Whether a name is that of a rotated file: the name, then digits with dots or dashes, then
/// perhaps the ending of a compressed file. Copies like `x.log.bak` are not.
fn rotated(name: &OsStr, other: &OsStr) -> Option<Packed> {
    let rest = other
        .as_encoded_bytes()
        .strip_prefix(name.as_encoded_bytes())?;
    let rest = std::str::from_utf8(rest).ok()?;
    let endings = [".gz", ".xz", ".bz2", ".zst"];
    let bare = endings.iter().find_map(|ending| rest.strip_suffix(ending));
    let (number, packed) = bare.map_or((rest, Packed::No), |bare| (bare, Packed::Compressed));
    let digits = number.strip_prefix(['.', '-'])?;
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    is_number.then_some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_told_from_others() {
        let table = [
            ("x.log.1", Some(Packed::No)),
            ("x.log.10", Some(Packed::No)),
            ("x.log-20261122", Some(Packed::No)),
            ("x.log-2026-11-22", Some(Packed::No)),
            ("x.log.2.gz", Some(Packed::Compressed)),
            ("x.log-20261122.zst", Some(Packed::Compressed)),
            ("x.log", None),
            ("x.log.gz", None),
            ("x.log.bak", None),
            ("x.log.1.bak", None),
            ("x.log1", None),
            ("x.log.", None),
            ("y.log.1", None),
        ];
        for (other, expected) in table {
            assert_eq!(
                rotated(OsStr::new("x.log"), OsStr::new(other)),
                expected,
                "{other}"
            );
        }
    }
}
