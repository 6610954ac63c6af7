//! Random lives of cases against an oracle that knows the rules and nothing of the code: it reads
//! the events that were decided, and says which of them must not be.
//!
//! `COUNTERSIGN_TEST_LONG=1` runs a million sequences.

#![expect(
    clippy::panic,
    reason = "a test stops at the first surprise, and counts"
)]

#[path = "model/oracle.rs"]
mod oracle;
#[path = "model/world.rs"]
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::oracle::Oracle;
use crate::world::{PEOPLE, Step, World};

fn step() -> impl Strategy<Value = Step> {
    let who = 0..u8::try_from(PEOPLE.len()).expect("few people");
    let pick = any::<u8>();
    prop_oneof![
        4 => (who.clone(), pick, pick).prop_map(|(who, what, how)| {
            Step::Request { who, what, how }
        }),
        1 => (who.clone(), pick, pick).prop_map(|(who, what, how)| {
            Step::BreakGlass { who, what, how }
        }),
        8 => (who.clone(), pick, prop::bool::weighted(0.9))
            .prop_map(|(who, target, approve)| {
            Step::Review { who, target, approve }
        }),
        1 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::RetroReview { who, target }
        }),
        1 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::Cancel { who, target }
        }),
        2 => (who.clone(), pick, pick).prop_map(|(who, target, how)| {
            Step::Extend { who, target, how }
        }),
        1 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::Revoke { who, target }
        }),
        1 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::Finish { who, target }
        }),
        3 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::StartSession { who, target }
        }),
        2 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::EndSession { who, target }
        }),
        2 => (pick, pick).prop_map(|(target, what)| {
            Step::Report { target, what }
        }),
        2 => (who.clone(), pick).prop_map(|(who, target)| {
            Step::Feedback { who, target }
        }),
        1 => (who.clone(), who, pick).prop_map(|(who, to, how)| {
            Step::Delegate { who, to, how }
        }),
        5 => pick.prop_map(Step::Wait),
        1 => pick.prop_map(Step::ClockBack),
    ]
}

#[test]
fn no_sequence_of_commands_leads_to_what_the_rules_forbid() {
    let long = std::env::var_os("COUNTERSIGN_TEST_LONG").is_some();
    let sequences = if long { 1_000_000 } else { 5_000 };
    let config = Config {
        cases: sequences,
        failure_persistence: None,
        ..Config::default()
    };
    let (mut steps, mut entries, mut grants, mut closed) = (0_usize, 0_usize, 0_usize, 0_usize);
    let start = World::new();
    let counted = std::cell::RefCell::new((&mut steps, &mut entries, &mut grants, &mut closed));
    let result = TestRunner::new(config).run(&prop::collection::vec(step(), 1..40), |sequence| {
        let mut world = start.clone();
        let mut oracle = Oracle::default();
        for step in &sequence {
            let seen = world.history.len();
            world.take(step);
            for event in &world.history[seen..] {
                oracle.see(event).map_err(TestCaseError::fail)?;
            }
            oracle.agrees(&world).map_err(TestCaseError::fail)?;
        }
        let mut counted = counted.borrow_mut();
        *counted.0 += sequence.len();
        *counted.1 += world.history.len();
        *counted.2 += oracle.grants();
        *counted.3 += world.state.closed();
        Ok(())
    });
    println!(
        "counted: model: {sequences} sequences, {steps} commands, {entries} entries, {grants} \
         grants, {closed} closed cases, 0 illegal"
    );
    assert!(grants > 0 && closed > 0, "nothing happened");
    result.expect("a sequence broke a rule");
}
