//! The rules of the workflow, broken one at a time: every defect of `tests/defects.toml` changes
//! the source, and a test must notice.
//!
//! Here each defect is only held against the source. `COUNTERSIGN_TEST_LONG=1`, which
//! `tests/nightly defects` sets, also builds and tests it, in a copy of the workspace below the
//! target folder. `COUNTERSIGN_TEST_DEFECTS=chatbot` chooses those of files with this in their
//! path.

#[path = "defects/copy.rs"]
mod copy;
#[path = "defects/list.rs"]
mod list;

use std::collections::BTreeSet;

use crate::copy::{Copy, Ended};
use crate::list::{Defect, all, root};

/// How many rules there are at least.
const FEWEST: usize = 40;

#[test]
fn every_defect_is_of_this_source_and_noticed_by_a_test() {
    let defects = all();
    assert!(defects.len() >= FEWEST, "{} defects", defects.len());
    let rules: BTreeSet<&str> = defects.iter().map(|defect| defect.rule.as_str()).collect();
    assert_eq!(rules.len(), defects.len(), "a rule stands twice");
    let wrong: Vec<String> = defects
        .iter()
        .filter_map(|defect| defect.files(&root()).err())
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} defects are of another source:\n  {}",
        wrong.len(),
        defects.len(),
        wrong.join("\n  ")
    );
    println!("{} defects, each of this source", defects.len());
    if std::env::var_os("COUNTERSIGN_TEST_LONG").is_some() {
        let part = std::env::var("COUNTERSIGN_TEST_DEFECTS").unwrap_or_default();
        let chosen: Vec<&Defect> = defects.iter().filter(|it| it.is_about(&part)).collect();
        assert!(!chosen.is_empty(), "no defect is about {part:?}");
        each_is_noticed(&chosen);
    }
}

#[expect(clippy::print_stdout, reason = "a test says what it counted")]
fn each_is_noticed(defects: &[&Defect]) {
    let mut copy = Copy::new();
    for tests in defects
        .iter()
        .filter_map(|defect| defect.tests.last())
        .collect::<BTreeSet<_>>()
    {
        let ended = copy.test(tests);
        assert!(
            matches!(ended, Ended::Well),
            "{tests:?} without a defect: {ended:?}"
        );
    }
    let (mut caught, mut survived) = (0, Vec::new());
    for defect in defects {
        match judge(&mut copy, defect) {
            Ok(tests) => {
                caught += 1;
                println!("{}: {}", defect.rule, tests.join(", "));
            }
            Err(why) => {
                println!("{}: NOT CAUGHT, {why}", defect.rule);
                survived.push(format!("{}: {why}", defect.rule));
            }
        }
    }
    println!(
        "counted: defects: {} defects, {caught} caught",
        defects.len()
    );
    assert!(survived.is_empty(), "\n  {}", survived.join("\n  "));
}

/// The tests that notice a defect; or why none did.
fn judge(copy: &mut Copy, defect: &Defect) -> Result<Vec<String>, String> {
    copy.change(defect)?;
    for tests in &defect.tests {
        match copy.test(tests) {
            Ended::Well => {}
            Ended::Noticed(tests) => return Ok(tests),
            Ended::Unbuilt(why) => return Err(format!("it does not compile: {why}")),
            Ended::Otherwise(why) => return Err(why),
        }
    }
    Err("all tests pass".to_owned())
}
