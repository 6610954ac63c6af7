//! docs/policy.md says what the code does.

use countersign_workflow::policy::{Policy, known};

use super::world::{found, with_entities};

const DOCS: &str = include_str!("../../../docs/policy.md");

/// The cells of every row of a table whose first cell begins so.
fn rows(begin: &str) -> Vec<Vec<String>> {
    let lines = DOCS
        .lines()
        .filter(|line| line.starts_with(&format!("| {begin}")));
    let cells = lines.map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    });
    cells.collect()
}

#[test]
fn the_table_of_obligations_is_that_of_the_code() {
    let documented: Vec<Vec<String>> = rows("`@")
        .into_iter()
        .map(|cells| vec![cells[0].clone(), cells[2].clone(), cells[3].clone()])
        .collect();
    let expected: Vec<Vec<String>> = known()
        .into_iter()
        .map(|known| {
            let example = format!("`@{}(\"{}\")`", known.name, known.example);
            vec![example, known.default, known.strictest.to_owned()]
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_attribute_of_the_context_is_documented() {
    let schema = include_str!("../../starter/schema.cedarschema");
    let context = schema.split("action approve").nth(1).expect("it is there");
    let context = context
        .split("context: {")
        .nth(1)
        .and_then(|text| text.split('}').next());
    let names = context.expect("it has attributes").lines();
    let names = names.filter_map(|line| line.trim().split_once(':'));
    let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
    let documented: Vec<String> = rows("`")
        .into_iter()
        .map(|cells| cells[0].clone())
        .filter(|cell| names.contains(cell))
        .collect();
    assert_eq!(documented, names);
}

/// The blocks of code of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = DOCS.split(&fence).skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .collect()
}

#[test]
fn the_policy_that_the_guide_builds_has_no_faults() {
    let cedar = blocks("cedar").concat();
    let entities = blocks("json").concat();
    let bundle = with_entities(&cedar, &entities);
    assert!(Policy::compile(&bundle).is_ok(), "{:?}", found(&bundle));
    assert_eq!(found(&bundle), (Vec::new(), Vec::new()));
}
