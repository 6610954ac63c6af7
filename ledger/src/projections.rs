//! Projections: a small index that says where in the log to look, so that a reader need not look
//! everywhere.
//!
//! The unit is a *bundle* of 256 entries. For each bundle the index knows which actors, kinds and
//! cases occur in it and its first and last time. It holds no entry and no row for an entry:
//! readers find out from the log what matches. [`Projections::bundles`] may name a bundle without a
//! match, and never leaves one out that has one.
//!
//! The log is the truth, and nothing waits for this index. [`Projector`] fills it behind the log,
//! on a thread of its own, with complete bundles of sealed entries. While it is being opened or
//! rebuilt, readers are told to scan. Every row carries the index and leaf hash of the last entry
//! that it was made from, and a checksum. Whatever is wrong with the folder (an error, a panic, an
//! open that takes 30 s, another origin, rows from another log), it is moved to `quarantine/` and
//! built anew. Deleting it loses nothing.
//!
//! `bundle` says what is known of a bundle, `set` and `chunk` how that is packed, `rows` how it is
//! stored, `index` how it is written and asked; `db` is the only file that names the engine.

use std::fmt;

use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use crate::filter::Filter;

mod bundle;
mod chunk;
mod db;
mod feed;
mod folder;
mod index;
mod plan;
mod projector;
mod rows;
mod set;
#[cfg(test)]
mod tests;

use index::Index;
pub use projector::{Projector, Settings};

/// Entries of a bundle, as in C2SP tlog-tiles.
pub const BUNDLE_ENTRIES: u64 = 256;
/// Bundles whose rows are folded together: 524,288 entries.
const CHUNK_BUNDLES: u64 = 2_048;

/// What the index can do at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is being opened.
    Opening,
    /// It answers for what it holds, and follows the log.
    Following,
    /// It was put aside and is being started anew.
    Rebuilding,
    /// It failed too often, or was stopped: readers scan.
    Stopped,
}

#[derive(Debug)]
enum State {
    Opening,
    Following(Box<Index>),
    Rebuilding,
    Stopped,
}

/// The index as readers see it. Shared behind an `Arc` with the [`Projector`] that fills it.
pub struct Projections {
    /// Only the projector takes the write lock, and only to swap the state.
    state: RwLock<State>,
    /// Entries that are in the index.
    indexed: watch::Sender<u64>,
    /// Tells the projector that a reader met damage.
    trouble: Notify,
}

impl Projections {
    fn new() -> Self {
        Self {
            state: RwLock::new(State::Opening),
            indexed: watch::Sender::new(0),
            trouble: Notify::new(),
        }
    }

    /// Candidate bundles from `from_bundle` on in ascending order, at most `limit` of them (at
    /// least 1), and the number of entries that the index covers.
    ///
    /// With fewer than `limit` bundles, every entry from the start of `from_bundle` to the covered
    /// number that matches is in one of them; with `limit`, ask again behind the last. Entries from
    /// the covered number on have to be scanned. `None` when there is no index at the moment:
    /// everything has to be scanned. Blocks on the disk.
    #[must_use]
    pub fn bundles(
        &self,
        filter: &Filter,
        from_bundle: u64,
        limit: usize,
    ) -> Option<(Vec<u64>, u64)> {
        // A writer that waits is about to take the index away: scanning is better than waiting.
        let state = self.state.try_read()?;
        let State::Following(index) = &*state else {
            return None;
        };
        match index.bundles(filter, from_bundle, limit) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "projections cannot answer; readers scan the log");
                self.trouble.notify_one();
                None
            }
        }
    }

    /// What the index can do at the moment.
    #[must_use]
    pub fn status(&self) -> Status {
        match &*self.state.read() {
            State::Opening => Status::Opening,
            State::Following(_) => Status::Following,
            State::Rebuilding => Status::Rebuilding,
            State::Stopped => Status::Stopped,
        }
    }

    /// Whether there is no index until the next start: it failed too often, or the log is closed.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(*self.state.read(), State::Stopped)
    }

    /// Number of entries that the index covers, and every change of it.
    #[must_use]
    pub fn indexed(&self) -> watch::Receiver<u64> {
        self.indexed.subscribe()
    }

    /// Swaps the state. An index that was there is closed when this returns.
    fn set(&self, state: State) {
        let entries = match &state {
            State::Following(index) => index.entries(),
            State::Opening | State::Rebuilding | State::Stopped => 0,
        };
        let before = std::mem::replace(&mut *self.state.write(), state);
        drop(before);
        self.report(entries);
    }

    fn report(&self, entries: u64) {
        self.indexed.send_if_modified(|known| {
            let changed = *known != entries;
            *known = entries;
            changed
        });
    }
}

impl fmt::Debug for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections")
            .field("status", &self.status())
            .field("indexed", &*self.indexed.borrow())
            .finish_non_exhaustive()
    }
}
