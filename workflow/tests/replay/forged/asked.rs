//! Requests and policies that should have been refused.

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::Action;

use super::super::world::{World, approve, ask, policy};
use super::{Forgery, request};

/// A request of `ada` with a change.
fn changed_request(world: &mut World, change: impl FnOnce(&mut v1::AccessRequested)) -> u64 {
    let event = world.draft("user:ada", Action::Request(ask("orders-db", 60)));
    let event = change!(event, AccessRequested, asked => change(asked));
    let index = world.size();
    world.place("user:ada", "", index, event)
}

/// Forged requests and policies.
pub(crate) const REQUESTS: &[Forgery] = &[
    (
        "a request that needs no approval",
        "wrong-obligations",
        |world| {
            let index = changed_request(world, |asked| {
                asked.obligations.as_mut().expect("some").approvals.clear();
            });
            world.follow(index);
            index
        },
    ),
    (
        "a request that needs one approval less",
        "wrong-obligations",
        |world| {
            changed_request(world, |asked| {
                asked
                    .obligations
                    .as_mut()
                    .expect("some")
                    .approvals
                    .truncate(1);
            })
        },
    ),
    ("a request for longer than allowed", "too-long", |world| {
        changed_request(world, |asked| asked.duration_seconds = 10 * 3_600)
    }),
    (
        "a request of another permission",
        "request-not-allowed",
        |world| changed_request(world, |asked| asked.permission = "owner".to_owned()),
    ),
    (
        "a request of somebody who may not",
        "request-not-allowed",
        |world| {
            let event = world.draft("user:ada", Action::Request(ask("orders-db", 60)));
            let event = change!(event, AccessRequested, asked => asked.person = "hal".to_owned());
            let index = world.size();
            world.place("user:hal", "", index, event)
        },
    ),
    ("a request of nobody", "person-unknown", |world| {
        let event = world.draft("user:ada", Action::Request(ask("orders-db", 60)));
        let index = world.size();
        world.place("user:zoe", "", index, event)
    }),
    ("a request for somebody else", "wrong-person", |world| {
        changed_request(world, |asked| asked.person = "ben".to_owned())
    }),
    ("a request at night", "request-not-allowed", |world| {
        let event = world.draft("user:ada", Action::Request(ask("billing-db", 60)));
        let event = change!(event, AccessRequested, asked => {
            asked.facts.as_mut().expect("some").hour = 3;
        });
        let index = world.size();
        world.place("user:ada", "", index, event)
    }),
    ("a request by an older policy", "wrong-policy", |world| {
        let old = world.state.policy().expect("one").index;
        let more = r#"@id("more") @approvals("managers:1")
            permit(principal in Group::"others", action == Action::"request", resource);"#;
        world.must("admin:root", Action::PutPolicy(Box::new(policy(more))));
        changed_request(world, |asked| asked.policy = old)
    }),
    ("a request that an auditor makes", "wrong-actor", |world| {
        let event = world.draft("user:ada", Action::Request(ask("orders-db", 60)));
        let index = world.size();
        world.place("auditor:eva", "", index, event)
    }),
    (
        "a break-glass access without an emergency",
        "request-not-allowed",
        |world| {
            let event = world.draft("user:ada", Action::BreakGlass(ask("orders-db", 60)));
            let event = change!(event, BreakGlassInvoked, asked => asked.severity.clear());
            let index = world.size();
            world.place("user:ada", "", index, event);
            world.follow(index);
            index
        },
    ),
    (
        "a policy that a user puts into force",
        "wrong-actor",
        |world| {
            let event = world.draft("admin:root", Action::PutPolicy(Box::new(policy("// more"))));
            world.place("user:ada", "", 0, event)
        },
    ),
    ("a policy that cannot be read", "policy-refused", |world| {
        let event = world.draft("admin:root", Action::PutPolicy(Box::new(policy("// more"))));
        let event = change!(event, PolicyChanged, changed => {
            changed.bundle = b"no bundle".to_vec().into();
        });
        world.place("admin:root", "", 0, event)
    }),
    (
        "a policy under the digest of another",
        "wrong-field",
        |world| {
            let event = world.draft("admin:root", Action::PutPolicy(Box::new(policy("// more"))));
            let event = change!(event, PolicyChanged, changed => {
                changed.digest = vec![7; 32].into();
            });
            world.place("admin:root", "", 0, event)
        },
    ),
    (
        "a policy that replaces another one",
        "wrong-policy",
        |world| {
            let event = world.draft("admin:root", Action::PutPolicy(Box::new(policy("// more"))));
            let event = change!(event, PolicyChanged, changed => changed.previous = 0);
            world.place("admin:root", "", 0, event)
        },
    ),
    (
        "a policy that is in force already",
        "policy-refused",
        |world| {
            let event = world.log[1].event.clone();
            let event = change!(event, PolicyChanged, changed => changed.previous = 1);
            world.place("admin:root", "", 0, event)
        },
    ),
    (
        "a refusal that does not exist",
        "refusal-unknown",
        |world| {
            let case = request(world);
            let event = v1::ActionRefused {
                action: "review".to_owned(),
                code: "BAD_MOOD".to_owned(),
                target: case,
                ..v1::ActionRefused::default()
            };
            world.place("user:ada", "", case, event.into())
        },
    ),
    ("a refusal in another case", "wrong-case", |world| {
        let (first, second) = (request(world), request(world));
        world.refused("user:ada", approve(first));
        let mut entry = world.log.pop().expect("a refusal");
        entry.case = second;
        world.log.push(entry);
        world.size() - 1
    }),
];
