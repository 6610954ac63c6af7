//! Logs that are signed well and break the rules of the workflow, and logs that keep them.

use std::collections::BTreeSet;

use countersign_proto::v1;
use countersign_verifier::report::{Verdict, json};
use countersign_workflow::command::Action;
use countersign_workflow::replay::Fault;
use serde_json::Value;

use super::folder::{Log, Told, assert_damage, damage, notes, payload};
use super::forged;
use super::honest::STORIES;
use super::world::{Entry, HOUR, MINUTE, World, approve, ask, session};

/// A log on disk with the entries of one in memory, `commit` of them in each commit.
pub(crate) fn log_of(entries: &[Entry], commit: u64) -> Log {
    Log::telling(log_entries(entries), commit)
}

#[test]
fn logs_that_keep_the_rules_are_intact() {
    let (mut cases, mut closed) = (0, 0);
    for (name, story) in STORIES {
        let mut world = World::new();
        story(&mut world);
        for commit in [1, 7, 1_000] {
            let report = log_of(&world.log, commit).verify();
            assert_damage(&report, &[], name);
            assert_eq!(notes(&report), [], "{name}");
            let open = u64::try_from(world.state.open()).expect("small");
            assert_eq!(
                report.checked.cases - report.checked.cases_closed,
                open,
                "{name}"
            );
            if commit == 1 {
                cases += report.checked.cases;
                closed += report.checked.cases_closed;
            }
        }
    }
    println!(
        "{} honest logs, {cases} cases, {closed} of them closed",
        STORIES.len()
    );
}

#[test]
fn every_forgery_is_reported_with_its_code_and_index_and_nothing_before_it() {
    let (mut all, mut found, mut codes) = (0, 0, BTreeSet::new());
    for forgery in forged::all() {
        let (name, code, _story) = forgery;
        let (world, index) = forged::log_of(forgery);
        let report = log_of(&world.log, 1 + index % 5).verify();
        all += 1;
        let first = damage(&report).first().copied();
        assert_eq!(
            first,
            Some((*code, Some(index))),
            "{name}: {:#?}",
            report.findings
        );
        assert_eq!(report.verdict(), Verdict::Findings, "{name}");
        let finding = &report.findings.damage()[0];
        assert!(
            finding.message.starts_with(&format!("entry {index}")),
            "{}",
            finding.message
        );
        found += 1;
        codes.insert(*code);
    }
    println!(
        "{all} forged logs, {found} found, with {} of {} codes",
        codes.len(),
        Fault::ALL.len()
    );
    assert!(all >= 80, "{all}");
}

#[test]
fn the_report_counts_cases_and_policies() {
    let mut world = World::new();
    let (case, _grant) = world.granted(5);
    world.close(case);
    world.must("user:ada", Action::Request(ask("orders-db", 5)));
    let log = log_of(&world.log, 4);
    let report = log.verify();
    let took = std::time::Duration::from_secs(1);
    let json: Value = serde_json::from_str(&json::report(&report, took)).expect("JSON");
    let checked = &json["checked"];
    for (name, count) in [
        ("cases", 2),
        ("cases_open", 1),
        ("cases_closed", 1),
        ("policies", 1),
    ] {
        assert_eq!(checked[name], count, "{name}: {checked}");
    }
    let mut text = Vec::new();
    countersign_verifier::report::text::report(&mut text, &report, took).expect("written");
    let text = String::from_utf8(text).expect("text");
    let line = "2 cases replayed by the rules (1 open, 1 closed), 1 policies";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_log_without_access_says_nothing_of_it() {
    let log = Log::of(&[&[1, 2]]);
    let report = log.verify();
    assert_eq!((report.checked.cases, report.checked.policies), (0, 0));
    let mut text = Vec::new();
    let took = std::time::Duration::from_secs(1);
    countersign_verifier::report::text::report(&mut text, &report, took).expect("written");
    assert!(!String::from_utf8(text).expect("text").contains("cases"));
}

#[test]
fn behind_a_damaged_entry_cases_are_not_judged() {
    let mut world = World::new();
    let (case, _grant) = world.granted(60);
    world.wait(HOUR);
    world.close(case);
    let log = log_of(&world.log, 3);
    log.flip_in_record(3, 90);
    let report = log.verify();
    assert_damage(&report, &[("record-changed", Some(3))], "a changed review");
    assert_eq!(notes(&report), [("cases-unchecked", Some(3))]);
    assert_eq!(report.checked.cases, 1);
}

#[test]
fn a_forgery_before_the_damage_is_still_told() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    let event = v1::GrantIssued {
        request: case,
        person: "ada".to_owned(),
        resource: "orders-db".to_owned(),
        permission: "read-only".to_owned(),
        end: Some(countersign_workflow::wire::timestamp(world.time())),
        ..v1::GrantIssued::default()
    };
    let index = world.place("ledger", "", case, event.into());
    let last = world.plain();
    let log = log_of(&world.log, 1);
    log.flip_in_record(last, 70);
    let report = log.verify();
    let expected = [
        ("grant-without-approval", Some(index)),
        ("record-changed", Some(last)),
    ];
    assert_damage(&report, &expected, "both");
}

#[test]
fn an_entry_of_a_kind_to_come_ends_the_replay_and_not_the_verification() {
    let mut world = World::new();
    let (case, grant) = world.granted(60);
    let mut log = log_entries(&world.log);
    log.push(Told {
        case,
        kind: countersign_chain::kind::Kind::new(66).expect("a kind"),
        payload: Vec::new(),
        ..log.last().expect("entries").clone()
    });
    world.sleep(MINUTE);
    let index = world.must("user:ada", session(grant));
    assert_eq!(index + 1, world.size());
    let report = Log::telling(log, 2).verify();
    assert_damage(&report, &[], "a newer ledger");
    let codes: Vec<&str> = notes(&report).iter().map(|(code, _index)| *code).collect();
    assert_eq!(codes, ["unknown-kind", "cases-unchecked"]);
}

pub(crate) fn log_entries(entries: &[Entry]) -> Vec<Told> {
    let told = entries.iter().skip(1).map(|entry| {
        let (kind, payload) = entry.event.to_event().into_parts().expect("an event");
        Told {
            time: entry.time,
            case: entry.case,
            actor: entry.actor.clone(),
            via: entry.via.clone(),
            idem: Vec::new(),
            kind,
            payload: payload.to_vec(),
        }
    });
    told.collect()
}

#[test]
fn a_payload_that_is_no_event_ends_the_replay() {
    let mut world = World::new();
    let case = world.must("user:ada", Action::Request(ask("orders-db", 60)));
    world.must("user:cleo", approve(case));
    let mut told = log_entries(&world.log);
    let (kind, _payload) = payload(&v1::ReviewRecorded::default());
    told.push(Told {
        kind,
        payload: vec![0xFF; 9],
        ..told.last().expect("entries").clone()
    });
    let index = u64::try_from(told.len()).expect("small");
    let report = Log::telling(told, 3).verify();
    assert_damage(&report, &[("bad-payload", Some(index))], "no event");
    assert_eq!(notes(&report), [("cases-unchecked", Some(index))]);
}
