//! Entries of a commit that needed a closer look, judged one by one.

use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;

use super::Walk;
use super::closer::Settled;
use crate::cases::Step;
use crate::evidence::{self, CommitTree};
use crate::finding::{Code, Findings};
use crate::payload;
use crate::salvage::Piece;
use crate::traces::Marks;

impl Walk<'_> {
    /// Judges every entry: changed ones by their hash, the others by what they say.
    pub(super) fn judge(&mut self, settled: &Settled<'_>, first: u64) {
        let mut prev = self.head().last_leaf();
        let mut time = self.head().time();
        let mut told = self.sure || prev != Hash::ZERO;
        let leaves = settled.answer.leaves.iter();
        for ((position, piece), leaf) in settled.pieces.iter().enumerate().zip(leaves) {
            let index = first.saturating_add(u64::try_from(position).unwrap_or(u64::MAX));
            if settled.changed.contains(&position) {
                self.changed(index, piece, leaf, settled);
                self.lost(index);
            } else {
                let expected = told.then_some(prev);
                time = judge_record(&mut self.findings, index, piece, (expected, time));
                self.read(index, piece);
            }
            (prev, told) = (*leaf, true);
            self.checked.entries = self.checked.entries.saturating_add(1);
        }
        self.checked.commits = self.checked.commits.saturating_add(1);
    }

    /// Looks at what an entry says that was not changed since it was signed.
    fn read(&mut self, index: u64, piece: &Piece<'_>) {
        let record = Record::parse(piece.bytes).ok();
        let Some(record) = record.filter(|record| record.index().get() == index) else {
            return self.lost(index);
        };
        let read = payload::read(&record);
        if self.followed {
            let mut marks = Marks::default();
            marks.see(&record, read.as_ref(), &self.blobs);
            self.traces
                .take(marks, &mut self.findings, &mut self.checked);
        }
        if let Some(read) = read {
            let (step, oddity) = Step::of(&record, read);
            if let Some(oddity) = oddity {
                self.kinds.take(index, &oddity, &mut self.findings);
            }
            if let Some(step) = step.filter(|_| self.followed) {
                self.cases.step(&step, &mut self.findings);
            }
        }
        if index == 0 {
            payload::check_opening(&record, self.key, &mut self.findings);
        }
    }

    fn changed(&mut self, index: u64, piece: &Piece<'_>, leaf: &Hash, settled: &Settled<'_>) {
        let witness = if settled.answer.holds == Some(true) {
            "the signed root"
        } else {
            "the entry behind it"
        };
        let why = match Record::parse(piece.bytes) {
            Err(error) => format!("; as it stands, {error}"),
            Ok(record) if record.index().get() != index => {
                format!("; as it stands, it carries index {}", record.index())
            }
            Ok(_) => String::new(),
        };
        let text = format!(
            "entry {index}: leaf hash of the stored bytes is {}; by {witness} it is {leaf}{why}",
            piece.leaf
        );
        self.findings.add(Code::RecordChanged, Some(index), text);
        if let (Some(before), Some(checkpoint)) = (&settled.before, &settled.checkpoint) {
            let leaves = settled.answer.leaves.as_slice();
            let tree = CommitTree { before, leaves };
            let exhibit = evidence::changed_record(index, piece.bytes, leaf, tree, checkpoint);
            self.evidence.add(exhibit);
        }
    }
}

/// Judges an entry that was not changed since it was signed; returns its time.
fn judge_record(
    findings: &mut Findings,
    index: u64,
    piece: &Piece<'_>,
    (prev, time): (Option<Hash>, UnixMicros),
) -> UnixMicros {
    let mut add = |code, why: String| {
        findings.add(code, Some(index), format!("entry {index}: {why}"));
    };
    let record = match Record::parse(piece.bytes) {
        Ok(record) => record,
        Err(error) => {
            add(
                Code::of_format(error.code(), Code::BadFrame),
                error.to_string(),
            );
            return time;
        }
    };
    if record.index().get() != index {
        add(
            Code::WrongIndex,
            format!("record carries index {}", record.index()),
        );
        return time;
    }
    if let Some(expected) = prev.filter(|prev| *prev != record.prev()) {
        let text = format!(
            "prev is {}; the entry before has leaf hash {expected}",
            record.prev()
        );
        add(Code::ChainBroken, text);
    }
    if record.time() < time {
        let text = format!(
            "time {} is before {}, the time of an entry before",
            record.time().get(),
            time.get()
        );
        add(Code::TimeWentBack, text);
    }
    record.time().max(time)
}

/// Time of the last entry that was not changed, as far as it can be read.
pub(super) fn last_time(settled: &Settled<'_>, before: UnixMicros) -> UnixMicros {
    let pieces = settled.pieces.iter().enumerate();
    let unchanged = pieces.filter(|(position, _)| !settled.changed.contains(position));
    let times = unchanged.filter_map(|(_, piece)| Record::parse(piece.bytes).ok());
    times
        .map(|record| record.time())
        .fold(before, UnixMicros::max)
}
