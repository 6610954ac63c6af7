//! Every forgery is told, and nothing before it.

use std::collections::BTreeSet;

use super::forged;
use super::world::{World, ask, replay};
use countersign_workflow::command::Action;
use countersign_workflow::replay::Fault;

#[test]
fn every_forgery_is_found_at_its_place_and_nothing_before() {
    let (mut all, mut found, mut codes) = (0, 0, BTreeSet::new());
    let mut wrong = Vec::new();
    for forgery in forged::all() {
        all += 1;
        let (world, index) = forged::log_of(forgery);
        let (_replay, missteps) = replay(&world.log);
        let first = missteps
            .first()
            .map(|misstep| (misstep.fault.code(), misstep.index));
        if first == Some((forgery.1, index)) {
            found += 1;
            codes.insert(forgery.1);
        } else {
            wrong.push(format!(
                "{}: {} at {index}; got {missteps:#?}",
                forgery.0, forgery.1
            ));
        }
    }
    println!(
        "{all} forged logs, {found} found, {} of {} codes",
        codes.len(),
        Fault::ALL.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_request_before_there_is_a_policy_is_told() {
    let mut world = World::empty();
    let event = World::new().draft("user:ada", Action::Request(ask("orders-db", 60)));
    world.place("user:ada", "", 1, event);
    let (_replay, missteps) = replay(&world.log);
    assert_eq!(missteps[0].fault, Fault::PolicyMissing, "{missteps:?}");
}

#[test]
fn codes_differ_and_are_words() {
    let codes: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.code()).collect();
    assert_eq!(codes.len(), Fault::ALL.len());
    for fault in Fault::ALL {
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(fault.code().chars().all(plain), "{fault}");
        assert!(fault.meaning().ends_with('.'), "{fault}");
    }
}
