//! Whether a log kept the rules: its entries are replayed through the same code that decides.
//!
//! An entry of the workflow is there for one of three reasons. Somebody asked for it: then
//! [`decide`] must lead to the same entry. It follows from the entry before: then it is what
//! [`decide::consequence`] says, at the very next index. Or its time had come: then it is what
//! [`crate::timer::due`] says, and everything that was due earlier stands before it. Whatever is
//! there for no reason, or is missing, is a [`Misstep`]. The entry is taken in all the same, so
//! that the replay goes on from what the log says.
//!
//! Who was on call, and what time it was, are the ledger's word: no rule here can tell whether they
//! were true. A clock that was set back makes access end early, so a made-up
//! ClockStepped gains nothing.

mod command;
mod difference;
mod due;
mod fault;
mod tell;

use std::collections::{BTreeMap, VecDeque};

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use crate::apply::is_of_workflow;
use crate::command::Command;
use crate::decide;
use crate::draft::{At, EntryFacts};
use crate::limits::{MAX_CASE_ENTRIES, MAX_CLOSED_REMEMBERED, REPLAY_GRACE};
use crate::moment::{self, Moment};
use crate::state::State;
use command::Origin;
pub use fault::Fault;
use tell::{as_expected, in_wrong_case, is_same, missing, misstep, must_be_ledger};

/// An entry that is against the rules, or the place of one that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misstep {
    /// Which rule.
    pub fault: Fault,
    /// The entry; the one that stands in its place when it is missing.
    pub index: u64,
    /// Its case; 0 for none.
    pub case: u64,
    /// In words, with expected and got.
    pub message: String,
}

/// What was replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries of the workflow.
    pub entries: u64,
    /// Cases that were opened.
    pub cases: u64,
    /// Those of them that were closed.
    pub closed: u64,
    /// Policies that came into force.
    pub policies: u64,
}

/// What must come next.
#[derive(Debug, Clone)]
struct Next {
    case: u64,
    at: At,
    event: Known,
}

/// A replay on its way along a log.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    state: State,
    next: Option<Next>,
    /// What was due and is known to be missing: the case, and when it was due.
    told: BTreeMap<u64, Moment>,
    /// Time of the first entry beside the workflow at which something was overdue.
    late: Option<UnixMicros>,
    /// Cases that were closed last, with their grants.
    closed: VecDeque<(u64, Option<u64>)>,
    counts: Counts,
}

impl Replay {
    /// What was replayed so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What the entries made of the cases so far.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Takes an entry of the workflow or a step of the clock; any other one only passes by.
    pub fn see(&mut self, entry: &EntryFacts<'_>, event: &Known) -> Vec<Misstep> {
        if let Known::ClockStepped(_) = event {
            let mut found = self.overtaken(entry.index);
            // Deadlines come nearer: the ledger has time from here on.
            self.late = None;
            found.extend(must_be_ledger(entry, event.name()));
            self.take(entry, event, &mut found);
            return found;
        }
        if !is_of_workflow(event.kind()) {
            return self.pass(entry.index, entry.time);
        }
        self.late = None;
        self.counts.entries = self.counts.entries.saturating_add(1);
        let mut found = Vec::new();
        self.judge(entry, event, &mut found);
        self.take(entry, event, &mut found);
        found
    }

    /// An entry of another kind passes by, or several up to this one.
    pub fn pass(&mut self, index: u64, time: UnixMicros) -> Vec<Misstep> {
        let mut found = self.overtaken(index);
        if self.state.next_due().is_none_or(|due| due > time) {
            self.late = None;
            return found;
        }
        let since = *self.late.get_or_insert(time);
        if time > moment::later(since, REPLAY_GRACE) {
            let at = At { time: since, index };
            self.overdue(at, None, &mut found);
            self.late = Some(time);
        }
        found
    }

    /// The ledger stopped here, or started: what became due meanwhile may come late.
    pub const fn paused(&mut self) {
        self.late = None;
    }

    /// The log ends here.
    #[must_use]
    pub fn finish(&mut self) -> Vec<Misstep> {
        self.overtaken(u64::MAX)
    }

    /// What should have come before this entry.
    fn overtaken(&mut self, index: u64) -> Vec<Misstep> {
        let next = self.next.take_if(|next| next.at.index <= index);
        next.map(|next| missing(&next)).into_iter().collect()
    }

    fn judge(&mut self, entry: &EntryFacts<'_>, event: &Known, found: &mut Vec<Misstep>) {
        if let Some(next) = self.next.take() {
            if next.at.index == entry.index && is_same(&next, entry, event) {
                found.extend(as_expected(&next, entry, event));
                return;
            }
            found.push(missing(&next));
        }
        let at = At {
            time: entry.time,
            index: entry.index,
        };
        match command::origin(entry, event) {
            Ok(Origin::Ledger) => self.by_ledger(entry, event, found),
            Ok(Origin::Command(command)) => {
                self.overdue(at, None, found);
                found.extend(self.decided(entry, event, &command));
            }
            Ok(Origin::Refusal) => {
                self.overdue(at, None, found);
                found.extend(self.refusal(entry, event));
            }
            Ok(Origin::None) => {
                let why = format!("{} has no place in a workflow", event.name());
                found.push(misstep(Fault::NotAllowed, entry, why));
            }
            Err(none) => {
                self.overdue(at, None, found);
                let why = format!("{}: {}", event.name(), none.why);
                found.push(misstep(none.fault, entry, why));
            }
        }
    }

    /// An entry that somebody asked for.
    fn decided(&self, entry: &EntryFacts<'_>, event: &Known, command: &Command) -> Option<Misstep> {
        let at = At {
            time: entry.time,
            index: entry.index,
        };
        let name = event.name();
        let drafts = match decide::decide(&self.state, command, at) {
            Ok(drafts) => drafts,
            Err(refused) => {
                let fault = Fault::of_refusal(refused.refusal.reason);
                let why = format!("{name} should have been refused: {}", refused.refusal);
                return Some(misstep(fault, entry, why));
            }
        };
        let first = drafts.first()?;
        if let Some(difference) = difference::between(&first.event, event) {
            let fault = Fault::of_field(difference.field());
            return Some(misstep(fault, entry, format!("{name}: {difference}")));
        }
        (first.case != entry.case).then(|| in_wrong_case(entry, name, first.case))
    }

    /// A refusal changes nothing, so it may stand anywhere.
    fn refusal(&self, entry: &EntryFacts<'_>, event: &Known) -> Option<Misstep> {
        let Known::ActionRefused(refused) = event else {
            return None;
        };
        if Reason::parse(&refused.code).is_none() {
            let why = format!("{:?} is no reason for a refusal", refused.code);
            return Some(misstep(Fault::RefusalUnknown, entry, why));
        }
        if let Err(none) = command::caller(entry) {
            return Some(misstep(none.fault, entry, none.why));
        }
        let policy = self.state.policy();
        let person = policy.and_then(|policy| policy.policy.person_of(entry.actor));
        let person = person.unwrap_or_default();
        if refused.person != person {
            let why = format!("person is {:?}; expected {person:?}", refused.person);
            return Some(misstep(Fault::WrongPerson, entry, why));
        }
        let case = self.refused_in(refused);
        (case != entry.case).then(|| in_wrong_case(entry, event.name(), case))
    }

    /// The case that a refusal is listed in, as long as there is room.
    fn refused_in(&self, refused: &v1::ActionRefused) -> u64 {
        let thing = self.state.thing(refused.target);
        let case = thing.and_then(|(_thing, case)| self.state.case(case));
        case.filter(|case| case.entries.len() < MAX_CASE_ENTRIES / 2)
            .map_or(0, |case| case.id)
    }

    /// Takes an entry in as it is, and asks what must follow.
    fn take(&mut self, entry: &EntryFacts<'_>, event: &Known, found: &mut Vec<Misstep>) {
        let before = self.state.case(entry.case);
        let grant = before.and_then(|case| case.grant()).map(|grant| grant.id);
        if let Err(error) = self.state.apply(entry, event) {
            if found.is_empty() {
                found.push(misstep(Fault::NotAllowed, entry, error.to_string()));
            }
            return;
        }
        let count = |count: &mut u64| *count = count.saturating_add(1);
        match event.kind() {
            10 => count(&mut self.counts.policies),
            20 | 35 => count(&mut self.counts.cases),
            39 => {
                count(&mut self.counts.closed);
                self.told.remove(&entry.case);
                self.forget((entry.case, grant));
            }
            _ => {}
        }
        let id = if matches!(event.kind(), 20 | 35) {
            entry.index
        } else {
            entry.case
        };
        let at = At {
            time: entry.time,
            index: entry.index.saturating_add(1),
        };
        self.next = self.state.case(id).and_then(|case| {
            let event = decide::consequence(&self.state, case, at)?;
            Some(Next {
                case: id,
                at,
                event,
            })
        });
    }

    /// Keeps closed cases for a while only: an entry that comes to one later is found as one that
    /// names nothing.
    fn forget(&mut self, closed: (u64, Option<u64>)) {
        self.closed.push_back(closed);
        if self.closed.len() <= MAX_CLOSED_REMEMBERED {
            return;
        }
        if let Some((case, grant)) = self.closed.pop_front() {
            self.state.closed.remove(&case);
            if let Some(grant) = grant {
                self.state.things.remove(&grant);
            }
        }
    }
}
