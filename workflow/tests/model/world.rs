//! A ledger of values: it decides, applies and remembers.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy, Report};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::policy::{Facts, Policy, starter};
use countersign_workflow::state::State;
use countersign_workflow::wire;

/// Who acts. The second and the third are accounts of one person; the last ones are nobody.
pub(crate) const PEOPLE: [&str; 12] = [
    "user:ada@example.com",
    "user:chen@example.com",
    "user:chen.wei@example.com",
    "user:bruno@example.com",
    "user:dana@example.com",
    "user:emeka@example.com",
    "user:fatima@example.com",
    "user:gustav@example.com",
    "user:hana@example.com",
    "admin:root",
    "agent:db-1",
    "user:stranger@example.com",
];

/// Place of the administrator among them.
const ADMIN: u8 = 9;

const RESOURCES: [&str; 4] = [
    "orders-db",
    "payments-db",
    "orders-db-staging",
    "no-such-db",
];
const PERMISSIONS: [&str; 4] = ["read-only", "read-write", "break-glass", "fly"];

/// Something that somebody tries, or time that passes.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Request { who: u8, what: u8, how: u8 },
    BreakGlass { who: u8, what: u8, how: u8 },
    Review { who: u8, target: u8, approve: bool },
    RetroReview { who: u8, target: u8 },
    Cancel { who: u8, target: u8 },
    Extend { who: u8, target: u8, how: u8 },
    Revoke { who: u8, target: u8 },
    Finish { who: u8, target: u8 },
    StartSession { who: u8, target: u8 },
    EndSession { who: u8, target: u8 },
    Report { target: u8, what: u8 },
    Feedback { who: u8, target: u8 },
    Delegate { who: u8, to: u8, how: u8 },
    Wait(u8),
    ClockBack(u8),
}

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) time: u64,
    /// Real time, which no clock changes.
    pub(crate) real: u64,
    pub(crate) case: u64,
    pub(crate) event: Known,
}

/// A ledger of values.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) history: Vec<Entry>,
    next: u64,
    /// What the wall clock shows, in seconds.
    wall: u64,
    /// Ledger time, in microseconds.
    pub(crate) time: u64,
    /// Seconds that have passed.
    pub(crate) real: u64,
}

const START: u64 = 1_790_000_000;

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            history: Vec::new(),
            next: 10,
            wall: START,
            time: START * 1_000_000,
            real: 0,
        };
        let bundle = starter();
        let new = NewPolicy {
            packed: bundle.pack().expect("it packs"),
            policy: Arc::new(Policy::compile(&bundle).expect("it compiles")),
            bundle,
            force: false,
            expected: 0,
        };
        world.act("admin:root", Action::PutPolicy(Box::new(new)));
        assert!(world.state.policy().is_some());
        world.history.clear();
        world
    }

    fn facts(&self) -> Facts {
        let on_call = ["bruno", "chen"].map(str::to_owned).into();
        Facts {
            on_call: [("on-call".to_owned(), on_call)].into(),
            hour: u8::try_from((self.wall / 3_600) % 24).expect("an hour"),
            weekday: 3,
            zone: "Europe/Berlin".to_owned(),
        }
    }

    fn at(&self) -> At {
        At {
            time: UnixMicros::new(self.time.max(self.wall * 1_000_000)).expect("a time"),
            index: self.next,
        }
    }

    fn write(&mut self, at: At, actor: &str, drafts: Vec<Draft>) {
        for draft in drafts {
            let actor = match draft.by {
                By::Caller => actor,
                By::Ledger => "ledger",
            };
            let entry = EntryFacts {
                index: self.next,
                time: at.time,
                case: draft.case,
                actor,
                via: "",
            };
            self.state
                .apply(&entry, &draft.event)
                .expect("what was decided fits");
            self.history.push(Entry {
                index: self.next,
                time: at.time.get(),
                real: self.real,
                case: draft.case,
                event: draft.event,
            });
            self.next += 1;
        }
        self.time = at.time.get();
    }

    /// Everything that is due happens.
    fn fire(&mut self) {
        for _ in 0..10_000 {
            let at = self.at();
            let Some(drafts) = decide::due(&self.state, at) else {
                return;
            };
            assert!(!drafts.is_empty());
            self.write(at, "ledger", drafts);
        }
        panic!("timers fire without end");
    }

    fn act(&mut self, actor: &str, action: Action) {
        self.fire();
        let at = self.at();
        let command = Command {
            caller: Caller {
                actor: Principal::parse(actor).expect("a principal"),
                via: None,
            },
            action,
            facts: self.facts(),
            evidence: None,
        };
        match decide::decide(&self.state, &command, at) {
            Ok(drafts) => self.write(at, actor, drafts),
            Err(refused) => {
                assert!(!refused.refusal.message.is_empty() && !refused.refusal.hint.is_empty());
                self.write(
                    at,
                    actor,
                    refused.record.map(|draft| *draft).into_iter().collect(),
                );
            }
        }
    }

    /// A number near those that exist: mostly of an entry, sometimes of none.
    fn target(&self, pick: u8) -> u64 {
        let back = u64::from(pick) % (self.history.len() as u64 + 2);
        self.next.saturating_sub(back)
    }

    /// A number of what this step is about, or any.
    fn one_of(&self, pick: u8, fits: impl Fn(&Known) -> bool) -> u64 {
        if pick % 8 == 7 {
            return self.target(pick);
        }
        let found: Vec<u64> = self
            .history
            .iter()
            .rev()
            .filter(|entry| fits(&entry.event))
            .take(4)
            .map(|entry| entry.index)
            .collect();
        let place = usize::from(pick / 8);
        found.get(place % found.len().max(1)).copied().unwrap_or(1)
    }

    fn ask(&self, what: u8, how: u8) -> Ask {
        let pick = |of: usize, by: u8| usize::from(by) % of;
        let start = (how % 7 == 6).then(|| self.wall + u64::from(how) * 60);
        Ask {
            resource: RESOURCES[pick(4, what)].to_owned(),
            permission: PERMISSIONS[pick(4, what / 4)].to_owned(),
            duration: [600, 1_800, 3_600, 14_400, 0][pick(5, what / 16)],
            reason: if how % 16 == 15 {
                String::new()
            } else {
                "look".to_owned()
            },
            ticket: if how % 4 == 3 {
                String::new()
            } else {
                "T-1".to_owned()
            },
            severity: ["sev1", "", "sev3", "sev9"][pick(4, how / 4)].to_owned(),
            affected: Vec::new(),
            start: start.map(|start| UnixMicros::new(start * 1_000_000).expect("a time")),
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        let (who, action) = match *step {
            Step::Wait(how) => {
                let seconds = u64::from(how).pow(2);
                self.wall += seconds;
                self.real += seconds;
                return self.fire();
            }
            Step::ClockBack(how) => return self.clock_back(u64::from(how) * 60),
            Step::Request { who, what, how } => (who, Action::Request(self.ask(what, how))),
            Step::BreakGlass { who, what, how } => {
                let mut ask = self.ask(what, how);
                ask.permission = "break-glass".to_owned();
                (who, Action::BreakGlass(ask))
            }
            Step::Review { .. } | Step::RetroReview { .. } | Step::Cancel { .. } => {
                self.deciding(step)
            }
            Step::Feedback { .. } | Step::Delegate { .. } => self.beside(step),
            _ => self.using(step),
        };
        let starts = matches!(
            action,
            Action::Request(_) | Action::BreakGlass(_) | Action::Review { approve: true, .. }
        );
        // The ledger gives no access while its clock is behind its log.
        if starts && self.wall * 1_000_000 < self.time {
            return;
        }
        self.act(PEOPLE[usize::from(who)], action);
    }

    fn deciding(&self, step: &Step) -> (u8, Action) {
        let reason = "because".to_owned();
        match *step {
            Step::Review {
                who,
                target,
                approve,
            } => {
                let (request, group) = (self.one_of(target, asked), None);
                let action = Action::Review {
                    request,
                    approve,
                    group,
                    reason,
                };
                (who, action)
            }
            Step::RetroReview { who, target } => {
                let request = self.one_of(target, opened);
                let justified = target % 2 == 0;
                let action = Action::RetroReview {
                    request,
                    justified,
                    reason,
                };
                (who, action)
            }
            Step::Cancel { who, target } => {
                let request = self.one_of(target, asked);
                (who, Action::Cancel { request, reason })
            }
            _ => panic!("no decision: {step:?}"),
        }
    }

    fn using(&self, step: &Step) -> (u8, Action) {
        let reason = "because".to_owned();
        match *step {
            Step::Extend { who, target, how } => {
                let (grant, duration) = (self.one_of(target, grant), u64::from(how) * 60);
                let action = Action::Extend {
                    grant,
                    duration,
                    reason,
                };
                (who, action)
            }
            Step::Revoke { who, target } => {
                let grant = self.one_of(target, grant);
                (who, Action::Revoke { grant, reason })
            }
            Step::Finish { who, target } => {
                let grant = self.one_of(target, grant);
                (who, Action::Finish { grant, reason })
            }
            Step::StartSession { who, target } => {
                let action = Action::StartSession {
                    grant: self.one_of(target, grant),
                    client: "psql".to_owned(),
                    source_address: String::new(),
                };
                (who, action)
            }
            Step::EndSession { who, target } => {
                let action = Action::EndSession {
                    session: self.one_of(target, session),
                    reason,
                    exit_status: 0,
                    recording: None,
                };
                (who, action)
            }
            Step::Report { target, what } => {
                let grant = self.one_of(target, grant);
                (ADMIN, Action::Report(report(grant, what)))
            }
            _ => panic!("no use: {step:?}"),
        }
    }

    fn beside(&self, step: &Step) -> (u8, Action) {
        match *step {
            Step::Feedback { who, target } => {
                let action = Action::Feedback {
                    case: self.one_of(target, opened),
                    access: v1::Rating::Yes,
                    wait: v1::Rating::No,
                    comment: String::new(),
                };
                (who, action)
            }
            Step::Delegate { who, to, how } => {
                let end = (self.wall + u64::from(how) * 600) * 1_000_000;
                let action = Action::Delegate {
                    to: PEOPLE[usize::from(to)].to_owned(),
                    start: None,
                    end: UnixMicros::new(end).expect("a time"),
                    reason: String::new(),
                };
                (who, action)
            }
            _ => panic!("neither: {step:?}"),
        }
    }

    /// Somebody sets the clock back; the ledger says so.
    fn clock_back(&mut self, seconds: u64) {
        let before = UnixMicros::new(self.wall * 1_000_000).expect("a time");
        self.wall -= seconds;
        let after = UnixMicros::new(self.wall * 1_000_000).expect("a time");
        let event = Known::ClockStepped(v1::ClockStepped {
            before: Some(wire::timestamp(before)),
            after: Some(wire::timestamp(after)),
        });
        let draft = Draft {
            case: 0,
            by: By::Ledger,
            event,
        };
        self.write(self.at(), "ledger", vec![draft]);
        self.fire();
    }
}

fn grant(event: &Known) -> bool {
    matches!(event, Known::GrantIssued(_) | Known::GrantScheduled(_))
}

fn opened(event: &Known) -> bool {
    let cases = matches!(event, Known::AccessRequested(_));
    cases || matches!(event, Known::BreakGlassInvoked(_))
}

fn asked(event: &Known) -> bool {
    let requests = matches!(event, Known::AccessRequested(_));
    requests || matches!(event, Known::ExtensionRequested(_))
}

fn session(event: &Known) -> bool {
    matches!(event, Known::SessionStarted(_))
}

fn report(grant: u64, what: u8) -> Report {
    match what % 4 {
        0 => Report::Provisioned(v1::GrantProvisioned {
            grant,
            ..v1::GrantProvisioned::default()
        }),
        1 => Report::Failed(v1::ProvisioningFailed {
            grant,
            ..v1::ProvisioningFailed::default()
        }),
        2 => Report::Removed(v1::AccessRemoved {
            grant,
            ..v1::AccessRemoved::default()
        }),
        _ => Report::RemovalFailed(v1::RemovalFailed {
            grant,
            ..v1::RemovalFailed::default()
        }),
    }
}
