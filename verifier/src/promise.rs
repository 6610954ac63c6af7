//! Promises and what became of them: signed checkpoints that someone holds, compared with the log
//! at their size.

use std::collections::BTreeMap;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::hash::{self, Hash};

use crate::evidence::{Evidence, Exhibit};
use crate::finding::{Code, Findings, Flaw};
use crate::source::{HeadEnd, Holder, Promise};

/// The end of a commit.
#[derive(Debug, Clone)]
pub(crate) struct CommitEnd {
    /// Number of entries up to here.
    pub(crate) size: u64,
    /// Root over them; `None` where damage before it keeps it from being computed.
    pub(crate) root: Option<Hash>,
    /// Microseconds of the last entry; `None` where it cannot be read.
    pub(crate) time: Option<u64>,
    /// Leaf hash of the last entry.
    pub(crate) last_leaf: Hash,
    /// First index of its segment.
    pub(crate) segment: u64,
    /// File offset behind it.
    pub(crate) offset: u64,
}

/// What the log has at a size that someone was promised.
#[derive(Debug, Clone)]
enum Met {
    /// A commit ends there; with its checkpoint.
    Boundary(CommitEnd, Option<SignedCheckpoint>),
    /// The size is inside a commit that ends here; with its checkpoint.
    Inside(u64, Option<SignedCheckpoint>),
}

/// Watches for the sizes that were promised while the log is read.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    waiting: BTreeMap<u64, ()>,
    met: BTreeMap<u64, Met>,
    /// Runs of entries that could not be read: from the first up to below the second.
    lost: Vec<(u64, u64)>,
}

impl Watch {
    /// Watches for these.
    pub(crate) fn new(promises: &[Promise]) -> Self {
        let sizes = promises.iter().map(|promise| promise.checkpoint.size());
        let mut watch = Self {
            waiting: sizes.map(|size| (size, ())).collect(),
            ..Self::default()
        };
        if watch.waiting.remove(&0).is_some() {
            let end = CommitEnd {
                size: 0,
                root: Some(hash::empty_root()),
                time: None,
                last_leaf: Hash::ZERO,
                segment: 0,
                offset: 0,
            };
            watch.met.insert(0, Met::Boundary(end, None));
        }
        watch
    }

    /// The log is read from here on.
    pub(crate) fn begin(&mut self, head: &LogHead) {
        let size = head.size();
        self.waiting.retain(|waiting, ()| *waiting > size);
        let end = CommitEnd {
            size,
            root: Some(head.frontier().root()),
            time: None,
            last_leaf: head.last_leaf(),
            segment: 0,
            offset: 0,
        };
        self.met.insert(size, Met::Boundary(end, None));
    }

    /// Whether someone was promised a size up to this one.
    pub(crate) fn waits_below(&self, size: u64) -> bool {
        self.waiting
            .first_key_value()
            .is_some_and(|(first, ())| *first <= size)
    }

    /// A commit ended.
    pub(crate) fn ended(&mut self, end: &CommitEnd, checkpoint: Option<&SignedCheckpoint>) {
        while let Some(first) = self
            .waiting
            .first_entry()
            .filter(|at| *at.key() <= end.size)
        {
            let (size, ()) = first.remove_entry();
            let met = if size == end.size {
                Met::Boundary(end.clone(), checkpoint.cloned())
            } else {
                Met::Inside(end.size, checkpoint.cloned())
            };
            self.met.insert(size, met);
        }
    }

    /// Entries are missing.
    pub(crate) fn lost(&mut self, from: u64, to: u64) {
        self.lost.push((from, to));
    }

    /// Whether nothing is missing.
    pub(crate) fn is_whole(&self) -> bool {
        self.lost.is_empty()
    }

    fn is_lost(&self, size: u64) -> bool {
        let last = size.saturating_sub(1);
        self.lost
            .iter()
            .any(|(from, to)| (*from..*to).contains(&last))
    }
}

/// What the promises are compared with.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) watch: &'a Watch,
    /// Entries that the log holds.
    pub(crate) size: u64,
    /// The newest checkpoint in the log.
    pub(crate) newest: Option<&'a SignedCheckpoint>,
    pub(crate) findings: &'a mut Findings,
    pub(crate) evidence: &'a mut Evidence,
}

impl Judge<'_> {
    /// Compares one promise with the log; whether the log keeps it.
    pub(crate) fn judge(&mut self, promise: &Promise) -> bool {
        let size = promise.checkpoint.size();
        let holder = &promise.holder;
        if size > self.size {
            let text = format!(
                "{holder} has size {size}; the log ends after {} entries",
                self.size
            );
            self.contradiction(Code::LogCut, self.size, text, promise, None);
            return false;
        }
        match self.watch.met.get(&size) {
            Some(Met::Boundary(end, own)) => self.at_boundary(promise, end, own.as_ref()),
            Some(Met::Inside(end, own)) if !self.watch.is_lost(size) => {
                let text = format!(
                    "{holder} has size {size}, and no commit ends there; one ends at {end}"
                );
                let code = contradiction_code(holder);
                self.contradiction(code, size.saturating_sub(1), text, promise, own.as_ref());
                false
            }
            Some(Met::Inside(..)) | None => {
                self.not_compared(promise, "entries of its commit are missing");
                false
            }
        }
    }

    fn at_boundary(
        &mut self,
        promise: &Promise,
        end: &CommitEnd,
        own: Option<&SignedCheckpoint>,
    ) -> bool {
        let (holder, promised) = (&promise.holder, promise.checkpoint.root());
        let Some(root) = end.root else {
            self.not_compared(promise, "damage before it hides the root");
            return false;
        };
        let index = end.size.saturating_sub(1);
        if promised != root {
            let text = format!(
                "{holder} of size {} has root {promised}; the log has {root}",
                end.size
            );
            let code = contradiction_code(holder);
            self.contradiction(code, index, text, promise, own);
            return false;
        }
        if let Holder::Head(head) = holder
            && let Some(text) = head_differs(head, end)
        {
            let text = format!("{holder} of size {}: {text}", end.size);
            self.findings.add(Code::HeadMismatch, Some(index), text);
            return false;
        }
        true
    }

    /// The copy does not hold the entries that a promise is about.
    pub(crate) fn not_covered(&mut self, promise: &Promise) {
        let text = format!(
            "{}, of size {}, is about entries that are not all in the copy",
            promise.holder,
            promise.checkpoint.size()
        );
        self.findings.add(Code::Copy(Flaw::NotCovered), None, text);
    }

    fn not_compared(&mut self, promise: &Promise, why: &str) {
        let size = promise.checkpoint.size();
        let text = format!(
            "{} of size {size} could not be compared: {why}",
            promise.holder
        );
        self.findings
            .add(Code::RootsUnchecked, size.checked_sub(1), text);
    }

    fn contradiction(
        &mut self,
        code: Code,
        index: u64,
        text: String,
        promise: &Promise,
        own: Option<&SignedCheckpoint>,
    ) {
        let mut files = vec![(
            "checkpoint-promised",
            promise.checkpoint.text().as_bytes().to_vec(),
        )];
        if let Some(own) = own.or(self.newest) {
            files.push(("checkpoint-in-log", own.text().as_bytes().to_vec()));
        }
        let how = format!(
            "{text}.\nBoth checkpoints are signed by the log's key. Of one size, \
             they must have one root; \
             and a log\nnever becomes shorter than a checkpoint that was given out."
        );
        self.evidence.add(Exhibit {
            code,
            index: Some(index),
            files,
            how,
        });
        self.findings.add(code, Some(index), text);
    }
}

/// A head that contradicts the log is the folder's fault; a checkpoint that was given out is a
/// second history.
const fn contradiction_code(holder: &Holder) -> Code {
    match holder {
        Holder::Head(_) => Code::HeadMismatch,
        Holder::Published
        | Holder::Server
        | Holder::Remembered
        | Holder::Supplied(_)
        | Holder::Copy(_) => Code::Forked,
    }
}

fn head_differs(head: &HeadEnd, end: &CommitEnd) -> Option<String> {
    let differs = |what: &str, got: String, expected: String| {
        (got != expected).then(|| format!("{what} is {got}; the log has {expected}"))
    };
    let time = end.time.unwrap_or(head.time);
    differs("time", head.time.to_string(), time.to_string())
        .or_else(|| {
            differs(
                "last leaf",
                head.last_leaf.to_string(),
                end.last_leaf.to_string(),
            )
        })
        .or_else(|| differs("segment", head.segment.to_string(), end.segment.to_string()))
        .or_else(|| differs("offset", head.offset.to_string(), end.offset.to_string()))
}
