//! Every moment for every reader, as Slack, Teams and a terminal show it.
//!
//! `COUNTERSIGN_REGENERATE=1 cargo test -p countersign-chatbot --test cards` writes the files anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_chatbot::card::render;
use countersign_chatbot::form::Form;
use countersign_chatbot::{plain, slack, teams};
use serde_json::{Map, Value, json};

use crate::forms::forms;
use crate::scenes::{audiences, life, view};

const COMMAND: &str = "COUNTERSIGN_REGENERATE=1 cargo test -p countersign-chatbot --test cards";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// JSON in which each block or element of a card has a line of its own.
fn pretty(value: &Value) -> String {
    // Whether an object keeps its order depends on what else is built beside this crate.
    let mut value = value.clone();
    value.sort_all_objects();
    format!("{}\n", opened(&value, 0))
}

fn opened(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let (open, members, close) = match value {
        Value::Object(object) if depth < 3 => {
            let members = object.iter().map(|(key, value)| {
                format!(
                    "{indent}  {}: {}",
                    Value::from(key.as_str()),
                    opened(value, depth + 1)
                )
            });
            ('{', members.collect::<Vec<_>>(), '}')
        }
        Value::Array(values) if depth < 3 && !values.is_empty() => {
            let members = values.iter();
            let members = members.map(|value| format!("{indent}  {}", opened(value, 3)));
            ('[', members.collect(), ']')
        }
        value => return value.to_string(),
    };
    format!("{open}\n{}\n{indent}{close}", members.join(",\n"))
}

/// What should be in the folder: paths and contents.
fn wanted() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (moment, case) in life("It went well.") {
        let (mut in_slack, mut in_teams) = (Map::new(), Map::new());
        let mut on_screen = String::new();
        for audience in audiences() {
            let card = render(&view(&case), &moment, &audience);
            let word = audience.word();
            in_slack.insert(word.to_owned(), slack::message::message(&card).json());
            in_teams.insert(word.to_owned(), teams::card::adaptive(&card));
            let (screen, digest) = (plain::card(&card), card.digest());
            on_screen.push_str(&format!("--- {word}, {digest}\n{screen}"));
        }
        let word = moment.word();
        files.push((
            format!("slack/{word}.json"),
            pretty(&Value::Object(in_slack)),
        ));
        files.push((
            format!("teams/{word}.json"),
            pretty(&Value::Object(in_teams)),
        ));
        files.push((format!("text/{word}.txt"), on_screen));
    }
    let draw = |draw: &dyn Fn(&Form) -> Value| {
        let forms = forms().into_iter();
        let drawn = forms.map(|(word, form)| (word.to_owned(), draw(&form)));
        pretty(&Value::Object(drawn.collect()))
    };
    files.push(("slack-modals.json".to_owned(), draw(&slack::modal::view)));
    files.push(("teams-forms.json".to_owned(), draw(&teams::form::adaptive)));
    let others = json!({
        "loading": slack::modal::loading(),
        "notice": slack::modal::notice("Nothing to ask for", "No policy lets you ask."),
    });
    files.push(("slack-notices.json".to_owned(), pretty(&others)));
    files
}

#[test]
fn every_moment_looks_to_every_reader_as_it_did() {
    let regenerate = std::env::var_os("COUNTERSIGN_REGENERATE").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let wanted = wanted();
    for (path, text) in &wanted {
        let file = folder().join(path);
        if regenerate {
            fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
            fs::write(&file, text).expect("it is writable");
        } else if fs::read_to_string(&file).ok().as_deref() != Some(text) {
            wrong.push(path.clone());
        }
    }
    assert!(
        wrong.is_empty(),
        "not as drawn now: {wrong:?}; if that is meant: {COMMAND}"
    );
    let paths: BTreeSet<String> = wanted.into_iter().map(|(path, _)| path).collect();
    for sub in ["slack", "teams", "text"] {
        for entry in fs::read_dir(folder().join(sub)).expect("a folder") {
            let name = entry.expect("it is readable").file_name();
            let path = format!("{sub}/{}", name.to_string_lossy());
            assert!(paths.contains(&path), "{path} is drawn by nothing");
        }
    }
    println!(
        "counted: {} files of cards and forms are as drawn",
        paths.len()
    );
}
