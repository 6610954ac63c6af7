//! Every kind of caller, every permit of the starter policy, every state of a case: what comes of a
//! request, of a decision and of a review afterwards, held against the rules as `table/rules.rs`
//! states them.

#![expect(
    clippy::panic,
    reason = "a test stops at the first surprise, and counts"
)]

mod table {
    pub(crate) mod people;
    pub(crate) mod permits;
    pub(crate) mod rules;
    pub(crate) mod states;
    pub(crate) mod world;
}

use std::collections::BTreeMap;

use countersign_proto::event::Known;
use countersign_workflow::command::Action;
use countersign_workflow::draft::Draft;
use countersign_workflow::refusal::Refused;

use table::people::{ROLES, Role};
use table::permits::{PERMITS, Permit, Situation};
use table::rules::{self, Log, Outcome, Recorded, Says};
use table::states::{ANSWERS, Answer, STATES, State, decision, stage};
use table::world::{World, review};

/// What was found, and what differs.
#[derive(Debug, Default)]
struct Tally {
    cells: usize,
    taken: usize,
    refused: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn hold(&mut self, expected: &Outcome, got: &Outcome, cell: impl FnOnce() -> String) {
        self.cells += 1;
        match got {
            Outcome::Taken(..) => self.taken += 1,
            Outcome::Refused(reason, _) => {
                *self.refused.entry(reason.as_str()).or_default() += 1;
            }
        }
        if expected != got {
            let cell = cell();
            self.wrong
                .push(format!("{cell}: expected {expected:?}, got {got:?}"));
        }
    }

    /// What was counted, in one line; or what is wrong.
    fn sum(&self, what: &str) -> String {
        let wrong = self.wrong.len();
        let some: Vec<&str> = self.wrong.iter().take(20).map(String::as_str).collect();
        assert!(
            wrong == 0,
            "{wrong} of {} cells:\n  {}",
            self.cells,
            some.join("\n  ")
        );
        let refused: usize = self.refused.values().sum();
        let reasons = self.refused.iter();
        let reasons: Vec<String> = reasons.map(|(name, n)| format!("{name} {n}")).collect();
        format!(
            "counted: {what}: {} cells, {} allowed, {refused} refused ({})",
            self.cells,
            self.taken,
            reasons.join(", ")
        )
    }
}

/// What came of a command, in the words of the rules.
fn outcome(role: Role, answer: &Result<Vec<Draft>, Refused>) -> Outcome {
    match answer {
        Ok(drafts) => {
            let names = drafts.iter().map(|draft| draft.event.name());
            let first = drafts.first().expect("something came of it");
            Outcome::Taken(names.collect(), says(&first.event))
        }
        Err(refused) => {
            let why = &refused.refusal;
            assert!(!why.message.is_empty() && !why.hint.is_empty(), "{why:?}");
            let recorded = match &refused.record {
                None => Recorded::No,
                Some(draft) => match &draft.event {
                    Known::ActionRefused(entry) => {
                        assert_eq!(entry.code, why.reason.as_str());
                        assert_eq!(entry.person, role.person.unwrap_or_default());
                        Recorded::Yes
                    }
                    other => panic!("a refusal is told by {other:?}"),
                },
            };
            Outcome::Refused(why.reason, recorded)
        }
    }
}

fn says(event: &Known) -> Says {
    match event {
        Known::AccessRequested(asked) => {
            let obligations = asked.obligations.clone().unwrap_or_default();
            let slots = obligations.approvals.into_iter();
            let slots = slots.map(|slot| (slot.group, slot.count)).collect();
            Says::Asked(asked.person.clone(), slots, obligations.policies.join(" "))
        }
        Known::ReviewRecorded(review) => Says::Decided(
            review.person.clone(),
            review.group.clone(),
            review.delegate_of.clone(),
        ),
        Known::RetroReviewRecorded(review) => Says::Looked(review.person.clone()),
        other => panic!("neither a request nor a decision: {other:?}"),
    }
}

fn request_cell(
    (tally, log): (&mut Tally, Log),
    world: &World,
    (role, what): (Role, &Situation),
    place: &dyn Fn() -> String,
) {
    let caller = (role.principal, role.via);
    let action = Action::Request(world.ask(what, 0));
    let answer = world.decide(caller, action, World::facts(what));
    let got = outcome(role, &answer);
    let expected = rules::request(log, role, what);
    tally.hold(&expected, &got, || {
        format!("{}, {what:?}, {}", role.what, place())
    });
}

#[test]
fn requests_in_every_situation_are_judged_by_the_rules() {
    let mut tally = Tally::default();
    for (log, world) in [
        (Log::WithPolicy, World::new()),
        (Log::Empty, World::empty()),
    ] {
        for what in Situation::all() {
            for role in ROLES {
                let place = || format!("{log:?}");
                request_cell((&mut tally, log), &world, (*role, &what), &place);
            }
        }
    }
    println!("{}", tally.sum("table of requests"));
}

/// What else stands in the log changes nothing about a request; nor does a second past the maximum.
#[test]
fn requests_beside_every_state_of_a_case_are_judged_by_the_rules() {
    let mut tally = Tally::default();
    let start = World::new();
    for (permit, state) in pairs() {
        let mut world = start.clone();
        if state != State::ApprovedByCaller {
            state.reach(&mut world, permit);
        }
        for duration in [permit.max_duration, permit.max_duration + 1] {
            let what = Situation {
                duration,
                ..permit.usual
            };
            for role in ROLES {
                let place = || format!("beside {} {state:?}", permit.id);
                let place: &dyn Fn() -> String = &place;
                request_cell((&mut tally, Log::WithPolicy), &world, (*role, &what), place);
            }
        }
    }
    println!("{}", tally.sum("table of requests beside cases"));
}

/// Every permit with every state that a case of it can be in.
fn pairs() -> impl Iterator<Item = (&'static Permit, State)> {
    let pairs = PERMITS
        .iter()
        .flat_map(|permit| STATES.iter().map(move |state| (permit, *state)));
    pairs.filter(|(permit, state)| state.is_possible(permit))
}

fn review_cell(
    tally: &mut Tally,
    (world, number): (&World, u64),
    (permit, state): (&Permit, State),
    (role, answer): (Role, Answer),
) {
    let group = match answer {
        Answer::YesFor(group) => Some(group),
        Answer::Yes | Answer::No => None,
    };
    let action = review(number, decision(answer), group);
    let made = world.decide(
        (role.principal, role.via),
        action,
        World::facts(&permit.usual),
    );
    let got = outcome(role, &made);
    let expected = rules::review(permit, state, role, answer);
    tally.hold(&expected, &got, || {
        format!("{} {state:?}, {}: {answer:?}", permit.id, role.what)
    });
    // What was decided fits, and leaves the case where the last of the events says.
    if let Ok(drafts) = made {
        let mut after = world.clone();
        let last = drafts.last().map(|draft| draft.event.name());
        after.write(role.principal, drafts);
        let expected = match last {
            Some("RequestDenied") if !matches!(state, State::Extending(_)) => "refused",
            Some("GrantScheduled") => "scheduled",
            Some("GrantIssued") => "active",
            _ => stage(world, number),
        };
        assert_eq!(stage(&after, number), expected, "{} {state:?}", permit.id);
    }
}

#[test]
fn decisions_in_every_state_are_judged_by_the_rules() {
    let mut tally = Tally::default();
    let start = World::new();
    for (permit, state) in pairs() {
        let mut world = start.clone();
        let (number, expected) = state.reach(&mut world, permit);
        assert_eq!(stage(&world, number), expected, "{} {state:?}", permit.id);
        for role in ROLES {
            let mut world = world.clone();
            if state == State::ApprovedByCaller {
                approve_if_possible(&mut world, *role, (number, permit));
            }
            for answer in ANSWERS {
                let cell = (*role, answer);
                review_cell(&mut tally, (&world, number), (permit, state), cell);
            }
        }
    }
    let empty = World::empty();
    for (role, answer) in ROLES
        .iter()
        .flat_map(|role| ANSWERS.map(|answer| (*role, answer)))
    {
        let nothing = (&PERMITS[0], State::NoCase);
        review_cell(&mut tally, (&empty, 3), nothing, (role, answer));
    }
    println!("{}", tally.sum("table of decisions"));
}

fn approve_if_possible(world: &mut World, role: Role, (number, permit): (u64, &Permit)) {
    let action = review(number, decision(Answer::Yes), None);
    let caller = (role.principal, role.via);
    if let Ok(drafts) = world.decide(caller, action, World::facts(&permit.usual)) {
        world.write(role.principal, drafts);
    }
}

#[test]
fn reviews_afterwards_in_every_state_are_judged_by_the_rules() {
    let mut tally = Tally::default();
    let start = World::new();
    for (permit, state) in pairs() {
        let mut world = start.clone();
        let (request, _) = state.reach(&mut world, permit);
        for role in ROLES {
            let action = Action::RetroReview {
                request,
                justified: false,
                reason: "it was not".to_owned(),
            };
            let caller = (role.principal, role.via);
            let made = world.decide(caller, action, World::facts(&permit.usual));
            let expected = rules::look_back(permit, state, *role);
            tally.hold(&expected, &outcome(*role, &made), || {
                format!("{} {state:?}, {}", permit.id, role.what)
            });
        }
    }
    println!("{}", tally.sum("table of reviews afterwards"));
}
