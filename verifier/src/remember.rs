//! The newest checkpoint that was verified, in a file of its own: what makes a later cut or fork
//! visible.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::limits::MAX_NOTE;

/// Reads a checkpoint file; `None` when there is none.
///
/// # Errors
/// What the file system says; `InvalidData` for a file that is longer than a checkpoint can be.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let limit = u64::try_from(MAX_NOTE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_NOTE {
        let text = "longer than a checkpoint can be";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Some(bytes))
}

/// Replaces the file, whole or not at all.
///
/// # Errors
/// What the file system says; the file is then as it was.
pub fn replace(path: &Path, checkpoint: &SignedCheckpoint) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beside = name.to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = folder.join(beside);
    let written = write(&beside, checkpoint).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The error that counts is the first one.
        drop(fs::remove_file(&beside));
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write(path: &Path, checkpoint: &SignedCheckpoint) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(checkpoint.text().as_bytes())?;
    file.sync_all()
}
