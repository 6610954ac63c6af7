//! The closer look at a commit that does not hold: which field, which entry, and where the walk
//! goes on.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::frame::{self, Frame};
use countersign_chain::hash::Hash;
use countersign_chain::tree::Frontier;
use countersign_chain::verify::LogVerifier;

use super::entries::last_time;
use super::{Passed, Walk};
use crate::finding::Code;
use crate::locate::{Answer, Question};
use crate::salvage::{self, Piece, Place, Salvaged};
use crate::window::{Follow, Framing, Span, Window, peek_follow};

/// What a commit's entries turned out to be.
pub(super) struct Settled<'a> {
    pub(super) pieces: &'a [Piece<'a>],
    pub(super) answer: Answer,
    pub(super) changed: Vec<usize>,
    /// Tree before the commit, where it is known.
    pub(super) before: Option<Frontier>,
    pub(super) checkpoint: Option<SignedCheckpoint>,
}

impl Walk<'_> {
    /// Looks at one span, which may hold more than one commit when a length in it is wrong.
    pub(super) fn closer(
        &mut self,
        window: &Window,
        span: Span,
        follow: Option<Follow>,
        last: bool,
    ) {
        let end = span.start.saturating_add(span.len);
        let mut at = span.start;
        while let Some(bytes) = window.bytes.get(at..end).filter(|rest| !rest.is_empty()) {
            if last && self.is_unsealed(window, bytes) {
                let text = format!(
                    "{} bytes behind entry {} are no whole commit",
                    bytes.len(),
                    self.head().size().saturating_sub(1)
                );
                let index = self.head().size();
                self.findings.add(Code::UnsealedTail, Some(index), text);
                return;
            }
            let key = self.key;
            let place = Place {
                nonce: &window.nonce,
                origin: key.origin(),
                expected: self.head().size(),
            };
            let Some(mut salvaged) = salvage::take_apart(bytes, &place) else {
                self.unreadable(window, bytes);
                return;
            };
            if window.framing == Framing::Rebuilt {
                // These bytes never had a checksum.
                salvaged
                    .problems
                    .retain(|problem| problem.code != Code::BadCrc);
            }
            let len = salvaged.len.max(1);
            let behind = bytes.get(len..).filter(|rest| !rest.is_empty());
            let follow = behind.map_or(follow, peek_follow);
            at = at.saturating_add(len);
            self.commit(&salvaged, follow, bytes.get(..len).unwrap_or(bytes));
            self.after(window, at, &salvaged);
        }
    }

    /// Whether this is a commit that a ledger is writing, or was writing when it stopped: nobody
    /// was promised it.
    fn is_unsealed(&self, window: &Window, bytes: &[u8]) -> bool {
        window.framing == Framing::Stored
            && window.newest
            && self.passed != Passed::Unread
            && self.head().size() >= self.floor
            && starts_a_frame(bytes)
            && !matches!(Frame::parse(bytes, &window.nonce), Ok(Some(_)))
    }

    fn unreadable(&mut self, window: &Window, bytes: &[u8]) {
        let index = self.head().size();
        let code = match Frame::parse(bytes, &window.nonce) {
            Err(error) => Code::of_format(error.code(), Code::BadFrame),
            Ok(_) if bytes.len() < frame::MAGIC.len() => Code::DirtyTail,
            Ok(_) => Code::BadMagic,
        };
        let text = format!(
            "{} bytes that should hold the commit that starts with entry {index} cannot be read",
            bytes.len()
        );
        self.exhibit(code, index, bytes, text.clone());
        self.findings.add(code, Some(index), text);
        self.lost(index);
        self.passed = Passed::Unread;
    }

    fn commit(&mut self, salvaged: &Salvaged<'_>, follow: Option<Follow>, bytes: &[u8]) {
        let size = self.head().size();
        let first = salvaged.first;
        let count = u64::try_from(salvaged.pieces.len()).unwrap_or(u64::MAX);
        if first < size {
            if self.passed != Passed::Repeated {
                let text = format!("commit starts with entry {first}; expected {size}");
                self.findings.add(Code::IndexGap, Some(first), text);
                self.passed = Passed::Repeated;
            }
            return;
        }
        if first > size {
            self.gap(first, salvaged.pieces.first().and_then(|piece| piece.prev));
        }
        self.passed = Passed::InOrder;
        let end = first.saturating_add(count);
        let faults = self.findings.damage_total();
        let checkpoint = self.checkpoint(salvaged, end);
        let settled = self.settle(salvaged, follow, checkpoint);
        self.judge(&settled, first);
        self.root_of(&settled, end, bytes);
        self.structure(salvaged, faults);
        self.advance(&settled, first);
    }

    /// Opens the checkpoint of the commit.
    fn checkpoint(&mut self, salvaged: &Salvaged<'_>, end: u64) -> Option<SignedCheckpoint> {
        let index = end.saturating_sub(1);
        let mut add = |code, why: String| {
            let text = format!("commit that ends with entry {index}: {why}");
            self.findings.add(code, Some(index), text);
        };
        let Some(note) = salvaged.note else {
            add(Code::BadNote, "checkpoint is not UTF-8".to_owned());
            return None;
        };
        let checkpoint = match SignedCheckpoint::open(note, self.key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                add(
                    Code::of_format(error.code(), Code::BadNote),
                    error.to_string(),
                );
                return None;
            }
        };
        if checkpoint.size() != end {
            let got = checkpoint.size();
            add(
                Code::WrongSize,
                format!("checkpoint has size {got}; expected {end}"),
            );
            return None;
        }
        self.checked.signatures = self.checked.signatures.saturating_add(1);
        Some(checkpoint)
    }

    /// Finds out what the leaf hashes were.
    fn settle<'a>(
        &mut self,
        salvaged: &'a Salvaged<'a>,
        follow: Option<Follow>,
        checkpoint: Option<SignedCheckpoint>,
    ) -> Settled<'a> {
        let pieces = salvaged.pieces.as_slice();
        let count = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        let behind = Self::claim(follow, salvaged.first.saturating_add(count));
        let own: Vec<Hash> = pieces.iter().map(|piece| piece.leaf).collect();
        let mut claimed: Vec<_> = pieces.iter().skip(1).map(|piece| piece.prev).collect();
        claimed.push(behind);
        let stored = self.tree.as_ref();
        let leaves = stored.and_then(|tree| tree.leaves(salvaged.first, own.len()));
        let before = if self.sure {
            Some(self.head().frontier().clone())
        } else {
            stored.and_then(|tree| tree.frontier(salvaged.first))
        };
        let question = Question {
            before: before.as_ref(),
            own: &own,
            claimed: &claimed,
            stored: leaves.as_deref(),
            root: checkpoint.as_ref().map(SignedCheckpoint::root),
        };
        let mut budget = self.budget;
        let answer = question.answer(&mut budget);
        self.budget = budget;
        let changed = answer.changed(&own);
        Settled {
            pieces,
            answer,
            changed,
            before,
            checkpoint,
        }
    }

    /// What the root shows beyond the entries that were found to be changed.
    fn root_of(&mut self, settled: &Settled<'_>, end: u64, bytes: &[u8]) {
        let index = end.saturating_sub(1);
        match (settled.answer.holds, &settled.checkpoint, &settled.before) {
            (Some(false), Some(checkpoint), Some(before)) if self.sure => {
                let mut tree = before.clone();
                settled
                    .answer
                    .leaves
                    .iter()
                    .for_each(|leaf| tree.push(*leaf));
                let first = end.saturating_sub(u64::try_from(settled.pieces.len()).unwrap_or(0));
                let text = format!(
                    "commit of entries {first} to {index}: signed root is {}; the entries give {}",
                    checkpoint.root(),
                    tree.root()
                );
                let how = format!("frame.bin is the commit as it is stored.\n{text}");
                self.exhibit(Code::WrongRoot, index, bytes, how);
                self.findings.add(Code::WrongRoot, Some(index), text);
                self.unsure();
            }
            (Some(true), _, _) => {}
            (_, Some(_), _) if !self.sure => {
                let (first, count) = self.unchecked.unwrap_or((index, 0));
                self.unchecked = Some((first, count.saturating_add(1)));
            }
            _ => {}
        }
    }

    /// Reports what is wrong with the frame. That its checksum does not fit says nothing beyond a
    /// changed record or checkpoint that was named already.
    fn structure(&mut self, salvaged: &Salvaged<'_>, faults_before: u64) {
        let named = self.findings.damage_total() > faults_before;
        for problem in &salvaged.problems {
            if named && problem.code == Code::BadCrc {
                continue;
            }
            let position = problem.position.unwrap_or(0);
            let position = u64::try_from(position).unwrap_or(u64::MAX);
            let index = salvaged.first.saturating_add(position);
            let what = if problem.position.is_some() {
                format!("entry {index}")
            } else {
                format!("commit that starts with entry {index}")
            };
            let text = format!("{what}: {}", problem.message);
            self.findings.add(problem.code, Some(index), text);
        }
    }

    /// Moves the end of the log behind the commit.
    fn advance(&mut self, settled: &Settled<'_>, first: u64) {
        let leaves = &settled.answer.leaves;
        let count = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let size = first.saturating_add(count);
        let time = last_time(settled, self.head().time());
        let last = settled.pieces.len().saturating_sub(1);
        self.time_known = !settled.changed.contains(&last);
        let last_leaf = leaves.last().copied().unwrap_or(Hash::ZERO);
        let root = settled.checkpoint.as_ref().map(SignedCheckpoint::root);
        let mut known = None;
        if settled.answer.holds == Some(true) || (self.sure && settled.answer.holds.is_none()) {
            known = settled.before.clone().map(|mut tree| {
                leaves.iter().for_each(|leaf| tree.push(*leaf));
                tree
            });
        } else if let (Some(root), Some(stored)) = (root, &self.tree) {
            // The stored tree may know what the damaged entries do not say any more.
            known = stored.frontier(size).filter(|tree| tree.root() == root);
        }
        if let Some(stored) = self.tree.as_mut().filter(|_| self.sure) {
            leaves.iter().for_each(|leaf| stored.push(*leaf));
        }
        match known {
            Some(tree) => {
                self.sure = true;
                self.verifier = LogVerifier::from_head(LogHead::new(tree, time, last_leaf));
            }
            None => {
                self.unsure();
                self.place(size, time, last_leaf);
            }
        }
    }

    /// A commit that needed a closer look ended.
    fn after(&mut self, window: &Window, at: usize, salvaged: &Salvaged<'_>) {
        let count = u64::try_from(salvaged.pieces.len()).unwrap_or(u64::MAX);
        if salvaged.first.saturating_add(count) == self.head().size() {
            let note = salvaged
                .note
                .and_then(|note| SignedCheckpoint::open(note, self.key).ok());
            self.ended(window.segment, window.offset_of(at), note);
        }
    }
}

/// Whether the bytes start with the magic of a frame, or with as much of it as was written.
fn starts_a_frame(bytes: &[u8]) -> bool {
    let start = bytes.get(..frame::MAGIC.len()).unwrap_or(bytes);
    let written = start.iter().rposition(|byte| *byte != 0);
    let written = start.get(..written.map_or(0, |last| last.saturating_add(1)));
    written.is_some_and(|written| !written.is_empty() && frame::MAGIC.starts_with(written))
}
