//! Rules at their bounds: what repeats without end fills no case, what must be told always has
//! room, and access, cases and policies end where they should.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy, Report};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::limits::{MAX_CASE_ENTRIES, MAX_CASES_EACH, MAX_REMINDERS};
use countersign_workflow::policy::{Bundle, Facts, Policy, starter};
use countersign_workflow::refusal::Refused;
use countersign_workflow::state::State;

/// A ledger of values.
struct World {
    state: State,
    at: At,
    written: Vec<Known>,
}

/// What somebody asks for, for an hour.
fn ask(resource: &str, permission: &str) -> Ask {
    Ask {
        resource: resource.to_owned(),
        permission: permission.to_owned(),
        duration: 3_600,
        reason: "look".to_owned(),
        ticket: "T-1".to_owned(),
        ..Ask::default()
    }
}

/// The starter policy, with one word of it changed.
fn policy(from: &str, to: &str) -> NewPolicy {
    let starter = starter();
    let files = starter.files();
    let files = files.map(|(name, text)| (name.to_owned(), text.replace(from, to)));
    sound(Bundle::new(files).expect("a bundle"))
}

fn sound(bundle: Bundle) -> NewPolicy {
    NewPolicy {
        packed: bundle.pack().expect("small"),
        policy: Arc::new(Policy::compile(&bundle).expect("sound")),
        bundle,
        force: false,
        expected: 0,
    }
}

impl World {
    /// A log with the starter policy, one word of it changed.
    fn new(from: &str, to: &str) -> Self {
        let mut world = Self {
            state: State::default(),
            at: At {
                time: UnixMicros::new(1_790_000_000_000_000).expect("a time"),
                index: 1,
            },
            written: Vec::new(),
        };
        world.put(policy(from, to)).expect("taken");
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

    fn decide(&self, actor: &str, action: Action) -> Result<Vec<Draft>, Refused> {
        let command = Command {
            caller: Caller {
                actor: Principal::parse(actor).expect("a principal"),
                via: None,
            },
            action,
            facts: Facts::default(),
            evidence: None,
        };
        decide::decide(&self.state, &command, self.at)
    }

    fn act(&mut self, actor: &str, action: Action) -> Result<u64, Reason> {
        let index = self.at.index;
        let drafts = self.decide(actor, action);
        let drafts = drafts.map_err(|refused| refused.refusal.reason)?;
        self.write(actor, drafts);
        Ok(index)
    }

    fn put(&mut self, policy: NewPolicy) -> Result<u64, Reason> {
        self.act("admin:root", Action::PutPolicy(Box::new(policy)))
    }

    fn ask(&mut self, resource: &str, permission: &str) -> u64 {
        self.try_to_ask(resource, permission).expect("allowed")
    }

    fn try_to_ask(&mut self, resource: &str, permission: &str) -> Result<u64, Reason> {
        self.act("user:bruno", Action::Request(ask(resource, permission)))
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

    /// Whether the holder may use the grant, and has access, so many microseconds from now.
    fn may_use(&self, grant: u64, micros: u64) -> [bool; 2] {
        let time = UnixMicros::new(self.at.time.get() + micros).expect("a time");
        let then = Self {
            state: self.state.clone(),
            at: At { time, ..self.at },
            written: Vec::new(),
        };
        let session = Action::StartSession {
            grant,
            client: "psql".to_owned(),
            source_address: String::new(),
        };
        let now = then.state.moment(time);
        let access = then.state.access(("bruno", "orders-db-staging"), None, now);
        [then.decide("user:bruno", session).is_ok(), access.is_some()]
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

#[test]
fn access_is_over_at_its_end_even_before_that_is_written() {
    let mut world = World::new("no such text", "");
    let grant = world.ask("orders-db-staging", "read-write") + 1;
    let hour = 3_600_000_000;
    assert_eq!(world.may_use(grant, 0), [true, true]);
    assert_eq!(world.may_use(grant, hour - 1), [true, true]);
    assert_eq!(world.may_use(grant, hour), [false, false]);
    assert_eq!(world.may_use(grant, hour + 1), [false, false]);
}

#[test]
fn a_person_has_so_many_open_cases_and_others_have_theirs() {
    let mut world = World::new("no such text", "");
    for _ in 0..MAX_CASES_EACH {
        world.ask("orders-db-staging", "read-write");
    }
    let more = world.try_to_ask("orders-db-staging", "read-write");
    assert_eq!(more, Err(Reason::TooManyCases));
    let other = ask("orders-db-staging", "read-write");
    let other = world.act("user:ada", Action::Request(other));
    other.expect("these are cases of somebody else");
    world.wait(3_600);
    world.wait(24 * 3_600);
    world.ask("orders-db-staging", "read-write");
}

#[test]
fn an_open_case_keeps_the_policy_that_it_was_judged_by() {
    let mut world = World::new("no such text", "");
    let yes = |request| Action::Review {
        request,
        approve: true,
        group: None,
        reason: String::new(),
    };
    let before = world.ask("orders-db", "read-only");
    // From now on nobody of the team leads decides on anything.
    let others = policy(
        "principal in context.group",
        "principal == Person::\"dana\"",
    );
    world.put(others).expect("somebody decides still");
    let after = world.ask("orders-db", "read-only");
    assert_eq!(world.act("user:ada", yes(after)), Err(Reason::NotAReviewer));
    world
        .act("user:ada", yes(before))
        .expect("as it was asked for");
    assert_eq!(world.count("GrantIssued"), 1);
}

#[test]
fn a_policy_that_locks_everybody_out_needs_an_administrator_who_insists() {
    let mut world = World::new("no such text", "");
    let access = r#"@id("some") @approvals("")
        permit (principal, action == Action::"request", resource) when { false };"#;
    let entities = r#"[
        {"uid": {"type": "Person", "id": "ada"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Resource", "id": "db"}, "attrs":
            {"environment": "x", "sensitivity": "y", "permissions": ["use"]}, "parents": []}
    ]"#;
    let files = [("access.cedar", access), ("entities.json", entities)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let locked = sound(Bundle::new(files).expect("a bundle"));
    assert_eq!(world.put(locked.clone()), Err(Reason::PolicyLocksOut));
    let forced = NewPolicy {
        force: true,
        ..locked
    };
    world.put(forced).expect("an administrator insists");
    let told = world.written.last().expect("it is an entry");
    assert!(matches!(told, Known::PolicyChanged(changed) if changed.forced));
}

#[test]
fn the_entry_of_a_refusal_is_small_however_much_the_policy_forbids() {
    let mut world = World::new("no such text", "");
    let starter = starter();
    let files = starter.files();
    let mut files: Vec<(String, String)> = files
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    for file in 0..3 {
        let forbids = (0..200).map(|number| {
            let id = format!("no-{file}-{number}-{}", "x".repeat(100));
            let what = r#"principal, action == Action::"request", resource"#;
            format!("@id(\"{id}\") forbid ({what} == Resource::\"payments-db\");\n")
        });
        files.push((format!("no-{file}.cedar"), forbids.collect()));
    }
    let bundle = Bundle::new(files).expect("a bundle");
    world.put(sound(bundle)).expect("the rest is as it was");
    let refused = world.decide(
        "user:bruno",
        Action::Request(ask("payments-db", "read-only")),
    );
    let refused = refused.expect_err("forbidden");
    assert!(refused.refusal.message.len() > 60_000, "all of them");
    let record = refused.record.expect("the attempt is told");
    let (_kind, payload) = record.event.to_event().into_parts().expect("an event");
    assert!(payload.len() < 4_096, "{} bytes", payload.len());
}

#[test]
fn a_refusal_names_a_few_of_those_who_may_decide() {
    const GROUP: &str = r#"{
    "uid": {"type": "Group", "id": "team-leads"},"#;
    let hint = |more: usize| {
        let leads = (0..more).map(|n| {
            let uid = format!(r#"{{"type": "Person", "id": "lead-{n}"}}"#);
            let parents = r#"[{"type": "Group", "id": "team-leads"}]"#;
            format!(r#"{{"uid": {uid}, "attrs": {{}}, "parents": {parents}}},"#)
        });
        let mut world = World::new(GROUP, &(leads.collect::<String>() + GROUP));
        let request = world.ask("orders-db", "read-only");
        let action = Action::Review {
            request,
            approve: true,
            group: None,
            reason: String::new(),
        };
        let refused = world.decide("user:dana", action);
        let refusal = refused.expect_err("she is in another group").refusal;
        assert_eq!(refusal.reason, Reason::NotAReviewer);
        refusal.hint
    };
    let ten = "ada, fatima, lead-0, lead-1, lead-2, lead-3, lead-4, lead-5, lead-6, lead-7";
    assert_eq!(hint(8), format!("those who may are team-leads: {ten}"));
    assert_eq!(
        hint(9),
        format!("those who may are team-leads: {ten} and others")
    );
}
