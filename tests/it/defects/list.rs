//! The list of defects, and what each makes of the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace").to_owned()
}

/// A rule, and a change of the source that breaks it.
#[derive(Debug)]
pub(crate) struct Defect {
    pub(crate) rule: String,
    /// Arguments of `cargo test`: those that notice most first, for the others take longer.
    pub(crate) tests: Vec<Vec<String>>,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    file: String,
    before: String,
    after: String,
}

/// Every defect of `tests/defects.toml`.
pub(crate) fn all() -> Vec<Defect> {
    let text = fs::read_to_string(root().join("tests/defects.toml"));
    let text: DocumentMut = text.expect("the list").parse().expect("it is TOML");
    let defects = text["defect"].as_array_of_tables().expect("defects");
    defects.iter().map(Defect::read).collect()
}

/// A text of the list, without the line break before its closing quotes.
fn text(table: &Table, name: &str) -> String {
    let text = table.get(name).and_then(Item::as_str);
    let text = text.expect("a text under every name");
    text.strip_suffix('\n').unwrap_or(text).to_owned()
}

impl Defect {
    fn read(table: &Table) -> Self {
        let tests = table.get("tests").and_then(Item::as_array);
        let tests = tests.map(|tests| {
            let words = tests.iter().filter_map(|word| word.as_str());
            vec![words.map(str::to_owned).collect()]
        });
        let quick = ["table", "bounds", "model"].map(|name| ["--test", name]);
        let usual = [quick.concat(), vec!["--lib", "--tests"]].map(|more| {
            let words = ["-p", "countersign-workflow"].into_iter().chain(more);
            words.map(str::to_owned).collect()
        });
        let changes = table["change"].as_array_of_tables().expect("changes");
        let changes = changes.iter().map(|change| Change {
            file: text(change, "file"),
            before: text(change, "before"),
            after: text(change, "after"),
        });
        Self {
            rule: text(table, "rule"),
            tests: tests.unwrap_or_else(|| usual.into()),
            changes: changes.collect(),
        }
    }

    /// Whether it changes a file with this in its path.
    pub(crate) fn is_about(&self, part: &str) -> bool {
        self.changes.iter().any(|change| change.file.contains(part))
    }

    /// The files that it changes in a folder, as they are then.
    ///
    /// # Errors
    /// A text that is not there exactly once, for the source has moved on.
    pub(crate) fn files(&self, folder: &Path) -> Result<BTreeMap<String, String>, String> {
        let mut files = BTreeMap::new();
        for change in &self.changes {
            let text = match files.remove(&change.file) {
                Some(text) => text,
                None => fs::read_to_string(folder.join(&change.file))
                    .map_err(|error| format!("{}: {}: {error}", self.rule, change.file))?,
            };
            let found = text.matches(&change.before).count();
            if found != 1 || change.before == change.after {
                let line = change.before.lines().next().unwrap_or_default().trim();
                let file = &change.file;
                return Err(format!(
                    "{}: expected {line:?} once in {file}, got {found}",
                    self.rule
                ));
            }
            let text = text.replacen(&change.before, &change.after, 1);
            files.insert(change.file.clone(), text);
        }
        Ok(files)
    }
}
