//! One verification, from the choice of the key to the report.

use countersign_chain::checkpoint::{CheckpointError, SignedCheckpoint};
use countersign_chain::key::{KeyError, VerifierKey};

use crate::finding::Findings;
use crate::look::{self, Look};
use crate::promise::{Judge, Watch};
use crate::report::{Report, Trust};
use crate::source::{Holder, Promise, Source, SourceError};
use crate::traces::blobs::BlobFolder;
use crate::tree::StoredTree;
use crate::walk::Walk;
use crate::window::Window;

/// What an auditor brings along.
#[derive(Debug, Default)]
pub struct Request {
    /// The key that the log must be signed with; without it the source's own word is taken.
    pub key: Option<VerifierKey>,
    /// Checkpoints of the log from elsewhere: name and bytes.
    pub supplied: Vec<(String, Vec<u8>)>,
    /// The newest checkpoint that was verified before: name of the file and bytes.
    pub remembered: Option<(String, Vec<u8>)>,
}

/// Why nothing can be said about a log.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nobody names a key.
    #[error("no key was given, and the {0} names none that can be read")]
    NoKey(&'static str),
    /// A file that should hold a checkpoint holds something else.
    #[error(
        "{name} is no signed checkpoint ({error}); it takes a file that `verify --remember` wrote, \
         or a checkpoint that the ledger published"
    )]
    NoCheckpoint {
        /// Which file.
        name: String,
        /// Why not.
        error: CheckpointError,
    },
    /// The only key that is named is none.
    #[error("the {name} names a key that cannot be used: {error}")]
    BadKey {
        /// Which source.
        name: &'static str,
        /// Why not.
        error: KeyError,
    },
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes of commits that were checked since the last step.
    pub bytes: u64,
    /// Entries that were checked since the last step.
    pub entries: u64,
}

/// Verifies a log. `step` is told how far it is.
///
/// # Errors
/// [`CheckError`] when nothing can be said about it. Whatever is wrong with the log itself is in
/// the report.
pub fn check(
    source: &mut dyn Source,
    request: &Request,
    step: &mut dyn FnMut(Step),
) -> Result<Report, CheckError> {
    let (key, trust) = choose_key(source, request)?;
    for (name, bytes) in request.supplied.iter().chain(&request.remembered) {
        must_be_checkpoint(name, bytes, &key)?;
    }
    let mut found = Findings::default();
    let mut promises = source.promises(&key, &mut found)?;
    for (name, bytes) in &request.supplied {
        let holder = Holder::Supplied(name.clone());
        promises.extend(crate::source::open(holder, bytes, &key, &mut found));
    }
    if let Some((_, bytes)) = &request.remembered {
        promises.extend(crate::source::open(
            Holder::Remembered,
            bytes,
            &key,
            &mut found,
        ));
    }
    let sizes = promises.iter().map(|promise| promise.checkpoint.size());
    let floor = sizes.max().unwrap_or(0);
    let tree = source.tree_folder().map(|folder| StoredTree::open(&folder));
    let blobs = BlobFolder::new(source.blob_folder());
    let walk = Walk::new(&key, Watch::new(&promises), floor, tree);
    let mut walk = walk.with_blobs(blobs.clone());
    walk.findings.append(found);
    pass(source, (&key, &blobs), &mut walk, step)?;
    walk.finish();
    Ok(conclude(walk, &promises, (key.clone(), trust)))
}

/// A window on its way through reading, the first look and the walk.
#[derive(Default)]
struct Stretch {
    /// `None` at the end of the log.
    window: Option<Window>,
    /// What the source found while it read.
    found: Findings,
    looks: Vec<Look>,
}

impl Stretch {
    fn read(source: &mut dyn Source) -> Result<Self, SourceError> {
        let mut stretch = Self::default();
        stretch.window = source.next(&mut stretch.found)?;
        Ok(stretch)
    }

    fn look(&mut self, key: &VerifierKey, blobs: &BlobFolder) {
        if let Some(window) = &self.window {
            self.looks = look::look(window, key, blobs);
        }
    }

    /// Lets the walk take it; returns the bytes of the window.
    fn walk(self, walk: &mut Walk<'_>) -> Option<Vec<u8>> {
        walk.findings.append(self.found);
        let window = self.window?;
        walk.window(&window, self.looks);
        Some(window.bytes)
    }
}

/// Reads the log, looks at its commits and walks along them. While one window is looked at, the
/// next one is read and the walk takes the one before, so that three are in memory.
fn pass(
    source: &mut dyn Source,
    (key, blobs): (&VerifierKey, &BlobFolder),
    walk: &mut Walk<'_>,
    step: &mut dyn FnMut(Step),
) -> Result<(), SourceError> {
    let mut read = Some(Stretch::read(source)?);
    let mut looked: Option<Stretch> = None;
    while read.is_some() || looked.is_some() {
        let before = walk.checked;
        let ended = read.as_ref().is_none_or(|read| read.window.is_none());
        let (next, (walked, mut looking)) = rayon::join(
            || (!ended).then(|| Stretch::read(source)).transpose(),
            || {
                let walked = || looked.take().and_then(|looked| looked.walk(walk));
                let looking = || {
                    let mut read = read.take();
                    read.iter_mut().for_each(|read| read.look(key, blobs));
                    read
                };
                rayon::join(walked, looking)
            },
        );
        (read, looked) = (next?, looking.take());
        if let Some(bytes) = walked {
            source.reuse(bytes);
            step(Step {
                bytes: walk.checked.bytes.saturating_sub(before.bytes),
                entries: walk.checked.entries.saturating_sub(before.entries),
            });
        }
    }
    Ok(())
}

/// What is not of the form of a signed checkpoint says nothing about the log.
fn must_be_checkpoint(name: &str, bytes: &[u8], key: &VerifierKey) -> Result<(), CheckError> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match SignedCheckpoint::open(text, key) {
        Err(error) if error.code() == "bad-note" => {
            let name = name.to_owned();
            Err(CheckError::NoCheckpoint { name, error })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Takes the pinned key, or the first one that the source names and that is one.
fn choose_key(source: &dyn Source, request: &Request) -> Result<(VerifierKey, Trust), CheckError> {
    if let Some(key) = &request.key {
        return Ok((key.clone(), Trust::Pinned));
    }
    let name = source.name();
    let mut refused = CheckError::NoKey(name);
    for vkey in source.vkeys() {
        match VerifierKey::parse(&vkey) {
            Ok(key) => return Ok((key, Trust::Unpinned(name))),
            Err(error) => refused = CheckError::BadKey { name, error },
        }
    }
    Err(refused)
}

/// Compares the log with what was promised and puts the report together.
fn conclude(
    mut walk: Walk<'_>,
    promises: &[Promise],
    (key, trust): (VerifierKey, Trust),
) -> Report {
    let size = walk.head().size();
    // Where nothing was promised, nobody knows how much there must be.
    let mut complete = walk.watch.is_whole() && !promises.is_empty();
    let mut newest: Option<&SignedCheckpoint> = None;
    let mut judge = Judge {
        watch: &walk.watch,
        size,
        newest: walk.newest.as_ref(),
        findings: &mut walk.findings,
        evidence: &mut walk.evidence,
    };
    for promise in promises {
        let checkpoint = &promise.checkpoint;
        complete &= checkpoint.size() <= size;
        let newer = newest.is_none_or(|newest| newest.size() < checkpoint.size());
        if judge.judge(promise) && newer {
            newest = Some(checkpoint);
        }
    }
    walk.checked.checkpoints = u64::try_from(promises.len()).unwrap_or(u64::MAX);
    Report {
        trust,
        key,
        size,
        root: walk.root(),
        promised: newest.cloned(),
        floor: promises
            .iter()
            .map(|promise| promise.checkpoint.size())
            .max(),
        checkpoint: walk.newest,
        complete,
        findings: walk.findings,
        evidence: walk.evidence,
        checked: walk.checked,
    }
}
