//! The spool: a queue on disk between what an agent collects and the ledger that seals it.
//!
//! Every start of the agent begins a queue, and every item gets the next number of its queue. No
//! number is given twice, whatever became of the files, and none is left out: the ledger takes each
//! once, and tells of those that it does not see. A crash of either side, a ledger that is away for
//! days and an answer that is lost all end in the same way: the agent asks how far its queue is
//! sealed, and sends what is behind that.
//!
//! **Full.** The disk that a spool may take is bounded. What happens then is chosen:
//! [`Full::Block`] makes inputs wait, and sessions end; [`Full::Drop`] counts what it loses and
//! says so in the queue, as a SpoolGap event, when there is room again.
//!
//! **Damage.** A frame carries a checksum and the hash of the one before. What cannot be read is
//! left out, which the ledger notices by the numbers; what does not follow is sent, with an event
//! that says so.

pub mod frame;
mod reader;
mod ship;
pub mod status;
mod store;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::sequence::QueueId;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::limits::{MIN_SPOOL_BYTES, SPOOL_BYTES, SPOOL_QUEUE, SPOOL_QUEUE_BYTES};
use crate::outlet::{Item, Outlet, OutletError};
use store::Store;
use writer::{Put, Writer};

pub use ship::{LedgerUplink, Patience, ShipError, Uplink, UplinkError, ship};
pub use store::{Owner, Recovered, SpoolError, prepared};

/// What a full spool does with new items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Full {
    /// They wait.
    #[default]
    Block,
    /// They are lost, which is counted and told.
    Drop,
}

/// How a spool is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder.
    pub dir: PathBuf,
    /// Bytes that it may take on disk.
    pub max_bytes: u64,
    /// What happens when it is full.
    pub full: Full,
    /// Whether it is only opened when the disk has room for its first items.
    pub with_room: bool,
}

impl Options {
    /// A spool of 1 GiB in this folder, where new items wait when it is full.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_bytes: SPOOL_BYTES,
            full: Full::Block,
            with_room: false,
        }
    }
}

/// How a spool stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Everything below is on disk.
    pub next: u64,
    /// Everything below is sealed by the ledger.
    pub sealed: u64,
    /// Bytes that its segments take.
    pub used_bytes: u64,
    /// Items that were lost since the agent started, because it was full.
    pub dropped: u64,
    /// Items that were not sealed and cannot be read any more, or that the ledger refuses for what
    /// they are, as far as this run knows of them.
    pub lost: u64,
    /// Whether new items find no room now.
    pub is_full: bool,
    /// Whether it is the disk that has none.
    pub is_disk_full: bool,
    /// Why nothing can be written any more.
    pub failed: Option<String>,
}

/// An open spool. Clones share it; it is closed when the last one is gone.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: Arc<Path>,
    seals: mpsc::Sender<u64>,
    puts: mpsc::Sender<Put>,
    room: Arc<Semaphore>,
    standing: watch::Receiver<Standing>,
    places: watch::Receiver<BTreeMap<String, String>>,
    lost: Arc<AtomicU64>,
    /// The first number of this run: what is lost of earlier ones was counted at the start.
    begun: u64,
}

impl Spool {
    /// Opens the spool of this owner, or makes one, and starts its writer. Blocks.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn open(options: &Options, owner: &Owner) -> Result<(Self, Recovered), SpoolError> {
        let max_bytes = options.max_bytes.max(MIN_SPOOL_BYTES);
        let mut queue = [0; 16];
        getrandom::fill(&mut queue).map_err(|error| SpoolError::Random(io::Error::other(error)))?;
        let queue = QueueId::new(queue);
        let (mut store, recovered) = Store::open(&options.dir, owner, (max_bytes, queue))?;
        if options.with_room {
            store.reserve()?;
        }
        let (puts, taken) = mpsc::channel(SPOOL_QUEUE);
        let (seals, sealed) = mpsc::channel(16);
        let (writer, standing, places) = Writer::new(store, options.full, (taken, sealed));
        let begun = standing.borrow().next;
        writer.start(&recovered)?;
        let lost = recovered.lost.saturating_add(recovered.lost_at_end);
        let spool = Self {
            dir: options.dir.clone().into(),
            seals,
            puts,
            room: Arc::new(Semaphore::new(SPOOL_QUEUE_BYTES)),
            standing,
            places,
            lost: Arc::new(AtomicU64::new(lost)),
            begun,
        };
        Ok((spool, recovered))
    }

    /// How it stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            lost: self.lost.load(Ordering::Relaxed),
            ..self.standing.borrow().clone()
        }
    }

    /// Items of this range cannot be read, or are refused.
    fn lose(&self, numbers: std::ops::Range<u64>) {
        let count = numbers.end.saturating_sub(numbers.start.max(self.begun));
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    /// Lets go of it, and waits until its files are closed, once all other clones are gone.
    pub async fn close(self) {
        let mut standing = self.standing.clone();
        drop(self);
        while standing.changed().await.is_ok() {}
    }

    /// Tells whenever it stands differently.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    fn closed(&self) -> OutletError {
        let failed = self.standing.borrow().failed.clone();
        OutletError::Closed(failed.unwrap_or_else(|| "the spool was closed".to_owned()))
    }

    /// The ledger has sealed everything below this number.
    pub(crate) async fn sealed_to(&self, number: u64) -> Result<(), OutletError> {
        let sent = self.seals.send(number).await;
        sent.map_err(|_closed| self.closed())
    }
}

impl Outlet for Spool {
    async fn put(&self, item: Item) -> Result<(), OutletError> {
        if !store::fits(&item) {
            let bytes = frame::size(&item);
            return Err(OutletError::Unfit(format!(
                "expected an item that fits the spool, got one of {bytes} bytes"
            )));
        }
        let weight = u32::try_from(frame::size(&item)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(weight).await;
        let room = room.map_err(|_closed| self.closed())?;
        let put = Put::Item(Box::new(item), room);
        self.puts.send(put).await.map_err(|_closed| self.closed())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        let (done, waited) = oneshot::channel();
        let flush = self.puts.send(Put::Flush(done)).await;
        flush.map_err(|_closed| self.closed())?;
        waited.await.map_err(|_closed| self.closed())
    }

    fn place(&self, input: &str) -> Option<String> {
        self.places.borrow().get(input).cloned()
    }
}

#[cfg(test)]
mod tests;
