//! Logs of random commands keep the rules, and one that is changed anywhere does not.
//!
//! What a replay cannot tell is a log that the ledger could have written as well. So a change must
//! be found
//! - when an entry of the workflow is taken out (a plain one stands in its place) that the ledger
//!   wrote by itself and that another entry of the workflow follows, or whose case is closed later;
//! - when an entry stands at the end once more, unless it may be given twice;
//! - when an entry that the ledger wrote by itself changes places with its neighbour;
//! - when it is by nobody, stands in another case, or says something else and is the ledger's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::apply::is_of_workflow;
use countersign_workflow::case::{Case, Stage};
use countersign_workflow::command::{Action, NewPolicy, Report};
use countersign_workflow::moment;
use countersign_workflow::replay::{Misstep, Replay};
use countersign_workflow::timer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::world::{
    Entry, HOUR, MINUTE, World, approve, ask, deny, facts, feedback, policy, provisioned, removed,
    session,
};

static BASE: LazyLock<(World, Replay)> = LazyLock::new(|| {
    let world = World::new();
    let (replay, found) = super::world::replay(&world.log);
    assert_eq!(found, []);
    (world, replay)
});

static POLICIES: LazyLock<[NewPolicy; 2]> = LazyLock::new(|| [policy(""), policy("// more")]);

const PEOPLE: [&str; 9] = [
    "ada", "ben", "cleo", "dan", "eve", "fay", "gus", "hal", "zoe",
];

/// What happens, who does it, to what, and how.
type Step = (u8, usize, usize, u8);

/// One of these numbers, or any.
fn pick(all: &[u64], choice: usize) -> u64 {
    let any = u64::try_from(choice % 50).expect("small");
    all.get(choice % all.len().max(1)).copied().unwrap_or(any)
}

fn numbers(world: &World, of: impl Fn(&Case) -> Option<u64>) -> Vec<u64> {
    world
        .state
        .cases_below(u64::MAX)
        .filter_map(|case| of(case))
        .collect()
}

/// Somebody who may do it, as a rule.
fn fitting(world: &World, action: &Action, choice: usize) -> &'static str {
    let case = world
        .state
        .thing(action.target())
        .and_then(|(_, case)| world.state.case(case));
    let among = |people: &[&'static str]| people[choice % people.len()];
    let holder = case.map_or("ada", |case| {
        PEOPLE
            .into_iter()
            .find(|person| *person == case.person)
            .unwrap_or("ada")
    });
    match action {
        Action::Request(_) | Action::BreakGlass(_) => among(&["ada", "ben"]),
        Action::Review { .. } => match case.map(|case| case.ask.resource.as_str()) {
            Some("billing-db") => "fay",
            _ => among(&["cleo", "dan", "eve"]),
        },
        Action::Revoke { .. } | Action::RetroReview { .. } => among(&["cleo", "eve"]),
        Action::Feedback { .. } => among(&[holder, "cleo", "dan", holder]),
        _ => holder,
    }
}

fn a_grant(world: &World, which: usize) -> u64 {
    let grants = numbers(world, |case| case.grant().map(|grant| grant.id));
    pick(&grants, which)
}

fn a_request(world: &World, which: usize) -> u64 {
    let open = |case: &Case| timer::open_round(case).map(|(round, _)| round.id);
    pick(&numbers(world, open), which)
}

/// A grant that could be ended: one in four that has not begun.
fn to_end(world: &World, which: usize) -> u64 {
    if !which.is_multiple_of(4) {
        return a_grant(world, which);
    }
    let scheduled = numbers(world, |case| match &case.stage {
        Stage::Scheduled(scheduled) => Some(scheduled.id),
        _ => None,
    });
    pick(&scheduled, which)
}

fn action(world: &World, step: Step) -> Option<Action> {
    decision(world, step).or_else(|| use_of(world, step))
}

/// Requests, and what becomes of them.
fn decision(world: &World, (what, _, which, how): Step) -> Option<Action> {
    let reason = "a reason".to_owned();
    let resource = ["orders-db", "staging-db", "billing-db"][usize::from(how) % 3];
    Some(match what {
        0..=2 => {
            let mut ask = ask(resource, 5 + u64::from(how));
            ask.start = (how % 11 == 0).then(|| moment::later(world.time(), 1_800));
            Action::Request(ask)
        }
        3 => Action::BreakGlass(ask("orders-db", 1 + u64::from(how) / 4)),
        4..=10 => approve(a_request(world, which)),
        11 => deny(a_request(world, which)),
        12 => Action::Cancel {
            request: a_request(world, which),
            reason,
        },
        13..=14 => Action::Extend {
            grant: a_grant(world, which),
            duration: 600,
            reason,
        },
        15 => Action::Revoke {
            grant: to_end(world, which),
            reason,
        },
        16 => Action::Finish {
            grant: to_end(world, which),
            reason,
        },
        _ => return None,
    })
}

/// What is done with access, and everything else.
fn use_of(world: &World, (what, _, which, how): Step) -> Option<Action> {
    let reason = "a reason".to_owned();
    let grant = a_grant(world, which);
    Some(match what {
        17..=18 => session(grant),
        19 => {
            let running = |case: &Case| {
                let mut sessions = case.sessions.iter();
                sessions.find(|one| one.ended.is_none()).map(|one| one.id)
            };
            Action::EndSession {
                session: pick(&numbers(world, running), which),
                reason,
                exit_status: 0,
                recording: None,
            }
        }
        20 => provisioned(grant),
        21 => removed(grant),
        22 => Action::Report(Report::Failed(v1::ProvisioningFailed {
            grant,
            error: reason,
            attempt: 1,
        })),
        23..=24 => {
            let over = numbers(world, |case| case.over_since().map(|_| case.id));
            feedback(pick(&over, which))
        }
        25 => Action::Delegate {
            to: PEOPLE[which % PEOPLE.len()].to_owned(),
            start: None,
            end: moment::later(world.time(), 60 * u64::from(how)),
            reason,
        },
        26..=27 => {
            let waiting = numbers(world, |case| case.retro.as_ref().map(|_| case.id));
            Action::RetroReview {
                request: pick(&waiting, which),
                justified: how % 2 == 0,
                reason,
            }
        }
        28 => Action::PutPolicy(Box::new(POLICIES[which % 2].clone())),
        _ => return None,
    })
}

fn run(steps: &[Step]) -> World {
    let mut world = BASE.0.clone();
    for step in steps {
        let (what, who, which, how) = *step;
        if let Some(action) = action(&world, *step) {
            let person = match who % 8 {
                0 => PEOPLE[which % PEOPLE.len()],
                _ => fitting(&world, &action, who),
            };
            let who = match action {
                Action::PutPolicy(_) => "admin:root".to_owned(),
                Action::Report(_) => "provisioner:db".to_owned(),
                _ if how % 7 == 0 => format!("user:{person}|bot:slack"),
                _ => format!("user:{person}"),
            };
            drop(world.order(&who, action, facts(6 + how % 10)));
            continue;
        }
        let minutes = u64::from(how) * MINUTE;
        match what {
            29 => drop(world.plain()),
            30 if how < 64 => {
                world.place("ledger", "", 0, v1::LogStopped::default().into());
                world.sleep(minutes * 10);
                world.plain();
                world.fire();
            }
            31 => world.set_back(minutes / 8),
            32 => world.wait(HOUR * u64::from(how % 30)),
            33..=36 => {}
            _ => world.wait(minutes / 16),
        }
        world.plain();
    }
    world
}

fn replay(log: &[Entry]) -> Vec<Misstep> {
    let mut replay = BASE.1.clone();
    let mut found = Vec::new();
    for (index, entry) in log.iter().enumerate().skip(2) {
        let index = u64::try_from(index).expect("small");
        let stopped = matches!(entry.event, Known::LogStopped(_));
        found.extend(replay.see(&entry.facts(index), &entry.event));
        if stopped {
            replay.paused();
        }
    }
    found.extend(replay.finish());
    found
}

fn of_workflow(entry: &Entry) -> bool {
    is_of_workflow(entry.event.kind())
}

fn by_ledger(entry: &Entry) -> bool {
    of_workflow(entry) && entry.actor == "ledger"
}

/// A change, and whether it must be found.
type Change = (&'static str, Vec<Entry>, bool);

fn taken_out(log: &[Entry], index: usize) -> Change {
    let mut changed = log.to_vec();
    let entry = &mut changed[index];
    let case = entry.case;
    entry.event = v1::ExternalEvent::default().into();
    entry.case = 0;
    let rest = &log[index + 1..];
    let closed = |entry: &Entry| entry.case == case && entry.event.kind() == 39;
    let told = by_ledger(&log[index]) && rest.iter().any(of_workflow);
    let listed = case != 0 && rest.iter().any(closed);
    ("taken out", changed, told || listed)
}

fn once_more(log: &[Entry], index: usize) -> Change {
    let mut changed = log.to_vec();
    let mut entry = log[index].clone();
    entry.time = log[log.len() - 1].time;
    // More time may be asked for again, when the first time led to nothing.
    let twice = matches!(entry.event.kind(), 34 | 37 | 41 | 60 | 81 | 83);
    changed.push(entry);
    ("once more", changed, !twice)
}

fn swapped(log: &[Entry], index: usize) -> Option<Change> {
    let (first, second) = (log.get(index)?, log.get(index + 1)?);
    if !of_workflow(second) || (&first.event, first.case) == (&second.event, second.case) {
        return None;
    }
    let mut changed = log.to_vec();
    changed.swap(index, index + 1);
    changed[index].time = first.time;
    changed[index + 1].time = second.time;
    Some(("swapped", changed, by_ledger(first) || by_ledger(second)))
}

fn altered(log: &[Entry], index: usize, how: u8) -> Change {
    let mut changed = log.to_vec();
    let entry = &mut changed[index];
    match how % 3 {
        0 => {
            entry.actor = "user:nobody".to_owned();
            entry.via.clear();
            // An attempt of nobody is as good as that of another nobody.
            let known = match &log[index].event {
                Known::ActionRefused(refused) => !refused.person.is_empty(),
                _ => true,
            };
            return ("by nobody", changed, known);
        }
        1 => {
            entry.case += 1;
            return ("in another case", changed, true);
        }
        _ => {}
    }
    let found = by_ledger(entry);
    match &mut entry.event {
        Known::GrantIssued(grant) => grant.permission.push('!'),
        Known::GrantExtended(grant) => grant.extension += 1,
        Known::GrantScheduled(grant) => grant.request += 1,
        Known::RequestDenied(denied) => denied.review += 1,
        Known::RequestExpired(expired) => expired.request += 1,
        Known::GrantExpired(expired) => expired.grant += 1,
        Known::ApproversReminded(reminded) => reminded.number += 1,
        Known::RequestEscalated(escalated) => escalated.group.clear(),
        Known::ExpiryWarned(warned) => warned.end = None,
        Known::SessionOverran(overran) => overran.session += 1,
        Known::CaseClosed(closed) => closed.outcome.push('!'),
        _ => entry.time = moment::later(entry.time, 1),
    }
    ("altered", changed, found)
}

#[test]
fn random_commands_reach_every_kind_of_entry() {
    let mut runner = TestRunner::deterministic();
    let (mut kinds, mut changes) = (BTreeMap::new(), BTreeMap::new());
    for number in 0..400 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let log = run(&steps).log;
        let of_workflow: Vec<usize> = (2..log.len()).filter(|at| of_workflow(&log[*at])).collect();
        for index in &of_workflow {
            *kinds.entry(log[*index].event.name()).or_insert(0) += 1;
        }
        if of_workflow.is_empty() {
            continue;
        }
        let index = of_workflow[number % of_workflow.len()];
        let all = [
            taken_out(&log, index),
            once_more(&log, index),
            altered(&log, index, 2),
        ];
        for (what, changed, must) in all.into_iter().chain(swapped(&log, index)) {
            let counts: &mut [u32; 3] = changes.entry(what).or_default();
            counts[0] += 1;
            counts[1] += u32::from(must);
            counts[2] += u32::from(!replay(&changed).is_empty());
        }
    }
    println!("entries of random logs: {kinds:?}");
    println!("changes, those that must be found, and found: {changes:?}");
    assert_eq!(kinds.len(), 28, "{kinds:?}");
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        (0_u8..38, any::<usize>(), any::<usize>(), any::<u8>()),
        1..48,
    )
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn logs_of_random_commands_keep_the_rules(steps in steps()) {
        let world = run(&steps);
        let found = replay(&world.log);
        prop_assert!(found.is_empty(), "{found:#?}\n{:#?}", tail(&world.log, &found));
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_changed_entry_is_found(
        steps in steps(),
        place in any::<prop::sample::Index>(),
        how in any::<u8>(),
    ) {
        let world = run(&steps);
        let log = &world.log;
        let of_workflow: Vec<usize> = (2..log.len()).filter(|at| of_workflow(&log[*at])).collect();
        if of_workflow.is_empty() {
            return Ok(());
        }
        let index = of_workflow[place.index(of_workflow.len())];
        let changes = [taken_out(log, index), once_more(log, index), altered(log, index, how)];
        for (what, changed, must) in changes.into_iter().chain(swapped(log, index)) {
            let found = replay(&changed);
            prop_assert!(!must || !found.is_empty(), "{what} {index}: {:#?}\n{log:#?}", log[index]);
        }
    }
}

/// The entries up to the first misstep.
fn tail<'a>(log: &'a [Entry], found: &[Misstep]) -> &'a [Entry] {
    let end = found
        .first()
        .map_or(0, |first| usize::try_from(first.index).expect("small") + 1);
    &log[2..end.clamp(2, log.len())]
}
