//! A company with many people, grown from the policy to start from: the same rules, groups and
//! calendar, with more people and resources. Feedback is waited for an hour and not a day, so that
//! a case that nobody cares about does not stay open for millions of commands.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_workflow::command::{Action, Caller, Command, NewPolicy};
use countersign_workflow::policy::{Bundle, Facts, Feeds, Policy, starter};
use serde_json::{Value, json};

/// People of each kind, beside those of the starter policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    pub(crate) engineers: u64,
    pub(crate) leads: u64,
    pub(crate) security: u64,
}

/// A company of a thousand.
pub(crate) const COMPANY: People = People {
    engineers: 1_000,
    leads: 50,
    security: 20,
};

/// Resources of each kind: production, production that would hurt most, staging.
pub(crate) const RESOURCES: u64 = 100;

/// Its policy.
#[derive(Debug)]
pub(crate) struct Company {
    bundle: Bundle,
    pub(crate) policy: Arc<Policy>,
}

pub(crate) fn engineer(n: u64) -> String {
    format!("engineer-{n:04}")
}

pub(crate) fn lead(n: u64) -> String {
    format!("lead-{n:04}")
}

pub(crate) fn security(n: u64) -> String {
    format!("security-{n:04}")
}

fn person(id: &str, groups: &[&str]) -> Value {
    let groups = groups.iter();
    let parents: Vec<Value> = groups
        .map(|id| json!({"type": "Group", "id": id}))
        .collect();
    json!({
        "uid": {"type": "Person", "id": id},
        "attrs": {"email": format!("{id}@example.com")},
        "parents": parents,
    })
}

fn resource(name: &str, n: u64, (environment, sensitivity): (&str, &str)) -> Value {
    json!({
        "uid": {"type": "Resource", "id": format!("{name}-{n:02}")},
        "attrs": {
            "environment": environment,
            "sensitivity": sensitivity,
            "permissions": ["read-only", "read-write", "break-glass"],
        },
        "parents": [],
    })
}

fn entities(people: People, text: &str) -> String {
    let mut all: Vec<Value> = serde_json::from_str(text).expect("a list");
    // Every tenth engineer is on call some time, as far as break-glass goes.
    all.extend((0..people.engineers).map(|n| {
        let groups = ["engineers", "on-call"];
        let count = if n % 10 == 0 { 2 } else { 1 };
        person(&engineer(n), &groups[..count])
    }));
    all.extend((0..people.leads).map(|n| person(&lead(n), &["engineers", "team-leads"])));
    all.extend((0..people.security).map(|n| person(&security(n), &["security"])));
    for n in 0..RESOURCES {
        all.push(resource("db", n, ("production", "normal")));
        all.push(resource("vault", n, ("production", "high")));
        all.push(resource("staging", n, ("staging", "normal")));
    }
    serde_json::to_string(&all).expect("it is JSON")
}

impl Company {
    pub(crate) fn of(people: People) -> Self {
        let starter = starter();
        let files = starter.files().map(|(name, text)| {
            let text = match name {
                "entities.json" => entities(people, text),
                "access.cedar" => text.replace("@permissions(", "@feedback(\"1h\")\n@permissions("),
                _ => text.to_owned(),
            };
            (name.to_owned(), text)
        });
        let bundle = Bundle::new(files).expect("within the limits");
        let policy = compile(&bundle);
        Self { bundle, policy }
    }

    pub(crate) fn compile(&self) -> Arc<Policy> {
        compile(&self.bundle)
    }

    /// The command that puts the policy into force, and the bytes of the packed policy.
    pub(crate) fn put(&self) -> (Command, usize) {
        let packed = self.bundle.pack().expect("within the limits");
        let bytes = packed.len();
        let policy = NewPolicy {
            bundle: self.bundle.clone(),
            packed,
            policy: Arc::clone(&self.policy),
            force: false,
            expected: 0,
        };
        let action = Action::PutPolicy(Box::new(policy));
        (command("admin:bench", action, Facts::default()), bytes)
    }

    /// What the world looks like: a Thursday before noon, with somebody on call.
    pub(crate) fn facts(&self, now: UnixMicros) -> Facts {
        Facts {
            on_call: self.policy.on_call_at(now.get(), &Feeds::new()),
            hour: 11,
            weekday: 4,
            zone: self.policy.zone().to_owned(),
        }
    }
}

fn compile(bundle: &Bundle) -> Arc<Policy> {
    Arc::new(Policy::compile(bundle).expect("a sound policy"))
}

/// A command of a principal.
pub(crate) fn command(principal: &str, action: Action, facts: Facts) -> Command {
    let actor = Principal::parse(principal).expect("a principal");
    Command {
        caller: Caller { actor, via: None },
        action,
        facts,
        evidence: None,
    }
}

/// A command of a person.
pub(crate) fn of_person(person: &str, action: Action, facts: &Facts) -> Command {
    command(&format!("user:{person}"), action, facts.clone())
}
