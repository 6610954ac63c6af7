//! The sealer moves the durable floor up behind the writer and publishes the checkpoint that
//! readers see.
//!
//! It seals at once when someone waits for it or when the log is quiet, and otherwise twice a
//! second.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fs::Fs;
use crate::limits::{SEAL_GRACE, SEAL_PATIENCE};
use crate::store::{DurableHead, LogStore};

/// File of the published checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The sealed end of the log, as readers see it.
#[derive(Debug, Clone, Default)]
pub struct Sealed {
    /// Number of sealed entries.
    pub size: u64,
    /// Checkpoint of that size; `None` for a log without entries.
    pub checkpoint: Option<Arc<SignedCheckpoint>>,
}

impl From<DurableHead> for Sealed {
    fn from(durable: DurableHead) -> Self {
        Self {
            size: durable.head.size(),
            checkpoint: durable.checkpoint.map(Arc::new),
        }
    }
}

/// Where writer and waiters leave word for the sealer.
#[derive(Debug, Default)]
pub(super) struct SealDesk {
    state: Mutex<State>,
    word: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    accepted: u64,
    wanted: u64,
    stop: bool,
}

impl SealDesk {
    /// So many entries are durable.
    pub(super) fn accepted(&self, size: u64) {
        self.state.lock().accepted = size;
        self.word.notify_one();
    }

    /// Someone waits for this size to be sealed.
    pub(super) fn want(&self, size: u64) {
        let mut state = self.state.lock();
        state.wanted = state.wanted.max(size);
        self.word.notify_one();
    }

    /// Seals what is there and ends.
    pub(super) fn stop(&self) {
        self.state.lock().stop = true;
        self.word.notify_one();
    }

    /// Waits until the writer is done with this size: the tree has its leaves. What is in the store
    /// can be sealed before that.
    fn await_accepted(&self, size: u64) {
        let mut state = self.state.lock();
        while state.accepted < size && !state.stop {
            self.word.wait(&mut state);
        }
    }

    /// Waits until it is time to seal; `None` when there is nothing left to do.
    fn next(&self, sealed: u64) -> Option<()> {
        let mut state = self.state.lock();
        while state.accepted <= sealed {
            if state.stop {
                return None;
            }
            self.word.wait(&mut state);
        }
        for _ in 0..SEAL_PATIENCE {
            // Someone waits for entries that are durable, or nothing more will come.
            if state.stop || (sealed < state.wanted && state.wanted <= state.accepted) {
                break;
            }
            let before = state.accepted;
            let quiet = self.word.wait_for(&mut state, SEAL_GRACE).timed_out();
            if quiet && state.accepted == before {
                break;
            }
        }
        Some(())
    }
}

/// What the sealer works with.
#[derive(Debug)]
pub(super) struct Sealer {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) fs: Arc<dyn Fs>,
    pub(super) desk: Arc<SealDesk>,
    pub(super) sealed: watch::Sender<Sealed>,
    /// The same, for those who only count.
    pub(super) sizes: watch::Sender<u64>,
    pub(super) failed: CancellationToken,
}

impl Sealer {
    /// Runs on its own thread until it is stopped or a sync fails.
    pub(super) fn run(self) {
        let mut size = self.sealed.borrow().size;
        while self.desk.next(size).is_some() {
            match self.store.seal() {
                Ok(head) => {
                    let sealed = Sealed::from(head);
                    size = sealed.size;
                    // If we stop here, then the floor is durable and the published checkpoint is
                    // older: still true.
                    publish(self.fs.as_ref(), &sealed);
                    // Readers ask for proofs of what they see.
                    self.desk.await_accepted(size);
                    self.sealed.send_replace(sealed);
                    self.sizes.send_replace(size);
                    metrics::counter!("countersign_seals_total").increment(1);
                }
                Err(error) => {
                    tracing::error!(error = %error, "cannot seal the log");
                    self.failed.cancel();
                    return;
                }
            }
        }
    }
}

/// Replaces the checkpoint file in one step. It is derived, so nothing waits for it to be durable.
pub(super) fn publish(fs: &dyn Fs, sealed: &Sealed) {
    let Some(checkpoint) = &sealed.checkpoint else {
        return;
    };
    if let Err(error) = replace(fs, checkpoint.text()) {
        tracing::warn!(error = %error, "cannot publish the checkpoint");
    }
}

fn replace(fs: &dyn Fs, text: &str) -> std::io::Result<()> {
    const NEXT: &str = "checkpoint.next";
    if fs.exists(NEXT)? {
        fs.remove(NEXT)?;
    }
    let file = fs.create_new(NEXT)?;
    file.write_all_at(text.as_bytes(), 0)?;
    fs.rename(NEXT, CHECKPOINT)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn readers_see_nothing_that_the_writer_is_not_done_with() {
        let desk = Arc::new(SealDesk::default());
        desk.accepted(4);
        let (told, heard) = mpsc::channel();
        let waiting = Arc::clone(&desk);
        let sealer = std::thread::spawn(move || {
            for size in 4..=5 {
                waiting.await_accepted(size);
                told.send(size).unwrap();
            }
        });
        assert_eq!(heard.recv(), Ok(4));
        assert!(heard.try_recv().is_err(), "5 is in the store only");
        desk.accepted(5);
        assert_eq!(heard.recv(), Ok(5));
        sealer.join().unwrap();
    }
}
