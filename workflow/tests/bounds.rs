//! What repeats without end fills no case, and what must be told always has room.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy, Report};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::limits::{MAX_CASE_ENTRIES, MAX_REMINDERS};
use countersign_workflow::policy::{Bundle, Facts, Policy, starter};
use countersign_workflow::state::State;

/// A ledger of values.
struct World {
    state: State,
    at: At,
    written: Vec<Known>,
}

impl World {
    /// The starter policy, with one word of it changed.
    fn new(from: &str, to: &str) -> Self {
        let starter = starter();
        let files = starter.files();
        let files = files.map(|(name, text)| (name.to_owned(), text.replace(from, to)));
        let bundle = Bundle::new(files).expect("a bundle");
        let mut world = Self {
            state: State::default(),
            at: At {
                time: UnixMicros::new(1_790_000_000_000_000).expect("a time"),
                index: 1,
            },
            written: Vec::new(),
        };
        let new = NewPolicy {
            packed: bundle.pack().expect("small"),
            policy: Arc::new(Policy::compile(&bundle).expect("sound")),
            bundle,
            force: false,
            expected: 0,
        };
        world
            .act("admin:root", Action::PutPolicy(Box::new(new)))
            .expect("taken");
        world
    }

    fn write(&mut self, actor: &str, drafts: Vec<Draft>) {
        for Draft { case, by, event } in drafts {
            let actor = if by == By::Caller { actor } else { "ledger" };
            let entry = EntryFacts {
                index: self.at.index,
                time: self.at.time,
                case,
                actor,
                via: "",
            };
            self.state
                .apply(&entry, &event)
                .expect("what was decided fits");
            self.at.index += 1;
            self.written.push(event);
        }
    }

    fn act(&mut self, actor: &str, action: Action) -> Result<u64, Reason> {
        let command = Command {
            caller: Caller {
                actor: Principal::parse(actor).expect("a principal"),
                via: None,
            },
            action,
            facts: Facts::default(),
        };
        let index = self.at.index;
        let drafts = decide::decide(&self.state, &command, self.at);
        let drafts = drafts.map_err(|refused| refused.refusal.reason)?;
        self.write(actor, drafts);
        Ok(index)
    }

    fn ask(&mut self, resource: &str, permission: &str) -> u64 {
        let ask = Ask {
            resource: resource.to_owned(),
            permission: permission.to_owned(),
            duration: 3_600,
            reason: "look".to_owned(),
            ticket: "T-1".to_owned(),
            ..Ask::default()
        };
        self.act("user:bruno", Action::Request(ask))
            .expect("allowed")
    }

    /// Time passes, second by second; everything that is due happens.
    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let next = self.at.time.get() + 1_000_000;
            self.at.time = UnixMicros::new(next).expect("a time");
            while let Some(drafts) = decide::due(&self.state, self.at) {
                self.write("ledger", drafts);
            }
        }
    }

    fn count(&self, name: &str) -> usize {
        self.written
            .iter()
            .filter(|event| event.name() == name)
            .count()
    }
}

#[test]
fn reminders_end_and_the_request_goes_on_to_its_end() {
    let mut world = World::new("@remind(\"10m\")", "@remind(\"1s\")");
    let case = world.ask("orders-db", "read-only");
    world.wait(600);
    assert_eq!(world.count("ApproversReminded"), MAX_REMINDERS as usize);
    assert_eq!(world.count("RequestExpired"), 0);
    world.wait(3_600);
    assert_eq!(world.count("RequestExpired"), 1);
    assert_eq!(world.count("ApproversReminded"), MAX_REMINDERS as usize);
    assert!(world.state.case(case).is_some());
}

#[test]
fn failures_fill_a_case_and_its_removal_is_taken_all_the_same() {
    let mut world = World::new("no such text", "");
    let case = world.ask("orders-db-staging", "read-write");
    let grant = case + 1;
    let told = Report::Provisioned(v1::GrantProvisioned {
        grant,
        ..v1::GrantProvisioned::default()
    });
    world
        .act("provisioner:p", Action::Report(told))
        .expect("taken");
    world.wait(3_600);
    assert_eq!(world.count("GrantExpired"), 1);
    let failed = || {
        Action::Report(Report::RemovalFailed(v1::RemovalFailed {
            grant,
            ..v1::RemovalFailed::default()
        }))
    };
    let mut failures = 0;
    while world.act("provisioner:p", failed()).is_ok() {
        failures += 1;
        assert!(failures <= MAX_CASE_ENTRIES, "failures fill the log");
    }
    assert_eq!(
        world.act("provisioner:p", failed()),
        Err(Reason::TooManyCases)
    );
    let removed = Report::Removed(v1::AccessRemoved {
        grant,
        proof: "gone".to_owned(),
    });
    world
        .act("provisioner:p", Action::Report(removed))
        .expect("it always has room");
    world.wait(25 * 3_600);
    assert_eq!(world.count("CaseClosed"), 1);
    let closed = world.written.last().expect("written").to_event();
    let (_kind, payload) = closed.into_parts().expect("an event");
    assert!(payload.len() <= 48 << 10, "{} bytes", payload.len());
}
