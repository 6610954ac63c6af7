//! The texts that conditions compare with: what a policy expects to find in the world.

use std::collections::BTreeSet;

use serde_json::Value;

/// An attribute and the texts it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Compared {
    /// `resource`, `context` or `principal`.
    pub(crate) variable: String,
    pub(crate) attribute: String,
    pub(crate) texts: Vec<String>,
}

/// Every comparison of an attribute with texts. A pattern counts as a text that fits it.
pub(crate) fn compared(policy: &cedar_policy::Policy) -> BTreeSet<Compared> {
    let mut found = BTreeSet::new();
    if let Ok(json) = policy.to_json() {
        walk(&json, &mut |node| found.extend(comparison(node)));
    }
    found
}

/// Every text in the conditions.
pub(crate) fn texts(policy: &cedar_policy::Policy) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let conditions = policy.to_json().ok();
    if let Some(conditions) = conditions.as_ref().and_then(|json| json.get("conditions")) {
        walk(conditions, &mut |node| {
            found.extend(node.get("Value").and_then(Value::as_str).map(str::to_owned));
        });
    }
    found
}

/// Cedar's JSON is as deep as the policy's text, which the parser has bounded.
fn walk(node: &Value, visit: &mut impl FnMut(&Value)) {
    visit(node);
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn comparison(node: &Value) -> Option<Compared> {
    if let Some(like) = node.get("like") {
        let texts = vec![fitting(like.get("pattern")?)?];
        return attribute(like.get("left")?, texts);
    }
    let operator = ["==", "!=", "contains", "containsAny"];
    let sides = operator.iter().find_map(|operator| node.get(operator))?;
    let (left, right) = (sides.get("left")?, sides.get("right")?);
    attribute(left, of(right)).or_else(|| attribute(right, of(left)))
}

/// The attribute, when it is one of a variable and there is something to compare it with.
fn attribute(node: &Value, texts: Vec<String>) -> Option<Compared> {
    let access = node.get(".")?;
    let variable = access.get("left")?.get("Var")?.as_str()?;
    let attribute = access.get("attr")?.as_str()?;
    (!texts.is_empty()).then(|| Compared {
        variable: variable.to_owned(),
        attribute: attribute.to_owned(),
        texts,
    })
}

/// A text, or the texts of a set.
fn of(node: &Value) -> Vec<String> {
    let text = |node: &Value| node.get("Value").and_then(Value::as_str).map(str::to_owned);
    let set = node.get("Set").and_then(Value::as_array);
    set.map_or_else(
        || text(node).into_iter().collect(),
        |items| items.iter().filter_map(text).collect(),
    )
}

fn fitting(pattern: &Value) -> Option<String> {
    let parts = pattern.as_array()?.iter();
    let parts = parts.map(|part| part.get("Literal").and_then(Value::as_str).unwrap_or("1"));
    Some(parts.collect())
}
