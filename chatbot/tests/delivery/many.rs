//! Ten thousand open cases.

use countersign_proto::v1;

use crate::world::World;

const CASES: usize = 10_000;

#[test]
fn ten_thousand_open_cases_are_held_and_an_entry_concerns_one_of_them() {
    let mut world = World::new(&[("leads", "C1")]);
    // The test should not measure itself.
    world.keeps = false;
    for _ in 0..CASES {
        let case = world.ask("gus", &["leads"]);
        assert_eq!(world.settle(case).len(), 2, "the requester and the channel");
    }
    assert_eq!(world.outbox.size(), (CASES, 2 * CASES));
    let all: Vec<u64> = world.outbox.cases().collect();
    let request = all[CASES / 2];
    let (number, groups) = (1, vec!["leads".to_owned()]);
    let event = v1::ApproversReminded {
        request,
        number,
        groups,
    };
    world.append(request, "ledger:main", event);
    let works = |world: &World| -> usize {
        let cases = all.iter();
        cases.map(|case| world.works(*case).len()).sum()
    };
    assert_eq!((world.works(request).len(), works(&world)), (2, 2));
    // All of them end, and nothing is left.
    for case in all.iter().copied() {
        world.append(case, "ledger:main", v1::RequestExpired { request: case });
        world.settle(case);
        world.close(case);
        world.settle(case);
    }
    assert_eq!(world.outbox.size(), (0, 0));
}
