//! docs/redaction.md says what the code does.

use std::fs;

use countersign_collector::limits::{REDACT_TAIL, REDACT_WINDOW};
use countersign_collector::redact::{Rules, Settings};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction.md");
    fs::read_to_string(path).expect("the page")
}

#[test]
fn the_table_of_rules_is_that_of_the_code() {
    let rows: Vec<String> = Rules::builtin()
        .map(|(name, what)| format!("| `{name}` | {what} |"))
        .collect();
    let page = page();
    let table: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(table, rows, "the table has to be:\n{}", rows.join("\n"));
}

#[test]
fn the_example_of_settings_is_one() {
    let page = page();
    let start = page.find("```toml\n").unwrap() + 8;
    let end = start + page[start..].find("```").unwrap();
    let settings: Settings = toml::from_str(&page[start..end]).unwrap();
    assert!(!settings.rules.is_empty() && !settings.off.is_empty() && !settings.allow.is_empty());
    Rules::new(&settings).unwrap();
}

#[test]
fn the_limits_are_those_of_the_code() {
    let page = page();
    for limit in [REDACT_WINDOW, REDACT_TAIL] {
        let thousands = format!("{},{:03}", limit / 1_000, limit % 1_000);
        assert!(page.contains(&thousands), "{thousands}");
    }
}
