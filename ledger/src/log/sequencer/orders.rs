//! Commands about access, and what happens by itself: decided here, on the newest state, and placed
//! as entries that stay together.

use std::time::Duration;

use countersign_chain::principal::Principal;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::{Event, Known};
use countersign_workflow::command::Action;
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft};
use countersign_workflow::refusal::Refused;

use super::Sequencer;
use crate::limits::{CLOCK_STEP_BACK, TIMER_TICK};
use crate::log::cases::Applied;
use crate::log::entry::{NewEntry, SubmitError};
use crate::log::idem::Fingerprint;
use crate::log::receipt::{PendingRun, Waiter};
use crate::log::repeat::unreadable;
use crate::log::submit::Order;
use crate::store::Space;

/// What became of an order.
pub(super) enum Ordered {
    Done,
    /// Not before the commit in flight is stored.
    Wait(Box<Order>),
}

impl Sequencer {
    /// Decides on an order and places what comes of it.
    pub(super) fn admit_order(&mut self, order: Order) -> Ordered {
        if let Some((free, needed)) = self.parts.low.get() {
            return answer(order, Err(SubmitError::DiskFull { free, needed }));
        }
        if self.parts.cases.state().is_none() {
            return answer(order, Err(SubmitError::Replaying));
        }
        let durable = *self.parts.accepted.borrow();
        let key = Fingerprint::of(order.command.caller.actor.as_str(), order.idem.as_bytes());
        let seen = self.parts.window.lock().find(key);
        if let Some(index) = seen {
            if (durable..self.open_first()).contains(&index) {
                return Ordered::Wait(Box::new(order));
            }
            match self.repeated(&order, index) {
                Ok(false) => {}
                Ok(true) => return self.again(order, index),
                Err(error) => return answer(order, Err(error)),
            }
        }
        if !self.fire_due() {
            return Ordered::Wait(Box::new(order));
        }
        let now = self.read_clock();
        // A deadline that came between the two readings comes first.
        let due = self.parts.cases.next_due();
        if due.is_some_and(|due| due <= self.at(now).time) {
            return Ordered::Wait(Box::new(order));
        }
        // Ledger time stands still then, and a grant that begins now would last longer.
        let behind = self.builder.head().time().get();
        let behind = behind.saturating_sub(self.parts.clock.wall().get());
        let behind = Duration::from_micros(behind);
        if gives_access(&order.command.action) && behind > CLOCK_STEP_BACK {
            return answer(order, Err(SubmitError::ClockBehind(behind)));
        }
        self.decide(order, (key, now))
    }

    /// Whether an entry is the first one of this order, given before.
    fn repeated(&mut self, order: &Order, index: u64) -> Result<bool, SubmitError> {
        let bytes = match index.checked_sub(self.open_first()) {
            Some(place) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                self.builder.record(place).map(<[u8]>::to_vec)
            }
            None => {
                let record = self.shelf.record(self.parts.store.as_ref(), index);
                Some(record.map_err(|error| unreadable(index, &error))?.to_vec())
            }
        };
        let record = bytes.as_deref().and_then(|bytes| Record::parse(bytes).ok());
        let actor = order.command.caller.actor.as_str();
        let Some(record) = record
            .filter(|record| record.actor() == actor && record.idem() == order.idem.as_bytes())
        else {
            return Ok(false);
        };
        let reused = SubmitError::KeyReused { position: 0, index };
        let event = Known::decode(record.kind().get(), record.payload());
        let event = event.map_err(|_malformed| reused.clone())?;
        if order.command.action.leads_to(&event) {
            return Ok(true);
        }
        match event {
            Known::ActionRefused(refused) if refused.action == order.command.action.name() => {
                Err(SubmitError::refused_before(&refused, index))
            }
            _ => Err(reused),
        }
    }

    /// Answers with the first receipt.
    fn again(&mut self, order: Order, index: u64) -> Ordered {
        let mut waiter = Waiter::new(order.reply);
        if let Some(place) = index.checked_sub(self.open_first()) {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            waiter.pending(PendingRun::again(0, place));
            self.waiting.push(waiter);
            return Ordered::Done;
        }
        match self.shelf.run(self.parts.store.as_ref(), index, 0) {
            Ok(run) => {
                waiter.ready(run);
                waiter.answer_ready();
            }
            Err(error) => waiter.answer(Err(unreadable(index, &error))),
        }
        Ordered::Done
    }

    fn decide(&mut self, order: Order, (key, now): (Fingerprint, UnixMicros)) -> Ordered {
        let at = self.at(now);
        let Some(state) = self.parts.cases.state() else {
            return answer(order, Err(SubmitError::Replaying));
        };
        let (drafts, refusal) = match decide::decide(state, &order.command, at) {
            Ok(drafts) => (drafts, None),
            Err(Refused { refusal, record }) => {
                let actor = order.command.caller.actor.as_str();
                let recorded = record.filter(|_| self.parts.cases.may_record(actor, at.time));
                (
                    recorded.map(|draft| *draft).into_iter().collect(),
                    Some(refusal),
                )
            }
        };
        if drafts.is_empty() {
            // What it was refused for may not be durable yet, but nothing rests on a refusal.
            let nothing = || SubmitError::Internal("a command led to nothing".to_owned());
            let refused = refusal.map_or_else(nothing, SubmitError::refused);
            return answer(order, Err(refused));
        }
        let entries = match entries(&drafts, Some(&order)) {
            Ok(entries) => entries,
            Err(error) => return answer(order, Err(error)),
        };
        let bytes = entries.iter().map(NewEntry::record_len).sum();
        if !self.builder.fits(entries.len(), bytes) {
            if self.builder.count() > 0 || self.in_flight {
                return Ordered::Wait(Box::new(order));
            }
            let entries = entries.len();
            return answer(order, Err(SubmitError::TooLarge { entries, bytes }));
        }
        if !matches!(order.command.action, Action::Report(_)) {
            self.space = Space::Common;
        }
        let placed = self.place_drafts(&drafts, &entries, (now, Some(key)));
        let mut waiter = Waiter::new(order.reply);
        match placed {
            Ok(places) => {
                for (position, place) in places.enumerate() {
                    waiter.pending(PendingRun::one(position, place));
                }
                waiter.refuse(refusal);
                self.waiting.push(waiter);
            }
            Err(error) => waiter.answer(Err(error)),
        }
        Ordered::Done
    }

    /// Places what happens by itself. Returns whether everything that is due found its place.
    pub(super) fn fire_due(&mut self) -> bool {
        while let Some(due) = self.parts.cases.next_due() {
            if due > self.parts.clock.wall().max(self.builder.head().time()) && !self.stepped() {
                return true;
            }
            let now = self.read_clock();
            let at = self.at(now);
            let drafts = self
                .parts
                .cases
                .state()
                .and_then(|state| decide::due(state, at));
            let Some(drafts) = drafts else {
                return true;
            };
            let entries = match entries(&drafts, None) {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::error!(%error, "what is due cannot be written");
                    return true;
                }
            };
            let bytes = entries.iter().map(NewEntry::record_len).sum();
            if !self.builder.fits(entries.len(), bytes) {
                return false;
            }
            if let Err(error) = self.place_drafts(&drafts, &entries, (now, None)) {
                tracing::error!(%error, "what is due was not placed");
                return true;
            }
        }
        true
    }

    /// Whether the clock was set back: then deadlines come nearer, and that is an entry.
    fn stepped(&mut self) -> bool {
        let before = self.builder.count();
        self.read_clock();
        self.builder.count() > before
    }

    /// How long to sleep until something may be due; `None` when nothing ever is.
    pub(super) fn nap(&self) -> Option<Duration> {
        let due = self.parts.cases.next_due()?;
        let wall = self.parts.clock.wall();
        let micros = due.get().saturating_sub(wall.get());
        // The wall clock may be set meanwhile, so it is looked at often.
        Some(Duration::from_micros(micros).clamp(Duration::from_millis(1), TIMER_TICK))
    }

    fn at(&self, now: UnixMicros) -> At {
        At {
            time: now.max(self.builder.head().time()),
            index: self.builder.next_index(),
        }
    }

    /// Gives decided events their places, which follow each other.
    fn place_drafts(
        &mut self,
        drafts: &[Draft],
        entries: &[NewEntry],
        (now, key): (UnixMicros, Option<Fingerprint>),
    ) -> Result<std::ops::Range<usize>, SubmitError> {
        let first = self.builder.count();
        for (position, (draft, entry)) in drafts.iter().zip(entries).enumerate() {
            let index = self.builder.next_index();
            self.push(entry, now, key.filter(|_| position == 0))?;
            self.parts.cases.placed(Applied {
                index,
                time: self.builder.head().time(),
                case: draft.case,
                actor: entry.actor().to_owned(),
                via: entry.carrier().to_owned(),
                event: draft.event.clone(),
            });
        }
        Ok(first..self.builder.count())
    }
}

/// Decided events as entries; the first one carries the key of its order.
fn entries(drafts: &[Draft], order: Option<&Order>) -> Result<Vec<NewEntry>, SubmitError> {
    let internal = |error: &dyn std::fmt::Display| SubmitError::Internal(error.to_string());
    let mut entries = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let event: Event = draft.event.to_event();
        let (kind, payload) = event.into_parts().map_err(|error| internal(&error))?;
        let caller = order.map(|order| &order.command.caller);
        let caller = caller.filter(|_| draft.by == By::Caller);
        let actor = caller.map_or_else(Principal::ledger, |caller| caller.actor.clone());
        let entry = NewEntry::new(kind, actor, payload).map_err(|error| internal(&error))?;
        let mut entry = entry.in_case(draft.case);
        if let Some(via) = caller.and_then(|caller| caller.via.clone()) {
            entry = entry.via(via).map_err(|error| internal(&error))?;
        }
        if let Some(order) = order.filter(|_| entries.is_empty()) {
            entry = entry.with_key(order.idem.clone());
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Whether a grant may begin because of it.
const fn gives_access(action: &Action) -> bool {
    matches!(
        action,
        Action::Request(_) | Action::BreakGlass(_) | Action::Review { approve: true, .. }
    )
}

fn answer(order: Order, error: Result<Vec<crate::log::entry::Run>, SubmitError>) -> Ordered {
    order.reply.send(error);
    Ordered::Done
}
