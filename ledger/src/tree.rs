//! The Merkle tree on disk: the hashes that proofs are made of, in flat files that can be rebuilt
//! from the log.
//!
//! File `tree/level-NN` holds the roots of the complete subtrees of 2^NN leaves in order, 32 bytes
//! each, for NN = 00, 08, 16 and so on: the full and partial tiles of C2SP tlog-tiles one after
//! another. Levels between two files are combined from at most 128 hashes of the file below.
//!
//! The log is the truth. One writer feeds leaf hashes behind it and nothing waits for these files:
//! they are written through the page cache and synced now and then. `tree/durable` says up to which
//! size they were synced, and with which root. What lies beyond is written again after a restart.
//!
//! No proof leaves this store before it was checked against the root that the caller trusts: a
//! changed hash gives an error and marks the tree for rebuilding, never a wrong proof.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_chain::commit::LogHead;
use countersign_chain::hash::Hash;
use countersign_chain::proof::HashReader;
use countersign_chain::tree::Frontier;
use parking_lot::{Mutex, RwLock};

use crate::fs::{Fs, FsFile};

mod level;
mod mark;
mod prove;
#[cfg(test)]
mod tests;

use level::{LEVEL_STEP, Level};
use mark::Mark;

const FOLDER: &str = "tree";

/// Why a hash or a proof could not be given.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The tree does not reach as far yet, or never will.
    #[error(
        "no hash or proof for {from} in a tree of size {size}; the tree on disk has size {stored}"
    )]
    OutOfRange {
        /// Index, or size of the older tree.
        from: u64,
        /// Size of the tree that was asked about.
        size: u64,
        /// Number of leaves stored.
        stored: u64,
    },
    /// The disk says no.
    #[error("cannot read the tree: {0}")]
    Read(#[from] io::Error),
    /// The stored hashes do not lead to the root; the tree must be rebuilt.
    #[error("stored hashes do not lead to the root of size {size}, the tree must be rebuilt")]
    Damaged {
        /// Size of the tree that was asked about.
        size: u64,
    },
}

/// The hashes of one log. One writer appends; any number of readers prove at the same time.
pub struct TreeStore {
    fs: Arc<dyn Fs>,
    /// Size that `tree/durable` vouches for. Taken before the writer's lock.
    durable: Mutex<u64>,
    writer: Mutex<Frontier>,
    /// What readers see. Taken after the writer's lock, never while files are written.
    shared: RwLock<Shared>,
    damaged: AtomicBool,
    /// Whether leaves are missing at the end.
    behind: AtomicBool,
}

#[derive(Debug, Default)]
struct Shared {
    size: u64,
    /// Level 0, 8, 16 and so on, as far as there are hashes.
    levels: Vec<Level>,
}

impl TreeStore {
    /// Opens the tree of the log that ends at `head`, as far as it can be trusted:
    /// [`TreeStore::size`] tells from which entry on leaf hashes must be appended.
    /// [`TreeStore::confirm`] then says whether all is well.
    ///
    /// # Errors
    /// Only when the folder cannot be written; files that are damaged or missing give an empty
    /// tree.
    pub fn open(fs: Arc<dyn Fs>, head: &LogHead) -> io::Result<Self> {
        if !fs.exists(FOLDER)? {
            fs.create_dir(FOLDER)?;
            fs.sync_dir("")?;
        }
        let store = Self {
            fs,
            durable: Mutex::new(0),
            writer: Mutex::new(Frontier::new()),
            shared: RwLock::new(Shared::default()),
            damaged: AtomicBool::new(false),
            behind: AtomicBool::new(false),
        };
        match store.load(head) {
            Ok(true) => {}
            Ok(false) if head.size() == 0 => store.clear()?,
            Ok(false) => store.reset()?,
            Err(error) => {
                tracing::warn!(%error, "cannot read the tree; rebuilding it");
                store.reset()?;
            }
        }
        Ok(store)
    }

    /// Takes over what was synced, if it belongs to this log.
    fn load(&self, head: &LogHead) -> Result<bool, TreeError> {
        let Some(mark) = Mark::read(&*self.fs)? else {
            return Ok(false);
        };
        if mark.size > head.size() {
            return Ok(false);
        }
        let mut levels = Vec::new();
        let mut count = mark.size;
        while count > 0 {
            let path = level::path(levels.len());
            levels.push(Level::load(self.fs.open(&path)?, count)?);
            count >>= LEVEL_STEP;
        }
        let size = mark.size;
        *self.shared.write() = Shared { size, levels };
        let frontier = self.frontier_at(size)?;
        if frontier.root() != mark.root || !self.agrees(head.frontier())? {
            return Ok(false);
        }
        *self.writer.lock() = frontier;
        *self.durable.lock() = size;
        Ok(true)
    }

    /// The frontier of the first `size` leaves, from the stored hashes.
    fn frontier_at(&self, size: u64) -> Result<Frontier, TreeError> {
        let hashes: Result<Vec<Hash>, TreeError> = subtrees(size)
            .map(|(level, index)| self.subtree(level, index))
            .collect();
        Frontier::from_hashes(size, hashes?).map_err(|_why| TreeError::Damaged { size })
    }

    /// Whether all subtrees of `frontier` that are stored have the hash that they have there.
    fn agrees(&self, frontier: &Frontier) -> Result<bool, TreeError> {
        for ((level, index), expected) in subtrees(frontier.size()).zip(frontier.hashes()) {
            if index >= self.size() >> level {
                continue;
            }
            if self.subtree(level, index)? != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Number of leaves stored: the index of the next one to append.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.read().size
    }

    /// Number of leaves that were added since the tree was made durable.
    #[must_use]
    pub fn loose(&self) -> u64 {
        let durable = *self.durable.lock();
        self.size().saturating_sub(durable)
    }

    /// Whether a proof failed, or a sync did: the tree must be [`TreeStore::reset`] and fed again.
    #[must_use]
    pub fn needs_rebuild(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Takes note that leaves could not be appended: whoever feeds the tree goes on from its size.
    pub fn fell_behind(&self, error: &io::Error) {
        metrics::counter!("countersign_tree_errors_total").increment(1);
        if !self.behind.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "cannot extend the tree files; trying again");
        }
    }

    /// Whether leaves are missing; from now on they are not, until [`TreeStore::fell_behind`] says
    /// so again.
    pub fn take_behind(&self) -> bool {
        self.behind.swap(false, Ordering::AcqRel)
    }

    /// Adds the leaf hashes of the entries from `first` on; one write for each level, no sync.
    /// Those that are there already, because someone else has fed them, are passed over.
    ///
    /// # Errors
    /// `InvalidInput` when `first` is above the size; else what the disk says. The tree is then as
    /// it was, and the same leaves may be appended again.
    pub fn append(&self, first: u64, leaves: &[Hash]) -> io::Result<()> {
        let mut writer = self.writer.lock();
        let Some(known) = writer.size().checked_sub(first) else {
            let message = format!("expected leaves from {} on, got {first}", writer.size());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let Some(leaves) = leaves.get(known..).filter(|leaves| !leaves.is_empty()) else {
            return Ok(());
        };
        let mut frontier = writer.clone();
        let mut complete: Vec<Vec<Hash>> = Vec::new();
        for leaf in leaves {
            frontier.push_with(*leaf, &mut |level, hash| {
                if level % u32::from(LEVEL_STEP) == 0 {
                    let at = usize::try_from(level / u32::from(LEVEL_STEP)).unwrap_or(0);
                    if complete.len() <= at {
                        complete.resize(at + 1, Vec::new());
                    }
                    complete[at].push(hash);
                }
            });
        }
        let mut fresh = Vec::new();
        for (at, hashes) in complete.iter().enumerate() {
            let known = self.shared.read().levels.get(at).map(Level::place);
            let (file, count) = match known {
                Some(place) => place,
                None => {
                    let file = self.open_or_create(&level::path(at))?;
                    fresh.push(Level::empty(Arc::clone(&file)));
                    (file, 0)
                }
            };
            level::write(&*file, count, hashes)?;
        }
        // Stopping here leaves hashes beyond the size: nobody reads them, and they are written
        // again.
        let mut shared = self.shared.write();
        shared.levels.append(&mut fresh);
        for (level, hashes) in shared.levels.iter_mut().zip(&complete) {
            level.extend(hashes);
        }
        shared.size = frontier.size();
        drop(shared);
        *writer = frontier;
        Ok(())
    }

    fn open_or_create(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        match self.fs.create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.fs.open(path),
            created => created,
        }
    }

    /// Syncs all levels and then records how far they reach. Also when it fails, the log is not in
    /// danger.
    ///
    /// # Errors
    /// What the disk says. After a failed sync the tree asks for a rebuild, for nobody knows what
    /// is stored.
    pub fn make_durable(&self) -> io::Result<()> {
        let mut durable = self.durable.lock();
        if self.needs_rebuild() {
            *durable = 0;
            return mark::remove(&*self.fs);
        }
        let (size, root) = {
            let writer = self.writer.lock();
            (writer.size(), writer.root())
        };
        if size == *durable {
            return Ok(());
        }
        self.sync_levels().inspect_err(|_error| self.blame())?;
        // Stopping here leaves the mark of an earlier size, whose hashes are still what they were.
        Mark { size, root }.write(&*self.fs)?;
        *durable = size;
        Ok(())
    }

    fn sync_levels(&self) -> io::Result<()> {
        let shared = self.shared.read();
        let files: Vec<_> = shared.levels.iter().map(|level| level.place().0).collect();
        drop(shared);
        files.iter().try_for_each(|file| file.sync_data())?;
        self.fs.sync_dir(FOLDER)
    }

    /// Whether the tree covers the log that ends at `head` and agrees with it. A tree that does not
    /// agree is [`TreeStore::reset`]: feed it from its size on and ask again.
    ///
    /// # Errors
    /// What the disk says.
    pub fn confirm(&self, head: &LogHead) -> io::Result<bool> {
        match self.agrees(head.frontier()) {
            Ok(true) => Ok(self.size() >= head.size() && !self.needs_rebuild()),
            Ok(false) => self.reset().map(|()| false),
            Err(error) => {
                tracing::warn!(%error, "cannot read the tree; rebuilding it");
                self.reset().map(|()| false)
            }
        }
    }

    /// Empties the tree, to be fed again from entry 0. Counted as a rebuild.
    ///
    /// # Errors
    /// What the disk says.
    pub fn reset(&self) -> io::Result<()> {
        metrics::counter!("countersign_tree_rebuilds_total").increment(1);
        tracing::warn!("tree is rebuilt from the log");
        self.clear()
    }

    fn clear(&self) -> io::Result<()> {
        let mut durable = self.durable.lock();
        let mut writer = self.writer.lock();
        *self.shared.write() = Shared::default();
        *writer = Frontier::new();
        *durable = 0;
        // The mark goes first: levels without it are trusted by no one.
        mark::remove(&*self.fs)?;
        for name in self.fs.list(FOLDER)? {
            if level::is_name(&name) {
                self.fs.remove(&format!("{FOLDER}/{name}"))?;
            }
        }
        self.damaged.store(false, Ordering::Release);
        Ok(())
    }
}

/// Level and index of the complete subtrees of a tree, largest first.
fn subtrees(size: u64) -> impl Iterator<Item = (u8, u64)> {
    (0..=62_u8)
        .rev()
        .filter(move |level| size >> level & 1 == 1)
        .map(move |level| (level, (size >> level) - 1))
}

impl fmt::Debug for TreeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeStore")
            .field("size", &self.size())
            .field("needs_rebuild", &self.needs_rebuild())
            .finish_non_exhaustive()
    }
}
