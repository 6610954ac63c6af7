//! The end of a verification: what was promised is compared with what is there.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::VerifierKey;

use crate::promise::Judge;
use crate::report::{Report, Trust};
use crate::source::{Copied, Promise};
use crate::walk::Walk;

/// What of the log the source held.
#[derive(Debug)]
pub(super) struct Extent {
    /// Number of entries before it.
    pub(super) begin: u64,
    /// Of a copy.
    pub(super) copied: Option<Copied>,
}

impl Extent {
    /// Whether a copy says nothing about a checkpoint of this size; `size` entries were walked
    /// along.
    fn is_beyond(&self, promised: u64, size: u64) -> bool {
        self.copied.as_ref().is_some_and(|copied| {
            !copied.whole || promised > size.max(self.begin) || promised < self.begin
        })
    }

    /// Whether a copy holds its range without a hole.
    fn is_filled(&self, size: u64) -> Option<bool> {
        let copied = self.copied.as_ref()?;
        let end = size.max(self.begin).saturating_add(copied.alone);
        Some(copied.whole && self.begin == copied.first && end == copied.end)
    }
}

/// Compares the log with what was promised and puts the report together.
pub(super) fn conclude(
    mut walk: Walk<'_>,
    promises: &[Promise],
    extent: Extent,
    (key, trust): (VerifierKey, Trust),
) -> Report {
    let size = walk.head().size();
    // Where nothing was promised, nobody knows how much there must be.
    let filled = extent.is_filled(size).unwrap_or(!promises.is_empty());
    let mut complete = walk.watch.is_whole() && filled;
    let mut newest: Option<&SignedCheckpoint> = None;
    let mut beyond = false;
    let mut judge = Judge {
        watch: &walk.watch,
        size,
        newest: walk.newest.as_ref(),
        findings: &mut walk.findings,
        evidence: &mut walk.evidence,
    };
    for promise in promises {
        let checkpoint = &promise.checkpoint;
        if extent.is_beyond(checkpoint.size(), size) {
            beyond = true;
            judge.not_covered(promise);
            continue;
        }
        complete &= checkpoint.size() <= size;
        let newer = newest.is_none_or(|newest| newest.size() < checkpoint.size());
        if judge.judge(promise) && newer {
            newest = Some(checkpoint);
        }
    }
    walk.checked.checkpoints = u64::try_from(promises.len()).unwrap_or(u64::MAX);
    if let Some(copied) = &extent.copied {
        let checked = &mut walk.checked;
        checked.entries = checked.entries.saturating_add(copied.alone);
        checked.signatures = checked.signatures.saturating_add(copied.signatures);
    }
    let sizes = promises.iter().map(|promise| promise.checkpoint.size());
    Report {
        trust,
        key,
        size: extent
            .copied
            .as_ref()
            .map_or(size, |_| walk.checked.entries),
        root: walk.root().filter(|_| size > 0 || extent.copied.is_none()),
        // A copy that says nothing about some of them is no progress to remember.
        promised: newest.filter(|_| !beyond).cloned(),
        floor: sizes.max(),
        checkpoint: walk.newest,
        complete: complete && !beyond,
        copied: extent.copied,
        findings: walk.findings,
        evidence: walk.evidence,
        checked: walk.checked,
    }
}
