//! Folds the bundles of a chunk into rows by term, so that a question about a large log reads a few
//! rows of each chunk.

use super::bundle::{Source, Term};
use super::db::Row;
use super::rows;
use super::set::Set;

/// Entries of a block are at least 11 bytes, of a term that occurs in one bundle: some 370 terms in
/// 4 KiB.
const BLOCK_BYTES: usize = 4_096;

/// Terms of a chunk with the bundles where they occur.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// At most 256 × 4 for each of 2,048 bundles.
    pairs: Vec<(Term, u64)>,
}

impl Fold {
    pub(super) fn push(&mut self, bundle: u64, terms: &[Term]) {
        self.pairs.extend(terms.iter().map(|term| (*term, bundle)));
    }

    /// The block rows, which cover all terms.
    pub(super) fn rows(mut self, chunk: u64, source: &Source) -> Vec<Row> {
        self.pairs.sort_unstable();
        let mut rows = Vec::new();
        let mut first = Term(0);
        let mut entries = Vec::new();
        for group in self.pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some((term, _)) = group.first() else {
                continue;
            };
            if entries.len() >= BLOCK_BYTES {
                // Not zero: a term before it is in the block.
                let last = Term(term.0.saturating_sub(1));
                rows.push(rows::block_row(chunk, source, (first, last), &entries));
                entries.clear();
                first = *term;
            }
            let mut set = Set::EMPTY;
            group.iter().for_each(|(_, bundle)| set.insert(*bundle));
            rows::block_entry(&mut entries, *term, &set);
        }
        rows.push(rows::block_row(
            chunk,
            source,
            (first, Term(u64::MAX)),
            &entries,
        ));
        rows
    }
}
