//! Which entries are exported, and where files begin and end.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_export::preset::{End, Start};
use countersign_proto::reading::text::rfc3339;

use super::batch::Batch;
use super::folder::FolderError;
use super::lines::{Close, Piece};
use super::nodes::Nodes;
use super::plan::{Plan, Planned};
use super::{ExportError, Order};
use crate::check::{Companion, Held, Joined};
use crate::look;

const DAY: u64 = 86_400_000_000;

/// What the range of the export turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) checkpoint: String,
}

/// A range that is not at its end.
#[derive(Debug)]
struct Range {
    /// What becomes of it.
    way: Way,
    rows: u64,
    bytes: u64,
    day: u64,
    /// Index behind its last entry until now, with that entry's leaf and the note of its commit.
    last: (u64, Hash, String),
}

/// What becomes of a range.
#[derive(Debug)]
enum Way {
    /// It is written, and must end here when it was written before.
    Written(Option<u64>),
    /// Its files are there.
    Kept(Planned),
}

/// Takes entries behind the walk.
pub(super) struct Taker<'a> {
    order: &'a Order,
    by_day: bool,
    plan: Plan,
    /// The tree before the next commit.
    tree: Frontier,
    range: Option<Range>,
    batch: Batch,
    /// Whether rows of later entries need to know of those of a kind that are not written.
    looks_back: &'a dyn Fn(u16) -> bool,
    /// Such entries, that nobody was told of yet.
    behind: Batch,
    /// `None` when nobody takes anything any more.
    to: Option<SyncSender<Piece<Batch>>>,
    stop: &'a AtomicBool,
    seen: Option<Seen>,
    failed: Option<FolderError>,
}

/// Entries of one commit that are exported.
struct Chosen<'a> {
    rows: Vec<(Record<'a>, Hash)>,
    /// Whether the last one is the last one of the commit.
    reaches_end: bool,
}

impl<'a> Taker<'a> {
    pub(super) fn new(
        order: &'a Order,
        (by_day, looks_back): (bool, &'a dyn Fn(u16) -> bool),
        plan: Plan,
        to: SyncSender<Piece<Batch>>,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            order,
            by_day,
            plan,
            tree: Frontier::new(),
            range: None,
            batch: Batch::default(),
            looks_back,
            behind: Batch::default(),
            to: Some(to),
            stop,
            seen: None,
            failed: None,
        }
    }

    /// Ends the last range, when the walk came to the end of the log. Returns which entries were
    /// exported, if any.
    pub(super) fn finish(&mut self, whole: bool) -> Result<Option<Seen>, ExportError> {
        if whole && self.failed.is_none() {
            self.close();
        }
        self.to = None;
        match self.failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(self.seen.take()),
        }
    }

    fn send(&mut self, piece: Piece<Batch>) {
        if self.to.as_ref().is_some_and(|to| to.send(piece).is_err()) {
            self.to = None;
        }
    }

    /// Whether an entry is in the range of the order.
    fn includes(&self, record: &Record<'_>) -> bool {
        let (index, time) = (record.index().get(), record.time());
        index >= self.order.from
            && self.plan.end.is_none_or(|end| index < end)
            && self.order.since.is_none_or(|since| time >= since)
            && self.order.until.is_none_or(|until| time < until)
    }

    fn choose<'r>(&mut self, records: &[&'r [u8]], held: &Held) -> Chosen<'r> {
        let mut chosen = Chosen {
            rows: Vec::new(),
            reaches_end: false,
        };
        let mut included = false;
        for (bytes, leaf) in records.iter().zip(&held.leaves) {
            chosen.reaches_end = false;
            // It was read when it was verified.
            let Ok(record) = Record::parse(bytes) else {
                continue;
            };
            if !self.includes(&record) {
                self.pass((&record, *leaf), held);
                continue;
            }
            let index = record.index().get();
            let seen = self.seen.get_or_insert_with(|| Seen {
                first: index,
                end: index,
                checkpoint: String::new(),
            });
            seen.end = index.saturating_add(1);
            included = true;
            if self.order.case.is_none_or(|case| record.case() == case) {
                chosen.reaches_end = true;
                chosen.rows.push((record, *leaf));
            }
        }
        if let Some(seen) = self.seen.as_mut().filter(|_| included) {
            held.checkpoint.text().clone_into(&mut seen.checkpoint);
        }
        chosen
    }

    /// An entry is not written, but rows of later ones may need it.
    fn pass(&mut self, (record, leaf): (&Record<'_>, Hash), held: &Held) {
        if (self.looks_back)(record.kind().get()) {
            self.behind.push((record, leaf), &held.checkpoint, None);
            if self.behind.is_full() {
                self.tell_behind();
            }
        }
    }

    fn tell_behind(&mut self) {
        if !self.behind.is_empty() {
            let behind = std::mem::take(&mut self.behind);
            self.send(Piece::Behind(behind));
        }
    }

    fn commit(&mut self, records: &[&[u8]], held: &Held) {
        let Chosen { rows, reaches_end } = self.choose(records, held);
        self.roll_over();
        let first = held
            .checkpoint
            .size()
            .saturating_sub(count(held.leaves.len()));
        // Entries before the last place where a file ends inside the commit, and entries that stand
        // alone, do not lead to the root by themselves.
        let mut proofs = Proofs {
            nodes: None,
            tree: self.tree.clone(),
            leaves: &held.leaves,
        };
        let last_cut = self.last_cut(&rows);
        for (place, (record, leaf)) in rows.iter().enumerate() {
            let index = record.index().get();
            if self.ends_before(index, day(record.time())) {
                self.close();
            }
            if self.range.is_none() {
                let before = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
                self.open(index, record.time(), proofs.tree_at(before));
            }
            let alone = self.order.case.is_some() || !reaches_end || place < last_cut;
            let proof = || alone.then(|| proofs.proof(index)).flatten();
            self.add((record, *leaf), held, proof);
        }
        held.leaves.iter().for_each(|leaf| self.tree.push(*leaf));
    }

    /// Ends a file that is large enough. Only asked between commits.
    fn roll_over(&mut self) {
        let layout = self.order.layout;
        let full = self.range.as_ref().is_some_and(|range| match range.way {
            Way::Written(None) => range.rows >= layout.rows || range.bytes >= layout.bytes,
            Way::Written(Some(_)) | Way::Kept(_) => false,
        });
        if full {
            self.close();
        }
    }

    /// Whether the range ends before this entry.
    fn ends_before(&self, index: u64, day: u64) -> bool {
        self.range.as_ref().is_some_and(|range| {
            let end = match &range.way {
                Way::Written(end) => *end,
                Way::Kept(planned) => Some(planned.end),
            };
            end.is_some_and(|end| index >= end) || (self.by_day && day != range.day)
        })
    }

    /// Place of the last row before which a file ends inside the commit; 0 for none.
    fn last_cut(&self, rows: &[(Record<'_>, Hash)]) -> usize {
        let mut end = self.range.as_ref().and_then(|range| match &range.way {
            Way::Written(end) => *end,
            Way::Kept(planned) => Some(planned.end),
        });
        let mut today = self.range.as_ref().map(|range| range.day);
        let mut last = 0;
        for (place, (record, _)) in rows.iter().enumerate() {
            let (index, day) = (record.index().get(), day(record.time()));
            let over = end.is_some_and(|end| index >= end);
            let next_day = self.by_day && today.is_some_and(|today| today != day);
            if over || next_day {
                last = place;
            }
            if over || next_day || today.is_none() {
                end = self.plan.ranges.get(&index).map(|planned| planned.end);
                today = Some(day);
            }
        }
        last
    }

    /// A range begins with this entry.
    fn open(&mut self, first: u64, time: UnixMicros, tree: Frontier) {
        let planned = self.plan.ranges.remove(&first);
        let way = match planned {
            Some(planned) if planned.whole => Way::Kept(planned),
            planned => Way::Written(planned.map(|planned| planned.end)),
        };
        if matches!(way, Way::Written(_)) {
            self.tell_behind();
            let day = rfc3339(time).chars().take(10).collect();
            self.send(Piece::Begin(Start {
                first,
                day: self.by_day.then_some(day),
                frontier: self.order.case.is_none().then_some(tree),
            }));
        }
        self.range = Some(Range {
            way,
            rows: 0,
            bytes: 0,
            day: day(time),
            last: (first, Hash::ZERO, String::new()),
        });
    }

    fn add(
        &mut self,
        (record, leaf): (&Record<'_>, Hash),
        held: &Held,
        proof: impl FnOnce() -> Option<Vec<Hash>>,
    ) {
        let Some(range) = &mut self.range else {
            return;
        };
        range.rows = range.rows.saturating_add(1);
        range.bytes = range.bytes.saturating_add(count(record.bytes().len()));
        range.last.0 = record.index().get().saturating_add(1);
        range.last.1 = leaf;
        if range.last.2 != held.checkpoint.text() {
            held.checkpoint.text().clone_into(&mut range.last.2);
        }
        if matches!(range.way, Way::Kept(_)) {
            return self.pass((record, leaf), held);
        }
        self.batch.push((record, leaf), &held.checkpoint, proof());
        if self.batch.is_full() {
            let batch = std::mem::take(&mut self.batch);
            self.send(Piece::Rows(batch));
        }
    }

    /// The range is over.
    fn close(&mut self) {
        let Some(Range { way, last, .. }) = self.range.take() else {
            return;
        };
        let (end, leaf, checkpoint) = last;
        match way {
            Way::Kept(planned) => {
                if planned.end != end || planned.last_leaf != leaf.to_string() {
                    let file = planned.files.first().map(|file| file.path.clone());
                    let path = self.order.out.join(PathBuf::from(file.unwrap_or_default()));
                    let index = planned.end.saturating_sub(1);
                    self.failed
                        .get_or_insert(FolderError::History { path, index });
                }
                self.send(Piece::Kept(planned.files));
            }
            Way::Written(_) => {
                let batch = std::mem::take(&mut self.batch);
                if !batch.is_empty() {
                    self.send(Piece::Rows(batch));
                }
                self.send(Piece::End(Close {
                    end: End { end, checkpoint },
                    last_leaf: leaf.to_string(),
                }));
            }
        }
    }
}

impl Companion for Taker<'_> {
    fn take(&mut self, joined: Joined<'_>) -> ControlFlow<()> {
        for held in &joined.commits {
            let bytes = joined.window.span(held.span);
            if let Some(frame) = look::frame(joined.window, bytes) {
                self.commit(frame.records(), held);
            }
            if self.to.is_none() || self.failed.is_some() {
                return ControlFlow::Break(());
            }
        }
        match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// What proves single entries of a commit; made when it is needed.
struct Proofs<'a> {
    nodes: Option<Nodes>,
    /// The tree before the commit.
    tree: Frontier,
    leaves: &'a [Hash],
}

impl Proofs<'_> {
    fn proof(&mut self, index: u64) -> Option<Vec<Hash>> {
        let nodes = self
            .nodes
            .get_or_insert_with(|| Nodes::new(&self.tree, self.leaves));
        nodes.proof(index)
    }

    /// The tree before this entry of the commit.
    fn tree_at(&self, place: usize) -> Frontier {
        let mut tree = self.tree.clone();
        let before = self.leaves.get(..place).unwrap_or_default();
        before.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }
}

fn day(time: UnixMicros) -> u64 {
    time.get().checked_div(DAY).unwrap_or(0)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
