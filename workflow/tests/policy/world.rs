//! A small world to judge in.

use std::collections::{BTreeMap, BTreeSet};

use countersign_workflow::policy::{Bundle, Facts, Policy, Problem, RequestFacts, check};

/// Four people, three groups, one resource.
pub(crate) const ENTITIES: &str = r#"[
  {"uid": {"type": "Settings", "id": "company"}, "attrs": {"zone": "UTC"}, "parents": []},
  {"uid": {"type": "Group", "id": "engineers"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "security"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "leads"}, "attrs": {},
   "parents": [{"type": "Group", "id": "engineers"}]},
  {"uid": {"type": "Person", "id": "ada"}, "attrs": {"email": "ada@example.com"},
   "parents": [{"type": "Group", "id": "engineers"}]},
  {"uid": {"type": "Person", "id": "bo"}, "attrs": {"accounts": ["bot:bo"]},
   "parents": [{"type": "Group", "id": "leads"}, {"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "cy"}, "attrs": {},
   "parents": [{"type": "Group", "id": "leads"}, {"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "robot"}, "attrs": {"bot": true},
   "parents": [{"type": "Group", "id": "engineers"}, {"type": "Group", "id": "security"}]},
  {"uid": {"type": "Resource", "id": "db"},
   "attrs": {"environment": "production", "sensitivity": "high", "permissions": ["read", "write"]},
   "parents": []}
]
"#;

/// Everyone in the group may decide.
pub(crate) const APPROVE: &str = r#"@id("decide")
permit (principal, action == Action::"approve", resource) when { principal in context.group };
"#;

/// A permit for everybody, with these annotations.
pub(crate) fn permit(id: &str, annotations: &str) -> String {
    permit_for("request", id, annotations, "true")
}

/// A permit of an action for everybody, with these annotations and this condition.
pub(crate) fn permit_for(action: &str, id: &str, annotations: &str, when: &str) -> String {
    format!(
        "@id({id:?}) {annotations}\n\
         permit (principal, action == Action::{action:?}, resource) when {{ {when} }};\n"
    )
}

pub(crate) fn bundle(cedar: &str) -> Bundle {
    with_entities(cedar, ENTITIES)
}

pub(crate) fn with_entities(cedar: &str, entities: &str) -> Bundle {
    let files = [("access.cedar", cedar), ("entities.json", entities)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    Bundle::new(files).expect("names and sizes are fine")
}

/// The policy, or its problems as texts.
pub(crate) fn compile(cedar: &str) -> Result<Policy, Vec<String>> {
    Policy::compile(&bundle(cedar)).map_err(|problems| texts(&problems))
}

pub(crate) fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Problems and warnings as texts.
pub(crate) fn found(bundle: &Bundle) -> (Vec<String>, Vec<String>) {
    let report = check(bundle);
    (texts(&report.problems), texts(&report.warnings))
}

pub(crate) fn facts(hour: u8, weekday: u8, on_call: &[&str]) -> Facts {
    let people: BTreeSet<String> = on_call.iter().map(|id| (*id).to_owned()).collect();
    Facts {
        on_call: BTreeMap::from([("on-call".to_owned(), people)]),
        hour,
        weekday,
        zone: "UTC".to_owned(),
    }
}

pub(crate) fn ask<'a>(
    facts: &'a Facts,
    person: &'a str,
    resource: &'a str,
    permission: &'a str,
) -> RequestFacts<'a> {
    RequestFacts {
        person,
        resource,
        permission,
        duration_seconds: 600,
        severity: "",
        ticket: "",
        affected: &[],
        facts,
    }
}
