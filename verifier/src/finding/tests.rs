//! The codes, their page and the codes of the format agree.

use std::collections::BTreeSet;

use super::{Code, Findings, MAX_KEPT, Severity};

const PAGE: &str = include_str!("../../../docs/findings.md");
const FORMAT: &str = include_str!("../../../docs/format.md");

#[test]
fn every_code_has_its_row_and_no_row_is_left_over() {
    let rows: BTreeSet<&str> = PAGE
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected: BTreeSet<String> = Code::all()
        .map(|code| {
            let severity = code.severity().name();
            let (meaning, advice) = (code.meaning(), code.advice());
            format!("| `{}` | {severity} | {meaning} | {advice} |", code.code())
        })
        .collect();
    let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let missing: Vec<_> = expected.difference(&rows).collect();
    let extra: Vec<_> = rows.difference(&expected).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{missing:#?}\n{extra:#?}"
    );
    assert_eq!(expected.len(), Code::all().count());
}

#[test]
fn every_refusal_of_the_format_that_a_log_can_meet_is_a_finding() {
    let codes = FORMAT
        .lines()
        .skip_while(|line| !line.starts_with("| code | section |"))
        .skip(2)
        .map_while(|line| line.strip_prefix("| `"));
    let mut seen = 0;
    for row in codes {
        let mut cells = row.split('|').map(str::trim);
        let code = cells.next().expect("a code").trim_matches('`');
        let refuses = cells.nth(1).expect("what it refuses");
        // Keys and principals are refused before a log is looked at, or inside a record; findings
        // about head slots and proofs are `head-mismatch`, `bad-head` and `bad-proof`.
        let elsewhere = [
            "vkey",
            "principal",
            "origin",
            "proof",
            "tlog-proof",
            "head slot",
        ];
        if elsewhere.contains(&refuses) {
            continue;
        }
        seen += 1;
        assert!(
            Code::all().any(|known| known.code() == code),
            "{code} is no finding"
        );
    }
    assert!(seen > 30, "{seen} codes were read from docs/format.md");
}

#[test]
fn findings_are_bounded_and_counted() {
    let mut findings = Findings::default();
    for index in 0..2_500 {
        findings.add(Code::BadCrc, Some(index), String::new());
    }
    findings.add(Code::UnknownFile, None, String::new());
    assert_eq!(findings.damage().len(), MAX_KEPT);
    assert_eq!(findings.damage_total(), 2_500);
    assert_eq!((findings.notes().len(), findings.notes_total()), (1, 1));
    assert_eq!(Code::UnknownFile.severity(), Severity::Note);
}
