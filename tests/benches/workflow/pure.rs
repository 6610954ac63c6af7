//! The workflow without a ledger: what the sequencer does with a command, and nothing else.

use countersign_chain::time::UnixMicros;
use countersign_workflow::command::Command;
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::state::State;

use crate::company::Company;
use crate::crowd::PACE;

/// The time when it begins.
const START: u64 = 1_790_000_000_000_000;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) at: At,
}

impl Core {
    /// With the policy of a company in force.
    pub(crate) fn of(company: &Company) -> Self {
        let mut core = Self::new();
        core.give(&company.put().0);
        core
    }

    /// With nothing.
    pub(crate) fn new() -> Self {
        Self {
            state: State::default(),
            at: At {
                time: UnixMicros::new(START).expect("a time"),
                index: 1,
            },
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self) {
        let pace = u64::try_from(PACE.as_micros()).expect("short");
        let time = self.at.time.get() + pace;
        self.at.time = UnixMicros::new(time).expect("a time");
    }

    /// Decides on a command and applies what comes of it.
    pub(crate) fn give(&mut self, command: &Command) -> Vec<Draft> {
        let drafts = self.decide(command);
        self.apply(&drafts, command.caller.actor.as_str());
        drafts
    }

    pub(crate) fn decide(&self, command: &Command) -> Vec<Draft> {
        let drafts = decide::decide(&self.state, command, self.at);
        drafts.expect("nobody asks for what is not allowed")
    }

    /// Decides what happens by itself now, and applies it; `None` when nothing is due.
    pub(crate) fn due(&mut self) -> Option<Vec<Draft>> {
        if self.state.next_due()? > self.at.time {
            return None;
        }
        let drafts = decide::due(&self.state, self.at)?;
        self.apply(&drafts, "ledger");
        Some(drafts)
    }

    pub(crate) fn apply(&mut self, drafts: &[Draft], caller: &str) {
        for draft in drafts {
            let entry = EntryFacts {
                index: self.at.index,
                time: self.at.time,
                case: draft.case,
                actor: match draft.by {
                    By::Caller => caller,
                    By::Ledger => "ledger",
                },
                via: "",
            };
            let applied = self.state.apply(&entry, &draft.event);
            applied.expect("what was decided fits");
            self.at.index += 1;
        }
    }
}
