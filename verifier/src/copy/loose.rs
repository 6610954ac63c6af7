//! Rows that stand alone: chosen entries, and the last ones of a copy that ends inside a commit.
//! Each is led to a signed root by its own proof.

use countersign_chain::checkpoint::CheckpointError;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};

use super::{PathError, Row, Seal, follow};
use crate::finding::{Code, Findings, Flaw};

/// Rows that one core takes at once.
const PIECE: usize = 64;

/// What was seen of a row by itself.
#[derive(Debug)]
struct Seen {
    /// Index in its record; the one of the column where it cannot be read.
    index: u64,
    /// Leaf hash of the record.
    leaf: Hash,
    /// Predecessor and time; or why the record cannot be read.
    record: Result<(Hash, UnixMicros), String>,
    path: Result<(), Path>,
}

/// Why a row is not led to a root.
#[derive(Debug)]
enum Path {
    /// There is no proof.
    Missing,
    /// The proof is wrong.
    Wrong(PathError),
    /// The proof is that of the leaf in the column, which the record does not have.
    OtherRecord,
}

/// Judges such rows, in their order.
#[derive(Debug)]
pub(crate) struct Loose {
    key: VerifierKey,
    /// Index, leaf hash and time of the row before.
    last: Option<(u64, Hash, Option<UnixMicros>)>,
    /// The last seal, and whether it holds.
    seal: Option<(Seal, Result<(), CheckpointError>)>,
    /// Signatures that hold.
    signatures: u64,
    /// Rows that are proved.
    proved: u64,
}

impl Loose {
    /// Of a log that is signed with this key.
    pub(crate) const fn new(key: VerifierKey) -> Self {
        Self {
            key,
            last: None,
            seal: None,
            signatures: 0,
            proved: 0,
        }
    }

    /// Signatures that hold, each commit counted once.
    pub(crate) const fn signatures(&self) -> u64 {
        self.signatures
    }

    /// Rows that are proved.
    pub(crate) const fn proved(&self) -> u64 {
        self.proved
    }

    /// Takes rows.
    pub(crate) fn take(&mut self, rows: &[Row<'_>], findings: &mut Findings) {
        let seen: Vec<Seen> = rows.par_iter().with_min_len(PIECE).map(look).collect();
        let seals = self.open(rows);
        let mut seals = seals.iter();
        let mut held = self.seal.take();
        for (row, seen) in rows.iter().zip(&seen) {
            if held.as_ref().is_none_or(|(seal, _)| *seal != row.seal) {
                held = seals.next().cloned();
                self.sealed(row, held.as_ref(), findings);
            }
            let signed = held.as_ref().is_some_and(|(_, opened)| opened.is_ok());
            self.judge(row, seen, findings);
            if signed && seen.record.is_ok() && seen.path.is_ok() {
                self.proved = self.proved.saturating_add(1);
            }
        }
        self.seal = held;
    }

    /// Opens every seal that differs from the one before it.
    fn open(&self, rows: &[Row<'_>]) -> Vec<(Seal, Result<(), CheckpointError>)> {
        let mut last = self.seal.as_ref().map(|(seal, _)| *seal);
        let mut seals: Vec<Seal> = Vec::new();
        for row in rows {
            if last.replace(row.seal) != Some(row.seal) {
                seals.push(row.seal);
            }
        }
        let opened = seals.par_iter();
        opened
            .map(|seal| (*seal, seal.open(&self.key).map(drop)))
            .collect()
    }

    /// A commit begins.
    fn sealed(
        &mut self,
        row: &Row<'_>,
        held: Option<&(Seal, Result<(), CheckpointError>)>,
        findings: &mut Findings,
    ) {
        match held {
            Some((_, Ok(()))) => self.signatures = self.signatures.saturating_add(1),
            Some((_, Err(error))) => {
                let text = format!(
                    "entry {}: columns commit_size, commit_root and signature: {error}",
                    row.index
                );
                let code = Code::of_format(error.code(), Code::BadSignature);
                findings.add(code, Some(row.index), text);
            }
            None => {}
        }
    }

    fn judge(&mut self, row: &Row<'_>, seen: &Seen, findings: &mut Findings) {
        let index = seen.index;
        let mut add = |code, why: String| {
            findings.add(code, Some(index), format!("entry {index}: {why}"));
        };
        let mut time = None;
        match &seen.record {
            Err(why) => add(Code::RecordChanged, format!("column record: {why}")),
            Ok((prev, at)) => {
                time = Some(*at);
                if let Some((last, leaf, before)) = self.last
                    && last.checked_add(1) == Some(index)
                {
                    if leaf != *prev {
                        let text = format!("prev is {prev}; the entry before has leaf hash {leaf}");
                        add(Code::ChainBroken, text);
                    }
                    if before.is_some_and(|before| before > *at) {
                        let text = "it is older than the entry before it".to_owned();
                        add(Code::TimeWentBack, text);
                    }
                }
            }
        }
        match &seen.path {
            Ok(()) => {}
            Err(Path::Missing) => {
                let text = "column proof has no value, and the rows alone do not lead to the root \
                            of its commit";
                add(Code::Copy(Flaw::RowUnproved), text.to_owned());
            }
            Err(Path::Wrong(why)) => add(
                Code::Copy(Flaw::RowUnproved),
                format!("column proof: {why}"),
            ),
            Err(Path::OtherRecord) => {
                let text = format!(
                    "leaf hash of the record is {}; by the signed root it is {}",
                    seen.leaf, row.leaf
                );
                add(Code::RecordChanged, text);
            }
        }
        if let Some((last, _, _)) = self.last.filter(|(last, _, _)| *last >= index) {
            let text = if last == index {
                "it stands twice".to_owned()
            } else {
                format!("it stands behind entry {last}")
            };
            add(Code::IndexGap, text);
        }
        self.last = Some((index, seen.leaf, time));
    }
}

/// Looks at a row by itself.
fn look(row: &Row<'_>) -> Seen {
    let leaf = hash::leaf(row.record);
    let record = Record::parse(row.record);
    let index = record
        .as_ref()
        .map_or(row.index, |record| record.index().get());
    let path = match row.proof {
        None => Err(Path::Missing),
        Some(path) => follow(&leaf, index, path, &row.seal).map_err(|wrong| {
            let other = leaf != row.leaf && follow(&row.leaf, index, path, &row.seal).is_ok();
            if other {
                Path::OtherRecord
            } else {
                Path::Wrong(wrong)
            }
        }),
    };
    Seen {
        index,
        leaf,
        record: record
            .map(|record| (record.prev(), record.time()))
            .map_err(|error| error.to_string()),
        path,
    }
}
