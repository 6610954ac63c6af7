//! One verification, from the choice of the key to the report.

mod conclude;

use std::ops::ControlFlow;

use countersign_chain::checkpoint::{CheckpointError, SignedCheckpoint};
use countersign_chain::hash::Hash;
use countersign_chain::key::{KeyError, VerifierKey};

use crate::finding::Findings;
use crate::look::{self, Look};
use crate::promise::Watch;
use crate::report::{Report, Trust};
use crate::source::{Holder, Promise, Scope, Source, SourceError};
use crate::traces::blobs::BlobFolder;
use crate::tree::StoredTree;
use crate::walk::Walk;
use crate::window::{Span, Window};

use conclude::{Extent, conclude};

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

impl Request {
    /// The bytes of what is remembered.
    #[must_use]
    pub fn remembered_note(&self) -> Option<&[u8]> {
        self.remembered.as_ref().map(|(_, bytes)| bytes.as_slice())
    }
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

/// A commit that holds by itself.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) span: Span,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) checkpoint: SignedCheckpoint,
}

/// Commits that were joined to the log, in order.
#[derive(Debug)]
pub(crate) struct Joined<'a> {
    pub(crate) window: &'a Window,
    pub(crate) commits: Vec<Held>,
}

/// Who takes entries behind the walk.
pub(crate) trait Companion {
    /// Takes commits that were verified. Not called any more after damage was found.
    fn take(&mut self, joined: Joined<'_>) -> ControlFlow<()>;
}

/// How a walk with a companion ended.
#[derive(Debug)]
pub(crate) enum Walked {
    /// At the end of the log.
    Whole(Box<Report>),
    /// Before it: by the companion, or because of what was found.
    Stopped(Findings),
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
    let chosen = choose_key(source, request)?;
    let mut judge = Judging::begin(source, request, &chosen.0)?;
    let mut walk = judge.walk(&chosen.0, source);
    // Nobody is there who could stop it.
    let _flow = pass(source, &mut walk, (step, None))?;
    Ok(judge.end(walk, source, chosen.clone()))
}

/// The key that [`check`] would take.
///
/// # Errors
/// [`CheckError`] when nobody names one.
pub fn key_of(source: &dyn Source, request: &Request) -> Result<VerifierKey, CheckError> {
    choose_key(source, request).map(|(key, _)| key)
}

/// Verifies a log as [`check`] does, and hands what holds to a companion.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_with(
    source: &mut dyn Source,
    request: &Request,
    step: &mut dyn FnMut(Step),
    companion: &mut dyn Companion,
) -> Result<Walked, CheckError> {
    let chosen = choose_key(source, request)?;
    let mut judge = Judging::begin(source, request, &chosen.0)?;
    let mut walk = judge.walk(&chosen.0, source);
    let flow = pass(source, &mut walk, (step, Some(companion)))?;
    if flow.is_break() {
        return Ok(Walked::Stopped(walk.findings));
    }
    let report = judge.end(walk, source, chosen.clone());
    Ok(Walked::Whole(Box::new(report)))
}

/// What a log must agree with.
#[derive(Debug)]
struct Judging {
    promises: Vec<Promise>,
    /// What was wrong with the promises.
    found: Findings,
    /// What of the log is there.
    scope: Scope,
}

impl Judging {
    fn begin(
        source: &mut dyn Source,
        request: &Request,
        key: &VerifierKey,
    ) -> Result<Self, CheckError> {
        for (name, bytes) in request.supplied.iter().chain(&request.remembered) {
            must_be_checkpoint(name, bytes, key)?;
        }
        let mut found = Findings::default();
        let mut promises = source.promises(key, &mut found)?;
        for (name, bytes) in &request.supplied {
            let holder = Holder::Supplied(name.clone());
            promises.extend(crate::source::open(holder, bytes, key, &mut found));
        }
        if let Some((_, bytes)) = &request.remembered {
            let opened = crate::source::open(Holder::Remembered, bytes, key, &mut found);
            promises.extend(opened);
        }
        let scope = source.scope();
        Ok(Self {
            promises,
            found,
            scope,
        })
    }

    fn walk<'k>(&mut self, key: &'k VerifierKey, source: &dyn Source) -> Walk<'k> {
        let sizes = self
            .promises
            .iter()
            .map(|promise| promise.checkpoint.size());
        let floor = sizes.max().unwrap_or(0);
        let tree = source.tree_folder().map(|folder| StoredTree::open(&folder));
        let walk = Walk::new(key, Watch::new(&self.promises), floor, tree);
        let walk = walk.with_blobs(BlobFolder::new(source.blob_folder()));
        let mut walk = walk.begin(&self.scope);
        walk.findings.append(std::mem::take(&mut self.found));
        walk
    }

    fn end(&self, mut walk: Walk<'_>, source: &dyn Source, chosen: (VerifierKey, Trust)) -> Report {
        let copied = source.copied();
        walk.finish();
        if copied.is_none() {
            walk.must_be_opened();
        }
        let extent = Extent {
            begin: match &self.scope {
                Scope::Range(head) => head.size(),
                Scope::Log | Scope::Chosen => 0,
            },
            copied,
        };
        conclude(walk, &self.promises, extent, chosen)
    }
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

    /// Lets the walk take it; returns the window, and its commits for a companion.
    fn walk(self, walk: &mut Walk<'_>, company: Company) -> Option<(Window, Vec<Held>)> {
        walk.findings.append(self.found);
        let window = self.window?;
        let held = match company {
            Company::Alone => Vec::new(),
            Company::Two => self.looks.iter().filter_map(Held::of).collect(),
        };
        walk.window(&window, self.looks);
        Some((window, held))
    }
}

/// Whether somebody takes what was walked along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Two,
}

impl Held {
    fn of(look: &Look) -> Option<Self> {
        let outline = look.outline.as_ref()?;
        Some(Self {
            span: look.span,
            leaves: outline.leaves().to_vec(),
            checkpoint: outline.checkpoint().clone(),
        })
    }
}

/// Who is told how far a walk is, and who takes what it passed.
type Told<'a> = (&'a mut dyn FnMut(Step), Option<&'a mut dyn Companion>);

/// Reads the log, looks at its commits and walks along them. While one window is looked at, the
/// next one is read and the walk takes the one before, so that three are in memory.
fn pass(
    source: &mut dyn Source,
    walk: &mut Walk<'_>,
    (step, mut companion): Told<'_>,
) -> Result<ControlFlow<()>, SourceError> {
    let (key, blobs) = (walk.key(), walk.blobs());
    let company = match companion {
        Some(_) => Company::Two,
        None => Company::Alone,
    };
    let mut read = Some(Stretch::read(source)?);
    let mut looked: Option<Stretch> = None;
    while read.is_some() || looked.is_some() {
        let before = walk.checked;
        let ended = read.as_ref().is_none_or(|read| read.window.is_none());
        let (next, (walked, mut looking)) = rayon::join(
            || (!ended).then(|| Stretch::read(source)).transpose(),
            || {
                let walked = || looked.take().and_then(|looked| looked.walk(walk, company));
                let looking = || {
                    let mut read = read.take();
                    read.iter_mut().for_each(|read| read.look(key, &blobs));
                    read
                };
                rayon::join(walked, looking)
            },
        );
        (read, looked) = (next?, looking.take());
        if let Some((window, commits)) = walked {
            step(Step {
                bytes: walk.checked.bytes.saturating_sub(before.bytes),
                entries: walk.checked.entries.saturating_sub(before.entries),
            });
            if let Some(companion) = &mut companion {
                let window = &window;
                let sound = walk.findings.damage_total() == 0;
                if !sound || companion.take(Joined { window, commits }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            source.reuse(window.bytes);
        }
    }
    let mut of_whole = Findings::default();
    source.end(&mut of_whole)?;
    walk.findings.put_first(of_whole);
    Ok(ControlFlow::Continue(()))
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
