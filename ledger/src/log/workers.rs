//! The threads of a log and the channels between them.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use countersign_chain::key::SigningKey;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::cases::{Cases, Desk, Told};
use super::housekeeper::{Housekeeper, Low};
use super::idem::Window;
use super::sealer::{SealDesk, Sealed, Sealer};
use super::sequencer::{Parts, Sequencer};
use super::sequences::{SequenceDesk, Shared};
use super::submit::Work;
use super::writer::{Stored, Writer, answer_stored};
use crate::clock::Clock;
use crate::fs::Fs;
use crate::limits::QUEUE_PROPOSALS;
use crate::store::LogStore;
use crate::tree::TreeStore;

/// What a log keeps in its hand while its workers run.
pub(super) struct Handles {
    pub(super) queue: mpsc::Sender<Work>,
    pub(super) accepted: watch::Receiver<u64>,
    pub(super) sealed: watch::Receiver<Sealed>,
    /// Number of sealed entries, for the projector.
    pub(super) sizes: watch::Receiver<u64>,
    pub(super) window: Arc<Mutex<Window>>,
    pub(super) low: Low,
    pub(super) desk: Arc<SealDesk>,
    pub(super) failed: CancellationToken,
    pub(super) stop: CancellationToken,
}

/// Those who do the work of a log, joined by channels and not yet started.
pub(super) struct Workers {
    sequencer: Sequencer,
    writer: Writer,
    sealer: Sealer,
    housekeeper: Housekeeper,
    stored: mpsc::UnboundedReceiver<Stored>,
}

/// What the workers get of a prepared log.
pub(super) struct Stuff {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) tree: Arc<TreeStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) key: SigningKey,
    pub(super) window: Window,
    pub(super) epoch: u64,
    pub(super) cases: Arc<Cases>,
    pub(super) replayed: oneshot::Receiver<Told>,
    pub(super) sequences: Shared,
    pub(super) stop: CancellationToken,
}

/// The ends of the log's channels that its workers hold.
struct Ends {
    proposals: mpsc::Receiver<Work>,
    accepted: watch::Sender<u64>,
    sealed: watch::Sender<Sealed>,
    sizes: watch::Sender<u64>,
}

fn handles(store: &dyn LogStore, window: Window, stop: CancellationToken) -> (Handles, Ends) {
    let (size, sealed) = (store.head().head.size(), store.sealed());
    let (queue, proposals) = mpsc::channel(QUEUE_PROPOSALS);
    let (accepted_in, accepted) = watch::channel(size);
    let (sizes_in, sizes) = watch::channel(sealed.head.size());
    let (sealed_in, sealed) = watch::channel(Sealed::from(sealed));
    let desk = Arc::new(SealDesk::default());
    desk.accepted(size);
    let handles = Handles {
        queue,
        accepted,
        sealed,
        sizes,
        window: Arc::new(Mutex::new(window)),
        low: Low::default(),
        desk,
        failed: CancellationToken::new(),
        stop,
    };
    let ends = Ends {
        proposals,
        accepted: accepted_in,
        sealed: sealed_in,
        sizes: sizes_in,
    };
    (handles, ends)
}

/// Joins the workers and the log's own ends.
pub(super) fn join(stuff: Stuff) -> (Workers, Handles) {
    let Stuff {
        fs,
        store,
        tree,
        clock,
        key,
        window,
        epoch,
        cases,
        replayed,
        sequences,
        stop,
    } = stuff;
    let (handles, ends) = handles(store.as_ref(), window, stop);
    let (jobs_in, jobs) = mpsc::channel(1);
    let (done_in, done) = mpsc::channel(1);
    let (stored_in, stored) = mpsc::unbounded_channel();
    let sequencer = Sequencer::new(Parts {
        key,
        clock: Arc::clone(&clock),
        store: Arc::clone(&store),
        window: Arc::clone(&handles.window),
        low: handles.low.clone(),
        cases: Desk::new(Arc::clone(&cases)),
        sequences: SequenceDesk::new(sequences),
        replayed,
        queue: ends.proposals,
        jobs: jobs_in,
        done,
        accepted: handles.accepted.clone(),
        stop: handles.stop.clone(),
    });
    let writer = Writer {
        store: Arc::clone(&store),
        tree: Arc::clone(&tree),
        epoch,
        clock,
        jobs,
        done: done_in,
        accepted: ends.accepted,
        cases,
        stored: stored_in,
        desk: Arc::clone(&handles.desk),
        low: handles.low.clone(),
        failed: handles.failed.clone(),
    };
    let sealer = Sealer {
        store: Arc::clone(&store),
        fs,
        desk: Arc::clone(&handles.desk),
        sealed: ends.sealed,
        sizes: ends.sizes,
        failed: handles.failed.clone(),
    };
    let housekeeper = Housekeeper {
        store,
        low: handles.low.clone(),
        tree,
        queue: handles.queue.downgrade(),
        stop: handles.stop.clone(),
    };
    let workers = Workers {
        sequencer,
        writer,
        sealer,
        housekeeper,
        stored,
    };
    (workers, handles)
}

impl Workers {
    /// Starts the threads of a log.
    pub(super) fn start(self, name: &str) -> io::Result<Vec<JoinHandle<()>>> {
        let Self {
            sequencer,
            writer,
            sealer,
            housekeeper,
            stored,
        } = self;
        drop(tokio::spawn(housekeeper.run()));
        drop(tokio::spawn(answer_stored(stored)));
        let desk = Arc::clone(&writer.desk);
        let failed = writer.failed.clone();
        // The sequencer waits for two queues at once, on a runtime of its own.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let sequence = move || runtime.block_on(sequencer.run());
        let write = move || {
            writer.run();
            // Nothing more becomes durable: what is, gets sealed, and the sealer ends.
            desk.stop();
        };
        Ok(vec![
            spawn(name, "seq", &failed, sequence)?,
            spawn(name, "write", &failed, write)?,
            spawn(name, "seal", &failed, move || sealer.run())?,
        ])
    }
}

/// A thread without which the log cannot go on: when it panics, the log has failed.
fn spawn(
    log: &str,
    part: &str,
    failed: &CancellationToken,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let broken = failed.clone().drop_guard();
    std::thread::Builder::new()
        .name(format!("{log}-{part}"))
        .spawn(move || {
            work();
            broken.disarm();
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_fails_the_log() {
        let failed = CancellationToken::new();
        let fine = spawn("main", "fine", &failed, || {}).unwrap();
        fine.join().unwrap();
        assert!(!failed.is_cancelled());
        let broken = spawn("main", "broken", &failed, || panic!("a defect")).unwrap();
        assert!(broken.join().is_err());
        assert!(failed.is_cancelled());
    }
}
