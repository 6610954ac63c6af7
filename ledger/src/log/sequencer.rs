//! The single writer's first half: it decides the order.
//!
//! Proposals come through a bounded queue. They are encoded and hashed into the open commit as they
//! come, while the commit before is being synced. When the writer is free, the open commit is
//! signed and handed over. There is no timer: a lone entry goes at once, and under load a commit
//! holds what came during the last sync.

mod orders;
mod place;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::commit::{CommitBuilder, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::cases::{Applied, Desk, Told};
use super::entry::{NewEntry, Run, SubmitError};
use super::housekeeper::Low;
use super::idem::Window;
use super::own_entry;
use super::receipt::{Shelf, Waiter};
use super::sequences::SequenceDesk;
use super::submit::{Proposal, Work};
use super::timepiece::Timepiece;
use super::writer::{Done, Job};
use crate::clock::Clock;
use crate::store::{LogStore, Space};
use orders::Ordered;

/// What the sequencer works with.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) key: SigningKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) window: Arc<Mutex<Window>>,
    pub(super) low: Low,
    pub(super) cases: Desk,
    /// The cases as the log tells them, when it was read.
    pub(super) replayed: oneshot::Receiver<Told>,
    pub(super) sequences: SequenceDesk,
    pub(super) queue: mpsc::Receiver<Work>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) done: mpsc::Receiver<Done>,
    /// Number of durable entries.
    pub(super) accepted: watch::Receiver<u64>,
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
pub(super) struct Sequencer {
    parts: Parts,
    /// Whether the cases are still being read out of the log.
    replaying: bool,
    builder: CommitBuilder,
    waiting: Vec<Waiter>,
    /// What the open commit may use: the reserve, as long as it holds nothing but the ledger's own
    /// entries.
    space: Space,
    backlog: VecDeque<Work>,
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
            replaying: true,
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
            // While something is due that found no place, commands wait behind it.
            self.fire_due();
            self.admit_backlog();
            if !self.in_flight && self.builder.count() > 0 && !self.hand_over().await {
                return self.give_up();
            }
            let hungry = self.backlog.is_empty();
            let nap = self.nap();
            tokio::select! {
                biased;
                done = self.parts.done.recv(), if self.in_flight => match done {
                    Some(Done::Stored) => self.stored(),
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
                told = &mut self.parts.replayed, if self.replaying => {
                    self.replaying = false;
                    self.begin(told.ok());
                }
                () = tokio::time::sleep(nap.unwrap_or(Duration::ZERO)), if nap.is_some() => {}
            }
        }
    }

    /// The log was read: from here on commands are decided, and queues go on. Otherwise they are
    /// refused.
    fn begin(&mut self, told: Option<Told>) {
        let accepted = &self.parts.accepted;
        if let Some(Told { state, sequences }) = told {
            self.parts.sequences.begin(sequences);
            self.parts.cases.begin(state, || *accepted.borrow());
        }
    }

    /// The commit in flight is durable.
    fn stored(&mut self) {
        self.in_flight = false;
        let size = *self.parts.accepted.borrow();
        self.parts.sequences.stored(size);
    }

    async fn finish_flight(&mut self) -> bool {
        match self.parts.done.recv().await {
            Some(Done::Stored) => self.stored(),
            Some(Done::Full { free, needed }) => self.take_back(free, needed),
            Some(Done::Failed) | None => return false,
        }
        true
    }

    fn admit_backlog(&mut self) {
        while let Some(work) = self.backlog.pop_front() {
            let wait = match work {
                Work::Entries(proposal) => match self.admit(proposal) {
                    Admission::Done => None,
                    Admission::Wait(proposal) => Some(Work::Entries(proposal)),
                },
                Work::Order(order) => match self.admit_order(*order) {
                    Ordered::Done => None,
                    Ordered::Wait(order) => Some(Work::Order(order)),
                },
            };
            if let Some(work) = wait {
                self.backlog.push_front(work);
                return;
            }
        }
    }

    /// Finds the place of a proposal, or refuses it.
    fn admit(&mut self, proposal: Proposal) -> Admission {
        if let Some((free, needed)) = self.parts.low.get().filter(|_| !proposal.own) {
            return answer(proposal, Err(SubmitError::DiskFull { free, needed }));
        }
        let gaps = match self.gaps(&proposal) {
            Ok(gaps) => gaps,
            Err(error) => return answer(proposal, Err(error)),
        };
        let told = gaps.iter().map(|gap| &gap.entry);
        let bytes = proposal
            .entries
            .iter()
            .chain(told)
            .map(NewEntry::record_len);
        let bytes = bytes.sum();
        if !self
            .builder
            .fits(proposal.entries.len() + gaps.len(), bytes)
        {
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
        self.place(proposal, gaps)
    }

    /// Index of the first entry of the open commit.
    fn open_first(&self) -> u64 {
        let count = u64::try_from(self.builder.count()).unwrap_or(u64::MAX);
        self.builder.next_index().saturating_sub(count)
    }

    /// Time for the entries that are placed now; a step of the clock becomes an entry before them.
    fn read_clock(&mut self) -> UnixMicros {
        let (wall, step) = self.timepiece.read(self.builder.head().time());
        if let Some(event) = step {
            let placed = own_entry(&event).map(|entry| {
                let room = self.builder.fits(1, entry.record_len());
                room.then(|| self.push(&entry, wall, None))
            });
            match (placed, event.known()) {
                (Ok(Some(Ok(_place))), Ok(event)) => self.tell_step(event),
                _ => tracing::warn!("no room in the commit for the step of the clock"),
            }
        }
        wall
    }

    /// A clock that was set back brings deadlines nearer.
    fn tell_step(&mut self, event: Known) {
        self.parts.cases.placed(Applied {
            index: self.builder.next_index().saturating_sub(1),
            time: self.builder.head().time(),
            case: 0,
            actor: "ledger".to_owned(),
            via: String::new(),
            event,
        });
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
                events: self.parts.cases.hand_over(),
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
        self.parts.cases.take_back(head.size());
        self.parts.sequences.take_back(head.size());
        self.builder = CommitBuilder::after(&head);
    }

    /// Nothing can be written any more.
    fn give_up(mut self) {
        self.parts.queue.close();
        for waiter in self.waiting.drain(..) {
            waiter.answer(Err(SubmitError::OutcomeUnknown));
        }
        let queued = std::iter::from_fn(|| self.parts.queue.try_recv().ok());
        for work in self.backlog.drain(..).chain(queued) {
            work.refuse(SubmitError::OutcomeUnknown);
        }
    }
}

/// All proposals that are there, at least one; `None` when the queue is closed and empty.
async fn receive(queue: &mut mpsc::Receiver<Work>) -> Option<VecDeque<Work>> {
    let mut more = Vec::new();
    let count = queue.recv_many(&mut more, 64).await;
    (count > 0).then(|| more.into())
}

fn answer(proposal: Proposal, result: Result<Vec<Run>, SubmitError>) -> Admission {
    proposal.reply.send(result);
    Admission::Done
}
