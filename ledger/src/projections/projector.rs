//! The follower that fills the index behind the log.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::db::DbError;
use super::feed::{self, Feed, FeedError};
use super::folder::Folder;
use super::index::{Index, IndexError, LeafCheck};
use super::{BUNDLE_ENTRIES, Projections, State};
use crate::store::LogStore;

/// How long the engine may take to open: it needs some 10 s for a million rows, of which there are
/// none before a log of 256 million entries.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of log that are read and indexed at once: some 1,500 entries of 700 bytes, 10 ms.
const READ_BYTES: usize = 1 << 20;
/// Failures in an hour, after which the index is given up: each may cost a rebuild.
const MAX_FAILURES: u32 = 5;
const FORGET_MICROS: u64 = 3_600_000_000;
/// Pause after the first failure; doubled with each further one.
const BACKOFF: Duration = Duration::from_secs(1);

/// What a projector needs to know.
#[derive(Clone)]
pub struct Settings {
    folder: Folder,
    origin: Origin,
    now: Arc<dyn Fn() -> UnixMicros + Send + Sync>,
    backoff: Duration,
}

impl Settings {
    /// For the log in `folder`; the index is `projections/` in it. `now` names folders that are put
    /// aside.
    pub fn new(
        folder: PathBuf,
        origin: Origin,
        now: impl Fn() -> UnixMicros + Send + Sync + 'static,
    ) -> Self {
        Self {
            folder: Folder::new(folder),
            origin,
            now: Arc::new(now),
            backoff: BACKOFF,
        }
    }

    /// Sets the pause after the first failure, which is doubled with each further one; 1 s unless
    /// told.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("folder", &self.folder)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// A running follower.
#[derive(Debug)]
pub struct Projector {
    projections: Arc<Projections>,
    thread: JoinHandle<()>,
}

impl Projector {
    /// Starts the follower on a thread of its own and returns at once. It indexes complete bundles
    /// below the number of sealed entries that `sealed` tells, until `stop` is cancelled or the
    /// sender of `sealed` is gone.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn spawn(
        settings: Settings,
        store: Arc<dyn LogStore>,
        sealed: watch::Receiver<u64>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let projections = Arc::new(Projections::new());
        let worker = Worker {
            settings,
            store,
            sealed,
            stop,
            shared: Arc::clone(&projections),
            failures: Failures::default(),
            number: 0,
        };
        let thread = std::thread::Builder::new()
            .name("projections".to_owned())
            .spawn(move || runtime.block_on(worker.run()))?;
        Ok(Self {
            projections,
            thread,
        })
    }

    /// The index that it fills.
    #[must_use]
    pub fn projections(&self) -> Arc<Projections> {
        Arc::clone(&self.projections)
    }

    /// Waits until the follower has stopped and the index is closed. Blocks.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("projector panicked");
        }
    }
}

/// Why following was interrupted.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("projections did not open within {OPEN_LIMIT:?}")]
    OpenTimeout,
    #[error("projections failed to answer a reader")]
    Reader,
    #[error("cannot use the folder of the projections: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Feed(#[from] FeedError),
}

impl FollowError {
    /// Whether another index would help.
    const fn is_fault_of_index(&self) -> bool {
        match self {
            Self::Index(_) | Self::OpenTimeout | Self::Reader | Self::Folder(_) => true,
            Self::Feed(_) => false,
        }
    }
}

struct Worker {
    settings: Settings,
    store: Arc<dyn LogStore>,
    sealed: watch::Receiver<u64>,
    stop: CancellationToken,
    shared: Arc<Projections>,
    failures: Failures,
    /// Last number given to a folder.
    number: u64,
}

impl Worker {
    async fn run(mut self) {
        while let Err(error) = self.follow().await {
            tracing::warn!(%error, "projections failed; readers scan the log meanwhile");
            self.shared.set(State::Rebuilding);
            if error.is_fault_of_index() {
                self.put_aside();
            }
            let now = (self.settings.now)().get();
            let Some(doublings) = self.failures.count(now) else {
                tracing::error!(
                    "projections failed too often and are disabled until the next start"
                );
                break;
            };
            let pause = self.settings.backoff.saturating_mul(1 << doublings);
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.shared.set(State::Stopped);
    }

    /// A number that no folder has had.
    fn next_number(&mut self) -> u64 {
        let now = (self.settings.now)().get();
        self.number = now.max(self.number.saturating_add(1));
        self.number
    }

    fn put_aside(&mut self) {
        metrics::counter!("countersign_projection_quarantines_total").increment(1);
        let number = self.next_number();
        if let Err(error) = self.settings.folder.quarantine(number) {
            tracing::error!(%error, "cannot put the projections aside");
        }
    }

    /// Opens the index and fills it until told to stop.
    async fn follow(&mut self) -> Result<(), FollowError> {
        let Some(index) = self.open().await? else {
            return Ok(());
        };
        self.shared.set(State::Following(Box::new(index)));
        loop {
            self.catch_up()?;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.shared.trouble.notified() => {}
                changed = self.sealed.changed() => if changed.is_err() {
                    break;
                },
            }
        }
        self.with_index(|index| Ok(index.flush()?))
    }

    /// Opens the index on a thread that can be left behind. `None` when told to stop.
    async fn open(&mut self) -> Result<Option<Index>, FollowError> {
        let number = self.next_number();
        let engine = self.settings.folder.engine(number)?;
        let origin = self.settings.origin.clone();
        let store = Arc::clone(&self.store);
        let check: LeafCheck = Arc::new(move |index| feed::leaf(&*store, index));
        let (done, opened) = oneshot::channel();
        std::thread::Builder::new()
            .name("projections-open".to_owned())
            .spawn(move || {
                // When nobody waits any more, the index comes back and is closed here.
                drop(done.send(Index::open(&engine, &origin, check)));
            })?;
        tokio::select! {
            () = self.stop.cancelled() => Ok(None),
            opened = tokio::time::timeout(OPEN_LIMIT, opened) => match opened {
                Ok(Ok(index)) => Ok(Some(index?)),
                Ok(Err(_)) => {
                    let error = DbError::Panicked("while it was opened".to_owned());
                    Err(IndexError::from(error).into())
                }
                Err(_) => Err(FollowError::OpenTimeout),
            },
        }
    }

    fn with_index<T: Default>(
        &self,
        call: impl FnOnce(&Index) -> Result<T, FollowError>,
    ) -> Result<T, FollowError> {
        match &*self.shared.state.read() {
            State::Following(index) => call(index),
            State::Opening | State::Rebuilding | State::Stopped => Ok(T::default()),
        }
    }

    /// Indexes all complete bundles that are sealed.
    fn catch_up(&mut self) -> Result<(), FollowError> {
        let sealed = *self.sealed.borrow_and_update();
        self.with_index(|index| {
            let end = sealed / BUNDLE_ENTRIES;
            let mut feed = Feed::new(index.bundle_count());
            self.shared.report(index.entries());
            while index.bundle_count() < end && !self.stop.is_cancelled() {
                if index.is_broken() {
                    break;
                }
                let summaries = feed.read(&*self.store, READ_BYTES, end)?;
                index.apply(&summaries)?;
                self.shared.report(index.entries());
            }
            if index.is_broken() {
                Err(FollowError::Reader)
            } else {
                Ok(())
            }
        })
    }
}

/// Counts failures and forgets them after an hour without one.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    last: u64,
}

impl Failures {
    /// How often the pause is to be doubled; `None` when it is enough.
    const fn count(&mut self, now: u64) -> Option<u32> {
        if now.saturating_sub(self.last) > FORGET_MICROS {
            self.count = 0;
        }
        self.last = now;
        self.count += 1;
        if self.count > MAX_FAILURES {
            None
        } else {
            Some(self.count - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_an_hour_are_borne() {
        let mut failures = Failures::default();
        let day = 86_400_000_000;
        for turn in 0..5 {
            assert_eq!(failures.count(day + u64::from(turn)), Some(turn));
        }
        assert_eq!(failures.count(day + 5), None);
        assert_eq!(failures.count(2 * day), Some(0));
    }
}
