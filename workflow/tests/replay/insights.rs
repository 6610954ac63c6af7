//! What a survey tells of logs whose figures are known.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1::{self, Dimension, IssueKind, Rating, Step};
use countersign_workflow::command::{Action, Report};
use countersign_workflow::insights::{self, Survey};

use super::honest::STORIES;
use super::world::{
    HOUR, MINUTE, World, approve, ask, deny, feedback, provisioned, removed, session,
};

fn forever() -> UnixMicros {
    UnixMicros::new(4_000_000_000_000_000).expect("a time")
}

/// What a survey of a whole log tells.
fn survey(world: &World) -> Survey {
    survey_of(world, UnixMicros::EPOCH..forever())
}

fn survey_of(world: &World, period: std::ops::Range<UnixMicros>) -> Survey {
    let mut survey = Survey::new(period);
    for (index, entry) in (0..).zip(&world.log) {
        if insights::KINDS.contains(&entry.event.kind()) {
            let seen = survey.see(&entry.facts(index), &entry.event);
            seen.expect("few cases");
        }
    }
    survey
}

fn steps(delays: &[v1::Delay]) -> BTreeMap<Step, (u64, u64, u64)> {
    let one = |delay: &v1::Delay| {
        (
            delay.step(),
            (delay.cases, delay.p50_millis, delay.max_millis),
        )
    };
    delays.iter().map(one).collect()
}

/// Three cases of `orders-db` that wait 1, 2 and 5 minutes for the first decision, and as long
/// again for the second; the last is denied by it.
fn three(world: &mut World) -> Vec<u64> {
    let mut cases = Vec::new();
    for (minutes, last) in [(1, true), (2, true), (5, false)] {
        let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
        world.wait(minutes * MINUTE);
        world.must("user:cleo", approve(case));
        world.wait(minutes * MINUTE);
        let review = if last {
            world.must("user:dan", approve(case))
        } else {
            world.must("user:dan", deny(case))
        };
        if last {
            world.wait(10 * MINUTE);
            world.must("user:ada", session(review + 1));
        }
        cases.push(case);
    }
    cases
}

const MINUTE_MILLIS: u64 = 60_000;

#[test]
fn steps_take_as_long_as_they_took() {
    let mut world = World::new();
    three(&mut world);
    let told = survey(&world).delays(&[Dimension::Group, Dimension::Resource]);
    assert_eq!(told.cases, 3);
    let minutes = |cases, half: u64, most: u64| (cases, half * MINUTE_MILLIS, most * MINUTE_MILLIS);
    let expected = BTreeMap::from([
        (Step::FirstDecision, minutes(3, 2, 5)),
        (Step::Quorum, minutes(2, 1, 2)),
        (Step::Grant, minutes(2, 0, 0)),
        (Step::Wait, minutes(2, 2, 4)),
        (Step::FirstUse, minutes(2, 10, 10)),
    ]);
    assert_eq!(steps(&told.delays), expected);
    let [by_group, by_resource] = &told.breakdowns[..] else {
        panic!("two were asked for: {told:?}");
    };
    let row = |key: &str| {
        by_group
            .rows
            .iter()
            .find(|row| row.key == key)
            .expect("a row")
    };
    // The decisions of a group are its own: that of the leads comes second, and no is of nobody.
    let security = steps(&row("security").delays);
    assert_eq!(security[&Step::FirstDecision], minutes(3, 2, 5));
    let leads = steps(&row("team-leads").delays);
    assert_eq!(leads[&Step::FirstDecision], minutes(2, 2, 4));
    assert_eq!((by_resource.rows.len(), by_resource.rows[0].cases), (1, 3));
    assert_eq!(steps(&by_resource.rows[0].delays), expected);
}

#[test]
fn weekdays_and_hours_are_those_of_the_entries() {
    let mut world = World::new();
    let facts = |hour, weekday| countersign_workflow::policy::Facts {
        weekday,
        ..super::world::facts(hour)
    };
    for (hour, weekday) in [(23, 7), (9, 2), (9, 1)] {
        let request = Action::Request(ask("orders-db", 60));
        let asked = world.order("user:ada", request, facts(hour, weekday));
        asked.expect("allowed");
    }
    let survey = survey(&world);
    let told = survey.delays(&[Dimension::Weekday, Dimension::Hour]);
    let keys = |breakdown: &v1::Breakdown| -> Vec<(String, u64)> {
        let rows = breakdown.rows.iter();
        rows.map(|row| (row.key.clone(), row.cases)).collect()
    };
    let expected = [("1", 1), ("2", 1), ("7", 1)].map(|(key, n)| (key.to_owned(), n));
    assert_eq!(keys(&told.breakdowns[0]), expected);
    let expected = [("09", 2), ("23", 1)].map(|(key, n)| (key.to_owned(), n));
    assert_eq!(keys(&told.breakdowns[1]), expected);
    let week = survey.activity([].into_iter()).hours_of_week;
    assert_eq!((week.len(), week.iter().sum::<u64>()), (168, 3));
    assert_eq!((week[9], week[24 + 9], week[6 * 24 + 23]), (1, 1, 1));
}

#[test]
fn a_period_is_of_the_cases_that_were_opened_in_it() {
    let mut world = World::new();
    let start = world.time();
    let first = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.wait(MINUTE);
    let between = world.time();
    let second = world.must("user:ben", Action::Request(ask("orders-db", 60)));
    world.refused("user:ben", approve(second));
    world.wait(MINUTE);
    let end = world.time();
    // What comes after the period still counts for its cases.
    world.must("user:dan", deny(first));
    world.must("user:dan", deny(second));
    world.refused("user:ada", approve(first));
    let tally = |period| {
        let activity = survey_of(&world, period).activity([].into_iter());
        let refusals = activity
            .refusals
            .iter()
            .map(|count| count.count)
            .sum::<u64>();
        let tally = activity.tally.expect("always");
        (tally.cases, tally.denied, refusals)
    };
    assert_eq!(tally(start..between), (1, 1, 0));
    assert_eq!(tally(between..end), (1, 1, 1));
    assert_eq!(tally(start..end), (2, 2, 1));
    assert_eq!(tally(end..forever()), (0, 0, 1));
}

#[test]
fn policies_that_matched_nothing_come_last() {
    let mut world = World::new();
    three(&mut world);
    world.must("user:ada", Action::Request(ask("staging-db", 30)));
    let in_force = world.state.policy().expect("one is in force").clone();
    let activity = survey(&world).activity(in_force.policy.permit_ids());
    let told: Vec<(&str, u64)> = activity
        .policies
        .iter()
        .map(|count| (count.name.as_str(), count.count))
        .collect();
    let expected = [
        ("orders", 3),
        ("staging", 1),
        ("billing", 0),
        ("emergency", 0),
        ("vault", 0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn answers_are_told_apart_by_who_gave_them() {
    let mut world = World::new();
    let case = *three(&mut world).last().expect("three");
    for who in ["user:ada", "user:cleo"] {
        world.must(who, feedback(case));
    }
    let comment = Action::Feedback {
        case,
        access: Rating::No,
        wait: Rating::Unspecified,
        comment: "ask the team first".to_owned(),
    };
    world.must("user:dan", comment);
    let activity = survey(&world).activity([].into_iter());
    let answers = |yes, partly, no| Some(v1::Answers { yes, partly, no });
    let expected = v1::Opinions {
        access_requesters: answers(1, 0, 0),
        wait_requesters: answers(0, 1, 0),
        access_deciders: answers(1, 0, 1),
        wait_deciders: answers(0, 1, 0),
    };
    assert_eq!(activity.opinions, Some(expected));
    let remarks: Vec<_> = activity
        .remarks
        .iter()
        .map(|remark| &*remark.person)
        .collect();
    assert_eq!(remarks, ["dan", "cleo", "ada"], "the newest first");
    assert_eq!(activity.remarks[0].comment, "ask the team first");
}

/// Kinds of what is open in a case, and whether it is late.
fn open(world: &World, case: u64) -> Vec<(IssueKind, bool)> {
    let case = world.state.case(case).expect("open");
    let now = world.state.moment(world.time());
    let issues = insights::issues(case, now, world.state.setbacks());
    issues
        .iter()
        .map(|issue| (issue.kind(), issue.late))
        .collect()
}

#[test]
fn what_waits_is_told_with_whom_it_waits_for() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    assert_eq!(open(&world, case), [(IssueKind::WaitsForDecision, false)]);
    world.wait(5 * MINUTE);
    assert_eq!(
        open(&world, case),
        [(IssueKind::WaitsForDecision, true)],
        "reminded"
    );
    world.must("user:cleo", approve(case));
    let grant = world.must("user:dan", approve(case)) + 1;
    assert_eq!(open(&world, case), []);
    world.must("provisioner:db", provisioned(grant));
    world.wait(30 * MINUTE);
    assert_eq!(open(&world, case), [(IssueKind::NotUsed, false)]);
    world.must("user:ada", session(grant));
    assert_eq!(open(&world, case), []);
    world.wait(30 * MINUTE);
    let over = [
        (IssueKind::NotRemoved, false),
        (IssueKind::SessionOverruns, false),
        (IssueKind::WaitsForFeedback, false),
    ];
    assert_eq!(open(&world, case), over);
    world.wait(MINUTE);
    let late = over.map(|(kind, _)| (kind, kind != IssueKind::WaitsForFeedback));
    assert_eq!(open(&world, case), late);
    world.must("provisioner:db", removed(grant));
    let expected = [
        (IssueKind::SessionOverruns, true),
        (IssueKind::WaitsForFeedback, false),
    ];
    assert_eq!(open(&world, case), expected);
}

#[test]
fn access_that_was_taken_waits_for_a_review() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::BreakGlass(ask("orders-db", 30)));
    let grant = case + 1;
    let failed = v1::ProvisioningFailed {
        grant,
        error: "no route".to_owned(),
        attempt: 1,
    };
    world.must("provisioner:db", Action::Report(Report::Failed(failed)));
    let expected = [
        (IssueKind::NotProvisioned, true),
        (IssueKind::NotReviewed, false),
    ];
    assert_eq!(open(&world, case), expected);
    world.wait(25 * HOUR);
    assert!(open(&world, case).contains(&(IssueKind::NotReviewed, true)));
    let activity = survey(&world).activity([].into_iter());
    let tally = activity.tally.expect("always");
    assert_eq!(
        (tally.break_glass, tally.not_reviewed, tally.not_provisioned),
        (1, 1, 1)
    );
    assert_eq!((tally.granted, tally.unused), (1, 1));
}

/// Counts entries of a kind.
fn entries(world: &World, kind: u16) -> u64 {
    let found = world.log.iter().filter(|entry| entry.event.kind() == kind);
    u64::try_from(found.count()).expect("small")
}

#[test]
fn sums_are_those_of_the_entries_in_every_story() {
    for (name, story) in STORIES {
        let mut world = World::new();
        story(&mut world);
        let survey = survey(&world);
        let activity = survey.activity([].into_iter());
        let tally = activity.tally.expect("always");
        let n = |kind| entries(&world, kind);
        let counted = [
            ("cases", tally.cases, n(20) + n(35)),
            ("break-glass", tally.break_glass, n(35)),
            ("granted", tally.granted, n(28)),
            ("extended", tally.extended, n(29)),
            ("expired", tally.expired, n(32)),
            ("extensions", tally.extensions_asked, n(34)),
            ("sessions", tally.sessions, n(60)),
            ("overran", tally.overran, n(64)),
            ("reminders", tally.reminders, n(25)),
            ("closed", tally.closed, n(39)),
            (
                "reviewed afterwards",
                tally.justified + tally.not_justified,
                n(36),
            ),
        ];
        for (what, told, there) in counted {
            assert_eq!(told, there, "{name}: {what}");
        }
        let refusals = activity
            .refusals
            .iter()
            .map(|count| count.count)
            .sum::<u64>();
        assert_eq!(refusals, n(37), "{name}: refusals");
        let days = activity.days.iter().map(|day| day.cases).sum::<u64>();
        assert_eq!(days, tally.cases, "{name}: days");
        let ended = tally.denied + tally.cancelled + tally.undecided;
        assert!(
            ended + tally.pending + tally.granted <= tally.cases,
            "{name}: {tally:?}"
        );
        let delays = survey.delays(&[Dimension::Resource]);
        let rows = delays.breakdowns[0]
            .rows
            .iter()
            .map(|row| row.cases)
            .sum::<u64>();
        assert_eq!((delays.cases, rows), (tally.cases, tally.cases), "{name}");
    }
}
