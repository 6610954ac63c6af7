//! What `countersign policy check` says of a bundle: what keeps it from being a policy, and what is
//! most likely not meant so.

use jiff::tz::TimeZone;

use super::bundle::Bundle;
use super::compile::{Compiled, compile};
use super::entities::FILE;
use super::lockout::lockout;
use super::problem::Problem;

mod directory;
mod statement;

/// What was found, sorted by file and place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What keeps the bundle from being put into force.
    pub problems: Vec<Problem>,
    /// What looks wrong.
    pub warnings: Vec<Problem>,
}

/// Checks a bundle.
#[must_use]
pub fn check(bundle: &Bundle) -> Report {
    let compiled = match compile(bundle) {
        Ok(compiled) => compiled,
        Err(problems) => {
            return Report {
                problems,
                warnings: Vec::new(),
            };
        }
    };
    let mut warnings = compiled.warnings.clone();
    warnings.extend(statement::warnings(&compiled));
    warnings.extend(directory::warnings(&compiled));
    if let Some(why) = lockout(&compiled.policy) {
        warnings.push(Problem::new(
            "",
            format!("this policy locks everyone out: {why}"),
        ));
    } else {
        warnings.extend(directory::closed(&compiled));
    }
    warnings.sort();
    warnings.dedup();
    Report {
        problems: zone(&compiled),
        warnings,
    }
}

/// A zone that nobody can tell the time by. The compiler does not ask: what it says must not change
/// with the data of time zones.
fn zone(compiled: &Compiled<'_>) -> Vec<Problem> {
    let zone = compiled.policy.zone();
    if TimeZone::get(zone).is_ok() {
        return Vec::new();
    }
    let at = compiled.loaded.place(&compiled.policy.types.company());
    let problem = Problem::new(FILE, format!("unknown time zone {zone:?}"));
    vec![
        problem
            .at(at)
            .hint("use a name such as Europe/Berlin or UTC"),
    ]
}
