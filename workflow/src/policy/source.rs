//! The Cedar files of a bundle as statements, each with its place.

use cedar_policy::{Effect, PolicySet};
use miette::Diagnostic;

use super::bounds::{Language, exceeded};
use super::bundle::Bundle;
use super::problem::{Position, Problem};

/// One policy as it stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct Statement<'a> {
    pub(crate) policy: cedar_policy::Policy,
    pub(crate) file: &'a str,
    /// The whole file, for places in it.
    pub(crate) text: &'a str,
    /// Its first byte there.
    pub(crate) start: usize,
    /// Its own text.
    pub(crate) source: String,
}

impl Statement<'_> {
    pub(crate) fn is_permit(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }

    /// Its `@id`.
    pub(crate) fn id(&self) -> Option<&str> {
        self.policy.annotation("id")
    }

    /// A problem at the beginning of the statement.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        let at = Position::of(self.text, self.start);
        Problem::new(self.file, message).at(Some(at))
    }

    /// A problem at one of its annotations.
    pub(crate) fn annotation_problem(&self, name: &str, message: impl Into<String>) -> Problem {
        self.text_problem(&format!("@{name}"), message)
    }

    /// A problem at the first place of a text in it.
    pub(crate) fn text_problem(&self, text: &str, message: impl Into<String>) -> Problem {
        let found = self.source.find(text).unwrap_or(0);
        let at = Position::of(self.text, self.start.saturating_add(found));
        Problem::new(self.file, message).at(Some(at))
    }
}

/// Parses every Cedar file.
pub(crate) fn statements(bundle: &Bundle) -> (Vec<Statement<'_>>, Vec<Problem>) {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    let mut files = 0_usize;
    for (file, text) in bundle.with_extension(".cedar") {
        files = files.saturating_add(1);
        match parse(file, text) {
            Ok(statements) => all.extend(statements),
            Err(found) => problems.extend(found),
        }
    }
    if files == 0 {
        let problem = Problem::new("", "the bundle has no policies");
        problems.push(problem.hint("write them into a file such as access.cedar"));
    }
    (all, problems)
}

fn parse<'a>(file: &'a str, text: &'a str) -> Result<Vec<Statement<'a>>, Vec<Problem>> {
    if let Some(problem) = exceeded(file, text, Language::Policies) {
        return Err(vec![problem]);
    }
    let set: PolicySet = text.parse().map_err(|errors| {
        let errors: cedar_policy::ParseErrors = errors;
        let problems = errors.iter().map(|error| from_cedar(file, text, error));
        problems.collect::<Vec<Problem>>()
    })?;
    if let Some(template) = set.templates().next() {
        let problem = Problem::new(file, format!("policy is a template: {template}"));
        return Err(vec![
            problem.hint("write a policy without ?principal and ?resource"),
        ]);
    }
    let mut policies: Vec<_> = set.policies().cloned().collect();
    // Cedar numbers them as they stand in the file: policy0, policy1, …
    policies.sort_by_key(|policy| {
        let id = policy.id().to_string();
        id.strip_prefix("policy")
            .and_then(|number| number.parse::<u64>().ok())
    });
    let mut from = 0;
    let statements = policies.into_iter().map(|policy| {
        let source = policy.to_string();
        let rest = text.get(from..).unwrap_or_default();
        let start = rest.find(&source).unwrap_or(0).saturating_add(from);
        from = start.saturating_add(1);
        Statement {
            policy,
            file,
            text,
            start,
            source,
        }
    });
    Ok(statements.collect())
}

/// One of Cedar's complaints, with the place that it names.
pub(crate) fn from_cedar(file: &str, text: &str, error: &dyn Diagnostic) -> Problem {
    let at = error.labels().and_then(|mut labels| labels.next());
    let at = at.map(|label| Position::of(text, label.offset()));
    let mut problem = Problem::new(file, error.to_string()).at(at);
    problem.hint = error.help().map(|help| help.to_string());
    problem
}
