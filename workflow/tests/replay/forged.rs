//! Logs that break one rule each, at a known place. Each is as long as it takes; what comes behind
//! the forged entry keeps the rules as far as it can.

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::Action;
use countersign_workflow::moment;
use countersign_workflow::wire;

use super::world::{
    HOUR, MINUTE, World, approve, ask, deny, feedback, policy, provisioned, removed, session,
};

/// What is wrong, the code of the finding, and the story; it returns the index of the finding.
pub(crate) type Forgery = (&'static str, &'static str, fn(&mut World) -> u64);

const LEDGER: &str = "ledger";

/// Changes the message of an event.
macro_rules! change {
    ($event:expr, $kind:ident, $message:ident => $change:expr) => {{
        let mut event = $event;
        match &mut event {
            Known::$kind($message) => $change,
            other => panic!("{other:?}"),
        }
        event
    }};
}

/// A request of `ada`.
fn request(world: &mut World) -> u64 {
    world.must("user:ada", Action::Request(ask("orders-db", 60)))
}

/// A request with one approval of two.
fn halfway(world: &mut World) -> u64 {
    let case = request(world);
    world.must("user:cleo", approve(case));
    case
}

/// The last approval, without what follows from it.
fn approved_only(world: &mut World) -> u64 {
    let case = halfway(world);
    let review = world.draft("user:dan", approve(case));
    world.place("user:dan", "", case, review);
    case
}

fn grant_of(world: &World, case: u64) -> Known {
    let case = world.state.case(case).expect("open");
    v1::GrantIssued {
        request: case.id,
        person: case.person.clone(),
        resource: case.ask.resource.clone(),
        permission: case.ask.permission.clone(),
        end: Some(wire::timestamp(moment::later(
            world.time(),
            case.ask.duration,
        ))),
        record_session: case.obligations.record_session,
        record_input: case.obligations.record_input,
    }
    .into()
}

/// The event that follows, with a change.
fn follows(world: &mut World, case: u64, change: impl FnOnce(Known) -> Known) -> u64 {
    let mut other = world.clone();
    other.follow(case);
    let event = other.log.last().expect("entries").event.clone();
    world.place(LEDGER, "", case, change(event))
}

/// Forged approvals and grants.
pub(crate) const GRANTS: &[Forgery] = &[
    (
        "a grant that nobody approved",
        "grant-without-approval",
        |world| {
            let case = request(world);
            let grant = grant_of(world, case);
            let index = world.place(LEDGER, "", case, grant);
            world.must("user:ada", session(index));
            index
        },
    ),
    (
        "a grant with one approval of two",
        "grant-without-approval",
        |world| {
            let case = halfway(world);
            let grant = grant_of(world, case);
            world.place(LEDGER, "", case, grant)
        },
    ),
    (
        "a grant of a denied request",
        "grant-without-approval",
        |world| {
            let case = request(world);
            let grant = grant_of(world, case);
            world.must("user:cleo", deny(case));
            world.place(LEDGER, "", case, grant)
        },
    ),
    ("a grant twice", "grant-without-approval", |world| {
        let (case, _grant) = world.granted(60);
        let grant = grant_of(world, case);
        world.place(LEDGER, "", case, grant)
    }),
    (
        "a place on the calendar that nobody approved",
        "grant-without-approval",
        |world| {
            let case = halfway(world);
            let start = Some(wire::timestamp(moment::later(world.time(), 60)));
            let event = v1::GrantScheduled {
                request: case,
                start,
            };
            world.place(LEDGER, "", case, event.into())
        },
    ),
    (
        "a grant that begins before its time",
        "grant-without-approval",
        |world| {
            let start = Some(moment::later(world.time(), 7_200));
            let mut ask = ask("orders-db", 60);
            ask.start = start;
            let case = world.must("user:ada", Action::Request(ask));
            world.must("user:cleo", approve(case));
            world.must("user:dan", approve(case));
            world.wait(HOUR);
            let grant = grant_of(world, case);
            world.place(LEDGER, "", case, grant)
        },
    ),
    ("a grant that does not begin", "start-missing", |world| {
        let start = Some(moment::later(world.time(), 7_200));
        let mut ask = ask("orders-db", 60);
        ask.start = start;
        let case = world.must("user:ada", Action::Request(ask));
        world.must("user:cleo", approve(case));
        world.must("user:dan", approve(case));
        world.sleep(3 * HOUR);
        let event = world.clone().draft(
            "user:ben",
            Action::Request(super::world::ask("orders-db", 5)),
        );
        world.place("user:ben", "", world.size(), event)
    }),
    ("a grant that ends later", "wrong-end", |world| {
        let case = approved_only(world);
        follows(world, case, |event| {
            change!(event, GrantIssued, grant => {
                grant.end.as_mut().expect("an end").seconds += 3_600;
            })
        })
    }),
    ("a grant for somebody else", "wrong-person", |world| {
        let case = approved_only(world);
        follows(
            world,
            case,
            |event| change!(event, GrantIssued, grant => grant.person = "mallory".to_owned()),
        )
    }),
    ("a grant of another resource", "wrong-field", |world| {
        let case = approved_only(world);
        follows(
            world,
            case,
            |event| change!(event, GrantIssued, grant => grant.resource = "billing-db".to_owned()),
        )
    }),
    ("a grant without recording", "wrong-obligations", |world| {
        let case = approved_only(world);
        follows(
            world,
            case,
            |event| change!(event, GrantIssued, grant => grant.record_session = false),
        )
    }),
    ("a grant that somebody wrote", "wrong-actor", |world| {
        let case = approved_only(world);
        let grant = grant_of(world, case);
        world.place("user:ada", "", case, grant)
    }),
    ("an approval without a grant", "grant-missing", |world| {
        let case = approved_only(world);
        let index = world.size();
        world.must("user:ben", Action::Request(ask("orders-db", 5)));
        world.wait(HOUR);
        drop(world.order("user:cleo", deny(case), super::world::facts(9)));
        index
    }),
    (
        "an approval at the end of the log",
        "grant-missing",
        |world| {
            approved_only(world);
            world.size()
        },
    ),
    ("a denial that ends nothing", "denial-missing", |world| {
        let case = halfway(world);
        let review = world.draft("user:dan", deny(case));
        let index = world.place("user:dan", "", case, review) + 1;
        world.plain();
        index
    }),
    (
        "a denial that nobody gave",
        "denial-without-review",
        |world| {
            let case = halfway(world);
            let event = v1::RequestDenied {
                request: case,
                review: case + 1,
            };
            world.place(LEDGER, "", case, event.into())
        },
    ),
];

/// A review of one person that another one's entry says.
fn review_as(world: &mut World, case: u64, honest: &str, forger: &str) -> u64 {
    let review = world.draft(honest, approve(case));
    let index = world.place(forger, "", case, review);
    if world
        .state
        .case(case)
        .is_some_and(|case| case.round.is_complete(&case.obligations))
    {
        world.follow(case);
    }
    index
}

/// Forged reviews.
pub(crate) const REVIEWS: &[Forgery] = &[
    ("a review of one's own request", "self-approval", |world| {
        let case = world.must("user:ben", Action::Request(ask("orders-db", 60)));
        let review = change!(world.draft("user:cleo", approve(case)), ReviewRecorded, review => {
            review.person = "ben".to_owned();
        });
        let index = world.place("user:ben", "", case, review);
        world.must("user:dan", approve(case));
        index
    }),
    (
        "a review by somebody of no group",
        "not-a-reviewer",
        |world| {
            let case = halfway(world);
            review_as(world, case, "user:dan", "user:hal")
        },
    ),
    (
        "a review by somebody who is not on call",
        "not-a-reviewer",
        |world| {
            let case = world.must("user:ada", Action::Request(ask("billing-db", 60)));
            review_as(world, case, "user:fay", "user:gus")
        },
    ),
    ("a second review", "reviewed-twice", |world| {
        let case = halfway(world);
        let review = change!(world.draft("user:dan", approve(case)), ReviewRecorded, review => {
            review.person = "cleo".to_owned();
        });
        let index = world.place("user:cleo", "", case, review);
        world.follow(case);
        index
    }),
    (
        "a review in somebody else's name",
        "wrong-person",
        |world| {
            let case = request(world);
            review_as(world, case, "user:cleo", "user:eve")
        },
    ),
    (
        "a review in a place that was not given away",
        "wrong-person",
        |world| {
            let case = request(world);
            let review = change!(world.draft("user:cleo", approve(case)), ReviewRecorded, review => {
                review.delegate_of = "dan".to_owned();
            });
            world.place("user:cleo", "", case, review)
        },
    ),
    (
        "a review for a group that is full",
        "not-a-reviewer",
        |world| {
            let case = halfway(world);
            let review = change!(world.draft("user:dan", approve(case)), ReviewRecorded, review => {
                review.person = "eve".to_owned();
                review.group = "security".to_owned();
            });
            world.place("user:eve", "", case, review)
        },
    ),
    ("a review by a program", "person-unknown", |world| {
        let case = halfway(world);
        review_as(world, case, "user:dan", "agent:db-prod-1")
    }),
    ("a review that comes too late", "decided-already", |world| {
        let case = halfway(world);
        let review = world.draft("user:eve", approve(case));
        world.must("user:dan", approve(case));
        world.place("user:eve", "", case, review)
    }),
    ("a review in another case", "wrong-case", |world| {
        let first = request(world);
        let second = request(world);
        let review = world.draft("user:cleo", approve(first));
        world.place("user:cleo", "", second, review)
    }),
    ("a review of nothing", "number-unknown", |world| {
        let case = request(world);
        let review = change!(world.draft("user:cleo", approve(case)), ReviewRecorded, review => {
            review.request = 9_999;
        });
        world.place("user:cleo", "", case, review)
    }),
    ("a denial without a reason", "text-refused", |world| {
        let case = request(world);
        let review = change!(world.draft("user:cleo", deny(case)), ReviewRecorded, review => {
            review.reason.clear();
        });
        let index = world.place("user:cleo", "", case, review);
        world.follow(case);
        index
    }),
    ("a review that an agent carries", "wrong-actor", |world| {
        let case = request(world);
        let review = world.draft("user:cleo", approve(case));
        world.place("user:cleo", "agent:db-prod-1", case, review)
    }),
    (
        "a place that somebody else gives away",
        "wrong-person",
        |world| {
            let end = moment::later(world.time(), 3_600);
            let action = Action::Delegate {
                to: "hal".to_owned(),
                start: None,
                end,
                reason: String::new(),
            };
            let event = world.draft("user:dan", action);
            world.place("user:cleo", "", 0, event)
        },
    ),
    (
        "a place that is given to nobody",
        "delegation-refused",
        |world| {
            let event = v1::DelegationChanged {
                from: "dan".to_owned(),
                to: "mallory".to_owned(),
                start: Some(wire::timestamp(world.time())),
                end: Some(wire::timestamp(moment::later(world.time(), 60))),
                reason: String::new(),
            };
            world.place("user:dan", "", 0, event.into())
        },
    ),
    (
        "a break-glass access that its user finds justified",
        "self-approval",
        |world| {
            let case = world.must("user:ben", Action::BreakGlass(ask("orders-db", 30)));
            let event = v1::RetroReviewRecorded {
                request: case,
                person: "ben".to_owned(),
                justified: true,
                reason: "it was me".to_owned(),
            };
            world.place("user:ben", "", case, event.into())
        },
    ),
    (
        "a review afterwards where none is waited for",
        "retro-refused",
        |world| {
            let case = request(world);
            let event = v1::RetroReviewRecorded {
                request: case,
                person: "cleo".to_owned(),
                justified: true,
                reason: "fine".to_owned(),
            };
            world.place("user:cleo", "", case, event.into())
        },
    ),
];

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

/// A grant that was used, without what is due at its end.
fn asleep(world: &mut World) -> (u64, u64) {
    let (case, grant) = world.granted(60);
    world.sleep(2 * HOUR);
    (case, grant)
}

/// Entries that come too early, too late or never.
pub(crate) const TIMES: &[Forgery] = &[
    ("a request that expires too early", "too-early", |world| {
        let case = request(world);
        world.wait(MINUTE);
        let event = v1::RequestExpired { request: case };
        world.place(LEDGER, "", case, event.into())
    }),
    ("a grant that expires too early", "too-early", |world| {
        let (case, grant) = world.granted(60);
        world.wait(MINUTE);
        world.place(LEDGER, "", case, v1::GrantExpired { grant }.into())
    }),
    ("a grant that expires twice", "too-early", |world| {
        let (case, grant) = world.granted(60);
        world.wait(61 * MINUTE);
        world.place(LEDGER, "", case, v1::GrantExpired { grant }.into())
    }),
    (
        "a grant that somebody lets expire",
        "wrong-actor",
        |world| {
            let (case, grant) = world.granted(5);
            world.sleep(5 * MINUTE);
            world.place("user:cleo", "", case, v1::GrantExpired { grant }.into())
        },
    ),
    (
        "a grant that is used after its end",
        "expiry-missing",
        |world| {
            let (case, grant) = world.granted(5);
            let event = world.draft("user:ada", session(grant));
            world.sleep(10 * MINUTE);
            let index = world.place("user:ada", "", case, event);
            world.fire();
            index
        },
    ),
    (
        "a grant that does not end while other events come",
        "expiry-missing",
        |world| {
            world.granted(5);
            world.sleep(10 * MINUTE);
            world.plain();
            world.sleep(4 * MINUTE);
            world.plain();
            world.sleep(2 * MINUTE);
            world.plain()
        },
    ),
    (
        "a grant that outlives a clock that was set back",
        "expiry-missing",
        |world| {
            let (case, grant) = world.granted(5);
            let event = world.draft("user:ada", session(grant));
            let step = v1::ClockStepped {
                before: Some(wire::timestamp(world.time())),
                after: Some(wire::timestamp(
                    countersign_chain::time::UnixMicros::new(world.time().get() - HOUR)
                        .expect("small"),
                )),
            };
            world.place(LEDGER, "", 0, step.into());
            world.place("user:ada", "", case, event)
        },
    ),
    (
        "a step of the clock that somebody else tells",
        "wrong-actor",
        |world| {
            let time = Some(wire::timestamp(world.time()));
            let step = v1::ClockStepped {
                before: time,
                after: time,
            };
            world.place("user:ada", "", 0, step.into())
        },
    ),
    (
        "a request that does not expire",
        "expiry-missing",
        |world| {
            let case = world.must("user:ada", Action::Request(ask("billing-db", 60)));
            let review = world.draft("user:fay", approve(case));
            world.sleep(2 * HOUR);
            let index = world.place("user:fay", "", case, review);
            world.follow(case);
            index
        },
    ),
    (
        "a session that outlives its grant in silence",
        "overrun-missing",
        |world| {
            let (_case, grant) = world.granted(5);
            world.must("user:ada", session(grant));
            world.wait(5 * MINUTE);
            world.sleep(MINUTE);
            let event = world
                .clone()
                .draft("user:ben", Action::Request(ask("orders-db", 5)));
            world.place("user:ben", "", world.size(), event)
        },
    ),
    (
        "reviewers who are not reminded",
        "reminder-missing",
        |world| {
            let case = request(world);
            let review = world.draft("user:cleo", approve(case));
            world.sleep(5 * MINUTE);
            world.place("user:cleo", "", case, review)
        },
    ),
    ("a reminder for nobody", "wrong-field", |world| {
        let case = request(world);
        world.sleep(5 * MINUTE);
        let event = v1::ApproversReminded {
            request: case,
            number: 1,
            groups: Vec::new(),
        };
        world.place(LEDGER, "", case, event.into())
    }),
    ("a case that is not closed", "closing-missing", |world| {
        let (_case, _grant) = world.granted(5);
        world.wait(6 * MINUTE);
        world.sleep(2 * HOUR);
        let event = world
            .clone()
            .draft("user:ben", Action::Request(ask("orders-db", 5)));
        world.place("user:ben", "", world.size(), event)
    }),
    ("a case that is closed too early", "closed-early", |world| {
        let (case, _grant) = world.granted(5);
        world.wait(6 * MINUTE);
        let event = v1::CaseClosed {
            outcome: "unused".to_owned(),
            entries: world.state.case(case).expect("open").entries.clone(),
        };
        world.place(LEDGER, "", case, event.into())
    }),
    (
        "a case that is closed with an entry left out",
        "wrong-field",
        |world| {
            let (case, _grant) = world.granted(5);
            world.wait(6 * MINUTE);
            world.sleep(2 * HOUR);
            let event = v1::CaseClosed {
                outcome: "unused".to_owned(),
                entries: world.state.case(case).expect("open").entries[1..].to_vec(),
            };
            world.place(LEDGER, "", case, event.into())
        },
    ),
    ("a case that is closed twice", "closed-early", |world| {
        let (case, _grant) = world.granted(5);
        world.close(case);
        let event = world.log.last().expect("entries").event.clone();
        world.place(LEDGER, "", case, event)
    }),
];

/// A grant with an extension that one has approved of two.
fn extending(world: &mut World) -> (u64, u64, u64) {
    let (case, grant) = world.granted(60);
    let more = Action::Extend {
        grant,
        duration: 1_800,
        reason: "it takes longer".to_owned(),
    };
    let extension = world.must("user:ada", more);
    world.must("user:cleo", approve(extension));
    (case, grant, extension)
}

/// Forged uses of a grant.
pub(crate) const USES: &[Forgery] = &[
    ("a session after the end", "grant-not-active", |world| {
        let (case, grant) = world.granted(5);
        let event = world.draft("user:ada", session(grant));
        world.wait(6 * MINUTE);
        world.place("user:ada", "", case, event)
    }),
    (
        "a session on a grant that was revoked",
        "grant-not-active",
        |world| {
            let (case, grant) = world.granted(60);
            let event = world.draft("user:ada", session(grant));
            let reason = "enough".to_owned();
            world.must("user:cleo", Action::Revoke { grant, reason });
            world.place("user:ada", "", case, event)
        },
    ),
    (
        "a session on a case that is closed",
        "grant-not-active",
        |world| {
            let (case, grant) = world.granted(5);
            let event = world.draft("user:ada", session(grant));
            world.close(case);
            world.place("user:ada", "", case, event)
        },
    ),
    ("a session of somebody else", "not-yours", |world| {
        let (case, grant) = world.granted(60);
        let event = world.draft("user:ada", session(grant));
        world.place("user:ben", "", case, event)
    }),
    ("a session that ends twice", "session-over", |world| {
        let (case, grant) = world.granted(60);
        let session = world.must("user:ada", session(grant));
        let end = Action::EndSession {
            session,
            reason: "exit".to_owned(),
            exit_status: 0,
        };
        let event = world.draft("user:ada", end.clone());
        world.must("user:ada", end);
        world.place("user:ada", "", case, event)
    }),
    (
        "more time that nobody approved",
        "extension-without-approval",
        |world| {
            let (case, grant, extension) = extending(world);
            let end = world
                .state
                .case(case)
                .and_then(|case| case.grant())
                .expect("a grant")
                .end_time;
            let event = v1::GrantExtended {
                grant,
                extension,
                end: Some(wire::timestamp(moment::later(end, 1_800))),
            };
            world.place(LEDGER, "", case, event.into())
        },
    ),
    ("more time than was asked for", "wrong-end", |world| {
        let (case, _grant, extension) = extending(world);
        let review = world.draft("user:dan", approve(extension));
        world.place("user:dan", "", case, review);
        follows(world, case, |event| {
            change!(event, GrantExtended, extended => {
                extended.end.as_mut().expect("an end").seconds += 1;
            })
        })
    }),
    (
        "more time that does not come",
        "extension-missing",
        |world| {
            let (case, _grant, extension) = extending(world);
            let review = world.draft("user:dan", approve(extension));
            world.place("user:dan", "", case, review) + 1
        },
    ),
    ("more time twice", "extension-refused", |world| {
        let (case, _grant, extension) = extending(world);
        world.must("user:dan", approve(extension));
        let index = usize::try_from(extension).expect("small");
        let event = world.log[index].event.clone();
        world.place("user:ada", "", case, event)
    }),
    ("more time than the policy allows", "too-long", |world| {
        let (case, grant) = world.granted(200);
        let mut event = world.clone();
        let (_case, other) = event.granted(60);
        let event = event.draft(
            "user:ada",
            Action::Extend {
                grant: other,
                duration: 3_600,
                reason: "it takes longer".to_owned(),
            },
        );
        let event = change!(event, ExtensionRequested, asked => asked.grant = grant);
        world.place("user:ada", "", case, event)
    }),
    ("access that somebody else finishes", "not-yours", |world| {
        let (case, grant) = world.granted(60);
        let event = v1::GrantFinished {
            grant,
            reason: String::new(),
        };
        world.place("user:ben", "", case, event.into())
    }),
    (
        "access that somebody of no group revokes",
        "not-a-reviewer",
        |world| {
            let (case, grant) = world.granted(60);
            let event = v1::GrantRevoked {
                grant,
                person: "hal".to_owned(),
                reason: "because".to_owned(),
            };
            world.place("user:hal", "", case, event.into())
        },
    ),
    (
        "a request that somebody else takes back",
        "not-yours",
        |world| {
            let case = request(world);
            let event = v1::RequestCancelled {
                request: case,
                reason: String::new(),
            };
            world.place("user:cleo", "", case, event.into())
        },
    ),
    (
        "access that is removed while it lasts",
        "provisioning-order",
        |world| {
            let (case, grant) = world.granted(60);
            world.must("provisioner:db", provisioned(grant));
            let event = v1::AccessRemoved {
                grant,
                proof: String::new(),
            };
            world.place("provisioner:db", "", case, event.into())
        },
    ),
    ("access that its holder makes", "wrong-actor", |world| {
        let (case, grant) = world.granted(60);
        let event = world.draft("provisioner:db", provisioned(grant));
        world.place("user:ada", "", case, event)
    }),
    ("feedback of a stranger", "feedback-refused", |world| {
        let (case, grant) = world.granted(5);
        world.must("provisioner:db", provisioned(grant));
        world.wait(6 * MINUTE);
        let event = change!(world.draft("user:ada", feedback(case)), FeedbackSubmitted, given => {
            given.person = "hal".to_owned();
        });
        let index = world.place("user:hal", "", case, event);
        world.must("provisioner:db", removed(grant));
        index
    }),
    (
        "feedback in somebody else's name",
        "wrong-person",
        |world| {
            let (case, _grant) = world.granted(5);
            world.wait(6 * MINUTE);
            let event = world.draft("user:cleo", feedback(case));
            world.place("user:ada", "", case, event)
        },
    ),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Forgery> {
    [GRANTS, REVIEWS, REQUESTS, TIMES, USES]
        .into_iter()
        .flatten()
}

/// The log of a forgery, with some honest cases before and around it.
pub(crate) fn log_of(forgery: &Forgery) -> (World, u64) {
    let mut world = World::new();
    let (before, _grant) = world.granted(600 / 4);
    let index = (forgery.2)(&mut world);
    // The log goes on: nothing of that may be told before.
    drop(world.order(
        "user:ben",
        Action::Request(ask("staging-db", 5)),
        super::world::facts(9),
    ));
    let open = world.state.case(before).is_some();
    assert!(open || world.state.closed_case(before).is_some());
    (world, index)
}
