//! docs/errors.md explains every error reason, with the code and class that the table has.

use std::path::Path;

use countersign_proto::reason::Reason;

const COLUMNS: usize = 5;

#[test]
fn the_page_has_every_reason_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let page = std::fs::read_to_string(&path).expect("docs/errors.md can be read");
    let documented: Vec<[String; COLUMNS]> = page.lines().filter_map(row).collect();
    let expected: Vec<[String; 4]> = Reason::ALL.iter().map(|reason| facts(*reason)).collect();
    for (row, expected) in documented.iter().zip(&expected) {
        assert_eq!(
            &row[..4],
            &expected[..],
            "docs/errors.md disagrees with proto::reason"
        );
        assert!(row[4].len() > 10, "{} lacks what to do", row[0]);
    }
    assert_eq!(
        documented.len(),
        expected.len(),
        "reasons in docs/errors.md and proto::reason"
    );
}

fn facts(reason: Reason) -> [String; 4] {
    let mut summary = reason.summary().to_owned();
    summary[..1].make_ascii_uppercase();
    let code = snake(&format!("{:?}", reason.code()));
    [
        format!("`{reason}`"),
        code,
        reason.class().to_string(),
        summary,
    ]
}

/// The cells of a table row that starts with a name in backquotes.
fn row(line: &str) -> Option<[String; COLUMNS]> {
    let line = line.strip_prefix("| `")?;
    let line = line.strip_suffix(" |").expect("a row ends with a bar");
    let cells: Vec<String> = format!("`{line}").split(" | ").map(str::to_owned).collect();
    Some(cells.try_into().expect("a row has five cells"))
}

/// `InvalidArgument` as `INVALID_ARGUMENT`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}
