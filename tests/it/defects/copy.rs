//! A copy of the workspace, in which source is changed and tested. It stays where it is for the
//! next time, and shares the target folder, so that dependencies are built once.
//!
//! Cargo tells packages apart by name, version and place below the root of their workspace, and
//! would take one built here for the real one. So the copy has a version of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::list::{Defect, root};

/// Seconds for the tests of one defect, some ten times what they take.
const PATIENCE: &str = "900";

/// Version of the packages of the copy.
const VERSION: &str = "0.0.0";

/// How tests ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// They all passed.
    Well,
    /// These failed.
    Noticed(Vec<String>),
    /// The source does not compile.
    Unbuilt(String),
    /// Neither: they took too long, or there were none.
    Otherwise(String),
}

/// The copy.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: PathBuf,
    target: PathBuf,
    /// Files that a defect has changed, as they were.
    changed: BTreeMap<String, String>,
}

impl Copy {
    /// A copy of the workspace as it is.
    pub(crate) fn new() -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let target = root().join(target);
        fs::create_dir_all(&target).expect("a target folder");
        let target = target.canonicalize().expect("a target folder");
        let copy = Self {
            folder: target.join("defects"),
            target,
            changed: BTreeMap::new(),
        };
        mirror(&root(), &copy.folder, &copy.target);
        copy.rename();
        copy
    }

    /// Gives the packages another version.
    fn rename(&self) {
        let version = |version: &str| format!("version = \"{version}\"\n");
        let (real, other) = (version(env!("CARGO_PKG_VERSION")), version(VERSION));
        let manifest = self.folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let renamed = text.replacen(&real, &other, 1);
        assert_ne!(renamed, text, "the workspace has no version");
        fs::write(manifest, renamed).expect("the copy can be written");
        let lock = self.folder.join("Cargo.lock");
        let text = fs::read_to_string(&lock).expect("a lock file");
        let packages = text.split("[[package]]\n").map(|package| {
            match package.starts_with("name = \"countersign") {
                true => package.replacen(&real, &other, 1),
                false => package.to_owned(),
            }
        });
        let renamed: Vec<String> = packages.collect();
        fs::write(lock, renamed.join("[[package]]\n")).expect("the copy can be written");
    }

    /// Takes the last defect out, and puts another one in.
    ///
    /// # Errors
    /// Why it does not fit the source.
    pub(crate) fn change(&mut self, defect: &Defect) -> Result<(), String> {
        let write = |folder: &Path, file: &str, text: &str| {
            fs::write(folder.join(file), text).expect("the copy can be written");
        };
        for (file, text) in std::mem::take(&mut self.changed) {
            write(&self.folder, &file, &text);
        }
        for (file, text) in defect.files(&self.folder)? {
            let before = fs::read_to_string(self.folder.join(&file)).expect("a file");
            write(&self.folder, &file, &text);
            self.changed.insert(file, before);
        }
        Ok(())
    }

    /// Builds the tests and runs them, to the end of the first program in which one fails.
    pub(crate) fn test(&self, tests: &[String]) -> Ended {
        let built = self.cargo(tests, &["--no-run"]);
        if !built.status.success() {
            let text = String::from_utf8_lossy(&built.stderr).into_owned();
            let mut lines = text.lines();
            let error = lines.find(|line| line.starts_with("error"));
            return Ended::Unbuilt(error.unwrap_or("cargo says nothing").to_owned());
        }
        let ran = self.cargo(tests, &[]);
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        let failed: Vec<String> = text.lines().filter_map(failed).collect();
        match (ran.status.success(), failed.is_empty()) {
            (true, true) => Ended::Well,
            (false, false) => Ended::Noticed(failed),
            (passed, _) => {
                let error = String::from_utf8_lossy(&ran.stderr).into_owned();
                let last = error.lines().last().unwrap_or_default();
                Ended::Otherwise(format!("no test says so; passed {passed}: {last}"))
            }
        }
    }

    fn cargo(&self, tests: &[String], more: &[&str]) -> Output {
        let mut cargo = Command::new("timeout");
        cargo
            .args([PATIENCE, env!("CARGO"), "test", "--locked", "--offline"])
            .args(tests)
            .args(more)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("COUNTERSIGN_TEST_LONG");
        cargo.output().expect("cargo runs")
    }
}

/// `test a::b ... FAILED` is the test `a::b`.
fn failed(line: &str) -> Option<String> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.to_owned())
}

/// Copies a folder. Files that are the same stay untouched, so that nothing is built anew for them.
fn mirror(from: &Path, to: &Path, target: &Path) {
    fs::create_dir_all(to).expect("the copy can be written");
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let entries = entries.map(|entry| entry.expect("a folder").file_name());
        entries.filter_map(|name| name.into_string().ok()).collect()
    };
    let kept = |name: &String| !name.starts_with('.') && name != "target" && name != "node_modules";
    let here: Vec<String> = names(from).into_iter().filter(kept).collect();
    for gone in names(to).into_iter().filter(|name| !here.contains(name)) {
        let path = to.join(gone);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        removed.expect("the copy can be written");
    }
    for name in here {
        let (old, new) = (from.join(&name), to.join(&name));
        if old.is_dir() {
            if old != target {
                mirror(&old, &new, target);
            }
            continue;
        }
        let text = fs::read(&old).expect("a file");
        if fs::read(&new).ok().as_ref() != Some(&text) {
            fs::write(new, text).expect("the copy can be written");
        }
    }
}
