//! The starter bundle is a policy without faults.

use countersign_workflow::policy::{Policy, check, starter};

#[test]
fn the_starter_bundle_has_no_faults() {
    let bundle = starter();
    let problems = Policy::compile(&bundle).map(drop);
    let texts = problems.map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(texts, Ok(()));
    let report = check(&bundle);
    assert_eq!(report.warnings, []);
}
