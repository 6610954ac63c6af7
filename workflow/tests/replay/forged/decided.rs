//! Approvals and grants that should not be there, or are not there.

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::Action;
use countersign_workflow::moment;
use countersign_workflow::wire;

use super::super::world::{HOUR, World, approve, ask, deny, evidence, session};
use super::{Forgery, LEDGER, approved_only, follows, grant_of, halfway, request};

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
            Action::Request(super::super::world::ask("orders-db", 5)),
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
        drop(world.order("user:cleo", deny(case), super::super::world::facts(9)));
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
    (
        "an approval without its passkey",
        "passkey-missing",
        |world| {
            let orders = request(world);
            let review = world.draft("user:cleo", approve(orders));
            let case = world.must("user:ada", Action::Request(ask("vault-db", 60)));
            let review = change!(review, ReviewRecorded, review => review.request = case);
            let index = world.place("user:cleo", "", case, review);
            world.follow(case);
            index
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
            let review = world.draft("user:cleo", approve(case));
            let review = change!(review, ReviewRecorded, review => {
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
    ("a review by a program", "wrong-actor", |world| {
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
    ("a click that no bot carried", "wrong-actor", |world| {
        let case = halfway(world);
        let review = world.draft("user:dan", approve(case));
        let clicked = review.with_evidence(Some(Box::new(evidence("user:dan"))));
        world.place("user:dan", "", case, clicked)
    }),
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
                evidence: None,
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
                evidence: None,
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
                evidence: None,
            };
            world.place("user:cleo", "", case, event.into())
        },
    ),
];
