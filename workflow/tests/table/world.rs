//! A ledger of values, and the starter policy with a few people more.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::moment;
use countersign_workflow::policy::{Bundle, Facts, Policy, starter};
use countersign_workflow::refusal::Refused;
use countersign_workflow::state::State;
use serde_json::{Value, json};

use super::people::{ACCOUNTS, DELEGATIONS, PEOPLE};
use super::permits::{HOUR, PERMITS, Resource, Situation};

const START: u64 = 1_790_000_000_000_000;

/// Three people and a program agree more: two of security, and a lead.
const VAULT: &str = r#"
@id("vault")
@approvals("security:2, team-leads:1")
@max_duration("4h")
@max_extensions("1")
permit (principal in Group::"engineers", action == Action::"request", resource)
when { resource.environment == "vault" };
"#;

/// A ledger of values.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) at: At,
    written: Vec<Known>,
}

/// The starter with the people of the table, and the vault.
fn entities(text: &str) -> String {
    let mut all: Vec<Value> = serde_json::from_str(text).expect("JSON");
    for (id, groups, program) in PEOPLE {
        let of_groups = groups.iter().map(|id| json!({"type": "Group", "id": id}));
        let accounts = ACCOUNTS.iter().find(|(who, _)| who == id);
        let mut attrs = json!({"email": format!("{id}@example.com")});
        if *program {
            attrs["bot"] = json!(true);
        }
        if let Some((_, accounts)) = accounts {
            attrs["accounts"] = json!(accounts);
        }
        let person = json!({
            "uid": {"type": "Person", "id": id},
            "attrs": attrs, "parents": of_groups.collect::<Vec<_>>(),
        });
        all.retain(|entity| entity["uid"] != person["uid"]);
        all.push(person);
    }
    all.push(json!({
        "uid": {"type": "Resource", "id": Resource::Vault.name()},
        "attrs": {
            "environment": "vault", "sensitivity": "high",
            "permissions": Resource::Vault.permissions(),
        },
        "parents": [],
    }));
    serde_json::to_string(&all).expect("JSON")
}

fn bundle() -> Bundle {
    let starter = starter();
    let files = starter.files().map(|(name, text)| {
        let text = match name {
            "entities.json" => entities(text),
            "access.cedar" => format!("{text}{VAULT}"),
            _ => text.to_owned(),
        };
        (name.to_owned(), text)
    });
    Bundle::new(files).expect("a bundle")
}

/// Every permit of the policy for requests and for access at once stands in the table.
#[test]
fn the_table_has_every_permit_of_the_starter() {
    let text = bundle();
    let text = text.file("access.cedar").expect("it has policies");
    let asks = ["Action::\"request\",", "Action::\"break_glass\","];
    let policies = text.split("@id(\"").skip(1);
    let permits = policies.filter(|policy| {
        policy.contains("\npermit (") && asks.iter().any(|ask| policy.contains(ask))
    });
    let ids: Vec<&str> = permits
        .filter_map(|policy| policy.split('"').next())
        .collect();
    let table: Vec<&str> = PERMITS.iter().map(|permit| permit.id).collect();
    assert_eq!(ids, table);
}

impl World {
    /// An empty log.
    pub(crate) fn empty() -> Self {
        Self {
            state: State::default(),
            at: At {
                time: UnixMicros::new(START).expect("a time"),
                index: 10,
            },
            written: Vec::new(),
        }
    }

    /// A log with the policy, and with places that were given away.
    pub(crate) fn new() -> Self {
        let mut world = Self::empty();
        let bundle = bundle();
        let new = NewPolicy {
            packed: bundle.pack().expect("small"),
            policy: Arc::new(Policy::compile(&bundle).expect("sound")),
            bundle,
            force: false,
            expected: 0,
        };
        world.must("admin:root", Action::PutPolicy(Box::new(new)));
        for (from, to, seconds) in DELEGATIONS {
            let action = Action::Delegate {
                to: to.to_owned(),
                start: None,
                end: moment::later(world.at.time, seconds),
                reason: String::new(),
            };
            world.must(&format!("user:{from}"), action);
        }
        world.wait(2);
        world
    }

    /// What the policy may see of a situation.
    pub(crate) fn facts(what: &Situation) -> Facts {
        Facts {
            on_call: [("on-call".to_owned(), [what.on_call.to_owned()].into())].into(),
            hour: what.hour,
            weekday: what.weekday,
            zone: "Europe/Berlin".to_owned(),
        }
    }

    /// What somebody asks for in a situation; later, when a start is wanted.
    pub(crate) fn ask(&self, what: &Situation, start_in: u64) -> Ask {
        Ask {
            resource: what.resource.name().to_owned(),
            permission: what.permission.to_owned(),
            duration: what.duration,
            reason: "look".to_owned(),
            ticket: if what.ticket { "OPS-1" } else { "" }.to_owned(),
            severity: what.severity.to_owned(),
            affected: Vec::new(),
            start: (start_in > 0).then(|| moment::later(self.at.time, start_in)),
        }
    }

    /// What a command would lead to now.
    pub(crate) fn decide(
        &self,
        (actor, via): (&str, Option<&str>),
        action: Action,
        facts: Facts,
    ) -> Result<Vec<Draft>, Refused> {
        let principal = |text: &str| Principal::parse(text).expect("a principal");
        let command = Command {
            caller: Caller {
                actor: principal(actor),
                via: via.map(principal),
            },
            action,
            facts,
            evidence: None,
        };
        decide::decide(&self.state, &command, self.at)
    }

    /// Takes entries in; they fit, for they were decided.
    pub(crate) fn write(&mut self, actor: &str, drafts: Vec<Draft>) {
        for Draft { case, by, event } in drafts {
            let actor = if by == By::Caller { actor } else { "ledger" };
            let entry = EntryFacts {
                index: self.at.index,
                time: self.at.time,
                case,
                actor,
                via: "",
            };
            let applied = self.state.apply(&entry, &event);
            applied.expect("what was decided fits");
            self.at.index += 1;
            self.written.push(event);
        }
    }

    /// Gives a command that is taken; returns the index of its first entry.
    #[track_caller]
    pub(crate) fn must(&mut self, actor: &str, action: Action) -> u64 {
        self.must_in(actor, action, Facts::default())
    }

    #[track_caller]
    pub(crate) fn must_in(&mut self, actor: &str, action: Action, facts: Facts) -> u64 {
        let first = self.at.index;
        let drafts = self.decide((actor, None), action, facts);
        self.write(actor, drafts.expect("it is allowed"));
        first
    }

    /// Time passes; everything that is due happens when it is.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let until = moment::later(self.at.time, seconds);
        while let Some(due) = self.state.next_due().filter(|due| *due <= until) {
            self.at.time = self.at.time.max(due);
            let drafts = decide::due(&self.state, self.at).expect("something is due");
            self.write("ledger", drafts);
        }
        self.at.time = until;
    }

    /// Time passes until a case is closed.
    pub(crate) fn close(&mut self, case: u64) {
        for _day in 0..10 {
            if self.state.closed_case(case).is_some() {
                return;
            }
            self.wait(24 * HOUR);
        }
        assert!(
            self.state.closed_case(case).is_some(),
            "{case} is not closed"
        );
    }

    /// Index of the last entry of a grant, begun or scheduled.
    pub(crate) fn last_grant(&self) -> u64 {
        let is_grant =
            |event: &Known| matches!(event, Known::GrantIssued(_) | Known::GrantScheduled(_));
        let back = self.written.iter().rev().position(is_grant);
        let back = u64::try_from(back.expect("a grant was given")).expect("small");
        self.at.index - 1 - back
    }
}

/// A decision.
pub(crate) fn review(request: u64, decision: v1::Decision, group: Option<&str>) -> Action {
    Action::Review {
        request,
        approve: decision == v1::Decision::Approve,
        group: group.map(str::to_owned),
        reason: "because".to_owned(),
    }
}
