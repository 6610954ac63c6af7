//! The single writer's first half: it decides the order.
//!
//! Proposals come through a bounded queue. They are encoded and hashed into the open commit as they
//! come, while the commit before is being synced. When the writer is free, the open commit is
//! signed and handed over. There is no timer: a lone entry goes at once, and under load a commit
//! holds what came during the last sync.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::time::UnixMicros;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::entry::{Mode, NewEntry, Run, SubmitError};
use super::housekeeper::Low;
use super::idem::{self, Fingerprint, Window};
use super::own_entry;
use super::receipt::{PendingRun, Shelf, Waiter};
use super::repeat::{Found, Known, unreadable};
use super::submit::Proposal;
use super::timepiece::Timepiece;
use super::writer::{Done, Job};
use crate::clock::Clock;
use crate::store::{LogStore, Space};

/// What the sequencer works with.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) key: SigningKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) window: Arc<Mutex<Window>>,
    pub(super) low: Low,
    pub(super) queue: mpsc::Receiver<Proposal>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) done: mpsc::Receiver<Done>,
    /// Number of durable entries.
    pub(super) accepted: watch::Receiver<u64>,
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
pub(super) struct Sequencer {
    parts: Parts,
    builder: CommitBuilder,
    waiting: Vec<Waiter>,
    /// What the open commit may use: the reserve, as long as it holds nothing but the ledger's own
    /// entries.
    space: Space,
    backlog: VecDeque<Proposal>,
    in_flight: bool,
    timepiece: Timepiece,
    shelf: Shelf,
}

/// Whether a proposal found its place.
enum Admission {
    Done,
    /// Not before the commit in flight is stored.
    Wait(Proposal),
}

impl Sequencer {
    pub(super) fn new(parts: Parts) -> Self {
        let builder = CommitBuilder::after(&parts.store.head().head);
        let (waiting, backlog) = (Vec::new(), VecDeque::new());
        let space = Space::Reserve;
        let timepiece = Timepiece::new(Arc::clone(&parts.clock));
        Self {
            parts,
            builder,
            waiting,
            space,
            backlog,
            in_flight: false,
            timepiece,
            shelf: Shelf::default(),
        }
    }

    /// Runs until it is told to stop and everything that was queued is answered, or until the
    /// writer fails.
    pub(super) async fn run(mut self) {
        let stop = self.parts.stop.clone();
        let mut stopping = false;
        loop {
            self.admit_backlog();
            if !self.in_flight && self.builder.count() > 0 && !self.hand_over().await {
                return self.give_up();
            }
            let hungry = self.backlog.is_empty();
            tokio::select! {
                biased;
                done = self.parts.done.recv(), if self.in_flight => match done {
                    Some(Done::Stored) => self.in_flight = false,
                    Some(Done::Full { free, needed }) => self.take_back(free, needed),
                    Some(Done::Failed) | None => return self.give_up(),
                },
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.parts.queue.close();
                }
                more = receive(&mut self.parts.queue), if hungry => match more {
                    Some(more) => self.backlog = more,
                    None if self.in_flight || self.builder.count() > 0 => {
                        // The queue is closed for good; what is under way is finished first.
                        if self.in_flight && !self.finish_flight().await {
                            return self.give_up();
                        }
                    }
                    None => return,
                },
            }
        }
    }

    async fn finish_flight(&mut self) -> bool {
        match self.parts.done.recv().await {
            Some(Done::Stored) => self.in_flight = false,
            Some(Done::Full { free, needed }) => self.take_back(free, needed),
            Some(Done::Failed) | None => return false,
        }
        true
    }

    fn admit_backlog(&mut self) {
        while let Some(proposal) = self.backlog.pop_front() {
            if let Admission::Wait(proposal) = self.admit(proposal) {
                self.backlog.push_front(proposal);
                return;
            }
        }
    }

    /// Finds the place of a proposal, or refuses it.
    fn admit(&mut self, proposal: Proposal) -> Admission {
        if let Some((free, needed)) = self.parts.low.get().filter(|_| !proposal.own) {
            return answer(proposal, Err(SubmitError::DiskFull { free, needed }));
        }
        let bytes = proposal.entries.iter().map(NewEntry::record_len).sum();
        if !self.builder.fits(proposal.entries.len(), bytes) {
            if self.builder.count() > 0 || self.in_flight {
                return Admission::Wait(proposal);
            }
            let entries = proposal.entries.len();
            return answer(proposal, Err(SubmitError::TooLarge { entries, bytes }));
        }
        let durable = *self.parts.accepted.borrow();
        let open = self.open_first();
        let in_flight = |index: u64| (durable..open).contains(&index);
        {
            let window = self.parts.window.lock();
            let found = proposal.keys.iter().filter_map(|key| window.find((*key)?));
            if found.into_iter().any(in_flight) {
                return Admission::Wait(proposal);
            }
        }
        if let Err(refusal) = self.check(&proposal) {
            return answer(proposal, Err(refusal));
        }
        self.place(proposal)
    }

    /// Index of the first entry of the open commit.
    fn open_first(&self) -> u64 {
        let count = u64::try_from(self.builder.count()).unwrap_or(u64::MAX);
        self.builder.next_index().saturating_sub(count)
    }

    /// What can be refused before anything is placed.
    fn check(&mut self, proposal: &Proposal) -> Result<(), SubmitError> {
        let mut repeated = 0_usize;
        for (position, entry) in proposal.entries.iter().enumerate() {
            let offset = u64::try_from(position).unwrap_or(u64::MAX);
            let size = self.builder.next_index().saturating_add(offset);
            if entry.case() > size {
                return Err(SubmitError::UnknownCase {
                    position,
                    case: entry.case(),
                    size,
                });
            }
            let key = proposal.keys.get(position).copied().flatten();
            if self
                .find((position, entry), key, &proposal.known)?
                .is_some()
            {
                repeated += 1;
            }
            // Up to here either none or all were seen before.
            let some = repeated > 0 && repeated <= position;
            if proposal.mode == Mode::AllOrNone && some {
                return Err(SubmitError::PartlyRepeated { position });
            }
        }
        Ok(())
    }

    /// The entry that used this key, if it is the same event.
    fn find(
        &mut self,
        (position, entry): (usize, &NewEntry),
        key: Option<Fingerprint>,
        known: &Known,
    ) -> Result<Option<u64>, SubmitError> {
        let Some(index) = key.and_then(|key| self.parts.window.lock().find(key)) else {
            return Ok(None);
        };
        let same = match index.checked_sub(self.open_first()) {
            Some(place) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                self.builder
                    .record(place)
                    .and_then(|record| idem::same_event(record, entry))
            }
            None => match known.at(position, index) {
                Some(Found::Same(_)) => Some(true),
                Some(Found::Other) => Some(false),
                Some(Found::Stranger) => None,
                // It became durable after the proposal was made: one of the newest commits.
                None => {
                    let record = self.shelf.record(self.parts.store.as_ref(), index);
                    idem::same_event(record.map_err(|error| unreadable(index, &error))?, entry)
                }
            },
        };
        match same {
            Some(true) => Ok(Some(index)),
            Some(false) => Err(SubmitError::KeyReused { position, index }),
            None => Ok(None),
        }
    }

    /// Gives every new entry its index, and finds the receipts of the others.
    fn place(&mut self, proposal: Proposal) -> Admission {
        if !proposal.own {
            self.space = Space::Common;
        }
        let now = self.read_clock();
        let mut waiter = Waiter::new(proposal.reply);
        for (position, entry) in proposal.entries.iter().enumerate() {
            let key = proposal.keys.get(position).copied().flatten();
            let placed = match self.find((position, entry), key, &proposal.known) {
                Ok(Some(index)) => self.repeat(&mut waiter, (position, index), &proposal.known),
                Ok(None) => self.push(entry, now, key).map(|place| {
                    waiter.pending(PendingRun::one(position, place));
                }),
                Err(error) => Err(error),
            };
            if let Err(error) = placed {
                // Entries that were placed already stay: they are the log's now, whoever asked for
                // them.
                tracing::error!(error = %error, position, "an entry that was checked was refused");
                waiter.answer(Err(error));
                return Admission::Done;
            }
        }
        if waiter.is_pending() {
            self.waiting.push(waiter);
        } else {
            waiter.answer_ready();
        }
        Admission::Done
    }

    fn push(
        &mut self,
        entry: &NewEntry,
        now: UnixMicros,
        key: Option<Fingerprint>,
    ) -> Result<usize, SubmitError> {
        let (place, index) = (self.builder.count(), self.builder.next_index());
        let draft = Draft {
            kind: entry.kind(),
            now,
            case: entry.case(),
            actor: entry.actor(),
            via: entry.carrier(),
            idem: entry.idem().as_bytes(),
            payload: entry.payload(),
        };
        self.builder
            .push(&draft)
            .map_err(|error| SubmitError::Internal(error.to_string()))?;
        if let Some(key) = key {
            self.parts.window.lock().insert(key, index);
        }
        Ok(place)
    }

    /// Adds the first receipt of an entry that is there already.
    fn repeat(
        &mut self,
        waiter: &mut Waiter,
        (position, index): (usize, u64),
        known: &Known,
    ) -> Result<(), SubmitError> {
        if let Some(place) = index.checked_sub(self.open_first()) {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            waiter.pending(PendingRun::again(position, place));
            return Ok(());
        }
        if let Some(Found::Same(run)) = known.at(position, index) {
            waiter.ready(run.clone());
            return Ok(());
        }
        let run = self.shelf.run(self.parts.store.as_ref(), index, position);
        let run = run.map_err(|error| unreadable(index, &error))?;
        waiter.ready(run);
        Ok(())
    }

    /// Time for the entries that are placed now; a step of the clock becomes an entry before them.
    fn read_clock(&mut self) -> UnixMicros {
        let (wall, step) = self.timepiece.read(self.builder.head().time());
        if let Some(event) = step {
            let placed = own_entry(&event).map(|entry| {
                let room = self.builder.fits(1, entry.record_len());
                room.then(|| self.push(&entry, wall, None))
            });
            if !matches!(placed, Ok(Some(Ok(_)))) {
                tracing::warn!("no room in the commit for the step of the clock");
            }
        }
        wall
    }

    /// Signs the open commit and gives it to the writer.
    async fn hand_over(&mut self) -> bool {
        let next = CommitBuilder::after(self.builder.head());
        let builder = std::mem::replace(&mut self.builder, next);
        let waiters = std::mem::take(&mut self.waiting);
        let Some(commit) = builder.finish(&self.parts.key) else {
            return false;
        };
        self.in_flight = true;
        // If we stop here, then a signature exists in memory only.
        let space = std::mem::replace(&mut self.space, Space::Reserve);
        self.parts
            .jobs
            .send(Job {
                commit,
                waiters,
                space,
            })
            .await
            .is_ok()
    }

    /// The commit in flight found no room: everything behind it is refused too, and the log is as
    /// it was.
    fn take_back(&mut self, free: u64, needed: u64) {
        self.in_flight = false;
        self.space = Space::Reserve;
        for waiter in self.waiting.drain(..) {
            waiter.answer(Err(SubmitError::DiskFull { free, needed }));
        }
        let head: LogHead = self.parts.store.head().head;
        self.parts.window.lock().forget_from(head.size());
        self.builder = CommitBuilder::after(&head);
    }

    /// Nothing can be written any more.
    fn give_up(mut self) {
        self.parts.queue.close();
        for waiter in self.waiting.drain(..) {
            waiter.answer(Err(SubmitError::OutcomeUnknown));
        }
        let queued = std::iter::from_fn(|| self.parts.queue.try_recv().ok());
        for proposal in self.backlog.drain(..).chain(queued) {
            answer(proposal, Err(SubmitError::OutcomeUnknown));
        }
    }
}

/// All proposals that are there, at least one; `None` when the queue is closed and empty.
async fn receive(queue: &mut mpsc::Receiver<Proposal>) -> Option<VecDeque<Proposal>> {
    let mut more = Vec::new();
    let count = queue.recv_many(&mut more, 64).await;
    (count > 0).then(|| more.into())
}

fn answer(proposal: Proposal, result: Result<Vec<Run>, SubmitError>) -> Admission {
    proposal.reply.send(result);
    Admission::Done
}
