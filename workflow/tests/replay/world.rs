//! A small company, and a ledger in memory that decides for it: logs that keep the rules.
#![allow(clippy::panic, reason = "tests stop at the first surprise")]

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy, Report};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::policy::{Bundle, Facts, Policy};
use countersign_workflow::refusal::Refusal;
use countersign_workflow::replay::{Misstep, Replay};
use countersign_workflow::state::State;
use countersign_workflow::wire;

pub(crate) const ACCESS: &str = r#"
@id("orders") @approvals("security:1, team-leads:1") @max_duration("4h") @request_ttl("15m")
@remind("4m") @escalate("10m managers") @warn("10m") @max_extensions("1") @feedback("1h")
permit(principal in Group::"engineers", action == Action::"request",
       resource == Resource::"orders-db");

@id("staging") @approvals("") @max_duration("8h") @feedback("1h") @warn("off")
permit(principal in Group::"engineers", action == Action::"request",
       resource == Resource::"staging-db");

@id("billing") @approvals("sre:1") @max_duration("2h") @feedback("1h")
permit(principal in Group::"engineers", action == Action::"request",
       resource == Resource::"billing-db");

@id("vault") @approvals("security:1") @step_up("passkey") @max_duration("1h") @feedback("1h")
permit(principal in Group::"engineers", action == Action::"request",
       resource == Resource::"vault-db");

@id("night") forbid(principal, action == Action::"request", resource == Resource::"billing-db")
when { context.hour < 6 };

@id("emergency") @retro_review("security:24h") @max_duration("1h") @remind("8h") @feedback("1h")
permit(principal in Group::"engineers", action == Action::"break_glass",
       resource == Resource::"orders-db")
when { context.severity == "sev1" };

@id("decide") permit(principal, action == Action::"approve", resource)
when { principal in context.group };
"#;

const PEOPLE: &[(&str, &[&str])] = &[
    ("ada", &["engineers"]),
    ("ben", &["engineers", "security"]),
    ("cleo", &["security"]),
    ("dan", &["team-leads"]),
    ("eve", &["security", "team-leads"]),
    ("fay", &["sre"]),
    ("gus", &["sre"]),
    ("hal", &["others"]),
];

/// 2026-01-05T09:00:00Z, a Monday.
const START: u64 = 1_767_603_600_000_000;

const SECOND: u64 = 1_000_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;

/// An entry; its index is its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) time: UnixMicros,
    pub(crate) case: u64,
    pub(crate) actor: String,
    pub(crate) via: String,
    pub(crate) event: Known,
}

/// A ledger, and the log that it writes.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) log: Vec<Entry>,
    pub(crate) state: State,
    now: u64,
}

/// The policy, with another line of policy behind it.
pub(crate) fn policy(more: &str) -> NewPolicy {
    policy_of(&format!("{ACCESS}\n{more}"))
}

/// These policies, for the same people and resources.
pub(crate) fn policy_of(access: &str) -> NewPolicy {
    let mut entities = vec![serde_json::json!({
        "uid": {"type": "Settings", "id": "company"}, "attrs": {"zone": "UTC"}, "parents": [],
    })];
    for group in ["engineers", "security", "team-leads", "managers", "others"] {
        entities.push(serde_json::json!({
            "uid": {"type": "Group", "id": group}, "attrs": {}, "parents": [],
        }));
    }
    entities.push(serde_json::json!({
        "uid": {"type": "Group", "id": "sre"}, "attrs": {"on_call": "sre.ics"}, "parents": [],
    }));
    for (person, groups) in PEOPLE {
        let groups = groups
            .iter()
            .map(|id| serde_json::json!({"type": "Group", "id": id}));
        let groups: Vec<_> = groups.collect();
        entities.push(serde_json::json!({
            "uid": {"type": "Person", "id": person},
            "attrs": {"accounts": [format!("bot:{person}-bot")]},
            "parents": groups,
        }));
    }
    for resource in ["orders-db", "staging-db", "billing-db", "vault-db"] {
        entities.push(serde_json::json!({
            "uid": {"type": "Resource", "id": resource},
            "attrs": {
                "environment": "production", "sensitivity": "high",
                "permissions": ["read-only", "read-write"],
            },
            "parents": [],
        }));
    }
    let entities = serde_json::to_string(&entities).expect("JSON");
    let files = [
        ("access.cedar".to_owned(), access.to_owned()),
        ("entities.json".to_owned(), entities),
        (
            "sre.ics".to_owned(),
            "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_owned(),
        ),
    ];
    let bundle = Bundle::new(files).expect("a bundle");
    let policy = Policy::compile(&bundle).unwrap_or_else(|problems| panic!("{problems:#?}"));
    NewPolicy {
        packed: bundle.pack().expect("fits"),
        bundle,
        policy: Arc::new(policy),
        force: false,
        expected: 0,
    }
}

/// What `ada` usually asks for.
pub(crate) fn ask(resource: &str, minutes: u64) -> Ask {
    Ask {
        resource: resource.to_owned(),
        permission: "read-only".to_owned(),
        duration: minutes * 60,
        reason: "the nightly job fails".to_owned(),
        severity: "sev1".to_owned(),
        affected: vec!["checkout".to_owned()],
        ..Ask::default()
    }
}

pub(crate) fn approve(request: u64) -> Action {
    Action::Review {
        request,
        approve: true,
        group: None,
        reason: String::new(),
    }
}

pub(crate) fn deny(request: u64) -> Action {
    Action::Review {
        request,
        approve: false,
        group: None,
        reason: "not today".to_owned(),
    }
}

pub(crate) fn session(grant: u64) -> Action {
    Action::StartSession {
        grant,
        client: "psql".to_owned(),
        source_address: "10.0.0.7".to_owned(),
    }
}

pub(crate) fn feedback(case: u64) -> Action {
    Action::Feedback {
        case,
        access: v1::Rating::Yes,
        wait: v1::Rating::Partly,
        comment: String::new(),
    }
}

pub(crate) fn provisioned(grant: u64) -> Action {
    Action::Report(Report::Provisioned(v1::GrantProvisioned {
        grant,
        target: format!("role ada_{grant}"),
        ..v1::GrantProvisioned::default()
    }))
}

pub(crate) fn removed(grant: u64) -> Action {
    Action::Report(Report::Removed(v1::AccessRemoved {
        grant,
        proof: "no such role".to_owned(),
    }))
}

/// Who is on call, and the hour.
pub(crate) fn facts(hour: u8) -> Facts {
    Facts {
        on_call: [("sre".to_owned(), ["fay".to_owned()].into())].into(),
        hour,
        weekday: 1,
        zone: "UTC".to_owned(),
    }
}

impl World {
    /// A log with a policy.
    pub(crate) fn new() -> Self {
        let mut world = Self::empty();
        world.must("admin:root", Action::PutPolicy(Box::new(policy(""))));
        world
    }

    /// A log without one.
    pub(crate) fn empty() -> Self {
        let mut world = Self {
            log: Vec::new(),
            state: State::default(),
            now: START,
        };
        world.place("ledger", "", 0, v1::LogOpened::default().into());
        world
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.log.len()).expect("small")
    }

    fn at(&self) -> At {
        At {
            time: UnixMicros::new(self.now).expect("a time"),
            index: self.size(),
        }
    }

    pub(crate) fn time(&self) -> UnixMicros {
        self.at().time
    }

    /// Puts an entry at the end of the log, whatever it is.
    pub(crate) fn place(&mut self, actor: &str, via: &str, case: u64, event: Known) -> u64 {
        let At { time, index } = self.at();
        let entry = Entry {
            time,
            case,
            actor: actor.to_owned(),
            via: via.to_owned(),
            event,
        };
        let facts = entry.facts(index);
        // One that is made up may not fit.
        drop(self.state.apply(&facts, &entry.event));
        self.log.push(entry);
        index
    }

    fn drafts(&mut self, drafts: Vec<Draft>, (actor, via): (&str, &str)) {
        for draft in drafts {
            let (actor, via) = match draft.by {
                By::Caller => (actor, via),
                By::Ledger => ("ledger", ""),
            };
            self.place(actor, via, draft.case, draft.event);
        }
    }

    /// Writes what is due now.
    pub(crate) fn fire(&mut self) {
        while let Some(drafts) = decide::due(&self.state, self.at()) {
            self.drafts(drafts, ("ledger", ""));
        }
    }

    /// Time goes by while the ledger runs.
    pub(crate) fn wait(&mut self, micros: u64) {
        let until = self.now + micros;
        while let Some(due) = self.state.next_due().filter(|due| due.get() <= until) {
            self.now = self.now.max(due.get());
            let before = self.size();
            self.fire();
            assert!(self.size() > before, "what is due is not handled");
        }
        self.now = until;
    }

    /// Time goes by while it does not.
    pub(crate) fn sleep(&mut self, micros: u64) {
        self.now += micros;
    }

    /// The clock is set back: ledger time stands still.
    pub(crate) fn set_back(&mut self, micros: u64) {
        let step = v1::ClockStepped {
            before: Some(wire::timestamp(self.time())),
            after: Some(wire::timestamp(
                UnixMicros::new(self.now - micros).expect("a time"),
            )),
        };
        self.place("ledger", "", 0, step.into());
        self.fire();
    }

    /// An entry that has nothing to do with access.
    pub(crate) fn plain(&mut self) -> u64 {
        let event = v1::ExternalEvent {
            source: "sshd".to_owned(),
            ..v1::ExternalEvent::default()
        };
        self.place("agent:db-prod-1", "", 0, event.into())
    }

    /// Somebody asks for something; returns the index of the first entry that it led to.
    pub(crate) fn order(
        &mut self,
        who: &str,
        action: Action,
        facts: Facts,
    ) -> Result<u64, Refusal> {
        self.fire();
        let (actor, via) = match who.split_once('|') {
            Some((actor, via)) => (actor, via),
            None => (who, ""),
        };
        let principal = |text: &str| Principal::parse(text).expect("a principal");
        let command = Command {
            caller: Caller {
                actor: principal(actor),
                via: (!via.is_empty()).then(|| principal(via)),
            },
            action,
            facts,
            evidence: (!via.is_empty()).then(|| Box::new(evidence(actor))),
        };
        let first = self.size();
        match decide::decide(&self.state, &command, self.at()) {
            Ok(drafts) => {
                self.drafts(drafts, (actor, via));
                Ok(first)
            }
            Err(refused) => {
                let record = refused.record.map(|draft| *draft);
                self.drafts(record.into_iter().collect(), (actor, via));
                Err(refused.refusal)
            }
        }
    }

    /// The entry that somebody's command would lead to, without placing it.
    #[track_caller]
    pub(crate) fn draft(&mut self, who: &str, action: Action) -> Known {
        let mut other = self.clone();
        let index = other.must(who, action);
        let index = usize::try_from(index).expect("small");
        other.log[index].event.clone()
    }

    /// Places what follows from the last entry of a case.
    pub(crate) fn follow(&mut self, case: u64) {
        let event = self
            .state
            .case(case)
            .and_then(|case| decide::consequence(&self.state, case, self.at()));
        self.place("ledger", "", case, event.expect("something follows"));
    }

    #[track_caller]
    pub(crate) fn must(&mut self, who: &str, action: Action) -> u64 {
        let name = action.name();
        self.order(who, action, facts(9))
            .unwrap_or_else(|why| panic!("{who} {name}: {why:?}"))
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, who: &str, action: Action) -> Refusal {
        let name = action.name();
        match self.order(who, action, facts(9)) {
            Ok(index) => panic!("{who} {name} led to {index}"),
            Err(refusal) => refusal,
        }
    }

    /// A request of `ada` that is approved; returns the case and its grant.
    #[track_caller]
    pub(crate) fn granted(&mut self, minutes: u64) -> (u64, u64) {
        let case = self.must("user:ada", Action::Request(ask("orders-db", minutes)));
        self.must("user:cleo", approve(case));
        let review = self.must("user:dan", approve(case));
        (case, review + 1)
    }

    /// Time goes by until a case is closed.
    pub(crate) fn close(&mut self, case: u64) {
        for _ in 0..100 {
            if self.state.closed_case(case).is_some() {
                return;
            }
            self.wait(HOUR);
        }
        panic!("case {case} is not closed: {:?}", self.state.case(case));
    }
}

impl Entry {
    pub(crate) fn facts(&self, index: u64) -> EntryFacts<'_> {
        EntryFacts {
            index,
            time: self.time,
            case: self.case,
            actor: &self.actor,
            via: &self.via,
        }
    }
}

/// What a bot knows about who clicked.
pub(crate) fn evidence(actor: &str) -> v1::Evidence {
    v1::Evidence {
        platform: "slack".to_owned(),
        tenant: "T1".to_owned(),
        user: format!("U-{actor}"),
        verified_by: "slack-signature-v0".to_owned(),
        ..v1::Evidence::default()
    }
}

/// Replays a log to its end.
pub(crate) fn replay(log: &[Entry]) -> (Replay, Vec<Misstep>) {
    let mut replay = Replay::default();
    let mut found = Vec::new();
    for (index, entry) in log.iter().enumerate() {
        let index = u64::try_from(index).expect("small");
        found.extend(replay.see(&entry.facts(index), &entry.event));
    }
    found.extend(replay.finish());
    (replay, found)
}
