//! Logs of every kind of case that a ledger wrote by its rules.

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Report};
use countersign_workflow::moment;

use super::world::{
    HOUR, MINUTE, World, approve, ask, deny, facts, feedback, policy, provisioned, removed, session,
};

/// A story with its name.
pub(crate) type Story = (&'static str, fn(&mut World));

/// Every story, each for a log of its own.
pub(crate) const STORIES: &[Story] = &[
    ("approved and used", used),
    ("approved at once", at_once),
    ("denied", denied),
    ("cancelled", cancelled),
    ("expired", expired),
    ("scheduled", scheduled),
    ("revoked before it began", revoked_early),
    ("extended", extended),
    (
        "extension denied, expired, cancelled",
        extensions_without_time,
    ),
    ("revoked", revoked),
    ("finished", finished),
    ("break-glass", break_glass),
    ("break-glass that nobody looks at", break_glass_late),
    ("overrun", overrun),
    ("delegated review", delegated),
    ("a place that was chosen", chosen),
    ("on call", on_call),
    ("clock set back", set_back),
    ("policy changed", policy_changed),
    ("a ledger that slept", slept),
    ("refusals", refusals),
    ("provisioning fails", provisioning),
    ("several at once", several),
];

fn used(world: &mut World) {
    let (case, grant) = world.granted(60);
    world.plain();
    world.must("provisioner:db", provisioned(grant));
    let first = world.must("agent:db-prod-1", session(grant));
    world.wait(5 * MINUTE);
    let end = |session| Action::EndSession {
        session,
        reason: "exit".to_owned(),
        exit_status: 0,
        recording: None,
    };
    world.must("agent:db-prod-1", end(first));
    let second = world.must("user:ada", session(grant));
    world.must("user:ada", end(second));
    world.wait(HOUR);
    world.must("provisioner:db", removed(grant));
    for person in ["ada", "cleo", "dan"] {
        world.plain();
        world.must(&format!("user:{person}|bot:slack"), feedback(case));
    }
    assert!(world.state.closed_case(case).is_some());
}

fn at_once(world: &mut World) {
    let case = world.must("user:ada|bot:slack", Action::Request(ask("staging-db", 30)));
    world.close(case);
}

fn denied(world: &mut World) {
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("user:cleo", approve(case));
    world.must("user:dan", deny(case));
    world.must("user:ada", feedback(case));
    world.close(case);
}

fn cancelled(world: &mut World) {
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.wait(5 * MINUTE);
    let cancel = Action::Cancel {
        request: case,
        reason: "solved".to_owned(),
    };
    world.must("user:ada", cancel);
    world.close(case);
}

fn expired(world: &mut World) {
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.wait(11 * MINUTE);
    world.must("user:cleo", approve(case));
    world.close(case);
}

fn later(world: &World, seconds: u64) -> Ask {
    Ask {
        start: Some(moment::later(world.time(), seconds)),
        ..ask("orders-db", 60)
    }
}

fn scheduled(world: &mut World) {
    let ask = later(world, 7_200);
    let case = world.must("user:ada", Action::Request(ask));
    world.must("user:cleo", approve(case));
    world.must("user:dan", approve(case));
    world.wait(3 * HOUR / 2);
    world.plain();
    world.wait(HOUR);
    let grant = world
        .state
        .case(case)
        .and_then(|case| case.grant())
        .expect("a grant")
        .id;
    world.must("user:ada", session(grant));
    world.wait(HOUR);
    world.must(
        "admin:root",
        Action::EndSession {
            session: grant + 1,
            reason: "expired".to_owned(),
            exit_status: 1,
            recording: None,
        },
    );
    world.close(case);
}

fn revoked_early(world: &mut World) {
    let ask = later(world, 7_200);
    let case = world.must("user:ada", Action::Request(ask));
    world.must("user:cleo", approve(case));
    let review = world.must("user:dan", approve(case));
    let revoke = Action::Revoke {
        grant: review + 1,
        reason: "a mistake".to_owned(),
    };
    world.must("user:eve", revoke);
    world.close(case);
}

fn more(grant: u64) -> Action {
    Action::Extend {
        grant,
        duration: 1_800,
        reason: "it takes longer".to_owned(),
    }
}

fn extended(world: &mut World) {
    let (case, grant) = world.granted(60);
    world.wait(51 * MINUTE);
    let extension = world.must("user:ada", more(grant));
    world.wait(5 * MINUTE);
    world.must("user:eve", approve(extension));
    world.must("user:cleo", approve(extension));
    world.refused("user:ada", more(grant));
    world.close(case);
}

fn extensions_without_time(world: &mut World) {
    let (case, grant) = world.granted(120);
    let extension = world.must("user:ada", more(grant));
    world.must("user:dan", deny(extension));
    world.must("user:ada", more(grant));
    world.wait(20 * MINUTE);
    let extension = world.must("user:ada", more(grant));
    let cancel = Action::Cancel {
        request: extension,
        reason: String::new(),
    };
    world.must("user:ada", cancel);
    world.wait(90 * MINUTE);
    world.must("user:ada", more(grant));
    world.close(case);
}

fn revoked(world: &mut World) {
    for who in ["user:cleo", "admin:root"] {
        let (case, grant) = world.granted(60);
        world.must("provisioner:db", provisioned(grant));
        let revoke = Action::Revoke {
            grant,
            reason: "the database is moved".to_owned(),
        };
        world.must(who, revoke);
        world.must("provisioner:db", removed(grant));
        world.close(case);
    }
}

fn finished(world: &mut World) {
    let (case, grant) = world.granted(60);
    let finish = Action::Finish {
        grant,
        reason: "done".to_owned(),
    };
    world.must("user:ada", finish);
    world.close(case);
}

fn retro(request: u64) -> Action {
    Action::RetroReview {
        request,
        justified: true,
        reason: "the shop was down".to_owned(),
    }
}

fn break_glass(world: &mut World) {
    let case = world.must("user:ada", Action::BreakGlass(ask("orders-db", 60)));
    world.must("user:ada", session(case + 1));
    world.wait(HOUR / 2);
    world.must(
        "agent:db-prod-1",
        Action::EndSession {
            session: case + 2,
            reason: "exit".to_owned(),
            exit_status: 0,
            recording: None,
        },
    );
    world.wait(9 * HOUR);
    world.must("user:cleo", retro(case));
    world.close(case);
}

fn break_glass_late(world: &mut World) {
    let case = world.must("user:ada", Action::BreakGlass(ask("orders-db", 60)));
    world.wait(50 * HOUR);
    world.refused("user:ada", retro(case));
    world.must("user:eve", retro(case));
    world.close(case);
}

fn overrun(world: &mut World) {
    let (case, grant) = world.granted(30);
    let sessions = [(); 2].map(|()| world.must("user:ada", session(grant)));
    world.wait(HOUR);
    for session in sessions {
        world.must(
            "agent:db-prod-1",
            Action::EndSession {
                session,
                reason: "killed".to_owned(),
                exit_status: 9,
                recording: None,
            },
        );
    }
    world.close(case);
}

fn delegate(world: &World, to: &str, seconds: u64) -> Action {
    Action::Delegate {
        to: to.to_owned(),
        start: None,
        end: moment::later(world.time(), seconds),
        reason: "on holiday".to_owned(),
    }
}

fn delegated(world: &mut World) {
    let action = delegate(world, "hal", 86_400);
    world.must("user:dan", action);
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("user:hal", approve(case));
    world.refused("user:dan", approve(case));
    world.must("user:cleo", approve(case));
    world.close(case);
    let action = delegate(world, "hal", 0);
    world.must("user:dan", action);
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.refused("user:hal", approve(case));
    world.close(case);
}

fn chosen(world: &mut World) {
    let action = delegate(world, "dan", 3_600);
    world.must("user:cleo", action);
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let review = Action::Review {
        request: case,
        approve: true,
        group: Some("security".to_owned()),
        reason: String::new(),
    };
    world.must("user:dan|bot:ben-bot", review);
    world.refused("user:eve|bot:ada-bot", approve(case));
    world.must("user:eve", approve(case));
    world.close(case);
}

fn on_call(world: &mut World) {
    let case = world.must("user:ada", Action::Request(ask("billing-db", 60)));
    world.refused("user:gus", approve(case));
    world.must("user:fay", approve(case));
    let revoke = Action::Revoke {
        grant: case + 3,
        reason: "enough".to_owned(),
    };
    world.must("user:gus", revoke);
    let night = world.order("user:ada", Action::Request(ask("billing-db", 60)), facts(3));
    night.expect_err("forbidden at night");
    world.close(case);
}

fn set_back(world: &mut World) {
    let (case, grant) = world.granted(60);
    world.wait(20 * MINUTE);
    world.set_back(15 * MINUTE);
    let running = world.must("user:ada", session(grant));
    world.set_back(30 * MINUTE);
    world.refused("user:ada", session(grant));
    world.must(
        "user:ada",
        Action::EndSession {
            session: running,
            reason: "exit".to_owned(),
            exit_status: 0,
            recording: None,
        },
    );
    world.close(case);
}

fn policy_changed(world: &mut World) {
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let more = r#"@id("no") forbid(principal, action == Action::"request", resource ==
        Resource::"orders-db");"#;
    world.must("admin:root", Action::PutPolicy(Box::new(policy(more))));
    world.must("user:cleo", approve(case));
    world.must("user:dan", approve(case));
    world.refused("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("admin:root", Action::PutPolicy(Box::new(policy(""))));
    world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.close(case);
}

fn slept(world: &mut World) {
    let (case, _grant) = world.granted(60);
    let other = world.must("user:ben", Action::Request(ask("orders-db", 30)));
    world.place("ledger", "", 0, v1::LogStopped::default().into());
    world.sleep(30 * HOUR);
    world.plain();
    world.sleep(4 * MINUTE);
    world.plain();
    world.fire();
    let third = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.close(case);
    world.close(other);
    world.close(third);
}

fn refusals(world: &mut World) {
    let case = world.must("user:ben", Action::Request(ask("orders-db", 60)));
    world.refused("user:ben", approve(case));
    world.must("user:cleo", approve(case));
    world.refused("user:cleo|bot:slack", approve(case));
    world.refused("user:zoe", approve(case));
    world.refused("user:hal", approve(case));
    world.refused("user:ada", Action::Request(ask("orders-db", 600)));
    world.refused("user:hal", Action::Request(ask("orders-db", 60)));
    world.must("user:dan", approve(case));
    world.refused("user:eve", approve(case));
    world.refused("user:ada", session(case + 9));
    world.close(case);
    world.refused("user:dan", approve(case));
}

fn provisioning(world: &mut World) {
    let (case, grant) = world.granted(60);
    let failed = |attempt| {
        Action::Report(Report::Failed(v1::ProvisioningFailed {
            grant,
            error: "no connection".to_owned(),
            attempt,
        }))
    };
    world.must("provisioner:db", failed(1));
    world.must("provisioner:db", failed(2));
    world.must("provisioner:db", provisioned(grant));
    world.wait(HOUR);
    let stuck = Action::Report(Report::RemovalFailed(v1::RemovalFailed {
        grant,
        error: "objects depend on it".to_owned(),
        attempt: 1,
    }));
    world.must("provisioner:db", stuck);
    world.wait(30 * HOUR);
    world.must("provisioner:db", removed(grant));
    assert!(world.state.closed_case(case).is_some());
}

fn several(world: &mut World) {
    let cases: Vec<u64> = (0..5)
        .map(|number| {
            world.wait(u64::from(number == 3) * MINUTE);
            let who = if number % 2 == 0 {
                "user:ada"
            } else {
                "user:ben"
            };
            world.must(who, Action::Request(ask("orders-db", 30 + number)))
        })
        .collect();
    world.must("user:cleo", approve(cases[1]));
    world.must("user:cleo", approve(cases[2]));
    world.wait(4 * MINUTE);
    world.must("user:dan", approve(cases[2]));
    world.must("user:dan", deny(cases[3]));
    world.sleep(2 * HOUR);
    for case in cases {
        world.close(case);
    }
    let last = &world.log.last().expect("entries").event;
    assert!(matches!(last, Known::CaseClosed(_)), "{last:?}");
}

#[test]
fn logs_that_keep_the_rules_have_no_missteps() {
    let mut entries = 0;
    for (name, story) in STORIES {
        let mut world = World::new();
        story(&mut world);
        let (replay, found) = super::world::replay(&world.log);
        assert_eq!(found, [], "{name}");
        let counts = replay.counts();
        let open = u64::try_from(replay.state().open()).expect("small");
        assert_eq!(counts.cases - counts.closed, open, "{name}");
        entries += world.log.len();
    }
    println!(
        "{} honest logs with {entries} entries, 0 missteps",
        STORIES.len()
    );
}
