//! The way through the files, batch by batch. While one batch is compared with its records, the
//! next one is unpacked, and the rows of the one before are put in their places.

use std::collections::VecDeque;

use arrow::record_batch::RecordBatch;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::{KeyError, VerifierKey};

use super::columns::Comparer;
use super::file::NativeFile;
use super::group::{Batches, Reader};
use super::placing::{Compared, Placing};
use super::rows::Rows;
use crate::copy::Seal;
use crate::finding::{Code, Findings, Flaw};
use crate::window::Window;

/// Bytes of one window: what is looked at on all cores while the next one is read.
const WINDOW: usize = 4 * 1_048_576;

/// Where the reading is.
#[derive(Debug)]
pub(super) struct Reading {
    whole: bool,
    comparer: Comparer,
    placing: Placing,
    /// Place of the file that is read.
    file: usize,
    /// The next group of its rows.
    group: usize,
    batches: Option<Batches>,
    /// What was read ahead.
    ahead: VecDeque<RecordBatch>,
    /// Rows of the same file that have no place yet.
    compared: Option<Compared>,
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
        let tail = last.filter(|last| last.size() > end).map(Seal::of);
        Ok(Self {
            whole,
            comparer: Comparer::new(key)?,
            placing: Placing::new(key, whole, tail),
            file: 0,
            group: 0,
            batches: None,
            ahead: VecDeque::new(),
            compared: None,
            ended: false,
        })
    }

    /// What became of the rows so far.
    pub(super) const fn placing(&self) -> &Placing {
        &self.placing
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
                self.placing.flush();
                self.partly(files, findings);
                break;
            };
            match self.batch(file) {
                Ok(Some(batch)) => self.take(file, batch, findings),
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
            if self.placing.len() >= WINDOW || !self.whole {
                break;
            }
        }
        let over = self.ended && self.placing.len() == 0;
        (!over).then(|| self.placing.window())
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

    fn take(&mut self, file: &NativeFile, batch: RecordBatch, findings: &mut Findings) {
        let before = self.compared.take();
        let (comparer, placing) = (&self.comparer, &mut self.placing);
        let (reader, bounds) = self.batches.as_mut().map(Batches::split).unzip();
        let mut of_bounds = Findings::default();
        let mut of_columns = Findings::default();
        let (leaves, _) = rayon::join(
            || {
                let judge = || {
                    if let Some(bounds) = bounds {
                        bounds.judge(&batch, &file.name, &mut of_bounds);
                    }
                };
                rayon::join(|| comparer.compare(&batch, &mut of_columns), judge).0
            },
            || {
                let read = || reader.into_iter().for_each(Reader::read_ahead);
                let place = || {
                    if let Some(before) = &before {
                        placing.take(file, before, findings);
                    }
                };
                rayon::join(read, place)
            },
        );
        findings.append(of_bounds);
        findings.append(of_columns);
        self.compared = Some(Compared { batch, leaves });
    }

    /// The rows of a file ended.
    fn end_of(&mut self, file: &NativeFile, findings: &mut Findings) {
        if let Some(last) = self.compared.take() {
            self.placing.take(file, &last, findings);
        }
        self.file = self.file.saturating_add(1);
        (self.group, self.batches) = (0, None);
        self.placing.end_of(file, findings);
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
        } else if self.placing.has_tail() {
            format!(
                "it ends inside a commit: its last {} entries were proved one by one, and what \
                 they do to cases, queues and recordings was not judged",
                self.placing.proved()
            )
        } else {
            return;
        };
        findings.add(Code::Copy(Flaw::CopyPartial), None, text);
    }
}
