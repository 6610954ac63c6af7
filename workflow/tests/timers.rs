//! A hundred thousand cases, each with something due: every deadline is handled once, and in order,
//! after a stop that slept over it and after a step of the clock.

mod timers {
    pub(crate) mod expected;
    pub(crate) mod world;
}

use timers::expected::{Plan, Way};
use timers::world::{HOUR, MINUTE, World};

/// Cases: people have 1,000 each at most, so there are a hundred of them.
const CASES: u64 = 100_000;

const DAY: u64 = 24 * HOUR;

/// The cases, opened ten milliseconds after each other, and what must come of them.
fn opened() -> (World, Plan) {
    let (mut world, mut plan) = (World::new(), Plan::default());
    for number in 0..CASES {
        world.pass(10_000);
        let way = Way::of(number);
        let case = world.open(number, &way);
        plan.opened(case, way, world.now());
    }
    assert_eq!(world.state.open(), usize::try_from(CASES).expect("small"));
    assert_eq!(world.state.timers(), world.state.open());
    (world, plan)
}

#[test]
fn deadlines_that_a_stop_slept_over_are_handled_once_each_and_in_order() {
    let (mut world, mut plan) = opened();
    let (mut fired, mut rounds) = (0, 0);
    for stop in 0..4 {
        // A start reads the log anew; the later ones would find the same.
        if stop == 0 {
            world.read_again();
        }
        world.pass(30 * DAY);
        let (expected, got) = (plan.due_by(world.now()), world.fire());
        assert_same(&expected, &got);
        fired += got.len();
        rounds += 1;
    }
    assert_eq!(world.state.timers(), 0, "nothing is left to be due");
    assert_eq!(plan.left(), 0);
    println!(
        "counted: {CASES} open timers: {fired} deadlines in {rounds} stops, each once and in order"
    );
}

#[test]
fn deadlines_around_a_step_of_the_clock_are_handled_once_each_and_in_order() {
    let (mut world, mut plan) = opened();
    world.pass(HOUR);
    let mut fired = handle(&mut world, &mut plan);
    // Ledger time stands still, and three quarters of an hour count as passed.
    world.set_back(45 * MINUTE);
    plan.set_back(45 * MINUTE);
    let early = handle(&mut world, &mut plan);
    assert!(early > 0, "nothing ends sooner");
    fired += early;
    // A step forward is time that passes.
    for jump in [MINUTE, 3 * HOUR, 400 * DAY, DAY, DAY] {
        world.pass(jump);
        fired += handle(&mut world, &mut plan);
    }
    assert_eq!(world.state.timers(), 0, "nothing is left to be due");
    assert_eq!(plan.left(), 0);
    println!(
        "counted: {CASES} open timers: {fired} deadlines around steps of the clock, {early} of \
         them sooner, each once and in order"
    );
}

/// Handles what is due, as the plan says.
fn handle(world: &mut World, plan: &mut Plan) -> usize {
    let expected = plan.due_by(world.now());
    let got = world.fire();
    assert_same(&expected, &got);
    got.len()
}

/// Compares without printing a hundred thousand lines.
fn assert_same<T: PartialEq + std::fmt::Debug>(expected: &[T], got: &[T]) {
    let differs = expected.iter().zip(got).position(|(a, b)| a != b);
    let place = differs.unwrap_or(expected.len().min(got.len()));
    assert_eq!(
        (expected.get(place), expected.len()),
        (got.get(place), got.len()),
        "deadline {place}, and how many there are"
    );
    assert!(differs.is_none(), "deadline {place}");
}
