//! The list of certificates, read back from the log.
//!
//! A log of ten million entries has some hundreds that are about certificates, so the list is kept
//! in a file, up to some entry, and only what comes behind is read. The file is derived: one that
//! is missing, damaged, or of another log is passed over, and the whole log is read.
//!
//! ```text
//! certificates.json = JSON of `Kept` on one line | "\n" | SHA-256 of that line, hexadecimal | "\n"
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::hash::{self, digest};
use countersign_chain::record::Record;
use countersign_proto::event::{Kinded, Known};
use countersign_proto::v1::{CertificateIssued, CertificateRevoked};
use serde::{Deserialize, Serialize};

use crate::identity::desk::CertificateDesk;
use crate::identity::files::{self, Access};
use crate::identity::registry::{CertificateFacts, Registry};
use crate::limits::{CERTIFICATES_STRIDE, READ_BYTES};
use crate::log::{Log, LookupError};
use crate::store::ReadError;

/// The file in the data folder.
const FILE: &str = "certificates.json";
const FORMAT: u32 = 1;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    /// Number of entries that the list is made of, at least 1.
    size: u64,
    /// Leaf hash of the last of them, base64: it tells one log from another.
    leaf: String,
    certificates: Vec<CertificateFacts>,
}

/// Why the list could not be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    File(#[from] files::FileError),
    #[error("cannot encode: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("the work was cut off: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Which certificates were issued and revoked, and the number of entries for which the file tells
/// it.
pub(super) async fn load(dir: &Path, log: &Arc<Log>) -> Result<(Registry, u64), ReadError> {
    let (path, log) = (dir.join(FILE), Arc::clone(log));
    let read = move || {
        let (registry, kept) = match read_kept(&path, &log) {
            Some(kept) => (Registry::of(kept.certificates), kept.size),
            None => (Registry::new(), 0),
        };
        scan(&log, &registry, kept)?;
        Ok((registry, kept))
    };
    let loaded = tokio::task::spawn_blocking(read).await;
    loaded.unwrap_or_else(|error| Err(ReadError::Io(io::Error::other(error))))
}

/// Keeps the list on disk as the log grows. It is derived: without it a start takes longer.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    log: Arc<Log>,
    desk: CertificateDesk,
    /// Size of the log when the list was kept.
    kept: AtomicU64,
}

impl Keeper {
    pub(super) fn new(dir: &Path, log: Arc<Log>, desk: CertificateDesk, kept: u64) -> Self {
        Self {
            path: dir.join(FILE),
            log,
            desk,
            kept: AtomicU64::new(kept),
        }
    }

    /// Keeps the list when the log has grown much since.
    pub(super) async fn keep_when_grown(&self) {
        let kept = self.kept.load(Ordering::Relaxed);
        if self.log.accepted_size().saturating_sub(kept) >= CERTIFICATES_STRIDE {
            self.keep().await;
        }
    }

    /// Keeps what is known of certificates now.
    pub(super) async fn keep(&self) {
        let (size, certificates) = self.desk.known().await;
        let (path, log) = (self.path.clone(), Arc::clone(&self.log));
        let written =
            tokio::task::spawn_blocking(move || write(&path, &log, size, certificates)).await;
        match written.map_err(KeepError::from).flatten() {
            Ok(()) => self.kept.store(size, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "cannot keep the list of certificates"),
        }
    }
}

fn write(
    path: &Path,
    log: &Log,
    size: u64,
    certificates: Vec<CertificateFacts>,
) -> Result<(), KeepError> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(());
    };
    let kept = Kept {
        format: FORMAT,
        size,
        leaf: leaf(log, last)?,
        certificates,
    };
    let line = serde_json::to_string(&kept)?;
    let text = format!("{line}\n{}\n", hex(&line));
    Ok(files::replace(path, &text, Access::Owner)?)
}

/// The file, when it is whole and of this log.
fn read_kept(path: &PathBuf, log: &Log) -> Option<Kept> {
    let text = fs::read_to_string(path).ok()?;
    let kept = parse(&text);
    let fits = kept.as_ref().is_some_and(|kept| {
        let last = kept.size.checked_sub(1);
        last.filter(|last| *last < log.accepted_size())
            .and_then(|last| leaf(log, last).ok())
            .is_some_and(|leaf| leaf == kept.leaf)
    });
    if !fits {
        tracing::warn!(
            path = %path.display(),
            "the kept list of certificates is not of this log; reading the log",
        );
    }
    kept.filter(|_| fits)
}

fn parse(text: &str) -> Option<Kept> {
    let (line, sum) = text.split_once('\n')?;
    if sum.strip_suffix('\n')? != hex(line) {
        return None;
    }
    let kept: Kept = serde_json::from_str(line).ok()?;
    (kept.format == FORMAT).then_some(kept)
}

fn hex(line: &str) -> String {
    digest(line.as_bytes()).to_string()
}

fn leaf(log: &Log, index: u64) -> Result<String, LookupError> {
    let (record, _checkpoint) = log.entry(index)?;
    Ok(hash::leaf(&record).to_base64())
}

/// Takes over what entries from `next` on tell.
fn scan(log: &Log, registry: &Registry, mut next: u64) -> Result<(), ReadError> {
    let size = log.accepted_size();
    while next < size {
        let run = log.read(next, 4 * READ_BYTES)?;
        for frame in run.frames() {
            let frame = frame.map_err(|error| ReadError::Damaged { index: next, error })?;
            for bytes in frame.records() {
                apply(registry, bytes, next);
            }
            next = frame.size_after();
        }
    }
    Ok(())
}

/// Entries that the registry is made of.
const CERTIFICATE_KINDS: [u16; 2] = [
    <CertificateIssued as Kinded>::KIND,
    <CertificateRevoked as Kinded>::KIND,
];

/// Takes over what an entry tells, unless it is older than `from`: a frame can begin before that.
fn apply(registry: &Registry, bytes: &[u8], from: u64) {
    let Ok(record) = Record::parse(bytes) else {
        return;
    };
    let index = record.index().get();
    if index < from || !CERTIFICATE_KINDS.contains(&record.kind().get()) {
        return;
    }
    match Known::decode(record.kind().get(), record.payload()) {
        Ok(Known::CertificateIssued(event)) => registry.apply_issued(index, &event),
        Ok(Known::CertificateRevoked(event)) => registry.apply_revoked(index, &event),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_nothing() {
        let kept = Kept {
            format: FORMAT,
            size: 3,
            leaf: "x".to_owned(),
            certificates: vec![CertificateFacts {
                serial: "0a".to_owned(),
                revoked_index: 2,
                ..CertificateFacts::default()
            }],
        };
        let line = serde_json::to_string(&kept).unwrap();
        let text = format!("{line}\n{}\n", hex(&line));
        let read = parse(&text).unwrap();
        assert_eq!((read.size, read.certificates), (3, kept.certificates));
        for cut in 0..text.len() {
            assert!(parse(&text[..cut]).is_none(), "{cut}");
        }
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            assert!(parse(&changed).is_none(), "{at}");
        }
        let other = line.replace("\"format\":1", "\"format\":2");
        assert!(parse(&format!("{other}\n{}\n", hex(&other))).is_none());
    }
}
