//! Logs that break one rule each, at a known place. Each is as long as it takes; what comes behind
//! the forged entry keeps the rules as far as it can.
#![allow(clippy::panic, reason = "tests stop at the first surprise")]

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::Action;
use countersign_workflow::moment;
use countersign_workflow::wire;

use super::world::{World, approve, ask};

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

// Their own folder, from wherever this file is taken in.
#[path = "forged/asked.rs"]
mod asked;
#[path = "forged/decided.rs"]
mod decided;
#[path = "forged/used.rs"]
mod used;

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

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Forgery> {
    [
        decided::GRANTS,
        decided::REVIEWS,
        asked::REQUESTS,
        used::TIMES,
        used::USES,
    ]
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
