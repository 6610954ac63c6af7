//! What becomes of rows that were compared with their records: commits where every entry is there,
//! and rows that their own proofs lead to a root.

use arrow::record_batch::RecordBatch;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};

use super::file::NativeFile;
use super::progress::Progress;
use super::rows::Rows;
use crate::copy::frames::Frames;
use crate::copy::loose::Loose;
use crate::copy::{Row, Seal, follow};
use crate::finding::{Code, Findings, Flaw};
use crate::window::Window;

/// Rows that were compared, and the leaf hashes of their records.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) batch: RecordBatch,
    pub(super) leaves: Vec<Hash>,
}

/// Where rows are put.
#[derive(Debug)]
pub(super) struct Placing {
    key: VerifierKey,
    /// Whether every entry of the range is there.
    whole: bool,
    frames: Frames,
    loose: Loose,
    /// What signs the last rows of a copy that ends inside a commit.
    tail: Option<Seal>,
    progress: Progress,
    rows: u64,
}

impl Placing {
    /// Of a copy whose last rows may be signed by this.
    pub(super) fn new(key: &VerifierKey, whole: bool, tail: Option<Seal>) -> Self {
        Self {
            key: key.clone(),
            whole,
            frames: Frames::new(key.clone()),
            loose: Loose::new(key.clone()),
            tail,
            progress: Progress::default(),
            rows: 0,
        }
    }

    /// Rows that were taken.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether the copy ends inside a commit.
    pub(super) const fn has_tail(&self) -> bool {
        self.tail.is_some()
    }

    /// Rows that were proved by themselves.
    pub(super) const fn proved(&self) -> u64 {
        self.loose.proved()
    }

    /// Signatures that were checked for those.
    pub(super) const fn signatures(&self) -> u64 {
        self.loose.signatures()
    }

    /// Bytes of commits that were not handed out yet.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The commits so far.
    pub(super) fn window(&mut self) -> Window {
        self.frames.window()
    }

    /// No row comes any more.
    pub(super) fn flush(&mut self) {
        self.frames.flush();
    }

    /// Takes the next rows of a file.
    pub(super) fn take(
        &mut self,
        file: &NativeFile,
        Compared { batch, leaves }: &Compared,
        findings: &mut Findings,
    ) {
        let mut rows = Rows::of(batch).map(|rows| rows.all()).unwrap_or_default();
        if rows.len() != batch.num_rows() {
            let text = format!("{}: rows without a value that every row has", file.name);
            findings.add(Code::Copy(Flaw::BadColumns), None, text);
        }
        for (row, leaf) in rows.iter_mut().zip(leaves) {
            row.place(leaf);
        }
        let again = self
            .progress
            .take((file, self.tail), (&rows, leaves), findings);
        self.rows = self
            .rows
            .saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if !self.whole {
            return self.loose.take(&rows, findings);
        }
        judge_proofs(file, (&rows, leaves), findings);
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

    /// The rows of a file ended.
    pub(super) fn end_of(&mut self, file: &NativeFile, findings: &mut Findings) {
        // One that does not hold was found when the files were opened.
        let signed = SignedCheckpoint::open(&file.meta.checkpoint, &self.key).ok();
        let last = signed.as_ref().map(Seal::of).filter(|_| self.whole);
        let tree = self.progress.end(file, (self.whole, last), findings);
        self.progress = Progress::behind(tree);
    }
}

/// Where every entry is there, rows have proofs where their file ends inside their commit, and
/// nowhere else.
fn judge_proofs(file: &NativeFile, (rows, leaves): (&[Row<'_>], &[Hash]), findings: &mut Findings) {
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
