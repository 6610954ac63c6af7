//! Programs of Slack and of Microsoft as judges of the cards and forms in `chatbot/tests/golden`,
//! which the chatbot's own tests hold against what it draws. Each judge also gets samples with a
//! defect, so that one who takes everything is noticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_tests::node::{node_modules, peer, python};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn golden() -> PathBuf {
    root().join("chatbot/tests/golden")
}

/// What a judge counted, when all is well.
fn judged(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{why}", output.status);
    assert!(text.starts_with("counted: "), "{text}");
    text
}

#[test]
fn slacks_library_takes_every_message_and_modal() {
    let mut python = python();
    print!(
        "{}",
        judged(python.arg(peer("slack_cards.py")).arg(golden()))
    );
}

#[test]
fn microsofts_renderer_takes_every_card() {
    let mut node = Command::new("node");
    node.arg(peer("teams_cards.cjs"))
        .arg(golden())
        .arg(node_modules());
    print!("{}", judged(&mut node));
}

/// Everything that was drawn for Slack, each with the type that it should have.
fn drawn() -> Vec<(&'static str, Value)> {
    let read = |path: PathBuf| -> Value {
        let text = fs::read_to_string(&path).expect("it is there");
        serde_json::from_str(&text).expect("it is JSON")
    };
    let mut drawn = Vec::new();
    for file in fs::read_dir(golden().join("slack")).expect("a folder") {
        let readers = read(file.expect("it is readable").path());
        for message in readers.as_object().expect("readers").values() {
            drawn.push(("KnownBlock[]", message["blocks"].clone()));
        }
    }
    for file in ["slack-modals.json", "slack-notices.json"] {
        let views = read(golden().join(file));
        let views = views.as_object().expect("views").values();
        drawn.extend(views.map(|view| ("ModalView", view.clone())));
    }
    drawn
}

/// One line for each value, behind the import.
fn typescript(values: &[(&str, String)]) -> String {
    let mut text = "import type { KnownBlock, ModalView } from '@slack/types';\n".to_owned();
    for (kind, value) in values {
        text.push_str(&format!("({value}) satisfies {kind};\n"));
    }
    text
}

/// Lines of a file about which the compiler complains, and all that it says.
fn complaints(name: &str, text: &str) -> (BTreeSet<usize>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let modules = node_modules();
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).expect("a link");
    fs::write(folder.path().join(name), text).expect("it is writable");
    let output = Command::new("node")
        .arg(modules.join("typescript/bin/tsc"))
        .args(["--noEmit", "--strict", "--skipLibCheck"])
        .args(["--module", "node16", "--target", "es2022"])
        .args(["--pretty", "false", name])
        .current_dir(folder.path())
        .output()
        .expect("it is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = said.lines().filter_map(|line| {
        let place = line.strip_prefix(name)?.strip_prefix('(')?;
        place.split_once(',')?.0.parse().ok()
    });
    let lines: BTreeSet<usize> = lines.collect();
    assert_eq!(output.status.success(), lines.is_empty(), "{said}");
    (lines, said)
}

/// Samples with one defect each.
fn with_a_defect() -> Vec<(&'static str, String)> {
    let section = |run: &str| {
        let section = format!(r#"{{"type":"rich_text_section","elements":[{run}]}}"#);
        format!(r#"{{"type":"rich_text","elements":[{section}]}}"#)
    };
    let words = r#"{"type":"plain_text","text":"x"}"#;
    let blocks = [
        r#"{"type":"unheard"}"#.to_owned(),
        r#"{"type":"header","text":{"type":"mrkdwn","text":"x"}}"#.to_owned(),
        section(r#"{"type":"words","text":"x"}"#),
        section(r#"{"type":"date","timestamp":"1","format":"{time}"}"#),
        r#"{"type":"actions","elements":[{"type":"button"}]}"#.to_owned(),
    ];
    let views = [
        r#"{"type":"modal","blocks":[]}"#.to_owned(),
        format!(r#"{{"type":"modal","title":{words},"submit":"x","blocks":[]}}"#),
        format!(r#"{{"type":"window","title":{words},"blocks":[]}}"#),
    ];
    let blocks = blocks.map(|block| ("KnownBlock[]", format!("[{block}]")));
    let views = views.map(|view| ("ModalView", view));
    blocks.into_iter().chain(views).collect()
}

#[test]
fn slacks_types_fit_every_message_and_modal() {
    let drawn: Vec<_> = drawn()
        .into_iter()
        .map(|(kind, value)| (kind, value.to_string()))
        .collect();
    let (lines, said) = complaints("good.ts", &typescript(&drawn));
    assert!(lines.is_empty(), "{said}");
    let bad = with_a_defect();
    let (lines, said) = complaints("bad.ts", &typescript(&bad));
    // The import is line 1.
    let all: BTreeSet<usize> = (2..bad.len() + 2).collect();
    assert_eq!(lines, all, "{said}");
    let (good, bad) = (drawn.len(), bad.len());
    println!(
        "counted: @slack/types took {good} messages and modals and refused {bad} with a defect"
    );
}
