//! What a new bundle changes, for the entry that puts it into force.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bundle::Bundle;
use super::entities::FILE;
use super::source::statements;
use crate::limits::{MAX_DIFF_LINE, MAX_DIFF_LINES};

/// Things by kind (`policy`, `person`, …) and name, as texts that differ when the things do.
type Things = BTreeMap<String, BTreeMap<String, String>>;

/// What is different, in short lines: files, policies by their ids, people, groups and resources by
/// their names. The last line says how many were left out.
///
/// Neither bundle has to be a policy.
#[must_use]
pub fn diff_summary(old: &Bundle, new: &Bundle) -> Vec<String> {
    let (was, is) = (things(old), things(new));
    let kinds: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let (mut lines, none) = (Vec::new(), BTreeMap::new());
    for kind in kinds {
        let (was, is) = (was.get(kind), is.get(kind));
        compare(kind, was.unwrap_or(&none), is.unwrap_or(&none), &mut lines);
    }
    if lines.is_empty() && old != new {
        lines.push("nothing but comments and white space".to_owned());
    }
    shorten(lines)
}

fn things(bundle: &Bundle) -> Things {
    let mut things = Things::new();
    let mut add = |kind: &str, name: &str, text: String| {
        let of_kind = things.entry(kind.to_owned()).or_default();
        of_kind.insert(name.to_owned(), text);
    };
    for (name, text) in bundle.files() {
        // What changes inside of these is told in their own terms.
        let own_terms = name.ends_with(".cedar") || name == FILE;
        add(
            "file",
            name,
            if own_terms {
                String::new()
            } else {
                text.to_owned()
            },
        );
    }
    let (statements, _) = statements(bundle);
    for statement in &statements {
        let words: Vec<&str> = statement.source.split_whitespace().collect();
        add(
            "policy",
            statement.id().unwrap_or("without id"),
            words.join(" "),
        );
    }
    let entities = bundle.file(FILE).map(serde_json::from_str::<Vec<Value>>);
    for entity in entities.and_then(Result::ok).unwrap_or_default() {
        let Some((kind, name)) = uid(entity.get("uid")) else {
            continue;
        };
        add(&kind.to_lowercase(), &name, canonical(&entity));
    }
    things
}

/// Type and name of an entity, in either of Cedar's two forms.
fn uid(value: Option<&Value>) -> Option<(String, String)> {
    let value = value?;
    let inner = value.get("__entity").unwrap_or(value);
    let of = |key: &str| inner.get(key)?.as_str().map(str::to_owned);
    Some((of("type")?, of("id")?))
}

/// The entity as text, whatever the order of its parents and sets.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(canonical).collect();
            items.sort_unstable();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, canonical(value)));
            let fields: BTreeMap<&String, String> = fields.collect();
            format!("{fields:?}")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn compare(
    kind: &str,
    was: &BTreeMap<String, String>,
    is: &BTreeMap<String, String>,
    lines: &mut Vec<String>,
) {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        let what = match (was.get(name), is.get(name)) {
            (None, _) => "added",
            (_, None) => "removed",
            (was, is) if was != is => "changed",
            _ => continue,
        };
        lines.push(format!("{kind} {name} {what}"));
    }
}

/// Cuts lines and their number to the limits.
fn shorten(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MAX_DIFF_LINES {
        let kept = MAX_DIFF_LINES.saturating_sub(1);
        let left_out = lines.len().saturating_sub(kept);
        lines.truncate(kept);
        lines.push(format!("and {left_out} more changes"));
    }
    for line in &mut lines {
        if line.len() > MAX_DIFF_LINE {
            let end = line.floor_char_boundary(MAX_DIFF_LINE.saturating_sub('…'.len_utf8()));
            line.truncate(end);
            line.push('…');
        }
    }
    lines
}
