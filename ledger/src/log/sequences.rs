//! How far the queues of clients have come: what makes their events appear exactly once, for ever.
//!
//! Idempotency keys are remembered for the newest entries. A client that was cut off for days sends
//! again what it never heard of, and its keys may be forgotten by then. So a client with a queue
//! numbers its events, the log holds the numbers, and what is below the newest one is not taken
//! again. A number that is left out becomes a `SpoolGap` entry of the ledger's own.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_chain::record::Record;
use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::event::Event;
use countersign_proto::v1;
use parking_lot::Mutex;

use super::entry::{NewEntry, SubmitError};
use super::own_entry;
use crate::limits::MAX_QUEUES_EACH;

/// What came last out of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// The number that comes next.
    pub next: u64,
    /// The entry of the newest number.
    pub index: u64,
}

/// The queues of one client.
type Queues = HashMap<QueueId, Last>;

/// All queues, as far as entries are placed.
#[derive(Debug, Default, Clone)]
pub(super) struct Sequences(HashMap<Box<str>, Queues>);

impl Sequences {
    pub(super) fn last(&self, actor: &str, queue: QueueId) -> Option<Last> {
        self.0.get(actor)?.get(&queue).copied()
    }

    /// Takes in an entry, and returns what was there before.
    pub(super) fn see(&mut self, actor: &str, sequence: Sequence, index: u64) -> Option<Last> {
        let next = sequence.number.saturating_add(1);
        let (queue, last) = (sequence.queue, Last { next, index });
        if let Some(queues) = self.0.get_mut(actor) {
            let before = queues.insert(queue, last);
            if queues.len() > MAX_QUEUES_EACH {
                let oldest = queues.iter().min_by_key(|(_queue, last)| last.index);
                if let Some(oldest) = oldest.map(|(queue, _last)| *queue) {
                    queues.remove(&oldest);
                }
            }
            return before;
        }
        let queues = Queues::from([(queue, last)]);
        self.0.insert(actor.into(), queues);
        None
    }

    /// Takes in an entry of the log.
    pub(super) fn see_record(&mut self, record: &Record<'_>) {
        if let Some(sequence) = Sequence::of_key(record.idem()) {
            self.see(record.actor(), sequence, record.index().get());
        }
    }

    fn put_back(&mut self, actor: &str, queue: QueueId, before: Option<Last>) {
        let queues = self.0.entry(actor.into()).or_default();
        match before {
            Some(last) => queues.insert(queue, last),
            None => queues.remove(&queue),
        };
    }
}

/// What readers and the sequencer share; `None` while the log is being read after a start.
pub(super) type Shared = Arc<Mutex<Option<Sequences>>>;

/// What an entry changed, to be taken back when it does not become durable.
#[derive(Debug)]
struct Change {
    index: u64,
    actor: Box<str>,
    queue: QueueId,
    before: Option<Last>,
}

/// The sequencer's side.
#[derive(Debug)]
pub(super) struct SequenceDesk {
    shared: Shared,
    /// Changes by entries that are not known to be durable, in order.
    changes: Vec<Change>,
}

/// What is to be done about the next number of a queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the one that comes next.
    Next,
    /// So many before it were left out, from this one on.
    Skipped {
        /// The first that is missing.
        first: u64,
        /// How many.
        count: u64,
    },
    /// It came before.
    Passed {
        /// The number that comes next.
        next: u64,
    },
}

impl SequenceDesk {
    pub(super) const fn new(shared: Shared) -> Self {
        Self {
            shared,
            changes: Vec::new(),
        }
    }

    /// The log was read.
    pub(super) fn begin(&mut self, sequences: Sequences) {
        *self.shared.lock() = Some(sequences);
    }

    /// How a number stands when `expected` was seen before it in the same proposal.
    ///
    /// # Errors
    /// [`SubmitError::Replaying`].
    pub(super) fn standing(
        &self,
        actor: &str,
        sequence: Sequence,
        expected: Option<u64>,
    ) -> Result<Standing, SubmitError> {
        let shared = self.shared.lock();
        let known = shared.as_ref().ok_or(SubmitError::Replaying)?;
        let last = known.last(actor, sequence.queue).map(|last| last.next);
        let next = last.max(expected).unwrap_or(0);
        Ok(match sequence.number.checked_sub(next) {
            Some(0) => Standing::Next,
            Some(count) => Standing::Skipped { first: next, count },
            None => Standing::Passed { next },
        })
    }

    /// An entry was placed.
    pub(super) fn placed(&mut self, actor: &str, sequence: Sequence, index: u64) {
        if let Some(known) = self.shared.lock().as_mut() {
            let before = known.see(actor, sequence, index);
            self.changes.push(Change {
                index,
                actor: actor.into(),
                queue: sequence.queue,
                before,
            });
        }
    }

    /// Everything below this size is durable.
    pub(super) fn stored(&mut self, size: u64) {
        self.changes.retain(|change| change.index >= size);
    }

    /// Nothing from this size on became durable.
    pub(super) fn take_back(&mut self, size: u64) {
        let mut shared = self.shared.lock();
        for change in self.changes.drain(..).rev() {
            if let Some(known) = shared.as_mut().filter(|_| change.index >= size) {
                known.put_back(&change.actor, change.queue, change.before);
            }
        }
    }
}

/// The entry that says that numbers of a queue were left out.
pub(super) fn gap(
    actor: &str,
    queue: QueueId,
    (first, count): (u64, u64),
) -> Result<NewEntry, SubmitError> {
    let last = first.saturating_add(count.saturating_sub(1));
    own_entry(&Event::from_message(&v1::SpoolGap {
        source: actor.to_owned(),
        lost_events: count,
        lost_bytes: 0,
        reason: format!("places {first} to {last} of queue {queue} were left out"),
        first: Some(v1::Sequence {
            queue: queue.as_bytes().to_vec().into(),
            number: first,
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(queue: u8, number: u64) -> Sequence {
        let queue = QueueId::new([queue; 16]);
        Sequence { queue, number }
    }

    fn desk() -> (SequenceDesk, Shared) {
        let shared = Shared::default();
        let mut desk = SequenceDesk::new(Arc::clone(&shared));
        assert_eq!(
            desk.standing("agent:a", at(1, 0), None),
            Err(SubmitError::Replaying)
        );
        desk.begin(Sequences::default());
        (desk, shared)
    }

    #[test]
    fn a_number_is_next_or_behind_a_gap_or_passed() {
        let (mut desk, _shared) = desk();
        let stands = |desk: &SequenceDesk, number| desk.standing("agent:a", at(1, number), None);
        assert_eq!(stands(&desk, 0), Ok(Standing::Next));
        let gap = Standing::Skipped { first: 0, count: 7 };
        assert_eq!(stands(&desk, 7), Ok(gap));
        desk.placed("agent:a", at(1, 7), 40);
        assert_eq!(stands(&desk, 7), Ok(Standing::Passed { next: 8 }));
        assert_eq!(stands(&desk, 0), Ok(Standing::Passed { next: 8 }));
        assert_eq!(stands(&desk, 8), Ok(Standing::Next));
        let gap = Standing::Skipped { first: 8, count: 1 };
        assert_eq!(stands(&desk, 9), Ok(gap));
        // Within one proposal the entries before count too.
        let behind = desk.standing("agent:a", at(1, 9), Some(9));
        assert_eq!(behind, Ok(Standing::Next));
        // Another client and another queue have numbers of their own.
        assert_eq!(desk.standing("agent:b", at(1, 0), None), Ok(Standing::Next));
        assert_eq!(desk.standing("agent:a", at(2, 0), None), Ok(Standing::Next));
    }

    #[test]
    fn what_does_not_become_durable_is_taken_back() {
        let (mut desk, shared) = desk();
        desk.placed("agent:a", at(1, 0), 10);
        desk.placed("agent:a", at(1, 1), 11);
        desk.stored(11);
        desk.placed("agent:a", at(1, 2), 12);
        desk.placed("agent:a", at(2, 0), 13);
        desk.take_back(11);
        let known = shared.lock().clone().expect("it was read");
        let first = Last { next: 1, index: 10 };
        assert_eq!(known.last("agent:a", QueueId::new([1; 16])), Some(first));
        assert_eq!(known.last("agent:a", QueueId::new([2; 16])), None);
        assert!(desk.changes.is_empty());
    }

    #[test]
    fn the_oldest_queue_of_a_client_is_forgotten_first() {
        let mut known = Sequences::default();
        let queue = |number: usize| {
            let mut name = [0; 16];
            name[..8].copy_from_slice(&number.to_be_bytes());
            QueueId::new(name)
        };
        for number in 0..=MAX_QUEUES_EACH {
            let index = u64::try_from(number).expect("small");
            let sequence = Sequence {
                queue: queue(number),
                number: 0,
            };
            known.see("agent:a", sequence, index);
        }
        assert_eq!(known.last("agent:a", queue(0)), None);
        assert!(known.last("agent:a", queue(1)).is_some());
        assert!(known.last("agent:a", queue(MAX_QUEUES_EACH)).is_some());
    }
}
