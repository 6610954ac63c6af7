//! The walk along the log: commits that hold by themselves are joined in order; those that do not
//! get a closer look ([`mod@closer`]), and the walk goes on behind them.

mod checked;
mod closer;
mod entries;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_chain::verify::{LogVerifier, Outline};

use crate::cases::Cases;
use crate::evidence::{Evidence, Exhibit};
use crate::finding::{Code, Findings};
use crate::look::{self, Look};
use crate::payload::{self, UnknownKinds};
use crate::promise::{CommitEnd, Watch};
use crate::source::Scope;
use crate::traces::Traces;
use crate::traces::blobs::BlobFolder;
use crate::tree::StoredTree;
use crate::window::{Follow, Opens, Span, Window, peek_follow};

pub use checked::Checked;

/// Roots that may be computed to find changed entries, over the whole log.
const LOCATE_BUDGET: u32 = 100_000;

/// What stood before the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// The commit before it.
    InOrder,
    /// Bytes that could not be read as commits: a gap behind them was reported with them.
    Unread,
    /// A commit that stood before: a run of them is one finding.
    Repeated,
}

/// What was found on the way so far.
#[derive(Debug)]
pub(crate) struct Walk<'k> {
    key: &'k VerifierKey,
    verifier: LogVerifier,
    /// Whether the tree up to here is known to be the signed one.
    sure: bool,
    /// Entries below this were promised to someone.
    floor: u64,
    pub(crate) findings: Findings,
    pub(crate) evidence: Evidence,
    pub(crate) checked: Checked,
    pub(crate) watch: Watch,
    pub(crate) newest: Option<SignedCheckpoint>,
    tree: Option<StoredTree>,
    kinds: UnknownKinds,
    cases: Cases,
    traces: Traces,
    blobs: BlobFolder,
    /// Whether the log is there from its beginning, so that what entries do can be followed.
    followed: bool,
    budget: u32,
    /// Whether the last entry could be read, so that its time is known.
    time_known: bool,
    passed: Passed,
    /// Roots that could not be computed: index of the first, and number.
    unchecked: Option<(u64, u64)>,
}

impl<'k> Walk<'k> {
    pub(crate) fn new(
        key: &'k VerifierKey,
        watch: Watch,
        floor: u64,
        tree: Option<StoredTree>,
    ) -> Self {
        Self {
            key,
            verifier: LogVerifier::from_head(LogHead::empty()),
            sure: true,
            floor,
            findings: Findings::default(),
            evidence: Evidence::default(),
            checked: Checked::default(),
            watch,
            newest: None,
            tree,
            kinds: UnknownKinds::default(),
            cases: Cases::default(),
            traces: Traces::default(),
            blobs: BlobFolder::default(),
            followed: true,
            budget: LOCATE_BUDGET,
            time_known: true,
            passed: Passed::InOrder,
            unchecked: None,
        }
    }

    /// With the folder of the blobs.
    pub(crate) fn with_blobs(mut self, blobs: BlobFolder) -> Self {
        self.blobs = blobs;
        self
    }

    /// The key that everything is checked with.
    pub(crate) const fn key(&self) -> &'k VerifierKey {
        self.key
    }

    /// The folder of the blobs.
    pub(crate) fn blobs(&self) -> BlobFolder {
        self.blobs.clone()
    }

    /// Begins where the source does.
    pub(crate) fn begin(mut self, scope: &Scope) -> Self {
        match scope {
            Scope::Log => {}
            Scope::Range(head) => {
                self.verifier = LogVerifier::from_head(LogHead::clone(head));
                self.watch.begin(head);
                self.followed = false;
            }
            Scope::Chosen => self.followed = false,
        }
        self
    }

    /// What an entry said is not known.
    fn lost(&mut self, index: u64) {
        self.cases.lost(index);
        self.traces.lost(index);
    }

    /// The log so far.
    pub(crate) const fn head(&self) -> &LogHead {
        self.verifier.head()
    }

    /// Root of the log so far, where it is known to be the signed one.
    pub(crate) fn root(&self) -> Option<Hash> {
        self.sure.then(|| self.head().frontier().root())
    }

    /// Takes the commits of a window, in order.
    pub(crate) fn window(&mut self, window: &Window, looks: Vec<Look>) {
        if let Some(opens) = &window.opens {
            self.opens(opens);
        }
        let mut looks = looks.into_iter().peekable();
        while let Some(look) = looks.next() {
            let follow = match looks.peek() {
                Some(next) => peek_follow(window.span(next.span)),
                None => window.follow,
            };
            let Look {
                span,
                outline,
                subtrees,
                entries,
                oddities,
                steps,
                marks,
            } = look;
            self.count(span);
            let joined = outline.filter(|_| self.sure && self.passed != Passed::Repeated);
            let joined = joined.and_then(|outline| self.join(outline, &subtrees, window, span));
            if joined.is_none() {
                let last = looks.peek().is_none();
                self.look_closer(window, span, follow, last);
                continue;
            }
            self.checked.entries = self.checked.entries.saturating_add(entries);
            for (index, oddity) in &oddities {
                self.kinds.take(*index, oddity, &mut self.findings);
            }
            if !self.followed {
                continue;
            }
            steps
                .iter()
                .for_each(|step| self.cases.step(step, &mut self.findings));
            self.traces
                .take(marks, &mut self.findings, &mut self.checked);
            self.cases.pass(self.verifier.head(), &mut self.findings);
        }
    }

    /// A commit that was refused is never passed over: when the closer look finds nothing, the
    /// refusal stands.
    fn look_closer(&mut self, window: &Window, span: Span, follow: Option<Follow>, last: bool) {
        let expected = self.sure && self.passed == Passed::InOrder;
        let (damage, notes) = (self.findings.damage_total(), self.findings.notes_total());
        let index = self.head().size();
        self.closer(window, span, follow, last);
        let found = damage < self.findings.damage_total() || notes < self.findings.notes_total();
        if expected && !found {
            let text = format!("commit that starts with entry {index} does not hold");
            self.findings.add(Code::BadFrame, Some(index), text);
        }
    }

    fn count(&mut self, span: Span) {
        let bytes = u64::try_from(span.len).unwrap_or(u64::MAX);
        self.checked.bytes = self.checked.bytes.saturating_add(bytes);
    }

    /// The way of almost every commit.
    fn join(
        &mut self,
        outline: Outline,
        subtrees: &[(u32, Hash)],
        window: &Window,
        span: Span,
    ) -> Option<()> {
        let before = self.head().size();
        self.verifier.follow(&outline).ok()?;
        self.time_known = true;
        self.passed = Passed::InOrder;
        self.checked.commits = self.checked.commits.saturating_add(1);
        self.checked.signatures = self.checked.signatures.saturating_add(1);
        if before == 0 {
            self.opened(window, span);
        }
        if let Some(tree) = &mut self.tree {
            tree.append(outline.run(), outline.leaves(), subtrees);
        }
        let offset = window.offset_of(span.start.saturating_add(span.len));
        self.ended(window.segment, offset, Some(outline.into_checkpoint()));
        Some(())
    }

    /// The first commit of the log was joined.
    fn opened(&mut self, window: &Window, span: Span) {
        let frame = look::frame(window, window.span(span));
        let first = frame.and_then(|frame| frame.records().first().copied());
        if let Some(Ok(record)) = first.map(Record::parse) {
            payload::check_opening(&record, self.key, &mut self.findings);
        }
    }

    /// A commit ended here: what was promised about it can be compared.
    fn ended(&mut self, segment: u64, offset: u64, checkpoint: Option<SignedCheckpoint>) {
        let size = self.head().size();
        if self.watch.waits_below(size) {
            let end = CommitEnd {
                size,
                root: self.root(),
                time: self.time_known.then(|| self.head().time().get()),
                last_leaf: self.head().last_leaf(),
                segment,
                offset,
            };
            self.watch.ended(&end, checkpoint.as_ref());
        }
        if checkpoint.is_some() {
            self.newest = checkpoint;
        }
    }

    /// A segment starts.
    fn opens(&mut self, opens: &Opens) {
        self.checked.segments = self.checked.segments.saturating_add(1);
        if self.passed == Passed::Repeated {
            self.passed = Passed::InOrder;
        }
        let size = self.head().size();
        if opens.first > size {
            self.gap(opens.first, opens.prev);
            return;
        }
        if opens.first < size {
            let text = format!(
                "segment starts with entry {}; the segment before it ends with entry {}",
                opens.first,
                size.saturating_sub(1)
            );
            self.findings.add(Code::IndexGap, Some(opens.first), text);
            self.passed = Passed::Repeated;
            return;
        }
        let expected = self.head().last_leaf();
        if let Some(got) = opens.prev.filter(|prev| *prev != expected && self.sure) {
            let text = format!(
                "header of segment {}: prev is {got}; expected {expected}",
                opens.first
            );
            self.findings
                .add(Code::ChainBroken, Some(opens.first), text);
        }
    }

    /// Entries from the end of the log so far up to below `to` are missing. The walk goes on at
    /// `to`, without knowing the tree.
    fn gap(&mut self, to: u64, prev: Option<Hash>) {
        let size = self.head().size();
        if self.passed != Passed::Unread {
            let last = to.saturating_sub(1);
            let text = format!("entries {size} to {last} are missing");
            self.findings.add(Code::IndexGap, Some(size), text);
        }
        self.passed = Passed::InOrder;
        self.lost(size);
        self.watch.lost(size, to);
        self.unsure();
        let time = self.head().time();
        self.place(to, time, prev.unwrap_or(Hash::ZERO));
    }

    /// Leaf hashes are not known from here on.
    fn unsure(&mut self) {
        self.sure = false;
        if let Some(tree) = &mut self.tree {
            tree.stop();
        }
    }

    /// Puts the end of the log somewhere without knowing the tree.
    fn place(&mut self, size: u64, time: UnixMicros, last_leaf: Hash) {
        // Only the size of this tree is used while the walk is not sure.
        let count = usize::try_from(size.count_ones()).unwrap_or(0);
        let unknown = vec![Hash::ZERO; count];
        let frontier = Frontier::from_hashes(size, unknown).unwrap_or_default();
        self.verifier = LogVerifier::from_head(LogHead::new(frontier, time, last_leaf));
    }

    /// Reports what is only known at the end.
    pub(crate) fn finish(&mut self) {
        self.kinds.report(&mut self.findings);
        if self.followed {
            self.cases.finish(&mut self.findings, &mut self.checked);
            let now = self.head().time();
            self.traces.finish(now, &mut self.findings, &self.checked);
        }
        if let Some((first, count)) = self.unchecked {
            let text =
                format!("roots of {count} commits, from the one that ends with entry {first}");
            self.findings.add(Code::RootsUnchecked, Some(first), text);
        }
        if let Some(tree) = &self.tree {
            self.checked.tree_hashes = tree.compared();
            tree.report(&mut self.findings);
        }
        if self.passed == Passed::Unread {
            let size = self.head().size();
            self.watch.lost(size, size.saturating_add(1));
        }
    }

    /// A log has an entry that opens it.
    pub(crate) fn must_be_opened(&mut self) {
        if self.head().size() == 0 {
            let text = "the log has no entries".to_owned();
            self.findings.add(Code::NotOpened, Some(0), text);
        }
    }

    fn exhibit(&mut self, code: Code, index: u64, bytes: &[u8], how: String) {
        self.evidence.add(Exhibit {
            code,
            index: Some(index),
            files: vec![("frame.bin", bytes.to_vec())],
            how,
        });
    }

    /// What the bytes behind a commit say about its last entry.
    fn claim(follow: Option<Follow>, size: u64) -> Option<Hash> {
        follow
            .filter(|follow| follow.index == size)
            .map(|follow| follow.prev)
    }
}
