//! The schema of a bundle, and whether it takes what the ledger will ask.

use cedar_policy::{Context, Entity, Request, RestrictedExpression, Schema};

use super::bounds::{Language, exceeded};
use super::bundle::Bundle;
use super::names::{ACTS, Act, Types};
use super::problem::Problem;
use super::source::from_cedar;
use super::{Facts, RequestFacts, judge};

/// The schema of a bundle that has none.
pub(crate) const BUILT_IN: &str = include_str!("../../starter/schema.cedarschema");

/// The name under which that is spoken of.
const BUILT_IN_NAME: &str = "schema.cedarschema";

/// Reads the schema of a bundle, or the one that is built in.
pub(crate) fn load(bundle: &Bundle, types: &Types) -> Result<Schema, Vec<Problem>> {
    let mut files = bundle.with_extension(".cedarschema");
    let (file, text) = files.next().unwrap_or((BUILT_IN_NAME, BUILT_IN));
    if let Some((second, _)) = files.next() {
        return Err(vec![Problem::new(
            second,
            format!("second schema beside {file}"),
        )]);
    }
    if let Some(problem) = exceeded(file, text, Language::Schema) {
        return Err(vec![problem]);
    }
    let schema = match Schema::from_cedarschema_str(text) {
        Ok((schema, _)) => schema,
        Err(error) => return Err(vec![from_cedar(file, text, &error)]),
    };
    let problems = missing(&schema, types, file);
    if problems.is_empty() {
        Ok(schema)
    } else {
        Err(problems)
    }
}

/// What the schema lacks of ours. It is asked with one example of every question and every entity,
/// so that it may add to ours whatever it likes.
fn missing(schema: &Schema, types: &Types, file: &str) -> Vec<Problem> {
    let hint = "start from the schema of the starter bundle, and add to it";
    let problem = |message: String| Problem::new(file, message).hint(hint);
    let mut problems = Vec::new();
    for name in [
        &types.person,
        &types.group,
        &types.resource,
        &types.settings,
    ] {
        if !schema.entity_types().any(|known| known == name) {
            problems.push(problem(format!("schema has no entity type {name}")));
        }
    }
    for act in ACTS {
        let action = types.action(act);
        if !schema.actions().any(|known| *known == action) {
            problems.push(problem(format!("schema has no action {}", act.name())));
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    for act in ACTS {
        if let Err(error) = probe(schema, types, act) {
            let name = act.name();
            problems.push(problem(format!(
                "schema does not fit action {name}: {error}"
            )));
        }
    }
    let person = serde_json::json!({
        "uid": {"type": "Person", "id": "ada"},
        "attrs": {"email": "", "slack": "", "teams": "", "accounts": [""], "bot": true},
        "parents": [{"type": "Group", "id": "security"}],
    });
    let group = serde_json::json!({
        "uid": {"type": "Group", "id": "security"}, "attrs": {"on_call": ""}, "parents": [],
    });
    for entity in [person, group] {
        if let Err(error) = Entity::from_json_value(entity, Some(schema)) {
            problems.push(problem(format!(
                "schema does not fit our entities: {error}"
            )));
        }
    }
    problems
}

fn probe(schema: &Schema, types: &Types, act: Act) -> Result<(), String> {
    let facts = Facts::default();
    let affected = [String::new()];
    let ask = RequestFacts {
        person: "ada",
        resource: "orders-db",
        permission: "",
        duration_seconds: 0,
        severity: "",
        ticket: "",
        affected: &affected,
        facts: &facts,
    };
    let mut pairs = judge::pairs(&ask);
    if act == Act::Approve {
        for (name, uid) in [
            ("requester", types.person("ada")),
            ("group", types.group("g")),
        ] {
            pairs.push((name.to_owned(), RestrictedExpression::new_entity_uid(uid)));
        }
    }
    let (resource, pairs) = if act == Act::ReadAudit {
        (types.company(), Vec::new())
    } else {
        (types.resource("orders-db"), pairs)
    };
    let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
    let (person, action) = (types.person("ada"), types.action(act));
    Request::new(person, action, resource, context, Some(schema))
        .map(|_| ())
        .map_err(|error| error.to_string())
}
