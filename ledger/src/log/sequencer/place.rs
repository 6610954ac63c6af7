//! Entries as their callers made them: repeats are found, and what is new gets its place.

use std::collections::VecDeque;

use countersign_chain::commit::Draft;
use countersign_chain::sequence::Sequence;
use countersign_chain::time::UnixMicros;

use super::{Admission, Sequencer};
use crate::log::entry::{Mode, NewEntry, SubmitError};
use crate::log::idem::{self, Fingerprint};
use crate::log::receipt::{PendingRun, Waiter};
use crate::log::repeat::{Found, Known, unreadable};
use crate::log::sequences::{self, Standing};
use crate::log::submit::Proposal;
use crate::store::Space;

/// The entry that says what was left out before another one.
#[derive(Debug)]
pub(super) struct Gap {
    /// Position in the proposal of the entry behind it.
    position: usize,
    pub(super) entry: NewEntry,
}

impl Sequencer {
    /// What can be refused before anything is placed.
    pub(super) fn check(&mut self, proposal: &Proposal) -> Result<(), SubmitError> {
        let mut repeated = 0_usize;
        let mut seen = None;
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
            let found = self.find((position, entry), key, &proposal.known)?;
            if found.is_some() {
                repeated += 1;
            } else if let Some(sequence) = Sequence::of_key(entry.idem().as_bytes()) {
                let expected = expected(seen, sequence);
                let standing = self
                    .parts
                    .sequences
                    .standing(entry.actor(), sequence, expected)?;
                if let Standing::Passed { next } = standing {
                    return Err(SubmitError::SequencePassed { position, next });
                }
                seen = Some(sequence);
            }
            // Up to here either none or all were seen before.
            let some = repeated > 0 && repeated <= position;
            if proposal.mode == Mode::AllOrNone && some {
                return Err(SubmitError::PartlyRepeated { position });
            }
        }
        Ok(())
    }

    /// What the entries of a proposal leave out of their queues, by position.
    pub(super) fn gaps(&self, proposal: &Proposal) -> Result<VecDeque<Gap>, SubmitError> {
        let (mut seen, mut gaps) = (None, VecDeque::new());
        for (position, entry) in proposal.entries.iter().enumerate() {
            let Some(sequence) = Sequence::of_key(entry.idem().as_bytes()) else {
                continue;
            };
            let actor = entry.actor();
            let expected = expected(seen, sequence);
            seen = Some(sequence);
            let standing = self.parts.sequences.standing(actor, sequence, expected)?;
            if let Standing::Skipped { first, count } = standing {
                let entry = sequences::gap(actor, sequence.queue, (first, count))?;
                gaps.push_back(Gap { position, entry });
            }
        }
        Ok(gaps)
    }

    /// The entry that used this key, if it is the same event.
    pub(super) fn find(
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
    pub(super) fn place(&mut self, proposal: Proposal, mut gaps: VecDeque<Gap>) -> Admission {
        if !proposal.own {
            self.space = Space::Common;
        }
        let now = self.read_clock();
        let mut waiter = Waiter::new(proposal.reply);
        for (position, entry) in proposal.entries.iter().enumerate() {
            let key = proposal.keys.get(position).copied().flatten();
            let skipped = match gaps.front() {
                Some(gap) if gap.position == position => gaps.pop_front(),
                _ => None,
            };
            let placed = match self.find((position, entry), key, &proposal.known) {
                Ok(Some(index)) => self.repeat(&mut waiter, (position, index), &proposal.known),
                Ok(None) => self.push_behind(skipped, (entry, now, key)).map(|place| {
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

    /// Places an entry behind the one that says what was left out before it.
    fn push_behind(
        &mut self,
        skipped: Option<Gap>,
        (entry, now, key): (&NewEntry, UnixMicros, Option<Fingerprint>),
    ) -> Result<usize, SubmitError> {
        if let Some(gap) = skipped {
            self.push(&gap.entry, now, None)?;
        }
        self.push(entry, now, key)
    }

    pub(super) fn push(
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
        if let Some(sequence) = Sequence::of_key(entry.idem().as_bytes()) {
            self.parts.sequences.placed(entry.actor(), sequence, index);
        }
        Ok(place)
    }

    /// Adds the first receipt of an entry that is there already.
    pub(super) fn repeat(
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
}

/// The number that comes behind the one that was seen before in the same proposal. A stream carries
/// one queue, in order.
fn expected(seen: Option<Sequence>, sequence: Sequence) -> Option<u64> {
    let before = seen.filter(|before| before.queue == sequence.queue)?;
    before.number.checked_add(1)
}
