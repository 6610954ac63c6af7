//! The way through the files: batch by batch, into commits or row by row.

use std::collections::VecDeque;

use arrow::record_batch::RecordBatch;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::{KeyError, VerifierKey};
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};

use super::columns::Comparer;
use super::file::{Batches, NativeFile};
use super::progress::Progress;
use super::rows::Rows;
use crate::copy::frames::Frames;
use crate::copy::loose::Loose;
use crate::copy::{Row, Seal, follow};
use crate::finding::{Code, Findings, Flaw};
use crate::window::Window;

/// Bytes of one window: what is looked at on all cores while the next one is read.
const WINDOW: usize = 4 * 1_048_576;

/// Where the reading is, and what it knows of the rows before.
#[derive(Debug)]
pub(super) struct Reading {
    key: VerifierKey,
    whole: bool,
    comparer: Comparer,
    frames: Frames,
    loose: Loose,
    /// What signs the last rows of a copy that ends inside a commit.
    tail: Option<Seal>,
    /// Place of the file that is read.
    file: usize,
    /// The next group of its rows.
    group: usize,
    batches: Option<Batches>,
    /// What was read ahead.
    ahead: VecDeque<RecordBatch>,
    progress: Progress,
    rows: u64,
    ended: bool,
}

impl Reading {
    /// At the start of a copy up to `end`, whose last checkpoint this is.
    pub(super) fn new(
        key: &VerifierKey,
        whole: bool,
        end: u64,
        last: Option<&SignedCheckpoint>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            key: key.clone(),
            whole,
            comparer: Comparer::new(key)?,
            frames: Frames::new(key.clone()),
            loose: Loose::new(key.clone()),
            tail: last.filter(|last| last.size() > end).map(Seal::of),
            file: 0,
            group: 0,
            batches: None,
            ahead: VecDeque::new(),
            progress: Progress::default(),
            rows: 0,
            ended: false,
        })
    }

    /// Rows that were taken.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that were proved by themselves.
    pub(super) const fn proved(&self) -> u64 {
        self.loose.proved()
    }

    /// Signatures that were checked for those.
    pub(super) const fn signatures(&self) -> u64 {
        self.loose.signatures()
    }

    /// The record of the first row.
    pub(super) fn peek(&mut self, files: &[NativeFile]) -> Option<Vec<u8>> {
        // What is wrong is found when the batch is asked for again.
        let batch = self.batch(files.first()?).ok()??;
        let first =
            Rows::of(&batch).and_then(|rows| rows.all().first().map(|row| row.record.to_vec()));
        self.ahead.push_front(batch);
        first
    }

    /// The next commits. A window without any says that rows were taken that belong to none.
    pub(super) fn next(&mut self, files: &[NativeFile], findings: &mut Findings) -> Option<Window> {
        while !self.ended {
            let Some(file) = files.get(self.file) else {
                self.ended = true;
                self.frames.flush();
                self.partly(files, findings);
                break;
            };
            match self.batch(file) {
                Ok(Some(batch)) => self.take(file, &batch, findings),
                Ok(None) => self.end_of(file, findings),
                Err(why) => {
                    findings.add(
                        Code::Copy(Flaw::BadFile),
                        None,
                        format!("{}: {why}", file.name),
                    );
                    self.end_of(file, findings);
                }
            }
            if self.frames.len() >= WINDOW || !self.whole {
                break;
            }
        }
        let over = self.ended && self.frames.len() == 0;
        (!over).then(|| self.frames.window())
    }

    /// The next rows of a file; `None` at its end.
    fn batch(&mut self, file: &NativeFile) -> Result<Option<RecordBatch>, String> {
        if let Some(batch) = self.ahead.pop_front() {
            return Ok(Some(batch));
        }
        loop {
            if let Some(batches) = &mut self.batches {
                if let Some(batch) = batches.next()? {
                    return Ok(Some(batch));
                }
                self.batches = None;
            }
            if self.group >= file.groups() {
                return Ok(None);
            }
            let batches = file.group(self.group)?;
            self.group = self.group.saturating_add(1);
            self.batches = Some(batches);
        }
    }

    fn take(&mut self, file: &NativeFile, batch: &RecordBatch, findings: &mut Findings) {
        if let Some(batches) = &mut self.batches {
            batches.judge(batch, &file.name, findings);
        }
        // Both take about as long: unpacking rows, and reading them out of their records anew.
        let (comparer, batches) = (&self.comparer, &mut self.batches);
        let (leaves, ()) = rayon::join(
            || comparer.compare(batch, findings),
            || batches.iter_mut().for_each(Batches::read_ahead),
        );
        let mut rows = Rows::of(batch).map(|rows| rows.all()).unwrap_or_default();
        if rows.len() != batch.num_rows() {
            let text = format!("{}: rows without a value that every row has", file.name);
            findings.add(Code::Copy(Flaw::BadColumns), None, text);
        }
        for (row, leaf) in rows.iter_mut().zip(&leaves) {
            row.place(leaf);
        }
        let again = self
            .progress
            .take((file, self.tail), (&rows, &leaves), findings);
        self.rows = self
            .rows
            .saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if !self.whole {
            return self.loose.take(&rows, findings);
        }
        self.judge_proofs(file, (&rows, &leaves), findings);
        let is_tail = |row: &Row<'_>| self.tail.is_some_and(|tail| tail == row.seal);
        if !again.is_empty() {
            let mut places = 0..rows.len();
            rows.retain(|_| places.next().is_none_or(|place| !again.contains(&place)));
        }
        let start = rows.iter().position(is_tail).unwrap_or(rows.len());
        let (commits, tail) = rows.split_at_checked(start).unwrap_or((&rows, &[]));
        for row in commits {
            self.frames.push(row, findings);
        }
        if let Some(first) = tail.first() {
            self.frames.end_before(first);
            self.loose.take(tail, findings);
        }
    }

    /// Where every entry is there, rows have proofs where their file ends inside their commit, and
    /// nowhere else.
    fn judge_proofs(
        &self,
        file: &NativeFile,
        (rows, leaves): (&[Row<'_>], &[Hash]),
        findings: &mut Findings,
    ) {
        let end = file.meta.end;
        let fault = |(row, leaf): (&Row<'_>, &Hash)| {
            let why = match row.proof {
                None if row.seal.size > end => {
                    "without a value; the file ends inside the commit of the entry".to_owned()
                }
                Some(_) if row.seal.size <= end => {
                    "not without a value; the rows lead to the root of its commit".to_owned()
                }
                Some(path) => match follow(leaf, row.index, path, &row.seal) {
                    Ok(()) => return None,
                    Err(error) => format!("wrong: {error}"),
                },
                None => return None,
            };
            Some((
                row.index,
                format!("entry {}: column proof is {why}", row.index),
            ))
        };
        let faults: Vec<_> = rows.par_iter().zip(leaves).map(fault).collect();
        for (index, text) in faults.into_iter().flatten() {
            findings.add(Code::Copy(Flaw::ColumnChanged), Some(index), text);
        }
    }

    /// The rows of a file ended.
    fn end_of(&mut self, file: &NativeFile, findings: &mut Findings) {
        self.file = self.file.saturating_add(1);
        (self.group, self.batches) = (0, None);
        // One that does not hold was found when the files were opened.
        let signed = SignedCheckpoint::open(&file.meta.checkpoint, &self.key).ok();
        let last = signed.as_ref().map(Seal::of).filter(|_| self.whole);
        let tree = self.progress.end(file, (self.whole, last), findings);
        self.progress = Progress::behind(tree);
    }

    /// Says what cannot be judged.
    fn partly(&self, files: &[NativeFile], findings: &mut Findings) {
        let Some(first) = files.first() else {
            return;
        };
        let begin = first.meta.first;
        let text = if !self.whole {
            "its entries were chosen: which ones were left out, and whether cases kept the rules, \
             cannot be told from them"
                .to_owned()
        } else if begin > 0 {
            format!(
                "it begins with entry {begin}: cases, queues and recordings are judged from the \
                 beginning of a log only"
            )
        } else if self.tail.is_some() {
            format!(
                "it ends inside a commit: its last {} entries were proved one by one, and what \
                 they do to cases, queues and recordings was not judged",
                self.loose.proved()
            )
        } else {
            return;
        };
        findings.add(Code::Copy(Flaw::CopyPartial), None, text);
    }
}
