//! Every kind of event has a place in OCSF, and the place is the one that the page says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_export::limits::CONTEXT_BYTES;
use countersign_export::ocsf::{Class, Context, Mapper, Version};
use countersign_proto::event::kinds;
use countersign_proto::v1;
use prost::Message;
use serde_json::Value;

use super::samples::Samples;

/// All events in a version, as JSON.
pub(crate) fn events(samples: &Samples, version: Version) -> Vec<Value> {
    let mut mapper = Mapper::new(version);
    let items = samples.items();
    let event = |item| serde_json::to_value(mapper.map(item).event).expect("it is JSON");
    items.iter().map(event).collect()
}

#[test]
fn every_kind_is_mapped_with_every_field_with_few_and_with_hostile_ones() {
    let samples = Samples::all();
    for version in Version::ALL {
        let events = events(&samples, version);
        let mut seen = BTreeSet::new();
        for event in &events {
            seen.insert(
                event["metadata"]["event_code"]
                    .as_str()
                    .expect("a text")
                    .to_owned(),
            );
            let class = event["class_uid"].as_u64().expect("a number");
            let activity = event["activity_id"].as_u64().expect("a number");
            assert_eq!(event["type_uid"], class * 100 + activity);
            assert_eq!(event["category_uid"], class / 1_000);
            assert_eq!(event["metadata"]["version"], version.as_str());
        }
        for (_, name) in kinds() {
            assert!(seen.contains(name), "{name} is not there");
        }
        let classes: BTreeSet<_> = events
            .iter()
            .map(|event| event["class_uid"].as_u64())
            .collect();
        let known: BTreeSet<_> = Class::ALL
            .iter()
            .map(|it| Some(u64::from(it.uid(version))))
            .collect();
        assert_eq!(classes, known);
    }
}

#[test]
fn nothing_is_null_and_nothing_is_empty() {
    fn walk(value: &Value, path: &str) {
        match value {
            Value::Null => panic!("{path} is null"),
            Value::Object(map) => {
                assert!(!map.is_empty(), "{path} is empty");
                for (name, value) in map {
                    walk(value, &format!("{path}.{name}"));
                }
            }
            Value::Array(list) => {
                assert!(!list.is_empty(), "{path} is empty");
                for value in list {
                    walk(value, path);
                }
            }
            Value::String(text) => assert!(!text.is_empty(), "{path} is empty"),
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let samples = Samples::all();
    for version in Version::ALL {
        for (event, name) in events(&samples, version).iter().zip(&samples.names) {
            walk(event, name);
        }
    }
}

/// The lines of the table in docs/siem/README.md: each kind with what it becomes.
fn table() -> String {
    let samples = Samples::all();
    let old = events(&samples, Version::V1_8);
    let new = events(&samples, Version::V1_9);
    let mut rows = BTreeMap::<u64, BTreeMap<u64, (String, BTreeSet<u64>)>>::new();
    for (old, new) in old.iter().zip(&new) {
        // What cannot be read stands below the table.
        if old["activity_id"] == 0 {
            continue;
        }
        let text = |name: &str| old[name].as_str().expect("a text");
        let number = |event: &Value, name: &str| event[name].as_u64().expect("a number");
        let kind = old["unmapped"]["ledger_kind"].as_str().expect("a text");
        let kind: u64 = kind.parse().expect("a number");
        let place = match (number(old, "type_uid"), number(new, "type_uid")) {
            (old, new) if old == new => old.to_string(),
            (old, new) => format!("{old}, from 1.9 {new}"),
        };
        let line = format!(
            "{} / {} | {place}",
            text("class_name"),
            text("activity_name")
        );
        let places = rows.entry(kind).or_default();
        let found = places.entry(number(old, "type_uid"));
        let (_, severities) = found.or_insert((line, BTreeSet::new()));
        severities.insert(number(old, "severity_id"));
    }
    let mut out = String::new();
    for (kind, name) in kinds() {
        for (line, severities) in rows[&u64::from(kind)].values() {
            let names = ["Informational", "Low", "Medium", "High"];
            let name_of = |id: &u64| names[usize::try_from(*id).expect("small") - 1];
            let severities: Vec<_> = severities.iter().map(name_of).collect();
            out.push_str(&format!(
                "| {kind} `{name}` | {line} | {} |\n",
                severities.join(", ")
            ));
        }
    }
    out
}

#[test]
fn the_page_has_the_table_that_the_code_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/siem/README.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let table = table();
    assert!(
        page.contains(&table),
        "docs/siem/README.md should have:\n{table}"
    );
}

#[test]
fn later_entries_of_a_case_tell_whose_access_it_is() {
    let mut samples = Samples::empty(1_000_000);
    let request = v1::AccessRequested {
        person: "ada".into(),
        resource: "db-prod".into(),
        permission: "admin".into(),
        ..v1::AccessRequested::default()
    };
    samples.push(2, &[], "recovered");
    samples.push(20, &request.encode_to_vec(), "a request");
    samples.push(
        32,
        &v1::GrantExpired { grant: 7 }.encode_to_vec(),
        "the grant expires",
    );
    let whole = events(&samples, Version::V1_3);
    assert_eq!(whole[2]["user"]["name"], "ada");
    assert_eq!(whole[2]["privileges"][0], "admin");
    assert_eq!(whole[2]["resource"]["name"], "db-prod");
    assert_eq!(
        whole[2]["metadata"]["correlation_uid"],
        whole[1]["metadata"]["uid"]
    );
    // An export that begins behind the request does not know.
    let items = samples.items();
    let mut mapper = Mapper::new(Version::V1_3);
    let late = mapper.map(&items[2]).event;
    let late = serde_json::to_value(late).expect("it is JSON");
    assert_eq!(late["user"]["name"], "unknown");
    assert_eq!(late["user"]["type_id"], 0);
    assert_eq!(late["unmapped"]["event_grant"], "7");
}

#[test]
fn the_parties_of_the_oldest_cases_are_forgotten_first() {
    let mut samples = Samples::empty(1);
    samples.push(2, &[], "recovered");
    let long = "x".repeat(40_000);
    let request = v1::AccessRequested {
        person: "ada".into(),
        resource: long,
        permission: "admin".into(),
        ..v1::AccessRequested::default()
    };
    let (payload, fit) = (request.encode_to_vec(), CONTEXT_BYTES / 40_008);
    for _ in 0..=fit {
        samples.push(20, &payload, "a request");
    }
    let mut context = Context::new();
    let items = samples.items();
    for item in &items[..=fit] {
        context.see(item);
    }
    assert!(context.parties(&items[1]).is_some());
    context.see(&items[fit + 1]);
    assert!(context.parties(&items[1]).is_none());
    assert!(context.parties(&items[2]).is_some());
    assert!(context.parties(&items[fit + 1]).is_some());
}
