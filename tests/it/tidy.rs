//! The house rules, as far as a program can check them: who may depend on whom, how long things
//! may get, what has to be documented. Exceptions from the size rules are in
//! `tests/tidy-ratchet.toml`.

#[path = "tidy/ratchet.rs"]
mod ratchet;
#[path = "tidy/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table};

use crate::ratchet::{Measure, Rule, judge};
use crate::source::{Source, files, has_word, root, rust};

/// Which crates of the workspace each crate may name in its `[dependencies]`.
const ARROWS: [(&str, &[&str]); 11] = [
    ("countersign-chain", &[]),
    ("countersign-proto", &["chain"]),
    ("countersign-workflow", &["chain", "proto"]),
    ("countersign-client", &["chain", "proto"]),
    ("countersign-ledger", &["chain", "proto", "workflow"]),
    ("countersign-collector", &["chain", "client", "proto"]),
    (
        "countersign-chatbot",
        &["chain", "client", "proto", "workflow"],
    ),
    ("countersign-export", &["chain", "client", "proto"]),
    (
        "countersign-verifier",
        &["chain", "client", "export", "proto", "workflow"],
    ),
    (
        "countersign",
        &[
            "chain",
            "chatbot",
            "client",
            "collector",
            "export",
            "ledger",
            "proto",
            "verifier",
            "workflow",
        ],
    ),
    (
        "countersign-tests",
        &[
            "chain",
            "chatbot",
            "client",
            "collector",
            "export",
            "ledger",
            "proto",
            "verifier",
            "workflow",
        ],
    ),
];

/// All that the pure core may link.
const CHAIN_MAY_USE: [&str; 6] = [
    "base64",
    "crc32c",
    "ed25519-dalek",
    "sha2",
    "thiserror",
    "zeroize",
];

/// What has no place in the pure core: the outside world, and maps without an order.
const CHAIN_MUST_NOT_NAME: [&str; 9] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "HashMap",
    "HashSet",
];

const MAX_FILE_LINES: usize = 400;
const MAX_TEST_FILE_LINES: usize = 700;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_COLUMNS: usize = 100;
const MAX_MAIN_LINES: usize = 60;

fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} to fix:\n  {}",
        wrong.len(),
        wrong.join("\n  ")
    );
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    assert!(
        text.is_ok(),
        "{path}: {}",
        text.as_ref().expect_err("it is not ok")
    );
    text.unwrap_or_default()
}

fn manifest(path: &str) -> DocumentMut {
    read(path).parse().expect("manifests are TOML")
}

/// The packages of the workspace as cargo sees them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {why}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"]
        .as_array()
        .expect("there are packages")
        .clone()
}

/// Names of a package's dependencies; `kind` is cargo's, null for normal ones.
fn dependencies<'a>(package: &'a Value, kinds: &[&Value]) -> BTreeSet<&'a str> {
    let all = package["dependencies"]
        .as_array()
        .expect("a package has dependencies");
    all.iter()
        .filter(|dependency| kinds.contains(&&dependency["kind"]))
        .filter_map(|dependency| dependency["name"].as_str())
        .collect()
}

#[test]
fn dependencies_follow_the_arrows() {
    let arrows: BTreeMap<&str, BTreeSet<String>> = ARROWS
        .iter()
        .map(|(name, allowed)| {
            (
                *name,
                allowed
                    .iter()
                    .map(|short| format!("countersign-{short}"))
                    .collect(),
            )
        })
        .collect();
    let packages = packages();
    assert_eq!(
        packages.len(),
        ARROWS.len(),
        "a new crate needs a line in ARROWS"
    );
    let mut wrong = Vec::new();
    let (build, dev) = (Value::from("build"), Value::from("dev"));
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let Some(allowed) = arrows.get(name) else {
            wrong.push(format!("{name}: has no line in ARROWS"));
            continue;
        };
        for dependency in dependencies(package, &[&Value::Null, &Value::from("build")]) {
            let ours = dependency == "countersign" || dependency.starts_with("countersign-");
            if ours && !allowed.contains(dependency) {
                wrong.push(format!("{name}: must not depend on {dependency}"));
            }
            if name == "countersign-chain" && !CHAIN_MAY_USE.contains(&dependency) {
                wrong.push(format!("{name}: is pure and must not use {dependency}"));
            }
        }
        // A benchmark holds the log against sled; nothing else may link it.
        let (product, dev) = (vec![&Value::Null, &build], vec![&Value::Null, &build, &dev]);
        let kinds = if name == "countersign-tests" {
            product
        } else {
            dev
        };
        if name != "countersign-ledger" && dependencies(package, &kinds).contains("sled") {
            wrong.push(format!("{name}: must not depend on sled"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn sled_is_named_in_one_file() {
    let named: Vec<_> = rust()
        .into_iter()
        .filter(|source| source.names("sled") && !source.path.starts_with("tests/benches/"))
        .collect();
    let paths: Vec<&str> = named.iter().map(|source| source.path.as_str()).collect();
    assert!(
        matches!(paths[..], [path] if path.starts_with("ledger/src/")),
        "expected one file of the ledger, got {paths:?}"
    );
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for source in rust()
        .iter()
        .filter(|source| source.path.starts_with("chain/src/"))
    {
        let code = source.code_before_tests();
        for word in CHAIN_MUST_NOT_NAME {
            if !source.is_test() && has_word(&code, word) {
                wrong.push(format!("{}: names {word}", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    for source in rust() {
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: does not open with //!", source.path));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_crate_says_what_it_does_and_what_not() {
    let mut wrong = Vec::new();
    for (name, _) in ARROWS {
        let folder = name.strip_prefix("countersign-").unwrap_or("cli");
        let library = format!("{folder}/src/lib.rs");
        let has_library = root().join(&library).exists();
        let path = if has_library {
            library
        } else {
            format!("{folder}/src/main.rs")
        };
        let text = read(&path);
        let opening: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let opening = opening.join(" ").to_lowercase();
        let does_not = opening.matches("does not").count();
        if does_not == 0 || opening.matches("does").count() == does_not {
            wrong.push(format!(
                "{path}: its opening does not say what the crate does and does not"
            ));
        }
        if !opening.contains("lives") && !opening.contains("elsewhere") {
            wrong.push(format!(
                "{path}: its opening does not say where the rest lives"
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn files_are_short() {
    let measures: Vec<_> = rust()
        .into_iter()
        .map(|source| Measure {
            value: source.lines_before_tests(),
            limit: if source.is_test() {
                MAX_TEST_FILE_LINES
            } else {
                MAX_FILE_LINES
            },
            place: String::new(),
            path: source.path,
        })
        .collect();
    assert_none(&judge(Rule::FileLines, &measures));
}

#[test]
fn functions_are_short() {
    let measures: Vec<_> = rust()
        .into_iter()
        .map(|source| {
            let longest = source
                .functions()
                .into_iter()
                .max_by_key(|function| function.lines);
            Measure {
                value: longest.as_ref().map_or(0, |function| function.lines),
                limit: MAX_FUNCTION_LINES,
                place: longest.map_or_else(String::new, |function| {
                    format!(":{} fn {}", function.first_line + 1, function.name)
                }),
                path: source.path,
            }
        })
        .collect();
    assert_none(&judge(Rule::FunctionLines, &measures));
}

#[test]
fn lines_are_short() {
    let measures: Vec<_> = rust()
        .into_iter()
        .map(|source| {
            let lengths = source.text.lines().map(|line| line.chars().count());
            let (line, length) = lengths
                .enumerate()
                .max_by_key(|&(_, length)| length)
                .unwrap_or_default();
            Measure {
                value: length,
                limit: MAX_COLUMNS,
                place: format!(":{}", line + 1),
                path: source.path,
            }
        })
        .collect();
    assert_none(&judge(Rule::Columns, &measures));
}

#[test]
fn main_only_starts_the_program() {
    let mut wrong = Vec::new();
    for source in rust()
        .iter()
        .filter(|source| source.path.ends_with("src/main.rs"))
    {
        let lines = source.text.lines().count();
        if lines > MAX_MAIN_LINES {
            wrong.push(format!(
                "{}: {lines} lines, allowed are {MAX_MAIN_LINES}",
                source.path
            ));
        }
    }
    assert_none(&wrong);
}

/// Whether an absolute path that begins with `start` stands in `text`.
fn has_path(text: &str, start: &str) -> bool {
    let before = |at: usize| text[..at].chars().next_back();
    text.match_indices(start)
        .any(|(at, _)| before(at).is_none_or(|c| c.is_whitespace() || "\"'`(=".contains(c)))
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
    ];
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let read_by_people = |path: &str| {
        let endings = [".rs", ".md", ".proto", ".toml", ".py", "/run"];
        endings.iter().any(|ending| path.ends_with(ending)) && !path.starts_with("proto/src/gen/")
    };
    let mut wrong = Vec::new();
    for path in files("", read_by_people) {
        let text = read(&path);
        let found = words.iter().filter(|word| has_word(&text, word));
        for word in found.chain(places.iter().filter(|place| has_path(&text, place))) {
            wrong.push(format!("{path}: contains {word}"));
        }
    }
    for source in rust() {
        for macro_name in ["todo!", "unimplemented!", "dbg!"] {
            if has_word(&source.code, macro_name) {
                wrong.push(format!("{}: contains {macro_name}", source.path));
            }
        }
        if source.code.contains("#[ignore") {
            wrong.push(format!("{}: has an ignored test", source.path));
        }
        if source.path.ends_with("/mod.rs") {
            wrong.push(format!("{}: name the file after the module", source.path));
        }
    }
    assert_none(&wrong);
}

/// The dependencies of others that have no comment behind them.
fn without_reason(path: &str, table: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, item) in table {
        let suffix = item.as_value().and_then(|value| value.decor().suffix());
        let comment = suffix
            .and_then(|suffix| suffix.as_str())
            .unwrap_or_default();
        let reason = comment.trim().strip_prefix('#').unwrap_or_default().trim();
        if !name.starts_with("countersign-") && reason.is_empty() {
            wrong.push(format!(
                "{path}: {name} has no trailing comment with its reason"
            ));
        }
    }
    wrong
}

#[test]
fn every_dependency_has_its_reason() {
    let workspace = manifest("Cargo.toml");
    let table = workspace["workspace"]["dependencies"]
        .as_table()
        .expect("there is a table");
    let mut wrong = without_reason("Cargo.toml", table);
    for (crate_name, _) in ARROWS {
        let folder = crate_name.strip_prefix("countersign-").unwrap_or("cli");
        let path = format!("{folder}/Cargo.toml");
        let document = manifest(&path);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = document.get(section).and_then(Item::as_table_like);
            for (name, item) in entries.into_iter().flat_map(|table| table.iter()) {
                let inherited = item.get("workspace").and_then(Item::as_bool);
                if inherited != Some(true) {
                    wrong.push(format!("{path}: {name} is not taken from the workspace"));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_system_test_is_registered() {
    let document = manifest("tests/Cargo.toml");
    let registered: BTreeSet<String> = document
        .get("test")
        .and_then(Item::as_array_of_tables)
        .into_iter()
        .flat_map(|tests| tests.iter())
        .filter_map(|test| test.get("path").and_then(Item::as_str))
        .map(|path| format!("tests/{path}"))
        .collect();
    let top = |path: &str| {
        path.strip_prefix("tests/it/")
            .is_some_and(|name| name.ends_with(".rs") && !name.contains('/'))
    };
    let written: BTreeSet<String> = files("tests/it", top).into_iter().collect();
    assert_eq!(
        written, registered,
        "files of tests/it and [[test]] paths of tests/Cargo.toml"
    );
}

#[test]
fn every_fuzz_target_is_registered_and_its_dependencies_have_reasons() {
    let document = manifest("tests/fuzz/Cargo.toml");
    let registered: BTreeSet<String> = document
        .get("bin")
        .and_then(Item::as_array_of_tables)
        .into_iter()
        .flat_map(|targets| targets.iter())
        .filter_map(|target| target.get("path").and_then(Item::as_str))
        .map(|path| format!("tests/fuzz/{path}"))
        .collect();
    let written = files("tests/fuzz/targets", |path| path.ends_with(".rs"));
    let written: BTreeSet<String> = written.into_iter().collect();
    assert_eq!(
        written, registered,
        "files of tests/fuzz/targets and [[bin]] paths of tests/fuzz/Cargo.toml"
    );
    let table = document["dependencies"]
        .as_table()
        .expect("there is a table");
    assert_none(&without_reason("tests/fuzz/Cargo.toml", table));
}

#[test]
fn every_reason_is_documented() {
    let source = Source::read("proto/src/reason.rs");
    let shouted =
        |text: &str| text.len() > 2 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let end = source.lines_before_tests();
    let before_tests = source.literals.iter().filter(|(line, _)| *line < end);
    let reasons: BTreeSet<&str> = before_tests
        .map(|(_, text)| text.as_str())
        .filter(|text| shouted(text))
        .collect();
    assert!(
        reasons.len() > 4,
        "expected the table of reasons, got {reasons:?}"
    );
    let page = read("docs/errors.md");
    let wrong: Vec<_> = reasons
        .iter()
        .filter(|reason| !page.contains(&format!("`{reason}`")))
        .map(|reason| format!("docs/errors.md does not explain `{reason}`"))
        .collect();
    assert_none(&wrong);
}

#[test]
fn every_finding_is_documented() {
    let source = Source::read("verifier/src/finding.rs");
    let functions = source.functions();
    let bodies: Vec<_> = functions
        .iter()
        .filter(|function| function.name == "code")
        .collect();
    let codes: BTreeSet<&str> = source
        .literals
        .iter()
        .filter(|(line, _)| {
            bodies
                .iter()
                .any(|body| (body.first_line..=body.last_line).contains(line))
        })
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(
        codes.len() > 4,
        "expected the codes of findings in fn code, got {codes:?}"
    );
    let page = read("docs/findings.md");
    let mut wrong = Vec::new();
    for code in codes {
        let kebab = code.split('-').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        if !kebab {
            wrong.push(format!("{}: {code} is not in kebab-case", source.path));
        }
        if !page.contains(&format!("`{code}`")) {
            wrong.push(format!("docs/findings.md does not explain `{code}`"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in files("", |path| path.ends_with(".md")) {
        let text = read(&path);
        let folder = root()
            .join(&path)
            .parent()
            .expect("a file has a folder")
            .to_owned();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or_default();
            if !folder.join(file).exists() {
                wrong.push(format!("{path}: links to {target}, which does not exist"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_limit_has_its_arithmetic() {
    let paths = files("", |path| path.ends_with("src/limits.rs"));
    assert!(!paths.is_empty(), "expected chain/src/limits.rs at least");
    let mut wrong = Vec::new();
    for path in paths {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let declared = line
                .strip_prefix("pub(crate) ")
                .or(line.strip_prefix("pub "));
            let above = number.checked_sub(1).and_then(|above| lines.get(above));
            let commented = above.is_some_and(|above| above.starts_with("//"));
            if declared.unwrap_or(line).starts_with("const ") && !commented {
                wrong.push(format!("{path}:{}: a limit without a comment", number + 1));
            }
        }
    }
    assert_none(&wrong);
}
