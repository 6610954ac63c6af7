//! The single writer's second half: it makes commits durable, one after the other, and tells who
//! waited.

use std::sync::Arc;
use std::time::Duration;

use countersign_chain::commit::Commit;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::cases::{Applied, Cases};
use super::entry::{Prover, SubmitError};
use super::housekeeper::Low;
use super::receipt::Waiter;
use super::sealer::SealDesk;
use crate::clock::Clock;
use crate::store::{AppendError, LogStore, Space};
use crate::tree::TreeStore;

/// A signed commit and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) commit: Commit,
    pub(super) waiters: Vec<Waiter>,
    pub(super) space: Space,
    /// Entries of the commit that change cases.
    pub(super) events: Vec<Applied>,
}

/// What became of a job.
#[derive(Debug)]
pub(super) enum Done {
    Stored,
    Full { free: u64, needed: u64 },
    Failed,
}

/// What the writer works with.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) tree: Arc<TreeStore>,
    pub(super) epoch: u64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) done: mpsc::Sender<Done>,
    pub(super) accepted: watch::Sender<u64>,
    pub(super) cases: Arc<Cases>,
    /// Not bounded by itself: each waiter was a proposal in the queue, which is.
    pub(super) stored: mpsc::UnboundedSender<Stored>,
    pub(super) desk: Arc<SealDesk>,
    pub(super) low: Low,
    pub(super) failed: CancellationToken,
}

impl Writer {
    /// Runs on its own thread until the sequencer is gone or a write fails.
    pub(super) fn run(mut self) {
        while let Some(mut job) = self.jobs.blocking_recv() {
            let started = self.clock.monotonic();
            let stored = self.store.append(self.epoch, &mut job.commit, job.space);
            let took = self.clock.monotonic().saturating_sub(started);
            let outcome = match stored {
                Ok(()) => self.stored(job, took),
                Err(AppendError::Full { needed, free }) => {
                    self.low.set(free, needed);
                    answer_all(job.waiters, &SubmitError::DiskFull { free, needed });
                    Done::Full { free, needed }
                }
                Err(AppendError::Conflict { .. } | AppendError::Poisoned(_)) => {
                    self.failed.cancel();
                    answer_all(job.waiters, &SubmitError::OutcomeUnknown);
                    Done::Failed
                }
            };
            let failed = matches!(outcome, Done::Failed);
            if self.done.blocking_send(outcome).is_err() || failed {
                return;
            }
        }
    }

    fn stored(&self, job: Job, took: Duration) -> Done {
        let Job {
            commit,
            waiters,
            events,
            ..
        } = job;
        if let Err(error) = self.tree.append(commit.first(), commit.leaves()) {
            // The tree is derived: the log goes on, and the housekeeper adds what is missing.
            self.tree.fell_behind(&error);
        }
        count(&commit, took);
        let size = commit.head().size();
        self.cases.publish(&events, || {
            self.accepted.send_replace(size);
        });
        // If we stop here, then callers were not told; they repeat and get the first receipt.
        if !waiters.is_empty() {
            // The answerer is there for as long as this sender is.
            drop(self.stored.send(Stored { commit, waiters }));
        }
        self.desk.accepted(size);
        Done::Stored
    }
}

/// A durable commit, and who waits for it.
#[derive(Debug)]
pub(super) struct Stored {
    commit: Commit,
    waiters: Vec<Waiter>,
}

/// Tells who waited, in order. It runs where most of them do: to wake them one by one from the
/// writer's thread would cost a system call each, and the next commit would wait for it.
pub(super) async fn answer_stored(mut stored: mpsc::UnboundedReceiver<Stored>) {
    while let Some(Stored { commit, waiters }) = stored.recv().await {
        let checkpoint = Arc::new(commit.checkpoint().clone());
        let prover = Arc::new(Prover::new(&commit));
        for waiter in waiters {
            waiter.answer_stored(&commit, (&checkpoint, &prover));
        }
    }
}

fn count(commit: &Commit, took: Duration) {
    let entries = u64::try_from(commit.leaves().len()).unwrap_or(u64::MAX);
    let bytes = u64::try_from(commit.frame_len()).unwrap_or(u64::MAX);
    metrics::counter!("countersign_entries_total").increment(entries);
    metrics::counter!("countersign_commits_total").increment(1);
    metrics::counter!("countersign_commit_bytes_total").increment(bytes);
    metrics::histogram!("countersign_commit_seconds").record(took.as_secs_f64());
}

fn answer_all(waiters: Vec<Waiter>, error: &SubmitError) {
    for waiter in waiters {
        waiter.answer(Err(error.clone()));
    }
}
