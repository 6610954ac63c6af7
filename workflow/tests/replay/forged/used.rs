//! What comes too early, too late or never, and uses of a grant against the rules.

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::Action;
use countersign_workflow::moment;
use countersign_workflow::wire;

use super::super::world::{
    HOUR, MINUTE, World, approve, ask, feedback, provisioned, removed, session,
};
use super::{Forgery, LEDGER, follows, request};

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
            recording: None,
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
            evidence: None,
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
                evidence: None,
            };
            world.place("user:hal", "", case, event.into())
        },
    ),
    ("access that its holder revokes", "not-yours", |world| {
        let case = world.must("user:ben", Action::Request(ask("orders-db", 60)));
        world.must("user:cleo", approve(case));
        let grant = world.must("user:dan", approve(case)) + 1;
        let event = v1::GrantRevoked {
            grant,
            person: "ben".to_owned(),
            reason: "because".to_owned(),
            evidence: None,
        };
        world.place("user:ben", "", case, event.into())
    }),
    (
        "a request that somebody else takes back",
        "not-yours",
        |world| {
            let case = request(world);
            let event = v1::RequestCancelled {
                request: case,
                reason: String::new(),
                evidence: None,
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
