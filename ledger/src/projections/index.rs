//! The index itself: opened against a log, filled bundle by bundle, asked by readers.

use std::collections::HashSet;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_chain::hash::Hash;
use countersign_chain::origin::Origin;
use parking_lot::{Mutex, RwLock};

use super::bundle::{Source, Span, Summary, Term};
use super::chunk::Fold;
use super::db::{Db, DbError};
use super::plan::Plan;
use super::rows::{self, Progress};
use super::set::Set;
use super::{BUNDLE_ENTRIES, CHUNK_BUNDLES};
use crate::filter::Filter;

/// Rows of one batch while a chunk is folded: 64 of about 4 KiB.
const FOLD_BATCH: usize = 64;
/// Bundles after which the engine is flushed: 262,144 entries, about a second of reading the log
/// again.
const FLUSH_BUNDLES: u64 = 1_024;

/// Why the index is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] DbError),
    /// The rows are not what was written.
    #[error("projections are damaged: {0}")]
    Damaged(&'static str),
    /// Written by another version.
    #[error("projections have format {0}; expected 1")]
    OtherFormat(u16),
    /// Made from another log.
    #[error("projections are of origin {got}; expected {expected}")]
    OtherOrigin {
        /// Of the log.
        expected: String,
        /// Of the rows.
        got: String,
    },
    /// Made from other entries.
    #[error("projections were made from another entry {0} than that of the log")]
    OtherLog(u64),
}

/// Gives the leaf hash of an entry, `None` when the log has no such entry.
pub(super) type LeafCheck = Arc<dyn Fn(u64) -> Option<Hash> + Send + Sync>;

pub(super) struct Index {
    db: Db,
    origin: Origin,
    check: LeafCheck,
    progress: RwLock<Progress>,
    /// Chunks that are known to come from this log.
    known: Mutex<HashSet<u64>>,
    unflushed: AtomicU64,
    broken: AtomicBool,
}

impl Index {
    /// Opens the index in this folder, or starts one, and checks that it was made from this log.
    pub(super) fn open(
        folder: &Path,
        origin: &Origin,
        check: LeafCheck,
    ) -> Result<Self, IndexError> {
        let db = Db::open(folder)?;
        let progress = match db.get(rows::STATE)? {
            Some(value) => rows::parse_state(&value, origin.as_str())?,
            None if db.is_empty()? => {
                let progress = Progress {
                    bundles: 0,
                    chunks: 0,
                    source: Source::NONE,
                };
                db.write(vec![rows::state_row(&progress, origin.as_str())])?;
                progress
            }
            None => return Err(IndexError::Damaged("state row is missing")),
        };
        if progress.chunks > progress.bundles / CHUNK_BUNDLES {
            return Err(IndexError::Damaged("more chunks than bundles"));
        }
        if let Some(last) = progress.bundles.checked_sub(1) {
            made_from(&progress.source, last)?;
            // The chain ties the last entry to all before it, so this one check covers every row.
            if check(progress.source.index) != Some(progress.source.leaf) {
                return Err(IndexError::OtherLog(progress.source.index));
            }
        }
        Ok(Self {
            db,
            origin: origin.clone(),
            check,
            progress: RwLock::new(progress),
            known: Mutex::new(HashSet::new()),
            unflushed: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        })
    }

    /// Number of bundles in the index.
    pub(super) fn bundle_count(&self) -> u64 {
        self.progress.read().bundles
    }

    /// Number of entries that the index covers.
    pub(super) fn entries(&self) -> u64 {
        self.bundle_count().saturating_mul(BUNDLE_ENTRIES)
    }

    /// Whether an answer failed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Adds the bundles that come next.
    pub(super) fn apply(&self, summaries: &[Summary]) -> Result<(), IndexError> {
        let mut progress = *self.progress.read();
        let mut batch = Vec::with_capacity(summaries.len() + 1);
        for summary in summaries {
            if summary.number != progress.bundles {
                return Err(IndexError::Damaged("bundles come out of order"));
            }
            progress.bundles += 1;
            progress.source = summary.source;
            batch.push(rows::bundle_row(summary));
        }
        if !batch.is_empty() {
            batch.push(rows::state_row(&progress, self.origin.as_str()));
            self.db.write(batch)?;
            *self.progress.write() = progress;
        }
        // Stopping here leaves a chunk that is complete and not folded: readers use its bundles,
        // the next call folds.
        while progress.bundles / CHUNK_BUNDLES > progress.chunks {
            self.fold(progress.chunks)?;
            progress.chunks += 1;
            self.db
                .write(vec![rows::state_row(&progress, self.origin.as_str())])?;
            *self.progress.write() = progress;
        }
        let count = u64::try_from(summaries.len()).unwrap_or(u64::MAX);
        if self.unflushed.fetch_add(count, Ordering::Relaxed) >= FLUSH_BUNDLES {
            self.flush()?;
        }
        Ok(())
    }

    fn fold(&self, chunk: u64) -> Result<(), IndexError> {
        let first = chunk.saturating_mul(CHUNK_BUNDLES);
        let (mut fold, mut span) = (Fold::default(), Span::EMPTY);
        let mut source = Source::NONE;
        self.scan(first, first.saturating_add(CHUNK_BUNDLES), |summary| {
            fold.push(summary.number, &summary.terms);
            span.include(summary.span);
            source = summary.source;
            ControlFlow::Continue(())
        })?;
        let mut rows = fold.rows(chunk, &source);
        rows.push(rows::chunk_row(chunk, &source, span));
        for batch in rows.chunks(FOLD_BATCH) {
            self.db.write(batch.to_vec())?;
        }
        Ok(())
    }

    /// Shows the bundles from `from` up to and without `to`, all of which must be there.
    fn scan(
        &self,
        from: u64,
        to: u64,
        mut visit: impl FnMut(Summary) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        let (mut next, mut stopped) = (from, false);
        let (start, end) = (rows::bundle_key(from), rows::bundle_key(to));
        self.db.scan(&start, &end, |key, value| {
            let summary = rows::parse_bundle(next, key, value)?;
            made_from(&summary.source, next)?;
            next += 1;
            let flow = visit(summary);
            stopped = flow.is_break();
            Ok::<_, IndexError>(flow)
        })?;
        if stopped || next >= to {
            Ok(())
        } else {
            Err(IndexError::Damaged("bundle row is missing"))
        }
    }

    /// Hands what was written to the operating system.
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        self.db.flush()?;
        self.unflushed.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// See [`super::Projections::bundles`].
    pub(super) fn bundles(
        &self,
        filter: &Filter,
        from: u64,
        limit: usize,
    ) -> Result<Option<(Vec<u64>, u64)>, IndexError> {
        let found = self.search(&Plan::new(filter), from, limit.max(1));
        if found.is_err() {
            self.broken.store(true, Ordering::Release);
        }
        found
    }

    fn search(
        &self,
        plan: &Plan,
        from: u64,
        limit: usize,
    ) -> Result<Option<(Vec<u64>, u64)>, IndexError> {
        let progress = *self.progress.read();
        let mut found = Vec::new();
        let mut at = from;
        while at < progress.bundles && found.len() < limit {
            let chunk = at / CHUNK_BUNDLES;
            let end = progress.bundles.min((chunk + 1) * CHUNK_BUNDLES);
            let known = if chunk < progress.chunks {
                self.in_chunk(plan, chunk)?.map(|set| {
                    let room = limit - found.len();
                    let bundles = (at..end).filter(|bundle| set.contains(*bundle));
                    found.extend(bundles.take(room));
                })
            } else {
                self.in_bundles(plan, at..end, limit, &mut found)?
            };
            if known.is_none() {
                return Ok(None);
            }
            at = end;
        }
        Ok(Some((found, progress.bundles * BUNDLE_ENTRIES)))
    }

    /// Whether the log has the entry that a row was made up to; `None` when the log does not tell.
    fn check(&self, source: &Source) -> Result<Option<()>, IndexError> {
        match (self.check)(source.index) {
            None => Ok(None),
            Some(leaf) if leaf == source.leaf => Ok(Some(())),
            Some(_) => Err(IndexError::OtherLog(source.index)),
        }
    }

    /// Adds candidates among bundles that are not folded, up to `limit` in all. `None` when the log
    /// does not tell whether the last one read comes from it.
    fn in_bundles(
        &self,
        plan: &Plan,
        bundles: Range<u64>,
        limit: usize,
        found: &mut Vec<u64>,
    ) -> Result<Option<()>, IndexError> {
        let mut made = Source::NONE;
        self.scan(bundles.start, bundles.end, |summary| {
            if plan.holds(&summary) {
                found.push(summary.number);
            }
            made = summary.source;
            if found.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        self.check(&made)
    }

    /// Candidates of a folded chunk. `None` when the log does not tell whether the chunk comes from
    /// it.
    fn in_chunk(&self, plan: &Plan, chunk: u64) -> Result<Option<Set>, IndexError> {
        let head = self.db.get(&rows::chunk_key(chunk))?;
        let head = head.ok_or(IndexError::Damaged("chunk row is missing"))?;
        let (source, span) = rows::parse_chunk(chunk, &head)?;
        made_from(&source, (chunk + 1) * CHUNK_BUNDLES - 1)?;
        let known = self.known.lock().contains(&chunk);
        if !known && self.check(&source)?.is_none() {
            return Ok(None);
        }
        self.known.lock().insert(chunk);
        if !plan.may_hold_at(span) {
            return Ok(Some(Set::EMPTY));
        }
        let mut set = Set::FULL;
        if let Some(actor) = plan.actor {
            set.keep(&self.term(chunk, actor, &source)?);
        }
        if let Some((case, opener)) = plan.case {
            let mut bundles = self.term(chunk, case, &source)?;
            if opener / CHUNK_BUNDLES == chunk {
                bundles.insert(opener);
            }
            set.keep(&bundles);
        }
        if !plan.kinds.is_empty() {
            let mut bundles = Set::EMPTY;
            for kind in &plan.kinds {
                bundles.add(&self.term(chunk, *kind, &source)?);
            }
            set.keep(&bundles);
        }
        if !plan.surely_holds_at(span) && !set.is_empty() {
            let first = chunk * CHUNK_BUNDLES;
            let mut bundles = Set::EMPTY;
            self.scan(first, first + CHUNK_BUNDLES, |summary| {
                if plan.may_hold_at(summary.span) {
                    bundles.insert(summary.number);
                }
                ControlFlow::Continue(())
            })?;
            set.keep(&bundles);
        }
        Ok(Some(set))
    }

    fn term(&self, chunk: u64, term: Term, head: &Source) -> Result<Set, IndexError> {
        let row = self.db.last_up_to(&rows::block_key(chunk, term))?;
        let (source, set) = rows::find_in_block(chunk, term, row)?;
        if source == *head {
            Ok(set)
        } else {
            Err(IndexError::Damaged(
                "block and chunk were made from other entries",
            ))
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("progress", &*self.progress.read())
            .finish_non_exhaustive()
    }
}

/// A row that covers bundles up to `bundle` was made up to its last entry.
fn made_from(source: &Source, bundle: u64) -> Result<(), IndexError> {
    let end = bundle
        .checked_add(1)
        .and_then(|next| next.checked_mul(BUNDLE_ENTRIES));
    if end.is_some_and(|end| source.index == end - 1) {
        Ok(())
    } else {
        Err(IndexError::Damaged("row was made from other entries"))
    }
}
