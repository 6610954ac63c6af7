//! The files of a folder by their bytes: each one that the manifest lists, and no other one. They
//! are hashed while their rows are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use countersign_export::manifest::Manifest;
use countersign_proto::reading::text::{hex, printable};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use sha2::{Digest as _, Sha256};

use super::file::io;
use super::manifest::by_path;
use crate::finding::{Code, Findings, Flaw};
use crate::source::SourceError;

/// Length of a file, and its SHA-256.
type Digest = (u64, String);

/// Every file with its digest; or why one cannot be read.
type Digests = Result<BTreeMap<String, Digest>, SourceError>;

/// Files that are hashed by threads of their own: those that read rows wait for each other, and
/// would wait for a large file.
#[derive(Debug)]
pub(super) struct Hashing(Receiver<Digests>);

impl Hashing {
    /// Begins with these files: name and path of each.
    pub(super) fn begin(present: &BTreeMap<String, PathBuf>) -> Self {
        let files = present.clone();
        let (sender, hashed) = sync_channel(1);
        // Nobody waits for it any more when this fails.
        let hash = move || drop(sender.send(digests(files)));
        match ThreadPoolBuilder::new().build() {
            Ok(pool) => pool.spawn(hash),
            // No more threads: then now.
            Err(_) => hash(),
        }
        Self(hashed)
    }

    /// Waits until all are hashed.
    pub(super) fn end(self) -> Digests {
        // It always answers: a panic ends the process.
        self.0.recv().unwrap_or_else(|_| Ok(BTreeMap::new()))
    }
}

fn digests(files: BTreeMap<String, PathBuf>) -> Digests {
    let named = |(name, path): (String, PathBuf)| Ok((name, digest(&path)?));
    files.into_par_iter().map(named).collect()
}

/// Every listed file must be there with its bytes, and no other one. Where one is not, another may
/// hold what it should.
pub(super) fn judge(manifest: &Manifest, got: &BTreeMap<String, Digest>, findings: &mut Findings) {
    let listed = by_path(manifest);
    let holders = got
        .iter()
        .map(|(name, (_, sha256))| (sha256.as_str(), name.as_str()));
    let holders: BTreeMap<&str, &str> = holders.collect();
    let owners = listed
        .iter()
        .map(|(name, file)| (file.sha256.as_str(), *name));
    let owners: BTreeMap<&str, &str> = owners.collect();
    let owner = |sha256: &str| match owners.get(sha256) {
        Some(other) => format!("; it holds what {} should", printable(other)),
        None => String::new(),
    };
    let mut add = |flaw, text: String| findings.add(Code::Copy(flaw), None, text);
    for (name, file) in &listed {
        let shown = printable(name);
        let Some((bytes, sha256)) = got.get(*name) else {
            let text = match holders.get(file.sha256.as_str()) {
                Some(other) => format!("; {} holds what it should", printable(other)),
                None => String::new(),
            };
            add(Flaw::FileMissing, format!("{shown} is missing{text}"));
            continue;
        };
        let what = if *bytes != file.bytes {
            format!("has {bytes} bytes; the manifest says {}", file.bytes)
        } else if *sha256 != file.sha256 {
            format!("has SHA-256 {sha256}; the manifest says {}", file.sha256)
        } else {
            continue;
        };
        add(
            Flaw::FileChanged,
            format!("{shown} {what}{}", owner(sha256)),
        );
    }
    for (name, (_, sha256)) in got
        .iter()
        .filter(|(name, _)| !listed.contains_key(name.as_str()))
    {
        add(
            Flaw::FileUnlisted,
            format!("{}{}", printable(name), owner(sha256)),
        );
    }
}

fn digest(path: &Path) -> Result<Digest, SourceError> {
    let mut file = File::open(path).map_err(|error| io(path, error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 262_144];
    let mut len = 0_u64;
    loop {
        let got = file.read(&mut buffer).map_err(|error| io(path, error))?;
        if got == 0 {
            break;
        }
        hasher.update(buffer.get(..got).unwrap_or_default());
        len = len.saturating_add(u64::try_from(got).unwrap_or(u64::MAX));
    }
    Ok((len, hex(&<[u8; 32]>::from(hasher.finalize()))))
}
