//! `quarantine/`: what recovery took out of a log's end, until the log has told of it and after.

use std::io;

use countersign_chain::hash::{self, Hash};

use crate::fs::Fs;

/// Folder of what recovery took out of a log's end.
pub const QUARANTINE: &str = "quarantine";

/// Bytes of a commit that never became whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Number of bytes.
    pub bytes: u64,
    /// SHA-256 over them.
    pub sha256: Hash,
}

/// Keeps torn bytes before their space is cleared.
pub(super) fn keep(fs: &dyn Fs, torn: &[u8]) -> io::Result<Torn> {
    let sha256 = hash::digest(torn);
    let path = pending_path(&sha256);
    fs.create_dir(QUARANTINE)?;
    fs.sync_dir("")?;
    if !fs.exists(&path)? {
        let making = format!("{QUARANTINE}/making");
        if fs.exists(&making)? {
            fs.remove(&making)?;
        }
        let file = fs.create_new(&making)?;
        file.write_all_at(torn, 0)?;
        file.sync_all()?;
        fs.rename_noreplace(&making, &path)?;
    }
    fs.sync_dir(QUARANTINE)?;
    Ok(Torn {
        bytes: u64::try_from(torn.len()).unwrap_or(u64::MAX),
        sha256,
    })
}

fn pending_path(sha256: &Hash) -> String {
    format!("{QUARANTINE}/{sha256}.pending")
}

/// What recovery put into quarantine and the log has not told yet.
///
/// # Errors
/// What the file system says.
pub fn pending(fs: &dyn Fs) -> io::Result<Vec<Torn>> {
    if !fs.exists(QUARANTINE)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in fs
        .list(QUARANTINE)?
        .iter()
        .filter(|name| name.ends_with(".pending"))
    {
        let file = fs.open_read(&format!("{QUARANTINE}/{name}"))?;
        let len = file.len()?;
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        found.push(Torn {
            bytes: len,
            sha256: hash::digest(&bytes),
        });
    }
    Ok(found)
}

/// Marks torn bytes as told, after the entry that names them is durable.
///
/// # Errors
/// What the file system says.
pub fn told(fs: &dyn Fs, torn: &Torn) -> io::Result<()> {
    let from = pending_path(&torn.sha256);
    if fs.exists(&from)? {
        fs.rename(&from, &format!("{QUARANTINE}/{}.torn", torn.sha256))?;
    }
    fs.sync_dir(QUARANTINE)
}
