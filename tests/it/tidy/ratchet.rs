//! Exceptions from the size rules, kept in `tests/tidy-ratchet.toml`: each has a path, a rule, a
//! limit of its own and a reason, and falls as soon as the file obeys the rule again.

use std::fs;

use toml_edit::DocumentMut;

use crate::source::root;

/// A rule that an exception can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Lines of a file without its inline tests.
    FileLines,
    /// Lines of code of the longest function of a file.
    FunctionLines,
    /// Characters of the longest line of a file.
    Columns,
}

impl Rule {
    const ALL: [Self; 3] = [Self::FileLines, Self::FunctionLines, Self::Columns];

    fn name(self) -> &'static str {
        match self {
            Self::FileLines => "file-lines",
            Self::FunctionLines => "function-lines",
            Self::Columns => "columns",
        }
    }

    /// What no exception may go beyond.
    fn hard_limit(self) -> usize {
        match self {
            Self::FileLines => 700,
            Self::FunctionLines => 140,
            Self::Columns => 120,
        }
    }
}

/// A measured file.
#[derive(Debug)]
pub(crate) struct Measure {
    /// Path from the root.
    pub(crate) path: String,
    /// What was measured.
    pub(crate) value: usize,
    /// What the rule allows here.
    pub(crate) limit: usize,
    /// Where in the file, for the message.
    pub(crate) place: String,
}

struct Exception {
    path: String,
    rule: Rule,
    limit: usize,
    reason: String,
}

fn exceptions() -> Vec<Exception> {
    let path = root().join("tests/tidy-ratchet.toml");
    let text = fs::read_to_string(path).expect("tests/tidy-ratchet.toml can be read");
    let document: DocumentMut = text.parse().expect("tests/tidy-ratchet.toml is TOML");
    let Some(item) = document.get("exception") else {
        return Vec::new();
    };
    let tables = item
        .as_array_of_tables()
        .expect("exceptions are written as [[exception]]");
    tables
        .iter()
        .map(|table| {
            let text = |key: &str| {
                let value = table.get(key).and_then(|item| item.as_str());
                value.unwrap_or_else(|| missing(key)).to_owned()
            };
            let limit = table.get("limit").and_then(|item| item.as_integer());
            let rule = text("rule");
            Exception {
                path: text("path"),
                rule: Rule::ALL
                    .into_iter()
                    .find(|known| known.name() == rule)
                    .unwrap_or_else(|| missing("known rule")),
                limit: usize::try_from(limit.unwrap_or_else(|| missing("limit")))
                    .expect("limits are positive"),
                reason: text("reason"),
            }
        })
        .collect()
}

#[expect(clippy::panic, reason = "a broken ratchet file fails the test")]
fn missing<T>(key: &str) -> T {
    panic!("an exception in tests/tidy-ratchet.toml has no {key}")
}

/// Compares what was measured with the rule and its exceptions. Returns what is wrong.
pub(crate) fn judge(rule: Rule, measures: &[Measure]) -> Vec<String> {
    let exceptions: Vec<_> = exceptions()
        .into_iter()
        .filter(|one| one.rule == rule)
        .collect();
    let name = rule.name();
    let mut wrong = Vec::new();
    for Measure {
        path,
        value,
        limit,
        place,
    } in measures
    {
        let exception = exceptions.iter().find(|one| one.path == *path);
        let allowed = exception.map_or(*limit, |one| one.limit);
        if *value > allowed {
            wrong.push(format!(
                "{path}{place}: {name} is {value}, allowed are {allowed}"
            ));
        }
        if exception.is_some() && value <= limit {
            wrong.push(format!(
                "{path}: its exception from {name} is not needed any more"
            ));
        }
    }
    for Exception {
        path,
        limit,
        reason,
        ..
    } in &exceptions
    {
        if !measures.iter().any(|measure| measure.path == *path) {
            wrong.push(format!(
                "{path}: has an exception from {name} and does not exist"
            ));
        }
        if *limit > rule.hard_limit() {
            let hard = rule.hard_limit();
            wrong.push(format!(
                "{path}: the exception allows {limit} {name}, at most are {hard}"
            ));
        }
        if reason.trim().is_empty() {
            wrong.push(format!("{path}: the exception from {name} has no reason"));
        }
    }
    wrong
}
