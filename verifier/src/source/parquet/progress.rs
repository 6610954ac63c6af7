//! The rows of one file, compared with what its metadata say of them.

use std::collections::BTreeSet;

use countersign_chain::hash::Hash;
use countersign_chain::tree::Frontier;

use super::file::NativeFile;
use crate::copy::{Row, Seal};
use crate::finding::{Code, Findings, Flaw};

/// What was seen of a file so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether its first row was taken.
    begun: bool,
    rows: u64,
    /// Index of the last row.
    last: Option<u64>,
    seal: Option<Seal>,
    /// Leaf hash of the last record.
    leaf: Option<Hash>,
    /// The tree up to here, where it is known.
    tree: Option<Frontier>,
}

impl Progress {
    /// Of a file behind this tree.
    pub(super) fn behind(tree: Option<Frontier>) -> Self {
        Self {
            tree,
            ..Self::default()
        }
    }

    /// Takes rows; returns the places of those whose entries stood before. What is missing between
    /// commits the walk finds; in the tail it is found here.
    pub(super) fn take(
        &mut self,
        (file, tail): (&NativeFile, Option<Seal>),
        (rows, leaves): (&[Row<'_>], &[Hash]),
        findings: &mut Findings,
    ) -> BTreeSet<usize> {
        let range = file.meta.first..file.meta.end;
        let mut again = BTreeSet::new();
        if !self.begun {
            self.begun = true;
            self.begin(file, findings);
        }
        for ((place, row), leaf) in rows.iter().enumerate().zip(leaves) {
            let index = row.index;
            let mut add = |at, text| findings.add(Code::IndexGap, Some(at), text);
            if !range.contains(&index) {
                let last = range.end.saturating_sub(1);
                let text = format!(
                    "entry {index} stands in {}, which is of entries {} to {last}",
                    file.name, range.start
                );
                add(index, text);
            }
            self.rows = self.rows.saturating_add(1);
            let next = self.last.map(|last| last.saturating_add(1));
            if let Some(next) = next.filter(|_| file.meta.frontier.is_some()) {
                if index < next {
                    let last = next.saturating_sub(1);
                    add(
                        index,
                        format!("entry {index} stands twice, or behind entry {last}"),
                    );
                    again.insert(place);
                    continue;
                }
                if index > next && tail == Some(row.seal) {
                    let last = index.saturating_sub(1);
                    add(next, format!("entries {next} to {last} are missing"));
                }
            }
            match &mut self.tree {
                Some(tree) if tree.size() == index && *leaf == row.leaf => tree.push(*leaf),
                _ => self.tree = None,
            }
            self.last = Some(index);
            self.seal = Some(row.seal);
            self.leaf = Some(*leaf);
        }
        again
    }

    /// The tree that a file says it begins with must be the one that the files before it give.
    fn begin(&mut self, file: &NativeFile, findings: &mut Findings) {
        let Some(frontier) = &file.meta.frontier else {
            self.tree = None;
            return;
        };
        if let Some(tree) = &self.tree
            && tree.size() == frontier.size()
            && tree != frontier
        {
            let text = format!(
                "{}: countersign.frontier is that of another tree than the files before it give",
                file.name
            );
            findings.add(Code::Copy(Flaw::BadMetadata), Some(file.meta.first), text);
        }
        self.tree = Some(frontier.clone());
    }

    /// The rows must be as many as the metadata say, reach up to the end, and be signed by the
    /// checkpoint in them. Returns the tree up to here.
    pub(super) fn end(
        &mut self,
        file: &NativeFile,
        (whole, signed): (bool, Option<Seal>),
        findings: &mut Findings,
    ) -> Option<Frontier> {
        let meta = &file.meta;
        if self.rows != meta.rows {
            let text = format!(
                "{}: countersign.rows is {}; {} rows can be read",
                file.name, meta.rows, self.rows
            );
            findings.add(Code::Copy(Flaw::BadMetadata), None, text);
        }
        let next = self.last.map_or(meta.first, |last| last.saturating_add(1));
        if whole && next < meta.end {
            let last = meta.end.saturating_sub(1);
            let text = format!(
                "entries {next} to {last} are missing at the end of {}",
                file.name
            );
            findings.add(Code::IndexGap, Some(next), text);
        }
        if let (Some(seal), Some(signed)) = (self.seal, signed)
            && seal != signed
        {
            let text = format!(
                "{}: countersign.checkpoint, of size {}, is not that of its last entry, of size {}",
                file.name, signed.size, seal.size
            );
            findings.add(Code::Copy(Flaw::BadMetadata), self.last, text);
        }
        let last = self.leaf.map(|leaf| leaf.to_string()).filter(|_| whole);
        if let (Some(last), Some(said)) = (last, &file.last_leaf)
            && last != *said
        {
            let text = format!(
                "last_leaf of {} is {said}; the leaf hash of its last entry is {last}",
                file.name
            );
            findings.add(Code::Copy(Flaw::BadManifest), self.last, text);
        }
        self.tree.take()
    }
}
