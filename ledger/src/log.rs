//! One open log: the single writer, its followers, and what readers ask.
//!
//! Write path: bounded queue → `sequencer` (order, time, chain, signature) → `writer` (durable,
//! then the callers) → `sealer` (durable floor, then the readers). Behind it follow the tree files
//! and the projections. Each of the three has a thread of its own, so that the next commit is
//! prepared while this one syncs.

mod cases;
mod entry;
mod evidence;
pub mod folder;
mod housekeeper;
mod idem;
mod open;
mod receipt;
mod repeat;
mod sealer;
mod sequencer;
mod sequences;
mod submit;
mod timepiece;
mod workers;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::principal::Principal;
use countersign_chain::proof;
use countersign_chain::sequence::QueueId;
use countersign_proto::event::Event;
use countersign_proto::v1::LogStopped;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::cases::Cases;
pub use self::entry::{Mode, NewEntry, NewEntryError, Run, SubmitError};
pub use self::open::{LogSettings, OpenLogError};
pub use self::receipt::LookupError;
pub use self::sealer::{CHECKPOINT, Sealed};
pub use self::sequences::Last;
pub use self::submit::{Pending, Turn};

use self::housekeeper::Low;
use self::idem::{Fingerprint, Window};
use self::sealer::SealDesk;
use self::submit::Work;
use crate::blobs::Blobs;
use crate::fs::FsLock;
use crate::projections::{Projections, Projector};
use crate::shares::Shares;
use crate::store::{FrameRun, LogStore, ReadError};
use crate::tree::{TreeError, TreeStore};

/// An open log. Dropping it without [`Log::close`] is like a crash: nothing durable is lost.
#[derive(Debug)]
pub struct Log {
    name: String,
    store: Arc<dyn LogStore>,
    tree: Arc<TreeStore>,
    projections: Arc<Projections>,
    projector: Mutex<Option<Projector>>,
    window: Arc<Mutex<Window>>,
    low: Low,
    queue: mpsc::Sender<Work>,
    cases: Arc<Cases>,
    sequences: sequences::Shared,
    blobs: Arc<Blobs>,
    /// What each client may have in the queue.
    shares: Shares,
    /// Turns at reading back what is repeated.
    lookups: Shares,
    accepted: watch::Receiver<u64>,
    sealed: watch::Receiver<Sealed>,
    desk: Arc<SealDesk>,
    /// Cancelled when nothing can be written any more.
    failed: CancellationToken,
    stop: CancellationToken,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    lock: Mutex<Option<Box<dyn FsLock>>>,
}

/// An entry of the ledger itself.
fn own_entry(event: &Event) -> Result<NewEntry, SubmitError> {
    let (kind, payload) = event
        .parts()
        .map_err(|error| SubmitError::Internal(error.to_string()))?;
    NewEntry::new(kind, Principal::ledger(), payload.clone())
        .map_err(|error| SubmitError::Internal(error.to_string()))
}

impl Log {
    /// Name of the log on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key that signs its checkpoints.
    #[must_use]
    pub fn key(&self) -> VerifierKey {
        self.store.key()
    }

    /// Writes an entry of the ledger itself and waits until it is durable.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn record(&self, event: &Event) -> Result<Run, SubmitError> {
        self.record_as(own_entry(event)?).await
    }

    /// Number of durable entries.
    #[must_use]
    pub fn accepted_size(&self) -> u64 {
        *self.accepted.borrow()
    }

    /// The sealed end, as readers see it.
    #[must_use]
    pub fn sealed(&self) -> Sealed {
        self.sealed.borrow().clone()
    }

    /// Tells every new sealed end.
    #[must_use]
    pub fn watch_sealed(&self) -> watch::Receiver<Sealed> {
        self.sealed.clone()
    }

    /// Waits until so many entries are sealed, and has it done at once.
    ///
    /// # Errors
    /// [`SubmitError::OutcomeUnknown`] when the writer failed before.
    pub async fn wait_sealed(&self, size: u64) -> Result<Sealed, SubmitError> {
        let mut sealed = self.sealed.clone();
        self.desk.want(size);
        let reached = sealed.wait_for(|sealed| sealed.size >= size).await;
        reached
            .map(|sealed| sealed.clone())
            .map_err(|_closed| SubmitError::OutcomeUnknown)
    }

    /// Frames from the one that holds an entry on. Blocks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, from: u64, max_bytes: usize) -> Result<FrameRun, ReadError> {
        self.store.read(from, max_bytes)
    }

    /// The receipt of an entry that is in the log. Blocks.
    ///
    /// # Errors
    /// [`LookupError`].
    pub fn receipt(&self, index: u64) -> Result<Run, LookupError> {
        receipt::Shelf::default().run(self.store.as_ref(), index, 0)
    }

    /// One entry's record and the verified checkpoint of its commit. Blocks.
    ///
    /// # Errors
    /// [`LookupError`].
    pub fn entry(&self, index: u64) -> Result<(Bytes, SignedCheckpoint), LookupError> {
        let key = self.store.key();
        receipt::read_frame(self.store.as_ref(), index, |frame, record, _place| {
            let covering = receipt::covering(frame, &key);
            covering.map(|checkpoint| (Bytes::copy_from_slice(record.bytes()), checkpoint))
        })?
        .map_err(|why| LookupError::Damaged { index, why })
    }

    /// The entry that this caller appended under this key, as far as keys are remembered. Blocks.
    ///
    /// # Errors
    /// [`LookupError`].
    pub fn find_key(&self, actor: &str, idem: &[u8]) -> Result<Option<u64>, LookupError> {
        let Some(index) = self.window.lock().find(Fingerprint::of(actor, idem)) else {
            return Ok(None);
        };
        if index >= self.accepted_size() {
            return Ok(None);
        }
        receipt::read_record(self.store.as_ref(), index, |record| {
            (record.actor() == actor && record.idem() == idem).then_some(index)
        })
    }

    /// How far a queue of this caller has come, as far as entries are placed; they may not be
    /// durable.
    ///
    /// # Errors
    /// [`SubmitError::Replaying`].
    pub fn sequence(&self, actor: &str, queue: QueueId) -> Result<Option<Last>, SubmitError> {
        let sequences = self.sequences.lock();
        let known = sequences.as_ref().ok_or(SubmitError::Replaying)?;
        Ok(known.last(actor, queue))
    }

    /// Root of the first `size` entries, checked against the newest sealed checkpoint. Blocks.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn root(&self, size: u64) -> Result<Hash, TreeError> {
        let sealed = self.sealed();
        match &sealed.checkpoint {
            Some(checkpoint) if checkpoint.size() == size => Ok(checkpoint.root()),
            Some(checkpoint) if size > 0 && size < checkpoint.size() => {
                self.tree
                    .consistency(size, checkpoint.size(), &checkpoint.root())?;
                proof::root(size, self.tree.as_ref())
            }
            _ => proof::root(size, self.tree.as_ref()),
        }
    }

    /// The hashes that proofs are made of.
    #[must_use]
    pub fn tree(&self) -> &TreeStore {
        &self.tree
    }

    /// The access cases.
    #[must_use]
    pub fn cases(&self) -> &Cases {
        &self.cases
    }

    /// Content that entries commit to.
    #[must_use]
    pub const fn blobs(&self) -> &Arc<Blobs> {
        &self.blobs
    }

    /// The indexes.
    #[must_use]
    pub fn projections(&self) -> &Projections {
        &self.projections
    }

    /// Whether appends are refused for lack of space.
    #[must_use]
    pub fn is_disk_low(&self) -> bool {
        self.low.get().is_some()
    }

    /// Resolves when nothing can be written any more: the process should end with its own exit
    /// code.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Writes the last entry, finishes what is queued, seals, and ends the threads.
    ///
    /// # Errors
    /// [`SubmitError`] when the last entry could not be written; the threads end all the same.
    pub async fn close(&self, reason: &str) -> Result<(), SubmitError> {
        let event = Event::from_message(&LogStopped {
            reason: reason.to_owned(),
        });
        let last = self.record(&event).await;
        self.stop.cancel();
        let threads = std::mem::take(&mut *self.threads.lock());
        let projector = self.projector.lock().take();
        let joined = tokio::task::spawn_blocking(move || {
            let joined = threads.into_iter().all(|thread| thread.join().is_ok());
            if let Some(projector) = projector {
                projector.join();
            }
            joined
        });
        if !joined.await.unwrap_or(false) {
            tracing::error!("a thread of the log ended in a panic");
        }
        if let Err(error) = self.tree.make_durable() {
            tracing::warn!(error = %error, "cannot sync the tree files");
        }
        self.lock.lock().take();
        last.map(|_run| ())
    }

    /// How long callers wait for a place in the queue before they are told to come back.
    pub const QUEUE_PATIENCE: Duration = Duration::from_secs(2);
}

impl Drop for Log {
    fn drop(&mut self) {
        self.stop.cancel();
        self.desk.stop();
    }
}
