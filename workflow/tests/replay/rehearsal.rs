//! Past requests, judged by a policy that was not in force.

use countersign_workflow::command::Action;
use countersign_workflow::rehearsal::{self, Difference, Otherwise, Outcome, Rehearsal};

use super::honest::STORIES;
use super::world::{ACCESS, MINUTE, World, approve, ask, deny, policy_of};

/// What these policies would have decided otherwise.
fn rehearse(world: &World, access: &str) -> (usize, Vec<Difference>) {
    let new = policy_of(access);
    let mut rehearsal = Rehearsal::new(&new.policy);
    for (index, entry) in (0..).zip(&world.log) {
        if rehearsal::KINDS.contains(&entry.event.kind()) {
            rehearsal.see(&entry.facts(index), &entry.event);
        }
    }
    (rehearsal.requests(), rehearsal.differences())
}

/// The starting policy with another text in one place.
fn with(before: &str, after: &str) -> String {
    assert!(ACCESS.contains(before), "{before}");
    ACCESS.replacen(before, after, 1)
}

#[test]
fn the_policy_that_judged_finds_nothing_otherwise() {
    let mut requests = 0;
    for (name, story) in STORIES {
        let mut world = World::new();
        story(&mut world);
        // A story that changes the policy was judged by another one.
        if world.state.policies().count() > 1 {
            continue;
        }
        let (judged, differences) = rehearse(&world, ACCESS);
        assert_eq!(differences, [], "{name}");
        requests += judged;
    }
    assert!(requests > 20, "{requests}");
}

#[test]
fn a_request_that_is_forbidden_now_comes_first() {
    let mut world = World::new();
    let (first, _grant) = world.granted(120);
    let second = world.must("user:ada", Action::Request(ask("staging-db", 30)));
    let access = with(r#"@max_duration("8h")"#, r#"@max_duration("10m")"#);
    let access = access.replacen(r#"@max_duration("4h")"#, r#"@max_duration("3h")"#, 1);
    let (judged, differences) = rehearse(&world, &access);
    assert_eq!(judged, 2);
    let told: Vec<_> = differences
        .iter()
        .map(|found| (found.case, found.otherwise, found.outcome))
        .collect();
    let expected = [
        (second, Otherwise::Refused, Outcome::Granted),
        (first, Otherwise::Bound, Outcome::Granted),
    ];
    assert_eq!(told, expected);
    assert_eq!(differences[1].changes, ["longest time: 4h -> 3h"]);
}

#[test]
fn decisions_are_counted_again() {
    let mut world = World::new();
    let (granted, _grant) = world.granted(60);
    let half = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("user:cleo", approve(half));
    world.wait(20 * MINUTE);
    let denied = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("user:cleo", approve(denied));
    world.must("user:dan", deny(denied));

    // One of security is enough: the second would have been granted, and no stays no.
    let before = r#"@approvals("security:1, team-leads:1")"#;
    let (_, differences) = rehearse(&world, &with(before, r#"@approvals("security:1")"#));
    let told: Vec<_> = differences
        .iter()
        .map(|found| (found.case, found.otherwise))
        .collect();
    let expected = [
        (half, Otherwise::Granted),
        (granted, Otherwise::Bound),
        (denied, Otherwise::Bound),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        differences[0].changes[0],
        "approvals: security:1, team-leads:1 -> security:1"
    );

    // Two of security: the first had only one, and somebody whose decision counts no more.
    let (_, differences) = rehearse(&world, &with(before, r#"@approvals("security:2")"#));
    let first = &differences[0];
    assert_eq!((first.case, first.otherwise), (granted, Otherwise::Waits));
    let expected = [
        "approvals: security:1, team-leads:1 -> security:2",
        "would still wait for 1 of security",
        "the decision of dan would not have counted",
    ];
    assert_eq!(first.changes, expected);
}

#[test]
fn access_at_once_is_judged_as_such() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::BreakGlass(ask("orders-db", 30)));
    let (_, same) = rehearse(&world, ACCESS);
    assert_eq!(same, []);
    let (_, differences) = rehearse(&world, &with(r#""security:24h""#, r#""managers:1h""#));
    assert_eq!(
        differences[0].changes,
        ["review afterwards: 1d to security -> 1h to managers"]
    );
    assert!(differences[0].break_glass);
    let (_, differences) = rehearse(&world, &with(r#"context.severity == "sev1""#, "false"));
    let first = &differences[0];
    assert_eq!((first.case, first.otherwise), (case, Otherwise::Refused));
}
