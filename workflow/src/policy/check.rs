//! What `countersign policy check` says of a bundle.

use super::bundle::Bundle;
use super::compile::compile;
use super::problem::Problem;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What keeps the bundle from being a policy.
    pub problems: Vec<Problem>,
    /// What looks wrong.
    pub warnings: Vec<Problem>,
}

/// Checks a bundle.
#[must_use]
pub fn check(bundle: &Bundle) -> Report {
    match compile(bundle) {
        Ok(compiled) => Report {
            problems: Vec::new(),
            warnings: compiled.warnings,
        },
        Err(problems) => Report {
            problems,
            warnings: Vec::new(),
        },
    }
}
