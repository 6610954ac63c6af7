//! Places of reviewers: whose they are, who takes them, and through whom.
#![allow(clippy::panic, reason = "tests stop at the first surprise")]

use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask};
use countersign_workflow::moment;

use super::world::{HOUR, MINUTE, World, approve, ask, deny};

fn delegate(world: &World, to: &str, (from, until): (u64, u64)) -> Action {
    Action::Delegate {
        to: to.to_owned(),
        start: Some(moment::later(world.time(), from)),
        end: moment::later(world.time(), until),
        reason: "on holiday".to_owned(),
    }
}

fn for_group(request: u64, group: &str) -> Action {
    Action::Review {
        request,
        approve: true,
        group: Some(group.to_owned()),
        reason: String::new(),
    }
}

fn reviewed(world: &World, index: u64) -> v1::ReviewRecorded {
    let index = usize::try_from(index).expect("small");
    match &world.log[index].event {
        Known::ReviewRecorded(review) => review.clone(),
        other => panic!("{}", other.name()),
    }
}

#[test]
fn nobody_decides_on_an_own_access_through_a_program_of_theirs() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let refusal = world.refused("user:cleo|bot:ada-bot", approve(case));
    assert_eq!(refusal.reason, Reason::SelfApproval);
    let refusal = world.refused("user:cleo|bot:ada-bot", deny(case));
    assert_eq!(refusal.reason, Reason::SelfApproval);
    world.must("user:cleo|bot:ben-bot", approve(case));
    world.must("user:dan|bot:slack", approve(case));

    let taken = world.must("user:ada", Action::BreakGlass(ask("orders-db", 30)));
    let justified = Action::RetroReview {
        request: taken,
        justified: true,
        reason: "it was down".to_owned(),
    };
    let refusal = world.refused("user:cleo|bot:ada-bot", justified.clone());
    assert_eq!(refusal.reason, Reason::SelfApproval);
    world.must("user:cleo|bot:slack", justified);
}

#[test]
fn whoever_has_two_places_chooses() {
    let mut world = World::new();
    let given = delegate(&world, "dan", (0, 3_600));
    world.must("user:cleo", given);
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let refusal = world.refused("user:dan", for_group(case, "sre"));
    assert_eq!(refusal.reason, Reason::NotAReviewer);
    let review = world.must("user:dan", for_group(case, "security"));
    let review = reviewed(&world, review);
    assert_eq!((&*review.group, &*review.delegate_of), ("security", "cleo"));
    // One person fills one place, and cleo's is filled.
    let refusal = world.refused("user:dan", for_group(case, "team-leads"));
    assert_eq!(refusal.reason, Reason::AlreadyReviewed);
    let refusal = world.refused("user:cleo", approve(case));
    assert_eq!(
        refusal.message,
        format!("dan has decided on {case} in the place of cleo")
    );

    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let review = world.must("user:dan", approve(case));
    let review = reviewed(&world, review);
    assert_eq!(
        (&*review.group, &*review.delegate_of),
        ("team-leads", ""),
        "the own first"
    );
}

#[test]
fn a_place_is_taken_back_from_whoever_has_it() {
    let mut world = World::new();
    world.sleep(HOUR);
    for (to, from, until) in [("dan", 0, 0), ("dan", 7_200, 3_600), ("dan", 60, 60)] {
        let action = delegate(&world, to, (from, until));
        let refusal = world.refused("user:cleo", action);
        assert_eq!(
            refusal.reason,
            Reason::DelegationInvalid,
            "{from} to {until}"
        );
    }
    let given = delegate(&world, "dan", (0, 3_600));
    world.must("user:cleo", given);
    let refusal = world.refused("user:cleo", delegate(&world.clone(), "eve", (0, 0)));
    assert_eq!(refusal.message, "eve does not have the place of cleo");
    let back = delegate(&world, "dan", (0, 0));
    world.must("user:cleo", back.clone());
    assert_eq!(
        world.refused("user:cleo", back).reason,
        Reason::DelegationInvalid
    );
}

#[test]
fn what_is_over_or_has_not_begun_is_told_as_such() {
    let mut world = World::new();
    let later = Ask {
        start: Some(moment::later(world.time(), 3_600)),
        ..ask("orders-db", 60)
    };
    let case = world.must("user:ada", Action::Request(later));
    world.must("user:cleo", approve(case));
    let scheduled = world.must("user:dan", approve(case)) + 1;
    let extend = |grant| Action::Extend {
        grant,
        duration: 600,
        reason: "it takes longer".to_owned(),
    };
    let refusal = world.refused("user:ada", extend(scheduled));
    assert_eq!(refusal.reason, Reason::GrantNotActive, "{refusal}");
    world.wait(HOUR);
    let grant = world
        .state
        .case(case)
        .and_then(|case| case.grant())
        .expect("one")
        .id;
    let refusal = world.refused("user:ada", extend(scheduled));
    assert_eq!(refusal.reason, Reason::GrantNotActive, "{refusal}");
    assert!(refusal.message.contains(&grant.to_string()), "{refusal}");

    let extension = world.must("user:ada", extend(grant));
    world.wait(20 * MINUTE);
    let refusal = world.refused("user:cleo", approve(extension));
    let expected = format!("extension {extension} waits for no decision any more");
    assert_eq!(refusal.message, expected);
}
